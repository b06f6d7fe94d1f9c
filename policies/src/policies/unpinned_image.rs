//! MW9007: an image without a fixed tag.

use crate::finding::{Findings, Rule, Severity};
use crate::mesh::{Cluster, Mesh};
use crate::policy::Policy;

/// MW9007: an image without a fixed tag.
#[derive(Debug)]
pub(super) struct UnpinnedImage;

static RULE: Rule = Rule {
    code: "MW9007",
    name: "unpinned-image",
    severity: Severity::Warning,
    title: "an image without a fixed tag",
    docs: include_str!("../../docs/MW9007.md"),
};

impl Policy for UnpinnedImage {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn check_mesh(&self, mesh: &Mesh, findings: &mut Findings) {
        for cluster in mesh.clusters.values() {
            for (path, image) in images(cluster).into_iter().filter(|(_, image)| !is_pinned(image)) {
                let message = format!("image `{image}` has no fixed tag");
                let finding = cluster.finding(&RULE, cluster.written.place(path), message).found(image);
                findings.push(finding.help("add the tag of a release, such as `:1.0`, or a digest"));
            }
            if let Some(tag) = cluster.istio.tag.as_deref().filter(|tag| is_moving(tag)) {
                let message = format!("Istio's tag `{tag}` moves");
                let finding = cluster.finding(&RULE, cluster.written.place("spec.istio.tag"), message);
                findings.push(
                    finding
                        .found(tag)
                        .help(format!("remove `tag`; it follows from version {}", cluster.istio.version)),
                );
            }
        }
    }
}

/// Declared images with the path of each.
fn images(cluster: &Cluster) -> Vec<(&'static str, &str)> {
    let Some(samples) = &cluster.spec.samples else { return Vec::new() };
    let helloworld = samples.helloworld.as_ref().and_then(|sample| sample.image.as_deref());
    let reviews = samples.reviews.as_ref().and_then(|sample| sample.image.as_deref());
    let sleep = samples.sleep.as_ref().and_then(|sample| sample.image.as_deref());
    [
        ("spec.samples.helloworld.image", helloworld),
        ("spec.samples.reviews.image", reviews),
        ("spec.samples.sleep.image", sleep),
    ]
    .into_iter()
    .filter_map(|(path, image)| Some((path, image?)))
    .collect()
}

/// Whether a tag is that of a branch, or of whatever was built last.
fn is_moving(tag: &str) -> bool {
    const MOVING: [&str; 13] = [
        "latest", "master", "main", "trunk", "head", "dev", "devel", "develop", "edge", "nightly",
        "snapshot", "stable", "canary",
    ];
    MOVING.iter().any(|moving| tag.eq_ignore_ascii_case(moving))
}

/// A digest, or a tag that does not move. A colon before the last slash is the registry's port.
fn is_pinned(image: &str) -> bool {
    let name = image.rsplit('/').next().unwrap_or(image);
    name.contains('@') || name.split_once(':').is_some_and(|(_, tag)| !tag.is_empty() && !is_moving(tag))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_no_tag() {
        for pinned in [
            "a:1",
            "registry:5000/a:1.0",
            "a@sha256:00",
            "registry.example.com/a/b:v1",
            "a:dev@sha256:00",
            "a:main-1a2b3c",
            "a:1.31-dev",
        ] {
            assert!(is_pinned(pinned), "{pinned}");
        }
        for moving in ["a", "registry:5000/a", "a:latest", "a:master", "a:Main", "a:dev", "a:", ""] {
            assert!(!is_pinned(moving), "{moving}");
        }
    }
}
