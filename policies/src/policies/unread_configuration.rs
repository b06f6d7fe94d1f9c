//! MW4156: a cluster that is served by another one's istiod holds configuration of Istio.

use crate::claim::{Claims, Fact, ServerPart};
use crate::declaration::{DeclarationSpec, DeclaredRole};
use crate::finding::{Findings, Rule, Severity};
use crate::judge::{Declared, contradiction};
use crate::policy::Policy;
use crate::repository::{Cluster, Repository, Stated};

/// A cluster that is served by another one's istiod holds configuration of Istio.
pub(super) struct UnreadConfiguration;

static RULE: Rule = Rule {
    code: "MW4156",
    name: "unread-configuration",
    severity: Severity::Warning,
    title: "Gateway between networks lies in a cluster whose configuration no istiod reads",
    docs: include_str!("../../docs/MW4156.md"),
};

impl Policy for UnreadConfiguration {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn judges(&self) -> bool {
        true
    }

    fn judge(&self, declaration: &DeclarationSpec, claims: &Claims, findings: &mut Findings) {
        if declaration.control_plane.role != DeclaredRole::Remote {
            return;
        }
        let primary = declaration.control_plane.primary.as_ref().map(|primary| primary.name.as_str());
        for claim in claims.list.iter().filter(|claim| lets_in(&claim.fact)) {
            let message = format!(
                "istiod of `{}` does not read this Gateway: a cluster that it serves has its configuration there",
                primary.unwrap_or("another cluster")
            );
            let declared = Declared { value: String::new(), path: "controlPlane" };
            let mut finding = contradiction(&RULE, declaration, claims, claim, message, declared);
            let home = primary.map_or("the cluster whose istiod serves this one".to_owned(), |primary| {
                format!("cluster `{primary}`")
            });
            finding.help = Some(format!("create it in {home}{}", there(&claim.fact)));
            findings.push(finding);
        }
    }

    fn compare(&self, repository: &Repository, findings: &mut Findings) {
        for cluster in repository.clusters.iter().filter(|cluster| cluster.named && !cluster.mixed) {
            let Some(remote) = served_elsewhere(cluster) else { continue };
            for stated in cluster.stated(|_, fact| lets_in(fact)) {
                let message = format!(
                    "no istiod reads this Gateway: {} is served by another cluster's",
                    cluster.called()
                );
                let finding = stated.finding(&RULE, message);
                findings.push(
                    finding
                        .related(remote.place(), "its istiod is there")
                        .help(format!(
                            "create it in the cluster whose istiod serves this one{}",
                            there(&stated.claim.fact)
                        ))
                        .cluster(&cluster.name),
                );
            }
        }
    }
}

/// What it does there.
fn there(fact: &Fact) -> &'static str {
    match fact {
        Fact::RemoteNetwork { .. } => "",
        _ => ", where it opens the gateways of both",
    }
}

fn lets_in(fact: &Fact) -> bool {
    match fact {
        Fact::Exposure { server, part: ServerPart::Mode } => server.lets_in(),
        // Of class `istio-remote`, which is read in the configuration cluster only (istio/istio@1.30:
        // `pilot/pkg/serviceregistry/kube/controller/network.go`).
        Fact::RemoteNetwork { .. } => true,
        _ => false,
    }
}

/// What says that the istiod of another cluster serves this one, when nothing makes it that istiod's configuration cluster
/// and it runs none of its own.
fn served_elsewhere(cluster: &Cluster) -> Option<Stated<'_>> {
    // What Mspider's objects say is about the clusters of a hosted mesh, whose configuration lies elsewhere anyway.
    let own = |subject: &crate::repository::Manifest| !subject.is_of_platform();
    let stated = cluster.stated(|subject, fact| *fact == Fact::ControlPlaneAddress && own(subject));
    let config =
        |path: &str| cluster.subjects.iter().any(|subject| subject.text(path).as_deref() == Some("true"));
    let paths =
        ["spec.values.global.configCluster", "global.configCluster", "spec.values.global.externalIstiod"];
    let planes: usize = cluster
        .subjects
        .iter()
        .filter(|subject| {
            let list = &subject.claims.list;
            let configures = list.iter().any(|claim| claim.fact == Fact::ClusterId && !claim.part);
            configures && !list.iter().any(|claim| claim.fact == Fact::ControlPlaneAddress)
        })
        .filter(|subject| {
            !subject.claims.list.iter().any(|claim| matches!(claim.fact, Fact::GatewayPorts { .. }))
        })
        .count();
    stated.into_iter().next().filter(|_| planes == 0 && !paths.into_iter().any(config))
}
