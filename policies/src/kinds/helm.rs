//! Helm releases of Istio's charts: Flux's `HelmRelease` and Argo CD's `Application`.

use super::{Kind, Mark, Reach, values};
use crate::claim::{At, Claims, Subject};

/// The charts of which [`chart_values`] reads values. Releases of other charts, this program's among them, are nobody's
/// business here: they are not asked about, so that they can be mended whatever happens.
macro_rules! charts {
    () => {
        "matches('(^|/)(base|istiod|istiod-remote|gateway)$')"
    };
}

const RELEASES: &[Mark] = &[Mark::Expression(concat!(
    "has(self.spec) && has(self.spec.chart) && has(self.spec.chart.spec) && has(self.spec.chart.spec.chart) && ",
    "self.spec.chart.spec.chart.",
    charts!()
))];

const APPLICATIONS: &[Mark] = &[
    Mark::Expression(concat!(
        "has(self.spec) && has(self.spec.source) && has(self.spec.source.chart) && self.spec.source.chart.",
        charts!()
    )),
    Mark::Expression(concat!(
        "has(self.spec) && has(self.spec.sources) && self.spec.sources.exists(s, has(s.chart) && s.chart.",
        charts!(),
        ")"
    )),
];

/// `helm.toolkit.fluxcd.io/HelmRelease`. Values from ConfigMaps and Secrets are not in the object.
pub(super) struct HelmRelease;

/// `argoproj.io/Application`, with one source or several. Values as text and files are not read.
pub(super) struct Application;

impl Kind for HelmRelease {
    fn group(&self) -> &'static str {
        "helm.toolkit.fluxcd.io"
    }

    fn kind(&self) -> &'static str {
        "HelmRelease"
    }

    fn plural(&self) -> &'static str {
        "helmreleases"
    }

    fn reach(&self) -> Reach {
        Reach::Marked(RELEASES)
    }

    fn claims(&self, object: &At<'_>, claims: &mut Claims) {
        let Some(spec) = object.get("spec") else { return };
        if spec.get("kubeConfig").is_some() {
            claims.subject = Subject::Elsewhere;
        }
        let Some(values) = spec.get("values") else { return };
        let chart = spec.get("chart");
        let chart = chart.as_ref().and_then(|chart| chart.get("spec"));
        let chart = chart.as_ref().and_then(|chart| chart.text_of("chart")).unwrap_or_default();
        let release = spec.text_of("releaseName").unwrap_or_else(|| name(object));
        chart_values(&chart, &values, &release, claims);
    }
}

impl Kind for Application {
    fn group(&self) -> &'static str {
        "argoproj.io"
    }

    fn kind(&self) -> &'static str {
        "Application"
    }

    fn plural(&self) -> &'static str {
        "applications"
    }

    fn reach(&self) -> Reach {
        Reach::Marked(APPLICATIONS)
    }

    fn claims(&self, object: &At<'_>, claims: &mut Claims) {
        let Some(spec) = object.get("spec") else { return };
        if let Some(destination) = spec.get("destination") {
            claims.subject = subject(&destination);
        }
        if let Some(source) = spec.get("source") {
            self::source(&source, &name(object), claims);
        }
        if let Some(sources) = spec.get("sources") {
            for source in sources.items() {
                self::source(&source, &name(object), claims);
            }
        }
    }
}

/// Argo CD calls its own cluster `in-cluster` (argoproj/argo-cd: `pkg/apis/application/v1alpha1/types.go`).
fn subject(destination: &At<'_>) -> Subject {
    match (destination.text_of("name"), destination.text_of("server")) {
        (Some(name), _) if name == "in-cluster" => Subject::Here,
        (_, Some(server)) if server.starts_with("https://kubernetes.default.svc") => Subject::Here,
        (Some(name), _) if !name.is_empty() => Subject::Cluster(name),
        (_, Some(_)) => Subject::Elsewhere,
        _ => Subject::Here,
    }
}

fn source(source: &At<'_>, name: &str, claims: &mut Claims) {
    let Some(helm) = source.get("helm") else { return };
    let Some(values) = helm.get("valuesObject") else { return };
    let release = helm.text_of("releaseName").unwrap_or_else(|| name.to_owned());
    chart_values(&source.text_of("chart").unwrap_or_default(), &values, &release, claims);
}

fn name(object: &At<'_>) -> String {
    object.get("metadata").and_then(|metadata| metadata.text_of("name")).unwrap_or_default()
}

/// By the chart's name; in a registry it is the last part of a path.
fn chart_values(chart: &str, values: &At<'_>, release: &str, claims: &mut Claims) {
    match chart.rsplit('/').next().unwrap_or(chart) {
        "base" | "istiod" | "istiod-remote" => values::istiod(values, claims),
        "gateway" => values::gateway(values, release, claims),
        _ => {}
    }
}
