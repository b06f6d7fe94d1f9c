//! Helm releases of Istio's charts: Flux's `HelmRelease`, Argo CD's `Application` and `ApplicationSet`.

use super::layers::Layers;
use super::{Kind, Mark, Reach, rewriting, values};
use crate::claim::{At, Claims, Subject};

/// The charts of which values are read. Releases of other charts, this program's among them, are nobody's
/// business here: they are not asked about, so that they can be mended whatever happens.
macro_rules! is_chart {
    ($field:literal) => {
        concat!(
            "(",
            $field,
            " in ['base', 'istiod', 'istiod-remote', 'gateway', 'ztunnel'] || ",
            "['/base', '/istiod', '/istiod-remote', '/gateway', '/ztunnel'].exists(name, ",
            $field,
            ".endsWith(name)))"
        )
    };
}

const RELEASES: &[Mark] = &[
    Mark::Expression(concat!(
        "has(self.spec) && has(self.spec.chart) && has(self.spec.chart.spec) && has(self.spec.chart.spec.chart) && ",
        is_chart!("self.spec.chart.spec.chart")
    )),
    Mark::Expression(concat!(
        "has(self.spec) && has(self.spec.chartRef) && has(self.spec.chartRef.name) && ",
        is_chart!("self.spec.chartRef.name")
    )),
];

const APPLICATIONS: &[Mark] = &[
    Mark::Expression(concat!(
        "has(self.spec) && has(self.spec.source) && has(self.spec.source.chart) && ",
        is_chart!("self.spec.source.chart")
    )),
    Mark::Expression(concat!(
        "has(self.spec) && has(self.spec.sources) && self.spec.sources.exists(source, has(source.chart) && ",
        is_chart!("source.chart"),
        ")"
    )),
];

/// `helm.toolkit.fluxcd.io/HelmRelease`. Values from ConfigMaps and Secrets are not in the object.
pub(super) struct HelmRelease;
/// `argoproj.io/Application`, with one source or several. Values from files are not in the object.
pub(super) struct Application;
/// `argoproj.io/ApplicationSet`: the template of its applications, which are judged themselves when they are made.
pub(super) struct ApplicationSet;

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
        let chart = spec.text_at(&["chart", "spec", "chart"]);
        let chart = chart.or_else(|| spec.text_at(&["chartRef", "name"])).unwrap_or_default();
        let release = spec.text_of("releaseName").unwrap_or_else(|| name(object));
        values::of_chart(&chart, &values, &release, claims);
        let elsewhere = spec.get("valuesFrom");
        let elsewhere = elsewhere.iter().flat_map(At::items);
        let targets: Vec<Option<String>> = elsewhere.map(|from| from.text_of("targetPath")).collect();
        for target in targets.iter().flatten() {
            values::drop_below(claims, &values.path(), target);
        }
        if let Some(plane) = &mut claims.plane {
            let own = || object.text_at(&["metadata", "namespace"]);
            plane.release_namespace = spec.text_of("targetNamespace").or_else(own);
            plane.namespace = plane.namespace.take().or_else(|| plane.release_namespace.clone());
            plane.version = spec.text_at(&["chart", "spec", "version"]);
            plane.whole = targets.is_empty() && spec.get("postRenderers").is_none();
        }
        if values::chart_named(&chart).is_some() {
            rewriting::post_renderers(&spec, claims);
        }
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
        object.with(&["spec"], |spec| application(spec, &name(object), claims));
    }
}

impl Kind for ApplicationSet {
    fn group(&self) -> &'static str {
        "argoproj.io"
    }

    fn kind(&self) -> &'static str {
        "ApplicationSet"
    }

    fn plural(&self) -> &'static str {
        "applicationsets"
    }

    fn claims(&self, object: &At<'_>, claims: &mut Claims) {
        object.with(&["spec", "template", "spec"], |spec| application(spec, &name(object), claims));
        // A generator says which clusters its applications go to.
        if claims.subject != Subject::Here {
            claims.subject = Subject::Elsewhere;
        }
    }
}

fn application(spec: &At<'_>, name: &str, claims: &mut Claims) {
    let destination = spec.get("destination");
    if let Some(destination) = &destination {
        claims.subject = subject(destination);
    }
    spec.with(&["source"], |source| self::source(source, name, claims));
    spec.with(&["sources"], |sources| {
        sources.items().for_each(|source| self::source(&source, name, claims));
    });
    if let Some(plane) = &mut claims.plane {
        plane.release_namespace = destination.and_then(|destination| destination.text_of("namespace"));
        plane.namespace = plane.namespace.take().or_else(|| plane.release_namespace.clone());
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

/// Files come before text, text before the object, the object before single parameters (argoproj/argo-cd:
/// `docs/user-guide/helm.md`).
fn source(source: &At<'_>, name: &str, claims: &mut Claims) {
    if let Some(kustomize) = source.get("kustomize")
        && let Some(patches) = kustomize.get("patches")
    {
        rewriting::patches(&patches, "kustomize.patches", claims);
    }
    let Some(helm) = source.get("helm") else { return };
    let release = helm.text_of("releaseName").filter(|name| !name.is_empty());
    let release = release.unwrap_or_else(|| name.to_owned());
    let chart = source.text_of("chart").or_else(|| source.text_of("path")).unwrap_or_default();
    let text = helm.get("values").filter(At::is_map);
    let object = helm.get("valuesObject").filter(At::is_map);
    let parameters = helm.get("parameters");
    match (&text, &object, &parameters) {
        (Some(only), None, None) | (None, Some(only), None) => {
            values::of_chart(&chart, only, &release, claims);
        }
        _ => {
            let mut layers = Layers::default();
            [&text, &object].into_iter().flatten().for_each(|values| layers.lay(values));
            for parameter in parameters.iter().flat_map(At::items) {
                if let (Some(name), Some(value)) = (parameter.text_of("name"), parameter.get("value")) {
                    layers.set(&name, &value);
                }
            }
            if !layers.is_empty() {
                layers.read(claims, |at, claims| values::of_chart(&chart, at, &release, claims));
            }
        }
    }
    let is_set = |key: &str| helm.get(key).is_some();
    if let Some(plane) = &mut claims.plane {
        plane.version = plane.version.take().or_else(|| source.text_of("targetRevision"));
        plane.whole &= !is_set("valueFiles") && !is_set("fileParameters");
    }
}

fn name(object: &At<'_>) -> String {
    object.text_at(&["metadata", "name"]).unwrap_or_default()
}
