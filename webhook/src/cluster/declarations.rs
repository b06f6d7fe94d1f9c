//! Declarations from the API server: listed, watched, and listed again from time to time.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use kube::api::DynamicObject;
use kube::core::{ApiResource, GroupVersionKind};
use kube::runtime::watcher::{self, Event};
use kube::{Api, Client};
use meshwright_policies::declaration::KIND;
use tokio::time::Instant;

use crate::log::causes;
use crate::metrics::{Metrics, ResultLabels};
use crate::store::{Seen, Store};

/// First pause after a failure; it doubles up to [`MAX_PAUSE`].
const PAUSE: Duration = Duration::from_millis(250);
/// A definition that is missing is looked for this often at least: the declaration comes right after it.
const MAX_PAUSE: Duration = Duration::from_secs(5);

/// `meshdeclarations.meshwright.dev`.
pub(super) fn resource() -> ApiResource {
    let kind = GroupVersionKind::gvk("meshwright.dev", "v1alpha1", KIND);
    ApiResource::from_gvk_with_plural(&kind, "meshdeclarations")
}

/// Follows the declarations for ever. Objects are read one by one, so that none that is malformed hides the others; what
/// was in force stays so while the API server is away.
pub(super) async fn watch(client: Client, store: Arc<Store>, metrics: Arc<Metrics>, resync: Duration) {
    let api: Api<DynamicObject> = Api::all_with(client, &resource());
    let mut pause = PAUSE;
    loop {
        let mut events = std::pin::pin!(watcher::watcher(api.clone(), watcher::Config::default()));
        let until = Instant::now() + resync;
        let mut listed = Vec::new();
        loop {
            let event = tokio::select! {
                event = events.next() => event,
                () = tokio::time::sleep_until(until) => break,
            };
            match event {
                Some(Ok(event)) => {
                    metrics.watch_connected.set(1);
                    pause = PAUSE;
                    match event {
                        Event::Init => listed.clear(),
                        Event::InitApply(object) => listed.extend(Seen::of(object)),
                        Event::InitDone => store.objects_are(std::mem::take(&mut listed)),
                        Event::Apply(object) => {
                            Seen::of(object).into_iter().for_each(|seen| store.object_is(seen))
                        }
                        Event::Delete(object) => {
                            store.object_is_gone(&object.metadata.name.unwrap_or_default());
                        }
                    }
                }
                Some(Err(error)) => {
                    failed(&error, &metrics);
                    tokio::time::sleep(pause).await;
                    pause = (2 * pause).min(MAX_PAUSE);
                }
                None => break,
            }
        }
    }
}

fn failed(error: &watcher::Error, metrics: &Metrics) {
    use watcher::Error::{InitialListFailed, WatchError, WatchFailed, WatchStartFailed};
    let (result, missing) = match error {
        // The past was forgotten, as it is after a while: the list is fetched again.
        WatchError(status) if status.code == 410 => ("expired", false),
        InitialListFailed(kube::Error::Api(status)) if status.code == 404 => ("missing", true),
        InitialListFailed(_)
        | WatchStartFailed(_)
        | WatchFailed(_)
        | WatchError(_)
        | watcher::Error::NoResourceVersion => ("failed", false),
    };
    metrics.watch_failures.get_or_create(&ResultLabels { result }).inc();
    if result == "expired" {
        return;
    }
    let before = metrics.watch_connected.set(0);
    // The client alone says no more than that it could not connect.
    let error = causes(error);
    match (before, missing) {
        (_, true) => tracing::debug!("there is no CustomResourceDefinition of {KIND} yet"),
        (0, false) => tracing::debug!(error, "the watch of declarations failed again"),
        (_, false) => tracing::warn!(error, "the watch of declarations failed; what is in force stays"),
    }
}
