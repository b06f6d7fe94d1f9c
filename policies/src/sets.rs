//! Disjoint sets of indexes: what belongs together because of pairs that do.

use std::collections::BTreeMap;

/// Disjoint sets.
#[derive(Clone, Debug)]
pub struct Sets {
    /// A root is its own parent, and the least of its set.
    parents: Vec<usize>,
}

impl Sets {
    /// Every index by itself.
    #[must_use]
    pub fn new(count: usize) -> Sets {
        Sets { parents: (0..count).collect() }
    }

    fn root(&mut self, of: usize) -> usize {
        let mut at = of;
        while let Some(parent) = self.parents.get(at).copied().filter(|parent| *parent != at) {
            let above = self.parents.get(parent).copied().unwrap_or(parent);
            if let Some(slot) = self.parents.get_mut(at) {
                *slot = above;
            }
            at = above;
        }
        at
    }

    /// Makes the sets of two one.
    pub fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.root(a), self.root(b));
        if let Some(slot) = self.parents.get_mut(a.max(b)) {
            *slot = a.min(b);
        }
    }

    /// Makes the sets of all of these one.
    pub fn join_all(&mut self, all: &[usize]) {
        if let Some((first, rest)) = all.split_first() {
            rest.iter().for_each(|other| self.join(*first, *other));
        }
    }

    /// Every set by its least, in their order.
    #[must_use]
    pub fn all(mut self) -> BTreeMap<usize, Vec<usize>> {
        let mut sets: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for at in 0..self.parents.len() {
            sets.entry(self.root(at)).or_default().push(at);
        }
        sets
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_joined_is_one_set() {
        let mut sets = Sets::new(8);
        for (a, b) in [(5, 3), (1, 6), (3, 1), (2, 2)] {
            sets.join(a, b);
        }
        sets.join_all(&[7, 4]);
        sets.join_all(&[]);
        let all: Vec<_> = sets.all().into_iter().collect();
        assert_eq!(all, [(0, vec![0]), (1, vec![1, 3, 5, 6]), (2, vec![2]), (4, vec![4, 7])]);
    }
}
