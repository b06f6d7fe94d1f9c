//! What a repository of manifests asserts, cluster by cluster, when nobody declared anything: the third input of the
//! policies, many objects against each other.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use crate::chart_keys::Chart;
use crate::claim::{At, Claim, Claims, Fact};
use crate::finding::{Finding, Place, Rule};
use crate::kinds;
use crate::node::{FieldPath, Node, Span, Step, Value};
use crate::version::Version;
use crate::witness::Witness;

/// Namespace of the control plane unless an object says another (istio/istio@1.30:
/// `manifests/charts/istio-control/istio-discovery/values.yaml`, `global.istioNamespace`).
const SYSTEM_NAMESPACE: &str = "istio-system";

/// One document of a repository: a Kubernetes object, or a file of chart values.
#[derive(Clone, Debug)]
pub struct Manifest {
    /// The document as it was written.
    pub document: Node,
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

/// Chart values in a document.
#[derive(Clone, Debug)]
pub struct ValuesAt<'a> {
    /// Where they are.
    pub path: FieldPath,
    /// The values.
    pub values: &'a Node,
    /// What reads them.
    pub chart: Option<Chart>,
    /// Its release, when it is written.
    pub version: Option<Version>,
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

    /// A file of values of a chart, installed as `release`. `prefix` is the key of a wrapper chart that holds them.
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
            document,
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

    /// Chart values in it.
    #[must_use]
    pub fn chart_values(&self) -> Vec<ValuesAt<'_>> {
        let version = |path: &str| self.text(path).and_then(|text| text.parse().ok());
        let at = |path: &str, chart: Option<Chart>, version: Option<Version>| {
            let path = FieldPath::parse(path);
            self.document.at(&path).map(|values| ValuesAt { path, values, chart, version })
        };
        match self.kind.as_str() {
            "" => {
                let (chart, version) = match &self.chart {
                    Some((chart, version)) => (Some(*chart), version.clone()),
                    None => (None, None),
                };
                vec![ValuesAt { path: FieldPath::root(), values: &self.document, chart, version }]
            }
            "IstioOperator" => {
                at("spec.values", Some(Chart::Operator), version("spec.tag")).into_iter().collect()
            }
            "Istio" | "IstioRevision" => {
                at("spec.values", Some(Chart::Operator), version("spec.version")).into_iter().collect()
            }
            "HelmRelease" => {
                let name = self.text("spec.chart.spec.chart").or_else(|| self.text("spec.chartRef.name"));
                let chart = name.and_then(|name| chart_named(&name));
                let at = at("spec.values", chart, version("spec.chart.spec.version"));
                at.into_iter().flat_map(in_wrapper).collect()
            }
            "Application" => self.application_values("spec"),
            "ApplicationSet" => self.application_values("spec.template.spec"),
            _ => Vec::new(),
        }
    }

    fn application_values(&self, spec: &str) -> Vec<ValuesAt<'_>> {
        let list = FieldPath::parse(spec).key("sources");
        let sources = self.document.at(&list).map_or(0, |list| list.items().count());
        let prefixes = std::iter::once(format!("{spec}.source"))
            .chain((0..sources).map(|index| format!("{spec}.sources[{index}]")));
        let mut all = Vec::new();
        for prefix in prefixes {
            let chart = self.text(&format!("{prefix}.chart")).and_then(|name| chart_named(&name));
            let version: Option<Version> =
                self.text(&format!("{prefix}.targetRevision")).and_then(|text| text.parse().ok());
            for key in ["values", "valuesObject"] {
                let path = FieldPath::parse(&format!("{prefix}.helm.{key}"));
                if let Some(values) = self.document.at(&path).filter(|values| values.as_str().is_none()) {
                    all.extend(in_wrapper(ValuesAt { path, values, chart, version: version.clone() }));
                }
            }
        }
        all
    }

    /// `meshNetworks` maps in it: the place, the map, and whether it is the document of the ConfigMap, which has the
    /// wrapper `networks:`, and not the chart value, which has none.
    #[must_use]
    pub fn mesh_networks(&self) -> Vec<(FieldPath, &Node, bool)> {
        let inner = FieldPath::parse("global.meshNetworks");
        let mut found: Vec<_> = self
            .chart_values()
            .into_iter()
            .filter_map(|at| Some((inner.under(&at.path), at.values.at(&inner)?, false)))
            .collect();
        if self.kind == "ConfigMap" {
            let path = FieldPath::parse("data.meshNetworks");
            if let Some(node) = self.document.at(&path)
                && matches!(node.value, Value::Mapping(_))
            {
                found.push((path, node, true));
            }
        }
        found
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

/// A cluster of the repository: what is delivered to one API server.
#[derive(Clone, Debug, Default)]
pub struct Cluster {
    /// The name of its directory, destination or cluster ID; the directory itself when nothing names a cluster.
    pub name: String,
    /// The directory in which the clusters of one fleet are, such as `envs/prod/`: names in other ones are others'.
    pub scope: String,
    /// Whether `name` names a cluster, and not just a directory.
    pub named: bool,
    /// Whether the directory is known to hold clusters, and nothing else (`clusters/`), and not environments.
    pub fleet: bool,
    /// Whether one object comes in several variants: it holds several clusters, and nothing in it can be compared.
    pub mixed: bool,
    /// Whether everything that is applied to it is in the repository and was read.
    pub complete: bool,
    /// Its documents. They are complete before anything is asked of the cluster: answers are kept.
    pub subjects: Vec<Manifest>,
    /// The declarations that are delivered to it.
    pub witnesses: Vec<Witness>,
    facts: OnceLock<Facts>,
}

/// What a cluster's documents say of it, worked out once: policies ask for it again and again.
#[derive(Clone, Debug, Default)]
struct Facts {
    planes: Vec<String>,
    networks: Vec<(usize, usize)>,
    network: Option<String>,
    cluster_id: Option<String>,
    mesh_id: Option<String>,
    multi_cluster: bool,
}

/// A claim and the document that makes it.
#[derive(Clone, Copy, Debug)]
pub struct Stated<'a> {
    /// The document.
    pub subject: &'a Manifest,
    /// What it claims.
    pub claim: &'a Claim,
}

