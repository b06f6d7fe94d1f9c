//! Typed intent -> the resolved mesh: references followed, levels laid over each other, defaults applied.
//!
//! A cluster's effective document is its mesh's shared values, its network's, then its own, merged as trees, so that
//! every value keeps the place where it was written. What cannot be resolved is a finding and left out; everything else
//! is still judged, so that a run reports all it can.

mod gateways;
mod layers;

use std::collections::BTreeMap;
use std::sync::Arc;

use meshwright_policies::finding::{Finding, Findings, Place, Rule};
use meshwright_policies::intent::{
    ClusterSpec, ControlPlane, IntentKind, IstioSpec, MeshSpec, PolicySetting,
};
use meshwright_policies::mesh::{Cluster, Fleet, Istio, Mesh, Network, Role, Unread, Written};
use meshwright_policies::names::{ClusterId, ClusterName, MeshId, MeshName, NameError, NetworkId};
use meshwright_policies::node::{FieldPath, Node};
use meshwright_policies::policies::UNDECLARED_NETWORK;
use meshwright_policies::references as rules;
use meshwright_policies::suggest::{did_you_mean, nearest};

use crate::intent::{Intent, Named};
use crate::threads;

/// Fewer clusters are resolved by one thread.
const CLUSTERS_FOR_THREADS: usize = 64;

/// Builds the fleet.
#[must_use]
pub fn resolve(intent: Intent, findings: &mut Findings) -> Fleet {
    let Intent { meshes, networks, clusters, policy_configs, mut unread, .. } = intent;
    let mut fleet = Fleet::default();
    for (name, named) in unique(IntentKind::Mesh, meshes, findings) {
        match mesh(name.clone(), &named, findings) {
            Some(mesh) => drop(fleet.meshes.insert(name, mesh)),
            None => drop(unread.meshes.insert(name.to_string())),
        }
    }
    let networks = unique(IntentKind::Network, networks, findings);
    let mut mesh_of_network = BTreeMap::new();
    for (id, named) in networks {
        let members = Reference { kind: IntentKind::Network, name: id.as_str(), document: &named.document };
        let known = Known { fleet: &fleet, unread: &unread };
        let Some(mesh) = mesh_of(named.spec.mesh.as_ref(), None, &members, known, findings) else {
            unread.networks.insert(id.to_string());
            continue;
        };
        mesh_of_network.insert(id.clone(), mesh.clone());
        let network = Network {
            id: id.clone(),
            spec: named.spec.clone(),
            written: Written { document: named.document.clone() },
            entries: Vec::new(),
        };
        if let Some(mesh) = fleet.meshes.get_mut(&mesh) {
            mesh.networks.insert(id, network);
        }
    }
    let named: Vec<Arc<Named<ClusterName, ()>>> =
        unique(IntentKind::Cluster, clusters, findings).into_values().collect();
    let parts = threads::in_parts(&named, CLUSTERS_FOR_THREADS, |part| {
        let mut found = Findings::new();
        let one = |named: &Arc<Named<ClusterName, ()>>| {
            let known = Known { fleet: &fleet, unread: &unread };
            let cluster = cluster(named.name.clone(), &named.document, &mesh_of_network, known, &mut found);
            cluster.ok_or_else(|| named.name.to_string())
        };
        let clusters: Vec<_> = part.iter().map(one).collect();
        (clusters, found)
    });
    for (clusters, found) in parts {
        findings.extend(found);
        for cluster in clusters {
            let (mesh, cluster) = match cluster {
                Ok(cluster) => cluster,
                Err(name) => {
                    unread.clusters.insert(name);
                    continue;
                }
            };
            if let Some(mesh) = fleet.meshes.get_mut(&mesh) {
                mesh.clusters.insert(cluster.name.clone(), cluster);
            }
        }
    }
    let unread = Arc::new(unread);
    for mesh in fleet.meshes.values_mut() {
        mesh.unread = Arc::clone(&unread);
        gateways::place(mesh);
    }
    for (_, named) in unique(IntentKind::PolicyConfig, policy_configs, findings) {
        let written = Written { document: named.document.clone() };
        let settings = named.spec.policies.iter().enumerate();
        fleet.settings.extend(settings.map(|(i, setting): (usize, &PolicySetting)| {
            (setting.clone(), written.place(FieldPath::parse("spec.policies").index(i)))
        }));
    }
    fleet
}

/// One document per name; further ones are findings. Returned by name, so that nothing depends on the order of files.
fn unique<Name: Ord + Clone + std::fmt::Display, Spec>(
    kind: IntentKind,
    documents: Vec<Arc<Named<Name, Spec>>>,
    findings: &mut Findings,
) -> BTreeMap<Name, Arc<Named<Name, Spec>>> {
    let mut by_name: BTreeMap<Name, Arc<Named<Name, Spec>>> = BTreeMap::new();
    for named in documents {
        if let Some(first) = by_name.get(&named.name) {
            let place = |document: &Node| Place::in_document(document, "metadata.name");
            findings.push(
                rules::DUPLICATE_DOCUMENT
                    .at(
                        place(&named.document),
                        format!("a second {} is called `{}`", kind.as_str(), named.name),
                    )
                    .related(place(&first.document), "the first is here")
                    .help("rename or remove one of them"),
            );
        } else {
            by_name.insert(named.name.clone(), named);
        }
    }
    by_name
}

