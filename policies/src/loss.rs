//! What the mesh loses when an object is deleted, or no longer says what it said.
//!
//! [`crate::judge`] judges what an object asserts; an assertion that is gone asserts nothing, and can still cut a cluster
//! off.

use std::collections::BTreeSet;

use crate::address::Port;
use crate::claim::{Claim, Claims, Fact, RoutePart, ServerPart};
use crate::declaration::{DeclarationSpec, DeclaredGateway, DeclaredRole};
use crate::finding::{Findings, Place, Rule, Severity};
use crate::intent::{Advertise, GatewayDiscovery};
use crate::node::{FieldPath, Span};

/// MW4103.
pub static RULE: Rule = Rule {
    code: "MW4103",
    name: "mesh-part-removed",
    severity: Severity::Error,
    title: "change removes what the mesh needs",
    docs: include_str!("../docs/MW4103.md"),
};

/// Every rule about losses.
pub const LOSS_RULES: &[&Rule] = &[&RULE];

/// The group of the Gateway API, whose `Gateway` can be an east-west gateway.
const GATEWAY_API: &str = "gateway.networking.k8s.io";

/// A change of one object.
#[derive(Clone, Copy, Debug)]
pub struct Loss<'a> {
    /// Its group.
    pub group: &'a str,
    /// Its kind.
    pub kind: &'a str,
    /// Its namespace; empty for none.
    pub namespace: &'a str,
    /// Its name.
    pub name: &'a str,
    /// What it asserted.
    pub before: &'a Claims,
    /// What it asserts now; nothing when it is deleted.
    pub after: Option<&'a Claims>,
}

/// Kinds whose deletion can be a loss, by group and kind.
const DELETED: &[(&str, &str)] = &[
    ("", "Namespace"),
    ("", "Service"),
    (GATEWAY_API, "Gateway"),
    ("metallb.io", "BGPAdvertisement"),
    ("metallb.io", "IPAddressPool"),
    ("metallb.io", "L2Advertisement"),
    ("networking.istio.io", "Gateway"),
    ("networking.istio.io", "VirtualService"),
];

/// Whether deleting an object of a kind can be a loss.
#[must_use]
pub fn on_deletion(group: &str, kind: &str) -> bool {
    DELETED.contains(&(group, kind))
}

/// What the mesh loses by the change, exceptions aside.
#[must_use]
pub fn judge_loss(declaration: &DeclarationSpec, loss: &Loss<'_>) -> Findings {
    let mut findings = Findings::new();
    match loss.after {
        None => deleted(declaration, loss, &mut findings),
        Some(after) => changed(declaration, loss, after, &mut findings),
    }
    findings
}

/// What is lost: message, field of the object, path in the declaration.
fn report(
    declaration: &DeclarationSpec,
    loss: &Loss<'_>,
    message: String,
    field: FieldPath,
    path: &str,
    findings: &mut Findings,
) {
    let (label, change) = match declaration.source(path) {
        Some((file, field)) => (
            format!("declared in `{file}`, `{field}`"),
            format!("change `{field}` in `{file}` first: what is no longer declared may go"),
        ),
        None => (
            format!("declared by the mesh `{}`", declaration.mesh.name),
            "change the intent first: what is no longer declared may go".to_owned(),
        ),
    };
    let spec = FieldPath::parse("spec").0.into_iter().chain(FieldPath::parse(path).0).collect();
    let mut finding = RULE
        .at(Place { span: Span::NONE, path: field }, message)
        .related(Place { span: Span::NONE, path: FieldPath(spec) }, label)
        .help(change)
        .cluster(&declaration.cluster.name);
    finding.object = Some(match loss.namespace {
        "" => format!("{}/{}", loss.kind, loss.name),
        namespace => format!("{}/{namespace}/{}", loss.kind, loss.name),
    });
    findings.push(finding);
}