impl Stated<'_> {
    /// The place of the claim.
    #[must_use]
    pub fn place(&self) -> Place {
        self.subject.place(&self.claim.path)
    }

    /// A finding about the claim.
    #[must_use]
    pub fn finding(&self, rule: &'static Rule, message: impl Into<String>) -> Finding {
        self.subject.finding(rule, &self.claim.path, message)
    }

    /// What makes the claim, for people.
    #[must_use]
    pub fn source(&self) -> &'static str {
        let path = self.claim.path.to_string();
        match &self.claim.fact {
            Fact::NamespaceNetwork { .. } => "the label of the system namespace",
            Fact::EntryNetwork { .. } => "the MeshCluster",
            Fact::GatewayNetwork { .. } => "the label of the gateway",
            Fact::NetworkView { .. } => "the network view of the gateway",
            _ if self.claim.part => "the injection path",
            _ if path.contains("proxyMetadata") => "the proxy metadata",
            _ if path.contains("meshConfig") || path.contains("data.mesh") => "the mesh configuration",
            _ => "the values of the control plane",
        }
    }
}

impl Cluster {
    /// How messages call it.
    #[must_use]
    pub fn called(&self) -> String {
        if self.named { format!("cluster `{}`", self.name) } else { format!("`{}`", self.name) }
    }

