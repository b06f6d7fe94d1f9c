//! MW4201: an east-west gateway whose Service lacks the port at which peers enter.

use crate::claim::{Claim, Fact};
use crate::finding::{Findings, Rule, Severity};
use crate::policy::Policy;
use crate::repository::{Cluster, Manifest, Repository};

/// MW4201: an east-west gateway whose Service lacks the port at which peers enter.
pub(super) struct GatewayWithoutMeshPort;

static RULE: Rule = Rule {
    code: "MW4201",
    name: "gateway-without-mesh-port",
    severity: Severity::Error,
    title: "Service of an east-west gateway lacks the port at which peers enter",
    docs: include_str!("../../docs/MW4201.md"),
};

/// The port of a labelled gateway unless a label says another, and the one of ambient mode
/// (istio/istio@1.30: `pilot/pkg/serviceregistry/kube/controller/network.go`).
const DEFAULT: &str = "15443";
const HBONE: &str = "15008";

impl Policy for GatewayWithoutMeshPort {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn compare(&self, repository: &Repository, findings: &mut Findings) {
        for cluster in &repository.clusters {
            for subject in &cluster.subjects {
                judge(cluster, subject, findings);
            }
        }
    }
}

/// A gateway that peers enter at a port which its Service does not have.
struct Lack<'a> {
    gateway: &'a str,
    ports: &'a Claim,
    wanted: &'a str,
    because: &'a Claim,
}

fn lack<'a>(list: &'a [Claim], ports: &'a Claim) -> Option<Lack<'a>> {
    let Fact::GatewayPorts { gateway } = &ports.fact else { return None };
    let labelled = list.iter().find(|c| c.fact == Fact::GatewayNetwork { gateway: gateway.clone() });
    let view = list.iter().find(|c| c.fact == Fact::NetworkView { gateway: gateway.clone() });
    // Without the label the entry stands in `meshNetworks`, with any port.
    let east_west = list
        .iter()
        .find(|c| c.fact == Fact::GatewayLabel { gateway: gateway.clone() } && c.value == "eastwestgateway");
    let because = labelled.or(view).or(east_west)?;
    let label = list.iter().find(|c| c.fact == Fact::GatewayPortLabel { gateway: gateway.clone() });
    let wanted = label.map_or(DEFAULT, |label| label.value.as_str());
    let has = |port: &str| ports.value.split(',').any(|found| found == port);
    let targets = list.iter().any(|c| {
        matches!(&c.fact, Fact::GatewayTarget { gateway: of, .. } if of == gateway) && c.value == DEFAULT
    });
    let elsewhere = labelled.is_none() && targets;
    let is_there = has(wanted) || (label.is_none() && (has(HBONE) || elsewhere));
    (!is_there).then(|| Lack { gateway, ports, wanted, because: label.unwrap_or(because) })
}

/// Whether a Service with these ports is found to lack this one.
pub(super) fn is_lacking(list: &[Claim], ports: &Claim, port: &str) -> bool {
    lack(list, ports).is_some_and(|lack| lack.wanted == port)
}

fn judge(cluster: &Cluster, subject: &Manifest, findings: &mut Findings) {
    let list = &subject.claims.list;
    for Lack { gateway, ports, wanted, because } in list.iter().filter_map(|claim| lack(list, claim)) {
        let message = format!(
            "`{gateway}` of {} has ports `{}` and not {wanted}, at which other networks enter",
            cluster.called(),
            ports.value
        );
        findings.push(
            subject
                .finding(&RULE, &ports.path, message)
                .found(&ports.value)
                .related(subject.place(&because.path), "this makes it an east-west gateway")
                .help(format!("add `{{name: tls, port: {wanted}, targetPort: 15443}}` to the ports"))
                .cluster(&cluster.name),
        );
    }
}
