//! Applications of Argo CD in one shape: the chart as the one `source`, its values in `valuesObject`. Others have several
//! `sources`, of which one is a chart and others are where its values or further manifests lie, and values as text.

use meshwright_policies::node::{Entry, Node, Value};
use meshwright_policies::repository::{Cluster, Manifest, Repository};

/// The same repository, with every Application of several sources taken apart.
pub(super) fn shaped(repository: Repository) -> Repository {
    let is_other = |subject: &Manifest| !apart(subject).is_empty();
    if !repository.clusters.iter().any(|cluster| cluster.subjects.iter().any(is_other)) {
        return repository;
    }
    let clusters = repository.clusters.into_iter().map(|cluster| {
        let mut shaped = Cluster::default();
        (shaped.name, shaped.scope) = (cluster.name, cluster.scope);
        (shaped.named, shaped.fleet) = (cluster.named, cluster.fleet);
        (shaped.mixed, shaped.complete) = (cluster.mixed, cluster.complete);
        shaped.witnesses = cluster.witnesses;
        for subject in cluster.subjects {
            let parts = apart(&subject);
            match parts.is_empty() {
                true => shaped.subjects.push(subject),
                false => shaped.subjects.extend(parts),
            }
        }
        shaped
    });
    Repository::new(clusters.collect())
}

/// An Application for each chart, and one for what is left; nothing where it has that shape already.
fn apart(subject: &Manifest) -> Vec<Manifest> {
    if subject.kind != "Application" {
        return Vec::new();
    }
    let at = |path: &str| subject.document.at(&path.into());
    let all: Vec<&Node> = at("spec.sources").into_iter().flat_map(Node::items).collect();
    let (charts, others): (Vec<&Node>, Vec<&Node>) =
        all.into_iter().partition(|source| source.get("chart").is_some());
    if !charts.is_empty() {
        let mut parts: Vec<Manifest> =
            charts.iter().map(|source| part(subject, "source", with_object(source))).collect();
        if !others.is_empty() {
            let list = Value::Sequence(others.into_iter().cloned().collect());
            parts.push(part(subject, "sources", Node { value: list, span: subject.document.span }));
        }
        return parts;
    }
    match at("spec.source") {
        Some(source) if text_values(source).is_some() => vec![part(subject, "source", with_object(source))],
        _ => Vec::new(),
    }
}

/// Values that were written as text and read in its place.
fn text_values(source: &Node) -> Option<&Node> {
    let helm = source.get("helm")?;
    let is_map = |values: &&Node| matches!(values.value, Value::Mapping(_));
    helm.get("values").filter(is_map).filter(|_| helm.get("valuesObject").is_none())
}

/// A source with its values as an object.
fn with_object(source: &Node) -> Node {
    let mut source = source.clone();
    if text_values(&source).is_some()
        && let Value::Mapping(entries) = &mut source.value
        && let Some(helm) = entries.iter_mut().find(|entry| entry.key == "helm")
        && let Value::Mapping(entries) = &mut helm.node.value
        && let Some(values) = entries.iter_mut().find(|entry| entry.key == "values")
    {
        values.key = "valuesObject".to_owned();
    }
    source
}

/// The Application with nothing else under its sources.
fn part(subject: &Manifest, key: &str, source: Node) -> Manifest {
    let mut document = Node::clone(&subject.document);
    if let Value::Mapping(entries) = &mut document.value
        && let Some(spec) = entries.iter_mut().find(|entry| entry.key == "spec")
        && let Value::Mapping(entries) = &mut spec.node.value
    {
        entries.retain(|entry| !matches!(entry.key.as_str(), "source" | "sources"));
        entries.push(Entry { key: key.to_owned(), key_span: source.span, node: source });
    }
    let mut made = Manifest::object(document);
    (made.applied, made.orphaned, made.unknown) = (subject.applied, subject.orphaned, subject.unknown);
    made.lost.clone_from(&subject.lost);
    made
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::syntax::{self, Limits};
    use meshwright_policies::finding::Findings;
    use meshwright_policies::node::FileId;

    fn application(spec: &str) -> Manifest {
        let text = format!(
            "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {{name: a}}\nspec: {spec}\n"
        );
        let mut documents =
            syntax::load(FileId(0), text.as_bytes(), &Limits::default(), &mut Findings::new());
        Manifest::object(documents.pop().unwrap().root)
    }

    #[test]
    fn each_chart_is_an_application() {
        let all = apart(&application(
            "{sources: [{chart: base, targetRevision: 1.26.0}, {ref: values, repoURL: git}, {chart: istiod, helm: {values: {a: 1}}}]}",
        ));
        let specs: Vec<String> =
            all.iter().map(|part| part.document.get("spec").unwrap().to_json().to_string()).collect();
        let expected = [
            r#"{"source":{"chart":"base","targetRevision":"1.26.0"}}"#,
            r#"{"source":{"chart":"istiod","helm":{"valuesObject":{"a":1}}}}"#,
            r#"{"sources":[{"ref":"values","repoURL":"git"}]}"#,
        ];
        assert_eq!(specs, expected);
    }

    #[test]
    fn what_has_the_shape_stays() {
        for spec in [
            "{source: {chart: istiod, helm: {valuesObject: {a: 1}}}}",
            "{source: {chart: istiod, helm: {values: 'a: 1'}}}",
            "{sources: [{path: a}, {path: b}]}",
        ] {
            assert!(apart(&application(spec)).is_empty(), "{spec}");
        }
    }
}
