//! Asking the registered webhooks, as an API server does (Kubernetes 1.36: `k8s.io/apiserver/pkg/admission/plugin/webhook`).

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use k8s_openapi::ByteString;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::cel;
use super::failure::Failure;
use super::resources::Resource;

/// A change that is asked about.
#[derive(Clone, Debug)]
pub(crate) struct Attributes {
    pub(crate) operation: &'static str,
    pub(crate) resource: Resource,
    pub(crate) version: String,
    pub(crate) subresource: String,
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) object: Value,
    pub(crate) old_object: Value,
    pub(crate) dry_run: bool,
    pub(crate) user: String,
    /// Labels of the namespace.
    pub(crate) namespace_labels: Value,
}

/// What a webhook said, for tests to look at.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) webhook: String,
    pub(crate) operation: &'static str,
    pub(crate) object: String,
    pub(crate) dry_run: bool,
    /// The `response`, or why there is none.
    pub(crate) answer: Result<Value, String>,
}

/// Where Services lead: `namespace/name`, and the addresses behind it.
pub(crate) type Services = std::collections::BTreeMap<String, Vec<SocketAddr>>;

/// Asks each webhook of each configuration; warnings of all are returned.
pub(crate) async fn ask(
    configurations: &[Value],
    services: &Services,
    attributes: &Attributes,
    asked: &mut Vec<Asked>,
) -> Result<Vec<String>, Failure> {
    let mut warnings = Vec::new();
    // An API server asks nobody about the configurations themselves: one would never be repaired.
    if attributes.resource.group == "admissionregistration.k8s.io" {
        return Ok(warnings);
    }
    let webhooks: Vec<&Value> =
        configurations.iter().filter_map(|c| c["webhooks"].as_array()).flatten().collect();
    for webhook in webhooks {
        let name = webhook["name"].as_str().unwrap_or_default();
        let Some(version) = matched(webhook, attributes) else { continue };
        let request = request(attributes, &version);
        let fails = webhook["failurePolicy"].as_str().unwrap_or("Fail") == "Fail";
        match conditions(webhook, &request) {
            Ok(true) => {}
            Ok(false) => continue,
            Err(error) if fails => {
                return Err(Failure::new(403, "Forbidden", format!("match condition of {name}: {error}")));
            }
            Err(_) => continue,
        }
        let effects = webhook["sideEffects"].as_str().unwrap_or_default();
        if attributes.dry_run && !matches!(effects, "None" | "NoneOnDryRun") {
            let message = format!("admission webhook \"{name}\" does not support dry run");
            return Err(Failure::new(400, "BadRequest", message));
        }
        let answer = call(webhook, services, &request).await;
        asked.push(Asked {
            webhook: name.to_owned(),
            operation: attributes.operation,
            object: format!("{}/{}/{}", attributes.resource.kind, attributes.namespace, attributes.name),
            dry_run: attributes.dry_run,
            answer: answer.clone(),
        });
        let response = match answer {
            Ok(response) => response,
            Err(error) if fails => {
                let message = format!(
                    "Internal error occurred: failed calling webhook \"{name}\": failed to call webhook: {error}"
                );
                return Err(Failure::new(500, "InternalError", message));
            }
            Err(_) => continue,
        };
        let texts = response["warnings"].as_array().into_iter().flatten();
        warnings.extend(texts.filter_map(Value::as_str).map(str::to_owned));
        if response["allowed"] != true {
            return Err(denial(name, &response));
        }
    }
    Ok(warnings)
}

/// `statuserror.go`: any code below 400 is raised to 400.
fn denial(name: &str, response: &Value) -> Failure {
    let status = &response["status"];
    let code = status["code"].as_u64().and_then(|code| u16::try_from(code).ok()).unwrap_or(0).max(400);
    let why = match status["message"].as_str() {
        Some(message) if !message.is_empty() => format!(": {message}"),
        _ => " without explanation".to_owned(),
    };
    let message = format!("admission webhook \"{name}\" denied the request{why}");
    let mut failure = Failure::new(code, status["reason"].as_str().unwrap_or_default(), message);
    *failure.details = status["details"].clone();
    failure
}

