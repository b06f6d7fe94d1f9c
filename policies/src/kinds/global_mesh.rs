//! Mspider's `GlobalMesh`: parameters of the hosted control plane, as a flat map of strings or its nested twin.

use std::collections::BTreeMap;

use super::{Kind, values};
use crate::claim::{At, Claims, Fact, Subject};

/// `discovery.mspider.io/GlobalMesh`.
pub(super) struct GlobalMesh;

/// Prefix of flat parameters that become chart values.
const VALUES: &str = "istio.custom_params.values.";

impl Kind for GlobalMesh {
    fn group(&self) -> &'static str {
        "discovery.mspider.io"
    }

    fn kind(&self) -> &'static str {
        "GlobalMesh"
    }

    fn plural(&self) -> &'static str {
        "globalmeshes"
    }

    fn claims(&self, object: &At<'_>, claims: &mut Claims) {
        let name = object.get("metadata").and_then(|metadata| metadata.text_of("name"));
        claims.subject = Subject::Mesh(name.unwrap_or_default());
        let Some(spec) = object.get("spec") else { return };
        let Some(owner) = spec.get("ownerConfig") else { return };
        if let Some(params) = owner.get("controlPlaneParams") {
            flat(&params, claims);
        }
        let Some(nested) = owner.get("controlPlaneParamsStruct") else { return };
        let Some(istio) = nested.get("istio") else { return };
        let Some(custom) = istio.get("custom_params") else { return };
        if let Some(values) = custom.get("values") {
            values::istiod(&values, claims);
        }
    }
}

/// An address with the value of its port, by network.
type Gateways<'a> = BTreeMap<&'a str, BTreeMap<&'a str, (Option<At<'a>>, Option<At<'a>>)>>;

fn flat(params: &At<'_>, claims: &mut Claims) {
    let mut networks: Gateways<'_> = BTreeMap::new();
    for (key, at) in params.entries() {
        let Some(key) = key.strip_prefix(VALUES) else { continue };
        let fact = match key {
            "global.remotePilotAddress" => Fact::ControlPlaneAddress,
            "global.meshID" => Fact::MeshId,
            "global.network" => Fact::Network,
            "global.multiCluster.clusterName" => Fact::ClusterId,
            "meshConfig.trustDomain" | "global.trustDomain" => Fact::TrustDomain,
            _ => {
                collect(key, at, &mut networks);
                continue;
            }
        };
        claims.scalar(fact, Some(at));
    }
    if networks.is_empty() {
        return;
    }
    let ids: Vec<&str> = networks.keys().copied().collect();
    claims.add(Fact::MeshNetworks, params, ids.join(","));
    for (network, gateways) in &networks {
        entries(network, gateways, params, claims);
    }
}

/// `global.meshNetworks.<network>.gateways[<n>].<address or port>`.
fn collect<'a>(key: &'a str, at: At<'a>, networks: &mut Gateways<'a>) {
    let rest = key.strip_prefix("global.meshNetworks.").and_then(|rest| rest.split_once(".gateways["));
    let Some((network, rest)) = rest else { return };
    let Some((index, field)) = rest.split_once("].") else { return };
    let gateway = networks.entry(network).or_default().entry(index).or_default();
    match field {
        "address" => gateway.0 = Some(at),
        "port" => gateway.1 = Some(at),
        _ => {}
    }
}

fn entries<'a>(
    network: &str,
    gateways: &BTreeMap<&'a str, (Option<At<'a>>, Option<At<'a>>)>,
    params: &At<'_>,
    claims: &mut Claims,
) {
    let text = |at: &Option<At<'_>>| at.as_ref().and_then(At::text).unwrap_or_default();
    let all: Vec<String> = gateways.values().map(|(a, p)| format!("{} {}", text(a), text(p))).collect();
    let named = gateways.values().find_map(|(address, port)| address.as_ref().or(port.as_ref()));
    claims.add(Fact::NamedNetwork, named.unwrap_or(params), network);
    claims.add(Fact::Entries { network: network.to_owned() }, named.unwrap_or(params), all.join(","));
    for (address, port) in gateways.values() {
        claims.scalar(Fact::EntryAddress { network: network.to_owned() }, *address);
        let fact = Fact::EntryPort { network: network.to_owned(), address: text(address) };
        claims.scalar(fact, *port);
    }
}
