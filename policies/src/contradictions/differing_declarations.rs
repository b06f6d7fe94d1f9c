//! MW8205: declarations of one mesh contradict each other, or themselves.

use std::collections::{BTreeMap, BTreeSet};

use crate::declaration::{DeclarationSpec, DeclaredCluster, DeclaredNetwork, DeclaredRole};
use crate::finding::{Findings, Rule, Severity};
use crate::node::FieldPath;
use crate::policy::Policy;
use crate::repository::{Cluster, Repository};
use crate::witness::Witness;

/// MW8205: declarations of one mesh contradict each other, or themselves.
pub(super) struct DifferingDeclarations;

static RULE: Rule = Rule {
    code: "MW8205",
    name: "differing-declarations",
    severity: Severity::Error,
    title: "declarations of one mesh contradict each other",
    docs: include_str!("../../docs/MW8205.md"),
};

const HELP: &str = "declarations are written by `meshwright render`: change the intent, and render again";

impl Policy for DifferingDeclarations {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn compare(&self, repository: &Repository, findings: &mut Findings) {
        let mut meshes: BTreeMap<(&str, &str), Vec<Declared<'_>>> = BTreeMap::new();
        for cluster in repository.clusters.iter().filter(|cluster| !cluster.mixed) {
            let mut own: BTreeMap<&str, Declared<'_>> = BTreeMap::new();
            for declared in cluster.witnesses.iter().filter_map(|witness| Declared::of(cluster, witness)) {
                let mesh = declared.spec.mesh.name.as_str();
                match own.get(mesh) {
                    Some(first) if cluster.named => twice(&declared, first, findings),
                    _ => drop(own.insert(mesh, declared)),
                }
            }
            for (mesh, declared) in own.into_iter().filter(|_| cluster.named) {
                inside(&declared, findings);
                meshes.entry((&cluster.scope, mesh)).or_default().push(declared);
            }
        }
        for declared in meshes.values() {
            shared(declared, findings);
            control_planes(declared, findings);
        }
    }
}

/// A declaration in a cluster's files.
struct Declared<'a> {
    cluster: &'a Cluster,
    witness: &'a Witness,
    spec: &'a DeclarationSpec,
}

impl<'a> Declared<'a> {
    fn of(cluster: &'a Cluster, witness: &'a Witness) -> Option<Declared<'a>> {
        Some(Declared { cluster, witness, spec: witness.spec()? })
    }

    /// One of its values, against another place.
    fn report(
        &self,
        path: &FieldPath,
        message: String,
        other: (&Declared<'_>, &FieldPath),
        findings: &mut Findings,
    ) {
        let (other, there) = other;
        let label = format!("cluster `{}` is declared so here", other.spec.cluster.name);
        findings.push(
            self.witness
                .manifest
                .finding(&RULE, path, message)
                .related(other.witness.manifest.place(there), label)
                .help(HELP)
                .cluster(&self.cluster.name),
        );
    }
}

fn twice(again: &Declared<'_>, first: &Declared<'_>, findings: &mut Findings) {
    let (name, path) = (&again.spec.mesh.name, FieldPath::parse("metadata.name"));
    let message = format!("mesh `{name}` is declared twice for {}", again.cluster.called());
    again.report(&path, message, (first, &path), findings);
}

fn network(id: &str) -> FieldPath {
    FieldPath::parse("spec.networks").key(id)
}

