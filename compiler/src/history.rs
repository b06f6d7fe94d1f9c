//! What was rendered before, as far as a change of it is dangerous: the identity of a cluster.

use meshwright_policies::assembly::{IDENTITY_CHANGED, ROOT_CHANGED};
use meshwright_policies::finding::{Finding, Findings, Place};
use meshwright_policies::mesh::{Cluster, Fleet, Mesh};
use meshwright_policies::names::{ClusterId, NetworkId};
use meshwright_policies::node::{FieldPath, FileId, Node};

use crate::artefact::Root;
use crate::syntax::{self, Limits};

/// Compares the fleet with the declarations that were rendered before. `previous` reads a file of the output directory.
pub fn check(fleet: &Fleet, previous: impl Fn(&str) -> Option<Vec<u8>>, findings: &mut Findings) {
    for (mesh, cluster) in fleet.clusters() {
        let directory = Root::Declaration(cluster.name.clone()).directory();
        let Some(text) = previous(&format!("{directory}/meshdeclaration-{}.yaml", mesh.name)) else {
            continue;
        };
        // A declaration that cannot be read is no reason to refuse a new one.
        let documents = syntax::load(FileId::NONE, &text, &Limits::default(), &mut Findings::new());
        if let Some(declaration) = documents.first() {
            findings.extend(changes(mesh, cluster, &declaration.root));
        }
    }
}

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
    network.into_iter().chain(id).chain(root_changed(mesh, was("spec.mesh.rootCertificateSHA256"))).collect()
}

/// Said once for the mesh: every cluster finds it at one place, in the same words.
fn root_changed(mesh: &Mesh, was: Option<&str>) -> Option<Finding> {
    let (was, now) = (was?, mesh.spec.ca.as_ref()?.fingerprint()?);
    let message = format!("the root certificate of mesh `{}` changes", mesh.name);
    let help = "set the old fingerprint back, or rotate the root in steps: `meshwright explain MW7006`";
    (was != now).then(|| {
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
    IDENTITY_CHANGED
        .at(place, message)
        .found(new)
        .cluster(&cluster.name)
        .help(format!(
            "set it back to `{old}`, or, to roll the change out, declare `previous: {{{field}: {old}}}` until every \
             object carries the new value"
        ))
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
