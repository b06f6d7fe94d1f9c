//! Every effective value of a cluster, with where it was written or why it is what it is.

use meshwright_policies::intent::{InstallMethod, LoadBalancerProvider};
use meshwright_policies::mesh::{Cluster, Mesh};
use meshwright_policies::node::{FieldPath, Node, Value};
use serde_json::{Value as Json, json};

use super::Compiled;

/// One line per value: path, value, where it was written.
pub(super) fn table(compiled: &Compiled, mesh: &Mesh, cluster: &Cluster) -> String {
    let mut rows = Rows { compiled, cluster, rows: Vec::new() };
    let spec = cluster.written.document.get("spec");
    rows.add("clusterID", cluster.id.as_str(), spec.and_then(|s| s.get("clusterID")), "the cluster's name");
    of_mesh(mesh, cluster, &mut rows);
    let json = serde_json::to_value(&cluster.spec).unwrap_or(Json::Null);
    rows.walk(&with_defaults(json, mesh, cluster), FieldPath::root(), spec);
    rows.derived("(role)", mesh.part_of(cluster), "the mesh's controlPlane".to_owned());
    if let Some((address, place)) = mesh.control_plane_source(cluster) {
        let place = compiled.sources.place(place.span).unwrap_or_default();
        rows.derived("(control plane)", address.to_string(), place);
    }
    for (i, gateway) in cluster.gateways.iter().enumerate() {
        let address = gateway.dialled().map_or("(from the Service's status)".to_owned(), ToString::to_string);
        let place = compiled.sources.place(gateway.address_place.span).unwrap_or_default();
        let text = format!("{} at {address}:{}", gateway.name, gateway.spec.port);
        rows.derived(&format!("(gateway {i})"), text, place);
    }
    rows.into_text()
}

struct Rows<'a> {
    compiled: &'a Compiled,
    cluster: &'a Cluster,
    rows: Vec<[String; 3]>,
}

impl Rows<'_> {
    fn add(&mut self, path: &str, text: &str, written: Option<&Node>, otherwise: &str) {
        let place = written.filter(|node| !matches!(node.value, Value::Null));
        let place = place
            .and_then(|node| self.compiled.sources.place(node.span))
            .unwrap_or_else(|| otherwise.to_owned());
        self.derived(path, text.to_owned(), place);
    }

    fn derived(&mut self, path: &str, text: String, why: String) {
        self.rows.push([path.to_owned(), text, why]);
    }

    fn walk(&mut self, json: &Json, path: FieldPath, written: Option<&Node>) {
        match json {
            Json::Object(map) if !map.is_empty() => {
                for (key, value) in map {
                    let known = path.0.is_empty() && key == "clusterID";
                    if !known {
                        self.walk(value, path.clone().key(key), written.and_then(|node| node.get(key)));
                    }
                }
            }
            Json::Array(items) if items.iter().any(|item| item.is_object() || item.is_array()) => {
                for (i, value) in items.iter().enumerate() {
                    self.walk(value, path.clone().index(i), written.and_then(|node| node.item(i)));
                }
            }
            Json::Object(_) if written.is_none() && path.to_string() != "delivery.none" => {}
            Json::Array(items) if items.is_empty() => {}
            scalar => {
                let path = path.to_string();
                let otherwise = reason(&path, self.cluster);
                self.add(&path, &text(scalar), written, otherwise);
            }
        }
    }

    fn into_text(self) -> String {
        let width = |column: fn(&[String; 3]) -> &str| {
            self.rows.iter().map(|row| column(row).chars().count()).max().unwrap_or(0).min(60)
        };
        let (first, second) = (width(|[a, ..]| a), width(|[_, b, _]| b));
        let lines = self.rows.iter();
        lines.map(|[path, value, place]| format!("{path:first$}  {value:second$}  {place}\n")).collect()
    }
}

