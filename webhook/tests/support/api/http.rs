//! Requests: which object is meant, what is done to it, and what comes back.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use futures::stream;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Bytes, Frame, Incoming};
use hyper::{Method, Request, Response, StatusCode};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::admission::{self, Attributes};
use super::failure::Failure;
use super::own::State;
use super::patch;
use super::rbac::{self, Act};
use super::resources::{self, Resource};
use super::select::Selection;
use super::store::{Change, Data, Key};

pub(crate) type Body = UnsyncBoxBody<Bytes, io::Error>;

/// What a path names.
#[derive(Clone, Debug)]
struct Target {
    resource: Resource,
    version: String,
    namespace: String,
    name: String,
    sub: String,
}

impl Target {
    fn key(&self) -> Key {
        let Resource { group, plural, .. } = &self.resource;
        (group.clone(), plural.clone(), self.namespace.clone(), self.name.clone())
    }

    fn what(&self) -> String {
        let Resource { group, plural, .. } = &self.resource;
        let of = if group.is_empty() { plural.clone() } else { format!("{plural}.{group}") };
        format!("{of} \"{}\"", self.name)
    }

    /// As that version serves it.
    fn show(&self, object: &Value) -> Value {
        let mut object = object.clone();
        object["apiVersion"] = self.resource.api_version(&self.version).into();
        object["kind"] = self.resource.kind.clone().into();
        object
    }
}

/// A request, read.
struct Call {
    target: Target,
    query: HashMap<String, String>,
    body: Value,
    content: String,
    user: String,
    metadata_only: bool,
}

impl Call {
    fn dry_run(&self) -> bool {
        let asked = self.query.get("dryRun").is_some_and(|value| value == "All");
        asked || self.body["dryRun"].as_array().is_some_and(|list| list.iter().any(|item| item == "All"))
    }

    fn selection(&self) -> Selection {
        let text = |key: &str| self.query.get(key).map(String::as_str);
        Selection::new(text("labelSelector"), text("fieldSelector"))
    }

    fn show(&self, object: &Value) -> Value {
        if self.metadata_only {
            let metadata = object["metadata"].clone();
            return json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": metadata});
        }
        self.target.show(object)
    }
}

pub(crate) async fn serve(state: Arc<State>, request: Request<Incoming>) -> Response<Body> {
    match respond(&state, request).await {
        Ok(response) => response,
        Err(failure) => {
            let mut response = Response::new(full(&failure.status()));
            *response.status_mut() = failure.code;
            response
        }
    }
}

fn full(value: &Value) -> Body {
    Full::new(Bytes::from(value.to_string())).map_err(|never| match never {}).boxed_unsync()
}

fn answer(status: StatusCode, value: &Value, warnings: &[String]) -> Response<Body> {
    let mut response = Response::new(full(value));
    *response.status_mut() = status;
    response.headers_mut().insert("content-type", "application/json".parse().unwrap());
    for warning in warnings {
        let text = warning.replace('\\', "\\\\").replace('"', "\\\"");
        if let Ok(value) = format!("299 - \"{text}\"").parse() {
            response.headers_mut().append("warning", value);
        }
    }
    response
}

fn ok(value: &Value) -> Response<Body> {
    answer(StatusCode::OK, value, &[])
}

