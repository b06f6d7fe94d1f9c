//! MW9153: istiod does not see the namespace of the gateways.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::claim::{Claim, Claims, Fact};
use crate::declaration::DeclarationSpec;
use crate::fault::{self, Fault};
use crate::finding::{Findings, Rule, Severity};
use crate::policy::Policy;
use crate::repository::{Cluster, Manifest, Repository};

/// istiod does not see the namespace of the gateways.
pub(super) struct UnseenNamespace;

static RULE: Rule = Rule {
    code: "MW9153",
    name: "unseen-namespace",
    severity: Severity::Warning,
    title: "discovery selectors leave out the namespace of the gateways",
    docs: include_str!("../../docs/MW9153.md"),
};

/// The label that every namespace has (Kubernetes 1.21 and later).
const NAME: &str = "kubernetes.io/metadata.name";

type Labels = BTreeMap<String, String>;

impl Policy for UnseenNamespace {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn judges(&self) -> bool {
        true
    }

    fn judge(&self, declaration: &DeclarationSpec, claims: &Claims, findings: &mut Findings) {
        let selects = claims.list.iter().any(|claim| claim.fact == Fact::DiscoverySelector);
        if !selects || declaration.gateways.is_empty() || declaration.networks.len() < 2 {
            return;
        }
        let namespace = declaration.istio.namespace.as_str();
        // What is rendered on it; more labels may be there.
        let labels = Labels::from([
            (NAME.to_owned(), namespace.to_owned()),
            ("topology.istio.io/network".to_owned(), declaration.network.to_string()),
        ]);
        fault::judge(&RULE, declaration, claims, faults(claims, namespace, &labels, false), findings);
    }

    fn compare(&self, repository: &Repository, findings: &mut Findings) {
        for cluster in repository.clusters.iter().filter(|cluster| !cluster.mixed) {
            let selects = |subject: &&Manifest| {
                subject.claims.list.iter().any(|claim| claim.fact == Fact::DiscoverySelector)
            };
            for subject in cluster.subjects.iter().filter(selects) {
                let Some(labels) = labels_of(cluster, &subject.plane) else { continue };
                let plane = subject.plane.as_str();
                fault::told(&RULE, cluster, subject, |claims| faults(claims, plane, &labels, true), findings);
            }
        }
    }
}

/// Labels of the system namespace, when one document of the cluster has them all.
fn labels_of(cluster: &Cluster, namespace: &str) -> Option<Labels> {
    let mut found = cluster.subjects.iter().filter(|s| s.kind == "Namespace" && s.name == namespace);
    let (only, None) = (found.next()?, found.next()) else { return None };
    let mut labels = Labels::from([(NAME.to_owned(), namespace.to_owned())]);
    if let Some(node) = only.document.at(&"metadata.labels".into()) {
        for entry in node.entries() {
            labels.insert(entry.key.clone(), entry.node.as_str()?.to_owned());
        }
    }
    cluster.is_multi_cluster().then_some(labels)
}

/// The selectors of an object are alternatives; without any, all namespaces are seen. `complete`: whether a namespace has
/// no other labels than these.
fn faults<'a>(claims: &'a Claims, namespace: &str, labels: &Labels, complete: bool) -> Vec<Fault<'a>> {
    let selectors: Vec<&Claim> =
        claims.list.iter().filter(|claim| claim.fact == Fact::DiscoverySelector).collect();
    let Some(first) = selectors.first() else { return Vec::new() };
    let misses = |claim: &&Claim| {
        serde_json::from_str::<Map<String, Value>>(&claim.value)
            .is_ok_and(|selector| !may_match(&selector, labels, complete))
    };
    if !selectors.iter().all(misses) {
        return Vec::new();
    }
    let message = format!(
        "no discovery selector takes in namespace `{namespace}`: istiod sees no gateway there, nor do other clusters"
    );
    let help = format!("add `{{matchLabels: {{{NAME}: {namespace}}}}}` to `discoverySelectors`");
    vec![Fault::new(first, message, help)]
}

/// Whether a label selector matches; with labels that are not all known, whether it may.
fn may_match(selector: &Map<String, Value>, labels: &Labels, complete: bool) -> bool {
    let known = |key: &str| labels.get(key).map(String::as_str);
    let equal = selector.get("matchLabels").and_then(Value::as_object).is_none_or(|wanted| {
        wanted.iter().all(|(key, value)| match known(key) {
            Some(found) => value.as_str() == Some(found),
            None => !complete,
        })
    });
    let expressions = selector.get("matchExpressions").and_then(Value::as_array);
    equal && expressions.is_none_or(|all| all.iter().all(|one| may_hold(one, &known, complete)))
}

fn may_hold<'a>(expression: &Value, known: &impl Fn(&str) -> Option<&'a str>, complete: bool) -> bool {
    let text = |key: &str| expression.get(key).and_then(Value::as_str).unwrap_or_default();
    let found = known(text("key"));
    let values = expression.get("values").and_then(Value::as_array);
    let listed =
        |found: &str| values.is_some_and(|values| values.iter().any(|value| value.as_str() == Some(found)));
    match (text("operator"), found) {
        ("In", Some(found)) => listed(found),
        ("NotIn", Some(found)) => !listed(found),
        ("Exists", Some(_)) | ("NotIn" | "DoesNotExist", None) => true,
        ("DoesNotExist", Some(_)) => false,
        ("In" | "Exists", None) => !complete,
        _ => true,
    }
}
