//! The shrinkage guard: an empty or much smaller result is more often an accident than a wish.

use std::collections::BTreeSet;
use std::fmt;

use super::error::list;
use super::manifest::Manifest;
use super::path::RelativePath;
use super::plan::Options;
use super::tree::Tree;

/// The fewest files that must disappear before their share is looked at.
const MIN_LOST_FILES: usize = 10;

/// The fewest clusters that must disappear before their share is looked at.
const MIN_LOST_CLUSTERS: usize = 2;

/// How a new tree is suspiciously smaller than the one it would replace.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Shrinkage {
    /// The new tree has no file at all.
    Empty,
    /// Too many cluster directories would disappear.
    Clusters {
        /// Their names.
        lost: Vec<String>,
        /// How many there were.
        of: usize,
    },
    /// Too many files would disappear.
    Files {
        /// Their paths.
        lost: Vec<RelativePath>,
        /// How many there were.
        of: usize,
    },
}

impl std::error::Error for Shrinkage {}

impl fmt::Display for Shrinkage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("nothing was rendered"),
            Self::Clusters { lost, of } => {
                write!(f, "{} of {of} clusters would disappear: {}", lost.len(), list(lost))
            }
            Self::Files { lost, of } => {
                write!(f, "{} of {of} files would disappear: {}", lost.len(), list(lost))
            }
        }
    }
}

/// Refuses a tree that is empty or that loses more than the options allow.
pub(crate) fn check(old: &Manifest, tree: &Tree, options: &Options) -> Result<(), Shrinkage> {
    if options.force {
        return Ok(());
    }
    if tree.is_empty() {
        return Err(Shrinkage::Empty);
    }
    let kept: BTreeSet<&str> = tree.iter().filter_map(|(path, _)| path.cluster()).collect();
    let had: BTreeSet<&str> = old.files().keys().filter_map(RelativePath::cluster).collect();
    let lost: Vec<String> = had.difference(&kept).map(|&cluster| cluster.to_owned()).collect();
    if lost.len() >= MIN_LOST_CLUSTERS && exceeds(lost.len(), had.len(), options.max_lost_clusters_percent) {
        return Err(Shrinkage::Clusters { lost, of: had.len() });
    }
    let of = old.files().len();
    let lost: Vec<RelativePath> =
        old.files().keys().filter(|path| tree.get(path.as_str()).is_none()).cloned().collect();
    if lost.len() >= MIN_LOST_FILES && exceeds(lost.len(), of, options.max_lost_files_percent) {
        return Err(Shrinkage::Files { lost, of });
    }
    Ok(())
}

fn exceeds(lost: usize, of: usize, percent: u8) -> bool {
    lost.saturating_mul(100) > of.saturating_mul(usize::from(percent))
}

#[cfg(test)]
mod tests {
    use super::super::manifest::Digest;
    use super::*;

    fn paths(clusters: std::ops::Range<usize>, files: usize) -> Vec<RelativePath> {
        clusters
            .flat_map(|c| {
                (0..files).map(move |f| RelativePath::new(format!("clusters/c{c}/mesh/{f}.yaml")).unwrap())
            })
            .collect()
    }

    fn outcome(old: Vec<RelativePath>, new: Vec<RelativePath>) -> String {
        let old = Manifest::of(old.into_iter().map(|path| (path, Digest::of(b""))).collect());
        let mut tree = Tree::new();
        new.into_iter().for_each(|path| tree.insert(path, Vec::new()).unwrap());
        let forced = check(&old, &tree, &Options { force: true, ..Options::default() });
        assert_eq!(forced, Ok(()), "force must always pass");
        check(&old, &tree, &Options::default())
            .map_or_else(|error| error.to_string(), |()| "accepted".to_owned())
    }

    #[test]
    fn refuses_an_empty_tree_even_the_first_time() {
        insta::assert_snapshot!(outcome(vec![], vec![]), @"nothing was rendered");
        insta::assert_snapshot!(outcome(paths(0..1, 1), vec![]), @"nothing was rendered");
    }

    #[test]
    fn one_cluster_may_always_go() {
        insta::assert_snapshot!(outcome(paths(0..2, 3), paths(0..1, 3)), @"accepted");
    }

    #[test]
    fn clusters_up_to_a_fifth_may_go() {
        insta::assert_snapshot!(outcome(paths(0..10, 2), paths(0..8, 2)), @"accepted");
        insta::assert_snapshot!(outcome(paths(0..10, 2), paths(0..7, 2)), @"3 of 10 clusters would disappear: `c7`, `c8`, `c9`");
    }

    #[test]
    fn files_up_to_three_tenths_may_go() {
        insta::assert_snapshot!(outcome(paths(0..1, 40), paths(0..1, 28)), @"accepted");
        insta::assert_snapshot!(outcome(paths(0..1, 40), paths(0..1, 27)), @"13 of 40 files would disappear: `clusters/c0/mesh/27.yaml`, `clusters/c0/mesh/28.yaml`, `clusters/c0/mesh/29.yaml`, `clusters/c0/mesh/30.yaml`, `clusters/c0/mesh/31.yaml` and 8 more");
        insta::assert_snapshot!(outcome(paths(0..1, 12), paths(0..1, 3)), @"accepted");
        insta::assert_snapshot!(outcome(paths(0..1, 12), paths(0..1, 2)), @"10 of 12 files would disappear: `clusters/c0/mesh/10.yaml`, `clusters/c0/mesh/11.yaml`, `clusters/c0/mesh/2.yaml`, `clusters/c0/mesh/3.yaml`, `clusters/c0/mesh/4.yaml` and 5 more");
    }
}
