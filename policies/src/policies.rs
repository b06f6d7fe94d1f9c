//! The registry: one file per policy, one line here.

use crate::policy::Policy;

/// Every policy, in the order of its code, which is the order of the documentation.
pub const POLICIES: &[&dyn Policy] = &[];
