//! MW6020: an image tag of another version than is declared.

use crate::finding::{Finding, Findings, Rule, Severity};
use crate::mesh::{Cluster, Mesh};
use crate::node::FieldPath;
use crate::policy::Policy;
use crate::version::Version;

/// MW6020: an image tag of another version than is declared.
#[derive(Debug)]
pub(super) struct TagOfAnotherVersion;

static RULE: Rule = Rule {
    code: "MW6020",
    name: "tag-of-another-version",
    severity: Severity::Warning,
    title: "image tag of another version than is declared",
    docs: include_str!("../../docs/MW6020.md"),
};

impl Policy for TagOfAnotherVersion {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn check_mesh(&self, mesh: &Mesh, findings: &mut Findings) {
        for cluster in mesh.clusters.values() {
            let own = cluster.istio.tag.as_deref().map(|tag| ("spec.istio.tag", tag));
            let of_values = VALUES.iter().filter_map(|path| {
                let value = cluster.written.document.at(&FieldPath::parse(path))?.as_str()?;
                Some((*path, tag_of(value)?))
            });
            findings
                .extend(own.into_iter().chain(of_values).filter_map(|(path, tag)| other(cluster, path, tag)));
        }
    }
}

/// Values of the charts that decide which istiod and which proxies run (istio/istio@1.31:
/// `manifests/charts/istio-control/istio-discovery/templates/{deployment,zzz_profile}.yaml`, `files/injection-template.yaml`): tags,
/// and images, which may have a tag of their own.
const VALUES: [&str; 4] = [
    "spec.istio.values.global.tag",
    "spec.istio.values.pilot.tag",
    "spec.istio.values.pilot.image",
    "spec.istio.values.global.proxy.image",
];

/// The tag of an image, or the text itself where it is nothing but a tag; `None` for the bare name of an image.
fn tag_of(value: &str) -> Option<&str> {
    let name = value.rsplit('/').next().unwrap_or(value);
    match name.split_once(':') {
        Some((_, tag)) => Some(tag.split('@').next().unwrap_or(tag)),
        None if name.len() == value.len() => Some(value),
        None => None,
    }
}

fn other(cluster: &Cluster, path: &str, tag: &str) -> Option<Finding> {
    let declared = &cluster.istio.version;
    let version = version_of(tag).filter(|version| !version.agrees_with(declared))?;
    let (major, minor, patch) = version.numbers();
    let short = match version.patch() {
        Some(_) => format!("{major}.{minor}.{patch}"),
        None => version.minor().to_string(),
    };
    let message = format!("tag `{tag}` is that of Istio {short}, but `{declared}` is declared");
    let field = path.rsplit('.').next().unwrap_or(path);
    let place = cluster.written.place("spec.istio.version");
    let finding = cluster.finding(&RULE, cluster.written.place(path), message).found(tag);
    Some(finding.declared(declared, place, format!("`{declared}` is declared here")).help(format!(
        "remove `{field}`, which follows from the version, or declare the version that runs: `version: \"{short}\"`"
    )))
}

/// The version that a tag of Istio's images begins with; `None` for `latest`, a date, the name of a branch.
fn version_of(tag: &str) -> Option<Version> {
    let version: Version = tag.parse().ok()?;
    (version.minor().0 == 1).then_some(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_have_tags() {
        assert_eq!(tag_of("1.20.0"), Some("1.20.0"));
        assert_eq!(tag_of("registry.example.com:5000/istio/pilot:1.20.0@sha256:abc"), Some("1.20.0"));
        assert_eq!(tag_of("registry.example.com:5000/istio/pilot"), None);
        assert_eq!(tag_of("proxyv2").and_then(version_of), None);
    }

    #[test]
    fn only_what_carries_a_version_says_something() {
        let agrees = |tag: &str, declared: &str| {
            version_of(tag).map(|version| version.agrees_with(&declared.parse::<Version>().unwrap()))
        };
        for tag in ["latest", "main", "2024.01.15", "1-26", "stable-1.20", ""] {
            assert_eq!(agrees(tag, "1.26.8"), None, "{tag}");
        }
        for tag in ["1.26.8", "1.26.8-distroless", "v1.26.8", "1.26", "1.26-alpha.0a1b2c"] {
            assert_eq!(agrees(tag, "1.26.8"), Some(true), "{tag}");
        }
        assert_eq!(agrees("1.26.8", "1.26"), Some(true));
        for tag in ["1.20.0", "1.26.7-distroless", "1.27"] {
            assert_eq!(agrees(tag, "1.26.8"), Some(false), "{tag}");
        }
        assert_eq!(agrees("1.15.0-mspider", "1.15.3-mspider"), Some(false));
    }
}
