//! Life in a cluster: declarations from the API server, what is said of them there, Events, the audit of what is there
//! already, and what is kept there while serving. Nothing of this is on the path of a decision.

mod audit;
mod connect;
mod declarations;
mod events;
mod keep;
mod needs;
mod objects;
mod status;

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use crate::metrics::Metrics;
use crate::store::Store;

pub use audit::{Audit, Report};
pub use connect::{Cluster, ConnectError};
pub use events::{Events, Notice, Witness};
pub use keep::{Kept, keep};
pub use needs::{Needs, PolicyRule, needs};
pub use status::withdraw as withdraw_statuses;

/// What is done, and how often.
#[derive(Clone, Copy, Debug)]
pub struct Rhythm {
    /// Between two audits; none when they are zero apart.
    pub audit: Duration,
    /// After which all declarations are listed again, even when the watch missed nothing.
    pub resync: Duration,
}

/// The work that goes on beside serving; it ends when this is dropped.
#[derive(Debug)]
pub struct Duties(#[expect(dead_code, reason = "dropping it ends the tasks")] JoinSet<()>);

impl Duties {
    /// Starts them. Has to be called within a Tokio runtime.
    #[must_use]
    pub fn start(
        cluster: &Cluster,
        store: &Arc<Store>,
        events: &Events,
        metrics: &Arc<Metrics>,
        rhythm: Rhythm,
    ) -> Duties {
        let mut tasks = JoinSet::new();
        let audit = Audit::new(cluster.clone(), Arc::clone(store), Arc::clone(metrics));
        let reports = audit.reports();
        if store.watches_objects() {
            tasks.spawn(declarations::watch(
                cluster.client.clone(),
                Arc::clone(store),
                Arc::clone(metrics),
                rhythm.resync,
            ));
            let status = status::Status::new(cluster.clone(), Arc::clone(store), Arc::clone(metrics));
            tasks.spawn(status.keep(reports.clone()));
        }
        if !rhythm.audit.is_zero() {
            tasks.spawn(audit.keep(events.clone(), rhythm.audit));
        }
        Duties(tasks)
    }
}
