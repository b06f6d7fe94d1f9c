//! Control planes that DaoCloud's Mspider hosts: its `GlobalMesh` and `MeshCluster` objects.

use std::collections::{BTreeMap, BTreeSet};

use meshwright_policies::claim::Fact;
use meshwright_policies::names::ClusterName;
use meshwright_policies::node::{FieldPath, Node};
use meshwright_policies::repository::{Cluster, Manifest, Repository};
use serde_json::{Map, Value as Json};

use super::cluster::Member;
use super::delivery;
use super::node::{set, text, texts};
use super::plane::{Plane, group_of, values_path};
use crate::lint::{ClusterGlob, named_by_path};
use crate::source::Sources;

const GROUP: &str = "discovery.mspider.io";
const NAMESPACE: &str = "mspider-system";
/// Prefix of parameters that become `spec.values.global.*` of the mesh's IstioOperator.
const GLOBAL_VALUES: &str = "istio.custom_params.values.global.";
/// The cluster of Mspider's objects, as DaoCloud's products call it unless somebody says otherwise.
const GLOBAL_CLUSTER: &str = "kpanda-global-cluster";

/// A `GlobalMesh`, with what else says how its mesh is hosted.
#[derive(Debug)]
pub(super) struct Hosted<'a> {
    /// The `GlobalMesh`.
    pub(super) object: &'a Manifest,
    /// What is delivered to the hosted API server, and what the `GlobalMesh` claims of it.
    pub(super) plane: &'a Cluster,
    pub(super) mesh_id: String,
    /// What it calls its clusters.
    names: BTreeSet<String>,
    owner: Option<String>,
    /// Whether the owner is among the members that it lists.
    lists_owner: bool,
    /// The cluster that holds Mspider's objects, when a directory says it.
    pub(super) global_cluster: Option<String>,
    /// `spec.controlPlane.hosted.mspider.hostedApiServerSecret`.
    secret: Option<String>,
    /// Who delivers to the global cluster; null when no directory is its own.
    global_delivery: Json,
}

/// Every hosted mesh.
pub(super) fn find<'a>(
    repository: &'a Repository,
    elsewhere: &delivery::Elsewhere<'_>,
    sources: &Sources,
    globs: &[ClusterGlob],
) -> Vec<Hosted<'a>> {
    let mut all = Vec::new();
    for plane in &repository.clusters {
        for object in plane.subjects.iter().filter(|subject| is_hosted(subject)) {
            all.push(Hosted::read(object, plane, repository, elsewhere, sources, globs));
        }
    }
    all
}

/// A `GlobalMesh` whose control plane Mspider hosts, which is what it does unless `mode` says another thing.
fn is_hosted(subject: &Manifest) -> bool {
    subject.kind == "GlobalMesh"
        && group_of(subject) == GROUP
        && text(&subject.document, "spec.mode").is_none_or(|mode| mode == "HOSTED")
}

fn is_mesh_cluster(subject: &Manifest) -> bool {
    subject.kind == "MeshCluster" && group_of(subject) == GROUP
}

