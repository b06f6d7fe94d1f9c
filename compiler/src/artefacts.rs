//! The registry: one file per rendered artefact, one line here.

use crate::artefact::Artefact;

/// Every artefact, in the order in which they render.
pub const ARTEFACTS: &[&dyn Artefact] = &[];
