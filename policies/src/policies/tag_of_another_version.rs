//! MW6020: an image tag of another version than is declared.

use crate::finding::{Findings, Rule, Severity};
use crate::mesh::Mesh;
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
            let declared = &cluster.istio.version;
            let Some(tag) = &cluster.istio.tag else { continue };
            let Some(version) = version_of(tag).filter(|version| !version.agrees_with(declared)) else {
                continue;
            };
            let (major, minor, patch) = version.numbers();
            let short = match version.patch() {
                Some(_) => format!("{major}.{minor}.{patch}"),
                None => version.minor().to_string(),
            };
            let message = format!("tag `{tag}` is that of Istio {short}, but `{declared}` is declared");
            findings.push(
                cluster
                    .finding(&RULE, cluster.written.place("spec.istio.tag"), message)
                    .found(tag)
                    .declared(
                        declared,
                        cluster.written.place("spec.istio.version"),
                        format!("`{declared}` is declared here"),
                    )
                    .help(format!(
                        "remove `tag`, which follows from the version, or declare the version that runs: `version: \"{short}\"`"
                    )),
            );
        }
    }
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
