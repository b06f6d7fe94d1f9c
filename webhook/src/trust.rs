//! Which authorities API servers are to trust, and which they have been seen to.
//!
//! The keeper of certificates says what is to be published; the controller of the configuration publishes it, and says
//! what it saw. Nothing is served before its authority has been published for a while.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use arc_swap::ArcSwap;
use tokio::sync::Notify;

use crate::authority::{Authority, Published};

/// SHA-256 of a certificate.
type Digest = [u8; 32];

/// Authorities that are kept published besides those that are there now.
const EARLIER: usize = 8;

/// Shared by who keeps certificates and who publishes their authorities.
#[derive(Debug, Default)]
pub struct Trust {
    wanted: ArcSwap<Vec<Authority>>,
    changed: Notify,
    /// When each authority was first seen in every webhook of the configuration; nothing while nobody looks.
    seen: Mutex<Option<BTreeMap<Digest, Instant>>>,
}

impl Trust {
    /// Wants exactly these authorities published.
    pub fn want(&self, authorities: Vec<Authority>) {
        if **self.wanted.load() != authorities {
            self.wanted.store(Arc::new(authorities));
            self.changed.notify_one();
        }
    }

    /// Wants these authorities published, and earlier ones for as long as they are valid: a certificate that they
    /// signed may still be served somewhere.
    pub fn want_also(&self, mut authorities: Vec<Authority>, now: SystemTime) {
        let new: BTreeSet<Digest> = authorities.iter().map(|authority| authority.digest).collect();
        let earlier = self.wanted();
        let earlier = earlier.iter().filter(|known| !new.contains(&known.digest) && !known.expired(now));
        authorities.extend(earlier.take(EARLIER).cloned());
        self.want(authorities);
    }

    /// What is to be published.
    #[must_use]
    pub fn wanted(&self) -> Arc<Vec<Authority>> {
        self.wanted.load_full()
    }

    /// What is to be published, PEM.
    #[must_use]
    pub fn bundle(&self) -> Vec<u8> {
        self.wanted.load().iter().flat_map(|authority| authority.pem.bytes()).collect()
    }

    /// Ends when something else is to be published.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }

    /// These are published now.
    pub fn saw(&self, published: &BTreeSet<Digest>) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = seen.get_or_insert_with(BTreeMap::new);
        seen.retain(|digest, _| published.contains(digest));
        for digest in published {
            seen.entry(*digest).or_insert_with(Instant::now);
        }
    }

    /// Whether an authority is published, and since when.
    #[must_use]
    pub fn published(&self, digest: &Digest) -> Published {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        match seen.as_ref().map(|seen| seen.get(digest)) {
            None => Published::Unknown,
            Some(None) => Published::No,
            Some(Some(since)) => Published::For(since.elapsed()),
        }
    }

    /// Whether all of these have been published for that long, as far as anybody here can see.
    #[must_use]
    pub fn settled(&self, authorities: &[Authority], settle: Duration) -> bool {
        authorities.iter().all(|authority| match self.published(&authority.digest) {
            Published::No => false,
            Published::For(time) => time >= settle,
            Published::Unknown => true,
        })
    }
}
