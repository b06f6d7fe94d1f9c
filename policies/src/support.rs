//! What goes with which Istio release: Kubernetes, Gateway API, the Sail operator, charts and profiles. Facts as data, so
//! that a new release of Istio is new lines here.

use crate::intent::{InstallMethod, Profile};
use crate::version::{Minor, Version};

/// What one minor release of Istio goes with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Release {
    /// The release of Istio.
    pub istio: Minor,
    /// First and last Kubernetes that Istio announces support for (istio/istio.io: `data/compatibility/supportStatus.yml`
    /// and the announcement of each release; later additions included).
    pub announced: (Minor, Minor),
    /// The Kubernetes below which `istioctl` of the first patch complains (istio/istio@`<minor>`.0:
    /// `istioctl/pkg/install/k8sversion/version.go`, `MinK8SVersion`). Later patches raise it at most to the announced one.
    pub minimum: Minor,
    /// The Gateway API that the release is built against (istio/istio@`<minor>`.0: `go.mod`, `sigs.k8s.io/gateway-api`).
    pub gateway_api: Minor,
    /// First and last patch in the `version` list of the Sail operator's `Istio` (istio-ecosystem/sail-operator, CRD
    /// `istios.sailoperator.io` of its 1.31 line). `None`: no patch of that release.
    pub sail: Option<(u32, u32)>,
}

const fn release(
    istio: u32,
    announced: (u32, u32),
    minimum: u32,
    gateway_api: (u32, u32),
    sail: Option<(u32, u32)>,
) -> Release {
    Release {
        istio: Minor(1, istio),
        announced: (Minor(1, announced.0), Minor(1, announced.1)),
        minimum: Minor(1, minimum),
        gateway_api: Minor(gateway_api.0, gateway_api.1),
        sail,
    }
}

/// Every release that is known, oldest first.
pub const RELEASES: &[Release] = &[
    release(15, (22, 25), 19, (0, 5), None),
    release(16, (22, 25), 19, (0, 5), None),
    release(17, (23, 26), 23, (0, 6), None),
    release(18, (24, 27), 23, (0, 6), None),
    release(19, (25, 28), 25, (0, 8), None),
    release(20, (25, 29), 25, (1, 0), None),
    release(21, (26, 29), 26, (1, 0), Some((6, 6))),
    release(22, (27, 30), 26, (1, 1), Some((7, 8))),
    release(23, (27, 30), 26, (1, 1), Some((2, 6))),
    release(24, (28, 31), 28, (1, 2), Some((0, 6))),
    release(25, (29, 32), 28, (1, 2), Some((1, 5))),
    release(26, (29, 33), 29, (1, 3), Some((0, 8))),
    release(27, (29, 33), 29, (1, 3), Some((0, 9))),
    release(28, (29, 34), 29, (1, 4), Some((0, 10))),
    release(29, (31, 35), 30, (1, 4), Some((0, 6))),
    release(30, (32, 36), 32, (1, 5), Some((0, 3))),
    release(31, (32, 36), 32, (1, 6), None),
];

/// The oldest release that is known.
pub const OLDEST: Minor = Minor(1, 15);

/// The newest release that is known.
pub const NEWEST: Minor = Minor(1, 31);

/// What a release goes with, when it is known.
#[must_use]
pub fn of(istio: Minor) -> Option<&'static Release> {
    RELEASES.iter().find(|release| release.istio == istio)
}

/// The releases that announce support for a Kubernetes, oldest first.
pub fn supporting(kubernetes: Minor) -> impl Iterator<Item = &'static Release> {
    RELEASES.iter().filter(move |release| (release.announced.0..=release.announced.1).contains(&kubernetes))
}

