//! MW4251: a ServiceEntry repeats a service of Kubernetes.

use std::collections::BTreeMap;

use crate::finding::{Findings, Rule, Severity};
use crate::node::FieldPath;
use crate::policy::Policy;
use crate::repository::{Cluster, Manifest, Repository, has_placeholder};

/// MW4251: a ServiceEntry repeats a service of Kubernetes.
pub(super) struct EntryRepeatsService;

static RULE: Rule = Rule {
    code: "MW4251",
    name: "entry-repeats-service",
    severity: Severity::Error,
    title: "ServiceEntry repeats host and port of a Kubernetes service",
    docs: include_str!("../../docs/MW4251.md"),
};

impl Policy for EntryRepeatsService {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn compare(&self, repository: &Repository, findings: &mut Findings) {
        let with_entries = |cluster: &&Cluster| {
            !cluster.mixed && cluster.is_multi_cluster() && cluster.subjects.iter().any(is_of_the_mesh)
        };
        // istiod reads the services of every cluster of the mesh.
        let mut of_meshes: BTreeMap<(&str, &str), BTreeMap<String, &Manifest>> = BTreeMap::new();
        for mesh in repository.meshes().iter().filter(|mesh| mesh.iter().any(&with_entries)) {
            let all: BTreeMap<String, &Manifest> =
                mesh.iter().rev().flat_map(|other| services(other)).collect();
            let members = mesh.iter().filter(|cluster| with_entries(cluster));
            of_meshes.extend(
                members.map(|cluster| ((cluster.scope.as_str(), cluster.name.as_str()), all.clone())),
            );
        }
        for cluster in repository.clusters.iter().filter(with_entries) {
            let mut known =
                of_meshes.remove(&(cluster.scope.as_str(), cluster.name.as_str())).unwrap_or_default();
            known.extend(services(cluster));
            for subject in cluster.subjects.iter().filter(|subject| is_of_the_mesh(subject)) {
                judge(cluster, subject, &known, findings);
            }
        }
    }
}

/// Services by their full name.
fn services(cluster: &Cluster) -> BTreeMap<String, &Manifest> {
    let services = cluster.subjects.iter().filter(|subject| subject.kind == "Service");
    services
        .filter_map(|subject| {
            let namespace = subject.namespace.as_deref()?;
            Some((format!("{}.{namespace}.svc.cluster.local", subject.name), subject))
        })
        .collect()
}

/// Gateways leave out what lies outside the mesh, which is the default.
fn is_of_the_mesh(subject: &Manifest) -> bool {
    subject.kind == "ServiceEntry" && subject.text("spec.location").as_deref() == Some("MESH_INTERNAL")
}

fn ports(subject: &Manifest, key: &str) -> Vec<String> {
    let Some(ports) = subject.document.at(&"spec.ports".into()) else { return Vec::new() };
    ports.items().filter_map(|port| port.get(key)).map(|port| port.to_json().to_string()).collect()
}

fn judge(
    cluster: &Cluster,
    subject: &Manifest,
    services: &BTreeMap<String, &Manifest>,
    findings: &mut Findings,
) {
    let path = FieldPath::parse("spec.hosts");
    let Some(hosts) = subject.document.at(&path) else { return };
    for (index, host) in hosts.items().enumerate() {
        let Some(text) = host.as_str().filter(|text| !has_placeholder(text)) else { continue };
        let Some(service) = services.get(text) else { continue };
        let own = ports(subject, "number");
        let Some(shared) = ports(service, "port").into_iter().find(|port| own.contains(port)) else {
            continue;
        };
        let message = format!(
            "`{text}` is a service of Kubernetes already, at port {shared} too: gateways between networks get two filter \
             chains that match alike, and Envoy refuses the whole listener"
        );
        findings.push(
            subject
                .finding(&RULE, &path.clone().index(index), message)
                .found(text)
                .related(service.place(&FieldPath::parse("metadata.name")), "the service is here")
                .help("remove the host from the ServiceEntry, or give it a name of its own")
                .cluster(&cluster.name),
        );
    }
}
