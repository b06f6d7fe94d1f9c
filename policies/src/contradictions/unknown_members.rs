//! MW2214: meshNetworks counts no cluster to a network that one is on.

use std::collections::BTreeSet;

use crate::claim::Fact;
use crate::finding::{Findings, Rule, Severity};
use crate::policy::Policy;
use crate::repository::{Repository, Stated};

/// MW2214: meshNetworks counts no cluster to a network that one is on.
pub(super) struct UnknownMembers;

static RULE: Rule = Rule {
    code: "MW2214",
    name: "unknown-members",
    severity: Severity::Warning,
    title: "meshNetworks counts only clusters to a network that the repository does not have",
    docs: include_str!("../../docs/MW2214.md"),
};

impl Policy for UnknownMembers {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn compare(&self, repository: &Repository, findings: &mut Findings) {
        let spelt: BTreeSet<(&str, String)> = repository
            .clusters
            .iter()
            .filter_map(|cluster| Some((cluster.scope.as_str(), plain(cluster.cluster_id()?))))
            .collect();
        for cluster in repository.clusters.iter().filter(|cluster| cluster.is_comparable()) {
            for subject in &cluster.subjects {
                for named in subject.claims.list.iter().filter(|claim| claim.fact == Fact::NamedNetwork) {
                    let network = named.value.as_str();
                    let members = || {
                        let is_its =
                            |fact: &Fact| matches!(fact, Fact::Member { network: own } if own == network);
                        subject.claims.list.iter().filter(move |claim| is_its(&claim.fact))
                    };
                    let Some(first) = members().next() else { continue };
                    let is_known = |id: &str| spelt.contains(&(cluster.scope.as_str(), plain(id)));
                    let homes = repository.on_network(&cluster.scope, network);
                    let home = homes.into_iter().find_map(|home| Some((home, home.cluster_id()?)));
                    let Some((home, id)) = home.filter(|_| !members().any(|claim| is_known(&claim.value)))
                    else {
                        continue;
                    };
                    // Of a cluster that is counted elsewhere MW2206 tells.
                    let elsewhere =
                        |fact: &Fact| matches!(fact, Fact::Member { network: own } if own != network);
                    if subject.claims.list.iter().any(|claim| elsewhere(&claim.fact) && claim.value == id) {
                        continue;
                    }
                    let found = &first.value;
                    let message = format!(
                        "`fromRegistry: {found}` is the ID of no cluster here, while {} on `{network}` has the ID `{id}`",
                        home.called()
                    );
                    let mut finding = Stated { subject, claim: first }.finding(&RULE, message).found(found);
                    if let Some(own) = home.identities(&Fact::ClusterId).first() {
                        finding = finding.related(own.place(), format!("`{id}` stands here"));
                    }
                    findings.push(finding.help(format!("write `{id}`")).cluster(&cluster.name));
                }
            }
        }
    }
}

/// An ID as it is compared with others, to the letter or nearly (MW2211).
fn plain(id: &str) -> String {
    id.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}
