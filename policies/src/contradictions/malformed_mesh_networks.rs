//! MW2204: meshNetworks that Istio reads otherwise than it is written.

use crate::finding::{Findings, Rule, Severity};
use crate::node::{FieldPath, Node, Value};
use crate::policy::Policy;
use crate::repository::{Cluster, Manifest, Repository, has_placeholder};
use crate::suggest::nearest;

/// MW2204: meshNetworks that Istio reads otherwise than it is written.
pub(super) struct MalformedMeshNetworks;

static RULE: Rule = Rule {
    code: "MW2204",
    name: "malformed-mesh-networks",
    severity: Severity::Error,
    title: "meshNetworks is not of the form that istiod reads",
    docs: include_str!("../../docs/MW2204.md"),
};

/// Keys of a network, of an endpoint and of a gateway, in both spellings of protobuf's JSON
/// (istio/api: `mesh/v1alpha1/network.proto`).
const NETWORK: &[&str] = &["endpoints", "gateways"];
const ENDPOINT: &[&str] = &["fromRegistry", "fromCidr", "from_registry", "from_cidr"];
const GATEWAY: &[&str] = &["address", "port", "registryServiceName", "registry_service_name", "locality"];

impl Policy for MalformedMeshNetworks {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn compare(&self, repository: &Repository, findings: &mut Findings) {
        for cluster in &repository.clusters {
            for subject in &cluster.subjects {
                for (path, node, wrapped) in subject.mesh_networks() {
                    let mut judge = Judge { cluster, subject, findings: &mut *findings };
                    judge.document(&path, node, wrapped);
                }
            }
        }
    }
}

struct Judge<'a, 'f> {
    cluster: &'a Cluster,
    subject: &'a Manifest,
    findings: &'f mut Findings,
}

impl Judge<'_, '_> {
    fn document(&mut self, path: &FieldPath, node: &Node, wrapped: bool) {
        let wrapper = node.get("networks");
        let doubled = |node: &Node| node.entries().any(|entry| is_network(&entry.node));
        match (wrapped, wrapper) {
            (true, None) => {
                if doubled(node) {
                    self.report(
                        path,
                        "`meshNetworks` of the ConfigMap has no `networks:`, so istiod finds no network in it".into(),
                        "put the networks below the key `networks`: only chart values go without it".into(),
                    );
                }
            }
            (true, Some(networks)) => match networks.get("networks").filter(|inner| doubled(inner)) {
                Some(_) => self.doubled(&path.clone().key("networks").key("networks")),
                None => self.networks(&path.clone().key("networks"), networks),
            },
            (false, Some(inner)) if doubled(inner) => self.doubled(&path.clone().key("networks")),
            (false, _) => self.networks(path, node),
        }
    }

    fn doubled(&mut self, path: &FieldPath) {
        self.report(
            path,
            "`networks:` is one level too deep: istiod will see one network that is called `networks`".into(),
            "remove `networks:` and move what is below it up: the chart writes that key itself".into(),
        );
    }

    fn networks(&mut self, path: &FieldPath, networks: &Node) {
        for network in networks.entries() {
            let path = path.clone().key(&network.key);
            self.keys(&path, &network.node, NETWORK, "a network");
            for (list, known, what) in
                [("endpoints", ENDPOINT, "an endpoint"), ("gateways", GATEWAY, "a gateway")]
            {
                let Some(items) = network.node.get(list) else { continue };
                for (index, item) in items.items().enumerate() {
                    let path = path.clone().key(list).index(index);
                    self.keys(&path, item, known, what);
                    if list == "gateways" {
                        self.port(&path, item);
                    }
                }
            }
        }
    }

    fn keys(&mut self, path: &FieldPath, node: &Node, known: &[&str], what: &str) {
        for entry in node.entries().filter(|entry| !known.contains(&entry.key.as_str())) {
            if has_placeholder(&entry.key) {
                continue;
            }
            let key = &entry.key;
            let help = match nearest(key, known.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!(
                    "{what} has {}",
                    known.iter().take(3).map(|k| format!("`{k}`")).collect::<Vec<_>>().join(", ")
                ),
            };
            self.report(
                &path.clone().key(key),
                format!("`{key}` is no key of {what} in `meshNetworks`: istiod drops it without a word"),
                help,
            );
        }
    }

    /// One bad port and istiod discards the whole document (istio/istio@1.30:
    /// `pkg/config/validation/agent/validation.go`, `ValidateMeshNetworks`).
    fn port(&mut self, path: &FieldPath, gateway: &Node) {
        let text = match gateway.get("port").map(|node| &node.value) {
            None | Some(Value::Null) => "no port".to_owned(),
            Some(Value::Number(number)) => number.to_string(),
            Some(Value::String(text)) if has_placeholder(text) => return,
            Some(Value::String(text)) => text.clone(),
            Some(_) => "no number".to_owned(),
        };
        if text.parse::<u16>().is_ok_and(|port| port > 0) || !matches!(gateway.value, Value::Mapping(_)) {
            return;
        }
        self.report(
            &path.clone().key("port"),
            format!(
                "a gateway in `meshNetworks` has `{text}` for a port: istiod discards the whole document"
            ),
            "write the port at which peers enter, usually 15443".into(),
        );
    }

    fn report(&mut self, path: &FieldPath, message: String, help: String) {
        let finding = self.subject.finding(&RULE, path, message).help(help).cluster(&self.cluster.name);
        self.findings.push(finding);
    }
}

fn is_network(node: &Node) -> bool {
    NETWORK.iter().any(|key| node.get(key).is_some())
}