    /// Every claim that `wanted` picks, in the order of the files.
    pub fn stated<'a>(&'a self, wanted: impl Fn(&Manifest, &Fact) -> bool) -> Vec<Stated<'a>> {
        let mut all = Vec::new();
        for subject in &self.subjects {
            let claims = subject.claims.list.iter().filter(|claim| wanted(subject, &claim.fact));
            all.extend(claims.map(|claim| Stated { subject, claim }));
        }
        all
    }

    fn facts(&self) -> &Facts {
        self.facts.get_or_init(|| {
            let planes: Vec<String> = self.find_planes().into_iter().map(str::to_owned).collect();
            let networks = self.find_networks(&planes);
            let network = Cluster::agreed(&self.at(&networks));
            let of = |fact| Cluster::agreed(&self.identities_of(&planes, fact));
            let (cluster_id, mesh_id) = (of(&Fact::ClusterId), of(&Fact::MeshId));
            let multi_cluster = self.find_multi_cluster();
            Facts { planes, networks, network, cluster_id, mesh_id, multi_cluster }
        })
    }

    fn at(&self, places: &[(usize, usize)]) -> Vec<Stated<'_>> {
        let stated = places.iter().filter_map(|(subject, claim)| {
            let subject = self.subjects.get(*subject)?;
            Some(Stated { subject, claim: subject.claims.list.get(*claim)? })
        });
        stated.collect()
    }

    /// Control planes that are configured in it, by namespace: an external control plane of another cluster has its own.
    #[must_use]
    pub fn planes(&self) -> Vec<&str> {
        self.facts().planes.iter().map(String::as_str).collect()
    }

    fn find_planes(&self) -> Vec<&str> {
        let identity = |fact: &Fact| matches!(fact, Fact::Network | Fact::ClusterId | Fact::MeshId);
        let mut planes: Vec<&str> = self
            .subjects
            .iter()
            .filter(|subject| subject.claims.list.iter().any(|claim| identity(&claim.fact)))
            .map(|subject| subject.plane.as_str())
            .collect();
        planes.sort_unstable();
        planes.dedup();
        planes
    }

    /// Statements about the network of its workloads, by its main control plane; the one that wins comes first
    /// (istio/istio@1.30: `pilot/pkg/serviceregistry/kube/controller/network.go`: the namespace's label).
    #[must_use]
    pub fn networks(&self) -> Vec<Stated<'_>> {
        self.at(&self.facts().networks)
    }

    fn find_networks(&self, planes: &[String]) -> Vec<(usize, usize)> {
        let plane = match planes {
            [] => SYSTEM_NAMESPACE,
            [only] => only,
            _ if planes.iter().any(|plane| plane == SYSTEM_NAMESPACE) => SYSTEM_NAMESPACE,
            _ => return Vec::new(),
        };
        let (mut labels, mut others) = (Vec::new(), Vec::new());
        for (index, subject) in self.subjects.iter().enumerate() {
            let counts = subject.plane == plane || planes.len() == 1;
            for (at, claim) in subject.claims.list.iter().enumerate() {
                match &claim.fact {
                    Fact::NamespaceNetwork { namespace } if namespace == plane => labels.push((index, at)),
                    Fact::Network | Fact::EntryNetwork { .. } if counts => others.push((index, at)),
                    _ => {}
                }
            }
        }
        labels.extend(others);
        labels
    }

    /// Statements about one identity, of the main control plane.
    #[must_use]
    pub fn identities(&self, wanted: &Fact) -> Vec<Stated<'_>> {
        self.identities_of(&self.facts().planes, wanted)
    }

    fn identities_of(&self, planes: &[String], wanted: &Fact) -> Vec<Stated<'_>> {
        let system = planes.iter().find(|plane| *plane == SYSTEM_NAMESPACE);
        let main = system.or(planes.first());
        self.stated(|subject, fact| fact == wanted && Some(&subject.plane) == main)
    }

    /// What all statements agree on.
    #[must_use]
    pub fn agreed(stated: &[Stated<'_>]) -> Option<String> {
        let first = stated.first()?;
        stated.iter().all(|other| other.claim.value == first.claim.value).then(|| first.claim.value.clone())
    }

    /// Its network, when its statements agree.
    #[must_use]
    pub fn network(&self) -> Option<&str> {
        self.facts().network.as_deref()
    }

    /// Its cluster ID, when its statements agree.
    #[must_use]
    pub fn cluster_id(&self) -> Option<&str> {
        self.facts().cluster_id.as_deref()
    }

    /// Its mesh ID, when its statements agree.
    #[must_use]
    pub fn mesh_id(&self) -> Option<&str> {
        self.facts().mesh_id.as_deref()
    }

    /// Whether anything says that the mesh reaches beyond this cluster.
    #[must_use]
    pub fn is_multi_cluster(&self) -> bool {
        self.facts().multi_cluster
    }

    fn find_multi_cluster(&self) -> bool {
        self.subjects.iter().any(|subject| {
            subject.claims.list.iter().any(|claim| {
                matches!(
                    claim.fact,
                    Fact::NamespaceNetwork { .. } | Fact::GatewayNetwork { .. } | Fact::MeshNetworks
                )
            }) || !remote_secret_keys(subject).is_empty()
        })
    }

    /// Whether it can be compared with others: something names it, and it is one cluster.
    #[must_use]
    pub fn is_comparable(&self) -> bool {
        self.named && !self.mixed
    }
}

