//! What the file of an object is called.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};

use crate::object::Object;
use crate::stage::group;

/// The longest name without a digest, in bytes: kind, name and `.yaml` fit into the 255 of a file system.
const LONGEST: usize = 200;

/// File names of the objects of one directory, in their order: `<kind>-<name>.yaml`; where two would be the same, with
/// namespace, then with group too. A name does not depend on the order of the objects.
pub(super) fn file_names(objects: &[&Object]) -> Vec<String> {
    let mut names: Vec<String> = objects.iter().map(|object| portable(short(object))).collect();
    for longer in [with_namespace, with_group, with_digest] {
        let mut uses: BTreeMap<&str, usize> = BTreeMap::new();
        for name in &names {
            let count = uses.entry(name).or_default();
            *count = count.saturating_add(1);
        }
        let repeated: Vec<bool> =
            names.iter().map(|name| uses.get(name.as_str()).is_some_and(|count| *count > 1)).collect();
        if !repeated.contains(&true) {
            break;
        }
        for ((name, object), repeated) in names.iter_mut().zip(objects).zip(repeated) {
            if repeated {
                *name = portable(longer(object));
            }
        }
    }
    names.iter_mut().for_each(|name| name.push_str(".yaml"));
    names
}

fn short(object: &Object) -> String {
    let name = format!("{}-{}", object.kind(), object.name());
    if name.len() > LONGEST { with_digest(object) } else { name }
}

fn with_namespace(object: &Object) -> String {
    match object.namespace_name() {
        Some(namespace) => format!("{}-{namespace}-{}", object.kind(), object.name()),
        None => short(object),
    }
}

fn with_group(object: &Object) -> String {
    let group = group(object.api_version());
    let namespace = object.namespace_name().unwrap_or_default();
    format!("{}.{group}-{namespace}-{}", object.kind(), object.name())
}

fn with_digest(object: &Object) -> String {
    let identity = [
        group(object.api_version()),
        object.kind(),
        object.namespace_name().unwrap_or_default(),
        object.name(),
    ];
    format!("{}-{}", object.kind(), digest(&identity.join("/")))
}

/// The first eight hexadecimal digits of a text's SHA-256.
pub(crate) fn digest(text: &str) -> String {
    Sha256::digest(text).iter().take(4).map(|byte| format!("{byte:02x}")).collect()
}

/// A name of at most 63 bytes: label values, which Flux and Argo CD make of their objects' names, are no longer.
pub(crate) fn label_sized(name: String) -> String {
    const MOST: usize = 63;
    if name.len() <= MOST {
        return name;
    }
    let head = name.get(..MOST - 9).unwrap_or_default().trim_end_matches(['-', '.']);
    format!("{head}-{}", digest(&name))
}

/// Lower case, and nothing that a file system may refuse.
fn portable(name: String) -> String {
    let keep = |c: char| {
        if c.is_ascii_alphanumeric() || matches!(c, '-' | '.') { c.to_ascii_lowercase() } else { '-' }
    };
    name.chars().map(keep).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(objects: &[(&str, &str, Option<&str>, &str)]) -> Vec<String> {
        let objects: Vec<Object> = objects
            .iter()
            .map(|(api, kind, namespace, name)| {
                let object = Object::new(api, kind, *name);
                namespace.map_or(object.clone(), |namespace| object.namespace(namespace))
            })
            .collect();
        file_names(&objects.iter().collect::<Vec<&Object>>())
    }

    #[test]
    fn a_name_is_as_long_as_it_has_to_be() {
        let gateway = ("networking.istio.io/v1", "Gateway", Some("a"), "g");
        let other = ("networking.istio.io/v1", "Gateway", Some("b"), "g");
        let kubernetes = ("gateway.networking.k8s.io/v1", "Gateway", Some("a"), "g");
        let role = ("rbac.authorization.k8s.io/v1", "ClusterRole", None, "system:X");
        let twin = ("rbac.authorization.k8s.io/v1", "ClusterRole", None, "system-x");
        assert_eq!(names(&[gateway, role]), ["gateway-g.yaml", "clusterrole-system-x.yaml"]);
        assert_eq!(names(&[gateway, other]), ["gateway-a-g.yaml", "gateway-b-g.yaml"]);
        assert_eq!(
            names(&[gateway, other, kubernetes]),
            [
                "gateway.networking.istio.io-a-g.yaml",
                "gateway-b-g.yaml",
                "gateway.gateway.networking.k8s.io-a-g.yaml"
            ]
        );
        let twins = names(&[role, twin]);
        assert_ne!(twins[0], twins[1]);
        assert_eq!(twins.into_iter().rev().collect::<Vec<_>>(), names(&[twin, role]));
    }

    #[test]
    fn long_names_stay_apart() {
        let long = |last: char| label_sized(format!("{}{last}", "a-".repeat(40)));
        assert!(long('x').len() <= 63);
        assert_ne!(long('x'), long('y'));
        assert_eq!(label_sized("short".into()), "short");
        assert!(names(&[("v1", "Service", None, &"n".repeat(253))])[0].len() < 255);
    }
}
