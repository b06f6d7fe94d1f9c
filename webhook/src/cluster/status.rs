//! What is said of a declaration in its status, by every replica alike.
//!
//! No replica leads. Each writes the same words for the same state, by server-side apply under one field manager; none
//! lowers the generation that another has in force already, and none replaces the figures of a newer audit. So a status
//! settles however many replicas write it.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use k8s_openapi::jiff::Timestamp;
use kube::api::{DynamicObject, ListParams, Patch, PatchParams};
use kube::{Api, Client};
use meshwright_policies::declaration::{DeclarationCondition, DeclarationStatus, KIND};
use meshwright_policies::intent::API_VERSION;
use serde_json::json;
use tokio::sync::watch;

use super::audit::Report;
use super::{Cluster, declarations, events};
use crate::log::causes;
use crate::metrics::{Metrics, ResultLabels};
use crate::store::{Object, Seen, Store};

/// Between two looks: at most one write a second and declaration.
const PAUSE: Duration = Duration::from_secs(1);
/// Until the next look when nothing is announced: a write may have failed.
const AGAIN: Duration = Duration::from_secs(20);
/// Characters of a condition's message.
const MESSAGE: usize = 2000;
/// How long a write may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Keeps the status of all declarations.
pub(super) struct Status {
    cluster: Cluster,
    store: Arc<Store>,
    metrics: Arc<Metrics>,
    /// When this replica began.
    since: Timestamp,
}

impl Status {
    pub(super) fn new(cluster: Cluster, store: Arc<Store>, metrics: Arc<Metrics>) -> Status {
        Status { cluster, store, metrics, since: Timestamp::now() }
    }

    pub(super) async fn keep(self, mut reports: watch::Receiver<Option<Arc<Report>>>) {
        let api: Api<DynamicObject> = Api::all_with(self.cluster.client.clone(), &declarations::resource());
        let mut changes = self.store.changes();
        loop {
            changes.mark_unchanged();
            let report = reports.borrow_and_update().clone();
            for (name, object) in self.store.objects() {
                let now = Timestamp::now();
                if is_withdrawn(&object.status, self.since) {
                    continue;
                }
                if let Some(status) = wanted(&name, &object, report.as_deref(), now) {
                    self.write(&api, &name, &status).await;
                }
            }
            tokio::time::sleep(PAUSE).await;
            tokio::select! {
                changed = changes.changed() => if changed.is_err() { return },
                // An audit that never runs does not report.
                Ok(()) = reports.changed() => {}
                () = tokio::time::sleep(AGAIN) => {}
            }
        }
    }

    async fn write(&self, api: &Api<DynamicObject>, name: &str, status: &DeclarationStatus) {
        let result = match tokio::time::timeout(PATIENCE, apply(api, name, status)).await {
            Ok(Ok(_)) => "written",
            // It was deleted meanwhile.
            Ok(Err(kube::Error::Api(answer))) if answer.code == 404 => return,
            Ok(Err(error)) => {
                tracing::warn!(
                    error = causes(&error),
                    mesh = name,
                    "the status of a declaration was not written"
                );
                "failed"
            }
            Err(_) => "failed",
        };
        self.metrics.status_writes.get_or_create(&ResultLabels { result }).inc();
    }
}

/// Makes all that this program says of a declaration that status, and nothing else.
async fn apply(api: &Api<DynamicObject>, name: &str, status: &DeclarationStatus) -> kube::Result<()> {
    let object =
        json!({"apiVersion": API_VERSION, "kind": KIND, "metadata": {"name": name}, "status": status});
    let params = PatchParams::apply(events::CONTROLLER).force();
    api.patch_status(name, &params, &Patch::Apply(&object)).await.map(|_| ())
}

/// Takes back what the program says of every declaration, since nobody will keep it true: a program that waits for the
/// observed generation would wait for ever. Replicas that run leave it so; those that start later do not. How many
/// declarations there are.
///
/// # Errors
/// When they cannot be listed or written.
pub async fn withdraw(client: Client) -> kube::Result<usize> {
    let api: Api<DynamicObject> = Api::all_with(client, &declarations::resource());
    let began = Timestamp::now();
    let mut status = DeclarationStatus::default();
    let message = "the webhook is being taken away: nothing is judged by this declaration".to_owned();
    set(&mut status, WITHDRAWN, "True", "Uninstalled", message, None, began);
    // A replica that was about to write has not seen it yet: so that is looked at until it stays.
    for _ in 0..ROUNDS {
        let list = match api.list(&ListParams::default()).await {
            Ok(list) => list,
            // They are not defined any more.
            Err(kube::Error::Api(answer)) if answer.code == 404 => return Ok(0),
            Err(error) => return Err(error),
        };
        let (mut all, mut written) = (0, 0);
        for seen in list.items.into_iter().filter_map(Seen::of) {
            all += 1;
            if is_withdrawn(&seen.status, began) {
                continue;
            }
            match apply(&api, &seen.name, &status).await {
                Ok(()) => written += 1,
                Err(kube::Error::Api(answer)) if answer.code == 404 => {}
                Err(error) => return Err(error),
            }
        }
        if written == 0 {
            return Ok(all);
        }
        tokio::time::sleep(2 * PAUSE).await;
    }
    tracing::warn!("the status of declarations is written again and again");
    Ok(0)
}