/// A document that refers to others.
struct Reference<'a> {
    kind: IntentKind,
    name: &'a str,
    document: &'a Node,
}

impl Reference<'_> {
    fn finding(&self, rule: &'static Rule, path: &str, message: String) -> Finding {
        let finding = rule.at(Place::in_document(self.document, path), message);
        if self.kind == IntentKind::Cluster { finding.cluster(self.name) } else { finding }
    }
}

/// What was declared: what could be resolved of it so far, and the names of what could not.
#[derive(Clone, Copy)]
struct Known<'a> {
    fleet: &'a Fleet,
    unread: &'a Unread,
}

/// The mesh a document belongs to: the one it names, else that of its network, else the only one. Of a mesh that is there and
/// has errors of its own, nothing is said.
fn mesh_of(
    named: Option<&MeshName>,
    by_network: Option<&MeshName>,
    reference: &Reference<'_>,
    known: Known<'_>,
    findings: &mut Findings,
) -> Option<MeshName> {
    let meshes = &known.fleet.meshes;
    let names = || meshes.keys().map(MeshName::as_str);
    let finding = match (named, by_network) {
        (Some(name), _) if meshes.contains_key(name) => return Some(name.clone()),
        (Some(name), _) if known.unread.meshes.contains(name.as_str()) => return None,
        (Some(name), _) => {
            let message = format!(
                "{} `{}` belongs to mesh `{name}`, which is not declared",
                reference.kind.as_str(),
                reference.name
            );
            let mut finding = reference.finding(&rules::UNKNOWN_MESH, "spec.mesh", message).found(name);
            finding.help = nearest(name.as_str(), names()).map(|near| format!("did you mean `{near}`?"));
            finding
        }
        (None, Some(name)) => return Some(name.clone()),
        // It may belong to one that has errors.
        (None, None) if !known.unread.meshes.is_empty() => return None,
        (None, None) => {
            let mut all = meshes.keys();
            match (all.next(), all.next()) {
                (Some(only), None) => return Some(only.clone()),
                (None, _) => return None,
                _ => {
                    let message = format!(
                        "{} `{}` does not say which mesh it belongs to",
                        reference.kind.as_str(),
                        reference.name
                    );
                    let names: Vec<String> = names().map(|name| format!("`{name}`")).collect();
                    let help = format!("set `spec.mesh` to one of {}", names.join(", "));
                    reference.finding(&rules::UNKNOWN_MESH, "spec", message).help(help)
                }
            }
        }
    };
    findings.push(finding);
    None
}

fn mesh(name: MeshName, named: &Named<MeshName, MeshSpec>, findings: &mut Findings) -> Option<Mesh> {
    let written = Written { document: named.document.clone() };
    let id = match &named.spec.mesh_id {
        Some(id) => Ok(id.clone()),
        None => MeshId::new(name.as_str()),
    };
    let id = keep(id, || written.name(), findings)?;
    let spec = named.spec.clone();
    Some(Mesh {
        name,
        id,
        spec,
        written,
        networks: BTreeMap::new(),
        clusters: BTreeMap::new(),
        unread: Arc::default(),
    })
}

fn keep<T>(
    result: Result<T, NameError>,
    place: impl FnOnce() -> Place,
    findings: &mut Findings,
) -> Option<T> {
    result.map_err(|error| findings.push(rules::INVALID_VALUE.at(place(), error.to_string()))).ok()
}