/// The version in which a webhook wants to see the object, if its rules and selectors match.
fn matched(webhook: &Value, attributes: &Attributes) -> Option<String> {
    let rules = webhook["rules"].as_array().map_or(&[][..], Vec::as_slice);
    let with = |version: &str| rules.iter().any(|rule| rule_matches(rule, attributes, version));
    let version = if with(&attributes.version) {
        attributes.version.clone()
    } else if webhook["matchPolicy"].as_str().unwrap_or("Equivalent") == "Equivalent" {
        attributes.resource.versions.iter().find(|version| with(version))?.clone()
    } else {
        return None;
    };
    let labels = match (attributes.resource.namespaced, attributes.resource.kind.as_str()) {
        (true, _) => Some(&attributes.namespace_labels),
        (false, "Namespace") => {
            let object =
                if attributes.object.is_null() { &attributes.old_object } else { &attributes.object };
            Some(&object["metadata"]["labels"])
        }
        // The selector never skips other objects of the whole cluster.
        (false, _) => None,
    };
    if labels.is_some_and(|labels| !selects(&webhook["namespaceSelector"], labels)) {
        return None;
    }
    let selector = &webhook["objectSelector"];
    let objects = [&attributes.object, &attributes.old_object];
    let any =
        objects.iter().any(|object| !object.is_null() && selects(selector, &object["metadata"]["labels"]));
    any.then_some(version)
}

fn rule_matches(rule: &Value, attributes: &Attributes, version: &str) -> bool {
    let holds = |field: &str, value: &str| {
        rule[field].as_array().is_some_and(|list| list.iter().any(|item| *item == value || *item == "*"))
    };
    let (plural, sub) = (&attributes.resource.plural, &attributes.subresource);
    let resource =
        rule["resources"].as_array().into_iter().flatten().filter_map(Value::as_str).any(|pattern| {
            match pattern.split_once('/') {
                None => (pattern == "*" || pattern == plural) && sub.is_empty(),
                Some((of, part)) => (of == "*" || of == plural) && (part == "*" || part == sub),
            }
        });
    let scope = match rule["scope"].as_str() {
        Some("Cluster") => !attributes.resource.namespaced,
        Some("Namespaced") => attributes.resource.namespaced,
        _ => true,
    };
    holds("operations", attributes.operation)
        && holds("apiGroups", &attributes.resource.group)
        && holds("apiVersions", version)
        && resource
        && scope
}

/// A label selector.
pub(crate) fn selects(selector: &Value, labels: &Value) -> bool {
    let equal =
        selector["matchLabels"].as_object().into_iter().flatten().all(|(key, value)| labels[key] == *value);
    let expressions = selector["matchExpressions"].as_array().into_iter().flatten();
    equal
        && expressions.into_iter().all(|expression| {
            let value = expression["key"].as_str().and_then(|key| labels.get(key));
            let listed =
                |value: &Value| expression["values"].as_array().is_some_and(|list| list.contains(value));
            match expression["operator"].as_str() {
                Some("In") => value.is_some_and(listed),
                Some("NotIn") => !value.is_some_and(listed),
                Some("Exists") => value.is_some(),
                _ => value.is_none(),
            }
        })
}

fn conditions(webhook: &Value, request: &Value) -> Result<bool, String> {
    let mut problem = None;
    for condition in webhook["matchConditions"].as_array().into_iter().flatten() {
        let expression = condition["expression"].as_str().unwrap_or_default();
        let scope = cel::Scope { object: &request["object"], old_object: &request["oldObject"], request };
        // One that is false decides, even when another cannot be evaluated.
        match cel::condition(expression, &scope) {
            Ok(true) => {}
            Ok(false) => return Ok(false),
            Err(error) => problem = Some(format!("`{expression}`: {error}")),
        }
    }
    problem.map_or(Ok(true), Err)
}

fn request(attributes: &Attributes, version: &str) -> Value {
    let Attributes { resource, operation, namespace, name, subresource, .. } = attributes;
    let convert = |object: &Value| {
        let mut object = object.clone();
        if !object.is_null() {
            object["apiVersion"] = resource.api_version(version).into();
        }
        object
    };
    let kind = |version: &str| json!({"group": resource.group, "version": version, "kind": resource.kind});
    let named =
        |version: &str| json!({"group": resource.group, "version": version, "resource": resource.plural});
    static COUNT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(1);
    let count = COUNT.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
    let mut request = json!({
        "uid": format!("11111111-0000-4000-8000-{count:012}"),
        "kind": kind(version), "resource": named(version),
        "requestKind": kind(&attributes.version), "requestResource": named(&attributes.version),
        "name": name, "operation": operation,
        "userInfo": {"username": attributes.user, "groups": ["system:authenticated"]},
        "object": convert(&attributes.object), "oldObject": convert(&attributes.old_object),
        "dryRun": attributes.dry_run,
        "options": {"kind": "UpdateOptions", "apiVersion": "meta.k8s.io/v1"},
    });
    if resource.kind == "Namespace" {
        request["namespace"] = name.clone().into();
    } else if !namespace.is_empty() {
        request["namespace"] = namespace.clone().into();
    }
    if !subresource.is_empty() {
        request["subResource"] = subresource.clone().into();
        request["requestSubResource"] = subresource.clone().into();
    }
    request
}

