//! Reviews, judged by the declarations in force now. The decision itself is [`meshwright_policies::admission`].

use std::time::SystemTime;

use meshwright_policies::admission::{self, Basis, Verdict, WithoutDeclaration};
use meshwright_policies::intent::Date;

use crate::metrics::{ReviewLabels, unix_seconds};
use crate::store::Snapshot;

/// Answers the body of a request.
#[must_use]
pub fn review(body: &[u8], snapshot: &Snapshot, without: WithoutDeclaration) -> Verdict {
    admission::review(body, &basis(snapshot, without, SystemTime::now()))
}

/// What requests are judged by at a moment.
#[must_use]
pub fn basis(snapshot: &Snapshot, without: WithoutDeclaration, now: SystemTime) -> Basis<'_> {
    Basis {
        declarations: snapshot.declared.iter().map(|declared| &declared.declaration).collect(),
        unreadable: !snapshot.refused.is_empty(),
        without,
        today: Date::of_unix(u64::try_from(unix_seconds(now)).unwrap_or(0)),
    }
}

/// A verdict as it is counted.
#[must_use]
pub fn labels(verdict: &Verdict) -> ReviewLabels {
    let dry_run = if verdict.dry_run { "true" } else { "false" };
    let Verdict { decision, reason, resource, .. } = *verdict;
    ReviewLabels { decision, reason, resource, dry_run }
}

#[cfg(test)]
mod tests;
