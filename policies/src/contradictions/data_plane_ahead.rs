//! MW6250: proxies and control planes of releases that do not go together.

use crate::finding::{Findings, Rule, Severity};
use crate::node::FieldPath;
use crate::policy::Policy;
use crate::repository::{Cluster, Manifest, Repository};
use crate::version::Version;

/// MW6250: proxies and control planes of releases that do not go together.
pub(super) struct DataPlaneAhead;

static RULE: Rule = Rule {
    code: "MW6250",
    name: "data-plane-ahead",
    severity: Severity::Warning,
    title: "releases of Istio in one cluster or fleet do not go together",
    docs: include_str!("../../docs/MW6250.md"),
};

impl Policy for DataPlaneAhead {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn compare(&self, repository: &Repository, findings: &mut Findings) {
        for cluster in repository.clusters.iter().filter(|cluster| !cluster.mixed) {
            within(cluster, findings);
        }
        for mesh in repository.meshes() {
            between(&mesh, findings);
        }
    }
}

/// A release that a document installs.
#[derive(Clone)]
struct Installed<'a> {
    subject: &'a Manifest,
    path: FieldPath,
    version: Version,
    what: &'static str,
}

const CONTROL_PLANE: &str = "istiod";

/// istio/istio.io: "Supported releases": proxies may be one minor behind their control plane, never ahead.
fn within(cluster: &Cluster, findings: &mut Findings) {
    let all: Vec<Installed<'_>> = cluster.subjects.iter().flat_map(installed).collect();
    let control: Vec<&Installed<'_>> = all.iter().filter(|one| one.what == CONTROL_PLANE).collect();
    // Two control planes side by side are an upgrade; which one serves whom is not known.
    let [control] = control.as_slice() else { return };
    for proxy in all.iter().filter(|one| one.what != CONTROL_PLANE) {
        let (own, other) = (proxy.version.minor(), control.version.minor());
        let effect = if own > other {
            "ahead of"
        } else if own.0 == other.0 && other.1 - own.1 > 1 {
            "more than one minor behind"
        } else {
            continue;
        };
        let message =
            format!("{} {} is {effect} istiod {} of its cluster", proxy.what, proxy.version, control.version);
        let help = if own > other { "upgrade istiod first" } else { "upgrade it before istiod goes further" };
        findings.push(
            proxy
                .subject
                .finding(&RULE, &proxy.path, message)
                .found(&proxy.version)
                .related(control.subject.place(&control.path), "istiod's release is here")
                .help(help)
                .cluster(&cluster.name),
        );
    }
}

/// Control planes of one mesh upgrade one minor at a time.
fn between(clusters: &[&Cluster], findings: &mut Findings) {
    let planes: Vec<(&Cluster, Installed<'_>)> = clusters
        .iter()
        .filter_map(|cluster| {
            let own = cluster.subjects.iter().flat_map(installed).find(|one| one.what == CONTROL_PLANE)?;
            Some((*cluster, own))
        })
        .collect();
    let Some((other, newest)) = planes.iter().max_by_key(|(_, plane)| plane.version.minor()) else { return };
    for (cluster, plane) in &planes {
        let (old, new) = (plane.version.minor(), newest.version.minor());
        if old.0 != new.0 || new.1 - old.1 <= 1 {
            continue;
        }
        let message = format!(
            "istiod {} and {} of {} are more than one minor apart",
            plane.version,
            newest.version,
            other.called()
        );
        findings.push(
            plane
                .subject
                .finding(&RULE, &plane.path, message)
                .found(&plane.version)
                .related(newest.subject.place(&newest.path), format!("{} has it", other.called()))
                .help(format!("upgrade to {}.{} first", old.0, old.1 + 1))
                .cluster(&cluster.name),
        );
    }
}

fn installed(subject: &Manifest) -> Vec<Installed<'_>> {
    let at = |what: &'static str, path: &str| {
        let version = subject.text(path)?.parse::<Version>().ok()?;
        Some(Installed { subject, path: FieldPath::parse(path), version, what })
    };
    let chart = |name: &str| match name.rsplit('/').next().unwrap_or(name) {
        "istiod" => Some(CONTROL_PLANE),
        "gateway" => Some("gateway"),
        "ztunnel" => Some("ztunnel"),
        _ => None,
    };
    let found = match subject.kind.as_str() {
        "HelmRelease" => {
            let istios =
                subject.text("spec.chart.spec.sourceRef.name").is_some_and(|name| name.contains("istio"));
            let what = subject.text("spec.chart.spec.chart").and_then(|name| chart(&name));
            what.filter(|what| istios || *what == CONTROL_PLANE)
                .and_then(|what| at(what, "spec.chart.spec.version"))
        }
        "Application" => {
            let istios = subject.text("spec.source.repoURL").is_some_and(|url| url.contains("istio"));
            let what = subject.text("spec.source.chart").and_then(|name| chart(&name));
            what.filter(|_| istios).and_then(|what| at(what, "spec.source.targetRevision"))
        }
        "Istio" => at(CONTROL_PLANE, "spec.version"),
        "ZTunnel" => at("ztunnel", "spec.version"),
        _ => None,
    };
    found.into_iter().collect()
}
