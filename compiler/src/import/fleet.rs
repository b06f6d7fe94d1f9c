//! Clusters to meshes: who is in which mesh, who runs istiod for whom, how networks are entered, and what all clusters
//! share.

use std::collections::{BTreeMap, BTreeSet};

use meshwright_policies::address::Address;
use meshwright_policies::claim::Fact;
use meshwright_policies::names::{ClusterId, MeshId, NetworkId, TrustDomain};
use meshwright_policies::repository::{Cluster, Repository};
use meshwright_policies::support;
use meshwright_policies::version::Minor;
use serde_json::{Map, Value as Json, json};

use super::cluster::{Choice, Member};
use super::draft::{ClusterDraft, Document, Draft, MeshDraft};
use super::hosted::Hosted;
use super::node::set;
use super::{failover, slug};

/// The install method of a mesh that names none.
const DEFAULT_INSTALL: &str = "Helm";
/// The network of clusters that name none.
const ONLY_NETWORK: &str = "network1";

/// One mesh of the manifests.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Grouped {
    /// The name of its document.
    pub(super) name: String,
    pub(super) id: String,
    /// Its members, by index.
    pub(super) members: Vec<usize>,
    /// Who hosts its control plane, by index.
    pub(super) hosted: Option<usize>,
}

/// The documents of all meshes.
pub(super) fn draft(members: &[Member<'_>], meshes: &[Grouped], hosted: &[Hosted<'_>]) -> Draft {
    let mut draft = Draft::default();
    let several = meshes.len() > 1;
    for Grouped { name, id, members: own, hosted: host } in meshes {
        let members = own.iter().filter_map(|index| members.get(*index)).collect();
        let hosted = host.and_then(|index| hosted.get(index));
        let mesh = Mesh::new(id, name, members, several, hosted);
        let made = mesh.draft(&mut draft);
        draft.insert(name.clone(), made);
    }
    draft
}

/// What becomes one intent: an intent has each name once.
#[derive(Debug)]
pub(super) struct Part<'a> {
    /// Where it is written; empty when it is the only one.
    pub(super) directory: String,
    pub(super) members: Vec<Member<'a>>,
    pub(super) meshes: Vec<Grouped>,
    /// Why it is one of its own.
    pub(super) why: Option<String>,
}

/// Tells meshes apart, gives each name once, and puts meshes that share names into intents of their own.
pub(super) fn intents<'a>(
    mut members: Vec<Member<'a>>,
    repository: &Repository,
    hosted: &[Hosted<'_>],
) -> Vec<Part<'a>> {
    let joined = joined(&members, repository);
    let mut sets = Vec::new();
    for own in meshes(&members, &joined, hosted) {
        sets.extend(without_variants(own, &members, &joined));
    }
    let nameless = |own: &[usize]| mesh_id(own, &members).is_none();
    let several = sets.iter().filter(|own| nameless(own)).count() > 1;
    let mut grouped: Vec<Grouped> =
        sets.into_iter().map(|own| group(own, &members, hosted, several)).collect();
    grouped.sort();
    for mesh in &grouped {
        distinct(&mesh.members, &mut members);
    }
    let mut parts: Vec<(Vec<Grouped>, Option<String>)> = Vec::new();
    for mesh in grouped {
        let clash = |(meshes, _): &(Vec<Grouped>, Option<String>)| {
            meshes.iter().find_map(|other| shared_name(other, &mesh, &members))
        };
        let mut why = None;
        let home = parts.iter().position(|part| match clash(part) {
            None => true,
            Some(clash) => {
                why = why.take().or(Some(clash));
                false
            }
        });
        match home.and_then(|home| parts.get_mut(home)) {
            Some((meshes, _)) => meshes.push(mesh),
            None => parts.push((vec![mesh], why)),
        }
    }
    let directories = directories(&parts, &members);
    let mut slots: Vec<Option<Member<'a>>> = members.into_iter().map(Some).collect();
    let made = parts.into_iter().zip(directories).map(|((meshes, why), directory)| {
        let mut own = Vec::new();
        let meshes = meshes.into_iter().map(|mut mesh| {
            let taken: Vec<Member<'a>> =
                mesh.members.iter().filter_map(|index| slots.get_mut(*index)?.take()).collect();
            mesh.members = (own.len()..own.len() + taken.len()).collect();
            own.extend(taken);
            mesh
        });
        let meshes = meshes.collect();
        Part { directory, meshes, members: own, why }
    });
    made.collect()
}

/// What two meshes of one intent would both be called.
fn shared_name(a: &Grouped, b: &Grouped, members: &[Member<'_>]) -> Option<String> {
    let of = |mesh: &Grouped| -> Vec<&Member<'_>> {
        mesh.members.iter().filter_map(|index| members.get(*index)).collect()
    };
    let (own, others) = (of(a), of(b));
    let place = |members: &[&Member<'_>]| {
        members.first().map_or(String::new(), |member| format!("{}{}", member.input.scope, member.input.name))
    };
    let why = |what: String| {
        format!(
            "`{}` and `{}` are intents of their own, since an intent has each name once: both have {what}",
            place(&own),
            place(&others)
        )
    };
    if a.name == b.name {
        return Some(why(format!("a mesh `{}`", a.name)));
    }
    let networks: BTreeSet<String> = own.iter().map(|member| network_of(member)).collect();
    if let Some(network) = others.iter().map(|member| network_of(member)).find(|id| networks.contains(id)) {
        return Some(why(format!("a network `{network}`")));
    }
    let names: BTreeSet<&str> = own.iter().map(|member| member.name.as_str()).collect();
    let same = others.iter().find(|member| names.contains(member.name.as_str()))?;
    Some(why(format!("a cluster `{}`", same.name)))
}

