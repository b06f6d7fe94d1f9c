//! MW4201: an east-west gateway whose Service lacks the port at which peers enter.

use crate::claim::Fact;
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

fn judge(cluster: &Cluster, subject: &Manifest, findings: &mut Findings) {
    let list = &subject.claims.list;
    for claim in list {
        let Fact::GatewayPorts { gateway } = &claim.fact else { continue };
        let labelled = list.iter().find(|c| c.fact == Fact::GatewayNetwork { gateway: gateway.clone() });
        let view = list.iter().find(|c| c.fact == Fact::NetworkView { gateway: gateway.clone() });
        // Without the label the entry stands in `meshNetworks`, with any port.
        let east_west = list.iter().find(|c| {
            c.fact == Fact::GatewayLabel { gateway: gateway.clone() } && c.value == "eastwestgateway"
        });
        let Some(because) = labelled.or(view).or(east_west) else { continue };
        let label = list.iter().find(|c| c.fact == Fact::GatewayPortLabel { gateway: gateway.clone() });
        let wanted = label.map_or(DEFAULT, |label| label.value.as_str());
        let has = |port: &str| claim.value.split(',').any(|found| found == port);
        let targets = list.iter().any(|c| {
            matches!(&c.fact, Fact::GatewayTarget { gateway: of, .. } if of == gateway) && c.value == DEFAULT
        });
        let elsewhere = labelled.is_none() && targets;
        if has(wanted) || (label.is_none() && (has(HBONE) || elsewhere)) {
            continue;
        }
        let message = format!(
            "`{gateway}` of {} has ports `{}` and not {wanted}, at which other networks enter",
            cluster.called(),
            claim.value
        );
        let place = subject.place(&label.unwrap_or(because).path);
        findings.push(
            subject
                .finding(&RULE, &claim.path, message)
                .found(&claim.value)
                .related(place, "this makes it an east-west gateway")
                .help(format!("add `{{name: tls, port: {wanted}, targetPort: 15443}}` to the ports"))
                .cluster(&cluster.name),
        );
    }
}
