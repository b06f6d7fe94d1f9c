//! Mspider's `GlobalMesh`: the hosted control plane, its members and its parameters.

use std::collections::BTreeMap;

use meshwright_policies::intent::{Hosted, MspiderParameters};
use meshwright_policies::mesh::Mesh;
use serde_json::{Map, Value, json};

use super::mspider::{self, GLOBAL_VALUES};
use crate::artefact::{Artefact, Output, Wave};

/// Renders the fields of the `GlobalMesh` that the mesh declares, onto the object that Mspider keeps in the global
/// cluster. Server-side apply merges them, but a list (`spec.clusters`) is replaced whole.
///
/// Parameters are those of DaoCloud's guide "MultiCloud Deployment of Service Mesh": the address of the hosted istiod and
/// the gateways of every network. Which Istio and what capacity (`global.istio_version`, `global.mesh_capacity`) stay as
/// they are, or as `controlPlaneParams` says.
pub(super) struct GlobalMesh;

impl Artefact for GlobalMesh {
    fn name(&self) -> &'static str {
        "mspider-global-mesh"
    }

    fn render_mesh(&self, mesh: &Mesh, out: &mut Output) {
        let Some(hosted) = mesh.hosted() else { return };
        let object = mspider::object(mesh, hosted, "GlobalMesh", mesh.name.as_str()).spec(spec(mesh, hosted));
        out.protected(mspider::root(hosted), Wave::ControlPlane, object);
    }
}

fn spec(mesh: &Mesh, hosted: &Hosted) -> Value {
    let mut spec = Map::new();
    spec.insert("mode".into(), "HOSTED".into());
    spec.insert("ownerCluster".into(), hosted.cluster.as_str().into());
    let members = mesh.clusters.values().filter(|cluster| !mesh.only_hosts(cluster));
    spec.insert("clusters".into(), members.map(|cluster| cluster.name.as_str()).collect());
    if let Some(hub) = &mesh.spec.istio.hub {
        spec.insert("hub".into(), hub.as_str().into());
    }
    let owner = owner_config(mesh, hosted);
    if !owner.is_empty() {
        spec.insert("ownerConfig".into(), Value::Object(owner));
    }
    Value::Object(spec)
}

/// `spec.ownerConfig`: our parameters in the form that was asked for. Declared others stay in the flat map in both forms,
/// since that is where they are now; published objects carry the two maps side by side.
fn owner_config(mesh: &Mesh, hosted: &Hosted) -> Map<String, Value> {
    let ours = Parameters::of(mesh, hosted);
    let mut flat: BTreeMap<String, String> = hosted.mspider.control_plane_params.clone();
    flat.retain(|key, _| !ours.owns(key));
    let mut nested = None;
    match hosted.mspider.parameters {
        MspiderParameters::Flat => flat.extend(ours.flat()),
        MspiderParameters::Struct => nested = ours.nested(),
    }
    let mut config = Map::new();
    if !flat.is_empty() {
        let flat = flat.into_iter().map(|(key, value)| (key, value.into())).collect();
        config.insert("controlPlaneParams".into(), Value::Object(flat));
    }
    if let Some(nested) = nested {
        config.insert("controlPlaneParamsStruct".into(), nested);
    }
    config
}

/// The parameters that the mesh itself decides.
struct Parameters<'a> {
    /// `remotePilotAddress`: where the workers reach the hosted istiod.
    pilot: Option<String>,
    /// Gateways by network ID, in the order of the intent: address and port.
    networks: BTreeMap<&'a str, Vec<(String, u16)>>,
}

