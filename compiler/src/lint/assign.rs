//! Which cluster holds what. Files come in groups; agents deliver some of them to other clusters than their directories
//! say; and what a cluster holds in the end becomes its manifests.

mod gathered;
mod group;
mod held;
mod item;
mod kept;
mod listing;
mod notes;
mod plan;
#[cfg(test)]
mod testing;

use std::collections::{BTreeMap, BTreeSet};

use meshwright_policies::repository::{Cluster, Repository};

use self::gathered::Gathered;
use self::held::{Finished, Placed};
use self::listing::Listing;
use self::plan::Plan;
use super::delivery;
use super::home::{ClusterGlob, Home, Known, Naming};
use super::kustomize::Builder;
use super::read::Files;
use crate::threads;

/// Fewer clusters than this are put together by one thread.
const LEAST: usize = 16;

/// What is known of all files while groups find their clusters.
#[derive(Clone, Copy)]
struct Surroundings<'a, 'p> {
    files: &'a Files<'a>,
    listing: &'p Listing<'a>,
    known: &'p Known,
}

/// `everything`: objects that assert nothing are kept too.
pub(super) fn assign(
    files: &Files<'_>,
    globs: &[ClusterGlob],
    everything: bool,
    notes: &mut Vec<String>,
) -> Repository {
    let naming = Naming::of(globs, files);
    let builder = Builder::new(files);
    let listing = Listing::of(files);
    let groups = group::groups(files, &builder, &listing, &naming);
    let mut known = Known::of(groups.iter().map(|group| &group.home));
    known.servers = delivery::argo_clusters(files);
    let around = Surroundings { files, listing: &listing, known: &known };
    let mut plan = Plan::new(around, &builder, groups);
    plan.deliver(&naming);
    let held = plan.by_home();
    let finished = threads::in_parts(&held, LEAST, |held| {
        held.iter().map(|held| held.finish(around)).collect::<Vec<_>>()
    });
    let (clusters, unread) = gather(finished.into_iter().flatten().collect(), everything);
    notes::outside(files, notes);
    notes::unfollowed(files, &builder, notes);
    notes::unread(&unread, notes);
    notes::unresolved(&clusters, notes);
    notes::mixed(&clusters, notes);
    Repository::new(clusters)
}

/// The clusters, and the files with values that were not read. Values that a release takes, whichever cluster it is in, are in
/// the release, and not there a second time.
fn gather(finished: Vec<Finished>, everything: bool) -> (Vec<Cluster>, BTreeSet<String>) {
    let mut clusters: BTreeMap<Home, Gathered> = BTreeMap::new();
    let used: BTreeSet<String> = finished.iter().flat_map(|one| one.used.iter().cloned()).collect();
    let mut unread = BTreeSet::new();
    for one in finished {
        unread.extend(one.unread);
        let held = one.manifests.len();
        let rest: Vec<(Home, Placed)> = one
            .manifests
            .into_iter()
            .filter(|(_, placed)| !(placed.is_file && used.contains(&placed.path)))
            .collect();
        // A cluster of nothing but such files is none.
        let is_gone = held > 0 && rest.is_empty() && one.complete && !one.home.said;
        for (home, placed) in rest {
            if everything || kept::is_compared(&placed.manifest) {
                clusters.entry(home).or_default().manifests.push(placed);
            }
        }
        if !is_gone {
            clusters.entry(one.home).or_default().incomplete |= !one.complete;
        }
    }
    let clusters = clusters.into_iter().filter_map(|(home, gathered)| gathered.cluster(home)).collect();
    (clusters, unread)
}
