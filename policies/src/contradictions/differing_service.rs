//! MW9251: one service of several clusters differs between them.

use std::collections::{BTreeMap, BTreeSet};

use crate::claim::Fact;
use crate::finding::{Finding, Findings, Rule, Severity};
use crate::kinds;
use crate::mesh::{self, Carried, Mesh};
use crate::node::{FieldPath, Node};
use crate::policy::Policy;
use crate::repository::{Cluster, Manifest, Repository};

/// MW9251: one service of several clusters differs between them.
pub(super) struct DifferingService;

static RULE: Rule = Rule {
    code: "MW9251",
    name: "differing-service",
    severity: Severity::Error,
    title: "one service differs between the clusters of a mesh",
    docs: include_str!("../../docs/MW9251.md"),
};

/// Namespaces whose services are each cluster's own (istio/istio: `pilot/pkg/model/cluster_local.go`).
const OF_THE_CLUSTER: &[&str] = &[
    "kube-system",
    "kube-public",
    "kube-node-lease",
    "metallb-system",
    "flux-system",
    "argocd",
    "cert-manager",
    "monitoring",
];

impl Policy for DifferingService {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn check_mesh(&self, mesh: &Mesh, findings: &mut Findings) {
        let clusters: Vec<(Cluster, BTreeSet<String>)> =
            mesh.clusters.values().filter_map(|cluster| Some((carried(cluster)?, kept(cluster)))).collect();
        let domain = mesh.spec.cluster_domain.as_str();
        among(
            clusters.iter().map(|(cluster, stay)| (cluster, stay.iter().map(String::as_str).collect())),
            domain,
            findings,
        );
    }

    fn compare(&self, repository: &Repository, findings: &mut Findings) {
        for mesh in repository.meshes() {
            let stay = |cluster: &'_ Cluster| -> Vec<String> {
                let stated = cluster.stated(|_, fact| *fact == Fact::ClusterLocalHost);
                stated.iter().map(|stated| stated.claim.value.clone()).collect()
            };
            let kept: Vec<Vec<String>> = mesh.iter().map(|cluster| stay(cluster)).collect();
            let clusters = mesh.iter().zip(&kept);
            among(
                clusters.map(|(cluster, stay)| (*cluster, stay.iter().map(String::as_str).collect())),
                "cluster.local",
                findings,
            );
        }
    }
}

/// The Services that a cluster of the intent carries over. Those of `samples` are everywhere the same.
fn carried(cluster: &mesh::Cluster) -> Option<Cluster> {
    let objects = cluster.carried.iter().flat_map(Carried::objects);
    let services = objects.filter(|object| object.get("kind").and_then(Node::as_str) == Some("Service"));
    let mut found = Cluster::default();
    found.subjects = services.map(|object| Manifest::object(Node::clone(object.as_ref()))).collect();
    found.name = cluster.name.to_string();
    found.named = true;
    (!found.subjects.is_empty()).then_some(found)
}

/// Hosts that the mesh configuration of a cluster keeps within it (istio/istio@1.31: `pilot/pkg/model/cluster_local.go`).
fn kept(cluster: &mesh::Cluster) -> BTreeSet<String> {
    let of_values = cluster.istio.values.get("meshConfig").and_then(|config| config.as_object());
    let configs = of_values.into_iter().chain([&cluster.istio.mesh_config]);
    configs.flat_map(kinds::cluster_local_hosts).collect()
}

/// Compares the Services of clusters of one mesh, each with the hosts that stay within it.
fn among<'a>(
    clusters: impl Iterator<Item = (&'a Cluster, Vec<&'a str>)>,
    domain: &str,
    findings: &mut Findings,
) {
    let mut first: BTreeMap<Key<'_>, (&Cluster, &Manifest)> = BTreeMap::new();
    for (cluster, stay) in clusters {
        for (key, subject) in services(cluster, &stay, domain) {
            let Some((there, other)) = first.get(&key) else {
                first.insert(key, (cluster, subject));
                continue;
            };
            let open = !subject.unresolved.is_empty() || !other.unresolved.is_empty();
            if let Some(finding) = differs(there, other, subject).filter(|_| !open) {
                findings.push(finding.cluster(&cluster.name));
            }
        }
    }
}

type Key<'a> = (&'a str, &'a str);

