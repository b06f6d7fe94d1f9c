//! Which intent file and field every value of a declaration comes from.

use std::collections::{BTreeMap, BTreeSet};

use meshwright_policies::declaration::regions;
use meshwright_policies::finding::Place;
use meshwright_policies::intent::{GatewayDiscovery, PolicySetting, PreviousValues};
use meshwright_policies::mesh::{Cluster, Fleet, Mesh, Role, Written};
use meshwright_policies::names::NetworkId;
use meshwright_policies::node::{FieldPath, FileId, Step};

use crate::yaml;

/// By file: path in the declaration's spec -> field of the intent. No lines: moving a document inside its file changes
/// no object.
pub(super) type ByFile = BTreeMap<String, BTreeMap<String, String>>;

/// The sources that all clusters of a mesh share.
#[derive(PartialEq)]
pub(super) struct SharedSources {
    fields: ByFile,
    /// The item of each file as YAML.
    written: BTreeMap<String, String>,
}

impl SharedSources {
    /// Writes the field `provenance` of a declaration, with its own sources, behind what is there.
    pub(super) fn append(&self, own: &ByFile, out: &mut String, indent: usize) {
        yaml::spaces(out, indent);
        let files: BTreeSet<&String> = own.keys().chain(self.written.keys()).collect();
        out.push_str(if files.is_empty() { "provenance: []\n" } else { "provenance:\n" });
        for file in files {
            match (own.get(file), self.fields.get(file)) {
                (None, _) => out.push_str(self.written.get(file).map_or("", String::as_str)),
                (Some(own), None) => append_item(out, file, own.iter(), indent),
                (Some(own), Some(shared)) => {
                    let mut both: BTreeMap<&String, &String> = shared.iter().collect();
                    both.extend(own);
                    append_item(out, file, both.into_iter(), indent);
                }
            }
        }
    }
}

/// All that says where values come from, but for the cluster itself.
#[derive(PartialEq)]
pub(super) struct Documents {
    files: BTreeMap<FileId, String>,
    settings: Vec<(PolicySetting, Place)>,
    mesh: Written,
    networks: BTreeMap<NetworkId, Written>,
    /// Whether the mesh has more than one cluster.
    has_peers: bool,
}

/// Where the address is written at which a cluster reaches its istiod.
#[derive(Clone, PartialEq)]
pub(super) struct Dialled {
    place: Place,
    /// The network of the cluster that serves it.
    network: NetworkId,
}

impl Dialled {
    /// Of a cluster that another one serves.
    pub(super) fn by(cluster: &Cluster, mesh: &Mesh) -> Option<Dialled> {
        let (_, place) = mesh.control_plane_source(cluster)?;
        Some(Dialled { place, network: mesh.serving(cluster)?.network.clone() })
    }
}

impl Documents {
    pub(super) fn new(fleet: &Fleet, mesh: &Mesh) -> Documents {
        let networks = mesh.networks.iter();
        Documents {
            files: fleet.files.clone(),
            settings: fleet.settings.clone(),
            mesh: mesh.written.clone(),
            networks: networks.map(|(id, network)| (id.clone(), network.written.clone())).collect(),
            has_peers: mesh.clusters.len() > 1,
        }
    }

    /// The sources of what all clusters share.
    pub(super) fn shared_sources(&self, mesh: &Mesh) -> SharedSources {
        let mut fields = ByFile::new();
        self.mesh_values(mesh, &mut fields);
        for network in mesh.networks.values() {
            // As a field path is written, with a key that may hold dots.
            let base = FieldPath::parse("networks").key(network.id.as_str()).to_string();
            self.add(&mut fields, &base, &network.written.name());
            let discovery = match network.spec.gateway_discovery {
                Some(_) => network.written.place("spec.gatewayDiscovery"),
                None => mesh.written.place("spec.gatewayDiscovery"),
            };
            self.add(&mut fields, &format!("{base}.discovery"), &discovery);
            // Addresses behind a label are claimed nowhere but at their own gateway.
            let announced = mesh.gateway_discovery(network) == GatewayDiscovery::MeshNetworks;
            for (index, entry) in network.entries.iter().enumerate().filter(|_| announced) {
                self.add(&mut fields, &format!("{base}.gateways[{index}]"), &entry.place);
            }
        }
        let item = |(file, fields): (&String, &BTreeMap<String, String>)| {
            let mut text = String::new();
            append_item(&mut text, file, fields.iter(), super::INDENT);
            (file.clone(), text)
        };
        let written = fields.iter().map(item).collect();
        SharedSources { fields, written }
    }

