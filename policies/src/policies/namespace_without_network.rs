//! MW2112: system namespace does not name its network.

use std::collections::{BTreeMap, BTreeSet};

use crate::claim::{Claims, Fact};
use crate::declaration::DeclarationSpec;
use crate::finding::{Findings, Place, Rule, Severity};
use crate::node::{FieldPath, Span};
use crate::policy::Policy;
use crate::repository::Repository;

/// MW2112: system namespace does not name its network.
pub(super) struct NamespaceWithoutNetwork;

static RULE: Rule = Rule {
    code: "MW2112",
    name: "namespace-without-network",
    severity: Severity::Warning,
    title: "system namespace does not name its network",
    docs: include_str!("../../docs/MW2112.md"),
};

impl Policy for NamespaceWithoutNetwork {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn judges(&self) -> bool {
        true
    }

    fn judge(&self, declaration: &DeclarationSpec, claims: &Claims, findings: &mut Findings) {
        let namespace = declaration.istio.namespace.as_str();
        let is_system = claims.object.strip_prefix("Namespace/") == Some(namespace);
        if !is_system || declaration.networks.len() < 2 || names_network(claims) {
            return;
        }
        let network = &declaration.network;
        let message = format!(
            "`{namespace}` has no label `topology.istio.io/network`, by which cluster `{}` is on `{network}`",
            declaration.cluster.name
        );
        let place = |path: &str| Place { span: Span::NONE, path: FieldPath::parse(path) };
        findings.push(
            RULE.at(place("metadata.labels"), message)
                .related(place("spec.network"), format!("`{network}` is declared here"))
                .help(format!("add `topology.istio.io/network: {network}` to the labels"))
                .cluster(&declaration.cluster.name)
                .object(claims.object.clone()),
        );
    }

    fn compare(&self, repository: &Repository, findings: &mut Findings) {
        let mut labelled: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for cluster in repository.clusters.iter().filter(|cluster| cluster.is_comparable()) {
            if let Some(network) = cluster.network()
                && cluster.subjects.iter().any(|subject| names_network(&subject.claims))
            {
                labelled.entry(cluster.scope.as_str()).or_default().insert(network);
            }
        }
        for cluster in repository.clusters.iter().filter(|cluster| cluster.is_comparable()) {
            let planes = cluster.planes();
            let networks = cluster.networks();
            let Some(network) = networks.first() else { continue };
            // Where no cluster has it, istioctl may set it when it makes the namespace.
            let others = labelled.get(cluster.scope.as_str());
            if !others.is_some_and(|others| others.iter().any(|other| *other != network.claim.value)) {
                continue;
            }
            let bare = |subject: &&crate::repository::Manifest| {
                subject.kind == "Namespace"
                    && planes.contains(&subject.name.as_str())
                    && !names_network(&subject.claims)
                    && subject.unresolved.is_empty()
                    && !subject.unknown
            };
            if cluster.subjects.iter().any(|subject| names_network(&subject.claims)) {
                continue;
            }
            for subject in cluster.subjects.iter().filter(bare) {
                let value = &network.claim.value;
                let message = format!(
                    "`{}` of {} has no label `topology.istio.io/network`, as other clusters' have",
                    subject.name,
                    cluster.called()
                );
                findings.push(
                    subject
                        .finding(&RULE, &FieldPath::parse("metadata.labels"), message)
                        .related(network.place(), format!("{} is on `{value}`", cluster.called()))
                        .help(format!("add `topology.istio.io/network: {value}` to the labels"))
                        .cluster(&cluster.name),
                );
            }
        }
    }
}

fn names_network(claims: &Claims) -> bool {
    claims.list.iter().any(|claim| matches!(claim.fact, Fact::NamespaceNetwork { .. }))
}
