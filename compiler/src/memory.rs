//! What was rendered before, for whoever renders again.
//!
//! An output is kept with the whole input that it was made from, and taken again where the input is the same: so it is
//! what rendering would give.

use std::any::Any;
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::artefact::Output;

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

    /// Begins a rendering: what was not kept in the last one is forgotten.
    pub fn begin(&mut self) {
        self.last = std::mem::take(&mut self.now);
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

    /// What was rendered the last time, if from an input that is the same.
    pub fn output<Input: Any>(
        &self,
        maker: &'static str,
        of: &str,
        is_same: impl FnOnce(&Input) -> bool,
    ) -> Option<&Output> {
        // Who keeps nothing need not build a key.
        if self.last.outputs.is_empty() {
            return None;
        }
        let (input, output) = self.last.outputs.get(&(maker, of.to_owned()))?;
        input.downcast_ref().is_some_and(is_same).then_some(output)
    }

    /// Keeps what was rendered, with all that it was made from.
    pub fn keep<Input: Any + Send + Sync>(
        &mut self,
        maker: &'static str,
        of: &str,
        input: impl FnOnce() -> Input,
        output: &Output,
    ) {
        if self.keeps {
            self.now.outputs.insert((maker, of.to_owned()), (Box::new(input()), output.clone()));
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

    fn name(output: &Output) -> &str {
        output.objects()[&Root::Crds][0].object.name()
    }

    #[test]
    fn only_an_output_of_an_equal_input_is_taken_again() {
        let mut memory = Memory::keeping();
        memory.begin();
        memory.keep("a", "c1", || 1_u32, &output("one"));
        assert!(memory.output("a", "c1", |_: &u32| true).is_none(), "of the rendering that goes on");
        memory.begin();
        assert_eq!(memory.output("a", "c1", |input: &u32| *input == 1).map(name), Some("one"));
        assert!(memory.output("a", "c1", |input: &u32| *input == 2).is_none(), "another input");
        assert!(memory.output("a", "c1", |_: &u64| true).is_none(), "another type of input");
        assert!(memory.output("b", "c1", |_: &u32| true).is_none(), "another maker");
        assert!(memory.output("a", "c2", |_: &u32| true).is_none(), "another cluster");
        memory.keep_on("a", "c1");
        memory.begin();
        assert_eq!(memory.output("a", "c1", |input: &u32| *input == 1).map(name), Some("one"));
        memory.begin();
        assert!(memory.output("a", "c1", |_: &u32| true).is_none(), "forgotten");
    }

    #[test]
    fn equal_values_are_one() {
        let mut memory = Memory::keeping();
        let first = memory.shared("outline", "shop", vec![1]);
        memory.begin();
        let again = memory.shared("outline", "shop", vec![1]);
        assert!(Arc::ptr_eq(&first, &again));
        memory.begin();
        assert!(!Arc::ptr_eq(&first, &memory.shared("outline", "shop", vec![2])));

        let mut none = Memory::none();
        let first = none.shared("outline", "shop", 1);
        none.begin();
        assert!(!Arc::ptr_eq(&first, &none.shared("outline", "shop", 1)));
    }
}