    /// The sources of what a cluster has of its own.
    pub(super) fn sources(&self, cluster: &Cluster, dialled: Option<&Dialled>) -> ByFile {
        let mut own = ByFile::new();
        for (path, place) in self.cluster_values(cluster) {
            self.add(&mut own, &path, &self.where_written(&cluster.network, place));
        }
        if let Some(Dialled { place, network }) = dialled {
            self.add(&mut own, "controlPlane.address", &self.where_written(network, place.clone()));
        }
        for (index, (_, place)) in self.exceptions(cluster).enumerate() {
            self.add(&mut own, &format!("exceptions[{index}]"), place);
        }
        own
    }

    fn mesh_values(&self, mesh: &Mesh, into: &mut ByFile) {
        let mut add = |path: &str, place: &Place| self.add(into, path, place);
        add("mesh.name", &mesh.written.name());
        add("mesh.id", &mesh.id_place());
        for field in ["trustDomain", "clusterDomain"] {
            add(&format!("mesh.{field}"), &mesh.written.place(format!("spec.{field}").as_str()));
        }
        let ca = mesh.spec.ca.as_ref();
        for (field, declared) in [
            ("rootCertificateSHA256", ca.is_some_and(|ca| ca.root_certificate_sha256.is_some())),
            ("rootLifetime", ca.is_some_and(|ca| ca.root_lifetime.is_some())),
            ("intermediateLifetime", ca.is_some_and(|ca| ca.intermediate_lifetime.is_some())),
        ] {
            if declared {
                let place = mesh.written.place(format!("spec.ca.{field}").as_str());
                add(&format!("mesh.{field}"), &place);
            }
        }
        if !mesh.spec.trust_domain_aliases.is_empty() {
            add("mesh.trustDomainAliases", &mesh.written.place("spec.trustDomainAliases"));
        }
        let before = mesh.spec.previous.as_ref();
        for (field, declared) in [
            ("meshID", before.is_some_and(|before| before.mesh_id.is_some())),
            ("trustDomain", before.is_some_and(|before| before.trust_domain.is_some())),
            ("rootCertificateSHA256", before.is_some_and(|before| before.root_certificate_sha256.is_some())),
        ] {
            if declared {
                let place = mesh.written.place(format!("spec.previous.{field}").as_str());
                add(&format!("previous.{field}"), &place);
            }
        }
        // The first that says the region.
        let regions: BTreeSet<String> = regions(mesh).into_iter().collect();
        let mut places = BTreeMap::new();
        for cluster in mesh.clusters.values() {
            if places.len() == regions.len() {
                break;
            }
            for (region, path) in regions_of(cluster) {
                let place = || self.where_written(&cluster.network, cluster.written.place(path.as_str()));
                places.entry(region).or_insert_with(place);
            }
        }
        for (index, region) in regions.iter().enumerate() {
            if let Some(place) = places.get(region.as_str()) {
                add(&format!("mesh.regions[{index}]"), place);
            }
        }
    }

    fn exceptions(&self, cluster: &Cluster) -> impl Iterator<Item = &(PolicySetting, Place)> {
        let name = &cluster.name;
        self.settings.iter().filter(move |(s, _)| s.clusters.is_empty() || s.clusters.contains(name))
    }