async fn respond(state: &Arc<State>, request: Request<Incoming>) -> Result<Response<Body>, Failure> {
    let (parts, body) = request.into_parts();
    let header = |name: &str| {
        parts.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
    };
    let path = parts.uri.path().to_owned();
    let line = format!("{} {}", parts.method, parts.uri);
    state.requests.lock().unwrap().push(line.clone());
    if let Some(failure) = state.fault(&line) {
        return Err(failure);
    }
    let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
    if let Some(found) = discovery(&state.data.lock().unwrap(), &segments) {
        return Ok(ok(&found));
    }
    let target = target(&state.data.lock().unwrap(), &segments)?;
    let query: HashMap<String, String> = parts
        .uri
        .query()
        .unwrap_or_default()
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(decoded)
        .collect();
    let bytes =
        body.collect().await.map_err(|error| Failure::new(400, "BadRequest", error.to_string()))?.to_bytes();
    let body: Value = if bytes.is_empty() {
        Value::Null
    } else {
        serde_yaml::from_slice(&bytes).map_err(|error| Failure::new(400, "BadRequest", error.to_string()))?
    };
    let token = header("authorization").strip_prefix("Bearer ").unwrap_or_default().to_owned();
    let call = Call {
        target,
        query,
        body,
        content: header("content-type"),
        user: if token.is_empty() { "admin".to_owned() } else { token.clone() },
        metadata_only: header("accept").contains("as=PartialObjectMetadata"),
    };
    let watching = call.query.get("watch").is_some_and(|value| value == "true" || value == "1");
    let whole = call.target.name.is_empty();
    let verb = match (&parts.method, whole) {
        (&Method::GET, _) if watching => "watch",
        (&Method::GET, true) => "list",
        (&Method::GET, false) => "get",
        (&Method::POST, _) => "create",
        (&Method::PUT, _) => "update",
        (&Method::PATCH, _) => "patch",
        (&Method::DELETE, true) => "deletecollection",
        (&Method::DELETE, false) => "delete",
        _ => return Err(Failure::new(405, "MethodNotAllowed", "no such method")),
    };
    let grants = state.grants.lock().unwrap().get(&token).cloned();
    if let Some(grants) = grants {
        let Target { resource, namespace, name, sub, .. } = &call.target;
        let named =
            if sub.is_empty() { resource.plural.clone() } else { format!("{}/{sub}", resource.plural) };
        rbac::check(&grants, &Act { verb, group: &resource.group, resource: named, namespace, name })?;
    }
    match verb {
        "watch" => watch(state, call),
        "list" => list(&state.data.lock().unwrap(), &call).map(|list| ok(&list)),
        "get" => {
            let data = state.data.lock().unwrap();
            let object = data.objects.get(&call.target.key());
            object.map(|object| ok(&call.show(object))).ok_or_else(|| Failure::not_found(&call.target.what()))
        }
        "deletecollection" => {
            let selection = call.selection();
            let namespace = Some(call.target.namespace.as_str()).filter(|namespace| !namespace.is_empty());
            let found: Vec<Value> = {
                let data = state.data.lock().unwrap();
                let list = data.list(&call.target.resource.group, &call.target.resource.plural, namespace);
                list.into_iter().filter(|object| selection.selects(object)).cloned().collect()
            };
            for object in found {
                let mut target = call.target.clone();
                target.name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
                target.namespace = object["metadata"]["namespace"].as_str().unwrap_or_default().to_owned();
                change(state, &target, &call, "delete").await?;
            }
            Ok(ok(&json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"})))
        }
        verb => change(state, &call.target, &call, verb).await,
    }
}

fn decoded((key, value): (&str, &str)) -> (String, String) {
    let mut bytes = Vec::new();
    let mut rest = value.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => {
                let hex: String = rest.by_ref().take(2).map(char::from).collect();
                bytes.push(u8::from_str_radix(&hex, 16).unwrap_or(b'?'));
            }
            byte => bytes.push(byte),
        }
    }
    (key.to_owned(), String::from_utf8_lossy(&bytes).into_owned())
}

fn discovery(data: &Data, segments: &[&str]) -> Option<Value> {
    match segments {
        ["version"] => Some(json!({"major": "1", "minor": "36", "gitVersion": "v1.36.2"})),
        ["healthz" | "livez" | "readyz"] => Some(json!("ok")),
        ["api"] => Some(json!({"kind": "APIVersions", "versions": ["v1"]})),
        ["apis"] => Some(resources::groups(&data.resources)),
        ["apis", group] => resources::group(&data.resources, group),
        ["api", version] => resources::list(&data.resources, "", version),
        ["apis", group, version] => resources::list(&data.resources, group, version),
        _ => None,
    }
}

fn target(data: &Data, segments: &[&str]) -> Result<Target, Failure> {
    let missing = || Failure::new(404, "NotFound", "the server could not find the requested resource");
    let (group, version, rest) = match segments {
        ["api", version, rest @ ..] => ("", *version, rest),
        ["apis", group, version, rest @ ..] => (*group, *version, rest),
        _ => return Err(missing()),
    };
    let (namespace, rest) = match rest {
        ["namespaces", _, "status" | "finalize"] => ("", rest),
        ["namespaces", namespace, rest @ ..] if !rest.is_empty() => (*namespace, rest),
        _ => ("", rest),
    };
    let (plural, name, sub) = match rest {
        [plural] => (*plural, "", ""),
        [plural, name] => (*plural, *name, ""),
        [plural, name, sub] => (*plural, *name, *sub),
        _ => return Err(missing()),
    };
    let resource = data.resource(group, version, plural).ok_or_else(missing)?;
    let owned = str::to_owned;
    Ok(Target {
        resource,
        version: owned(version),
        namespace: owned(namespace),
        name: owned(name),
        sub: owned(sub),
    })
}

