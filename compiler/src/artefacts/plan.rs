//! `PLAN.md`: the planning form, beside the clusters' directories.

use meshwright_policies::mesh::Fleet;

use crate::artefact::{Artefact, Output};
use crate::plan::plan;

/// The planning form.
pub(super) struct Plan;

impl Artefact for Plan {
    fn name(&self) -> &'static str {
        "plan"
    }

    fn render_fleet(&self, fleet: &Fleet, out: &mut Output) {
        if !fleet.meshes.is_empty() {
            out.file("PLAN.md", plan(fleet));
        }
    }
}
