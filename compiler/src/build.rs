//! A sound fleet -> the tree of files: render, assemble, judge what was rendered.

use meshwright_policies::finding::Findings;
use meshwright_policies::mesh::Fleet;

use crate::assemble::{AssembleError, assemble};
use crate::compile;
use crate::publish::Tree;
use crate::soundness;

/// Renders the fleet.
///
/// # Errors
/// Findings: objects that are rendered twice, or that their own declaration would refuse.
pub fn build(fleet: &Fleet) -> Result<Tree, Findings> {
    let output = compile::render(fleet);
    let unsound = soundness::check(fleet, &output);
    if unsound.has_errors() {
        return Err(unsound);
    }
    assemble(fleet, output).map_err(|errors| {
        let mut findings = Findings::new();
        findings.extend(errors.iter().map(AssembleError::finding));
        findings
    })
}
