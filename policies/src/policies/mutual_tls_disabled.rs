//! MW4157: workloads without mutual TLS, which other networks do not reach.

use crate::claim::{Claim, Claims, Fact};
use crate::declaration::DeclarationSpec;
use crate::fault::{self, Fault};
use crate::finding::{Findings, Rule, Severity};
use crate::policy::Policy;
use crate::repository::{Cluster, Repository};

/// Workloads without mutual TLS, which other networks do not reach.
pub(super) struct MutualTlsDisabled;

static RULE: Rule = Rule {
    code: "MW4157",
    name: "mutual-tls-disabled",
    severity: Severity::Error,
    title: "other networks do not reach workloads without mutual TLS",
    docs: include_str!("../../docs/MW4157.md"),
};

impl Policy for MutualTlsDisabled {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn judges(&self) -> bool {
        true
    }

    fn judge(&self, declaration: &DeclarationSpec, claims: &Claims, findings: &mut Findings) {
        if declaration.networks.len() > 1 {
            let system = declaration.istio.namespace.as_str();
            let domain = declaration.mesh.cluster_domain.as_str();
            fault::judge(&RULE, declaration, claims, faults(claims, system, domain), findings);
        }
    }

    fn compare(&self, repository: &Repository, findings: &mut Findings) {
        for cluster in repository.clusters.iter().filter(|cluster| is_one_of_many_networks(cluster)) {
            let planes = cluster.planes();
            let system = planes.first().copied().unwrap_or("istio-system");
            for subject in &cluster.subjects {
                fault::told(
                    &RULE,
                    cluster,
                    subject,
                    |claims| faults(claims, system, "cluster.local"),
                    findings,
                );
            }
        }
    }
}

/// Whether traffic of other networks enters by a gateway of the cluster.
fn is_one_of_many_networks(cluster: &Cluster) -> bool {
    let entry = |fact: &Fact| matches!(fact, Fact::GatewayNetwork { .. } | Fact::MeshNetworks);
    cluster.subjects.iter().any(|subject| subject.claims.list.iter().any(|claim| entry(&claim.fact)))
}

fn faults<'a>(claims: &'a Claims, system: &str, domain: &str) -> Vec<Fault<'a>> {
    claims.list.iter().filter_map(|claim| fault(claim, system, domain)).collect()
}

/// istio/istio: `pilot/pkg/xds/endpoints/mtls_checker.go`, `ep_filters.go`.
fn fault<'a>(claim: &'a Claim, system: &str, domain: &str) -> Option<Fault<'a>> {
    match &claim.fact {
        Fact::PeerTls { namespace, selected } if claim.value == "DISABLE" => {
            let whole = !selected && namespace == system;
            let who = match (whole, selected) {
                (true, _) => "every workload of the mesh".to_owned(),
                (false, true) => format!("the selected workloads of namespace `{namespace}`"),
                (false, false) => format!("every workload of namespace `{namespace}`"),
            };
            let message = format!("{who} takes no mutual TLS: other networks do not reach it");
            let help = "set the mode to `PERMISSIVE` or `STRICT`; gateways between networks route by the SNI of mutual TLS";
            let fault = Fault::new(claim, message, help);
            // Whether others are meant to reach it is not known.
            Some(if whole { fault } else { fault.warning() })
        }
        Fact::ClientTls { host } if claim.value == "DISABLE" && is_of_the_mesh(host, domain) => {
            let message = format!(
                "`{host}` is called without mutual TLS: its endpoints on other networks are left out"
            );
            let help = "set the mode to `ISTIO_MUTUAL`, or leave it out";
            let last = domain.rsplit('.').next().unwrap_or(domain);
            let every = host == &format!("*.{last}") || host == "*";
            let fault = Fault::new(claim, message, help);
            Some(if every { fault } else { fault.warning() })
        }
        _ => None,
    }
}

/// Hosts of Kubernetes services, all of them or some. A short name is one too.
fn is_of_the_mesh(host: &str, domain: &str) -> bool {
    let last = domain.rsplit('.').next().unwrap_or(domain);
    host == "*"
        || host == format!("*.{last}")
        || host.ends_with(&format!(".svc.{domain}"))
        || !host.contains('.')
}
