//! Chart values that come in pieces: layers over each other, and single values by their path as with `helm --set`. One
//! tree is read, and every claim of it points at the piece that won.

use std::collections::BTreeMap;
use std::ops::Bound;

use serde_json::{Map, Value};

use crate::claim::{At, Claims};
use crate::node::{FieldPath, Step};

/// A list grows at most to here by an index in a path.
const LONGEST_LIST: usize = 256;
/// A path is at most so deep.
const DEEPEST: usize = 64;

/// Values of one release, later layers over earlier ones: maps are merged, everything else is replaced.
#[derive(Debug, Default)]
pub(super) struct Layers {
    values: Map<String, Value>,
    /// Path in the values -> field of the object that gives it.
    origins: BTreeMap<FieldPath, FieldPath>,
}

impl Layers {
    /// Lays values over what is there. `origin` is their field in the object.
    pub(super) fn lay(&mut self, values: &At<'_>) {
        if let Value::Object(values_map) = values.to_json() {
            let origin = values.path();
            for (key, value) in values_map {
                let path = FieldPath::root().key(&key);
                let from = origin.clone().key(&key);
                let under = self.values.entry(key).or_insert(Value::Null);
                merge(under, value, path, from, &mut self.origins);
            }
        }
    }

    /// Sets one value by its path, such as `global.meshNetworks.n1.gateways[0].address`, as `helm --set` reads it.
    pub(super) fn set(&mut self, key: &str, value: &At<'_>) {
        let Some(path) = helm_path(key) else { return };
        let Some((Step::Key(first), rest)) = path.0.split_first() else { return };
        let mut place = self.values.entry(first.clone()).or_insert(Value::Null);
        for step in rest {
            place = match step {
                Step::Key(key) => {
                    if !place.is_object() {
                        *place = Value::Object(Map::new());
                    }
                    let Value::Object(map) = place else { return };
                    map.entry(key.clone()).or_insert(Value::Null)
                }
                Step::Index(index) => {
                    if !place.is_array() {
                        *place = Value::Array(Vec::new());
                    }
                    let Value::Array(list) = place else { return };
                    if *index >= LONGEST_LIST {
                        return;
                    }
                    if list.len() <= *index {
                        list.resize(index.saturating_add(1), Value::Null);
                    }
                    let Some(item) = list.get_mut(*index) else { return };
                    item
                }
            };
        }
        *place = value.to_json();
        forget(&path, &mut self.origins);
        self.origins.insert(path, value.path());
    }

    /// Whether there are no values.
    pub(super) fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Reads the values as one tree. Paths of the claims are fields of the object.
    pub(super) fn read(&self, claims: &mut Claims, read: impl FnOnce(&At<'_>, &mut Claims)) {
        let mut own = Claims::default();
        read(&At::root(&self.values), &mut own);
        for mut claim in own.list {
            claim.path = self.origin(&claim.path);
            claims.list.push(claim);
        }
        if let Some(mut plane) = own.plane {
            plane.path = self.origin(&plane.path);
            claims.plane = Some(plane);
        }
    }

    /// The field that gives what is at a path: of the nearest that holds it, else of the first below it.
    fn origin(&self, path: &FieldPath) -> FieldPath {
        for end in (1..=path.0.len()).rev() {
            let (head, rest) = path.0.split_at(end);
            if let Some(origin) = self.origins.get(&FieldPath(head.to_vec())) {
                return FieldPath(rest.to_vec()).under(origin);
            }
        }
        let below = self.origins.range((Bound::Excluded(path.clone()), Bound::Unbounded));
        let mut below = below.take_while(|(known, _)| known.0.starts_with(&path.0));
        let Some((known, origin)) = below.next() else { return path.clone() };
        // A map of which one layer gives everything is the map in that layer.
        let deeper = known.0.get(path.0.len()..).unwrap_or_default();
        match origin.0.strip_suffix(deeper) {
            Some(map) => FieldPath(map.to_vec()),
            None => origin.clone(),
        }
    }
}

fn merge(
    under: &mut Value,
    over: Value,
    path: FieldPath,
    origin: FieldPath,
    origins: &mut BTreeMap<FieldPath, FieldPath>,
) {
    match (under, over) {
        (Value::Object(under), Value::Object(over)) => {
            for (key, value) in over {
                let (path, origin) = (path.clone().key(&key), origin.clone().key(&key));
                merge(under.entry(key).or_insert(Value::Null), value, path, origin, origins);
            }
        }
        (under, over) => {
            forget(&path, origins);
            remember(&over, path, origin, origins);
            *under = over;
        }
    }
}

/// Every leaf of a layer, so that one below it can be replaced later. A list is a leaf: it is replaced whole.
fn remember(value: &Value, path: FieldPath, origin: FieldPath, origins: &mut BTreeMap<FieldPath, FieldPath>) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            for (key, value) in map {
                remember(value, path.clone().key(key), origin.clone().key(key), origins);
            }
        }
        _ => {
            origins.insert(path, origin);
        }
    }
}

