//! The generator `clusters` of an `ApplicationSet` (argoproj/argo-cd: `applicationset/generators/cluster.go`).
//!
//! The clusters are those of Argo CD's Secrets. These are seldom in the repository; then the paths of the template tell: where
//! `values/{{name}}/istiod.yaml` is asked for, each cluster that has such a file is one.

use std::collections::BTreeSet;

use meshwright_policies::node::{Node, Value};
use meshwright_policies::repository::Manifest;

use super::{Parameters, flat, roots};
use crate::lint::home::{SHARED, ancestors};
use crate::lint::read::{Content, Files, directory};

/// What it makes, one for each cluster.
pub(super) fn parameters(
    generator: &Node,
    template: &Node,
    path: &str,
    files: &Files<'_>,
) -> Vec<Parameters> {
    let selector = generator.get("selector");
    let own = generator.get("values").map(|values| flat("values", values)).unwrap_or_default();
    let secrets: Vec<&Manifest> = secrets(files).collect();
    let mut made: Vec<Parameters> = secrets
        .iter()
        .filter(|secret| selector.is_none_or(|selector| selects(selector, secret)))
        .filter_map(|secret| of_secret(secret))
        .collect();
    if secrets.is_empty() {
        made = named_by_paths(template, path, files).iter().map(|name| of_cluster(name, name)).collect();
    }
    for parameters in &mut made {
        let values: Vec<_> =
            own.iter().map(|(key, value)| (key.clone(), super::filled(value, parameters))).collect();
        parameters.extend(values);
    }
    made
}

fn secrets<'a>(files: &'a Files<'_>) -> impl Iterator<Item = &'a Manifest> {
    files.in_order().flat_map(|file| &file.contents).filter_map(|content| match content {
        Content::Object(manifest) if manifest.kind == "Secret" => Some(&**manifest).filter(|manifest| {
            let labels = manifest.document.at(&"metadata.labels".into());
            let kind = labels.and_then(|labels| labels.get("argocd.argoproj.io/secret-type"));
            kind.and_then(Node::as_str) == Some("cluster")
        }),
        _ => None,
    })
}

fn of_cluster(name: &str, server: &str) -> Parameters {
    let normal = name.to_lowercase().replace(['_', ' ', '/', ':'], "-");
    [("name", name), ("nameNormalized", &normal), ("server", server)]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into()
}

fn of_secret(secret: &Manifest) -> Option<Parameters> {
    let document = &secret.document;
    let text = |key: &str| {
        let plain = document.get("stringData").and_then(|data| data.get(key)).and_then(Node::as_str);
        plain.map(str::to_owned).or_else(|| {
            let encoded = document.get("data")?.get(key)?.as_str()?;
            String::from_utf8(data_encoding::BASE64.decode(encoded.trim().as_bytes()).ok()?).ok()
        })
    };
    let mut parameters = of_cluster(&text("name")?, &text("server")?);
    for key in ["labels", "annotations"] {
        let path = format!("metadata.{key}");
        let map = document.at(&path.as_str().into()).into_iter().flat_map(Node::entries);
        let text = |node: &Node| node.as_str().map(str::to_owned);
        parameters
            .extend(map.filter_map(|entry| Some((format!("{path}.{}", entry.key), text(&entry.node)?))));
    }
    Some(parameters)
}

/// A label selector of Kubernetes.
fn selects(selector: &Node, secret: &Manifest) -> bool {
    let labels = secret.document.at(&"metadata.labels".into());
    let label = |key: &str| labels.and_then(|labels| labels.get(key)).and_then(Node::scalar);
    let wanted = selector.get("matchLabels").into_iter().flat_map(Node::entries);
    let expressions = selector.get("matchExpressions").into_iter().flat_map(Node::items);
    wanted.into_iter().all(|entry| label(&entry.key) == entry.node.scalar())
        && expressions.into_iter().all(|expression| {
            let found = expression.str_at("key").and_then(label);
            let values: BTreeSet<String> =
                expression.get("values").into_iter().flat_map(Node::items).filter_map(Node::scalar).collect();
            match expression.str_at("operator").unwrap_or_default() {
                "In" => found.is_some_and(|found| values.contains(&found)),
                "NotIn" => found.is_none_or(|found| !values.contains(&found)),
                "Exists" => found.is_some(),
                "DoesNotExist" => found.is_none(),
                _ => false,
            }
        })
}