/// A directory for each intent: by what tells them apart, in the words of the repository.
fn directories(parts: &[(Vec<Grouped>, Option<String>)], members: &[Member<'_>]) -> Vec<String> {
    if parts.len() < 2 {
        return vec![String::new(); parts.len()];
    }
    let first = |part: &(Vec<Grouped>, Option<String>)| {
        part.0.first().and_then(|mesh| members.get(*mesh.members.first()?))
    };
    let scope = |part: &_| first(part).map_or(String::new(), |member| member.input.scope.clone());
    let of_fleet = |scope: String| -> String {
        // `prod/clusters/` is the one of `prod`.
        let mut parts = scope.split('/').filter(|part| !part.is_empty() && *part != "clusters");
        parts.next_back().unwrap_or_default().to_owned()
    };
    let names: [Vec<String>; 4] = [
        parts.iter().map(|part| of_fleet(scope(part))).collect(),
        parts.iter().map(scope).collect(),
        parts.iter().map(|part| part.0.first().map_or(String::new(), |mesh| mesh.name.clone())).collect(),
        parts.iter().map(|part| first(part).map_or(String::new(), |member| member.name.clone())).collect(),
    ];
    let telling = |names: &&Vec<String>| {
        names.iter().all(|name| !name.is_empty())
            && names.iter().collect::<BTreeSet<_>>().len() == names.len()
    };
    let told = names
        .iter()
        .map(|names| names.iter().filter(|name| !name.is_empty()).map(|name| slug(name)).collect());
    let told: Vec<Vec<String>> = told.collect();
    match told.iter().filter(|names| names.len() == parts.len()).find(telling) {
        Some(names) => names.clone(),
        None => (1..=parts.len()).map(|number| format!("intent-{number}")).collect(),
    }
}

/// Disjoint sets of members.
struct Sets(Vec<usize>);

impl Sets {
    fn root(&self, mut of: usize) -> usize {
        while let Some(above) = self.0.get(of).copied().filter(|above| *above != of) {
            of = above;
        }
        of
    }

    fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.root(a), self.root(b));
        if let Some(slot) = self.0.get_mut(a.max(b)) {
            *slot = a.min(b);
        }
    }

    fn join_all(&mut self, own: &[usize]) {
        if let Some((first, rest)) = own.split_first() {
            rest.iter().for_each(|other| self.join(*first, *other));
        }
    }
}

