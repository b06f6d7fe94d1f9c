//! Flux's `Kustomization`: which directory is applied to which cluster
//! (fluxcd/kustomize-controller: `docs/spec/v1/kustomizations.md`).

use super::{Kind, Mark, Reach, rewriting};
use crate::claim::{At, Claims, Fact, Subject};

/// `kustomize.toolkit.fluxcd.io/Kustomization`.
pub(super) struct Kustomization;

impl Kind for Kustomization {
    fn group(&self) -> &'static str {
        "kustomize.toolkit.fluxcd.io"
    }

    fn kind(&self) -> &'static str {
        "Kustomization"
    }

    fn plural(&self) -> &'static str {
        "kustomizations"
    }

    // An agent must always be mended.
    fn reach(&self) -> Reach {
        Reach::Lifeline(&[Mark::Expression(
            "has(self.spec) && ((has(self.spec.path) && self.spec.path.contains('clusters/')) || has(self.spec.patches))",
        )])
    }

    fn claims(&self, object: &At<'_>, claims: &mut Claims) {
        let Some(spec) = object.get("spec") else { return };
        if spec.get("kubeConfig").is_some() {
            claims.subject = Subject::Elsewhere;
        }
        if let Some(path) = spec.get("path")
            && let Some(directory) = path.str().and_then(cluster_directory)
        {
            claims.add_part(Fact::DeliveredDirectory, &path, directory);
        }
        if let Some(patches) = spec.get("patches") {
            rewriting::patches(&patches, "patches", claims);
        }
    }
}

/// The directory below the last `clusters/` of a path.
pub(crate) fn cluster_directory(path: &str) -> Option<&str> {
    let mut parts = path.split('/').rev().filter(|part| !part.is_empty() && *part != ".");
    let mut below = None;
    for part in parts.by_ref() {
        if part == "clusters" {
            return below;
        }
        below = Some(part);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_directory_of_a_cluster_is_below_clusters() {
        assert_eq!(cluster_directory("./rendered/clusters/east/mesh/install"), Some("east"));
        assert_eq!(cluster_directory("clusters/east"), Some("east"));
        assert_eq!(cluster_directory("./rendered/crds"), None);
        assert_eq!(cluster_directory("./clusters"), None);
    }
}
