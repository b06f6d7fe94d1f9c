//! MW5216: a cluster in ambient mode is served by another cluster's istiod.

use super::found;
use crate::chart_keys::Chart;
use crate::claim::Fact;
use crate::finding::{Findings, Rule, Severity};
use crate::node::FieldPath;
use crate::policy::Policy;
use crate::repository::{Cluster, Manifest, Repository};

/// MW5216: a cluster in ambient mode is served by another cluster's istiod.
pub(super) struct AmbientRemote;

static RULE: Rule = Rule {
    code: "MW5216",
    name: "ambient-remote",
    severity: Severity::Warning,
    title: "cluster in ambient mode is served by another cluster's istiod",
    docs: include_str!("../../docs/MW5216.md"),
};

impl Policy for AmbientRemote {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn compare(&self, repository: &Repository, findings: &mut Findings) {
        for cluster in repository.clusters.iter().filter(|cluster| !cluster.mixed) {
            judge(cluster, findings);
        }
    }
}

fn judge(cluster: &Cluster, findings: &mut Findings) {
    if !found::is_remote(cluster) {
        return;
    }
    let served = |fact: &Fact| *fact == Fact::ControlPlaneAddress;
    let remote = cluster.stated(|subject, fact| {
        served(fact) && subject.claims.plane.as_ref().is_some_and(|plane| plane.is_remote)
    });
    let Some(remote) = remote.first() else { return };
    let Some((subject, path)) =
        cluster.subjects.iter().find_map(|subject| Some((subject, ztunnel(subject)?)))
    else {
        return;
    };
    let message = format!(
        "{} is in ambient mode and has no istiod of its own, which Istio does not support",
        cluster.called()
    );
    findings.push(
        remote
            .finding(&RULE, message)
            .found(&remote.claim.value)
            .related(subject.place(&path), "ambient mode is installed here")
            .help("make it a primary: an istiod of its own, and remote secrets in both directions")
            .cluster(&cluster.name),
    );
}

/// What installs ztunnel, without which no workload is in ambient mode.
fn ztunnel(subject: &Manifest) -> Option<FieldPath> {
    let chart = subject.chart_values().into_iter().find(|at| at.chart == Some(Chart::Ztunnel));
    match subject.kind.as_str() {
        "ZTunnel" => Some(FieldPath::parse("metadata.name")),
        "DaemonSet" if subject.name == "ztunnel" => Some(FieldPath::parse("metadata.name")),
        "HelmRelease" => {
            let path = FieldPath::parse("spec.chart.spec.chart");
            let name = subject.text(&path.to_string())?;
            (name.rsplit('/').next() == Some("ztunnel")).then_some(path)
        }
        "Application" => {
            let path = FieldPath::parse("spec.source.chart");
            let name = subject.text(&path.to_string())?;
            (name.rsplit('/').next() == Some("ztunnel")).then_some(path)
        }
        "IstioOperator" => {
            let path = FieldPath::parse("spec.profile");
            (subject.text(&path.to_string())? == "ambient").then_some(path)
        }
        "" => chart.map(|at| at.path),
        _ => None,
    }
}
