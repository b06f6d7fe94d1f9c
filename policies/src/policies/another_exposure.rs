//! MW4102: gateway is opened otherwise than declared.

use crate::address::Port;
use crate::claim::{Claim, Claims, Fact, Server, ServerPart};
use crate::declaration::{DeclarationSpec, DeclaredGateway, DeclaredPort};
use crate::finding::{Findings, Rule, Severity};
use crate::intent::GatewayLayout;
use crate::judge::{Declared, contradiction};
use crate::policy::Policy;

/// Ports of a gateway, or what it lets in, differ from the declaration.
pub(super) struct AnotherExposure;

static RULE: Rule = Rule {
    code: "MW4102",
    name: "another-exposure",
    severity: Severity::Error,
    title: "gateway is opened otherwise than declared",
    docs: include_str!("../../docs/MW4102.md"),
};

impl Policy for AnotherExposure {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn judges(&self) -> bool {
        true
    }

    fn judge(&self, declaration: &DeclarationSpec, claims: &Claims, findings: &mut Findings) {
        for claim in &claims.list {
            let wrong = match &claim.fact {
                Fact::Exposure { server, part } => exposure(declaration, server, *part, claim),
                fact => service(declaration, fact, claim),
            };
            if let Some((message, value, path)) = wrong {
                let declared = Declared { value, path: &path };
                findings.push(contradiction(&RULE, declaration, claims, claim, message, declared));
            }
        }
    }
}

/// Message, declared value, declared path.
type Wrong = Option<(String, String, String)>;

fn service(declaration: &DeclarationSpec, fact: &Fact, claim: &Claim) -> Wrong {
    let (Fact::GatewayPorts { gateway }
    | Fact::GatewayPort { gateway, .. }
    | Fact::GatewayTarget { gateway, .. }
    | Fact::GatewayPortLabel { gateway }
    | Fact::GatewayLabel { gateway }) = fact
    else {
        return None;
    };
    let (index, declared) = declaration.gateway(gateway)?;
    let path = || format!("gateways[{index}].ports");
    let found = &claim.value;
    match fact {
        Fact::GatewayPorts { .. } => {
            let open = |port: &DeclaredPort| found.split(',').any(|number| number == port.port.to_string());
            let missing = declared.ports.iter().find(|port| !open(port))?;
            let message = format!(
                "gateway `{gateway}` lacks port `{}` ({}), which is declared",
                missing.port, missing.name
            );
            Some((message, all(declared), path()))
        }
        Fact::GatewayPort { name, .. } => {
            wrong_port(declared, name, found).map(|(m, value)| (m, value, path()))
        }
        Fact::GatewayTarget { name, .. } => {
            let port = declared.ports.iter().find(|port| port.name.as_str() == name)?;
            let target = port.target_port.filter(|target| target.to_string() != *found)?;
            let message = format!("port `{name}` of gateway `{gateway}` leads to `{found}`, not `{target}`");
            Some((message, target.to_string(), path()))
        }
        Fact::GatewayPortLabel { .. } => {
            let tls = declared.ports.iter().find(|port| port.target_port == Some(Port::MTLS))?;
            let message = || format!("peers are told to enter `{gateway}` at `{found}`, not `{}`", tls.port);
            (tls.port.to_string() != *found).then(|| (message(), tls.port.to_string(), path()))
        }
        _ => {
            let label = &declared.istio_label;
            let message = || {
                format!("pods of gateway `{gateway}` carry `istio: {found}`, by which nothing selects them")
            };
            (found != label).then(|| (message(), label.clone(), format!("gateways[{index}].istioLabel")))
        }
    }
}

fn all(gateway: &DeclaredGateway) -> String {
    gateway.ports.iter().map(|port| port.port.to_string()).collect::<Vec<_>>().join(",")
}

fn wrong_port(gateway: &DeclaredGateway, name: &str, found: &str) -> Option<(String, String)> {
    match gateway.ports.iter().find(|port| port.name.as_str() == name) {
        Some(port) if port.port.to_string() == found => None,
        Some(port) => {
            let message =
                format!("port `{name}` of gateway `{}` is `{found}`, not `{}`", gateway.name, port.port);
            Some((message, port.port.to_string()))
        }
        // Whoever shares a gateway with users' traffic may open more for it; a dedicated one has nothing to share.
        None if gateway.layout == GatewayLayout::Shared => None,
        None if gateway.ports.iter().any(|port| port.port.to_string() == found) => None,
        None => {
            let message = format!("gateway `{}` opens port `{found}`, which is not declared", gateway.name);
            Some((message, String::new()))
        }
    }
}

