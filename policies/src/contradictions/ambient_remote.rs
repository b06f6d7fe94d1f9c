//! MW5216: a cluster in ambient mode is served by another cluster's istiod.

use super::found;
use crate::chart_keys::Chart;
use crate::claim::{At, Fact};
use crate::declaration::{DeclarationSpec, DeclaredRole};
use crate::finding::{Findings, Place, Rule, Severity};
use crate::kinds;
use crate::node::{FieldPath, Span};
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

    fn admits(&self) -> bool {
        true
    }

    fn admit(&self, declaration: &DeclarationSpec, object: &At<'_>, findings: &mut Findings) {
        let plane = &declaration.control_plane;
        let Some(primary) = plane.primary.as_ref().filter(|_| plane.role != DeclaredRole::Primary) else {
            return;
        };
        let kind = object.str_at(&["kind"]).unwrap_or_default();
        let name = object.str_at(&["metadata", "name"]).unwrap_or_default();
        let Some(path) = ztunnel(kind, name, |path| object.str_at(path)) else { return };
        let claims = kinds::claims_at(object);
        if !claims.concern(declaration) {
            return;
        }
        let found = object.str_at(path).unwrap_or_default();
        let message = format!(
            "`{}` puts cluster `{}` into ambient mode, which is declared to be served by the istiod of cluster `{}`: Istio does \
             not support that",
            claims.object, declaration.cluster.name, primary.name
        );
        let place = |path: FieldPath| Place { span: Span::NONE, path };
        let label = match declaration.source("controlPlane") {
            Some((file, field)) => format!("declared in `{file}`, `{field}`"),
            None => format!("declared by the mesh `{}`", declaration.mesh.name),
        };
        findings.push(
            RULE.at(place(FieldPath::parse(&path.join("."))), message)
                .found(found)
                .declared(plane.role.as_str(), place("spec.controlPlane.role".into()), label)
                .help("leave the cluster to sidecars, or declare it a primary first")
                .cluster(&declaration.cluster.name)
                .object(claims.object),
        );
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
        cluster.subjects.iter().find_map(|subject| Some((subject, ztunnel_in(subject)?)))
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
fn ztunnel_in(subject: &Manifest) -> Option<FieldPath> {
    if subject.kind.is_empty() {
        let chart = subject.chart_values().into_iter().find(|at| at.chart == Some(Chart::Ztunnel));
        return chart.map(|at| at.path);
    }
    let path = ztunnel(&subject.kind, &subject.name, |path| subject.text(&path.join(".")))?;
    Some(FieldPath::parse(&path.join(".")))
}

/// The field by which an object installs it. `text`: what a field says.
fn ztunnel<T: AsRef<str>>(
    kind: &str,
    name: &str,
    text: impl Fn(&[&str]) -> Option<T>,
) -> Option<&'static [&'static str]> {
    let says = |path: &[&str], is: fn(&str) -> bool| text(path).is_some_and(|text| is(text.as_ref()));
    let is_chart: fn(&str) -> bool = |chart| chart.rsplit('/').next() == Some("ztunnel");
    let (path, installs): (&'static [&'static str], bool) = match kind {
        "ZTunnel" => (&["metadata", "name"], true),
        "DaemonSet" => (&["metadata", "name"], name == "ztunnel"),
        "HelmRelease" => {
            let path = &["spec", "chart", "spec", "chart"];
            (path, says(path, is_chart))
        }
        "Application" => {
            let path = &["spec", "source", "chart"];
            (path, says(path, is_chart))
        }
        "IstioOperator" => {
            let path = &["spec", "profile"];
            (path, says(path, |profile| profile == "ambient"))
        }
        _ => return None,
    };
    installs.then_some(path)
}
