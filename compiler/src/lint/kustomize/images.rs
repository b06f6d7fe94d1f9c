//! `images`: another name, tag or digest for the images of containers (kubernetes-sigs/kustomize:
//! `api/filters/imagetag`).

use meshwright_policies::node::{Node, Value};

use super::Object;

/// One entry.
#[derive(Clone, Debug)]
pub(super) struct Image {
    name: String,
    new_name: Option<Node>,
    new_tag: Option<Node>,
    digest: Option<Node>,
}

impl Image {
    pub(super) fn of(node: &Node) -> Option<Image> {
        let field =
            |key: &str| node.get(key).filter(|node| text(node).is_some_and(|text| !text.is_empty())).cloned();
        Some(Image {
            name: node.get("name")?.as_str()?.to_owned(),
            new_name: field("newName"),
            new_tag: field("newTag"),
            digest: field("digest"),
        })
    }
}

fn text(node: &Node) -> Option<String> {
    match node.to_json() {
        serde_json::Value::String(text) => Some(text),
        serde_json::Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

pub(super) fn run(images: &[Image], objects: &mut [Object<'_>]) {
    if images.is_empty() {
        return;
    }
    for object in objects.iter_mut() {
        if object.kind() == "CustomResourceDefinition" {
            continue;
        }
        let mut document = object.node().clone();
        let changed = images.iter().fold(false, |changed, image| walk(&mut document, image) | changed);
        if changed {
            *object.change() = document;
        }
    }
}

/// Every `containers` and `initContainers`, wherever they are.
fn walk(node: &mut Node, image: &Image) -> bool {
    let mut changed = false;
    match &mut node.value {
        Value::Mapping(entries) => {
            for entry in entries {
                let is_list = matches!(entry.key.as_str(), "containers" | "initContainers");
                if let (true, Value::Sequence(items)) = (is_list, &mut entry.node.value) {
                    changed |= items.iter_mut().fold(false, |changed, item| container(item, image) | changed);
                }
                changed |= walk(&mut entry.node, image);
            }
        }
        Value::Sequence(items) => {
            for item in items {
                changed |= walk(item, image);
            }
        }
        _ => {}
    }
    changed
}

fn container(node: &mut Node, image: &Image) -> bool {
    let Value::Mapping(entries) = &mut node.value else { return false };
    let Some(entry) = entries.iter_mut().find(|entry| entry.key == "image") else { return false };
    let Some(old) = entry.node.as_str() else { return false };
    let (bare, digest) = old.split_once('@').map_or((old, None), |(bare, digest)| (bare, Some(digest)));
    // A port of a registry is no tag.
    let (name, tag) = match bare.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
        _ => (bare, None),
    };
    if name != image.name {
        return false;
    }
    let said = |node: &Option<Node>| node.as_ref().and_then(text);
    let name = said(&image.new_name).unwrap_or_else(|| name.to_owned());
    let new = match (said(&image.digest), said(&image.new_tag)) {
        (Some(digest), _) => format!("{name}@{digest}"),
        (None, Some(tag)) => format!("{name}:{tag}"),
        (None, None) => {
            let tag = tag.map(|tag| format!(":{tag}")).unwrap_or_default();
            let digest = digest.map(|digest| format!("@{digest}")).unwrap_or_default();
            format!("{name}{tag}{digest}")
        }
    };
    let from = image.digest.as_ref().or(image.new_tag.as_ref()).or(image.new_name.as_ref());
    let span = from.map_or(entry.node.span, |node| node.span);
    entry.node = Node { value: Value::String(new), span };
    true
}