/// What an Istio `Gateway` lets in. Its servers on gateways that are no east-west gateways concern nobody else, unless
/// they let other networks in or hand out istiod.
fn exposure(declaration: &DeclarationSpec, server: &Server, part: ServerPart, claim: &Claim) -> Wrong {
    let number = server.port.parse::<u32>().ok().and_then(|port| Port::try_from(port).ok());
    let here = declaration.gateways.iter().enumerate().find(|(_, g)| g.istio_label == server.selector);
    let known = here.is_some() || is_gateway_elsewhere(declaration, &server.selector);
    let (message, value) = if server.lets_in() {
        let_in(declaration, server, part, claim, known)?
    } else if number == Some(Port::MTLS) && known {
        let reported = if server.mode.is_empty() { ServerPart::Port } else { ServerPart::Mode };
        let message =
            || format!("port 15443 of `{}` does not pass other networks' traffic through", server.selector);
        (part == reported).then(|| (message(), "AUTO_PASSTHROUGH".to_owned()))?
    } else if number == Some(Port::XDS) || number == Some(Port::WEBHOOK) {
        hand_out_istiod(declaration, server, part, claim, known)?
    } else {
        let (_, gateway) = here?;
        let open = |port: &DeclaredPort| Some(port.port) == number || port.target_port == number;
        let dedicated = gateway.layout == GatewayLayout::Dedicated;
        let opened = dedicated || server.mode == "PASSTHROUGH" && !gateway.ports.iter().any(open);
        let message = || {
            format!("port `{}` is opened on gateway `{}`, which is not declared", claim.value, gateway.name)
        };
        (opened && part == ServerPart::Port).then(|| (message(), String::new()))?
    };
    let path = here.map_or_else(|| "gateways".to_owned(), |(index, _)| format!("gateways[{index}]"));
    Some((message, value, path))
}

/// Gateways of other clusters whose configuration is read here: a primary's objects configure its remotes' gateways. The
/// label is the name without `istio-`.
fn is_gateway_elsewhere(declaration: &DeclarationSpec, label: &str) -> bool {
    let mut entries = declaration.networks.values().flat_map(|network| &network.gateways);
    entries.any(|entry| {
        let name = entry.name.as_str();
        name.strip_prefix("istio-").unwrap_or(name) == label
    })
}

fn let_in(
    declaration: &DeclarationSpec,
    server: &Server,
    part: ServerPart,
    claim: &Claim,
    known: bool,
) -> Option<(String, String)> {
    let found = &claim.value;
    match part {
        ServerPart::Selector if !known => {
            let labels: Vec<&str> = declaration.gateways.iter().map(|g| g.istio_label.as_str()).collect();
            let message = format!("other networks are let in at `{found}`, which is no declared gateway");
            Some((message, labels.join(", ")))
        }
        ServerPart::Port if server.port != Port::MTLS.to_string() => {
            let message = format!("other networks are let in at port `{found}`, not `{}`", Port::MTLS);
            Some((message, Port::MTLS.to_string()))
        }
        ServerPart::Protocol if !is_tls(found) => Some((
            format!("other networks are let in by protocol `{found}`, but speak TLS"),
            "TLS".to_owned(),
        )),
        ServerPart::Host => {
            let domain = declaration.mesh.cluster_domain.as_str();
            let last = domain.rsplit('.').next().unwrap_or(domain);
            let host = found.rsplit('/').next().unwrap_or(found);
            let inside = host.strip_suffix(last).is_some_and(|rest| rest.ends_with('.'));
            let message =
                || format!("other networks are let in to `{found}`, which is wider than `*.{last}`");
            (!inside).then(|| (message(), format!("*.{last}")))
        }
        _ => None,
    }
}

/// Servers that end TLS or pass it through have one of two protocols (istio/istio: `pkg/config/validation/validation.go`).
fn is_tls(protocol: &str) -> bool {
    protocol.eq_ignore_ascii_case("TLS") || protocol.eq_ignore_ascii_case("HTTPS")
}

fn hand_out_istiod(
    declaration: &DeclarationSpec,
    server: &Server,
    part: ServerPart,
    claim: &Claim,
    known: bool,
) -> Option<(String, String)> {
    let found = &claim.value;
    let through = server.mode == "PASSTHROUGH";
    match part {
        ServerPart::Selector if !known && through => {
            let labels: Vec<&str> = declaration.gateways.iter().map(|g| g.istio_label.as_str()).collect();
            let message = format!("istiod is handed out at `{found}`, which is no declared gateway");
            Some((message, labels.join(", ")))
        }
        ServerPart::Port if known && !declaration.hands_out_istiod() => Some((
            format!(
                "istiod is handed out at port `{found}`, but serves no other cluster and no virtual machine"
            ),
            String::new(),
        )),
        // Istio's guides know both: SNI routing, and TLS that ends at the gateway.
        ServerPart::Mode if known && !matches!(server.mode.as_str(), "PASSTHROUGH" | "SIMPLE" | "MUTUAL") => {
            Some((format!("istiod is handed out with TLS mode `{found}`"), "PASSTHROUGH".to_owned()))
        }
        ServerPart::Protocol if known && through && !is_tls(found) => {
            Some((format!("istiod is handed out by protocol `{found}`"), "TLS".to_owned()))
        }
        ServerPart::Host if known && through && found != "*" && !found.starts_with("istiod") => Some((
            format!("istiod is handed out as `{found}`, for which remote clusters do not ask"),
            "*".to_owned(),
        )),
        _ => None,
    }
}
