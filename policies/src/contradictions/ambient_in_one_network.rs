//! MW5214: ambient istiod of a mesh of several networks knows one only.

use std::collections::BTreeSet;

use crate::claim::{Claims, Fact};
use crate::finding::{Findings, Rule, Severity};
use crate::policy::Policy;
use crate::repository::Repository;
use crate::version::Version;

/// MW5214: ambient istiod of a mesh of several networks knows one only.
pub(super) struct AmbientInOneNetwork;

static RULE: Rule = Rule {
    code: "MW5214",
    name: "ambient-in-one-network",
    severity: Severity::Error,
    title: "ambient istiod of a mesh of several networks knows one only",
    docs: include_str!("../../docs/MW5214.md"),
};

impl Policy for AmbientInOneNetwork {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn compare(&self, repository: &Repository, findings: &mut Findings) {
        for mesh in repository.meshes() {
            let networks: BTreeSet<&str> = mesh.iter().filter_map(|cluster| cluster.network()).collect();
            if networks.len() < 2 {
                continue;
            }
            for cluster in mesh {
                for subject in cluster.subjects.iter().filter(|subject| lacks(&subject.claims)) {
                    let Some(plane) = &subject.claims.plane else { continue };
                    let message = format!(
                        "istiod of {} is not told that its ambient mesh has several networks: {}",
                        cluster.called(),
                        networks.iter().map(|network| format!("`{network}`")).collect::<Vec<_>>().join(", ")
                    );
                    findings.push(
                        subject
                            .finding(&RULE, &plane.path, message)
                            .help(format!("set `{VARIABLE}: \"true\"` among istiod's variables"))
                            .cluster(&cluster.name),
                    );
                }
            }
        }
    }
}

/// Off unless it is set (istio/istio@1.31: `pilot/pkg/features/ambient.go`).
const VARIABLE: &str = "AMBIENT_ENABLE_MULTI_NETWORK";

/// Whether an ambient control plane lacks it. Releases before 1.27 have no multi-network mode to switch on.
fn lacks(claims: &Claims) -> bool {
    let Some(plane) = claims.plane.as_ref().filter(|plane| plane.whole && !plane.is_remote) else {
        return false;
    };
    let ambient = claims.list.iter().any(|claim| claim.fact == Fact::Profile && claim.value == "ambient");
    let version =
        plane.version.as_ref().and_then(|text| text.trim_start_matches('v').parse::<Version>().ok());
    let variable = claims.first(&Fact::IstiodVariable { name: VARIABLE.to_owned() });
    ambient
        && version.is_some_and(|version| version.at_least(1, 27, 0))
        && !variable.is_some_and(|claim| claim.value.eq_ignore_ascii_case("true"))
}