fn list(data: &Data, call: &Call) -> Result<Value, Failure> {
    let Target { resource, version, namespace, .. } = &call.target;
    let namespace = Some(namespace.as_str()).filter(|namespace| !namespace.is_empty());
    let selection = call.selection();
    let found = data.list(&resource.group, &resource.plural, namespace);
    let found: Vec<&Value> = found.into_iter().filter(|object| selection.selects(object)).collect();
    let limit: usize =
        call.query.get("limit").and_then(|limit| limit.parse().ok()).filter(|n| *n > 0).unwrap_or(usize::MAX);
    let token = call.query.get("continue").filter(|token| !token.is_empty());
    let (revision, skip): (u64, usize) = match token {
        None => (data.revision, 0),
        Some(token) => {
            let (revision, skip) = token.split_once('-').unwrap_or_default();
            let revision: u64 = revision.parse().unwrap_or(0);
            if revision < data.compacted {
                return Err(Failure::new(410, "Expired", "The provided continue parameter is too old"));
            }
            (revision, skip.parse().unwrap_or(0))
        }
    };
    let rest = found.len().saturating_sub(skip.saturating_add(limit));
    let mut metadata = json!({"resourceVersion": revision.to_string()});
    if rest > 0 {
        metadata["continue"] = format!("{revision}-{}", skip + limit).into();
        metadata["remainingItemCount"] = rest.into();
    }
    let built_in = resources::built_in().contains(resource);
    let item = |object: &&Value| {
        let mut object = call.show(object);
        // Lists of built-in kinds do not repeat the kind at each item.
        if built_in
            && !call.metadata_only
            && let Some(map) = object.as_object_mut()
        {
            map.shift_remove("kind");
            map.shift_remove("apiVersion");
        }
        object
    };
    let items: Vec<Value> = found.iter().skip(skip).take(limit).map(item).collect();
    let (kind, api_version) = match call.metadata_only {
        true => ("PartialObjectMetadataList".to_owned(), "meta.k8s.io/v1".to_owned()),
        false => (format!("{}List", resource.kind), resource.api_version(version)),
    };
    Ok(json!({"kind": kind, "apiVersion": api_version, "metadata": metadata, "items": items}))
}

/// A stream of changes: one JSON document a line, each in a chunk of its own.
fn watch(state: &Arc<State>, call: Call) -> Result<Response<Body>, Failure> {
    let number = |key: &str| call.query.get(key).and_then(|value| value.parse::<u64>().ok());
    let from = number("resourceVersion").unwrap_or(0);
    let initial = call.query.get("sendInitialEvents").is_some_and(|value| value == "true");
    let bookmarks = call.query.get("allowWatchBookmarks").is_some_and(|value| value == "true");
    let seconds = number("timeoutSeconds").unwrap_or(300);
    let (sender, receiver) = mpsc::channel::<io::Result<Frame<Bytes>>>(16);
    let state = Arc::clone(state);
    tokio::spawn(async move {
        let told = tell(&state, &call, from, initial, bookmarks, &sender);
        let _ended = tokio::time::timeout(std::time::Duration::from_secs(seconds), told).await;
    });
    let frames = stream::unfold(receiver, |mut receiver| async {
        receiver.recv().await.map(|frame| (frame, receiver))
    });
    let mut response = Response::new(StreamBody::new(frames).boxed_unsync());
    response.headers_mut().insert("content-type", "application/json".parse().unwrap());
    Ok(response)
}