/// Members that the repository makes one mesh of, by what they say.
fn joined(members: &[Member<'_>], repository: &Repository) -> Vec<Vec<usize>> {
    let index: BTreeMap<*const Cluster, usize> =
        members.iter().enumerate().map(|(index, member)| (std::ptr::from_ref(member.input), index)).collect();
    let of = |cluster: &Cluster| index.get(&std::ptr::from_ref(cluster)).copied();
    repository.meshes().into_iter().map(|mesh| mesh.into_iter().filter_map(of).collect()).collect()
}

/// Tells meshes apart: clusters that join each other, and clusters in one place that give one mesh ID.
fn meshes(members: &[Member<'_>], joined: &[Vec<usize>], hosted: &[Hosted<'_>]) -> Vec<Vec<usize>> {
    let mut sets = Sets((0..members.len()).collect());
    joined.iter().for_each(|own| sets.join_all(own));
    for host in 0..hosted.len() {
        let own = members.iter().enumerate().filter(|(_, member)| member.hosted == Some(host));
        sets.join_all(&own.map(|(index, _)| index).collect::<Vec<_>>());
    }
    let mut scopes: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (index, member) in members.iter().enumerate().filter(|(_, member)| member.hosted.is_none()) {
        scopes.entry(&member.input.scope).or_default().push(index);
    }
    for own in scopes.into_values() {
        let mut by_id: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        let mut primaries: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (index, member) in own.iter().filter_map(|index| Some((*index, members.get(*index)?))) {
            if let Some(id) = &member.mesh_id.value {
                by_id.entry(id).or_default().push(index);
            }
            if !member.remote {
                primaries.entry(member.cluster_id()).or_default().push(index);
            }
        }
        // Clusters that name no mesh can be of one only.
        if by_id.len() < 2 {
            sets.join_all(&own);
            continue;
        }
        by_id.values().for_each(|own| sets.join_all(own));
        // A remote has its mesh from the primary that its namespace names.
        for (index, member) in own.iter().filter_map(|index| Some((*index, members.get(*index)?))) {
            let leading = member.leading.as_deref().filter(|_| member.remote).unwrap_or_default();
            for id in leading.split(',').map(str::trim) {
                for primary in primaries.get(id).into_iter().flatten() {
                    let both = member.mesh_id.value.is_some()
                        && members.get(*primary).is_some_and(|primary| primary.mesh_id.value.is_some());
                    if !both {
                        sets.join(index, *primary);
                    }
                }
            }
        }
    }
    let mut by_set: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for member in 0..members.len() {
        by_set.entry(sets.root(member)).or_default().push(member);
    }
    // A cluster that another one's istiod serves is in a mesh with that one, whatever it calls its mesh.
    let served = |own: &Vec<usize>| own.iter().all(|i| members.get(*i).is_some_and(|member| member.remote));
    let orphans: Vec<usize> = by_set.iter().filter(|(_, own)| served(own)).map(|(set, _)| *set).collect();
    for orphan in orphans {
        let scope =
            by_set.get(&orphan).and_then(|own| members.get(*own.first()?)).map(|member| &member.input.scope);
        let others = || by_set.iter().filter(|(set, own)| **set != orphan && !served(own));
        let here = others().find(|(_, own)| {
            own.iter().filter_map(|i| members.get(*i)).any(|member| Some(&member.input.scope) == scope)
        });
        // Argo CD's objects of a cluster may lie elsewhere than its other files.
        let only = || others().next().filter(|_| others().count() == 1);
        let home = here.or_else(only);
        if let Some(home) = home.map(|(set, _)| *set)
            && let Some(own) = by_set.remove(&orphan)
        {
            by_set.entry(home).or_default().extend(own);
        }
    }
    by_set.into_values().collect()
}

/// Takes variants of one cluster for several environments apart: they share its ID, and nothing joins them.
fn without_variants(own: Vec<usize>, members: &[Member<'_>], joined: &[Vec<usize>]) -> Vec<Vec<usize>> {
    let mut sets: Vec<Vec<usize>> = Vec::new();
    let one_mesh = |a: usize, b: usize| joined.iter().any(|mesh| mesh.contains(&a) && mesh.contains(&b));
    let variants = |a: usize, b: usize| {
        let (Some(one), Some(other)) = (members.get(a), members.get(b)) else { return false };
        one.id.value.is_some()
            && one.id.value == other.id.value
            && !(one.input.fleet && other.input.fleet)
            && !one_mesh(a, b)
    };
    for member in own {
        match sets.iter_mut().find(|set| !set.iter().any(|other| variants(*other, member))) {
            Some(set) => set.push(member),
            None => sets.push(vec![member]),
        }
    }
    sets
}

/// Gives the members of a mesh names and cluster IDs, each once: a cluster keeps the ID that is its own name, or that it
/// was the first to claim.
fn distinct(own: &[usize], members: &mut [Member<'_>]) {
    let mut taken = BTreeSet::new();
    for index in own {
        let Some(member) = members.get_mut(*index) else { continue };
        let scoped = slug(&format!("{}{}", member.input.scope, member.input.name));
        let numbered = (2_u32..).map(|n| format!("{}-{n}", member.name.get(..56).unwrap_or(&member.name)));
        let mut names = [member.name.clone(), scoped].into_iter().chain(numbered);
        if let Some(name) = names.find(|name| !taken.contains(name)) {
            member.name = name;
        }
        taken.insert(member.name.clone());
    }
    loop {
        let mut by_id: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (index, member) in own.iter().filter_map(|index| Some((*index, members.get(*index)?))) {
            by_id.entry(member.cluster_id()).or_default().push(index);
        }
        let repeated = by_id.into_iter().find(|(_, same)| same.len() > 1);
        let Some((id, same)) = repeated.map(|(id, same)| (id.to_owned(), same)) else { return };
        let named = |index: &&usize| members.get(**index).is_some_and(|member| member.name == id);
        let Some(keeper) = same.iter().find(named).or(same.first()).copied() else { return };
        let kept_by = members.get(keeper).map_or(String::new(), |member| member.name.clone());
        for index in same.into_iter().filter(|index| *index != keeper) {
            if let Some(member) = members.get_mut(index) {
                member.id.value = None;
                member.id.also.push(format!("{id}, which is the ID of cluster `{kept_by}`"));
            }
        }
    }
}

fn group(mut own: Vec<usize>, members: &[Member<'_>], hosted: &[Hosted<'_>], several: bool) -> Grouped {
    own.sort_unstable();
    let host = own.iter().find_map(|index| members.get(*index)?.hosted);
    let (name, id) = match host.and_then(|index| hosted.get(index)) {
        Some(mesh) => (slug(&mesh.object.name), mesh.mesh_id.clone()),
        None => {
            let first = own.first().and_then(|index| members.get(*index)).filter(|_| several);
            let unsaid = || first.map_or("mesh1".to_owned(), |member| member.name.clone());
            let id = mesh_id(&own, members).unwrap_or_else(unsaid);
            (slug(&id), id)
        }
    };
    Grouped { name, id, members: own, hosted: host }
}

/// What most clusters say.
fn mesh_id(own: &[usize], members: &[Member<'_>]) -> Option<String> {
    let ids = own.iter().filter_map(|i| members.get(*i)?.mesh_id.value.as_ref());
    let valid = |id: &&String| MeshId::new(id.as_str()).is_ok();
    most(ids.filter(valid)).cloned()
}

struct Mesh<'m, 'a> {
    id: &'m str,
    name: &'m str,
    members: Vec<&'m Member<'a>>,
    several: bool,
    hosted: Option<&'m Hosted<'a>>,
    /// What all members say of namespaces.
    namespaces: Option<Vec<Json>>,
}

/// An address and a port at which a network is entered.
type Entry = (String, u64);

impl<'m, 'a> Mesh<'m, 'a> {
    fn new(
        id: &'m str,
        name: &'m str,
        members: Vec<&'m Member<'a>>,
        several: bool,
        hosted: Option<&'m Hosted<'a>>,
    ) -> Mesh<'m, 'a> {
        let namespaces = members.split_first().and_then(|(first, rest)| {
            let same = rest.iter().all(|member| member.namespaces == first.namespaces);
            (same && !rest.is_empty() && !first.namespaces.is_empty()).then(|| first.namespaces.clone())
        });
        Mesh { id, name, members, several, hosted, namespaces }
    }
}

impl Mesh<'_, '_> {
    fn draft(&self, draft: &mut Draft) -> MeshDraft {
        let mut made = MeshDraft::default();
        let mut networks = Networks::of(self);
        if self.hosted.is_none() {
            let remotes = self.members.iter().filter(|member| member.remote);
            networks.primaries = remotes
                .filter_map(|remote| Some((remote.name.clone(), self.primary_of(remote, &networks)?)))
                .collect();
        }
        self.mesh_document(&mut made, &networks, draft);
        for member in &self.members {
            let document = self.cluster(member, &made.mesh, &mut networks, draft);
            made.clusters.insert(member.name.clone(), ClusterDraft::new(document));
        }
        for (id, network) in networks.by_id {
            made.networks.insert(id, network.document);
        }
        made
    }

    /// A release that the manifests could be for, as far as they say it: since 1.23 the chart derives the variable from
    /// `global.externalIstiod` (istio/istio b1f2bdda683), and nobody writes it any more.
    fn possible_release(&self) -> Minor {
        let variable =
            |fact: &Fact| matches!(fact, Fact::IstiodVariable { name } if name == "EXTERNAL_ISTIOD");
        let old = self.members.iter().any(|member| !member.input.stated(|_, fact| variable(fact)).is_empty());
        if old { Minor(1, 22) } else { support::NEWEST }
    }

    /// The API servers that an istiod reads its configuration from.
    fn readers(&self) -> Vec<&Cluster> {
        match self.hosted {
            Some(hosted) => vec![hosted.plane],
            None => self.primaries().into_iter().map(|member| member.input).collect(),
        }
    }

    fn primaries(&self) -> Vec<&&Member<'_>> {
        self.members.iter().filter(|member| !member.remote).collect()
    }

    fn mesh_document(&self, made: &mut MeshDraft, networks: &Networks, draft: &mut Draft) {
        let document = &mut made.mesh;
        let mut spec = &mut document.spec;
        if self.id != self.name {
            spec.insert("meshID".into(), self.id.into());
        }
        let speaks = |member: &&&Member<'_>| match self.hosted {
            Some(_) => !member.istio.is_empty(),
            None => member.plane.is_some(),
        };
        let planes: Vec<&&Member<'_>> = self.members.iter().filter(speaks).collect();
        let unsaid = |member: &&Member<'_>| !member.istio.contains_key("version");
        let hosted_domain = self.hosted.and_then(Hosted::trust_domain);
        let domain = hosted_domain
            .as_ref()
            .or_else(|| most(planes.iter().filter_map(|member| member.trust_domain.value.as_ref())))
            .filter(|domain| TrustDomain::new(domain.as_str()).is_ok());
        if let Some(domain) = domain.filter(|domain| *domain != "cluster.local") {
            spec.insert("trustDomain".into(), domain.as_str().into());
        }
        let aliases = planes.iter().map(|member| &member.aliases).find(|aliases| !aliases.is_empty());
        if let Some(aliases) = aliases {
            spec.insert("trustDomainAliases".into(), aliases.clone().into());
        }
        let mut istio = shared(&planes.iter().map(|member| &member.istio).collect::<Vec<_>>());
        let known: Vec<String> = planes
            .iter()
            .filter_map(|member| member.istio.get("version")?.as_str())
            .map(str::to_owned)
            .collect();
        let silent: Vec<&str> =
            self.members.iter().filter(|member| unsaid(member)).map(|member| member.name.as_str()).collect();
        let mut assumed = None;
        if !istio.contains_key("version") && !silent.is_empty() {
            match most(known.iter()) {
                Some(release) => {
                    let mut with_release = Map::new();
                    with_release.insert("version".into(), release.as_str().into());
                    with_release.extend(istio);
                    istio = with_release;
                    assumed = Some(silent.join(", "));
                }
                None => made.unknown_release = Some(self.possible_release()),
            }
        }
        // The default is not said.
        if istio.get("install").and_then(Json::as_str) == Some(DEFAULT_INSTALL) {
            istio.shift_remove("install");
        }
        if !istio.is_empty() {
            spec.insert("istio".into(), istio.into());
        }
        if let Some(hosted) = self.hosted {
            self.hosted_control_plane(hosted, document, draft);
            spec = &mut document.spec;
        } else if self.members.iter().any(|member| member.remote) {
            let primaries: Vec<&str> = self.primaries().iter().map(|member| member.name.as_str()).collect();
            set(spec, &["controlPlane", "primaryRemote", "primaries"], json!(primaries));
        }
        if networks.mesh_networks {
            spec.insert("gatewayDiscovery".into(), "meshNetworks".into());
        }
        if let Some(delivery) = shared_delivery(&self.members) {
            spec.insert("delivery".into(), delivery);
        }
        let failover = failover::shared(&self.readers());
        if !failover.is_empty() {
            spec.insert("failover".into(), failover.into());
        }
        self.defaults(spec);
        if let Some(namespaces) = self.namespaces.clone() {
            set(spec, &["clusterDefaults", "namespaces"], namespaces.into());
        }
        if let Some(silent) = assumed {
            made.mesh.comment(
                "istio.version",
                format!("the manifests of {silent} do not say their release: that of the others is taken"),
            );
            draft.questions.insert(format!(
                "mesh `{}`: whether `istio.version` is the release of {silent} too",
                self.name
            ));
        }
        self.ask(made, draft);
        for member in &self.members {
            for (choice, path, what) in [
                (&member.mesh_id, "meshID", "mesh ID"),
                (&member.trust_domain, "trustDomain", "trust domain"),
            ] {
                let default = if path == "meshID" { self.id } else { "cluster.local" };
                let chosen = made.mesh.spec.get(path).and_then(Json::as_str).unwrap_or(default).to_owned();
                let chosen = chosen.as_str();
                let own = choice.value.as_ref().filter(|own| *own != chosen);
                let differs = own.map(|own| format!("{own} by the control plane of {}", member.name));
                contradict(
                    &mut made.mesh,
                    draft,
                    path,
                    what,
                    chosen,
                    &member.name,
                    choice.also.iter().chain(&differs),
                );
            }
        }
    }

    /// `spec.controlPlane.hosted`, with what it leaves open.
    fn hosted_control_plane(&self, hosted: &Hosted<'_>, document: &mut Document, draft: &mut Draft) {
        let Some(owner) = hosted.owner(&self.members) else { return };
        let mut left_out = Vec::new();
        let delivery = shared_delivery(&self.members);
        let spec = hosted.spec(owner, delivery.as_ref(), &mut left_out);
        draft.left_out.extend(left_out);
        set(&mut document.spec, &["controlPlane", "hosted"], spec);
        if !hosted.says_owner() {
            document.comment(
                "controlPlane.hosted.cluster",
                format!("the GlobalMesh does not say which cluster hosts it: is it {}?", owner.name),
            );
        }
        if hosted.global_cluster.is_none() {
            document.comment(
                "controlPlane.hosted.mspider.globalCluster",
                "the name that DaoCloud gives the global management cluster: is it called so here?",
            );
        }
    }

    /// What most clusters' gateways of a hosted mesh say, and its GlobalMesh does not.
    fn defaults(&self, spec: &mut Map<String, Json>) {
        let Some(hosted) = self.hosted else { return };
        let has_entry = |member: &&Member<'_>| hosted.of_member(member, &mut Vec::new()).is_some();
        if self.members.iter().all(has_entry) {
            set(spec, &["clusterDefaults", "mspider"], json!({}));
        }
        if hosted.hub().is_some() {
            return;
        }
        let hub =
            spec.get_mut("istio").and_then(Json::as_object_mut).and_then(|istio| istio.shift_remove("hub"));
        if let Some(hub) = hub {
            set(spec, &["clusterDefaults", "istio", "hub"], hub);
        }
    }

    fn ask(&self, made: &mut MeshDraft, draft: &mut Draft) {
        if made.unknown_release.is_some() {
            made.mesh.comment(
                "istio.version",
                "istio.version: which release of Istio? The manifests do not say it.",
            );
            draft.questions.insert(format!("mesh `{}`: `istio.version`, the release of Istio", self.name));
        }
        if self.members.iter().any(|member| member.delivery.get("flux").is_some()) {
            made.mesh.comment(
                "delivery.flux.path",
                "delivery.flux.path: where in its source will Flux find the rendered output? `./` unless said",
            );
        }
        let url = |delivery: &Json| {
            delivery.pointer("/argocd").is_some_and(|argocd| argocd.get("repoURL").is_none())
        };
        if self.members.iter().any(|member| url(&member.delivery)) {
            made.mesh.comment(
                "delivery.argocd.repoURL",
                "delivery.argocd.repoURL: in which Git repository will the rendered output be?",
            );
            draft.questions.insert(format!(
                "mesh `{}`: `delivery.argocd.repoURL`, the repository of the rendered output",
                self.name
            ));
        }
        if let Some(hosted) = self.hosted
            && hosted.control_plane().is_none()
            && let Some(owner) = hosted.owner(&self.members)
        {
            draft.questions.insert(format!(
                "cluster `{}`: `loadBalancer.addresses.controlPlane`, where the other clusters reach the hosted istiod",
                owner.name
            ));
        }
        made.mesh.comment("ca", "ca: who makes the clusters' intermediate certificates (provider: certManager, offline, platform)?");
        draft.questions.insert(format!("mesh `{}`: `ca`, who makes the clusters' certificates", self.name));
    }

    fn cluster(
        &self,
        member: &Member<'_>,
        mesh: &Document,
        networks: &mut Networks,
        draft: &mut Draft,
    ) -> Document {
        let mut document = Document::default();
        let spec = &mut document.spec;
        if self.several {
            spec.insert("mesh".into(), self.name.into());
        }
        let network = network_of(member);
        spec.insert("network".into(), network.as_str().into());
        if member.cluster_id() != member.name && ClusterId::new(member.cluster_id()).is_ok() {
            spec.insert("clusterID".into(), member.cluster_id().into());
        }
        if member.remote
            && self.primaries().len() > 1
            && let Some(primary) = networks.primaries.get(&member.name)
        {
            spec.insert("primary".into(), primary.as_str().into());
        }
        let mut own = own_keys(&member.istio, mesh.spec.get("istio"));
        let usual = mesh.spec.get("istio").and_then(|istio| istio.get("install")).is_none();
        if usual && own.get("install").and_then(Json::as_str) == Some(DEFAULT_INSTALL) {
            own.shift_remove("install");
        }
        if let Some(defaults) = mesh.spec.get("clusterDefaults").and_then(|defaults| defaults.get("istio")) {
            own = own_keys(&own, Some(defaults));
        }
        if !own.is_empty() {
            spec.insert("istio".into(), own.into());
        }
        if let Some(url) = &member.api_server {
            set(spec, &["kubernetes", "apiServer"], url.as_str().into());
        }
        for (key, cidrs) in [("podCIDRs", &member.pod_cidrs), ("serviceCIDRs", &member.service_cidrs)] {
            if !cidrs.is_empty() {
                spec.insert(key.into(), cidrs.clone().into());
            }
        }
        if let Some(hosted) = self.hosted {
            let mut left_out = Vec::new();
            let own = hosted.of_member(member, &mut left_out);
            draft.left_out.extend(left_out);
            let shared = mesh.spec.get("clusterDefaults").is_some_and(|all| all.get("mspider").is_some());
            if let Some(own) = own.filter(|own| !(shared && own.is_empty())) {
                spec.insert("mspider".into(), own.into());
            }
        }
        if !member.namespaces.is_empty() && self.namespaces.is_none() {
            spec.insert("namespaces".into(), member.namespaces.clone().into());
        }
        let mut balancer = member.load_balancer.clone();
        self.gateways(member, networks, spec, &mut balancer);
        self.control_plane_address(member, networks, &mut balancer);
        if !balancer.is_empty() {
            spec.insert("loadBalancer".into(), balancer.into());
        }
        if let Some(delivery) = own_delivery(&member.delivery, mesh.spec.get("delivery")) {
            spec.insert("delivery".into(), delivery);
        }
        self.ask_cluster(member, &mut document, draft);
        for (choice, path, what, chosen) in [
            (&member.network, "network", "network", network.as_str()),
            (&member.id, "clusterID", "cluster ID", member.cluster_id()),
        ] {
            contradict(&mut document, draft, path, what, chosen, &member.name, choice.also.iter());
        }
        document
    }

    fn ask_cluster(&self, member: &Member<'_>, document: &mut Document, draft: &mut Draft) {
        if member.network.value.is_none() {
            document.comment(
                "network",
                format!("the manifests name no network; `{ONLY_NETWORK}` is a name for the only one"),
            );
        }
        if member.api_server.is_none() {
            document.comment(
                "kubernetes.apiServer",
                "kubernetes.apiServer: at which URL do the istiods of other clusters reach the API server?",
            );
        }
        if let Some(hosted) = self.hosted
            && hosted.control_plane().is_none()
            && hosted.owner(&self.members).is_some_and(|owner| owner.name == member.name)
        {
            document.comment(
                "loadBalancer.addresses.controlPlane",
                "loadBalancer.addresses.controlPlane: where do the other clusters reach the hosted istiod?",
            );
        }
        for (key, cidrs) in [("podCIDRs", &member.pod_cidrs), ("serviceCIDRs", &member.service_cidrs)] {
            if cidrs.is_empty() {
                document.comment(key, format!("{key}: which address ranges, so that overlaps are found?"));
            }
        }
        if member.api_server.is_none() || member.pod_cidrs.is_empty() || member.service_cidrs.is_empty() {
            draft.questions.insert(format!(
                "cluster `{}`: `kubernetes.apiServer`, `podCIDRs`, `serviceCIDRs` where they are asked for in its file",
                member.name
            ));
        }
    }

    /// The primary of a remote: the one that its namespace names, the one at whose gateway it reaches istiod, or the first.
    fn primary_of(&self, member: &Member<'_>, networks: &Networks) -> Option<String> {
        let primaries = self.primaries();
        let leading = member.leading.as_deref().map(|text| text.split(',').next().unwrap_or(text).trim());
        let by_leading = || primaries.iter().find(|primary| Some(primary.cluster_id()) == leading);
        let dials = |primary: &&&&Member<'_>| {
            let address = member.control_plane.as_ref();
            let gateways = primary.gateways.iter().filter_map(|gateway| gateway.address.as_ref());
            address.is_some()
                && (gateways.into_iter().any(|a| Some(a) == address) || networks.seen(primary, member))
        };
        let by_network = || {
            let mut same = primaries.iter().filter(|primary| network_of(primary) == network_of(member));
            same.next().filter(|_| same.next().is_none())
        };
        let found = by_leading().or_else(|| primaries.iter().find(dials)).or_else(by_network);
        found.or_else(|| primaries.first()).map(|primary| primary.name.clone())
    }

    /// `eastWestGateways` and the planned address of the first.
    fn gateways(
        &self,
        member: &Member<'_>,
        networks: &Networks,
        spec: &mut Map<String, Json>,
        balancer: &mut Map<String, Json>,
    ) {
        if member.gateways.is_empty() {
            return;
        }
        let mut items = Vec::new();
        for (index, gateway) in member.gateways.iter().enumerate() {
            let mut item = gateway.item.clone();
            let announced = || networks.announced(member).filter(|_| index == 0);
            if let Some(address) = gateway.address.clone().or_else(announced) {
                if index == 0 {
                    set(balancer, &["addresses", "eastWest"], address.into());
                } else {
                    item.insert("address".into(), address.into());
                }
            }
            for (key, value) in &gateway.balancer {
                balancer.entry(key.clone()).or_insert_with(|| value.clone());
            }
            items.push(Json::Object(item));
        }
        let plain = items.len() == 1 && items.iter().all(|item| item.as_object().is_some_and(Map::is_empty));
        // A network's own gateway, and that of a primary that serves others, need not be said.
        let serves = !member.remote && self.members.iter().any(|member| member.remote);
        if !(plain && (networks.by_id.len() > 1 || serves)) {
            spec.insert("eastWestGateways".into(), items.into());
        }
    }

    /// Where remotes reach istiod, when that is not the gateway's own address and no network says it.
    fn control_plane_address(
        &self,
        member: &Member<'_>,
        networks: &Networks,
        balancer: &mut Map<String, Json>,
    ) {
        if member.remote {
            return;
        }
        if let Some(hosted) = self.hosted {
            let owner = hosted.owner(&self.members).is_some_and(|owner| owner.name == member.name);
            let address =
                hosted.control_plane().filter(|address| owner && address.parse::<Address>().is_ok());
            if let Some(address) = address {
                set(balancer, &["addresses", "controlPlane"], address.into());
            }
            return;
        }
        let own = member.gateways.first().and_then(|gateway| gateway.address.as_ref());
        let primaries = self.primaries().len();
        let dialled = self.members.iter().filter(|other| other.remote).find_map(|other| {
            let address = other.control_plane.as_ref()?;
            let mine = primaries == 1 || networks.primaries.get(&other.name) == Some(&member.name);
            let known = Some(address) == own || networks.seen(member, other);
            (mine && !known && address.parse::<Address>().is_ok()).then(|| address.clone())
        });
        if let Some(address) = dialled {
            set(balancer, &["addresses", "controlPlane"], address.into());
        }
    }
}

/// Says beside a value what else is claimed.
fn contradict<'s>(
    document: &mut Document,
    draft: &mut Draft,
    path: &str,
    what: &str,
    chosen: &str,
    cluster: &str,
    also: impl Iterator<Item = &'s String>,
) {
    for other in also {
        document.comment(path, format!("also claimed: {other}"));
        draft.said.insert(other.clone());
        let line = format!("cluster `{cluster}`: {what} `{chosen}`; also claimed: {other}");
        if draft.said.insert(line.clone()) {
            draft.contradictions.push(line);
        }
    }
}

