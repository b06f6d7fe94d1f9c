//! Istio's `Gateway`: what an east-west gateway lets in (istio/istio: `pilot/pkg/networking/core/gateway.go`).

use std::sync::Arc;

use super::Kind;
use crate::claim::{At, Claims, Fact, Server, ServerPart};

/// `networking.istio.io/Gateway`.
pub(super) struct Gateway;

impl Kind for Gateway {
    fn group(&self) -> &'static str {
        "networking.istio.io"
    }

    fn kind(&self) -> &'static str {
        "Gateway"
    }

    fn plural(&self) -> &'static str {
        "gateways"
    }

    fn claims(&self, object: &At<'_>, claims: &mut Claims) {
        let Some(spec) = object.get("spec") else { return };
        let selector = spec.get("selector");
        let selected = selector.as_ref().and_then(|selector| selector.get("istio"));
        let Some(servers) = spec.get("servers") else { return };
        for server in servers.items() {
            self::server(&server, selected.as_ref(), claims);
        }
    }
}

fn server(at: &At<'_>, selected: Option<&At<'_>>, claims: &mut Claims) {
    let (port, tls) = (at.get("port"), at.get("tls"));
    let number = port.as_ref().and_then(|port| port.get("number"));
    let mode = tls.as_ref().and_then(|tls| tls.get("mode"));
    let server = Arc::new(Server {
        selector: selected.and_then(|at| at.text()).unwrap_or_default(),
        port: number.as_ref().and_then(At::text).unwrap_or_default(),
        mode: mode.as_ref().and_then(At::text).unwrap_or_default(),
    });
    // Users' own servers on their own gateways, in plain text or with their own certificates, concern nobody else;
    // the policy decides, which knows the east-west gateways.
    let fact = |part: ServerPart| Fact::Exposure { server: Arc::clone(&server), part };
    claims.scalar(fact(ServerPart::Selector), selected.copied());
    claims.scalar(fact(ServerPart::Port), number);
    claims.scalar(fact(ServerPart::Protocol), port.as_ref().and_then(|port| port.get("protocol")));
    claims.scalar(fact(ServerPart::Mode), mode);
    if let Some(hosts) = at.get("hosts") {
        for host in hosts.items() {
            claims.scalar(fact(ServerPart::Host), Some(host));
        }
    }
}
