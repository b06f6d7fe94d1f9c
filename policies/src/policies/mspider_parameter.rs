//! MW5005: a declared Mspider parameter is one that is rendered, or has no shape of one.

use std::collections::BTreeMap;

use crate::finding::{Findings, Place, Rule, Severity};
use crate::intent::Hosted;
use crate::mesh::{Cluster, Mesh, Written};
use crate::node::FieldPath;
use crate::policy::Policy;

/// MW5005: a declared Mspider parameter is one that is rendered, or has no shape of one.
#[derive(Debug)]
pub(super) struct MspiderParameter;

static RULE: Rule = Rule {
    code: "MW5005",
    name: "mspider-parameter",
    severity: Severity::Error,
    title: "a declared Mspider parameter is one that is rendered, or has no shape of one",
    docs: include_str!("../../docs/MW5005.md"),
};

impl Policy for MspiderParameter {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn check_mesh(&self, mesh: &Mesh, findings: &mut Findings) {
        let Some(hosted) = mesh.hosted() else { return };
        check_global(mesh, hosted, findings);
        for cluster in mesh.clusters.values() {
            check_cluster(mesh, cluster, findings);
        }
    }
}

/// Prefix of parameters that become `spec.values.global.*`.
const GLOBAL: &str = "istio.custom_params.values.global.";

/// A map of parameters and where it is.
struct Params<'a> {
    map: &'a BTreeMap<String, String>,
    written: &'a Written,
    path: FieldPath,
}

impl Params<'_> {
    fn place(&self, key: &str) -> Place {
        self.written.place(self.path.clone().key(key))
    }

    fn check_shapes(&self, findings: &mut Findings) {
        for (key, wrong) in self.map.keys().filter_map(|key| malformed(key).map(|wrong| (key, wrong))) {
            let message = format!("`{key}` is not written as a parameter of Mspider: {wrong}");
            findings.push(RULE.at(self.place(key), message).found(key).help(
                "write the path of the field with dots, such as `istio.custom_params.values.global.jwtPolicy`, and list indexes as `[0]`",
            ));
        }
    }

    /// A key whose value follows from the intent, and where that is declared.
    fn check_rendered(&self, key: &str, declared: &str, place: Place, findings: &mut Findings) {
        let Some(value) = self.map.get(key) else { return };
        let verb = if value == declared { "repeats" } else { "contradicts" };
        let message = format!("parameter `{key}` {verb} what the intent says");
        findings.push(
            RULE.at(self.place(key), message)
                .found(value)
                .declared(declared, place, format!("`{declared}` follows from here"))
                .help(format!("remove `{key}`; it is rendered from the intent")),
        );
    }
}

fn check_global(mesh: &Mesh, hosted: &Hosted, findings: &mut Findings) {
    let params = Params {
        map: &hosted.mspider.control_plane_params,
        written: &mesh.written,
        path: FieldPath::parse("spec.controlPlane.hosted.mspider.controlPlaneParams"),
    };
    params.check_shapes(findings);
    params.check_rendered("global.meshID", mesh.id.as_str(), mesh.written.place("spec.meshID"), findings);
    if let Some(host) = mesh.clusters.get(&hosted.cluster)
        && let Some(address) = &host.spec.load_balancer.addresses.control_plane
    {
        let place = host.written.place("spec.loadBalancer.addresses.controlPlane");
        params.check_rendered(&format!("{GLOBAL}remotePilotAddress"), &address.to_string(), place, findings);
    }
    for key in params.map.keys().filter(|key| key.starts_with(&format!("{GLOBAL}meshNetworks."))) {
        let message = format!("parameter `{key}` repeats or contradicts the networks of the intent");
        let help =
            format!("remove `{key}`; gateway addresses are rendered from the Network and Cluster documents");
        findings.push(RULE.at(params.place(key), message).help(help));
    }
}

fn check_cluster(mesh: &Mesh, cluster: &Cluster, findings: &mut Findings) {
    let Some(mspider) = &cluster.spec.mspider else { return };
    let path = FieldPath::parse("spec.mspider");
    let own = Params { map: &mspider.params, written: &cluster.written, path: path.clone().key("params") };
    own.check_shapes(findings);
    own.check_rendered("global.meshID", mesh.id.as_str(), mesh.written.place("spec.meshID"), findings);
    let role = mesh.written.place("spec.controlPlane.hosted");
    own.check_rendered("global.clusterRole", "HOSTED_WORKLOAD_CLUSTER", role, findings);
    let network = cluster.written.place("spec.network");
    own.check_rendered(&format!("{GLOBAL}network"), cluster.network.as_str(), network, findings);
    for (index, map) in mspider.other_meshes.iter().enumerate() {
        let path = path.clone().key("otherMeshes").index(index);
        let other = Params { map, written: &cluster.written, path: path.clone() };
        other.check_shapes(findings);
        let message = match map.get("global.meshID") {
            Some(id) if id == mesh.id.as_str() => {
                format!("an entry of another mesh has the ID of this one, `{id}`")
            }
            Some(_) => continue,
            None => "an entry of another mesh does not say which: it has no `global.meshID`".to_owned(),
        };
        findings.push(
            RULE.at(cluster.written.place(path), message)
                .cluster(&cluster.name)
                .related(mesh.written.name(), format!("this mesh has the ID `{}`", mesh.id))
                .help("carry over the entry of the other mesh as it is in the MeshCluster now"),
        );
    }
}

/// What is wrong with the form of a key.
fn malformed(key: &str) -> Option<&'static str> {
    let mut parts = key.split('.');
    if parts.clone().any(str::is_empty) {
        Some("a part between its dots is empty")
    } else if key.contains(char::is_whitespace) {
        Some("it has white space")
    } else if parts.next() == Some("istio") && parts.next() != Some("custom_params") {
        Some("what begins with `istio.` goes on with `custom_params.`")
    } else if key.contains(".gateways.istio_") {
        Some("Istio's charts write `istio-ingressgateway` with a hyphen and read no other name")
    } else {
        None
    }
}
