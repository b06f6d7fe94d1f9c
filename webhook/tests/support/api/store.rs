//! The objects, every change of them, and what a request would make of one.

use std::collections::BTreeMap;

use k8s_openapi::jiff::Timestamp;
use serde_json::{Value, json};

use super::failure::Failure;
use super::resources::{Resource, built_in};

/// Group, plural, namespace, name.
pub(crate) type Key = (String, String, String, String);

/// A change that watches tell.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    pub(crate) revision: u64,
    pub(crate) key: Key,
    pub(crate) before: Option<Value>,
    pub(crate) after: Option<Value>,
}

#[derive(Debug)]
pub(crate) struct Data {
    pub(crate) revision: u64,
    pub(crate) objects: BTreeMap<Key, Value>,
    pub(crate) log: Vec<Change>,
    /// Changes up to this one are forgotten.
    pub(crate) compacted: u64,
    pub(crate) resources: Vec<Resource>,
    /// What each field manager applied last.
    applied: BTreeMap<(Key, String), Value>,
    made: u64,
}

impl Data {
    pub(crate) fn new() -> Data {
        let mut data = Data {
            revision: 1,
            objects: BTreeMap::new(),
            log: Vec::new(),
            compacted: 0,
            resources: built_in(),
            applied: BTreeMap::new(),
            made: 0,
        };
        for name in ["default", "kube-system"] {
            let key = (String::new(), "namespaces".to_owned(), String::new(), name.to_owned());
            let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
            let namespace = data.prepare(None, namespace, &key, false);
            data.commit(key, Some(namespace));
        }
        data
    }

    pub(crate) fn resource(&self, group: &str, version: &str, plural: &str) -> Option<Resource> {
        let found = self.resources.iter().find(|resource| {
            resource.group == group
                && resource.plural == plural
                && resource.versions.iter().any(|known| known == version)
        });
        found.cloned()
    }

    fn next(&mut self) -> u64 {
        self.made += 1;
        self.made
    }

    /// A name for `generateName`.
    pub(crate) fn name_after(&mut self, prefix: &str) -> String {
        format!("{prefix}{:05}", self.next())
    }

    /// What the server makes of an object before it is stored.
    pub(crate) fn prepare(
        &mut self,
        before: Option<&Value>,
        mut after: Value,
        key: &Key,
        status: bool,
    ) -> Value {
        let spec = |object: &Value| {
            let mut object = object.clone();
            if let Some(map) = object.as_object_mut() {
                for part in ["metadata", "status", "apiVersion"] {
                    map.shift_remove(part);
                }
            }
            object
        };
        if let Some(before) = before {
            if status {
                // Only the status and, as an API server lets it, the labels and annotations change.
                let mut kept = before.clone();
                kept["status"] = after["status"].clone();
                after = kept;
            } else if before.get("status").is_some() && self.has_status(key) {
                after["status"] = before["status"].clone();
            }
            for field in ["uid", "creationTimestamp", "generation"] {
                after["metadata"][field] = before["metadata"][field].clone();
            }
            if spec(before) != spec(&after) {
                let generation = before["metadata"]["generation"].as_i64().unwrap_or(1);
                after["metadata"]["generation"] = (generation + 1).into();
            }
        } else {
            if self.has_status(key)
                && let Some(map) = after.as_object_mut()
            {
                map.shift_remove("status");
            }
            let uid = format!("00000000-0000-4000-8000-{:012}", self.next());
            after["metadata"]["uid"] = uid.into();
            let now = Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
            after["metadata"]["creationTimestamp"] = now.into();
            after["metadata"]["generation"] = 1.into();
        }
        after["metadata"]["name"] = key.3.clone().into();
        if !key.2.is_empty() {
            after["metadata"]["namespace"] = key.2.clone().into();
        }
        if key.1 == "namespaces" && key.0.is_empty() {
            after["metadata"]["labels"]["kubernetes.io/metadata.name"] = key.3.clone().into();
            after["status"] = json!({"phase": "Active"});
        }
        if after["status"].is_null()
            && let Some(map) = after.as_object_mut()
        {
            map.shift_remove("status");
        }
        after
    }

