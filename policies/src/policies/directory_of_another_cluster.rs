//! MW8151: a cluster applies the directory of another one.

use crate::claim::{Claims, Fact, Subject};
use crate::declaration::DeclarationSpec;
use crate::finding::{Findings, Rule, Severity};
use crate::judge::{Declared, contradiction};
use crate::policy::Policy;

/// A cluster applies the directory of another one.
pub(super) struct DirectoryOfAnotherCluster;

static RULE: Rule = Rule {
    code: "MW8151",
    name: "directory-of-another-cluster",
    severity: Severity::Error,
    title: "cluster applies the directory of another cluster",
    docs: include_str!("../../docs/MW8151.md"),
};

impl Policy for DirectoryOfAnotherCluster {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn judges(&self) -> bool {
        true
    }

    fn judge(&self, declaration: &DeclarationSpec, claims: &Claims, findings: &mut Findings) {
        for claim in claims.list.iter().filter(|claim| claim.fact == Fact::DeliveredDirectory) {
            let found = claim.value.as_str();
            let own = &declaration.cluster;
            // Directories have the names of the intent; without one of its own, a cluster's ID is its name.
            let is_member = declaration.networks.values().any(|network| {
                network.names.values().any(|name| name.as_str() == found)
                    || network
                        .clusters
                        .iter()
                        .any(|id| id.as_str() == found && !network.names.contains_key(id))
            });
            // What is applied elsewhere says where by its kubeconfig.
            if !is_member || own.name.as_str() == found || claims.subject != Subject::Here {
                continue;
            }
            let message = format!(
                "the directory of cluster `{found}` is applied to cluster `{}`: everything in it is right, and wrong here",
                own.name
            );
            let declared = Declared { value: own.name.to_string(), path: "cluster.id" };
            findings.push(contradiction(&RULE, declaration, claims, claim, message, declared));
        }
    }
}
