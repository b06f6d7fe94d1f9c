//! Whether those who deliver look for the output where a branch has it: at its root.

use std::collections::BTreeSet;

use meshwright_policies::assembly::DELIVERED_FROM_ELSEWHERE;
use meshwright_policies::finding::Findings;
use meshwright_policies::intent::Delivery;
use meshwright_policies::mesh::Fleet;

/// Finds delivery that looks anywhere else than at the root of its source: once for each place of the intent that says so.
pub fn check(fleet: &Fleet, findings: &mut Findings) {
    let mut said = BTreeSet::new();
    for (_, cluster) in fleet.clusters() {
        let (who, path, field, root) = match &cluster.delivery {
            Delivery::Flux(flux) => ("Flux", &flux.path, "spec.delivery.flux.path", "./"),
            Delivery::Argocd(argocd) => ("Argo CD", &argocd.path, "spec.delivery.argocd.path", ""),
            Delivery::None(_) => continue,
        };
        if is_root(path) {
            continue;
        }
        let place = cluster.written.place(field);
        if !said.insert((place.span.file, place.span.start, path)) {
            continue;
        }
        let message = format!(
            "{who} looks for the output in `{path}` of its source, and the branch has it at its root"
        );
        let finding = DELIVERED_FROM_ELSEWHERE.at(place, message).found(path);
        findings.push(finding.help(format!("set `path: \"{root}\"`, if the source is this branch")));
    }
}

/// Whether a path is where it starts: empty, `.`, `./`.
fn is_root(path: &str) -> bool {
    path.split('/').all(|part| part.is_empty() || part == ".")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compile::load_text;

    const INTENT: &str = "apiVersion: meshwright.dev/v1alpha1
kind: Mesh
metadata: {name: demo}
spec:
  istio: {version: \"1.30.3\"}
  delivery: {flux: {path: ./rendered}}
---
apiVersion: meshwright.dev/v1alpha1
kind: Network
metadata: {name: n1}
---
apiVersion: meshwright.dev/v1alpha1
kind: Cluster
metadata: {name: c1}
spec: {network: n1, podCIDRs: [10.1.0.0/16], kubernetes: {version: \"1.33\", apiServer: \"https://192.0.2.1:6443\"}}
";

    fn said(path: &str) -> Vec<String> {
        let mut findings = Findings::new();
        check(&load_text(&INTENT.replace("./rendered", path)).fleet, &mut findings);
        findings.iter().map(|finding| finding.message.clone()).collect()
    }

    #[test]
    fn only_the_root_of_the_source_is_the_root_of_the_branch() {
        for path in ["./", ".", "\"\""] {
            assert_eq!(said(path), Vec::<String>::new(), "{path}");
        }
        assert_eq!(
            said("./rendered"),
            ["Flux looks for the output in `./rendered` of its source, and the branch has it at its root"]
        );
    }
}