impl<'a> Hosted<'a> {
    fn read(
        object: &'a Manifest,
        plane: &'a Cluster,
        repository: &'a Repository,
        elsewhere: &delivery::Elsewhere<'_>,
        sources: &Sources,
        globs: &[ClusterGlob],
    ) -> Hosted<'a> {
        let document = &object.document;
        let owner = text(document, "spec.ownerCluster");
        let listed = document.at(&"spec.clusters".into()).into_iter().flat_map(Node::items);
        let mut names: BTreeSet<String> = listed.filter_map(Node::scalar).collect();
        let lists_owner = names.is_empty() || owner.as_ref().is_none_or(|owner| names.contains(owner));
        names.extend(owner.clone());
        let global_cluster = sources
            .get(document.span.file)
            .and_then(|file| named_by_path(file.path(), globs))
            .filter(|name| ClusterName::new(name.as_str()).is_ok() && *name != plane.name);
        let global = global_cluster.as_ref();
        let global = global.and_then(|name| repository.clusters.iter().find(|one| one.name == *name));
        let mut hosted = Hosted {
            object,
            plane,
            mesh_id: object.name.clone(),
            names,
            owner,
            lists_owner,
            secret: secret(&plane.name, repository),
            global_delivery: match (global, &global_cluster) {
                (Some(global), _) => delivery::find(global, elsewhere),
                (None, Some(_)) => serde_json::json!({"none": {}}),
                (None, None) => Json::Null,
            },
            global_cluster,
        };
        hosted.mesh_id = hosted.find_mesh_id(repository);
        hosted
    }

    /// The ID that the members' entries are found by: the name of the `GlobalMesh`, unless nobody calls it so.
    fn find_mesh_id(&self, repository: &Repository) -> String {
        let declared = self.flat().shift_remove("global.meshID");
        if let Some(id) = declared.as_ref().and_then(Json::as_str) {
            return id.to_owned();
        }
        let own =
            |cluster: &&Cluster| cluster.scope == self.plane.scope && self.names.contains(&cluster.name);
        let mut said = BTreeSet::new();
        for cluster in repository.clusters.iter().filter(own) {
            let entries =
                cluster.subjects.iter().filter(|subject| is_mesh_cluster(subject)).flat_map(entries);
            said.extend(entries.filter_map(|entry| text_of(entry, "global.meshID")));
        }
        let mut only = said.iter();
        match (only.next(), only.next()) {
            (Some(id), None) => id.clone(),
            _ => self.object.name.clone(),
        }
    }

    /// Whether a cluster of the repository is a member.
    pub(super) fn has(&self, cluster: &Cluster) -> bool {
        let named = || {
            self.names.contains(&cluster.name)
                || cluster.cluster_id().is_some_and(|id| self.names.contains(id))
        };
        let says = || {
            cluster.subjects.iter().any(|subject| {
                let entry = || entries(subject).any(|entry| self.is_own(entry));
                is_mesh_cluster(subject) && entry()
            }) || cluster.mesh_id() == Some(self.mesh_id.as_str())
        };
        cluster.scope == self.plane.scope && !std::ptr::eq(cluster, self.plane) && (named() || says())
    }

    fn is_own(&self, entry: &Node) -> bool {
        text_of(entry, "global.meshID").is_some_and(|id| id == self.mesh_id)
    }

    /// Members that no file of the repository is for: all that is known of them is their name.
    fn strangers(&self, repository: &Repository) -> Vec<Cluster> {
        let known = |name: &String| {
            let mut own = repository.clusters.iter().filter(|cluster| cluster.scope == self.plane.scope);
            own.any(|cluster| cluster.name == *name || cluster.cluster_id() == Some(name))
        };
        let unknown = self.names.iter().filter(|name| !known(name));
        let made = unknown.map(|name| {
            let mut cluster = Cluster::default();
            (cluster.name, cluster.scope, cluster.named) = (name.clone(), self.plane.scope.clone(), true);
            cluster
        });
        made.collect()
    }

    /// The member in which the control plane runs.
    pub(super) fn owner<'m, 'b>(&self, members: &[&'m Member<'b>]) -> Option<&'m Member<'b>> {
        let named = |member: &&&Member<'b>| {
            self.owner
                .as_ref()
                .is_some_and(|owner| member.input.name == *owner || member.cluster_id() == owner)
        };
        members.iter().find(named).or(members.first()).copied()
    }

    /// Whether the cluster that carries the control plane is a member too: it is listed, has an entry of this mesh, or a gateway.
    fn has_workloads_of(&self, owner: &Member<'_>) -> bool {
        let entry = owner
            .input
            .subjects
            .iter()
            .any(|subject| is_mesh_cluster(subject) && entries(subject).any(|entry| self.is_own(entry)));
        self.lists_owner || entry || !owner.gateways.is_empty()
    }

    /// Whether something says in which cluster the control plane runs.
    pub(super) fn says_owner(&self) -> bool {
        self.owner.is_some()
    }

    /// Where the members reach the hosted istiod.
    pub(super) fn control_plane(&self) -> Option<String> {
        self.first(&Fact::ControlPlaneAddress)
    }

    /// The trust domain of its istiod.
    pub(super) fn trust_domain(&self) -> Option<String> {
        self.first(&Fact::TrustDomain)
    }

    fn first(&self, wanted: &Fact) -> Option<String> {
        let mut claims = self.object.claims.list.iter().filter(|claim| claim.fact == *wanted);
        claims.next().map(|claim| claim.value.clone())
    }

    pub(super) fn hub(&self) -> Option<String> {
        text(&self.object.document, "spec.hub")
    }

    /// The release that its parameters name.
    pub(super) fn release(&self) -> Option<String> {
        Some(self.flat().get("global.istio_version")?.as_str()?.to_owned())
    }

    /// Parameters of the flat map.
    fn flat(&self) -> Map<String, Json> {
        texts(self.object.document.at(&"spec.ownerConfig.controlPlaneParams".into()))
    }

    fn nested(&self) -> Option<Json> {
        let path = FieldPath::parse("spec.ownerConfig.controlPlaneParamsStruct");
        self.object.document.at(&path).map(Node::to_json)
    }

    /// `spec.controlPlane.hosted`, and what it does not hold.
    pub(super) fn spec(
        &self,
        owner: &Member<'_>,
        delivery: Option<&Json>,
        left_out: &mut Vec<String>,
    ) -> Json {
        let mut mspider = Map::new();
        let global = self.global_cluster.as_deref().unwrap_or(GLOBAL_CLUSTER);
        mspider.insert("globalCluster".into(), global.into());
        if let Some(namespace) = self.object.namespace.as_deref().filter(|name| *name != NAMESPACE) {
            mspider.insert("namespace".into(), namespace.into());
        }
        let (params, nested) = self.parameters(left_out);
        if nested {
            mspider.insert("parameters".into(), "struct".into());
        }
        if !params.is_empty() {
            mspider.insert(
                "controlPlaneParams".into(),
                params.into_iter().map(|(k, v)| (k, Json::from(v))).collect(),
            );
        }
        if let Some(secret) = &self.secret {
            mspider.insert("hostedApiServerSecret".into(), secret.as_str().into());
        }
        if let Some(own) = self.own_delivery(delivery) {
            mspider.insert("globalDelivery".into(), own);
        }
        let mut hosted = Map::new();
        hosted.insert("cluster".into(), owner.name.as_str().into());
        if !self.has_workloads_of(owner) {
            hosted.insert("workloads".into(), false.into());
        }
        hosted.insert("mspider".into(), mspider.into());
        hosted.into()
    }

    /// `globalDelivery`, where another agent, or nobody, delivers to the global cluster.
    fn own_delivery(&self, mesh: Option<&Json>) -> Option<Json> {
        let own = self.global_delivery.as_object()?;
        let kind = own.keys().next().map(String::as_str);
        let usual =
            mesh.and_then(Json::as_object).and_then(|mesh| mesh.keys().next()).map_or("none", String::as_str);
        (kind != Some(usual)).then(|| self.global_delivery.clone())
    }

    /// The parameters that the mesh does not decide, all in the flat form, and whether those that it does are nested.
    fn parameters(&self, left_out: &mut Vec<String>) -> (BTreeMap<String, String>, bool) {
        let owned = |key: &str| {
            key.strip_prefix(GLOBAL_VALUES)
                .is_some_and(|rest| rest == "remotePilotAddress" || rest.starts_with("meshNetworks."))
                || key == "global.meshID"
        };
        let mut params = BTreeMap::new();
        for (key, value) in self.flat() {
            if key.contains(".gateways.istio_") {
                left_out.push(format!(
                    "mesh `{}`: parameter `{key}`: Istio's charts write `istio-ingressgateway` with a hyphen and read no \
                     other name",
                    self.object.name
                ));
            } else if !owned(&key)
                && let Some(text) = value.as_str()
            {
                params.insert(key, text.to_owned());
            }
        }
        let Some(nested) = self.nested() else { return (params, false) };
        let mut leaves = Vec::new();
        flatten(&nested, String::new(), &mut leaves);
        let is_nested = leaves.iter().any(|(key, _)| owned(key));
        for (key, value) in leaves.into_iter().filter(|(key, _)| !owned(key)) {
            if params.contains_key(&key) {
                continue;
            }
            left_out.push(format!(
                "mesh `{}`: parameter `{key}` of `controlPlaneParamsStruct` is among `controlPlaneParams` now: take it out \
                 of the nested ones by hand",
                self.object.name
            ));
            params.insert(key, value);
        }
        (params, is_nested)
    }

    /// `spec.mspider` of a member, and what it does not hold. Nothing where no `MeshCluster` is known; an empty map says that
    /// there is nothing but what is rendered.
    pub(super) fn of_member(
        &self,
        member: &Member<'_>,
        left_out: &mut Vec<String>,
    ) -> Option<Map<String, Json>> {
        let mut spec = Map::new();
        let mut others: Vec<Json> = Vec::new();
        let object = member.input.subjects.iter().find(|subject| is_mesh_cluster(subject))?;
        for entry in entries(object) {
            let mut params = texts(entry.get("params"));
            if !self.is_own(entry) {
                if entry.entries().any(|field| field.key != "params") {
                    left_out.push(format!(
                        "cluster `{}`: what its MeshCluster says of mesh `{}` beside `params`",
                        member.name,
                        text_of(entry, "global.meshID").unwrap_or_default()
                    ));
                }
                others.push(params.into());
                continue;
            }
            let network = format!("{GLOBAL_VALUES}network");
            for own in ["global.meshID", "global.clusterRole", &network] {
                params.shift_remove(own);
            }
            if !params.is_empty() {
                spec.insert("params".into(), params.into());
            }
            let Json::Object(mut rest) = entry.to_json() else { continue };
            rest.shift_remove("params");
            let own = ["istio", "custom_params", "values", "global", "network"];
            super::residue::remove(&mut rest, &[&["paramsStruct"], &own[..]].concat());
            if !rest.is_empty() {
                spec.insert("entry".into(), rest.into());
            }
        }
        if !others.is_empty() {
            spec.insert("otherMeshes".into(), others.into());
        }
        Some(spec)
    }
}