/// The network of a cluster, as the intent can name it.
pub(super) fn network_of(member: &Member<'_>) -> String {
    let Choice { value, .. } = &member.network;
    match value {
        Some(id) if NetworkId::new(id.as_str()).is_ok() => id.clone(),
        Some(id) => slug(id),
        None => ONLY_NETWORK.to_owned(),
    }
}

/// The networks of a mesh.
struct Networks {
    by_id: BTreeMap<String, Network>,
    /// Whether most gateways are announced by `meshNetworks`.
    mesh_networks: bool,
    /// The primary of each remote.
    primaries: BTreeMap<String, String>,
}

#[derive(Default)]
struct Network {
    document: Document,
    /// Entries by observing cluster.
    entries: BTreeMap<String, Vec<Entry>>,
    /// Addresses that only `meshNetworks` tells, of the first gateway of a cluster whose Service cannot ask for one.
    announced: BTreeMap<String, String>,
    /// By cluster: at which other address observers dial its gateway.
    addressed: BTreeMap<String, BTreeMap<String, String>>,
    /// Ports that clusters' gateways are announced at and do not have: cluster, its own port, the other one.
    unserved: BTreeSet<(String, u64, u64)>,
}

impl Networks {
    fn of(mesh: &Mesh<'_, '_>) -> Networks {
        let mut by_id: BTreeMap<String, Network> = BTreeMap::new();
        for member in &mesh.members {
            by_id.entry(network_of(member)).or_default();
        }
        let hosted = mesh.hosted.and_then(|hosted| Some((hosted.owner(&mesh.members)?, hosted.plane)));
        let observers: Vec<(&String, &Cluster)> = match hosted {
            Some((owner, plane)) => vec![(&owner.name, plane)],
            None => mesh.members.iter().map(|member| (&member.name, member.input)).collect(),
        };
        for (observer, cluster) in observers {
            for stated in cluster.stated(|_, fact| matches!(fact, Fact::Entries { .. })) {
                let Fact::Entries { network } = &stated.claim.fact else { continue };
                if let Some(network) = by_id.get_mut(network) {
                    let first = || entries(&stated.claim.value);
                    network.entries.entry(observer.clone()).or_insert_with(first);
                }
            }
        }
        let announced = by_id.values().filter(|network| !network.entries.is_empty()).count();
        let several = by_id.len() > 1;
        // Gateways for remotes on one network have the label unless another source was chosen.
        let mut gateways = mesh.members.iter().flat_map(|member| &member.gateways).peekable();
        let unlabelled = gateways.peek().is_some() && gateways.all(|gateway| !gateway.labelled);
        let mesh_networks = if several { announced > 0 && announced * 2 >= by_id.len() } else { unlabelled };
        let mut networks = Networks { by_id, mesh_networks, primaries: BTreeMap::new() };
        for (id, network) in &mut networks.by_id {
            let own = !network.entries.is_empty();
            if several && own != mesh_networks {
                let discovery = if own { "meshNetworks" } else { "labels" };
                network.document.spec.insert("gatewayDiscovery".into(), discovery.into());
            }
            let members: Vec<&&Member<'_>> =
                mesh.members.iter().filter(|member| network_of(member) == *id).collect();
            network.describe(mesh, &members, several);
        }
        networks
    }

