//! Documents inside the strings of an object: istiod's ConfigMap, the injector's values, Argo CD's `values`, the annotation
//! `proxy.istio.io/config`. They are read in the place of their text, so that what they assert has a field path like
//! everything else: `data.meshNetworks.networks.network-east`.

use std::borrow::Cow;

use serde_json::{Map, Value};

use crate::borrowed::{Borrowed, Fields};
use crate::claim::At;
use crate::node::{FieldPath, Step};

/// Longer text is not read. An object that the API server stores is smaller (etcd's default limit is 1.5 MiB).
const LONGEST: usize = 1 << 21;

/// Brackets are open within each other at most so often.
const DEEPEST: usize = 200;

/// The annotation with a `ProxyConfig` of one pod (istio/istio@1.31: `pkg/config/annotations`).
pub const PROXY_CONFIG: &str = "proxy.istio.io/config";

/// Whether objects of a kind may have such fields as [`texts`] finds.
#[must_use]
pub fn may_have_texts(kind: &str) -> bool {
    matches!(
        kind,
        "Application"
            | "ApplicationSet"
            | "ConfigMap"
            | "DaemonSet"
            | "Deployment"
            | "Pod"
            | "StatefulSet"
            | "WorkloadGroup"
    )
}

/// The fields of an object whose text is a document that can assert something.
#[must_use]
pub fn texts(object: &Map<String, Value>) -> Vec<FieldPath> {
    texts_at(&At::root(object))
}

fn texts_at(object: &At<'_>) -> Vec<FieldPath> {
    let mut paths = Vec::new();
    let kind = object.str_at(&["kind"]).unwrap_or_default();
    if !may_have_texts(kind) {
        return paths;
    }
    let mut add = |path: FieldPath| {
        if text_at(object, &path).is_some() {
            paths.push(path);
        }
    };
    match kind {
        "ConfigMap" => {
            let name = object.str_at(&["metadata", "name"]).unwrap_or_default();
            let data = FieldPath::parse("data");
            if is_istiods(name) {
                add(data.clone().key("mesh"));
            }
            if name.starts_with(INJECTOR) {
                add(data.clone().key("values"));
            }
            // Any ConfigMap can be the one that `SHARED_MESH_CONFIG` names.
            add(data.key("meshNetworks"));
        }
        "Application" | "ApplicationSet" => {
            let spec: &[&str] = if kind == "Application" { &["spec"] } else { &["spec", "template", "spec"] };
            let path = FieldPath(spec.iter().map(|key| Step::Key((*key).to_owned())).collect());
            let values = |source: FieldPath| source.key("helm").key("values");
            add(values(path.clone().key("source")));
            let sources = path.key("sources");
            let count = |spec: &At<'_>| spec.with(&["sources"], |sources| sources.items().count());
            let count = object.with(spec, count).flatten().unwrap_or_default();
            (0..count).for_each(|index| add(values(sources.clone().index(index))));
        }
        "Pod" => add(FieldPath::parse("metadata.annotations").key(PROXY_CONFIG)),
        "DaemonSet" | "Deployment" | "StatefulSet" => {
            add(FieldPath::parse("spec.template.metadata.annotations").key(PROXY_CONFIG));
        }
        "WorkloadGroup" => {
            add(FieldPath::parse("metadata.annotations").key(PROXY_CONFIG));
            add(FieldPath::parse("spec.metadata.annotations").key(PROXY_CONFIG));
        }
        _ => {}
    }
    paths
}

/// Prefix of the injector's ConfigMap.
pub(crate) const INJECTOR: &str = "istio-sidecar-injector";

/// Whether a ConfigMap of that name can be istiod's: `istio` or `istio-<revision>` (istio/istio@1.31:
/// `pilot/pkg/bootstrap/mesh.go`).
pub(crate) fn is_istiods(name: &str) -> bool {
    name == "istio" || (name.starts_with("istio-") && !name.starts_with(INJECTOR))
}

/// The object with its documents in the place of their text. What cannot be read, or is no map, stays text.
#[must_use]
pub fn expand(object: &Map<String, Value>) -> Cow<'_, Map<String, Value>> {
    let mut expanded = Cow::Borrowed(object);
    for path in texts(object) {
        let document = text_at(&At::root(object), &path).and_then(parse).filter(Value::is_object);
        if let Some(document) = document
            && let Some(place) = at_mut(expanded.to_mut(), &path)
        {
            *place = document;
        }
    }
    expanded
}

/// Puts the documents of an object that came over the wire in the place of their text.
pub fn expand_fields(object: &mut Fields<'_>) {
    let found: Vec<(FieldPath, Value)> = {
        let object = At::fields(object);
        let read = |path: FieldPath| Some((text_at(&object, &path).and_then(parse)?, path));
        texts_at(&object).into_iter().filter_map(read).map(|(document, path)| (path, document)).collect()
    };
    for (path, document) in found {
        if document.is_object()
            && let Some(place) = field_mut(object, &path)
        {
            *place = Borrowed::Document(Box::new(document));
        }
    }
}

