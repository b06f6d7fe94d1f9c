//! `PeerAuthentication`: whether workloads take mutual TLS, without which other networks do not reach them
//! (istio/istio: `pilot/pkg/xds/endpoints/ep_filters.go`).

use super::{Kind, Mark, Reach};
use crate::claim::{At, Claims, Fact};

/// `security.istio.io/PeerAuthentication`.
pub(super) struct PeerAuthentication;

impl Kind for PeerAuthentication {
    fn group(&self) -> &'static str {
        "security.istio.io"
    }

    fn kind(&self) -> &'static str {
        "PeerAuthentication"
    }

    fn plural(&self) -> &'static str {
        "peerauthentications"
    }

    // Users' own rules: their changes go on while nobody can judge.
    fn reach(&self) -> Reach {
        Reach::Lifeline(&[Mark::Expression(
            "has(self.spec) && (has(self.spec.mtls) || has(self.spec.portLevelMtls))",
        )])
    }

    fn claims(&self, object: &At<'_>, claims: &mut Claims) {
        let Some(spec) = object.get("spec") else { return };
        let namespace =
            object.get("metadata").and_then(|metadata| metadata.text_of("namespace")).unwrap_or_default();
        let selector = spec.get("selector");
        let labels = selector.as_ref().and_then(|selector| selector.get("matchLabels"));
        let selected = labels.is_some_and(|labels| labels.entries().next().is_some());
        if let Some(tls) = spec.get("mtls") {
            claims.scalar(Fact::PeerTls { namespace: namespace.clone(), selected }, tls.get("mode"));
        }
        let Some(ports) = spec.get("portLevelMtls") else { return };
        for (_, port) in ports.entries() {
            claims.scalar(Fact::PeerTls { namespace: namespace.clone(), selected: true }, port.get("mode"));
        }
    }
}
