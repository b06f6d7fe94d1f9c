//! Clusters to meshes: who is in which mesh, who runs istiod for whom, how networks are entered, and what all clusters
//! share.

mod common;
mod group;
mod mesh;
mod network;

use std::collections::BTreeSet;

use group::{distinct, group, joined, mesh_id, meshes, without_variants};
use mesh::Mesh;
use meshwright_policies::repository::Repository;
pub(super) use network::network_of;

use super::cluster::Member;
use super::draft::Draft;
use super::hosted::Hosted;
use super::slug;

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