/// A cluster is a member of its network, and its gateways are the entries that it declares of itself.
fn inside(declared: &Declared<'_>, findings: &mut Findings) {
    let spec = declared.spec;
    let (own, id) = (&spec.cluster, &spec.network);
    let mesh = FieldPath::parse("spec.mesh.name");
    if declared.witness.manifest.name != spec.mesh.name.as_str() {
        let message =
            format!("declaration `{}` is of mesh `{}`", declared.witness.manifest.name, spec.mesh.name);
        declared.report(&mesh, message, (declared, &FieldPath::parse("metadata.name")), findings);
    }
    let named = FieldPath::parse("spec.network");
    let Some(known) = spec.networks.get(id) else {
        let message =
            format!("cluster `{}` is declared on `{id}`, which is no network of the mesh", own.name);
        return declared.report(&named, message, (declared, &FieldPath::parse("spec.networks")), findings);
    };
    if !known.clusters.contains(&own.id) {
        let message = format!("cluster `{}` is declared on `{id}`, whose members do not include it", own.id);
        let members = network(id.as_str()).key("clusters");
        return declared.report(&named, message, (declared, &members), findings);
    }
    if name_of(known, own) != own.name.as_str() {
        let message = format!("cluster ID `{}` is declared to be of `{}`", own.id, name_of(known, own));
        let path = FieldPath::parse("spec.cluster.name");
        declared.report(&path, message, (declared, &network(id.as_str())), findings);
    }
    for (index, entry) in known.gateways.iter().enumerate().filter(|(_, entry)| entry.cluster == own.id) {
        if !spec.gateways.iter().any(|gateway| gateway.name == entry.name) {
            let path = network(id.as_str()).key("gateways").index(index).key("name");
            let message = format!(
                "network `{id}` is entered at `{}`, which is no gateway of `{}`",
                entry.name, own.name
            );
            declared.report(&path, message, (declared, &FieldPath::parse("spec.gateways")), findings);
        }
    }
}

/// The name of a member: its cluster ID, unless another one is given.
fn name_of<'a>(network: &'a DeclaredNetwork, member: &'a DeclaredCluster) -> &'a str {
    network.names.get(&member.id).map_or(member.id.as_str(), |name| name.as_str())
}

/// What all declarations of a mesh have in common, as text. Addresses of entries are as each cluster sees them.
fn common(spec: &DeclarationSpec) -> BTreeMap<Vec<&str>, String> {
    fn list<T: ToString>(items: impl IntoIterator<Item = T>) -> String {
        items.into_iter().map(|item| item.to_string()).collect::<Vec<_>>().join(", ")
    }
    let mesh = &spec.mesh;
    let mut all = BTreeMap::from([
        (vec!["mesh", "id"], mesh.id.to_string()),
        (vec!["mesh", "trustDomain"], mesh.trust_domain.to_string()),
        (vec!["mesh", "trustDomainAliases"], list(&mesh.trust_domain_aliases)),
        (vec!["mesh", "clusterDomain"], mesh.cluster_domain.to_string()),
        (vec!["mesh", "regions"], list(&mesh.regions)),
        (vec!["mesh", "rootCertificateSHA256"], mesh.root_certificate_sha256.clone().unwrap_or_default()),
    ]);
    for (id, network) in spec.networks.iter() {
        let at = |field| vec!["networks", id.as_str(), field];
        let names = network.names.iter().map(|(id, name)| format!("{id}: {name}"));
        let entries = network.gateways.iter();
        let entries = entries.map(|entry| format!("{}/{}:{}", entry.cluster, entry.name, entry.port));
        all.insert(vec!["networks", id.as_str()], "a network".to_owned());
        all.insert(at("clusters"), list(&network.clusters));
        all.insert(at("names"), list(names));
        all.insert(at("previous"), list(&network.previous));
        all.insert(at("discovery"), format!("{:?}", network.discovery));
        all.insert(at("gateways"), list(entries));
    }
    for (id, server) in &spec.remote_secrets {
        all.insert(vec!["remoteSecrets", id.as_str()], server.clone());
    }
    all
}