/// Times that the status of declarations is taken back when somebody writes it again.
const ROUNDS: usize = 5;

/// The condition of declarations that nobody judges by any more.
const WITHDRAWN: &str = "Withdrawn";

/// Whether what is said was taken back since this replica began: it is on its way out.
fn is_withdrawn(status: &DeclarationStatus, began: Timestamp) -> bool {
    let withdrawn = status.conditions.iter().find(|condition| condition.type_ == WITHDRAWN);
    let at = withdrawn.and_then(|condition| condition.last_transition_time.parse::<Timestamp>().ok());
    at.is_some_and(|at| at.as_second() >= began.as_second())
}

/// The status that an object should have, if it is another one.
fn wanted(name: &str, object: &Object, report: Option<&Report>, now: Timestamp) -> Option<DeclarationStatus> {
    let mut status = object.status.clone();
    status.conditions.retain(|condition| condition.type_ != WITHDRAWN);
    let generation = object.good.as_ref().and_then(|declared| declared.declaration.metadata.generation);
    let in_force = generation.max(status.observed_generation);
    status.observed_generation = in_force;
    let (ready, reason, message) = match (&object.refused, in_force) {
        // Another replica may read it, being newer.
        (Some(_), in_force) if in_force.is_some() && in_force == object.generation => {
            ("True", "InForce", "objects are judged by this generation".to_owned())
        }
        (Some(error), Some(generation)) => {
            let message = format!("it {error}; generation {generation} stays in force");
            ("False", "Malformed", message)
        }
        (Some(error), None) => ("False", "Malformed", format!("it {error}")),
        (None, _) => ("True", "InForce", "objects are judged by this generation".to_owned()),
    };
    set(&mut status, "Ready", ready, reason, message, in_force, now);
    if let Some((report, counts)) = report.and_then(|report| Some((report, report.meshes.get(name)?)))
        && report.complete
    {
        let at = timestamp(report.at);
        let seconds = |text: &String| text.parse::<Timestamp>().map(Timestamp::as_second).unwrap_or(0);
        let known = status.last_audit_time.as_ref().map_or(0, seconds);
        let same = (status.errors, status.warnings) == (Some(counts.errors), Some(counts.warnings));
        // The same figures a moment later are no news: replicas audit side by side.
        if at.as_second() > known.saturating_add(if same { 60 } else { 0 }) {
            status.last_audit_time = Some(text(at));
            status.errors = Some(counts.errors);
            status.warnings = Some(counts.warnings);
            let (holds, reason, message) = match (counts.errors, counts.warnings) {
                (0, 0) => ("True", "Agrees", "every object agrees with the declaration".to_owned()),
                (0, warnings) => ("True", "Agrees", format!("no object contradicts it; {warnings} warnings")),
                (errors, _) => (
                    "False",
                    "Contradicted",
                    format!("objects of this cluster contradict it: {errors} errors"),
                ),
            };
            set(&mut status, "Conforming", holds, reason, message, in_force, now);
        }
    }
    (status != object.status).then_some(status)
}

fn set(
    status: &mut DeclarationStatus,
    type_: &str,
    holds: &str,
    reason: &str,
    message: String,
    generation: Option<i64>,
    now: Timestamp,
) {
    let known = status.conditions.iter().find(|condition| condition.type_ == type_);
    let since = known.filter(|known| known.status == holds).map(|known| known.last_transition_time.clone());
    let message = message.chars().take(MESSAGE).collect();
    let condition = DeclarationCondition {
        type_: type_.to_owned(),
        status: holds.to_owned(),
        reason: reason.to_owned(),
        message,
        last_transition_time: since.unwrap_or_else(|| text(now)),
        observed_generation: generation,
    };
    match status.conditions.iter_mut().find(|known| known.type_ == type_) {
        Some(known) => *known = condition,
        None => status.conditions.push(condition),
    }
}