/// Services that istiod takes for one with their namesakes.
fn services<'a>(cluster: &'a Cluster, stay: &[&str], domain: &str) -> BTreeMap<Key<'a>, &'a Manifest> {
    let planes = cluster.planes();
    let local = |subject: &Manifest| {
        let Some(namespace) = subject.namespace.as_deref() else { return true };
        let host = format!("{}.{namespace}.svc.{domain}", subject.name);
        OF_THE_CLUSTER.contains(&namespace)
            || namespace == "istio-system"
            || planes.contains(&namespace)
            || namespace == "default" && subject.name == "kubernetes"
            || stay.iter().any(|pattern| covers(pattern, &host))
            // Gateways are each cluster's own as well.
            || subject.claims.list.iter().any(|claim| matches!(claim.fact, Fact::GatewayNetwork { .. }))
    };
    let own = cluster.subjects.iter().filter(|subject| subject.kind == "Service" && !local(subject));
    own.filter_map(|subject| Some(((subject.namespace.as_deref()?, subject.name.as_str()), subject)))
        .collect()
}

fn covers(pattern: &str, host: &str) -> bool {
    pattern == host || pattern.strip_prefix('*').is_some_and(|suffix| host.ends_with(suffix))
}

/// The first difference that callers notice (istio/istio: `pkg/config/analysis/analyzers/multicluster/service.go`).
fn differs(there: &Cluster, other: &Manifest, subject: &Manifest) -> Option<Finding> {
    let name = format!("{}.{}", subject.name, subject.namespace.as_deref().unwrap_or_default());
    let headless = |subject: &Manifest| subject.text("spec.clusterIP").as_deref() == Some("None");
    if headless(subject) != headless(other) {
        let path = FieldPath::parse("spec.clusterIP");
        let (here, beyond) =
            if headless(subject) { ("is headless here", "is not") } else { ("is not headless here", "is") };
        let message = format!("service `{name}` {here}, but {beyond} in {}", there.called());
        let label = format!("the service of {}", there.called());
        let finding = subject.finding(&RULE, &path, message).related(other.place(&path), label);
        return Some(finding.help("make it headless in every cluster, or in none"));
    }
    let (own, theirs) = (ports(subject), ports(other));
    for port in &own {
        let Some(same) = theirs.iter().find(|there| there.number == port.number) else { continue };
        if port.protocol == same.protocol && port.name == same.name {
            continue;
        }
        let message = format!(
            "port {} of service `{name}` is `{}` ({}) here, but `{}` ({}) in {}",
            port.number,
            port.name,
            port.protocol,
            same.name,
            same.protocol,
            there.called()
        );
        let finding = subject.finding(&RULE, &port.path, message).found(&port.name);
        let finding = finding.related(other.place(&same.path), format!("the port in {}", there.called()));
        return Some(finding.help("give the port one name and protocol in every cluster"));
    }
    let missing = theirs.iter().find(|port| !own.iter().any(|own| own.number == port.number));
    let only_here = own.iter().find(|port| !theirs.iter().any(|there| there.number == port.number));
    let (port, message, at_own) = match (missing, only_here) {
        (Some(port), _) => (
            port,
            format!("service `{name}` lacks port {} ({}) of {}", port.number, port.name, there.called()),
            false,
        ),
        (None, Some(port)) => (
            port,
            format!(
                "service `{name}` has port {} ({}) here, but not in {}",
                port.number,
                port.name,
                there.called()
            ),
            true,
        ),
        (None, None) => return None,
    };
    let list = FieldPath::parse("spec.ports");
    let place = if at_own { &port.path } else { &list };
    let related = if at_own { other.place(&list) } else { other.place(&port.path) };
    let mut finding = subject.finding(&RULE, place, message).found(&port.number);
    // Clusters are often changed one after the other.
    finding.severity = Severity::Warning;
    Some(
        finding
            .related(related, format!("its ports in {}", there.called()))
            .help("give it the same ports in every cluster"),
    )
}

struct Port {
    path: FieldPath,
    number: String,
    name: String,
    protocol: String,
}

fn ports(subject: &Manifest) -> Vec<Port> {
    let list = FieldPath::parse("spec.ports");
    let Some(ports) = subject.document.at(&list) else { return Vec::new() };
    let text = |port: &Node, key: &str| port.get(key).and_then(Node::as_str).map(str::to_owned);
    let read = |(index, port): (usize, &Node)| {
        let number = port.get("port")?.to_json().to_string();
        let name = text(port, "name").unwrap_or_default();
        let protocol =
            text(port, "appProtocol").or_else(|| text(port, "protocol")).unwrap_or_else(|| "TCP".to_owned());
        Some(Port { path: list.clone().index(index), number, name, protocol })
    };
    ports.items().enumerate().filter_map(read).collect()
}