    fn has_status(&self, key: &Key) -> bool {
        self.resources.iter().any(|r| r.group == key.0 && r.plural == key.1 && r.status)
    }

    /// Stores an object, or deletes it.
    pub(crate) fn commit(&mut self, key: Key, after: Option<Value>) -> Option<Value> {
        let before = self.objects.get(&key).cloned();
        let same = |before: &Value| {
            after.as_ref().is_some_and(|after| {
                let mut after = after.clone();
                after["metadata"]["resourceVersion"] = before["metadata"]["resourceVersion"].clone();
                after == *before
            })
        };
        // An update that changes nothing is no change.
        if before.as_ref().is_some_and(same) {
            return before;
        }
        self.revision += 1;
        let revision = self.revision;
        let stamped = |mut object: Value| {
            object["metadata"]["resourceVersion"] = revision.to_string().into();
            object
        };
        let after = after.map(stamped);
        match &after {
            Some(object) => drop(self.objects.insert(key.clone(), object.clone())),
            None => {
                self.objects.remove(&key);
                self.applied.retain(|(of, _), _| *of != key);
            }
        }
        if key.1 == "customresourcedefinitions" {
            self.define(&key.3, after.as_ref());
        }
        if key.1 == "namespaces" && key.0.is_empty() && after.is_none() {
            let inside: Vec<Key> = self.objects.keys().filter(|object| object.2 == key.3).cloned().collect();
            for object in inside {
                self.commit(object, None);
            }
        }
        // Whoever hears of a deletion hears the revision at which it happened.
        let before = if after.is_none() { before.map(stamped) } else { before };
        self.log.push(Change { revision, key, before, after: after.clone() });
        after
    }

    fn define(&mut self, name: &str, definition: Option<&Value>) {
        self.resources.retain(|resource| format!("{}.{}", resource.plural, resource.group) != name);
        match definition.and_then(Resource::defined_by) {
            Some(resource) => self.resources.push(resource),
            None => {
                let gone: Vec<Key> = self
                    .objects
                    .keys()
                    .filter(|key| format!("{}.{}", key.1, key.0) == name)
                    .cloned()
                    .collect();
                for key in gone {
                    self.commit(key, None);
                }
            }
        }
    }

    /// What server-side apply makes of an object.
    pub(crate) fn apply(&self, before: Option<&Value>, intent: &Value, key: &Key, manager: &str) -> Value {
        let mut after = before.cloned().unwrap_or_else(|| json!({}));
        if let Some(last) = self.applied.get(&(key.clone(), manager.to_owned())) {
            super::patch::withdraw(&mut after, last, intent);
        }
        super::patch::merge(&mut after, intent);
        after
    }

    pub(crate) fn applied(&mut self, key: Key, manager: &str, intent: Value) {
        self.applied.insert((key, manager.to_owned()), intent);
    }

    /// The objects of a resource, in order.
    pub(crate) fn list(&self, group: &str, plural: &str, namespace: Option<&str>) -> Vec<&Value> {
        let wanted = |key: &Key| {
            key.0 == group && key.1 == plural && namespace.is_none_or(|namespace| key.2 == namespace)
        };
        self.objects.iter().filter(|(key, _)| wanted(key)).map(|(_, object)| object).collect()
    }

    /// A namespaced object needs its namespace.
    pub(crate) fn check_namespace(&self, namespace: &str) -> Result<(), Failure> {
        let key = (String::new(), "namespaces".to_owned(), String::new(), namespace.to_owned());
        let known = namespace.is_empty() || self.objects.contains_key(&key);
        if known { Ok(()) } else { Err(Failure::not_found(&format!("namespaces \"{namespace}\""))) }
    }
}
