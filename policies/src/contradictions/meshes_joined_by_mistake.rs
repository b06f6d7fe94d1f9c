//! MW1204: clusters that are joined have different mesh IDs.

use super::joined;
use crate::claim::Fact;
use crate::finding::{Findings, Rule, Severity};
use crate::policy::Policy;
use crate::repository::Repository;

/// MW1204: clusters that are joined have different mesh IDs.
pub(super) struct MeshesJoinedByMistake;

static RULE: Rule = Rule {
    code: "MW1204",
    name: "joined-clusters-differ-in-mesh-id",
    severity: Severity::Error,
    title: "clusters that are joined have different mesh IDs",
    docs: include_str!("../../docs/MW1204.md"),
};

impl Policy for MeshesJoinedByMistake {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn compare(&self, repository: &Repository, findings: &mut Findings) {
        for (a, b) in repository.links() {
            let (Some(mesh), Some(other)) = (a.mesh_id(), b.mesh_id()) else { continue };
            if mesh == other {
                continue;
            }
            let Some(join) = joined::link(a, b) else { continue };
            let (stated, first) = (b.identities(&Fact::MeshId), a.identities(&Fact::MeshId));
            let (Some(stated), Some(first)) = (stated.first(), first.first()) else { continue };
            let message = format!(
                "{} is of mesh `{other}`, but it is joined to {}, which is of mesh `{mesh}`",
                b.called(),
                a.called()
            );
            let finding = stated.finding(&RULE, message).found(other);
            findings.push(
                finding
                    .related(first.place(), format!("mesh ID `{mesh}` is given here"))
                    .related(join.place, join.label)
                    .help("give all clusters of one mesh one mesh ID, or take the join away")
                    .cluster(&b.name),
            );
        }
    }
}
