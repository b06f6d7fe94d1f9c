//! `VirtualService`, where it hands istiod out to other clusters (istio/istio: `samples/multicluster/expose-istiod.yaml`).

use super::{Kind, Mark, Reach};
use crate::claim::{At, Claims, Fact, RoutePart};
use crate::istiod;

/// Whether a list of rules matches a port of istiod or leads to it.
macro_rules! rules {
    ($list:literal) => {
        concat!(
            "has(self.spec) && has(self.spec.",
            $list,
            ") && self.spec.",
            $list,
            ".exists(r, (has(r.route) && r.route.exists(d, has(d.destination) && has(d.destination.host) && ",
            "d.destination.host.startsWith('istiod'))) || ",
            "(has(r.match) && r.match.exists(m, has(m.port) && (m.port == 15012 || m.port == 15017))))"
        )
    };
}

/// `networking.istio.io/VirtualService`.
pub(super) struct VirtualService;

/// Where other clusters look for istiod: discovery and certificates, and the injector's webhook.
const ISTIOD_PORTS: &[&str] = &["15012", "15017"];

impl Kind for VirtualService {
    fn group(&self) -> &'static str {
        "networking.istio.io"
    }

    fn kind(&self) -> &'static str {
        "VirtualService"
    }

    fn plural(&self) -> &'static str {
        "virtualservices"
    }

    // Users' own routes are changed while nobody can judge, too.
    fn reach(&self) -> Reach {
        Reach::Marked(&[
            Mark::Expression(rules!("tls")),
            Mark::Expression(rules!("tcp")),
            Mark::Expression(rules!("http")),
        ])
    }

    fn claims(&self, object: &At<'_>, claims: &mut Claims) {
        let Some(spec) = object.get("spec") else { return };
        let Some(gateways) = spec.get("gateways") else { return };
        // `mesh` is the sidecars.
        if gateways.items().all(|gateway| gateway.str() == Some("mesh")) {
            return;
        }
        for protocol in ["tls", "tcp", "http"] {
            let Some(rules) = spec.get(protocol) else { continue };
            rules.items().for_each(|rule| self::rule(&rule, claims));
        }
    }
}

fn rule(rule: &At<'_>, claims: &mut Claims) {
    let Some(routes) = rule.get("route") else { return };
    let matches = rule.get("match");
    let places: Vec<At<'_>> = matches.iter().flat_map(|matches| matches.items()).collect();
    let ports: Vec<String> = places.iter().map(|place| place.text_of("port").unwrap_or_default()).collect();
    for route in routes.items() {
        let Some(destination) = route.get("destination") else { continue };
        let host = destination.text_of("host").unwrap_or_default();
        let of_istiod = |port: &str| istiod::is_host(&host) || ISTIOD_PORTS.contains(&port);
        let every = String::new();
        for port in if ports.is_empty() { std::slice::from_ref(&every) } else { &ports } {
            if !of_istiod(port) {
                continue;
            }
            let fact = |part| Fact::IstiodRoute { port: port.clone(), part };
            claims.scalar(fact(RoutePart::Host), destination.get("host"));
            if let Some(number) = destination.get("port") {
                claims.scalar(fact(RoutePart::Port), number.get("number"));
            }
        }
        for (place, port) in places.iter().zip(&ports).filter(|(_, port)| of_istiod(port)) {
            let fact = Fact::IstiodRoute { port: port.clone(), part: RoutePart::Match };
            claims.scalar(fact, place.get("port"));
        }
    }
}