/// One YAML document; JSON is one too. `None` when it is anything else.
#[must_use]
pub fn parse(text: &str) -> Option<Value> {
    if text.len() > LONGEST || is_deep(text) {
        return None;
    }
    serde_yaml::from_str(text).ok()
}

/// Whether a text is no YAML for anybody. What only this reader does not take is: keys that are there twice, several documents,
/// more of anything than it is ready to read.
pub(crate) fn is_broken(text: &str) -> bool {
    const OURS: [&str; 4] = ["duplicate", "more than one document", "recursion", "repetition"];
    if text.len() > LONGEST || is_deep(text) {
        return false;
    }
    match serde_yaml::from_str::<serde::de::IgnoredAny>(text) {
        Ok(_) => false,
        Err(error) => {
            let error = error.to_string();
            !OURS.iter().any(|ours| error.contains(ours))
        }
    }
}

/// Whether brackets are open within each other beyond all measure: the time to read them grows with the square of that.
fn is_deep(text: &str) -> bool {
    let mut depth = 0_usize;
    text.bytes().any(|byte| {
        depth = match byte {
            b'[' | b'{' => depth.saturating_add(1),
            b']' | b'}' => depth.saturating_sub(1),
            _ => depth,
        };
        depth > DEEPEST
    })
}

fn text_at<'a>(object: &At<'a>, path: &FieldPath) -> Option<&'a str> {
    object.str_below(path).filter(|text| !text.is_empty())
}

fn at_mut<'a>(object: &'a mut Map<String, Value>, path: &FieldPath) -> Option<&'a mut Value> {
    let (first, rest) = path.0.split_first()?;
    let Step::Key(first) = first else { return None };
    rest.iter().try_fold(object.get_mut(first)?, |value, step| match step {
        Step::Key(key) => value.get_mut(key),
        Step::Index(index) => value.get_mut(index),
    })
}

fn field_mut<'a, 'b>(object: &'a mut Fields<'b>, path: &FieldPath) -> Option<&'a mut Borrowed<'b>> {
    let (first, rest) = path.0.split_first()?;
    let Step::Key(first) = first else { return None };
    rest.iter().try_fold(object.get_mut(first)?, |value, step| match (value, step) {
        (Borrowed::Object(fields), Step::Key(key)) => fields.get_mut(key),
        (Borrowed::Array(items), Step::Index(index)) => items.get_mut(*index),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn expanded(object: Value) -> Value {
        let Value::Object(object) = object else { unreachable!() };
        Value::Object(expand(&object).into_owned())
    }

    #[test]
    fn documents_take_the_place_of_their_text() {
        let map =
            |name: &str, data: Value| json!({"kind": "ConfigMap", "metadata": {"name": name}, "data": data});
        let read = expanded(map("istio-1-30", json!({"mesh": "trustDomain: t\n", "other": "a: b"})));
        assert_eq!(read["data"], json!({"mesh": {"trustDomain": "t"}, "other": "a: b"}));
        let read =
            expanded(map("istio-sidecar-injector", json!({"values": "{\"global\": {}}", "mesh": "a: b"})));
        assert_eq!(read["data"], json!({"values": {"global": {}}, "mesh": "a: b"}));
        let source = |helm: Value| json!({"spec": {"sources": [{}, {"helm": helm}]}, "kind": "Application"});
        let read = expanded(source(json!({"values": "global: {network: n}"})));
        assert_eq!(read["spec"]["sources"][1]["helm"]["values"], json!({"global": {"network": "n"}}));
    }

    #[test]
    fn what_cannot_be_read_stays_text() {
        for text in ["a: [", "text", "{{ x }}", "a: 1\n---\nb: 2\n", "? [a]\n: b\n", "", "!!binary x"] {
            let object = json!({"kind": "ConfigMap", "metadata": {"name": "istio"}, "data": {"mesh": text}});
            assert_eq!(expanded(object.clone()), object, "{text}");
        }
    }

    #[test]
    fn what_is_no_yaml_for_anybody() {
        for text in ["networks: [", "networks:\n\ta: b", "a: 'b", "a: b: c"] {
            assert!(is_broken(text), "{text}");
        }
        for text in
            ["", "# nothing", "a: 1\na: 2", "a: 1\n---\nb: 2", "a: &x 1\nb: *x", "a: !t 1", "[1]", "text"]
        {
            assert!(!is_broken(text), "{text}");
        }
    }

    #[test]
    fn hostile_documents_end() {
        let bomb = (0..40).fold("a0: &a0 [x,x,x,x,x,x,x,x,x]\n".to_owned(), |text, n| {
            let item = format!("*a{n}");
            format!("{text}a{}: &a{} [{}]\n", n + 1, n + 1, [item.as_str(); 9].join(","))
        });
        let deep = format!("a: {}", "[".repeat(100_000));
        let (dashes, keys) = ("- ".repeat(100_000), "? ".repeat(100_000));
        for text in [bomb.as_str(), deep.as_str(), &dashes, &keys, &"x".repeat(LONGEST + 1)] {
            assert_eq!(parse(text), None);
        }
    }
}
