//! The parts of a cluster's `mesh/` directory: what Istio's addresses stand on, what installs Istio, what needs it
//! installed, and what watches over all.
//!
//! Flux dry-runs every object of a Kustomization before it applies the first one (fluxcd/pkg: `ssa/manager_apply.go`).
//! An Istio `Gateway` beside the HelmRelease that brings its CRD would so never let that HelmRelease through: a first
//! installation would wait for itself for ever. So they lie in directories of their own, applied one after the other;
//! `mesh/` includes all. The same holds for MetalLB's pools beside its chart, and a gateway's release is ready only when
//! its Service has an address, so the chart comes before both.

use crate::artefact::{Rendered, Wave};
use crate::artefacts::webhook;

/// A part of `mesh/`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// `mesh/platform/`: charts that bring the CRDs of the next part's objects. Only where one is installed.
    Platform,
    /// `mesh/install/`: namespaces, addresses, control plane, gateways.
    Install,
    /// `mesh/traffic/`: Istio's own resources, and workloads that a sidecar is injected into.
    Traffic,
    /// `mesh/enforcement/`: the webhook. It needs nothing of the mesh, and nothing waits for it: a webhook that does not come
    /// up keeps no correction of the mesh away. Only where the intent asks for enforcement.
    Enforcement,
}

impl Stage {
    /// In the order in which they are applied.
    pub const ALL: [Stage; 4] = [Stage::Platform, Stage::Install, Stage::Traffic, Stage::Enforcement];

    /// The name of its directory.
    #[must_use]
    pub fn directory(self) -> &'static str {
        match self {
            Stage::Platform => "platform",
            Stage::Install => "install",
            Stage::Traffic => "traffic",
            Stage::Enforcement => "enforcement",
        }
    }

    /// The stage of an object.
    #[must_use]
    pub fn of(rendered: &Rendered) -> Stage {
        let group = group(rendered.object.api_version());
        // A pod that starts before istiod answers has no sidecar; a gateway pod has no image even.
        let injected = rendered.wave >= Wave::Gateway && matches!(group, "apps" | "batch");
        if rendered.artefact == webhook::NAME {
            Stage::Enforcement
        } else if rendered.wave == Wave::Platform {
            Stage::Platform
        } else if rendered.wave >= Wave::Traffic || injected || is_istio_api(group) {
            Stage::Traffic
        } else {
            Stage::Install
        }
    }
}

/// Whether the CRDs of a group come with the installation of Istio: `networking.istio.io` and its like. IstioOperator is
/// how Istio is installed; its CRD comes with the operator.
#[must_use]
pub fn is_istio_api(group: &str) -> bool {
    group.ends_with(".istio.io") && group != "install.istio.io"
}

/// The group of an `apiVersion`; empty for the core group.
#[must_use]
pub fn group(api_version: &str) -> &str {
    api_version.split_once('/').map_or("", |(group, _)| group)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::Object;

    fn stage(api_version: &str, kind: &str, wave: Wave) -> Stage {
        let object = Object::new(api_version, kind, "x");
        Stage::of(&Rendered { object, wave, protected: false, artefact: "test" })
    }

    #[test]
    fn what_needs_istio_comes_after_what_installs_it() {
        use Stage::{Install, Platform, Traffic};
        for (api_version, kind, wave, expected) in [
            ("v1", "Namespace", Wave::Namespace, Install),
            ("v1", "Namespace", Wave::Platform, Platform),
            ("helm.toolkit.fluxcd.io/v2", "HelmRelease", Wave::Platform, Platform),
            ("metallb.io/v1beta1", "IPAddressPool", Wave::Namespace, Install),
            ("helm.toolkit.fluxcd.io/v2", "HelmRelease", Wave::Gateway, Install),
            ("install.istio.io/v1alpha1", "IstioOperator", Wave::ControlPlane, Install),
            ("sailoperator.io/v1", "Istio", Wave::ControlPlane, Install),
            ("v1", "Service", Wave::Gateway, Install),
            ("networking.istio.io/v1", "Gateway", Wave::Gateway, Traffic),
            ("security.istio.io/v1", "PeerAuthentication", Wave::ControlPlane, Traffic),
            ("apps/v1", "Deployment", Wave::Gateway, Traffic),
            ("apps/v1", "Deployment", Wave::Traffic, Traffic),
            ("v1", "Service", Wave::Traffic, Traffic),
        ] {
            assert_eq!(stage(api_version, kind, wave), expected, "{api_version} {kind} {wave:?}");
        }
        let object = Object::new("helm.toolkit.fluxcd.io/v2", "HelmRelease", "x");
        let webhook = Rendered { object, wave: Wave::Foundation, protected: false, artefact: webhook::NAME };
        assert_eq!(Stage::of(&webhook), Stage::Enforcement);
    }
}
