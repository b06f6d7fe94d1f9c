//! Who is in which mesh: clusters that join each other, and what the meshes are called.

use std::collections::{BTreeMap, BTreeSet};

use meshwright_policies::names::MeshId;
use meshwright_policies::repository::{Cluster, Repository};
use meshwright_policies::sets::Sets;

use super::super::cluster::Member;
use super::super::hosted::Hosted;
use super::super::slug;
use super::Grouped;
use super::common::most;

/// Members that the repository makes one mesh of, by what they say.
pub(super) fn joined(members: &[Member<'_>], repository: &Repository) -> Vec<Vec<usize>> {
    let index: BTreeMap<*const Cluster, usize> =
        members.iter().enumerate().map(|(index, member)| (std::ptr::from_ref(member.input), index)).collect();
    let of = |cluster: &Cluster| index.get(&std::ptr::from_ref(cluster)).copied();
    repository.meshes().into_iter().map(|mesh| mesh.into_iter().filter_map(of).collect()).collect()
}

/// Tells meshes apart: clusters that join each other, and clusters in one place that give one mesh ID.
pub(super) fn meshes(
    members: &[Member<'_>],
    joined: &[Vec<usize>],
    hosted: &[Hosted<'_>],
) -> Vec<Vec<usize>> {
    let mut sets = Sets::new(members.len());
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
    let mut by_set = sets.all();
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
pub(super) fn without_variants(
    own: Vec<usize>,
    members: &[Member<'_>],
    joined: &[Vec<usize>],
) -> Vec<Vec<usize>> {
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
pub(super) fn distinct(own: &[usize], members: &mut [Member<'_>]) {
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

pub(super) fn group(
    mut own: Vec<usize>,
    members: &[Member<'_>],
    hosted: &[Hosted<'_>],
    several: bool,
) -> Grouped {
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
pub(super) fn mesh_id(own: &[usize], members: &[Member<'_>]) -> Option<String> {
    let ids = own.iter().filter_map(|i| members.get(*i)?.mesh_id.value.as_ref());
    let valid = |id: &&String| MeshId::new(id.as_str()).is_ok();
    most(ids.filter(valid)).cloned()
}