fn cluster(
    name: ClusterName,
    document: &Node,
    mesh_of_network: &BTreeMap<NetworkId, MeshName>,
    known: Known<'_>,
    findings: &mut Findings,
) -> Option<(MeshName, Cluster)> {
    let reference = Reference { kind: IntentKind::Cluster, name: name.as_str(), document };
    let own = |key: &str| document.get("spec").and_then(|spec| spec.get(key)).and_then(Node::as_str);
    let own_mesh = own("mesh").and_then(|text| MeshName::new(text).ok());
    let own_network = own("network").and_then(|text| NetworkId::new(text).ok());
    let by_network = own_network.as_ref().and_then(|id| mesh_of_network.get(id));
    if let (None, None, Some(network)) = (&own_mesh, by_network, &own_network) {
        if known.unread.networks.contains(network.as_str()) {
            return None;
        }
        let hosts = |mesh: &Mesh| mesh.hosted().is_some_and(|hosted| hosted.cluster == name);
        let hosting = known.fleet.meshes.values().any(hosts);
        if known.fleet.meshes.len() > 1 && known.unread.meshes.is_empty() && !hosting {
            findings.push(unknown_network(network, &reference, mesh_of_network));
            return None;
        }
    }
    // A hosting cluster is of the mesh that names it.
    let hosts = |mesh: &&Mesh| mesh.hosted().is_some_and(|hosted| hosted.cluster == name);
    let hosting = known.fleet.meshes.values().find(hosts).map(|mesh| &mesh.name);
    let mesh_name = mesh_of(own_mesh.as_ref(), by_network.or(hosting), &reference, known, findings)?;
    let mesh = known.fleet.meshes.get(&mesh_name)?;

    let document = layers::effective(mesh, own_network.as_ref(), document);
    let written = Written { document };
    let reference = Reference { kind: IntentKind::Cluster, name: name.as_str(), document: &written.document };
    let json = written.document.get("spec").map(Node::to_json).unwrap_or_else(|| serde_json::json!({}));
    let spec: ClusterSpec = match serde_json::from_value(json) {
        Ok(spec) => spec,
        Err(error) => {
            crate::intent::undecodable(&written.document, &error, findings);
            return None;
        }
    };
    let Some(network) = spec.network.clone() else {
        let message = format!("cluster `{name}` has no network");
        let known: Vec<String> = mesh.networks.keys().map(|n| format!("`{n}`")).collect();
        let mut help = format!("set `spec.network`; declared networks are {}", known.join(", "));
        if mesh.hosted().is_some_and(|hosted| hosted.cluster == name) {
            help.push_str(
                "; where no workloads run in the hosting cluster, give it one of its own, which needs no gateway, and say \
                 `workloads: false` beside `hosted.cluster`",
            );
        }
        findings.push(reference.finding(&rules::NO_NETWORK, "spec", message).help(help));
        return None;
    };
    let istio = istio(spec.istio.clone().unwrap_or_default(), &name, mesh, &reference, findings)?;
    let id = match &spec.cluster_id {
        Some(id) => Ok(id.clone()),
        None => ClusterId::new(name.as_str()),
    };
    let id = keep(id, || written.name(), findings)?;
    let role = role(&name, &spec, &mesh.spec.control_plane);
    let delivery = spec.delivery.clone().unwrap_or_default();
    Some((
        mesh_name,
        Cluster {
            name,
            id,
            network,
            role,
            istio,
            gateways: Vec::new(),
            delivery,
            carried: Vec::new(),
            spec,
            written,
        },
    ))
}

/// Of several meshes, a cluster belongs to the one of its network; that its network is none's is the mistake.
fn unknown_network(
    network: &NetworkId,
    reference: &Reference<'_>,
    mesh_of_network: &BTreeMap<NetworkId, MeshName>,
) -> Finding {
    let message = format!("cluster `{}` is on network `{network}`, which no mesh declares", reference.name);
    let declared = mesh_of_network.keys().map(NetworkId::as_str);
    let help = did_you_mean(network.as_str(), declared, || {
        format!(
            "declare it: a document of kind Network with `metadata.name: {network}` and the `mesh` it is of"
        )
    });
    reference.finding(&UNDECLARED_NETWORK, "spec.network", message).found(network).help(help)
}

fn istio(
    spec: IstioSpec,
    name: &ClusterName,
    mesh: &Mesh,
    reference: &Reference<'_>,
    findings: &mut Findings,
) -> Option<Istio> {
    let Some(version) = spec.version else {
        let message = format!("the Istio version of cluster `{name}` is declared nowhere");
        findings.push(
            reference
                .finding(&rules::NO_ISTIO_VERSION, "spec.istio", message)
                .related(mesh.written.place("spec.istio"), "the mesh names no version either")
                .help("set `spec.istio.version` in the mesh"),
        );
        return None;
    };
    Some(Istio {
        version,
        hub: spec.hub,
        tag: spec.tag,
        install: spec.install,
        applied_by: spec.applied_by,
        data_plane: spec.data_plane,
        namespace: spec.namespace,
        revision: spec.revision,
        profile: spec.profile,
        chart_repository: spec.chart_repository,
        cni: spec.cni,
        values: spec.values,
        mesh_config: spec.mesh_config,
    })
}

fn role(name: &ClusterName, spec: &ClusterSpec, control_plane: &ControlPlane) -> Role {
    match control_plane {
        ControlPlane::MultiPrimary(_) => Role::Primary,
        ControlPlane::Hosted(_) => Role::HostedWorker,
        ControlPlane::PrimaryRemote(shape) if shape.primaries.contains(name) => Role::Primary,
        ControlPlane::PrimaryRemote(shape) => Role::Remote {
            primary: match (&spec.primary, shape.primaries.as_slice()) {
                (Some(primary), _) => Some(primary.clone()),
                (None, [only]) => Some(only.clone()),
                _ => None,
            },
        },
    }
}
