//! MW8201: a value that no chart reads.

use std::collections::{BTreeMap, BTreeSet};

use crate::chart_keys::{Chart, UnknownKey, unknown_keys, unknown_mesh_config_keys};
use crate::claim::At;
use crate::declaration::DeclarationSpec;
use crate::finding::{Finding, Findings, Place, Rule, Severity};
use crate::node::{FieldPath, Node, Step};
use crate::policy::Policy;
use crate::repository::{Manifest, Repository, ValuesAt, has_placeholder};
use crate::suggest::nearest;
use crate::support::{OLDEST, RELEASES};
use crate::version::{Minor, Version};

/// MW8201: a value that no chart reads.
pub(super) struct MisspeltValue;

static RULE: Rule = Rule {
    code: "MW8201",
    name: "value-read-by-nobody",
    severity: Severity::Warning,
    title: "a key of values or of an IstioOperator is read by nobody",
    docs: include_str!("../../docs/MW8201.md"),
};

/// Keys of `spec` of an IstioOperator (istio/istio@1.23: `operator/pkg/apis/istio/v1alpha1/types.proto`).
const OPERATOR: &[&str] = &[
    "addonComponents",
    "compatibilityVersion",
    "components",
    "defaultRevision",
    "hub",
    "installPackagePath",
    "meshConfig",
    "namespace",
    "profile",
    "resourceSuffix",
    "revision",
    "tag",
    "unvalidatedValues",
    "values",
];

impl Policy for MisspeltValue {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn admit(&self, declaration: &DeclarationSpec, object: &At<'_>, findings: &mut Findings) {
        let kind = object.str_at(&["kind"]).unwrap_or_default();
        if !["Application", "HelmRelease", "IstioOperator"].contains(&kind) {
            return;
        }
        let subject = Manifest::without_claims(object);
        let mut found = Findings::new();
        judge(declaration.cluster.name.as_str(), &subject, Some(&declaration.istio.version), &mut found);
        // It has no effect, good or bad.
        for mut finding in found {
            finding.severity = Severity::Warning;
            // The field stands before it, and clients cut long warnings off.
            let near = finding.help.as_deref().filter(|help| help.starts_with("did you mean"));
            finding.message = match near {
                Some(near) => format!("nobody reads it: {near}"),
                None => "nobody reads it".to_owned(),
            };
            findings.push(finding);
        }
    }

    fn admits(&self) -> bool {
        true
    }

    fn compare(&self, repository: &Repository, findings: &mut Findings) {
        // What several clusters take in, or an ApplicationSet makes, is written once.
        let mut told = BTreeSet::new();
        for cluster in &repository.clusters {
            for subject in &cluster.subjects {
                let mut found = Findings::new();
                judge(&cluster.name, subject, None, &mut found);
                let is_new = |finding: &Finding| told.insert((finding.place.span, finding.message.clone()));
                findings.extend(found.into_iter().filter(is_new));
            }
        }
    }
}

/// `declared`: the release where the object names none.
fn judge(cluster: &str, subject: &Manifest, declared: Option<&Version>, findings: &mut Findings) {
    for at in subject.chart_values() {
        values(cluster, subject, &at, declared, findings);
    }
    if subject.kind == "IstioOperator" {
        operator(cluster, subject, findings);
        let path = FieldPath::parse("spec.meshConfig");
        if let Some(config) = subject.document.at(&path) {
            let tag: Option<Version> = subject.text("spec.tag").and_then(|text| text.parse().ok());
            mesh_config(cluster, subject, &path, config, tag.as_ref().or(declared), findings);
        }
    }
}

fn values(
    cluster: &str,
    subject: &Manifest,
    at: &ValuesAt<'_>,
    declared: Option<&Version>,
    findings: &mut Findings,
) {
    let Some(chart) = at.chart.filter(|chart| is_istios(subject, *chart)) else { return };
    let json = at.values.to_json();
    let version = at.version.as_ref().or(declared);
    let (unknown, release) = match version {
        // Of what older releases knew there is no list.
        Some(version) if version.minor() < OLDEST => return,
        Some(version) => (unknown_keys(chart, version.minor(), &json), format!(" {version}")),
        None => (unknown_everywhere(|minor| unknown_keys(chart, minor, &json)), String::new()),
    };
    // Every chart is given the revision of its mesh, by Istio's own samples too, whether it reads one or not.
    let is_revision = |key: &UnknownKey| key.path == "revision".into() && key.known_in.is_some();
    let what = if chart == Chart::Operator { "the typed values" } else { "this chart" };
    let no = format!("value of {what} of Istio{release}");
    for key in unknown.iter().filter(|key| !is_revision(key)) {
        report(cluster, subject, &at.path, key, &no, findings);
    }
    if matches!(chart, Chart::Operator | Chart::Istiod | Chart::IstiodRemote)
        && let Some(config) = at.values.get("meshConfig")
    {
        mesh_config(cluster, subject, &at.path.clone().key("meshConfig"), config, version, findings);
    }
}