/// What the cluster has from its mesh and its network.
fn of_mesh(mesh: &Mesh, cluster: &Cluster, rows: &mut Rows<'_>) {
    let spec = mesh.written.document.get("spec");
    let said = |key: &str| spec.and_then(|spec| spec.get(key));
    rows.add("(mesh) meshID", mesh.id.as_str(), said("meshID"), "the mesh's name");
    rows.add("(mesh) trustDomain", mesh.spec.trust_domain.as_str(), said("trustDomain"), DEFAULT);
    let aliases: Vec<&str> = mesh.spec.trust_domain_aliases.iter().map(|alias| alias.as_str()).collect();
    if !aliases.is_empty() {
        let text = format!("[{}]", aliases.join(", "));
        rows.add("(mesh) trustDomainAliases", &text, said("trustDomainAliases"), DEFAULT);
    }
    rows.add("(mesh) clusterDomain", mesh.spec.cluster_domain.as_str(), said("clusterDomain"), DEFAULT);
    let Some(network) = mesh.networks.get(&cluster.network) else { return };
    let of_network = network.written.document.get("spec");
    let declared =
        of_network.and_then(|spec| spec.get("gatewayDiscovery")).or_else(|| said("gatewayDiscovery"));
    let discovery = text(&json!(mesh.gateway_discovery(network)));
    rows.add("(network) gatewayDiscovery", &discovery, declared, DEFAULT);
    let connectivity = of_network.and_then(|spec| spec.get("podConnectivity"));
    rows.add(
        "(network) podConnectivity",
        &text(&json!(network.spec.pod_connectivity)),
        connectivity,
        DEFAULT,
    );
}

const DEFAULT: &str = "default";

/// The spec with what is decided where it says nothing.
fn with_defaults(mut spec: Json, mesh: &Mesh, cluster: &Cluster) -> Json {
    let put = |map: &mut Json, key: &str, value: Json| {
        if let Some(map) = map.as_object_mut()
            && !map.contains_key(key)
        {
            map.insert(key.to_owned(), value);
        }
    };
    put(&mut spec, "mesh", json!(mesh.name));
    put(&mut spec, "context", json!(cluster.name));
    put(&mut spec, "delivery", json!(cluster.delivery));
    put(&mut spec, "istio", json!({}));
    if let Some(istio) = spec.get_mut("istio") {
        put(istio, "tag", json!(tag(cluster)));
        put(istio, "hub", json!("(the charts' own)"));
        put(istio, "revision", json!("(none: default)"));
        put(istio, "profile", json!("(none)"));
    }
    if let Some(balancer) = spec.get_mut("loadBalancer") {
        put(balancer, "provider", json!(cluster.spec.load_balancer.effective_provider()));
    }
    let gateways: Vec<Json> = cluster
        .gateways
        .iter()
        .map(|gateway| {
            let mut json = json!(gateway.spec);
            put(&mut json, "name", json!(gateway.name));
            if let Some(address) = &gateway.address {
                put(&mut json, "address", json!(address.to_string()));
            }
            json
        })
        .collect();
    if let Some(map) = spec.as_object_mut().filter(|_| !gateways.is_empty()) {
        map.insert("eastWestGateways".to_owned(), gateways.into());
    }
    spec
}

fn tag(cluster: &Cluster) -> String {
    match (&cluster.istio.tag, cluster.istio.install) {
        (Some(tag), _) => tag.clone(),
        (None, InstallMethod::IstioOperator) => cluster.istio.version.plain().to_owned(),
        (None, InstallMethod::Helm | InstallMethod::Sail) => "(the charts' own)".to_owned(),
    }
}

/// Why a value is what it is where nobody wrote it.
fn reason(path: &str, cluster: &Cluster) -> &'static str {
    let metallb = cluster.spec.load_balancer.effective_provider() == LoadBalancerProvider::Metallb;
    match path {
        "loadBalancer.provider" if metallb => "default, since pools of MetalLB are declared",
        "loadBalancer.provider" => "default, without pools of MetalLB",
        "istio.tag" if cluster.istio.install == InstallMethod::IstioOperator => "default, the version",
        "context" => "default, the cluster's name",
        "mesh" => "default, its network's or the only one",
        "eastWestGateways[0].address" => "default, loadBalancer.addresses.eastWest",
        _ => DEFAULT,
    }
}

/// A scalar, or a list of scalars, on one line.
fn text(json: &Json) -> String {
    match json {
        Json::String(text) => text.clone(),
        Json::Array(items) => {
            let items: Vec<String> = items.iter().map(text).collect();
            format!("[{}]", items.join(", "))
        }
        other => other.to_string(),
    }
}