/// Names with which every path of the template that holds one is there.
fn named_by_paths(template: &Node, from: &str, files: &Files<'_>) -> BTreeSet<String> {
    let mut paths = Vec::new();
    for key in ["spec.source", "spec.sources"] {
        let Some(node) = template.at(&key.into()) else { continue };
        let sources =
            if matches!(node.value, Value::Sequence(_)) { node.items().collect() } else { vec![node] };
        for source in sources {
            paths.extend(source.str_at("path"));
            let files = source.at(&"helm.valueFiles".into()).into_iter().flat_map(Node::items);
            // `$values/x` is a file of another source; `../x` starts at the chart.
            paths.extend(
                files
                    .filter_map(|file| file.as_str()?.strip_prefix('$')?.split_once('/'))
                    .map(|(_, path)| path),
            );
        }
    }
    let all: Vec<BTreeSet<String>> = paths
        .into_iter()
        .filter_map(around_name)
        .map(|(before, after)| {
            let named = roots(from).into_iter().map(|root| named(root, before, after, files));
            named.into_iter().find(|names| !names.is_empty()).unwrap_or_default()
        })
        .collect();
    let Some((first, others)) = all.split_first() else { return BTreeSet::new() };
    let everywhere = |name: &&String| others.iter().all(|names| names.contains(*name));
    first.iter().filter(everywhere).cloned().collect()
}

/// What stands before and after the only parameter of a path, when that is the cluster's name.
fn around_name(path: &str) -> Option<(&str, &str)> {
    let (before, rest) = path.split_once("{{")?;
    let (inside, after) = rest.split_once("}}")?;
    let is_name =
        matches!(inside.trim_matches(['-', ' ']).trim_start_matches('.'), "name" | "nameNormalized");
    (is_name && !after.contains("{{")).then_some((before, after))
}

/// Names for which there is a file or directory.
fn named(root: &str, before: &str, after: &str, files: &Files<'_>) -> BTreeSet<String> {
    let prefix = if root.is_empty() { before.to_owned() } else { format!("{root}/{before}") };
    let prefix = prefix.strip_prefix("./").unwrap_or(&prefix);
    let mut names = BTreeSet::new();
    for path in
        files.in_order().flat_map(|file| std::iter::once(file.path).chain(ancestors(directory(file.path))))
    {
        let name = path.strip_prefix(prefix).and_then(|rest| rest.strip_suffix(after.trim_end_matches('/')));
        let name = name.filter(|name| !name.is_empty() && !name.contains('/') && !SHARED.contains(name));
        names.extend(name.map(str::to_owned));
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::read;
    use crate::source::Sources;

    const TEMPLATE: &str = "\
spec:
  sources:
    - {repoURL: https://charts.example.com, chart: istiod, helm: {valueFiles: ['$values/values/{{.name}}/istiod.yaml']}}
    - {repoURL: https://git.example.com/x.git, ref: values, path: 'manifests/{{ name }}'}
";

    fn names(generator: &str, files: &[(&str, &str)]) -> Vec<String> {
        let mut sources = Sources::new();
        for (path, text) in files.iter().chain(&[("template.yaml", TEMPLATE), ("generator.yaml", generator)])
        {
            sources.add((*path).to_owned(), text.as_bytes().into());
        }
        let files = read::read(&sources);
        let node = |path: &str| files.at(path).unwrap().contents[0].node().clone();
        let made = parameters(&node("generator.yaml"), &node("template.yaml"), "argocd/set.yaml", &files);
        made.iter().map(|made| format!("{} {}", made["name"], made["server"])).collect()
    }

    #[test]
    fn clusters_are_those_of_the_secrets() {
        let secret = |name: &str, tier: &str| {
            format!(
                "apiVersion: v1\nkind: Secret\nmetadata: {{name: {name}, labels: {{argocd.argoproj.io/secret-type: cluster, \
                 tier: {tier}}}}}\nstringData: {{name: {name}, server: 'https://{name}.example.com'}}\n"
            )
        };
        let (east, west) = (secret("east", "mesh"), secret("west", "lab"));
        let files = [
            ("c/east.yaml", east.as_str()),
            ("c/west.yaml", west.as_str()),
            ("values/x/istiod.yaml", "a: 1\n"),
        ];
        let (east, west) =
            ("east https://east.example.com".to_owned(), "west https://west.example.com".to_owned());
        assert_eq!(names("{selector: {}}\n", &files), [east.clone(), west.clone()]);
        assert_eq!(names("{selector: {matchLabels: {tier: mesh}}}\n", &files), std::slice::from_ref(&east));
        let not = "{selector: {matchExpressions: [{key: tier, operator: NotIn, values: [mesh]}]}}\n";
        assert_eq!(names(not, &files), [west]);
        let unknown = "{selector: {matchExpressions: [{key: tier, operator: Near, values: [mesh]}]}}\n";
        assert_eq!(names(unknown, &files), [""; 0]);
    }

    #[test]
    fn without_secrets_the_paths_of_the_template_tell() {
        let files = [
            ("values/east/istiod.yaml", "a: 1\n"),
            ("values/west/istiod.yaml", "a: 1\n"),
            ("values/common/istiod.yaml", "a: 1\n"),
            ("values/north/other.yaml", "a: 1\n"),
            ("manifests/east/x.yaml", "a: 1\n"),
            ("manifests/west/deep/x.yaml", "a: 1\n"),
            ("manifests/common/x.yaml", "a: 1\n"),
            ("manifests/south/x.yaml", "a: 1\n"),
        ];
        assert_eq!(names("{}\n", &files), ["east east", "west west"]);
    }
}