/// Whether there is nothing to tell: the usual case, of which a large fleet has many.
fn agree(all: &[Declared<'_>]) -> bool {
    let Some(first) = all.first() else { return true };
    let same = |a: &DeclaredNetwork, b: &DeclaredNetwork| {
        let entries = a.gateways.len() == b.gateways.len()
            && a.gateways
                .iter()
                .zip(&b.gateways)
                .all(|(a, b)| a.cluster == b.cluster && a.name == b.name && a.port == b.port);
        let members = a.clusters == b.clusters && a.names == b.names && a.previous == b.previous;
        entries && members && a.discovery == b.discovery
    };
    let mut servers = BTreeMap::new();
    all.iter().all(|other| {
        let (a, b) = (first.spec, other.spec);
        a.mesh == b.mesh
            && a.networks.len() == b.networks.len()
            && a.networks.iter().zip(b.networks.iter()).all(|((a, x), (b, y))| a == b && same(x, y))
            && b.remote_secrets.iter().all(|(id, server)| *servers.entry(id).or_insert(server) == server)
    })
}

/// Those that differ from most of the others, or from the first where as many say the one as the other.
fn shared(all: &[Declared<'_>], findings: &mut Findings) {
    if agree(all) {
        return;
    }
    let common: Vec<(&Declared<'_>, BTreeMap<Vec<&str>, String>)> =
        all.iter().map(|declared| (declared, common(declared.spec))).collect();
    let paths: BTreeSet<&Vec<&str>> = common.iter().flat_map(|(_, facts)| facts.keys()).collect();
    for path in paths {
        let is_partial = path.first() == Some(&"remoteSecrets");
        let said: Vec<(&Declared<'_>, &str)> = common
            .iter()
            .filter_map(|(declared, facts)| match facts.get(path) {
                Some(value) => Some((*declared, value.as_str())),
                // Where an istiod reads the others.
                None if is_partial => None,
                None => Some((*declared, "")),
            })
            .collect();
        odd(path, &said, findings);
    }
}

fn odd(path: &[&str], said: &[(&Declared<'_>, &str)], findings: &mut Findings) {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for (_, value) in said {
        let count = counts.entry(value).or_default();
        *count = count.saturating_add(1);
    }
    if counts.len() < 2 {
        return;
    }
    let most = counts.values().copied().max().unwrap_or_default();
    let Some((right, value)) = said.iter().find(|(_, value)| counts.get(value) == Some(&most)) else {
        return;
    };
    let field = path.iter().fold(FieldPath::parse("spec"), |field, step| field.key(step));
    for (wrong, found) in said.iter().filter(|(_, found)| found != value) {
        // A network that is missing is told once.
        let parts = path.split_last().map(|(_, above)| above).unwrap_or_default();
        let is_part = parts.len() == 2 && (found.is_empty() || value.is_empty()) && {
            let network = parts.last().copied().unwrap_or_default();
            let has =
                |declared: &Declared<'_>| declared.spec.networks.keys().any(|id| id.as_str() == network);
            has(wrong) != has(right)
        };
        if is_part {
            continue;
        }
        let text = |value: &str| if value.is_empty() { "nothing".to_owned() } else { format!("`{value}`") };
        let message = format!(
            "`{field}` is {} in the declaration of `{}`, but {} in that of `{}`",
            text(found),
            wrong.spec.cluster.name,
            text(value),
            right.spec.cluster.name
        );
        wrong.report(&field, message, (right, &field), findings);
    }
}

/// The cluster that serves another one is declared under the same ID, and to do so.
fn control_planes(all: &[Declared<'_>], findings: &mut Findings) {
    for declared in all {
        let Some(primary) = &declared.spec.control_plane.primary else { continue };
        let path = FieldPath::parse("spec.controlPlane.primary");
        let role = declared.spec.control_plane.role;
        let same = |other: &&Declared<'_>| {
            other.spec.cluster.name == primary.name || other.spec.cluster.id == primary.id
        };
        let Some(other) = all.iter().find(same) else { continue };
        if other.spec.cluster != *primary {
            let message = format!(
                "cluster `{}` is declared to be served by `{}` with the cluster ID `{}`, but that is `{}` with `{}`",
                declared.spec.cluster.name,
                primary.name,
                primary.id,
                other.spec.cluster.name,
                other.spec.cluster.id
            );
            declared.report(&path, message, (other, &FieldPath::parse("spec.cluster")), findings);
        } else if role == DeclaredRole::Remote && !other.spec.control_plane.serves_others {
            let message = format!(
                "cluster `{}` is declared to be served by `{}`, which is declared to serve nobody",
                declared.spec.cluster.name, primary.name
            );
            declared.report(&path, message, (other, &FieldPath::parse("spec.controlPlane")), findings);
        }
    }
}
