//! `PLAN.md`: the planning form, beside the clusters' directories.

use meshwright_policies::mesh::Fleet;

use crate::artefact::Artefact;
use crate::plan::plan;

/// The planning form.
pub(super) struct Plan;

impl Artefact for Plan {
    fn name(&self) -> &'static str {
        "plan"
    }

    fn page(&self, fleet: &Fleet) -> Option<(String, String)> {
        (!fleet.meshes.is_empty()).then(|| ("PLAN.md".to_owned(), plan(fleet)))
    }
}