fn deleted(declaration: &DeclarationSpec, loss: &Loss<'_>, findings: &mut Findings) {
    let system = declaration.istio.namespace.as_str();
    let (cluster, mesh) = (&declaration.cluster.name, &declaration.mesh.name);
    let name = FieldPath::parse("metadata.name");
    match (loss.group, loss.kind) {
        ("", "Namespace") if loss.name == system => {
            let message = format!("deleting `{system}` takes cluster `{cluster}` out of mesh `{mesh}`");
            report(declaration, loss, message, name, "istio.namespace", findings);
        }
        ("", "Service") | (GATEWAY_API, "Gateway") => {
            let Some((index, gateway)) = declaration.gateway(loss.name) else { return };
            let network = |fact: &Fact| matches!(fact, Fact::GatewayNetwork { .. });
            if loss.namespace == system || loss.before.list.iter().any(|claim| network(&claim.fact)) {
                let message = format!(
                    "deleting {} `{}` closes the gateway by which other networks reach cluster `{cluster}`",
                    loss.kind, gateway.name
                );
                report(declaration, loss, message, name, &format!("gateways[{index}]"), findings);
            }
        }
        ("metallb.io", "IPAddressPool") => {
            let message = format!(
                "deleting pool `{}` takes the address of a gateway by which other networks reach cluster `{cluster}`",
                loss.name
            );
            if let Some((index, _)) = pool_of_gateway(declaration, loss.name) {
                report(declaration, loss, message, name, &format!("pools[{index}]"), findings);
            }
        }
        ("metallb.io", kind @ ("L2Advertisement" | "BGPAdvertisement")) => {
            // The one that is rendered for a pool has its name; others may announce the pool as well.
            let Some((index, advertise)) = pool_of_gateway(declaration, loss.name) else { return };
            let own = match advertise {
                Advertise::L2 => "L2Advertisement",
                Advertise::Bgp => "BGPAdvertisement",
                Advertise::StatusOnly => "",
            };
            if kind == own {
                let message = format!(
                    "deleting {kind} `{}` leaves nobody to answer at a gateway by which other networks reach cluster \
                     `{cluster}`",
                    loss.name
                );
                report(declaration, loss, message, name, &format!("pools[{index}].advertise"), findings);
            }
        }
        ("", "Secret") => {
            unread(declaration, loss, None, findings);
            signs_itself(declaration, loss, findings);
        }
        _ => {
            closed(declaration, loss, None, findings);
            locked_out(declaration, loss, None, findings);
        }
    }
}

/// A declared pool that has the address of a declared gateway.
fn pool_of_gateway(declaration: &DeclarationSpec, name: &str) -> Option<(usize, Advertise)> {
    let (index, pool) = declaration.pools.iter().enumerate().find(|(_, pool)| pool.name.as_str() == name)?;
    let mut addresses = declaration.gateways.iter().filter_map(|gateway| gateway.address.as_ref()?.ip());
    addresses
        .any(|ip| pool.addresses.iter().any(|range| range.contains(ip)))
        .then_some((index, pool.advertise))
}

/// Remote clusters that no longer reach the istiod that serves them: a server or a route of one of its two ports is gone.
fn locked_out(
    declaration: &DeclarationSpec,
    loss: &Loss<'_>,
    after: Option<&Claims>,
    findings: &mut Findings,
) {
    if !declaration.control_plane.serves_others {
        return;
    }
    for port in [Port::XDS, Port::WEBHOOK] {
        let hands_out = |fact: &Fact| hands_out_istiod(declaration, fact, port);
        let before: Option<&Claim> = loss.before.list.iter().find(|claim| hands_out(&claim.fact));
        let still = after.is_some_and(|after| after.list.iter().any(|claim| hands_out(&claim.fact)));
        let Some(claim) = before.filter(|_| !still) else { continue };
        let message = format!(
            "clusters that istiod of `{}` serves no longer reach it at port {port}",
            declaration.cluster.name
        );
        report(declaration, loss, message, claim.path.clone(), "controlPlane.servesOthers", findings);
    }
}

fn hands_out_istiod(declaration: &DeclarationSpec, fact: &Fact, port: Port) -> bool {
    let port = port.to_string();
    match fact {
        Fact::Exposure { server, part: ServerPart::Port } => {
            server.port == port
                && declaration.gateways.iter().any(|gateway| gateway.istio_label == server.selector)
        }
        Fact::IstiodRoute { port: matched, part: RoutePart::Host } => *matched == port,
        _ => false,
    }
}

/// Clusters of the mesh that istiod no longer reads.
fn unread(declaration: &DeclarationSpec, loss: &Loss<'_>, after: Option<&Claims>, findings: &mut Findings) {
    if declaration.control_plane.role != DeclaredRole::Primary {
        return;
    }
    for claim in &loss.before.list {
        let Fact::RemoteCluster { namespace } = &claim.fact else { continue };
        let stays =
            |now: &Claims| now.list.iter().any(|now| now.fact == claim.fact && now.value == claim.value);
        let is_declared = declaration.remote_secrets.keys().any(|id| id.as_str() == claim.value);
        if namespace != declaration.istio.namespace.as_str() || !is_declared || after.is_some_and(stays) {
            continue;
        }
        let message =
            format!("istiod of `{}` no longer reads cluster `{}`", declaration.cluster.name, claim.value);
        let path = format!("remoteSecrets.{}", claim.value);
        report(declaration, loss, message, claim.path.clone(), &path, findings);
    }
}

