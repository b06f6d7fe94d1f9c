//! What was rendered before, as far as a change of it is dangerous: the identity of a cluster.

use std::collections::BTreeMap;

use meshwright_policies::assembly::{IDENTITY_CHANGED, ROOT_CHANGED};
use meshwright_policies::finding::{Finding, Findings, Place, Severity};
use meshwright_policies::intent::PreviousMesh;
use meshwright_policies::mesh::{Cluster, Fleet, Mesh};
use meshwright_policies::names::{ClusterId, ClusterName, MeshId, MeshName, NetworkId, TrustDomain};
use meshwright_policies::node::{FieldPath, FileId, Node};

use crate::artefact::Root;
use crate::syntax::{self, Limits};

/// Compares the fleet with the declarations that were rendered before. `previous` reads a file of the output directory.
pub fn check(fleet: &Fleet, previous: impl Fn(&str) -> Option<Vec<u8>>, findings: &mut Findings) {
    let mut renames = Renames::new();
    for (mesh, cluster) in fleet.clusters() {
        let directory = Root::Declaration(cluster.name.clone()).directory();
        let Some(text) = previous(&format!("{directory}/meshdeclaration-{}.yaml", mesh.name)) else {
            continue;
        };
        // A declaration that cannot be read is no reason to refuse a new one.
        let documents = syntax::load(FileId::NONE, &text, &Limits::default(), &mut Findings::new());
        if let Some(declaration) = documents.first() {
            findings.extend(changes(mesh, cluster, &declaration.root));
            renamed(mesh, cluster, &declaration.root, &mut renames);
        }
    }
    findings.extend(renames.into_values());
}

/// Findings about clusters that were renamed, by mesh, earlier cluster ID and cluster: every reader finds each.
type Renames = BTreeMap<(MeshName, String, ClusterName), Finding>;

fn changes(mesh: &Mesh, cluster: &Cluster, declaration: &Node) -> Vec<Finding> {
    let was = |path: &str| declaration.at(&FieldPath::parse(path)).and_then(Node::as_str);
    let allowed = cluster.spec.previous.clone().unwrap_or_default();
    let network = was("spec.network").filter(|old| *old != cluster.network.as_str());
    let id = was("spec.cluster.id").filter(|old| *old != cluster.id.as_str());
    let network =
        network.filter(|old| allowed.network.as_ref().map(NetworkId::as_str) != Some(*old)).map(|old| {
            changed(mesh, cluster, "network", old, cluster.network.as_str(), "spec.network", "network")
        });
    let id = id.filter(|old| allowed.cluster_id.as_ref().map(ClusterId::as_str) != Some(*old)).map(|old| {
        changed(mesh, cluster, "cluster ID", old, cluster.id.as_str(), "spec.clusterID", "clusterID")
    });
    let root = root_changed(mesh, was("spec.mesh.rootCertificateSHA256"));
    let of_mesh = mesh_changes(mesh, was("spec.mesh.id"), was("spec.mesh.trustDomain"));
    network.into_iter().chain(id).chain(of_mesh).chain(root).collect()
}

/// Said once for the mesh, as [`root_changed`].
fn mesh_changes(mesh: &Mesh, id: Option<&str>, trust_domain: Option<&str>) -> Vec<Finding> {
    let allowed = mesh.spec.previous.clone().unwrap_or_default();
    let id_allowed = allowed.mesh_id.as_ref().map(MeshId::as_str);
    let domain_allowed = allowed.trust_domain.as_ref().map(TrustDomain::as_str);
    let now = mesh.spec.trust_domain.as_str();
    let values = [
        ("mesh ID", "meshID", id, mesh.id.as_str(), id_allowed, mesh.id_place()),
        (
            "trust domain",
            "trustDomain",
            trust_domain,
            now,
            domain_allowed,
            mesh.written.place("spec.trustDomain"),
        ),
    ];
    let changed = values.into_iter().filter_map(|(what, field, was, now, allowed, place)| {
        let was = was.filter(|was| *was != now && allowed != Some(*was))?;
        let message = format!("the {what} of mesh `{}` changes from `{was}` to `{now}`", mesh.name);
        Some(IDENTITY_CHANGED.at(place, message).found(now).help(keep_or_roll_out(was, field)))
    });
    changed.collect()
}