fn timestamp(time: SystemTime) -> Timestamp {
    Timestamp::try_from(time).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// RFC 3339, in whole seconds, as Kubernetes writes times.
fn text(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::audit::Counts;
    use super::*;
    use crate::store::Declared;

    const GOOD: &str = include_str!("../../tests/declarations/mdemo.yaml");

    fn object(generation: i64, latest: i64, refused: Option<&str>) -> Object {
        let mut declaration: meshwright_policies::declaration::MeshDeclaration =
            serde_yaml::from_str(GOOD).unwrap();
        declaration.metadata.generation = Some(generation);
        let since = SystemTime::UNIX_EPOCH;
        Object {
            generation: Some(latest),
            status: DeclarationStatus::default(),
            good: Some(Arc::new(Declared { declaration, since })),
            refused: refused.map(str::to_owned),
        }
    }

    fn report(seconds: u64, errors: u32) -> Report {
        let counts = Counts { errors, warnings: 1 };
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        Report { at, meshes: BTreeMap::from([("mdemo".to_owned(), counts)]), complete: true }
    }

    fn after(object: &mut Object, report: Option<&Report>, second: i64) -> bool {
        let wanted = wanted("mdemo", object, report, Timestamp::from_second(second).unwrap());
        let changed = wanted.is_some();
        object.status = wanted.unwrap_or_else(|| object.status.clone());
        changed
    }

    fn conditions(object: &Object) -> Vec<String> {
        let text = |c: &DeclarationCondition| {
            format!(
                "{}={} {} @{} since {}",
                c.type_,
                c.status,
                c.reason,
                c.observed_generation.unwrap(),
                c.last_transition_time
            )
        };
        object.status.conditions.iter().map(text).collect()
    }

    #[test]
    fn a_status_settles() {
        let mut seen = object(7, 7, None);
        assert!(after(&mut seen, None, 10));
        assert!(!after(&mut seen, None, 11), "the same state needs no write");
        assert_eq!(conditions(&seen), ["Ready=True InForce @7 since 1970-01-01T00:00:10Z"]);
        assert!(after(&mut seen, Some(&report(100, 2)), 101));
        assert_eq!(
            (seen.status.errors, seen.status.last_audit_time.as_deref()),
            (Some(2), Some("1970-01-01T00:01:40Z"))
        );
        assert!(!after(&mut seen, Some(&report(101, 2)), 102), "another replica's audit found the same");
        assert!(!after(&mut seen, Some(&report(99, 9)), 103), "an older audit is no news");
        assert!(after(&mut seen, Some(&report(110, 0)), 111));
        assert_eq!(conditions(&seen)[1], "Conforming=True Agrees @7 since 1970-01-01T00:01:51Z");
        assert!(after(&mut seen, Some(&report(400, 0)), 401), "the time of the audit goes on");
        assert_eq!(conditions(&seen)[1], "Conforming=True Agrees @7 since 1970-01-01T00:01:51Z");
    }

    #[test]
    fn no_replica_takes_a_generation_back() {
        let mut ahead = object(8, 8, None);
        assert!(after(&mut ahead, None, 10));
        let mut behind = Object { status: ahead.status.clone(), ..object(7, 7, None) };
        assert!(!after(&mut behind, None, 11));
        assert_eq!(behind.status.observed_generation, Some(8));
    }

    #[test]
    fn a_malformed_generation_is_not_in_force() {
        let mut seen = object(7, 8, Some("holds a MeshDeclaration that cannot be read: no"));
        assert!(after(&mut seen, None, 10));
        assert_eq!(seen.status.observed_generation, Some(7));
        assert_eq!(conditions(&seen), ["Ready=False Malformed @7 since 1970-01-01T00:00:10Z"]);
        // A newer replica can read it.
        seen.status.observed_generation = Some(8);
        after(&mut seen, None, 20);
        assert_eq!(conditions(&seen), ["Ready=True InForce @8 since 1970-01-01T00:00:20Z"]);
    }

    #[test]
    fn what_was_withdrawn_stays_so_for_those_who_were_there() {
        let mut status = DeclarationStatus::default();
        let at = Timestamp::from_second(100).unwrap();
        set(&mut status, WITHDRAWN, "True", "Uninstalled", String::new(), None, at);
        assert!(is_withdrawn(&status, Timestamp::from_second(99).unwrap()));
        assert!(!is_withdrawn(&status, Timestamp::from_second(101).unwrap()));
        let mut seen = Object { status, ..object(7, 7, None) };
        assert!(after(&mut seen, None, 110), "one that starts later says what is in force");
        assert_eq!(conditions(&seen), ["Ready=True InForce @7 since 1970-01-01T00:01:50Z"]);
    }

    #[test]
    fn an_incomplete_audit_says_nothing() {
        let mut seen = object(7, 7, None);
        after(&mut seen, Some(&Report { complete: false, ..report(100, 0) }), 101);
        assert_eq!(seen.status.errors, None);
    }
}
