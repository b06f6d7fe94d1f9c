//! What lies beside the rendered files and must not be hidden by them: Flux's own objects.

use meshwright_policies::assembly::BOOTSTRAP_PATH;
use meshwright_policies::finding::Findings;
use meshwright_policies::intent::Delivery;
use meshwright_policies::mesh::Fleet;

use crate::artefact::Root;
use crate::destination::{Server, destinations};

/// The file that `flux bootstrap --path` writes to a directory below that path, which is called as Flux's namespace
/// (fluxcd/flux2: `pkg/manifestgen/sync/sync.go`).
const SYNC: &str = "gotk-sync.yaml";

/// Finds the directories that Flux applies and that it was bootstrapped at too. `exists` answers for a path below the
/// output directory.
pub fn check(fleet: &Fleet, exists: impl Fn(&str) -> bool, findings: &mut Findings) {
    for (name, destination) in destinations(fleet) {
        let Delivery::Flux(flux) = destination.delivery else { continue };
        let directory = Root::Flux(name.clone()).directory();
        let own = format!("{directory}/{}", flux.namespace);
        if !exists(&format!("{own}/{SYNC}")) {
            continue;
        }
        let place = match destination.server {
            Server::Cluster(cluster) => cluster.written.place("spec.delivery"),
            Server::Hosted { .. } | Server::Management => destination.mesh.written.place("spec.delivery"),
        };
        let message = format!(
            "Flux of `{name}` was bootstrapped at `{directory}/`: the `kustomization.yaml` that is rendered there hides \
             `{own}/`, and Flux would remove itself"
        );
        let help = format!(
            "bootstrap Flux at a path outside the output, and let it apply `{directory}/` by a Kustomization: PLAN.md has \
             the command"
        );
        findings.push(BOOTSTRAP_PATH.at(place, message).found(own).cluster(&name).help(help));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compile::load_text;

    fn said(delivery: &str, there: &[&str]) -> Vec<String> {
        let text = format!(
            "apiVersion: meshwright.dev/v1alpha1\nkind: Mesh\nmetadata: {{name: m}}\n\
             spec: {{istio: {{version: \"1.30.3\"}}, delivery: {delivery}}}\n---\n\
             apiVersion: meshwright.dev/v1alpha1\nkind: Network\nmetadata: {{name: n}}\n---\n\
             apiVersion: meshwright.dev/v1alpha1\nkind: Cluster\nmetadata: {{name: east}}\nspec: {{network: n}}\n"
        );
        let mut findings = Findings::new();
        check(&load_text(&text).fleet, |path| there.contains(&path), &mut findings);
        findings.iter().map(|finding| finding.message.clone()).collect()
    }

    #[test]
    fn a_bootstrap_path_is_found_where_flux_delivers() {
        let there = ["clusters/east/flux-system/gotk-sync.yaml"];
        insta::assert_snapshot!(said("{flux: {}}", &there).join("\n"), @"Flux of `east` was bootstrapped at `clusters/east/`: the `kustomization.yaml` that is rendered there hides `clusters/east/flux-system/`, and Flux would remove itself");
        assert_eq!(
            said("{flux: {}}", &["clusters/west/flux-system/gotk-sync.yaml", "clusters/east/gotk-sync.yaml"]),
            [""; 0]
        );
        assert_eq!(said("{none: {}}", &there), [""; 0]);
    }
}
