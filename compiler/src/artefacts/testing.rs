//! Meshes for the tests of artefacts: intent in, what one artefact renders out.

use meshwright_policies::finding::Place;
use meshwright_policies::intent::{ClusterSpec, ControlPlane, Document, MeshSpec, NetworkSpec};
use meshwright_policies::mesh::{Cluster, EntryPoint, Fleet, Istio, Mesh, Network, Role, Written};
use meshwright_policies::names::{ClusterId, ClusterName, MeshName, NetworkId, ObjectName};
use meshwright_policies::node::Node;
use serde::Deserialize;
use serde_json::Value;

use crate::artefact::{Artefact, Output, Root};

/// The hosted mesh of three clusters, each a network of its own, with `more` in its `mspider` block.
pub(super) fn hosted(more: &str) -> Fleet {
    let head = format!(
        "{{apiVersion: meshwright.dev/v1alpha1, kind: Mesh, metadata: {{name: mdemo-mesh}}, spec: {{
            istio: {{version: 1.15.3-mspider, hub: release-ci.daocloud.io/mspider, install: IstioOperator}},
            controlPlane: {{hosted: {{cluster: mdemo-cluster1, mspider: {{globalCluster: kpanda-global-cluster{more}}}}}}},
            gatewayDiscovery: meshNetworks}}}}"
    );
    let member = |n: u8, address: &str, rest: &str| {
        format!(
            "\n---\n{{apiVersion: meshwright.dev/v1alpha1, kind: Network, metadata: {{name: network-c{n}}}, spec: {{
                gateways: [{{cluster: mdemo-cluster{n}, address: {address}, port: 15443}}]}}}}
            \n---\n{{apiVersion: meshwright.dev/v1alpha1, kind: Cluster, metadata: {{name: mdemo-cluster{n}}}, spec: {{
                network: network-c{n}{rest}}}}}"
        )
    };
    let addresses = ", loadBalancer: {addresses: {controlPlane: 10.64.30.71, ingress: 10.64.30.72, eastWest: 10.64.30.73}}";
    fleet(&format!(
        "{head}{}{}{}",
        member(1, "10.64.30.73", addresses),
        member(2, "10.6.136.29", ""),
        member(3, "10.64.30.77", "")
    ))
}

/// The mesh of an intent; every document but networks and clusters of one mesh is a mistake of the test.
pub(super) fn fleet(text: &str) -> Fleet {
    let mut meshes: Vec<Mesh> = Vec::new();
    for document in serde_yaml::Deserializer::from_str(text) {
        let json = Value::deserialize(document).unwrap();
        match (json["kind"].as_str().unwrap(), meshes.last_mut()) {
            ("Mesh", None) => meshes.push(mesh(&json)),
            ("Network", Some(mesh)) => {
                let network = network(&json);
                mesh.networks.insert(network.id.clone(), network);
            }
            ("Cluster", Some(mesh)) => {
                let cluster = cluster(mesh, &json);
                mesh.clusters.insert(cluster.name.clone(), cluster);
            }
            other => panic!("{other:?}"),
        }
    }
    Fleet { meshes: meshes.into_iter().map(|mesh| (mesh.name.clone(), mesh)).collect(), settings: vec![] }
}

fn parse<Spec: Default + for<'de> Deserialize<'de>>(json: &Value) -> (String, Spec, Written) {
    let document: Document<Spec> = serde_json::from_value(json.clone()).unwrap();
    (document.metadata.name, document.spec, Written { document: Node::from_json(json) })
}

fn mesh(json: &Value) -> Mesh {
    let (name, spec, written) = parse::<MeshSpec>(json);
    let id = spec.mesh_id.clone().unwrap_or_else(|| name.clone().try_into().unwrap());
    let name = MeshName::new(name).unwrap();
    Mesh { name, id, spec, written, networks: Default::default(), clusters: Default::default() }
}

fn network(json: &Value) -> Network {
    let (name, spec, written) = parse::<NetworkSpec>(json);
    let entries = spec.gateways.iter().map(|gateway| EntryPoint {
        cluster: gateway.cluster.clone(),
        gateway: ObjectName::new("istio-eastwestgateway").unwrap(),
        address: gateway.address.clone(),
        port: gateway.port.unwrap(),
        address_from: gateway.address_from.clone(),
        place: Place::unknown(),
    });
    let entries = entries.collect();
    Network { id: NetworkId::new(name).unwrap(), spec, written, entries }
}

fn cluster(mesh: &Mesh, json: &Value) -> Cluster {
    let (name, spec, written) = parse::<ClusterSpec>(json);
    let istio = spec.istio.clone().unwrap_or_else(|| mesh.spec.istio.clone());
    let name = ClusterName::new(name).unwrap();
    let role = match &mesh.spec.control_plane {
        ControlPlane::MultiPrimary(_) => Role::Primary,
        ControlPlane::PrimaryRemote(shape) if shape.primaries.contains(&name) => Role::Primary,
        ControlPlane::PrimaryRemote(shape) => Role::Remote { primary: shape.primaries.first().cloned() },
        ControlPlane::Hosted(_) => Role::HostedWorker,
    };
    Cluster {
        id: ClusterId::new(name.as_str()).unwrap(),
        name,
        network: spec.network.clone().unwrap(),
        role,
        istio: Istio {
            version: istio.version.unwrap(),
            hub: istio.hub,
            tag: istio.tag,
            install: istio.install,
            applied_by: istio.applied_by,
            data_plane: istio.data_plane,
            namespace: istio.namespace,
            revision: istio.revision,
            profile: istio.profile,
            chart_repository: istio.chart_repository,
            cni: istio.cni,
            values: istio.values,
            mesh_config: istio.mesh_config,
        },
        gateways: vec![],
        delivery: mesh.spec.delivery.clone(),
        spec,
        written,
    }
}

/// Everything that one artefact renders.
pub(super) fn render(artefact: &dyn Artefact, fleet: &Fleet) -> Output {
    let mut out = Output::default();
    out.begin(artefact.name());
    for mesh in fleet.meshes.values() {
        mesh.clusters.values().for_each(|cluster| artefact.render_cluster(mesh, cluster, &mut out));
        artefact.render_mesh(mesh, &mut out);
    }
    artefact.render_fleet(fleet, &mut out);
    out
}

/// The objects of one root, as one YAML stream.
pub(super) fn yaml(out: &Output, root: &Root) -> String {
    let objects = out.objects().get(root).map(Vec::as_slice).unwrap_or_default();
    let texts: Vec<String> =
        objects.iter().map(|rendered| serde_yaml::to_string(rendered.object.as_map()).unwrap()).collect();
    texts.join("---\n")
}

/// `clusters/<name>/mesh`.
pub(super) fn root(name: &str) -> Root {
    Root::Mesh(ClusterName::new(name).unwrap())
}