async fn tell(
    state: &State,
    call: &Call,
    from: u64,
    initial: bool,
    bookmarks: bool,
    sender: &mpsc::Sender<io::Result<Frame<Bytes>>>,
) -> Option<()> {
    let send = async |kind: &str, object: Value| {
        let line = format!("{}\n", json!({"type": kind, "object": object}));
        sender.send(Ok(Frame::data(Bytes::from(line)))).await.ok()
    };
    let bookmark = |revision: u64| {
        let metadata = json!({"resourceVersion": revision.to_string()});
        call.target.show(&json!({"metadata": metadata}))
    };
    let selection = call.selection();
    let mut revisions = state.revisions.subscribe();
    let mut expired = state.expired.subscribe();
    let mut seen = from;
    if from == 0 || initial {
        let (found, revision) = {
            let data = state.data.lock().unwrap();
            let list = list(&data, call).ok()?;
            (list["items"].as_array().cloned().unwrap_or_default(), data.revision)
        };
        for object in found {
            send("ADDED", call.show(&object)).await?;
        }
        if initial {
            let mut mark = bookmark(revision);
            mark["metadata"]["annotations"]["k8s.io/initial-events-end"] = "true".into();
            send("BOOKMARK", mark).await?;
        }
        seen = revision;
    }
    loop {
        let (changes, revision, compacted) = {
            let data = state.data.lock().unwrap();
            let new = data.log.iter().filter(|change| change.revision > seen).cloned();
            (new.collect::<Vec<Change>>(), data.revision, data.compacted)
        };
        if seen < compacted {
            let gone =
                Failure::new(410, "Expired", format!("too old resource version: {seen} ({compacted})"));
            send("ERROR", gone.status()).await?;
            return None;
        }
        for change in changes {
            let (group, plural, namespace, _) = &change.key;
            let Target { resource, namespace: wanted, name, .. } = &call.target;
            let here = *group == resource.group && *plural == resource.plural;
            let inside =
                (wanted.is_empty() || wanted == namespace) && (name.is_empty() || *name == change.key.3);
            if !here || !inside {
                continue;
            }
            let selected = |object: &Option<Value>| object.clone().filter(|object| selection.selects(object));
            let (kind, object) = match (selected(&change.before), selected(&change.after)) {
                (None, Some(after)) => ("ADDED", after),
                (Some(_), Some(after)) => ("MODIFIED", after),
                (Some(before), None) => ("DELETED", before),
                (None, None) => continue,
            };
            send(kind, call.show(&object)).await?;
        }
        seen = revision;
        tokio::select! {
            changed = revisions.changed() => changed.ok()?,
            changed = expired.changed() => {
                changed.ok()?;
                let gone = Failure::new(410, "Expired", "The resourceVersion for the provided watch is too old.");
                send("ERROR", gone.status()).await?;
                return None;
            }
            () = tokio::time::sleep(std::time::Duration::from_millis(500)), if bookmarks => {
                send("BOOKMARK", bookmark(seen)).await?;
            }
        }
    }
}

/// Creates, changes or deletes one object: first what it would become, then the webhooks, then, unless someone was
/// faster, the change.
async fn change(
    state: &Arc<State>,
    target: &Target,
    call: &Call,
    verb: &str,
) -> Result<Response<Body>, Failure> {
    let dry_run = call.dry_run();
    for _attempt in 0..8 {
        let planned = plan(&mut state.data.lock().unwrap(), target, call, verb)?;
        let Planned { key, before, after, operation, .. } = &planned;
        let (configurations, namespace_labels) = {
            let data = state.data.lock().unwrap();
            let group = "admissionregistration.k8s.io";
            let list = data.list(group, "validatingwebhookconfigurations", None).into_iter().cloned();
            let namespace = (String::new(), "namespaces".to_owned(), String::new(), key.2.clone());
            let labels = data.objects.get(&namespace).map(|object| object["metadata"]["labels"].clone());
            (list.collect::<Vec<Value>>(), labels.unwrap_or_default())
        };
        let attributes = Attributes {
            operation,
            resource: target.resource.clone(),
            version: target.version.clone(),
            subresource: target.sub.clone(),
            namespace: key.2.clone(),
            name: key.3.clone(),
            object: after.as_ref().map(|object| target.show(object)).unwrap_or_default(),
            old_object: before.as_ref().map(|object| target.show(object)).unwrap_or_default(),
            dry_run,
            user: call.user.clone(),
            namespace_labels,
        };
        let services = state.services.lock().unwrap().clone();
        let mut asked = Vec::new();
        let warnings = admission::ask(&configurations, &services, &attributes, &mut asked).await;
        state.asked.lock().unwrap().extend(asked);
        let warnings = warnings?;
        let created = if before.is_none() { StatusCode::CREATED } else { StatusCode::OK };
        if dry_run {
            let shown = after.as_ref().or(before.as_ref()).map(|object| call.show(object));
            return Ok(answer(created, &shown.unwrap_or_default(), &warnings));
        }
        let stored = {
            let mut data = state.data.lock().unwrap();
            if data.objects.get(key) != before.as_ref() {
                continue;
            }
            let stored = data.commit(key.clone(), after.clone());
            if let Some((manager, intent)) = &planned.applied {
                data.applied(key.clone(), manager, intent.clone());
            }
            state.revisions.send_replace(data.revision);
            stored
        };
        return Ok(match stored {
            Some(object) => answer(created, &call.show(&object), &warnings),
            None => {
                let done = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"});
                answer(StatusCode::OK, &done, &warnings)
            }
        });
    }
    Err(Failure::new(409, "Conflict", format!("{} was changed by others all the time", target.what())))
}