/// Clusters that another one's declaration knew under another cluster ID: they were renamed, which is a change of the cluster ID where
/// that follows from the name. They are known by their API server, or else by the address of a gateway.
fn renamed(mesh: &Mesh, reader: &Cluster, declaration: &Node, renames: &mut Renames) {
    let mut add = |id: &str, cluster: &Cluster, evidence: Evidence<'_>| {
        let still_there = mesh.clusters.values().any(|other| other.id.as_str() == id);
        let allowed = cluster.spec.previous.as_ref().and_then(|previous| previous.cluster_id.as_ref());
        let is_other = cluster.name != reader.name && cluster.id.as_str() != id;
        if !is_other || still_there || allowed.is_some_and(|old| old.as_str() == id) {
            return;
        }
        let what = match evidence {
            Evidence::ApiServer(url) => format!("the cluster at `{url}`"),
            Evidence::Gateway(address) => format!("the cluster whose gateway is dialled at `{address}`"),
        };
        let message =
            format!("{what} in mesh `{}` changes its cluster ID from `{id}` to `{}`", mesh.name, cluster.id);
        let help = format!(
            "keep it with `clusterID: {id}`, or, to roll the change out, declare `previous: {{clusterID: {id}}}` until every \
             object carries the new value"
        );
        let finding = IDENTITY_CHANGED.at(cluster.id_place(), message).found(&cluster.id);
        let finding = finding.cluster(&cluster.name).help(help);
        let key = (mesh.name.clone(), id.to_owned(), cluster.name.clone());
        match evidence {
            Evidence::ApiServer(_) => drop(renames.insert(key, finding)),
            Evidence::Gateway(_) => drop(renames.entry(key).or_insert(finding)),
        }
    };
    let entries = |node: Option<&Node>| -> Vec<(String, Node)> {
        node.into_iter()
            .flat_map(Node::entries)
            .map(|e| (e.key.as_str().to_owned(), e.node.clone()))
            .collect()
    };
    for (id, server) in entries(declaration.at(&FieldPath::parse("spec.remoteSecrets"))) {
        let Some(server) = server.as_str().filter(|server| !server.is_empty()) else { continue };
        let now = mesh.clusters.values().find(|cluster| {
            let own = &cluster.spec;
            let now = own.remote_access.api_server.as_ref().or(own.kubernetes.api_server.as_ref());
            now.is_some_and(|now| now.to_string() == server)
        });
        now.into_iter().for_each(|cluster| add(&id, cluster, Evidence::ApiServer(server)));
    }
    let networks = entries(declaration.at(&FieldPath::parse("spec.networks")));
    let known = |id: &str| {
        let members = networks.iter().filter_map(|(_, network)| network.get("clusters"));
        members.flat_map(Node::items).any(|member| member.as_str() == Some(id))
    };
    for gateway in networks.iter().filter_map(|(_, network)| network.get("gateways")).flat_map(Node::items) {
        let text = |key: &str| gateway.get(key).and_then(Node::as_str);
        let (Some(id), Some(address)) = (text("cluster"), text("address")) else { continue };
        let mut now = mesh.networks.values().flat_map(|network| &network.entries);
        let now = now.find(|entry| entry.address.as_ref().is_some_and(|now| now.to_string() == address));
        // An address may move from one cluster to another that was there before.
        let cluster = now.and_then(|entry| mesh.clusters.get(&entry.cluster));
        let cluster = cluster.filter(|cluster| !known(cluster.id.as_str()));
        cluster.into_iter().for_each(|cluster| add(id, cluster, Evidence::Gateway(address)));
    }
}

