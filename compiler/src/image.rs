//! Image references and registry mirrors.

use std::collections::BTreeMap;

use meshwright_policies::mesh::Cluster;
use meshwright_policies::version::Minor;

/// The registry of references that name none (distribution/reference, `normalize.go`: `docker.io`).
const DEFAULT_REGISTRY: &str = "docker.io";

/// The image as the cluster pulls it: the mirror with the longest matching prefix of registry and path takes that
/// prefix's place. A key such as `docker.io` also matches `curlimages/curl` and `nginx`, whose registry is docker.io's.
/// Without a match the reference stays as it is written.
#[must_use]
pub fn mirrored(image: &str, mirrors: &BTreeMap<String, String>) -> String {
    let full = qualified(image);
    let matching = mirrors.iter().filter_map(|(prefix, mirror)| {
        let prefix = prefix.trim_end_matches('/');
        let rest = full.strip_prefix(prefix)?;
        at_boundary(rest).then_some((prefix.len(), mirror.trim_end_matches('/'), rest))
    });
    match matching.max_by_key(|(length, ..)| *length) {
        Some((_, mirror, rest)) => format!("{mirror}{rest}"),
        None => image.to_owned(),
    }
}

/// Whether a prefix that left `rest` ends where a part of the reference does. A colon begins a tag only after the last
/// slash; before it, it begins the registry's port.
fn at_boundary(rest: &str) -> bool {
    rest.is_empty() || rest.starts_with(['/', '@']) || (rest.starts_with(':') && !rest.contains('/'))
}

/// The reference with its registry: `nginx` is `docker.io/library/nginx`.
fn qualified(image: &str) -> String {
    match image.split_once('/') {
        None => format!("{DEFAULT_REGISTRY}/library/{image}"),
        Some(("index.docker.io", path)) => format!("{DEFAULT_REGISTRY}/{path}"),
        Some((first, _)) if first.contains(['.', ':']) || first == "localhost" => image.to_owned(),
        Some(_) => format!("{DEFAULT_REGISTRY}/{image}"),
    }
}

/// The `hub` of the cluster's Istio images: the declared one, or the one of that Istio's charts, by the cluster's
/// mirrors. `None` when neither is declared, so that the charts' own default holds.
#[must_use]
pub fn hub(cluster: &Cluster) -> Option<String> {
    let mirrors = &cluster.spec.registry_mirrors;
    match &cluster.istio.hub {
        Some(declared) => Some(mirrored_hub(declared, mirrors)),
        None => {
            let default = default_hub(cluster.istio.version.minor());
            Some(mirrored_hub(default, mirrors)).filter(|hub| hub != default)
        }
    }
}

/// A hub is a prefix of references: it is mirrored as one of them would be.
fn mirrored_hub(hub: &str, mirrors: &BTreeMap<String, String>) -> String {
    const IMAGE: &str = "/pilot";
    let hub = hub.trim_end_matches('/');
    let image = mirrored(&format!("{hub}{IMAGE}"), mirrors);
    image.strip_suffix(IMAGE).map_or_else(|| hub.to_owned(), str::to_owned)
}

/// The hub of Istio's released charts: docker.io/istio, from 1.30 registry.istio.io/release (istio/istio,
/// `manifests/charts/istio-control/istio-discovery/values.yaml` of the releases).
#[must_use]
pub fn default_hub(istio: Minor) -> &'static str {
    if istio >= Minor(1, 30) { "registry.istio.io/release" } else { "docker.io/istio" }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mirrors(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(from, to)| ((*from).to_owned(), (*to).to_owned())).collect()
    }

    #[test]
    fn an_image_without_a_registry_is_docker_hubs() {
        let mirrors = mirrors(&[("docker.io", "docker.m.daocloud.io")]);
        for (image, want) in [
            ("docker.io/istio/examples-helloworld-v1", "docker.m.daocloud.io/istio/examples-helloworld-v1"),
            ("curlimages/curl:8.16.0", "docker.m.daocloud.io/curlimages/curl:8.16.0"),
            ("nginx", "docker.m.daocloud.io/library/nginx"),
            ("nginx:1.27@sha256:00", "docker.m.daocloud.io/library/nginx:1.27@sha256:00"),
            ("index.docker.io/a/b", "docker.m.daocloud.io/a/b"),
            ("registry.istio.io/release/pilot:1.30.3", "registry.istio.io/release/pilot:1.30.3"),
            ("docker.io.example.com/a", "docker.io.example.com/a"),
            ("localhost/a", "localhost/a"),
            ("localhost:5000/a/b", "localhost:5000/a/b"),
        ] {
            assert_eq!(mirrored(image, &mirrors), want, "{image}");
        }
    }

    #[test]
    fn the_longest_prefix_wins_and_ends_where_a_part_ends() {
        let mirrors = mirrors(&[
            ("docker.io", "hub.example.com/proxy/"),
            ("docker.io/istio/", "harbor.example.com:8443/istio"),
            ("docker.io/istio/pilot", "pin.example.com/pilot"),
            ("localhost", "wrong.example.com"),
        ]);
        for (image, want) in [
            ("istio/proxyv2:1.26.0", "harbor.example.com:8443/istio/proxyv2:1.26.0"),
            ("istio/pilot:1.26.0", "pin.example.com/pilot:1.26.0"),
            ("istio/pilot2:1.26.0", "harbor.example.com:8443/istio/pilot2:1.26.0"),
            ("istiod/x", "hub.example.com/proxy/istiod/x"),
            ("localhost:5000/x", "localhost:5000/x"),
        ] {
            assert_eq!(mirrored(image, &mirrors), want, "{image}");
        }
    }

    #[test]
    fn a_hub_is_mirrored_as_its_images_are() {
        let mirrors =
            mirrors(&[("docker.io", "m.example.com"), ("docker.io/istio/pilot", "pin.example.com/x")]);
        assert_eq!(
            mirrored_hub("istio", &mirrors),
            "istio",
            "one image is pinned elsewhere, the hub cannot follow"
        );
        let mirrors = self::mirrors(&[("docker.io", "m.example.com")]);
        assert_eq!(mirrored_hub("istio/", &mirrors), "m.example.com/istio");
        assert_eq!(mirrored_hub("release.daocloud.io/mspider", &mirrors), "release.daocloud.io/mspider");
    }
}