    fn cluster_values(&self, cluster: &Cluster) -> Vec<(String, Place)> {
        let balancer = &cluster.spec.load_balancer;
        let mut fields: Vec<(String, Place)> = Vec::new();
        let mut add = |path: &str, place: Place| fields.push((path.to_owned(), place));
        add("cluster.name", cluster.written.name());
        add("cluster.id", cluster.id_place());
        add("network", cluster.written.place("spec.network"));
        let role = match &cluster.role {
            Role::Remote { .. } if cluster.spec.primary.is_some() => cluster.written.place("spec.primary"),
            _ => self.mesh.place("spec.controlPlane"),
        };
        add("controlPlane", role);
        for field in ["version", "namespace", "revision", "install", "profile", "dataPlane"] {
            let place = cluster.written.place(format!("spec.istio.{field}").as_str());
            let optional = matches!(field, "revision" | "profile");
            let written = cluster.written.document.at(&place.path).is_some();
            if written || !optional {
                add(&format!("istio.{field}"), place);
            }
        }
        let planned = &balancer.addresses;
        for (field, address) in [
            ("controlPlane", &planned.control_plane),
            ("ingress", &planned.ingress),
            ("eastWest", &planned.east_west),
        ] {
            if address.is_some() {
                let path = format!("spec.loadBalancer.addresses.{field}");
                add(&format!("addresses.{field}"), cluster.written.place(path.as_str()));
            }
        }
        for index in 0..balancer.metallb.iter().flat_map(|metallb| &metallb.pools).count() {
            let path = format!("spec.loadBalancer.metallb.pools[{index}]");
            add(&format!("pools[{index}]"), cluster.written.place(path.as_str()));
        }
        for (index, gateway) in cluster.gateways.iter().enumerate() {
            if let Some(Step::Index(_)) = gateway.place.path.0.last() {
                add(&format!("gateways[{index}]"), gateway.place.clone());
            } else {
                // The network asks for it, and is what it sees; whoever wants another one declares it.
                let path = FieldPath::parse("spec.eastWestGateways");
                add(&format!("gateways[{index}]"), Place { span: cluster.written.name().span, path });
                add(&format!("gateways[{index}].networkView"), gateway.place.clone());
            }
            if gateway.address.is_some() {
                add(&format!("gateways[{index}].address"), gateway.address_place.clone());
            }
        }
        for (field, declared) in [
            ("workloadNetworks", !cluster.spec.workload_networks.is_empty()),
            ("podCIDRs", !cluster.spec.pod_cidrs.is_empty()),
            ("serviceCIDRs", !cluster.spec.service_cidrs.is_empty()),
        ] {
            if declared {
                add(field, cluster.written.place(format!("spec.{field}").as_str()));
            }
        }
        if cluster.spec.locality.is_some() {
            add("locality", cluster.written.place("spec.locality"));
        }
        for (index, node) in cluster.spec.nodes.iter().enumerate().filter(|(_, n)| n.locality.is_some()) {
            let place = cluster.written.place(format!("spec.nodes[{index}].locality").as_str());
            add(&FieldPath::parse("nodes").key(node.name.as_str()).to_string(), place);
        }
        let own = |before: &PreviousValues| {
            before.network.is_some()
                || before.cluster_id.is_some()
                || before.ingress_address.is_some()
                || !before.pools.is_empty()
                || !before.gateways.is_empty()
        };
        if cluster.spec.previous.as_ref().is_some_and(own) {
            add("previous", cluster.written.place("spec.previous"));
        }
        if cluster.role == Role::Primary && self.has_peers {
            add("remoteSecrets", self.mesh.place("spec.controlPlane"));
        }
        fields
    }

    /// A place of the effective document of a cluster in `network`, as a field of the document that was written: values of the mesh and
    /// the network stand below their `clusterDefaults`.
    fn where_written(&self, network: &NetworkId, place: Place) -> Place {
        let Some((Step::Key(spec), rest)) = place.path.0.split_first() else { return place };
        if spec != "spec" || !place.span.is_written() {
            return place;
        }
        let prefix = FieldPath::parse("spec.clusterDefaults").0;
        let defaults = FieldPath(prefix.into_iter().chain(rest.iter().cloned()).collect());
        let network = self.networks.get(network);
        let candidates: [(Option<&Written>, &FieldPath); 3] =
            [(network, &defaults), (Some(&self.mesh), &defaults), (Some(&self.mesh), &place.path)];
        let found = candidates.into_iter().find(|(written, path)| {
            written.is_some_and(|written| {
                written.document.at(path).is_some() && written.document.nearest_span(path) == place.span
            })
        });
        match found {
            Some((_, path)) => Place { span: place.span, path: path.clone() },
            None => place,
        }
    }

    /// A value that was written nowhere has no source: it is a default that no file can be blamed for.
    fn add(&self, into: &mut ByFile, path: &str, place: &Place) {
        let file: FileId = place.span.file;
        if let Some(file) = self.files.get(&file) {
            let fields = match into.get_mut(file) {
                Some(fields) => fields,
                None => into.entry(file.clone()).or_default(),
            };
            fields.insert(path.to_owned(), place.path.to_string());
        }
    }
}

/// The regions of a cluster's nodes, with their fields.
fn regions_of(cluster: &Cluster) -> impl Iterator<Item = (&str, String)> {
    let all = cluster.spec.locality.iter().map(|locality| (locality, "spec.locality".to_owned()));
    let nodes = cluster.spec.nodes.iter().enumerate();
    let nodes = nodes
        .filter_map(|(index, node)| Some((node.locality.as_ref()?, format!("spec.nodes[{index}].locality"))));
    all.chain(nodes).map(|(locality, path)| (locality.region.as_str(), path))
}

/// An item of `provenance`: the file, and what comes from which of its fields.
fn append_item<'a>(
    out: &mut String,
    file: &str,
    fields: impl Iterator<Item = (&'a String, &'a String)>,
    indent: usize,
) {
    yaml::spaces(out, indent);
    out.push_str("- ");
    yaml::append_field(out, "file", file, indent.saturating_add(2));
    yaml::spaces(out, indent);
    out.push_str("  fields:\n");
    for (path, field) in fields {
        yaml::spaces(out, indent.saturating_add(4));
        yaml::append_field(out, path, field, indent.saturating_add(4));
    }
}
