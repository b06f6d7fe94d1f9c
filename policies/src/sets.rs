//! Disjoint sets of indexes.

use std::collections::BTreeMap;

/// The parent of each; a root is its own, and the least of its set.
pub(super) struct Sets(Vec<usize>);

impl Sets {
    /// Every index by itself.
    pub(super) fn new(count: usize) -> Sets {
        Sets((0..count).collect())
    }

    fn root(&mut self, of: usize) -> usize {
        let mut at = of;
        while let Some(parent) = self.0.get(at).copied().filter(|parent| *parent != at) {
            let above = self.0.get(parent).copied().unwrap_or(parent);
            if let Some(slot) = self.0.get_mut(at) {
                *slot = above;
            }
            at = above;
        }
        at
    }

    pub(super) fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.root(a), self.root(b));
        if let Some(slot) = self.0.get_mut(a.max(b)) {
            *slot = a.min(b);
        }
    }

    /// The sets of at least two, in the order of their least.
    pub(super) fn several(mut self) -> Vec<Vec<usize>> {
        let mut sets: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for at in 0..self.0.len() {
            sets.entry(self.root(at)).or_default().push(at);
        }
        sets.into_values().filter(|set| set.len() > 1).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_joined_is_one_set() {
        let mut sets = Sets::new(7);
        for (a, b) in [(5, 3), (1, 6), (3, 1), (2, 2)] {
            sets.join(a, b);
        }
        assert_eq!(sets.several(), [[1, 3, 5, 6]]);
        let mut apart = Sets::new(4);
        apart.join(3, 1);
        apart.join(2, 0);
        assert_eq!(apart.several(), [[0, 2], [1, 3]]);
    }
}