/// Keys of istiod's mesh configuration, which leaves unknown ones out in silence.
fn mesh_config(
    cluster: &str,
    subject: &Manifest,
    path: &FieldPath,
    config: &Node,
    version: Option<&Version>,
    findings: &mut Findings,
) {
    let json = config.to_json();
    let (unknown, release) = match version {
        Some(version) if version.minor() < OLDEST => return,
        Some(version) => (unknown_mesh_config_keys(version.minor(), &json), format!(" {version}")),
        None => (unknown_everywhere(|minor| unknown_mesh_config_keys(minor, &json)), String::new()),
    };
    let no = format!("field of the mesh configuration of Istio{release}");
    for key in &unknown {
        report(cluster, subject, path, key, &no, findings);
    }
}

fn report(
    cluster: &str,
    subject: &Manifest,
    at: &FieldPath,
    key: &UnknownKey,
    no: &str,
    findings: &mut Findings,
) {
    if has_placeholder(&key.path.to_string()) {
        return;
    }
    let message = format!("`{}` is no {no}: it has no effect", key.path);
    let help = match (&key.suggestion, &key.known_in) {
        (_, Some((first, last))) if first == last => format!("it is known in Istio {first} only"),
        (_, Some((first, last))) => format!("it is known in Istio {first} to {last}"),
        (Some(near), None) => format!("did you mean `{near}`?"),
        (None, None) => "remove it, or set what it was meant for where it is read".to_owned(),
    };
    let mut finding = key_finding(subject, &key.path.under(at), message);
    // Written for another release, it is no slip of the hand.
    if key.suggestion.is_some() && key.known_in.is_none() {
        finding.severity = Severity::Error;
    }
    findings.push(finding.found(&key.path).help(help).cluster(cluster));
}

/// Unknown to every release, and near to a key that is known: which one reads the values is not written.
fn unknown_everywhere(unknown: impl Fn(Minor) -> Vec<UnknownKey>) -> Vec<UnknownKey> {
    let mut newest = Vec::new();
    let mut paths: BTreeMap<FieldPath, usize> = BTreeMap::new();
    for release in RELEASES {
        newest = unknown(release.istio);
        if newest.is_empty() {
            return newest;
        }
        for key in &newest {
            *paths.entry(key.path.clone()).or_default() += 1;
        }
    }
    // What looks like no other key may be one of a release that is older than all of these.
    newest.retain(|key| {
        paths.get(&key.path) == Some(&RELEASES.len()) && key.known_in.is_none() && key.suggestion.is_some()
    });
    newest
}

/// `base` and `gateway` are names of others' charts too.
fn is_istios(subject: &Manifest, chart: Chart) -> bool {
    let from = ["spec.chart.spec.sourceRef.name", "spec.chart.spec.chart", "spec.source.repoURL"];
    matches!(chart, Chart::Operator | Chart::Istiod | Chart::IstiodRemote | Chart::Ztunnel)
        || from.iter().filter_map(|path| subject.text(path)).any(|text| text.contains("istio"))
}

fn operator(cluster: &str, subject: &Manifest, findings: &mut Findings) {
    let Some(spec) = subject.document.get("spec") else { return };
    for entry in spec.entries().filter(|entry| !OPERATOR.contains(&entry.key.as_str())) {
        let key = &entry.key;
        let path = FieldPath::parse("spec").key(key);
        let help = if ["global", "pilot", "gateways", "sidecarInjectorWebhook", "istio_cni"]
            .contains(&key.as_str())
        {
            format!("did you mean `spec.values.{key}`?")
        } else if let Some(near) = nearest(key, OPERATOR.iter().copied()) {
            format!("did you mean `spec.{near}`?")
        } else {
            "remove it: an IstioOperator has `components`, `meshConfig` and `values`".to_owned()
        };
        let message = format!("`spec.{key}` is no field of an IstioOperator: it has no effect");
        let mut finding = key_finding(subject, &path, message);
        if help.starts_with("did") {
            finding.severity = Severity::Error;
        }
        findings.push(finding.found(&path).help(help).cluster(cluster));
    }
}

/// At the key itself: its value may be long.
fn key_finding(subject: &Manifest, path: &FieldPath, message: String) -> Finding {
    let mut finding = subject.finding(&RULE, path, message);
    if let Some(span) = key_span(&subject.document, path) {
        finding.place = Place { span, path: path.clone() };
    }
    finding
}

fn key_span(document: &Node, path: &FieldPath) -> Option<crate::node::Span> {
    let (last, parents) = path.0.split_last()?;
    let Step::Key(key) = last else { return None };
    document.at(&FieldPath(parents.to_vec()))?.entry(key).map(|entry| entry.key_span)
}