fn forget(path: &FieldPath, origins: &mut BTreeMap<FieldPath, FieldPath>) {
    origins.retain(|known, _| !known.0.starts_with(&path.0));
}

/// The path of `helm --set` (helm/helm: `pkg/strvals/parser.go`): keys joined by dots, `\.` for a dot in a key, `[n]` for an
/// index.
fn helm_path(text: &str) -> Option<FieldPath> {
    let mut steps = Vec::new();
    let mut key = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => key.extend(chars.next()),
            '.' => {
                if !key.is_empty() {
                    steps.push(Step::Key(std::mem::take(&mut key)));
                }
            }
            '[' => {
                if !key.is_empty() {
                    steps.push(Step::Key(std::mem::take(&mut key)));
                }
                let index: String = chars.by_ref().take_while(|c| *c != ']').collect();
                steps.push(Step::Index(index.parse().ok()?));
            }
            _ => key.push(c),
        }
    }
    if !key.is_empty() {
        steps.push(Step::Key(key));
    }
    (!steps.is_empty() && steps.len() <= DEEPEST).then_some(FieldPath(steps))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claim::Fact;
    use serde_json::json;

    #[test]
    fn the_last_layer_wins_and_is_pointed_at() {
        let object = json!({
            "low": {"global": {"network": "a", "meshID": "m"}, "list": [1, 2]},
            "high": {"global": {"network": "b"}, "list": [3]},
            "set": "c",
        });
        let Value::Object(object) = object else { unreachable!() };
        let root = At::root(&object);
        let mut layers = Layers::default();
        layers.lay(&root.get("low").unwrap());
        layers.lay(&root.get("high").unwrap());
        layers.set("global.multiCluster.clusterName", &root.get("set").unwrap());
        layers.set(r"labels.topology\.istio\.io/network", &root.get("set").unwrap());
        let mut claims = Claims::default();
        layers.read(&mut claims, |at, claims| {
            at.claim(&["global", "network"], Fact::Network, claims);
            at.claim(&["global", "meshID"], Fact::MeshId, claims);
            at.claim(&["global", "multiCluster", "clusterName"], Fact::ClusterId, claims);
            at.claim(&["labels", "topology.istio.io/network"], Fact::TrustDomain, claims);
            let list = at.get("list").unwrap();
            claims.add(Fact::PodRange, &list.items().next().unwrap(), "x");
        });
        let said: Vec<_> = claims.list.iter().map(|c| format!("{} {}", c.value, c.path)).collect();
        assert_eq!(
            said,
            ["b high.global.network", "m low.global.meshID", "c set", "c set", "x high.list[0]"]
        );
    }

    #[test]
    fn hostile_paths_set_nothing() {
        let object = json!({"v": 1});
        let Value::Object(object) = object else { unreachable!() };
        let root = At::root(&object);
        let value = root.get("v").unwrap();
        let mut layers = Layers::default();
        for key in
            ["", ".", "[0]", "a[x]", "a[99999999999999999999]", "a[", &"a.".repeat(100), "a[4000000000]"]
        {
            layers.set(key, &value);
        }
        let text = serde_json::to_string(&layers.values).unwrap();
        assert!(text.len() < 100, "{text}");
    }
}
