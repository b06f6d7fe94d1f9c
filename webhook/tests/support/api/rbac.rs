//! What a token may do.

use serde_json::Value;

use super::failure::Failure;

/// The rules of a role, and the namespaces in which it is bound; none for the whole cluster.
#[derive(Clone, Debug, Default)]
pub(crate) struct Grant {
    pub(crate) namespace: Option<String>,
    pub(crate) rules: Vec<Value>,
}

/// What a request does.
#[derive(Clone, Debug)]
pub(crate) struct Act<'a> {
    pub(crate) verb: &'a str,
    pub(crate) group: &'a str,
    pub(crate) resource: String,
    pub(crate) namespace: &'a str,
    pub(crate) name: &'a str,
}

/// Whether one of the grants allows it.
pub(crate) fn check(grants: &[Grant], act: &Act<'_>) -> Result<(), Failure> {
    let allowed = grants
        .iter()
        .filter(|grant| grant.namespace.as_deref().is_none_or(|n| n == act.namespace))
        .any(|grant| grant.rules.iter().any(|rule| allows(rule, act)));
    if allowed {
        return Ok(());
    }
    let Act { verb, group, resource, namespace, name } = act;
    let message = format!(
        "{resource}.{group} \"{name}\" is forbidden: User \"webhook\" cannot {verb} resource \"{resource}\" in API \
         group \"{group}\" in namespace \"{namespace}\""
    );
    Err(Failure::new(403, "Forbidden", message))
}

fn allows(rule: &Value, act: &Act<'_>) -> bool {
    let holds = |field: &str, value: &str| {
        rule[field].as_array().is_some_and(|list| list.iter().any(|item| *item == value || *item == "*"))
    };
    let names = rule["resourceNames"].as_array().filter(|names| !names.is_empty());
    holds("verbs", act.verb)
        && holds("apiGroups", act.group)
        && holds("resources", &act.resource)
        && names.is_none_or(|names| names.iter().any(|name| *name == act.name))
}