/// Members that no file is for, of all hosted meshes.
pub(super) fn strangers(hosted: &[Hosted<'_>], repository: &Repository) -> Vec<Cluster> {
    hosted.iter().flat_map(|hosted| hosted.strangers(repository)).collect()
}

/// Which of the hosted meshes a cluster is in: what its own gateway says, where it has entries for several.
pub(super) fn of_cluster(hosted: &[Hosted<'_>], cluster: &Cluster) -> Option<usize> {
    let said =
        hosted.iter().position(|hosted| hosted.has(cluster) && cluster.mesh_id() == Some(&hosted.mesh_id));
    said.or_else(|| hosted.iter().position(|hosted| hosted.has(cluster)))
}

/// Makes the members of hosted meshes what they are: clusters without an istiod of their own, whose gateways say which
/// release it is.
pub(super) fn adopt(hosted: &[Hosted<'_>], members: &mut [Member<'_>]) {
    for member in members {
        member.hosted = of_cluster(hosted, member.input);
        let Some(mesh) = member.hosted.and_then(|index| hosted.get(index)) else { continue };
        member.plane = None;
        member.remote = false;
        member.istio = istio(member, mesh);
    }
}

/// `spec.istio` of a member.
fn istio(member: &Member<'_>, mesh: &Hosted<'_>) -> Map<String, Json> {
    let gateway = member.gateways.first().map(|gateway| gateway.subject);
    let plane = gateway.map(|subject| {
        let values = values_path(subject);
        let mesh_config = values.clone().key("meshConfig");
        Plane { subject, values, mesh_config, remote: false }
    });
    let mut istio = plane.map(|plane| plane.istio(member.input)).unwrap_or_default();
    // Mspider's own operator reads IstioOperator objects, and names its istiod itself.
    istio.retain(|key, _| matches!(key.as_str(), "version" | "hub" | "tag" | "namespace"));
    let release = mesh.release().filter(|text| text.parse::<meshwright_policies::version::Version>().is_ok());
    if let Some(release) = release.filter(|_| !istio.contains_key("version")) {
        istio.insert("version".into(), release.into());
    }
    if let Some(hub) = mesh.hub() {
        istio.insert("hub".into(), hub.into());
    }
    set(&mut istio, &["install"], "IstioOperator".into());
    istio
}

/// The Secret by which Flux reaches the hosted API server, as a Kustomization names it.
fn secret(plane: &str, repository: &Repository) -> Option<String> {
    let mut all = repository.clusters.iter().flat_map(|cluster| &cluster.subjects);
    all.find_map(|subject| {
        let path = text(&subject.document, "spec.path").filter(|_| subject.kind == "Kustomization")?;
        path.split('/').any(|part| part == plane).then_some(())?;
        text(&subject.document, "spec.kubeConfig.secretRef.name")
    })
}

fn entries(subject: &Manifest) -> impl Iterator<Item = &Node> {
    subject.document.at(&"spec.meshedParams".into()).into_iter().flat_map(Node::items)
}

/// A parameter of an entry.
fn text_of(entry: &Node, key: &str) -> Option<String> {
    entry.get("params")?.get(key)?.scalar().filter(|text| !text.is_empty())
}

/// Nested parameters by the keys of their flat twins.
fn flatten(value: &Json, key: String, leaves: &mut Vec<(String, String)>) {
    match value {
        Json::Object(map) => {
            for (name, below) in map {
                let key = if key.is_empty() { name.clone() } else { format!("{key}.{name}") };
                flatten(below, key, leaves);
            }
        }
        Json::Array(items) => {
            for (index, below) in items.iter().enumerate() {
                flatten(below, format!("{key}[{index}]"), leaves);
            }
        }
        Json::Null => {}
        Json::String(text) => leaves.push((key, text.clone())),
        other => leaves.push((key, other.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn nested_parameters_have_the_keys_of_the_flat_map() {
        let mut leaves = Vec::new();
        let nested = json!({"istio": {"custom_params": {"values": {"pilot": {"replicaCount": 2}, "list": [{"a": "x"}]}}}});
        flatten(&nested, String::new(), &mut leaves);
        assert_eq!(
            leaves,
            [
                ("istio.custom_params.values.pilot.replicaCount", "2"),
                ("istio.custom_params.values.list[0].a", "x")
            ]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
        );
    }
}
