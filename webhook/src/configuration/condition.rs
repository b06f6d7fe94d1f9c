//! Marks as an expression of CEL, for `matchConditions`.
//!
//! An expression that fails refuses the request under `failurePolicy: Fail` (Kubernetes: KEP-3716), so that every field
//! is asked for before it is read.

use std::collections::BTreeSet;

use meshwright_policies::kinds::Mark;

use super::Scope;

/// Whether the object, as it is or as it is to be, has one of the marks. What loses its mark is asked about too.
pub(super) fn of(marks: &[Mark], scope: &Scope) -> String {
    let marks: Vec<String> = marks.iter().filter_map(|mark| expression(mark, scope)).collect();
    let any = |object: &str| {
        let texts: Vec<String> =
            marks.iter().map(|mark| format!("({})", mark.replace("self.", &format!("{object}.")))).collect();
        texts.join(" || ")
    };
    if marks.is_empty() {
        return "false".to_owned();
    }
    format!("(object != null && ({})) || (oldObject != null && ({}))", any("object"), any("oldObject"))
}

/// Whether a request that is about a subresource changes labels or annotations. Kubelets write the status of every pod
/// and node again and again; of that nothing is to be asked about.
pub(super) fn changes_metadata() -> String {
    let differs = |map: &str| {
        let (new, old) = (format!("object.metadata.{map}"), format!("oldObject.metadata.{map}"));
        format!("has({new}) != has({old}) || (has({new}) && has({old}) && {new} != {old})")
    };
    format!(
        "!has(request.subResource) || request.subResource == '' || object == null || oldObject == null || {} || {}",
        differs("labels"),
        differs("annotations")
    )
}

/// An expression about `self`; none for what nothing can have.
fn expression(mark: &Mark, scope: &Scope) -> Option<String> {
    Some(match mark {
        Mark::Label(key) => in_map("self.metadata.labels", &[], key),
        Mark::Annotation(key) => in_map("self.metadata.annotations", &[], key),
        Mark::PodLabel(key) => in_map("self.spec.template.metadata.labels", TEMPLATE, key),
        Mark::PodAnnotation(key) => in_map("self.spec.template.metadata.annotations", TEMPLATE, key),
        Mark::Gateway => {
            let names = list(&scope.gateways)?;
            format!("has(self.metadata.name) && self.metadata.name in {names}")
        }
        Mark::InSystemNamespace(name) => {
            let namespaces = list(&scope.system_namespaces)?;
            let (exact, prefix) = (quoted(name), quoted(&format!("{name}-")));
            format!(
                "has(self.metadata.namespace) && self.metadata.namespace in {namespaces} && has(self.metadata.name) && \
                 (self.metadata.name == {exact} || self.metadata.name.startsWith({prefix}))"
            )
        }
        Mark::Expression(text) => (*text).to_owned(),
    })
}

/// The ancestors of a pod template's metadata.
const TEMPLATE: &[&str] = &["self.spec", "self.spec.template", "self.spec.template.metadata"];

fn in_map(map: &str, ancestors: &[&str], key: &str) -> String {
    let mut text = String::new();
    for ancestor in ancestors {
        text.push_str(&format!("has({ancestor}) && "));
    }
    format!("{text}has({map}) && {} in {map}", quoted(key))
}

fn list(names: &BTreeSet<String>) -> Option<String> {
    let names: Vec<String> = names.iter().map(|name| quoted(name)).collect();
    (!names.is_empty()).then(|| format!("[{}]", names.join(", ")))
}

/// A literal. Names of Kubernetes objects have nothing to escape; what would is escaped all the same.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}