/// Without its certificate istiod makes a root of its own, which no other cluster trusts.
fn signs_itself(declaration: &DeclarationSpec, loss: &Loss<'_>, findings: &mut Findings) {
    let system = declaration.istio.namespace.as_str();
    let signs = |fact: &Fact| matches!(fact, Fact::CaKeys { namespace } if namespace == system);
    let root = declaration.mesh.root_certificate_sha256.is_some();
    if let Some(claim) = loss.before.list.iter().find(|claim| root && signs(&claim.fact)) {
        let message = format!(
            "without `{}` istiod of `{}` signs by a root of its own, which the mesh does not trust",
            loss.name, declaration.cluster.name
        );
        report(declaration, loss, message, claim.path.clone(), "mesh.rootCertificateSHA256", findings);
    }
}

fn changed(declaration: &DeclarationSpec, loss: &Loss<'_>, after: &Claims, findings: &mut Findings) {
    let now: BTreeSet<&Fact> = after.list.iter().map(|claim| &claim.fact).collect();
    for claim in loss.before.list.iter().filter(|claim| !now.contains(&claim.fact)) {
        let (what, path) = match &claim.fact {
            Fact::NamespaceNetwork { namespace } if *namespace == declaration.istio.namespace.as_str() => {
                ("the system namespace no longer names its network".to_owned(), "network".to_owned())
            }
            Fact::LeadingClusters { namespace }
                if *namespace == declaration.istio.namespace.as_str()
                    && declaration.control_plane.role == DeclaredRole::Remote =>
            {
                let what =
                    "the system namespace no longer names the cluster whose istiod serves it".to_owned();
                (what, "controlPlane.primary".to_owned())
            }
            Fact::GatewayNetwork { gateway } if discovered_by_label(declaration) => {
                let Some((index, _)) = declaration.gateway(gateway) else { continue };
                let what = format!(
                    "Service of gateway `{gateway}` no longer names its network, so that no peer finds it"
                );
                (what, format!("gateways[{index}]"))
            }
            _ => continue,
        };
        let message = format!("{what} `{}`", claim.value);
        report(declaration, loss, message, claim.path.clone(), &path, findings);
    }
    closed(declaration, loss, Some(after), findings);
    locked_out(declaration, loss, Some(after), findings);
    unread(declaration, loss, Some(after), findings);
}

fn discovered_by_label(declaration: &DeclarationSpec) -> bool {
    let network = declaration.networks.get(&declaration.network);
    network.is_some_and(|network| network.discovery == GatewayDiscovery::Labels)
}

/// An Istio `Gateway` that let other networks in at a declared gateway and no longer does.
fn closed(declaration: &DeclarationSpec, loss: &Loss<'_>, after: Option<&Claims>, findings: &mut Findings) {
    for (index, gateway) in declaration.gateways.iter().enumerate() {
        let before = loss.before.list.iter().find(|claim| lets_in(&claim.fact, gateway));
        // A server on the same port that lets in otherwise contradicts the declaration, which is judged elsewhere.
        let stands = |fact: &Fact| lets_in(fact, gateway) || opens_mtls(fact, gateway);
        let still = after.is_some_and(|after| after.list.iter().any(|claim| stands(&claim.fact)));
        let Some(claim) = before.filter(|_| !still) else { continue };
        let message = format!(
            "gateway `{}` no longer lets other networks in to cluster `{}`",
            gateway.name, declaration.cluster.name
        );
        report(declaration, loss, message, claim.path.clone(), &format!("gateways[{index}]"), findings);
    }
}

fn lets_in(fact: &Fact, gateway: &DeclaredGateway) -> bool {
    match fact {
        Fact::Exposure { server, part: ServerPart::Host } => {
            server.lets_in() && server.selector == gateway.istio_label
        }
        _ => false,
    }
}

fn opens_mtls(fact: &Fact, gateway: &DeclaredGateway) -> bool {
    matches!(fact, Fact::Exposure { server, .. }
        if server.selector == gateway.istio_label && server.port == Port::MTLS.to_string())
}