/// The first patch with a `gateway` chart that Helm 3.18.5 and later accept, when `version`'s is refused: from 1.21.0 its
/// `values.schema.json` has `additionalProperties: false` beside `$ref`, which refuses every key, even with no values
/// (istio/istio#57354).
#[must_use]
pub fn gateway_chart_fixed_in(version: &Version) -> Option<&'static str> {
    let between = |from, to| (from..to).contains(&version.numbers());
    if between((1, 21, 0), (1, 25, 5)) {
        Some("1.25.5")
    } else if between((1, 26, 0), (1, 26, 4)) {
        Some("1.26.4")
    } else if between((1, 27, 0), (1, 27, 1)) {
        Some("1.27.1")
    } else {
        None
    }
}

/// Whether Helm reads JSON Schemas by the letter, siblings of `$ref` included (Helm 3.18.5 replaced its schema library).
#[must_use]
pub fn helm_is_strict(helm: &Version) -> bool {
    helm.at_least(3, 18, 5)
}

/// Whether Istio still has an operator that runs in the cluster; 1.24 removed it (istio/istio#52090).
#[must_use]
pub fn has_in_cluster_operator(version: &Version) -> bool {
    !version.at_least(1, 24, 0)
}

/// Whether a remote cluster's `istiod` Service carries the revision in its name (istio/istio@1.20.4:
/// `manifests/charts/istiod-remote/templates/services.yaml`; from 1.24 in the istiod chart).
#[must_use]
pub fn remote_service_has_revision(version: &Version) -> bool {
    version.at_least(1, 20, 4)
}

/// The first release in which an install method has a profile; `None` when it never does.
///
/// istioctl and its operator read `manifests/profiles/*.yaml`. The charts read `files/profile-*.yaml`, from 1.21;
/// `openshift` became a platform there in 1.24, which is the same thing by another key. What the charts do without a
/// profile is both `default` and `minimal`, since no chart has several components; nothing of it is `empty`. The Sail
/// operator has its own list (CRD `istios.sailoperator.io`), and installs no gateways either.
#[must_use]
pub fn profile_since(method: InstallMethod, profile: Profile) -> Option<Minor> {
    match (method, profile) {
        (InstallMethod::Helm, Profile::Empty) => None,
        (InstallMethod::Helm | InstallMethod::IstioOperator, Profile::Stable) => Some(Minor(1, 22)),
        (InstallMethod::Helm, Profile::Demo | Profile::Preview | Profile::Openshift) => Some(Minor(1, 21)),
        _ => Some(OLDEST),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> Version {
        text.parse().unwrap()
    }

    #[test]
    fn the_table_is_complete_and_in_order() {
        assert_eq!(RELEASES.first().unwrap().istio, OLDEST);
        assert_eq!(RELEASES.last().unwrap().istio, NEWEST);
        for pair in RELEASES.windows(2) {
            assert_eq!(pair[0].istio.1 + 1, pair[1].istio.1);
            assert!(pair[0].announced <= pair[1].announced && pair[0].minimum <= pair[1].minimum);
            assert!(pair[0].gateway_api <= pair[1].gateway_api);
        }
        assert!(
            RELEASES.iter().all(|r| r.minimum <= r.announced.0),
            "istioctl never asks for more than Istio says"
        );
    }

    #[test]
    fn releases_are_found_by_kubernetes() {
        let of = |minor| supporting(Minor(1, minor)).map(|r| r.istio.1).collect::<Vec<_>>();
        assert_eq!(of(28), [19, 20, 21, 22, 23, 24]);
        assert_eq!(of(36), [30, 31]);
        assert!(of(18).is_empty());
    }

    #[test]
    fn charts_that_strict_helm_refuses_end_with_a_patch() {
        for (bad, fixed) in
            [("1.21.0", "1.25.5"), ("1.25.4", "1.25.5"), ("1.26", "1.26.4"), ("1.27.0", "1.27.1")]
        {
            assert_eq!(gateway_chart_fixed_in(&version(bad)), Some(fixed), "{bad}");
        }
        for good in ["1.20.8", "1.25.5", "1.26.4", "1.27.1", "1.28.0", "1.31.0"] {
            assert_eq!(gateway_chart_fixed_in(&version(good)), None, "{good}");
        }
        assert!(helm_is_strict(&version("4.1.0")) && !helm_is_strict(&version("v3.17.2")));
    }
}