async fn call(webhook: &Value, services: &Services, request: &Value) -> Result<Value, String> {
    let seconds = webhook["timeoutSeconds"].as_u64().unwrap_or(10);
    let asking = post(&webhook["clientConfig"], services, request, seconds);
    match tokio::time::timeout(Duration::from_secs(seconds), asking).await {
        Ok(answer) => answer,
        Err(_) => Err("context deadline exceeded".to_owned()),
    }
}

async fn post(config: &Value, services: &Services, request: &Value, seconds: u64) -> Result<Value, String> {
    let (host, path, addresses) = destination(config, services)?;
    let mut stream = Err("connect: connection refused".to_owned());
    for address in addresses {
        stream = TcpStream::connect(address).await.map_err(|error| format!("dial tcp {address}: {error}"));
        if stream.is_ok() {
            break;
        }
    }
    let tls = TlsConnector::from(Arc::new(trusting(&config["caBundle"])?));
    let name = ServerName::try_from(host.clone()).map_err(|error| error.to_string())?;
    let stream = tls.connect(name, stream?).await.map_err(|error| format!("tls: {error}"))?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|error| error.to_string())?;
    let connection = tokio::spawn(connection);
    let review = json!({"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "request": request});
    let sent = hyper::Request::builder()
        .method("POST")
        .uri(format!("{path}?timeout={seconds}s"))
        .header("host", host)
        .header("accept", "application/json, */*")
        .header("content-type", "application/json")
        .body(Full::new(Bytes::from(review.to_string())))
        .map_err(|error| error.to_string())?;
    let response = sender.send_request(sent).await.map_err(|error| error.to_string())?;
    let status = response.status();
    let body = response.into_body().collect().await.map_err(|error| error.to_string())?.to_bytes();
    connection.abort();
    if !status.is_success() {
        return Err(format!("the server answered {status}: {}", String::from_utf8_lossy(&body)));
    }
    let review: Value = serde_json::from_slice(&body).map_err(|error| error.to_string())?;
    let response = &review["response"];
    if review["kind"] != "AdmissionReview" || review["apiVersion"] != "admission.k8s.io/v1" {
        return Err("the answer is no AdmissionReview of admission.k8s.io/v1".to_owned());
    }
    if response["uid"] != request["uid"] {
        return Err(format!("expected response.uid={}, got {}", request["uid"], response["uid"]));
    }
    Ok(response.clone())
}

fn destination(config: &Value, services: &Services) -> Result<(String, String, Vec<SocketAddr>), String> {
    if let Some(url) = config["url"].as_str() {
        let uri: hyper::Uri = url.parse().map_err(|_| format!("{url} is no URL"))?;
        let host = uri.host().unwrap_or_default().to_owned();
        let address = format!("{host}:{}", uri.port_u16().unwrap_or(443)).replace("localhost:", "127.0.0.1:");
        let address = address.parse().map_err(|_| format!("{address} is not known here"))?;
        return Ok((host, uri.path().to_owned(), vec![address]));
    }
    let service = &config["service"];
    let text = |field: &str| service[field].as_str().unwrap_or_default();
    let key = format!("{}/{}", text("namespace"), text("name"));
    let addresses = services.get(&key).cloned().unwrap_or_default();
    if addresses.is_empty() {
        return Err(format!("no endpoints available for service \"{}\"", text("name")));
    }
    let path = service["path"].as_str().unwrap_or("/").to_owned();
    Ok((format!("{}.{}.svc", text("name"), text("namespace")), path, addresses))
}

fn trusting(bundle: &Value) -> Result<ClientConfig, String> {
    let bundle: ByteString = serde_json::from_value(bundle.clone()).unwrap_or_default();
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&bundle.0) {
        let certificate = certificate.map_err(|error| error.to_string())?;
        roots.add(certificate).map_err(|error| error.to_string())?;
    }
    if roots.is_empty() {
        return Err(
            "tls: failed to verify certificate: x509: certificate signed by unknown authority".to_owned()
        );
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider);
    let builder = builder.with_safe_default_protocol_versions().map_err(|error| error.to_string())?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}
