//! MW8050: an entry of `manifests` names nothing.

use std::collections::BTreeSet;

use crate::finding::{Findings, Rule, Severity};
use crate::mesh::Fleet;
use crate::policy::Policy;
use crate::suggest::nearest;

/// MW8050: an entry of `manifests` names nothing.
pub(super) struct NoSuchManifest;

static RULE: Rule = Rule {
    code: "MW8050",
    name: "no-such-manifest",
    severity: Severity::Error,
    title: "`manifests` names a file or directory that holds nothing",
    docs: include_str!("../../docs/MW8050.md"),
};

impl Policy for NoSuchManifest {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn check_fleet(&self, fleet: &Fleet, findings: &mut Findings) {
        for (_, cluster) in fleet.clusters() {
            for carried in cluster.carried.iter().filter(|carried| !carried.exists) {
                let message = format!(
                    "`{}` is no file or directory with manifests below the intent root",
                    carried.path
                );
                let finding = cluster.finding(&RULE, carried.place.clone(), message).found(&carried.path);
                // Every file, and every directory above one.
                let known: BTreeSet<&str> = fleet
                    .files
                    .values()
                    .flat_map(|path| {
                        let ends = path.match_indices('/').map(|(at, _)| at).chain([path.len()]);
                        ends.filter_map(|end| path.get(..end))
                    })
                    .collect();
                findings.push(match nearest(carried.path.as_str(), known) {
                    Some(near) => finding.help(format!("did you mean `{near}`?")),
                    None => finding.help(
                        "paths start at the intent root and lead to `*.yaml` or `*.yml`; names that start with a dot \
                         and rendered trees are not read",
                    ),
                });
            }
        }
    }
}
