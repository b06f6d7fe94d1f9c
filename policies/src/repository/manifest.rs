//! One document of a repository and what it asserts.

use std::sync::Arc;

use super::{SYSTEM_NAMESPACE, Stated, has_placeholder};
use crate::chart_keys::Chart;
use crate::claim::{At, Claims, Fact};
use crate::finding::{Finding, Place, Rule};
use crate::kinds;
use crate::node::{FieldPath, Node, Span, Step};
use crate::version::Version;

/// One document of a repository: a Kubernetes object, or a file of chart values.
#[derive(Clone, Debug)]
pub struct Manifest {
    /// The document as it was written. A base is the same in every cluster that takes it.
    pub document: Arc<Node>,
    /// What it asserts, as far as it is known: claims that hold placeholders are left out.
    pub claims: Claims,
    /// Fields that assert something which a template fills in.
    pub unresolved: Vec<FieldPath>,
    /// `kind`; empty for values.
    pub kind: String,
    /// `metadata.name`; for values, the name of the release when it is known.
    pub name: String,
    /// `metadata.namespace`.
    pub namespace: Option<String>,
    /// Namespace of the control plane that it configures.
    pub plane: String,
    /// Whether a `kustomization.yaml` lists it: something applies it to the cluster.
    pub applied: bool,
    /// Whether the `kustomization.yaml` beside it lists its neighbours, and nothing lists it.
    pub orphaned: bool,
    /// Whether what it comes to was not followed: it asserts nothing, and lacks nothing.
    pub unknown: bool,
    /// Items of lists that a patch of the cluster drops: the list, the item's name, and where it was.
    pub lost: Vec<(FieldPath, String, Span)>,
    /// What reads the values, and its release, where the document is values and a chart says so.
    pub chart: Option<(Chart, Option<Version>)>,
}

impl Manifest {
    /// A Kubernetes object. What is malformed asserts nothing.
    #[must_use]
    pub fn object(document: Node) -> Manifest {
        let text = |path: &str| text_at(&document, path).unwrap_or_default();
        let (kind, name) = (text("kind"), text("metadata.name"));
        let namespace = text_at(&document, "metadata.namespace");
        let claims = match document.to_json() {
            serde_json::Value::Object(map) => kinds::claims_of(&map),
            _ => Claims::default(),
        };
        let plane = plane_of(&claims, &document, &kind);
        Manifest::new(document, claims, kind, name, namespace, plane)
    }

    /// An object of which nothing is asked but what it says where: its claims are somebody else's to read.
    pub(crate) fn without_claims(object: &At<'_>) -> Manifest {
        let document = object.to_node();
        let text = |path: &str| text_at(&document, path).unwrap_or_default();
        let (kind, name) = (text("kind"), text("metadata.name"));
        let namespace = text_at(&document, "metadata.namespace");
        let claims = Claims { object: kinds::reference(object), ..Claims::default() };
        Manifest::new(document, claims, kind, name, namespace, SYSTEM_NAMESPACE.to_owned())
    }

    /// A file of values of a chart, installed as `release`.
    #[must_use]
    pub fn values(document: Node, chart: Chart, release: &str) -> Manifest {
        let claims = match document.to_json() {
            serde_json::Value::Object(map) => kinds::claims_of_values(&map, chart, release),
            _ => Claims::default(),
        };
        let plane =
            text_at(&document, "global.istioNamespace").unwrap_or_else(|| SYSTEM_NAMESPACE.to_owned());
        Manifest::new(document, claims, String::new(), release.to_owned(), None, plane)
    }

    fn new(
        document: Node,
        mut claims: Claims,
        kind: String,
        name: String,
        namespace: Option<String>,
        plane: String,
    ) -> Manifest {
        let mut unresolved = Vec::new();
        claims.list.retain(|claim| {
            let open = has_placeholder(&claim.value);
            if open {
                unresolved.push(claim.path.clone());
            }
            !open
        });
        Manifest {
            document: Arc::new(document),
            claims,
            unresolved,
            kind,
            name,
            namespace,
            plane,
            applied: false,
            orphaned: false,
            unknown: false,
            lost: Vec::new(),
            chart: None,
        }
    }

    /// The place of a field. Of a secret's content it is that of the secret's name: snippets show whole lines.
    #[must_use]
    pub fn place(&self, path: &FieldPath) -> Place {
        let mut place = Place::in_document(&self.document, path.clone());
        let is_content =
            matches!(path.0.first(), Some(Step::Key(key)) if key == "data" || key == "stringData");
        if self.kind == "Secret" && is_content {
            place.span = self.document.nearest_span(&"metadata.name".into());
        }
        place
    }

