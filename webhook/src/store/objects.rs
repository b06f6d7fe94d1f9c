//! The MeshDeclarations of an API server, and what is known of each.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::SystemTime;

use kube::api::DynamicObject;
use meshwright_policies::declaration::{DeclarationStatus, MeshDeclaration};
use meshwright_policies::intent::API_VERSION;
use serde_json::{Value, json};

use super::{Declared, ReadError};

/// An object as it was seen.
#[derive(Debug)]
pub struct Seen {
    /// Its name, which is the mesh's.
    pub name: String,
    /// Number of its specification.
    pub generation: Option<i64>,
    /// What is said of it.
    pub status: DeclarationStatus,
    /// What it declares, or why it cannot be read.
    pub read: Result<Box<MeshDeclaration>, String>,
}

impl Seen {
    /// Reads an object; nothing without a name.
    #[must_use]
    pub fn of(object: DynamicObject) -> Option<Seen> {
        let name = object.metadata.name?;
        let generation = object.metadata.generation;
        let mut data = object.data;
        // What another writer made of the status is no reason to miss the specification.
        let status =
            data.get_mut("status").map(Value::take).and_then(|status| serde_json::from_value(status).ok());
        let spec = data.get_mut("spec").map(Value::take).unwrap_or_default();
        let document = json!({
            "apiVersion": API_VERSION,
            "kind": "MeshDeclaration",
            "metadata": {"name": name, "generation": generation},
            "spec": spec,
        });
        let read = serde_json::from_value(document).map_err(|error| ReadError::Malformed(error).to_string());
        Some(Seen { name, generation, status: status.unwrap_or_default(), read: read.map(Box::new) })
    }
}

/// What is known of an object.
#[derive(Clone, Debug)]
pub struct Object {
    /// The latest generation that was seen.
    pub generation: Option<i64>,
    /// What is said of it.
    pub status: DeclarationStatus,
    /// What is in force: of the latest generation, unless that is refused.
    pub good: Option<Arc<Declared>>,
    /// Why the latest generation is refused.
    pub refused: Option<String>,
}

/// All of them.
#[derive(Clone, Debug, Default)]
pub(super) struct Objects {
    /// Whether all were listed, once.
    pub(super) synced: bool,
    pub(super) by_name: BTreeMap<String, Object>,
}

impl Objects {
    /// What is there now, and nothing else.
    pub(super) fn are(&mut self, seen: Vec<Seen>) -> bool {
        let mut changed = !self.synced;
        self.synced = true;
        let gone: Vec<String> =
            self.by_name.keys().filter(|name| seen.iter().all(|seen| seen.name != **name)).cloned().collect();
        for name in gone {
            changed |= self.is_gone(&name);
        }
        for seen in seen {
            changed |= self.is(seen);
        }
        changed
    }

    /// Takes an object as it is now; whether something else is in force or refused.
    pub(super) fn is(&mut self, seen: Seen) -> bool {
        let Seen { name, generation, status, read } = seen;
        let known = self.by_name.get(&name);
        let (good, refused) = match read {
            Ok(declaration) => match known.and_then(|known| known.good.as_ref()) {
                Some(good) if good.declaration == *declaration => (Some(Arc::clone(good)), None),
                _ => {
                    let cluster = declaration.spec.cluster.name.as_str();
                    tracing::info!(mesh = name, cluster, generation, "declaration is in force");
                    let since = SystemTime::now();
                    (Some(Arc::new(Declared { declaration: *declaration, since })), None)
                }
            },
            Err(error) => (known.and_then(|known| known.good.clone()), Some(error)),
        };
        let same = |known: &Object| {
            let same_good = match (&known.good, &good) {
                (Some(known), Some(good)) => Arc::ptr_eq(known, good),
                (known, good) => known.is_none() && good.is_none(),
            };
            same_good && known.refused == refused
        };
        let changed = !known.is_some_and(same);
        if changed && let Some(error) = &refused {
            let kept = good.is_some();
            tracing::error!(mesh = name, generation, kept, "declaration {error}");
        }
        self.by_name.insert(name, Object { generation, status, good, refused });
        changed
    }

    /// How many are refused.
    pub(super) fn refused(&self) -> usize {
        self.by_name.values().filter(|object| object.refused.is_some()).count()
    }

    /// Withdraws an object; whether it was there.
    pub(super) fn is_gone(&mut self, name: &str) -> bool {
        let known = self.by_name.remove(name).is_some();
        if known {
            tracing::info!(mesh = name, "declaration is gone");
        }
        known
    }
}