struct Planned {
    key: Key,
    before: Option<Value>,
    after: Option<Value>,
    operation: &'static str,
    applied: Option<(String, Value)>,
}

fn plan(data: &mut Data, target: &Target, call: &Call, verb: &str) -> Result<Planned, Failure> {
    let mut key = target.key();
    if key.3.is_empty() {
        let metadata = &call.body["metadata"];
        key.3 = match (metadata["name"].as_str(), metadata["generateName"].as_str()) {
            (Some(name), _) => name.to_owned(),
            (None, Some(prefix)) => data.name_after(prefix),
            (None, None) => return Err(Failure::new(422, "Invalid", "metadata.name: Required value")),
        };
    }
    if target.resource.namespaced && key.2.is_empty() {
        return Err(Failure::new(400, "BadRequest", "a namespace is required"));
    }
    let before = data.objects.get(&key).cloned();
    let conflict = || {
        let message = format!(
            "Operation cannot be fulfilled on {}: the object has been modified; please apply your changes to the \
             latest version and try again",
            target.what()
        );
        Failure::new(409, "Conflict", message)
    };
    let status = target.sub == "status";
    let missing = || Failure::not_found(&target.what());
    let apply = call.content.starts_with("application/apply-patch");
    let mut applied = None;
    let after = match verb {
        "create" if before.is_some() => {
            let message = format!("{} already exists", target.what());
            return Err(Failure::new(409, "AlreadyExists", message));
        }
        "create" => call.body.clone(),
        "update" => {
            let before = before.as_ref().ok_or_else(missing)?;
            let version = &call.body["metadata"]["resourceVersion"];
            if !version.is_null() && *version != before["metadata"]["resourceVersion"] {
                return Err(conflict());
            }
            call.body.clone()
        }
        "patch" if apply => {
            let Some(manager) = call.query.get("fieldManager") else {
                return Err(Failure::new(422, "Invalid", "fieldManager is required for apply patch"));
            };
            if before.is_none() && !target.sub.is_empty() {
                return Err(missing());
            }
            let manager = format!("{manager}/{}", target.sub);
            let after = data.apply(before.as_ref(), &call.body, &key, &manager);
            applied = Some((manager, call.body.clone()));
            after
        }
        "patch" => {
            let before = before.as_ref().ok_or_else(missing)?;
            let mut after = before.clone();
            if call.content.starts_with("application/json-patch") {
                let failed = |error| Failure::new(422, "Invalid", error);
                patch::json_patch(&mut after, &call.body).map_err(failed)?;
            } else {
                patch::merge(&mut after, &call.body);
            }
            if after["metadata"]["resourceVersion"] != before["metadata"]["resourceVersion"] {
                return Err(conflict());
            }
            after
        }
        _ => {
            let before = before.ok_or_else(missing)?;
            let wanted = &call.body["preconditions"];
            for field in ["uid", "resourceVersion"] {
                if !wanted[field].is_null() && wanted[field] != before["metadata"][field] {
                    return Err(conflict());
                }
            }
            return Ok(Planned { key, before: Some(before), after: None, operation: "DELETE", applied });
        }
    };
    if !after.is_object() {
        return Err(Failure::new(400, "BadRequest", "not an object"));
    }
    data.check_namespace(&key.2)?;
    let mut after = after;
    if before.is_none()
        && let Some(metadata) = after["metadata"].as_object_mut()
    {
        metadata.shift_remove("resourceVersion");
    }
    let after = data.prepare(before.as_ref(), after, &key, status);
    let after = match &before {
        Some(before) => {
            let mut after = after;
            after["metadata"]["resourceVersion"] = before["metadata"]["resourceVersion"].clone();
            after
        }
        None => after,
    };
    let operation = if before.is_some() { "UPDATE" } else { "CREATE" };
    Ok(Planned { key, before, after: Some(after), operation, applied })
}
