//! What this program may have to do in a cluster, as rules of roles (`rbac.authorization.k8s.io/v1`). The kinds come from
//! the registry, so that a kind that is judged can also be audited.

use meshwright_policies::kinds::{self, Audited};
use serde::Serialize;

/// A rule of a role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PolicyRule {
    /// Groups; the core group is empty.
    pub api_groups: Vec<String>,
    /// Plurals, subresources after a slash.
    pub resources: Vec<String>,
    /// Names; none for all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub resource_names: Vec<String>,
    /// Verbs.
    pub verbs: Vec<String>,
}

impl PolicyRule {
    fn new(group: &str, resources: &[&str], verbs: &[&str]) -> PolicyRule {
        let owned = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
        PolicyRule {
            api_groups: vec![group.to_owned()],
            resources: owned(resources),
            resource_names: Vec::new(),
            verbs: owned(verbs),
        }
    }
}

/// What is needed, and where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Needs {
    /// In the whole cluster: a ClusterRole.
    pub cluster: Vec<PolicyRule>,
    /// In each system namespace: a Role there.
    pub system_namespaces: Vec<PolicyRule>,
}

/// What watching declarations, status, Events and the audit need.
#[must_use]
pub fn needs() -> Needs {
    let mut cluster = vec![
        PolicyRule::new("meshwright.dev", &["meshdeclarations"], &["get", "list", "watch"]),
        PolicyRule::new("meshwright.dev", &["meshdeclarations/status"], &["patch"]),
        PolicyRule::new("events.k8s.io", &["events"], &["create", "patch"]),
    ];
    let mut system_namespaces: Vec<PolicyRule> = Vec::new();
    // One rule for a group; the registry is in the order of groups.
    for kind in kinds::audited() {
        let rules = match kind.audited() {
            Audited::Everywhere => &mut cluster,
            Audited::SystemNamespaces => &mut system_namespaces,
        };
        match rules.iter_mut().find(|rule| rule.api_groups == [kind.group()] && rule.verbs == ["list"]) {
            Some(rule) => rule.resources.push(kind.plural().to_owned()),
            None => rules.push(PolicyRule::new(kind.group(), &[kind.plural()], &["list"])),
        }
    }
    Needs { cluster, system_namespaces }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_asked_for_that_holds_secrets() {
        let Needs { cluster, system_namespaces } = needs();
        assert!(system_namespaces.iter().all(|rule| rule.verbs == ["list"]));
        for rule in &cluster {
            let wide = [&rule.api_groups, &rule.resources, &rule.verbs]
                .into_iter()
                .flatten()
                .any(|text| text == "*");
            assert!(!wide, "{rule:?}");
            let secrets = rule.api_groups == [""] && rule.resources.iter().any(|r| r == "secrets");
            assert!(!secrets, "no Secret of the whole cluster is read: {rule:?}");
        }
    }

    #[test]
    fn the_chart_grants_what_is_needed_and_no_more() {
        let Needs { cluster, system_namespaces } = needs();
        for (file, rules) in [
            (include_str!("../../../charts/meshwright-webhook/files/rules.yaml"), cluster),
            (
                include_str!("../../../charts/meshwright-webhook/files/system-namespace-rules.yaml"),
                system_namespaces,
            ),
        ] {
            let granted: serde_json::Value = serde_yaml::from_str(file).unwrap();
            let needed = serde_json::to_value(rules).unwrap();
            assert_eq!(granted, needed, "put there what `meshwright-webhook rbac` prints");
        }
    }
}
