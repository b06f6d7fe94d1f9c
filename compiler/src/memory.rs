//! What was rendered before, for whoever renders again.
//!
//! An output is kept with the whole input that it was made from, and taken again where the input is the same: so it is
//! what rendering would give.

use std::any::Any;
use std::collections::BTreeMap;
use std::sync::Arc;

use meshwright_policies::mesh::{Cluster, Fleet};
use meshwright_policies::names::ClusterName;

use crate::artefact::Output;
use crate::threads;

/// Fewer clusters are compared by one thread.
const CLUSTERS_FOR_THREADS: usize = 64;

/// The outputs of the last rendering, and those of the one that is going on.
///
/// Everything has the name of what made it, and of the cluster or mesh that it was made for.
#[derive(Debug, Default)]
pub struct Memory {
    keeps: bool,
    last: Kept,
    now: Kept,
}

type Key = (&'static str, String);

#[derive(Debug, Default)]
struct Kept {
    clusters: BTreeMap<ClusterName, Arc<Cluster>>,
    values: BTreeMap<Key, Arc<dyn Any + Send + Sync>>,
    outputs: BTreeMap<Key, (Box<dyn Any + Send + Sync>, Output)>,
}

impl Memory {
    /// One that keeps nothing, for a single rendering.
    #[must_use]
    pub fn none() -> Memory {
        Memory::default()
    }

    /// One that keeps what it is told.
    #[must_use]
    pub fn keeping() -> Memory {
        Memory { keeps: true, ..Memory::default() }
    }

    /// Begins to render a fleet: what was not kept in the last rendering is forgotten.
    pub fn begin(&mut self, fleet: &Fleet) {
        self.last = std::mem::take(&mut self.now);
        if !self.keeps {
            return;
        }
        let clusters: Vec<&Cluster> = fleet.clusters().map(|(_, cluster)| cluster).collect();
        let last = &self.last.clusters;
        let parts = threads::in_parts(&clusters, CLUSTERS_FOR_THREADS, |part| {
            let one = |cluster: &&Cluster| {
                let known = last.get(&cluster.name).filter(|known| ***known == **cluster);
                known.map_or_else(|| Arc::new(Cluster::clone(cluster)), Arc::clone)
            };
            part.iter().map(one).collect::<Vec<_>>()
        });
        let clusters = parts.into_iter().flatten().map(|cluster| (cluster.name.clone(), cluster));
        self.now.clusters = clusters.collect();
    }

    /// A cluster of the fleet that is rendered; the same one as the last time where it is equal, so that it is compared once.
    /// `None` for who keeps nothing.
    #[must_use]
    pub fn cluster(&self, name: &ClusterName) -> Option<&Arc<Cluster>> {
        self.now.clusters.get(name)
    }

    /// A value that inputs share: the same one as the last time where it is equal, so that it is compared once.
    pub fn shared<Value>(&mut self, maker: &'static str, of: &str, value: Value) -> Arc<Value>
    where
        Value: PartialEq + Any + Send + Sync,
    {
        let key = (maker, of.to_owned());
        let known = self.last.values.remove(&key).and_then(|known| known.downcast::<Value>().ok());
        let value = known.filter(|known| **known == value).unwrap_or_else(|| Arc::new(value));
        if self.keeps {
            self.now.values.insert(key, Arc::clone(&value) as Arc<dyn Any + Send + Sync>);
        }
        value
    }

    /// What was rendered the last time, with its input.
    pub fn last<Input: Any>(&self, maker: &'static str, of: &str) -> Option<(&Input, &Output)> {
        // Who keeps nothing need not build a key.
        if self.last.outputs.is_empty() {
            return None;
        }
        let (input, output) = self.last.outputs.get(&(maker, of.to_owned()))?;
        Some((input.downcast_ref()?, output))
    }

    /// Keeps what was rendered, with all that it was made from.
    pub fn keep<Input: Any + Send + Sync>(
        &mut self,
        maker: &'static str,
        of: &str,
        input: Input,
        output: &Output,
    ) {
        if self.keeps {
            self.now.outputs.insert((maker, of.to_owned()), (Box::new(input), output.clone()));
        }
    }

    /// Keeps for another time what was kept the last time.
    pub fn keep_on(&mut self, maker: &'static str, of: &str) {
        let key = (maker, of.to_owned());
        if let Some(kept) = self.last.outputs.remove(&key) {
            self.now.outputs.insert(key, kept);
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::artefact::{Root, Wave};
    use crate::object::Object;

    fn output(name: &str) -> Output {
        let mut out = Output::default();
        out.object(Root::Crds, Wave::Platform, Object::new("v1", "ConfigMap", name));
        out
    }

    fn last<Input: Any + Copy>(memory: &Memory, maker: &'static str, of: &str) -> Option<(Input, String)> {
        let (input, output) = memory.last::<Input>(maker, of)?;
        Some((*input, output.objects()[&Root::Crds][0].object.name().to_owned()))
    }

    #[test]
    fn outputs_are_kept_for_one_more_rendering() {
        let (mut memory, fleet) = (Memory::keeping(), Fleet::default());
        memory.begin(&fleet);
        memory.keep("a", "c1", 1_u32, &output("one"));
        assert_eq!(last::<u32>(&memory, "a", "c1"), None, "of the rendering that goes on");
        memory.begin(&fleet);
        assert_eq!(last::<u32>(&memory, "a", "c1"), Some((1, "one".to_owned())));
        assert_eq!(last::<u64>(&memory, "a", "c1"), None, "another type of input");
        assert_eq!(last::<u32>(&memory, "b", "c1"), None, "another maker");
        assert_eq!(last::<u32>(&memory, "a", "c2"), None, "another cluster");
        memory.keep_on("a", "c1");
        memory.begin(&fleet);
        assert_eq!(last::<u32>(&memory, "a", "c1"), Some((1, "one".to_owned())));
        memory.begin(&fleet);
        assert_eq!(last::<u32>(&memory, "a", "c1"), None, "forgotten");
    }

    #[test]
    fn equal_values_are_one() {
        let fleet = Fleet::default();
        let mut memory = Memory::keeping();
        let first = memory.shared("outline", "shop", vec![1]);
        memory.begin(&fleet);
        let again = memory.shared("outline", "shop", vec![1]);
        assert!(Arc::ptr_eq(&first, &again));
        memory.begin(&fleet);
        assert!(!Arc::ptr_eq(&first, &memory.shared("outline", "shop", vec![2])));

        let mut none = Memory::none();
        let first = none.shared("outline", "shop", 1);
        none.begin(&fleet);
        assert!(!Arc::ptr_eq(&first, &none.shared("outline", "shop", 1)));
    }
}