/// By what a renamed cluster is known.
#[derive(Clone, Copy)]
enum Evidence<'a> {
    ApiServer(&'a str),
    Gateway(&'a str),
}

/// Said once for the mesh: every cluster finds it at one place, in the same words.
fn root_changed(mesh: &Mesh, was: Option<&str>) -> Option<Finding> {
    let was = was?;
    let Some(now) = mesh.spec.ca.as_ref().and_then(|ca| ca.fingerprint()) else {
        let message =
            format!("the fingerprint of mesh `{}`'s root certificate is no longer declared", mesh.name);
        let mut finding = ROOT_CHANGED.at(mesh.written.place("spec.ca"), message).found(was).help(format!(
            "until one is declared, any root is accepted: right for one render while the root is rotated \
             (`meshwright explain MW7006`); otherwise set `rootCertificateSHA256: {was}` back"
        ));
        finding.severity = Severity::Warning;
        return Some(finding);
    };
    let message = format!("the root certificate of mesh `{}` changes", mesh.name);
    let help = "set the old fingerprint back, or rotate the root in steps: `meshwright explain MW7006`";
    let before = mesh.spec.previous.as_ref().and_then(PreviousMesh::fingerprint);
    (was != now && before.as_deref() != Some(was)).then(|| {
        let place = mesh.written.place("spec.ca.rootCertificateSHA256");
        ROOT_CHANGED.at(place, message).found(&now).help(format!("{help}; it was `{was}`"))
    })
}

fn changed(
    mesh: &Mesh,
    cluster: &Cluster,
    what: &str,
    old: &str,
    new: &str,
    path: &str,
    field: &str,
) -> Finding {
    let place: Place = cluster.written.place(path);
    let message = format!(
        "the {what} of cluster `{}` in mesh `{}` changes from `{old}` to `{new}`",
        cluster.name, mesh.name
    );
    IDENTITY_CHANGED.at(place, message).found(new).cluster(&cluster.name).help(keep_or_roll_out(old, field))
}

fn keep_or_roll_out(old: &str, field: &str) -> String {
    format!(
        "set it back to `{old}`, or, to roll the change out, declare `previous: {{{field}: {old}}}` until every \
         object carries the new value"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compile::load_text;

    const INTENT: &str = r#"
apiVersion: meshwright.dev/v1alpha1
kind: Mesh
metadata: {name: demo}
spec: {istio: {version: "1.30.3"}}
---
apiVersion: meshwright.dev/v1alpha1
kind: Network
metadata: {name: new}
---
apiVersion: meshwright.dev/v1alpha1
kind: Cluster
metadata: {name: east}
spec: {network: new, PREVIOUS}
"#;

    fn said(previous: &str, rendered: &str) -> String {
        let loaded = load_text(&INTENT.replace(", PREVIOUS", previous));
        let mut findings = Findings::new();
        let read = |path: &str| {
            assert_eq!(path, "clusters/east/declaration/meshdeclaration-demo.yaml");
            Some(rendered.as_bytes().to_vec())
        };
        check(&loaded.fleet, read, &mut findings);
        findings.iter().map(|f| format!("{}\n{}", f.message, f.help.clone().unwrap_or_default())).collect()
    }

    #[test]
    fn a_root_that_is_no_longer_declared_is_a_warning() {
        let loaded = load_text(&INTENT.replace(", PREVIOUS", ""));
        let rendered = "spec: {network: new, cluster: {id: east}, mesh: {rootCertificateSHA256: aa11}}";
        let mut findings = Findings::new();
        check(&loaded.fleet, |_| Some(rendered.as_bytes().to_vec()), &mut findings);
        assert_eq!((findings.errors(), findings.warnings()), (0, 1));
        let said = said("", rendered);
        assert!(
            said.starts_with("the fingerprint of mesh `demo`'s root certificate is no longer declared"),
            "{said}"
        );
    }

    #[test]
    fn a_renamed_cluster_is_known_by_its_api_server() {
        let said = |more: &str, server: &str| {
            let west = format!(
                "---\napiVersion: meshwright.dev/v1alpha1\nkind: Cluster\nmetadata: {{name: west2}}\nspec: {{network: new, \
                 kubernetes: {{apiServer: \"https://192.0.2.7:6443\"}}{more}}}\n"
            );
            let loaded = load_text(&(INTENT.replace(", PREVIOUS", "") + &west));
            let rendered = format!(
                "spec: {{network: new, cluster: {{id: east}}, remoteSecrets: {{west: \"{server}\"}}}}"
            );
            let mut findings = Findings::new();
            let read = |path: &str| path.contains("/east/").then(|| rendered.as_bytes().to_vec());
            check(&loaded.fleet, read, &mut findings);
            findings.iter().map(|f| f.message.clone()).collect::<String>()
        };
        assert_eq!(
            said("", "https://192.0.2.7:6443"),
            "the cluster at `https://192.0.2.7:6443` in mesh `demo` changes its cluster ID from `west` to `west2`"
        );
        assert_eq!(said("", "https://192.0.2.8:6443"), "", "another cluster");
        assert_eq!(said(", clusterID: west", "https://192.0.2.7:6443"), "");
        assert_eq!(said(", previous: {clusterID: west}", "https://192.0.2.7:6443"), "");
    }

    #[test]
    fn a_renamed_cluster_is_known_by_the_address_of_its_gateway() {
        let said = |more: &str, address: &str, members: &str| {
            let west = format!(
                "---\napiVersion: meshwright.dev/v1alpha1\nkind: Network\nmetadata: {{name: other}}\n---\n\
                 apiVersion: meshwright.dev/v1alpha1\nkind: Cluster\nmetadata: {{name: west2}}\nspec: {{network: other, \
                 loadBalancer: {{addresses: {{eastWest: 192.0.2.7}}}}{more}}}\n"
            );
            let loaded = load_text(&(INTENT.replace(", PREVIOUS", "") + &west));
            let rendered = format!(
                "spec: {{network: new, cluster: {{id: east}}, networks: {{other: {{clusters: [{members}], gateways: [{{cluster: west, \
                 name: g, address: {address}, port: 15443}}]}}}}}}"
            );
            let mut findings = Findings::new();
            let read = |path: &str| path.contains("/east/").then(|| rendered.as_bytes().to_vec());
            check(&loaded.fleet, read, &mut findings);
            findings.iter().map(|f| f.message.clone()).collect::<String>()
        };
        assert_eq!(
            said("", "192.0.2.7", "west"),
            "the cluster whose gateway is dialled at `192.0.2.7` in mesh `demo` changes its cluster ID from `west` to `west2`"
        );
        assert_eq!(said("", "192.0.2.8", "west"), "", "another gateway");
        assert_eq!(said("", "192.0.2.7", "west, west2"), "", "the address moved");
        assert_eq!(said(", clusterID: west", "192.0.2.7", "west"), "");
        assert_eq!(said(", previous: {clusterID: west}", "192.0.2.7", "west"), "");
    }

    #[test]
    fn a_changed_root_is_said_once() {
        let root =
            format!("ca: {{provider: offline, rootCertificateSHA256: \"{}\"}}", "AB:".repeat(31) + "AB");
        let intent =
            INTENT.replace(", PREVIOUS", "").replace("spec: {istio", &format!("spec: {{{root}, istio"));
        let loaded = load_text(&intent);
        let said = |old: &str| {
            let rendered = format!("spec: {{mesh: {{rootCertificateSHA256: \"{old}\"}}}}");
            let mut findings = Findings::new();
            check(&loaded.fleet, |_| Some(rendered.as_bytes().to_vec()), &mut findings);
            findings.iter().map(|f| f.message.clone()).collect::<Vec<_>>()
        };
        assert_eq!(said(&"ab".repeat(32)), Vec::<String>::new());
        assert_eq!(said(&"cd".repeat(32)), ["the root certificate of mesh `demo` changes"]);
    }

    #[test]
    fn a_changed_identity_of_a_mesh_is_said_unless_it_is_planned() {
        let said = |previous: &str| {
            let spec = format!("spec: {{meshID: new, trustDomain: new.example, {previous}istio");
            let loaded = load_text(&INTENT.replace(", PREVIOUS", "").replace("spec: {istio", &spec));
            let rendered = "spec: {network: new, mesh: {id: demo, trustDomain: cluster.local}}";
            let mut findings = Findings::new();
            check(&loaded.fleet, |_| Some(rendered.as_bytes().to_vec()), &mut findings);
            findings.iter().map(|f| f.message.clone()).collect::<Vec<_>>()
        };
        assert_eq!(
            said(""),
            [
                "the mesh ID of mesh `demo` changes from `demo` to `new`",
                "the trust domain of mesh `demo` changes from `cluster.local` to `new.example`"
            ]
        );
        assert_eq!(said("previous: {meshID: demo, trustDomain: cluster.local}, "), Vec::<String>::new());
        assert_eq!(said("previous: {meshID: other, trustDomain: cluster.local}, ").len(), 1);
    }

    #[test]
    fn a_changed_identity_is_said_unless_it_is_planned() {
        assert_eq!(said("", "spec: {network: new, cluster: {id: east}}"), "");
        assert_eq!(said("", "not a declaration"), "");
        insta::assert_snapshot!(said("", "spec: {network: old, cluster: {id: east}}"), @r"
        the network of cluster `east` in mesh `demo` changes from `old` to `new`
        set it back to `old`, or, to roll the change out, declare `previous: {network: old}` until every object carries the new value
        ");
        assert_eq!(said(", previous: {network: old}", "spec: {network: old, cluster: {id: east}}"), "");
        assert!(
            said("", "spec: {network: new, cluster: {id: west}}")
                .starts_with("the cluster ID of cluster `east`")
        );
    }
}