/// Everything that was read.
#[derive(Clone, Debug, Default)]
pub struct Repository {
    /// The clusters, in the order of their names.
    pub clusters: Vec<Cluster>,
    index: OnceLock<Index>,
}

/// Clusters by what others call them by, within one scope.
#[derive(Clone, Debug, Default)]
struct Index {
    by_cluster_id: BTreeMap<(String, String), Vec<usize>>,
    by_network: BTreeMap<(String, String), Vec<usize>>,
    joins: Vec<(usize, usize)>,
    links: Vec<(usize, usize)>,
    meshes: Vec<Vec<usize>>,
}

impl Repository {
    /// A repository of these clusters.
    #[must_use]
    pub fn new(clusters: Vec<Cluster>) -> Repository {
        Repository { clusters, index: OnceLock::new() }
    }

    fn index(&self) -> &Index {
        self.index.get_or_init(|| Index::of(&self.clusters))
    }

    fn all(&self, indexes: Option<&Vec<usize>>) -> Vec<&Cluster> {
        indexes.into_iter().flatten().filter_map(|index| self.clusters.get(*index)).collect()
    }

    /// Clusters of a scope that have this cluster ID.
    #[must_use]
    pub fn with_cluster_id(&self, scope: &str, id: &str) -> Vec<&Cluster> {
        self.all(self.index().by_cluster_id.get(&(scope.to_owned(), id.to_owned())))
    }

    /// Cluster IDs with the clusters of one scope that have them, in the order of the clusters.
    #[must_use]
    pub fn by_cluster_id(&self) -> Vec<(&str, Vec<&Cluster>)> {
        let all = self.index().by_cluster_id.iter();
        all.map(|((_, id), clusters)| (id.as_str(), self.all(Some(clusters)))).collect()
    }

    /// Clusters of a scope that are on this network.
    #[must_use]
    pub fn on_network(&self, scope: &str, network: &str) -> Vec<&Cluster> {
        self.all(self.index().by_network.get(&(scope.to_owned(), network.to_owned())))
    }

    /// Pairs of comparable clusters of which one reads the other's services or counts it among its networks: by a remote
    /// secret, or by `meshNetworks` that names the other's cluster ID. Each pair once, in the order of the clusters.
    #[must_use]
    pub fn joins(&self) -> Vec<(&Cluster, &Cluster)> {
        let pair = |(a, b): &(usize, usize)| Some((self.clusters.get(*a)?, self.clusters.get(*b)?));
        self.index().joins.iter().filter_map(pair).collect()
    }

    /// The same pairs, and those of which one is served by the other's istiod or sends traffic to its gateways: by the annotation
    /// `topology.istio.io/controlPlaneClusters`, or by an address that the other's gateways alone ask for.
    #[must_use]
    pub fn links(&self) -> Vec<(&Cluster, &Cluster)> {
        let pair = |(a, b): &(usize, usize)| Some((self.clusters.get(*a)?, self.clusters.get(*b)?));
        self.index().links.iter().filter_map(pair).collect()
    }