    /// The address of a cluster's first gateway that only `meshNetworks` tells.
    fn announced(&self, member: &Member<'_>) -> Option<String> {
        self.by_id.get(&network_of(member))?.announced.get(&member.name).cloned()
    }

    /// Whether a network says at which address `observer` dials `primary`'s first gateway.
    fn seen(&self, primary: &Member<'_>, observer: &Member<'_>) -> bool {
        let of = |network: &Network| {
            network.addressed.get(&primary.name).and_then(|of| of.get(&observer.name)).cloned()
        };
        let network = self.by_id.get(&network_of(primary));
        network.and_then(of).is_some_and(|address| observer.control_plane.as_ref() == Some(&address))
    }
}

fn entries(value: &str) -> Vec<Entry> {
    let parsed = value.split(',').filter_map(|entry| {
        let (address, port) = entry.rsplit_once(' ')?;
        Some((address.to_owned(), port.parse().ok()?))
    });
    parsed.filter(|(address, _)| address.parse::<Address>().is_ok()).collect()
}

impl Network {
    fn describe(&mut self, mesh: &Mesh<'_, '_>, members: &[&&Member<'_>], several: bool) {
        if mesh.several {
            self.document.spec.insert("mesh".into(), mesh.name.into());
        }
        if members.len() > 1 {
            self.document.spec.insert("podConnectivity".into(), "routed".into());
            let names: Vec<&str> = members.iter().map(|member| member.name.as_str()).collect();
            self.document.comment(
                "podConnectivity",
                format!(
                    "the manifests put {} on one network: do their pods reach each other without a gateway?",
                    names.join(", ")
                ),
            );
        }
        if !several {
            return;
        }
        let have: Vec<&&&Member<'_>> = members.iter().filter(|member| !member.gateways.is_empty()).collect();
        let gateways = self.gateways(mesh, members, &have);
        if !gateways.is_empty() {
            self.document.spec.insert("gateways".into(), gateways.into());
        }
        for (cluster, own, other) in &self.unserved {
            self.document.comment(
                "gateways",
                format!("the Service of the gateway of {cluster} has no port {other}, which meshNetworks names: {own} is taken"),
            );
        }
        if have.is_empty() && self.entries.is_empty() {
            self.document.comment(
                "gateways",
                "no east-west gateway of this network was found: one is rendered in each of its clusters",
            );
        }
    }

    /// The entries, where they are not simply every gateway of every cluster.
    fn gateways(
        &mut self,
        mesh: &Mesh<'_, '_>,
        members: &[&&Member<'_>],
        have: &[&&&Member<'_>],
    ) -> Vec<Json> {
        // What most istiods are told; an istiod that is told other addresses may reach them by another way.
        let lists = self.entries.values();
        let Some(told) = most(lists).cloned() else {
            let some = !have.is_empty() && have.len() < members.len();
            return have.iter().filter(|_| some).map(|member| json!({"cluster": member.name})).collect();
        };
        let own: Vec<(&str, usize, &super::gateways::Gateway<'_>)> = have
            .iter()
            .flat_map(|member| member.gateways.iter().enumerate().map(|(i, g)| (member.name.as_str(), i, g)))
            .collect();
        let mut left: Vec<usize> = (0..own.len()).collect();
        let mut items = Vec::new();
        let mut plain = true;
        for (at, (address, port)) in told.iter().enumerate() {
            let by_address = left.iter().position(|index| {
                own.get(*index).is_some_and(|(_, _, gateway)| gateway.address.as_ref() == Some(address))
            });
            let without =
                || left.iter().position(|index| own.get(*index).is_some_and(|(_, _, g)| g.address.is_none()));
            let position = by_address.or_else(without).or(if left.is_empty() { None } else { Some(0) });
            let gateway = position.and_then(|position| own.get(left.remove(position)));
            let cluster = gateway
                .map_or_else(|| members.first().map(|m| m.name.as_str()), |(cluster, ..)| Some(cluster));
            let Some(cluster) = cluster else { continue };
            let mut item = Map::new();
            item.insert("cluster".into(), cluster.into());
            if let Some((_, index, gateway)) = gateway.filter(|(_, index, _)| *index > 0) {
                item.insert("gateway".into(), gateway.name.as_str().into());
                plain &= *index > 0;
            }
            let behind = |gateway: &super::gateways::Gateway<'_>| {
                gateway.item.get("service").and_then(|s| s.get("type")).is_some()
            };
            let told_here =
                gateway.is_some_and(|(_, index, g)| *index == 0 && g.address.is_none() && behind(g));
            if told_here {
                self.announced.insert(cluster.to_owned(), address.clone());
            }
            let known =
                told_here || gateway.is_some_and(|(_, _, gateway)| gateway.address.as_ref() == Some(address));
            if !known {
                item.insert("address".into(), address.as_str().into());
                plain = false;
            }
            let own_port =
                gateway.and_then(|(_, _, g)| g.item.get("port").and_then(Json::as_u64)).unwrap_or(15443);
            // Nobody answers at a port that the Service does not have.
            let unserved = known && gateway.is_some_and(|(_, _, gateway)| gateway.lacks(*port));
            if unserved {
                self.unserved.insert((cluster.to_owned(), own_port, *port));
            } else if own_port != *port {
                item.insert("port".into(), (*port).into());
                plain = false;
            }
            let other_ways = self.other_ways(mesh, cluster, at, &told);
            if !other_ways.is_empty() {
                item.insert("addressFrom".into(), other_ways.into());
                plain = false;
            }
            items.push(Json::Object(item));
        }
        // Every cluster with a gateway is an entry, and so is one without: it would get a gateway.
        if plain && left.is_empty() && have.len() == members.len() { Vec::new() } else { items }
    }

    /// Addresses at which some clusters reach the entry instead.
    fn other_ways(
        &mut self,
        mesh: &Mesh<'_, '_>,
        cluster: &str,
        at: usize,
        told: &[Entry],
    ) -> Map<String, Json> {
        let mut ways = Map::new();
        let usual = told.get(at).map(|(address, _)| address);
        for (observer, list) in &self.entries {
            let Some((address, _)) = list.get(at).filter(|_| list.len() == told.len()) else { continue };
            if Some(address) != usual && observer != cluster {
                ways.insert(observer.clone(), address.as_str().into());
                self.addressed
                    .entry(cluster.to_owned())
                    .or_default()
                    .insert(observer.clone(), address.clone());
            }
        }
        // A remote dials the first gateway of its primary, and nothing but that address says how it sees it.
        let own = mesh.members.iter().find(|member| member.name == cluster).filter(|_| at == 0);
        let Some(own) = own else { return ways };
        let only = !own.remote && mesh.members.iter().filter(|member| !member.remote).count() == 1;
        for remote in mesh.members.iter().filter(|member| member.remote) {
            let leads = remote
                .leading
                .as_deref()
                .is_some_and(|leading| leading.split(',').any(|id| id.trim() == own.cluster_id()));
            let serves = leads || only;
            let Some(address) = remote.control_plane.as_ref().filter(|_| serves && remote.name != cluster)
            else {
                continue;
            };
            if Some(address) != usual && address.parse::<Address>().is_ok() {
                ways.insert(remote.name.clone(), address.as_str().into());
                self.addressed
                    .entry(cluster.to_owned())
                    .or_default()
                    .insert(remote.name.clone(), address.clone());
            }
        }
        ways
    }
}

/// What occurs most often; the smallest of several.
fn most<'v, T: Ord + 'v>(values: impl Iterator<Item = &'v T>) -> Option<&'v T> {
    let mut counts: BTreeMap<&T, usize> = BTreeMap::new();
    for value in values {
        *counts.entry(value).or_default() += 1;
    }
    let highest = counts.values().max().copied()?;
    counts.into_iter().find(|(_, count)| *count == highest).map(|(value, _)| value)
}

/// What the mesh says for all: keys that every cluster has, with the value that most have.
fn shared(all: &[&Map<String, Json>]) -> Map<String, Json> {
    let mut shared = Map::new();
    let Some(first) = all.first() else { return shared };
    for key in first.keys() {
        let values: Vec<&Json> = all.iter().filter_map(|one| one.get(key)).collect();
        if values.len() < all.len() {
            continue;
        }
        let equal = values.windows(2).all(|pair| matches!(pair, [a, b] if a == b));
        // Free values are laid over each other key by key: only what all have can be said once.
        let free = matches!(key.as_str(), "values" | "meshConfig");
        let texts: Vec<String> = values.iter().map(|value| value.to_string()).collect();
        let common =
            most(texts.iter()).and_then(|text| values.iter().find(|value| value.to_string() == *text));
        if let Some(value) = common.filter(|_| equal || !free) {
            shared.insert(key.clone(), (*value).clone());
        }
    }
    shared
}

/// What a cluster says that the mesh does not.
fn own_keys(own: &Map<String, Json>, shared: Option<&Json>) -> Map<String, Json> {
    own.iter()
        .filter(|(key, value)| shared.and_then(|shared| shared.get(key)) != Some(value))
        .map(|(k, v)| (k.clone(), v.clone()))
        .collect()
}

fn kind_and_fields(delivery: &Json) -> Option<(&String, &Map<String, Json>)> {
    let (kind, fields) = delivery.as_object()?.iter().next()?;
    Some((kind, fields.as_object()?))
}

/// The agent of most clusters, with the fields that all of them agree on; nothing when that is nobody.
fn shared_delivery(members: &[&Member<'_>]) -> Option<Json> {
    let all: Vec<(&String, &Map<String, Json>)> =
        members.iter().filter_map(|member| kind_and_fields(&member.delivery)).collect();
    let kind = most(all.iter().map(|(kind, _)| *kind))?;
    let fields: Vec<&Map<String, Json>> =
        all.iter().filter(|(k, _)| *k == kind).map(|(_, fields)| *fields).collect();
    let first = fields.first()?;
    let common: Map<String, Json> = first
        .iter()
        .filter(|(key, value)| fields.iter().all(|other| other.get(*key) == Some(value)))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    // Where nothing is common, and each says something of its own, each has to name the agent anyway.
    let idle = common.is_empty()
        && fields.iter().all(|fields| !fields.is_empty())
        && members.iter().all(|member| member.hosted.is_none());
    (kind != "none" && !idle).then(|| json!({kind.as_str(): common}))
}

fn own_delivery(own: &Json, shared: Option<&Json>) -> Option<Json> {
    let (kind, fields) = kind_and_fields(own)?;
    match shared.and_then(kind_and_fields) {
        Some((same, common)) if same == kind => {
            let rest: Map<String, Json> = fields
                .iter()
                .filter(|(key, _)| !common.contains_key(*key))
                .map(|(k, v)| (k.clone(), v.clone()))
                .collect();
            (!rest.is_empty()).then(|| json!({kind.as_str(): rest}))
        }
        None if kind == "none" => None,
        _ => Some(own.clone()),
    }
}