impl<'a> Parameters<'a> {
    fn of(mesh: &'a Mesh, hosted: &Hosted) -> Parameters<'a> {
        let host = mesh.clusters.get(&hosted.cluster);
        let pilot = host.and_then(|cluster| cluster.spec.load_balancer.addresses.control_plane.as_ref());
        let networks = mesh
            .mesh_networks()
            .map(|network| {
                // One hosted istiod tells every proxy the same address: `addressFrom` has no place here.
                let known = network.entries.iter().filter_map(|entry| {
                    entry.address.as_ref().map(|address| (address.to_string(), entry.port.number()))
                });
                (network.id.as_str(), known.collect::<Vec<_>>())
            })
            .filter(|(_, gateways)| !gateways.is_empty())
            .collect();
        Parameters { pilot: pilot.map(ToString::to_string), networks }
    }

    /// Whether a key of the flat map is one that the mesh decides, so that a declared leftover would contradict it.
    fn owns(&self, key: &str) -> bool {
        let Some(global) = key.strip_prefix(GLOBAL_VALUES) else { return false };
        (self.pilot.is_some() && global == ".remotePilotAddress")
            || (!self.networks.is_empty() && global.starts_with(".meshNetworks."))
    }

    /// All values strings, lists as `[n]`.
    fn flat(&self) -> Vec<(String, String)> {
        let pilot =
            self.pilot.iter().map(|address| (format!("{GLOBAL_VALUES}.remotePilotAddress"), address.clone()));
        let gateways = self.networks.iter().flat_map(|(network, gateways)| {
            gateways.iter().enumerate().flat_map(move |(index, (address, port))| {
                let gateway = format!("{GLOBAL_VALUES}.meshNetworks.{network}.gateways[{index}]");
                [
                    (format!("{gateway}.address"), address.clone()),
                    (format!("{gateway}.port"), port.to_string()),
                ]
            })
        });
        pilot.chain(gateways).collect()
    }

    /// The nested twin, in real types.
    fn nested(&self) -> Option<Value> {
        let mut global = Map::new();
        if let Some(address) = &self.pilot {
            global.insert("remotePilotAddress".into(), address.as_str().into());
        }
        if !self.networks.is_empty() {
            let networks = self.networks.iter().map(|(network, gateways)| {
                let gateways: Vec<Value> = gateways
                    .iter()
                    .map(|(address, port)| json!({"address": address, "port": port}))
                    .collect();
                ((*network).to_owned(), json!({"gateways": gateways}))
            });
            global.insert("meshNetworks".into(), Value::Object(networks.collect()));
        }
        let global = Value::Object(global);
        (global != json!({})).then(|| json!({"istio": {"custom_params": {"values": {"global": global}}}}))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{hosted, hosted_with, render, yaml};
    use super::*;
    use meshwright_policies::intent::{ControlPlane, MultiPrimary};

    fn rendered(more: &str) -> String {
        yaml(&render(&GlobalMesh, &hosted_with(more, "")), "kpanda-global-cluster")
    }

    #[test]
    fn the_flat_map_has_the_keys_of_the_guide_and_no_other() {
        insta::assert_snapshot!(rendered(""), @"
        apiVersion: discovery.mspider.io/v3alpha1
        kind: GlobalMesh
        metadata:
          name: mdemo-mesh
          namespace: mspider-system
        spec:
          mode: HOSTED
          ownerCluster: mdemo-cluster1
          clusters:
          - mdemo-cluster1
          - mdemo-cluster2
          - mdemo-cluster3
          hub: release-ci.daocloud.io/mspider
          ownerConfig:
            controlPlaneParams:
              istio.custom_params.values.global.meshNetworks.network-c1.gateways[0].address: 10.64.30.73
              istio.custom_params.values.global.meshNetworks.network-c1.gateways[0].port: '15443'
              istio.custom_params.values.global.meshNetworks.network-c2.gateways[0].address: 10.6.136.29
              istio.custom_params.values.global.meshNetworks.network-c2.gateways[0].port: '15443'
              istio.custom_params.values.global.meshNetworks.network-c3.gateways[0].address: 10.64.30.77
              istio.custom_params.values.global.meshNetworks.network-c3.gateways[0].port: '15443'
              istio.custom_params.values.global.remotePilotAddress: 10.64.30.71
        ");
    }

    #[test]
    fn the_nested_twin_has_real_types_and_declared_parameters_stay_flat() {
        let more = ", parameters: struct, controlPlaneParams: {global.istio_version: 1.15.3-mspider}";
        insta::assert_snapshot!(rendered(more), @"
        apiVersion: discovery.mspider.io/v3alpha1
        kind: GlobalMesh
        metadata:
          name: mdemo-mesh
          namespace: mspider-system
        spec:
          mode: HOSTED
          ownerCluster: mdemo-cluster1
          clusters:
          - mdemo-cluster1
          - mdemo-cluster2
          - mdemo-cluster3
          hub: release-ci.daocloud.io/mspider
          ownerConfig:
            controlPlaneParams:
              global.istio_version: 1.15.3-mspider
            controlPlaneParamsStruct:
              istio:
                custom_params:
                  values:
                    global:
                      remotePilotAddress: 10.64.30.71
                      meshNetworks:
                        network-c1:
                          gateways:
                          - address: 10.64.30.73
                            port: 15443
                        network-c2:
                          gateways:
                          - address: 10.6.136.29
                            port: 15443
                        network-c3:
                          gateways:
                          - address: 10.64.30.77
                            port: 15443
        ");
    }

    /// A policy reports them; silenced, they must still not win.
    #[test]
    fn declared_parameters_are_kept_but_never_contradict_the_mesh() {
        let mut fleet = hosted();
        for mesh in fleet.meshes.values_mut() {
            let ControlPlane::Hosted(hosted) = &mut mesh.spec.control_plane else { panic!() };
            hosted.mspider.control_plane_params = [
                ("global.mesh_capacity".to_owned(), "S50P200"),
                (format!("{GLOBAL_VALUES}.remotePilotAddress"), "10.64.30.72"),
                (format!("{GLOBAL_VALUES}.meshNetworks.network-c2.gateways[1].address"), "10.6.136.28"),
                (format!("{GLOBAL_VALUES}.jwtPolicy"), "first-party-jwt"),
            ]
            .map(|(key, value)| (key, value.to_owned()))
            .into();
        }
        let text = yaml(&render(&GlobalMesh, &fleet), "kpanda-global-cluster");
        assert!(!text.contains("10.64.30.72") && !text.contains("10.6.136.28"), "{text}");
        assert!(text.contains("global.mesh_capacity: S50P200") && text.contains("jwtPolicy"), "{text}");
    }

    #[test]
    fn only_a_hosted_mesh_has_one_and_its_loss_is_prevented() {
        let out = render(&GlobalMesh, &hosted());
        assert!(out.objects().values().flatten().all(|object| object.protected));
        let mut fleet = hosted();
        for mesh in fleet.meshes.values_mut() {
            mesh.spec.control_plane = ControlPlane::MultiPrimary(MultiPrimary {});
        }
        assert!(render(&GlobalMesh, &fleet).objects().is_empty());
    }
}