    /// The text at a path, when it is a scalar and no placeholder.
    #[must_use]
    pub fn text(&self, path: &str) -> Option<String> {
        text_at(&self.document, path).filter(|text| !has_placeholder(text))
    }

    /// What kustomize takes for the identity of an object.
    #[must_use]
    pub fn identity(&self) -> Option<(&str, &str, Option<&str>)> {
        (!self.kind.is_empty()).then_some((&self.kind, &self.name, self.namespace.as_deref()))
    }

    /// Whether it says for a platform (Mspider) what clusters are to each other: it speaks of others than the cluster that
    /// holds it, too.
    #[must_use]
    pub fn is_of_platform(&self) -> bool {
        matches!(self.kind.as_str(), "GlobalMesh" | "MeshCluster")
    }

    /// Whether it is an istiod that injects nothing in the cluster where it runs, as that of an external control plane: its
    /// webhook's configuration is called nothing (istio/istio.io:
    /// `content/en/docs/setup/install/external-controlplane/index.md`).
    #[must_use]
    pub fn is_external_istiod(&self) -> bool {
        const VARIABLE: &str = "INJECTION_WEBHOOK_CONFIG_NAME";
        let Some(plane) = self.claims.plane.as_ref().filter(|plane| !plane.is_remote) else { return false };
        let values = self.chart_values();
        let values = values
            .iter()
            .find(|at| plane.path.0.starts_with(&at.path.0) || at.path.0.starts_with(&plane.path.0));
        let in_values = values.is_some_and(|at| {
            ["env", "pilot.env"].iter().any(|env| {
                let value = at.values.at(&FieldPath::parse(env).key(VARIABLE));
                value.and_then(Node::as_str).is_some_and(str::is_empty)
            })
        });
        let env = self.document.at(&"spec.components.pilot.k8s.env".into());
        let in_operator = env.into_iter().flat_map(Node::items).any(|item| {
            let is = |key: &str, text: &str| item.get(key).and_then(Node::as_str) == Some(text);
            is("name", VARIABLE) && is("value", "")
        });
        in_values || in_operator
    }

    /// The cluster ID of the istiod that it installs: an operator lets the variable replace that of the values
    /// (`operator/pkg/render`), Helm lets the values come last.
    #[must_use]
    pub fn istiod_id(&self) -> Option<Stated<'_>> {
        let variable = Fact::IstiodVariable { name: "CLUSTER_ID".to_owned() };
        let of = |fact: &Fact| self.claims.first(fact);
        let in_operator = of(&variable).filter(|_| self.kind == "IstioOperator");
        let claim = in_operator.or_else(|| of(&Fact::ClusterId)).or_else(|| of(&variable))?;
        Some(Stated { subject: self, claim })
    }

    /// A finding about one of its fields.
    #[must_use]
    pub fn finding(&self, rule: &'static Rule, path: &FieldPath, message: impl Into<String>) -> Finding {
        let finding = rule.at(self.place(path), message);
        if self.claims.object.is_empty() { finding } else { finding.object(self.claims.object.clone()) }
    }
}

/// Keys of a remote secret, with their fields: each is the ID of a cluster (istio/istio@1.30:
/// `pkg/kube/multicluster/secretcontroller.go`).
#[must_use]
pub fn remote_secret_keys(subject: &Manifest) -> Vec<(&str, FieldPath)> {
    let label =
        subject.document.at(&"metadata.labels".into()).and_then(|labels| labels.get("istio/multiCluster"));
    if subject.kind != "Secret" || label.and_then(Node::as_str) != Some("true") {
        return Vec::new();
    }
    let maps = ["data", "stringData"].into_iter().filter_map(|key| Some((key, subject.document.get(key)?)));
    maps.flat_map(|(map, node)| {
        node.entries().map(move |entry| (entry.key.as_str(), FieldPath::parse(map).key(&entry.key)))
    })
    .filter(|(key, _)| !has_placeholder(key))
    .collect()
}

/// A control plane's own namespace; gateways are installed anywhere.
fn plane_of(claims: &Claims, document: &Node, kind: &str) -> String {
    let named = match (kind, &claims.plane) {
        (_, Some(plane)) => plane.namespace.clone(),
        ("IstioOperator", None) => text_at(document, "spec.values.global.istioNamespace"),
        ("ConfigMap", None) => claims.namespace.clone(),
        _ => None,
    };
    named.filter(|name| !name.is_empty()).unwrap_or_else(|| SYSTEM_NAMESPACE.to_owned())
}

fn text_at(document: &Node, path: &str) -> Option<String> {
    document.at(&path.into())?.scalar()
}
