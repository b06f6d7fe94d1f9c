//! MW9150: a subset selects a cluster or network that is not declared.

use crate::claim::{Claims, Fact};
use crate::declaration::DeclarationSpec;
use crate::finding::{Findings, Rule, Severity};
use crate::judge::{Declared, contradiction};
use crate::policy::Policy;
use crate::suggest::nearest;

/// A subset selects a cluster or network that is not declared.
pub(super) struct UnknownSubset;

static RULE: Rule = Rule {
    code: "MW9150",
    name: "unknown-subset",
    severity: Severity::Error,
    title: "subset selects a cluster or network that is not declared",
    docs: include_str!("../../docs/MW9150.md"),
};

impl Policy for UnknownSubset {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn judges(&self) -> bool {
        true
    }

    fn judge(&self, declaration: &DeclarationSpec, claims: &Claims, findings: &mut Findings) {
        for claim in &claims.list {
            let found = claim.value.as_str();
            let (host, what, mut known): (_, _, Vec<&str>) = match &claim.fact {
                Fact::SubsetCluster { host } => {
                    let members = declaration.networks.values().flat_map(|network| &network.clusters);
                    (host, "cluster", members.map(|id| id.as_str()).collect())
                }
                Fact::SubsetNetwork { host } => {
                    (host, "network", declaration.networks.keys().map(|id| id.as_str()).collect())
                }
                _ => continue,
            };
            known.sort_unstable();
            if known.contains(&found)
                || what == "cluster"
                    && (declaration.accepts_cluster_id(found)
                        || known.contains(&declaration.cluster_id_now(found)))
                || what == "network"
                    && (declaration.accepts_network(found)
                        || declaration.networks_named(found).next().is_some())
            {
                continue;
            }
            let message = format!(
                "subset of `{host}` selects {what} `{found}`, which is not declared: it has no endpoint"
            );
            let value = nearest(found, known.iter().copied()).map_or_else(|| known.join(", "), str::to_owned);
            let declared = Declared { value, path: "networks" };
            findings.push(contradiction(&RULE, declaration, claims, claim, message, declared));
        }
    }
}