    /// Clusters that the repository makes one mesh of, by what they say, never by where their files are: they are joined,
    /// or say so themselves. At least two each, in the order of the clusters.
    #[must_use]
    pub fn meshes(&self) -> Vec<Vec<&Cluster>> {
        self.index().meshes.iter().map(|mesh| self.all(Some(mesh))).collect()
    }
}

impl Index {
    fn of(clusters: &[Cluster]) -> Index {
        let mut index = Index::default();
        for (at, cluster) in clusters.iter().enumerate().filter(|(_, cluster)| !cluster.mixed) {
            let key = |text: &str| (cluster.scope.clone(), text.to_owned());
            if let Some(id) = cluster.cluster_id() {
                index.by_cluster_id.entry(key(id)).or_default().push(at);
            }
            if let Some(network) = cluster.network() {
                index.by_network.entry(key(network)).or_default().push(at);
            }
        }
        index.joins = index.find_joins(clusters);
        index.links = index.find_links(clusters);
        index.meshes = index.find_meshes(clusters);
        index
    }

    fn find_joins(&self, clusters: &[Cluster]) -> Vec<(usize, usize)> {
        let mut joins = BTreeSet::new();
        for (from, cluster) in clusters.iter().enumerate().filter(|(_, cluster)| cluster.is_comparable()) {
            let mut reads = |id: &str| {
                let others = self.by_cluster_id.get(&(cluster.scope.clone(), id.to_owned()));
                for to in others.into_iter().flatten() {
                    let is_other = clusters
                        .get(*to)
                        .is_some_and(|other| other.is_comparable() && other.name != cluster.name);
                    if is_other {
                        joins.insert((from.min(*to), from.max(*to)));
                    }
                }
            };
            for subject in &cluster.subjects {
                for (key, _) in remote_secret_keys(subject) {
                    reads(key);
                }
                for claim in subject.claims.list.iter().filter(|c| matches!(c.fact, Fact::Member { .. })) {
                    reads(&claim.value);
                }
            }
        }
        joins.into_iter().collect()
    }

    fn find_links(&self, clusters: &[Cluster]) -> Vec<(usize, usize)> {
        let comparable = || clusters.iter().enumerate().filter(|(_, cluster)| cluster.is_comparable());
        let mut asked: BTreeMap<(&str, &str), BTreeSet<usize>> = BTreeMap::new();
        for (at, cluster) in comparable() {
            for stated in cluster.stated(|_, fact| matches!(fact, Fact::GatewayAddress { .. })) {
                asked.entry((&cluster.scope, &stated.claim.value)).or_default().insert(at);
            }
        }
        let mut links: BTreeSet<(usize, usize)> = self.joins.iter().copied().collect();
        for (from, cluster) in comparable() {
            let own = |subject: &Manifest| !matches!(subject.kind.as_str(), "GlobalMesh" | "MeshCluster");
            let stated = cluster.stated(|subject, fact| {
                own(subject)
                    && matches!(
                        fact,
                        Fact::ControlPlaneAddress | Fact::EntryAddress { .. } | Fact::LeadingClusters { .. }
                    )
            });
            for Stated { claim, .. } in stated {
                let others: Vec<usize> = match &claim.fact {
                    Fact::LeadingClusters { .. } => {
                        let key = |id: &str| (cluster.scope.clone(), id.to_owned());
                        let ids = claim.value.split(',').filter_map(|id| self.by_cluster_id.get(&key(id)));
                        ids.flatten().copied().collect()
                    }
                    fact => {
                        // Of several clusters that ask for one address nobody can say which is meant.
                        let at = asked.get(&(cluster.scope.as_str(), claim.value.as_str()));
                        let only = at.filter(|at| at.len() == 1).and_then(BTreeSet::first).copied();
                        let is_on = |network: &str, at: usize| {
                            clusters.get(at).is_some_and(|other| other.network() == Some(network))
                        };
                        let fits = |at: &usize| match fact {
                            Fact::EntryAddress { network } => is_on(network, *at),
                            _ => true,
                        };
                        only.filter(fits).into_iter().collect()
                    }
                };
                let is_other = |to: &usize| {
                    let other = clusters.get(*to);
                    other.is_some_and(|other| other.is_comparable() && other.name != cluster.name)
                };
                links.extend(others.into_iter().filter(is_other).map(|to| (from.min(to), from.max(to))));
            }
        }
        links.into_iter().collect()
    }

