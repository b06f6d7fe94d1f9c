//! What most say, and what all share.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json, json};

use super::super::cluster::Member;

/// What occurs most often; the smallest of several.
pub(super) fn most<'v, T: Ord + 'v>(values: impl Iterator<Item = &'v T>) -> Option<&'v T> {
    let mut counts: BTreeMap<&T, usize> = BTreeMap::new();
    for value in values {
        *counts.entry(value).or_default() += 1;
    }
    let highest = counts.values().max().copied()?;
    counts.into_iter().find(|(_, count)| *count == highest).map(|(value, _)| value)
}

/// What the mesh says for all: keys that every cluster has, with the value that most have.
pub(super) fn shared(all: &[&Map<String, Json>]) -> Map<String, Json> {
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
pub(super) fn own_keys(own: &Map<String, Json>, shared: Option<&Json>) -> Map<String, Json> {
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
pub(super) fn shared_delivery(members: &[&Member<'_>]) -> Option<Json> {
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

pub(super) fn own_delivery(own: &Json, shared: Option<&Json>) -> Option<Json> {
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