    fn find_meshes(&self, clusters: &[Cluster]) -> Vec<Vec<usize>> {
        let mut sets = Sets((0..clusters.len()).collect());
        for (a, b) in &self.joins {
            sets.join(*a, *b);
        }
        // Those that say the same of themselves. Variants of one cluster for two environments do too, unless one names the
        // network of the other.
        let mut fleets: BTreeMap<(&str, &str), usize> = BTreeMap::new();
        for (at, cluster) in clusters.iter().enumerate() {
            let Some(mesh) =
                cluster.mesh_id().filter(|_| cluster.is_comparable() && cluster.is_multi_cluster())
            else {
                continue;
            };
            if cluster.fleet {
                let first = *fleets.entry((&cluster.scope, mesh)).or_insert(at);
                sets.join(first, at);
            }
            for stated in cluster.stated(|_, fact| *fact == Fact::NamedNetwork) {
                let network = &stated.claim.value;
                if cluster.network().is_none_or(|own| own == network) {
                    continue;
                }
                let others = self.by_network.get(&(cluster.scope.clone(), network.clone()));
                for to in others.into_iter().flatten() {
                    let same = clusters.get(*to).is_some_and(|other| {
                        other.is_comparable() && other.is_multi_cluster() && other.mesh_id() == Some(mesh)
                    });
                    if same {
                        sets.join(at, *to);
                    }
                }
            }
        }
        let mut meshes: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for at in 0..clusters.len() {
            meshes.entry(sets.root(at)).or_default().push(at);
        }
        let mut meshes: Vec<Vec<usize>> = meshes.into_values().filter(|mesh| mesh.len() > 1).collect();
        meshes.sort();
        meshes
    }
}

/// Disjoint sets: the parent of each, roots are their own.
struct Sets(Vec<usize>);

impl Sets {
    fn root(&mut self, of: usize) -> usize {
        let mut at = of;
        while let Some(parent) = self.0.get(at).copied().filter(|parent| *parent != at) {
            let above = self.0.get(parent).copied().unwrap_or(parent);
            if let Some(slot) = self.0.get_mut(at) {
                *slot = above;
            }
            at = above;
        }
        at
    }

    fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.root(a), self.root(b));
        if let Some(slot) = self.0.get_mut(a.max(b)) {
            *slot = a.min(b);
        }
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

/// Whether somebody fills this text in later: `${X}`, `$(X)`, `{{ x }}`, `<x>`.
#[must_use]
pub fn has_placeholder(text: &str) -> bool {
    ["${", "$(", "{{", "$$"].iter().any(|mark| text.contains(mark))
        || (text.starts_with('<') && text.ends_with('>'))
        || (text.starts_with('$') && text.len() > 1)
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

/// The values of Istio's charts in those of a wrapper chart, which holds them below the name of each. Its own version is
/// not theirs.
fn in_wrapper(at: ValuesAt<'_>) -> Vec<ValuesAt<'_>> {
    if at.chart.is_some() {
        return vec![at];
    }
    let below = at.values.entries().filter_map(|entry| {
        let chart = chart_named(&entry.key)?;
        let path = at.path.clone().key(&entry.key);
        Some(ValuesAt { path, values: &entry.node, chart: Some(chart), version: None })
    });
    let below: Vec<_> = below.collect();
    if below.is_empty() { vec![at] } else { below }
}

fn chart_named(name: &str) -> Option<Chart> {
    Chart::named(name.rsplit('/').next().unwrap_or(name))
}

fn text_at(document: &Node, path: &str) -> Option<String> {
    match &document.at(&path.into())?.value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(value) => Some(value.to_string()),
        _ => None,
    }
}
