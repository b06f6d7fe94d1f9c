//! Spanned documents -> typed intent.
//!
//! One mechanism finds everything that is wrong with a document: its kind's JSON Schema, the same one that editors use,
//! judged by `jsonschema`, whose error paths lead back into the spanned tree. A document without such a finding
//! decodes.

use std::sync::{Arc, LazyLock};

use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::{ValidationError, Validator};
use meshwright_policies::address::{Address, AddressRange, ApiServer, Cidr};
use meshwright_policies::finding::{Findings, Place, Rule};
use meshwright_policies::intent::{
    API_VERSION, Date, Document, IntentKind, MeshSpec, NetworkSpec, PolicyConfigSpec,
};
use meshwright_policies::mesh::Unread;
use meshwright_policies::names::{ClusterName, MeshName, NetworkId};
use meshwright_policies::node::{FieldPath, Node, Value};
use meshwright_policies::policies::secret_at;
use meshwright_policies::references as rules;
use serde_json::Value as Json;

use meshwright_policies::suggest::nearest;

/// The intent of a repository, document by document.
///
/// Documents are shared: whoever keeps what was read of a file can use it again.
#[derive(Clone, Debug, Default)]
pub struct Intent {
    /// Meshes.
    pub meshes: Vec<Arc<Named<MeshName, MeshSpec>>>,
    /// Networks.
    pub networks: Vec<Arc<Named<NetworkId, NetworkSpec>>>,
    /// Clusters: kept as trees, since a cluster means something only after layering.
    pub clusters: Vec<Arc<Named<ClusterName, ()>>>,
    /// Policy settings.
    pub policy_configs: Vec<Arc<Named<String, PolicyConfigSpec>>>,
    /// Documents of other API groups.
    pub others: Vec<Arc<Node>>,
    /// Documents that have errors of their own.
    pub unread: Unread,
}

impl Intent {
    /// Adds the documents of `more` after its own.
    pub fn append(&mut self, more: Intent) {
        let Intent { meshes, networks, clusters, policy_configs, others, unread } = more;
        self.meshes.extend(meshes);
        self.networks.extend(networks);
        self.clusters.extend(clusters);
        self.policy_configs.extend(policy_configs);
        self.others.extend(others);
        self.unread.meshes.extend(unread.meshes);
        self.unread.networks.extend(unread.networks);
        self.unread.clusters.extend(unread.clusters);
    }
}

/// A typed document beside its tree.
#[derive(Debug)]
pub struct Named<Name, Spec> {
    /// `metadata.name`.
    pub name: Name,
    /// `spec`.
    pub spec: Spec,
    /// The document.
    pub document: Node,
}

/// Adds a document to the intent, or says what is wrong with it.
pub fn read(document: Node, intent: &mut Intent, findings: &mut Findings) {
    let Some(kind) = kind_of(&document, findings) else {
        intent.others.push(Arc::new(document));
        return;
    };
    let json = document.to_json();
    let before = findings.errors();
    for error in VALIDATORS.validator(kind).iter_errors(&json) {
        report(&error, &document, kind, findings);
    }
    let name = written_name(&document).to_owned();
    if findings.errors() == before {
        decode(kind, json, document, intent, findings);
    }
    if findings.errors() > before {
        match kind {
            IntentKind::Mesh => intent.unread.meshes.insert(name),
            IntentKind::Network => intent.unread.networks.insert(name),
            IntentKind::Cluster => intent.unread.clusters.insert(name),
            IntentKind::PolicyConfig => false,
        };
    }
}

fn decode(kind: IntentKind, json: Json, document: Node, intent: &mut Intent, findings: &mut Findings) {
    match kind {
        IntentKind::Mesh => push(json, document, MeshName::new, &mut intent.meshes, findings),
        IntentKind::Network => push(json, document, NetworkId::new, &mut intent.networks, findings),
        IntentKind::PolicyConfig => {
            push(json, document, Ok::<String, String>, &mut intent.policy_configs, findings);
        }
        IntentKind::Cluster => {
            if let Some(name) = name_of(&document, ClusterName::new, findings) {
                intent.clusters.push(Arc::new(Named { name, spec: (), document }));
            }
        }
    }
}

/// The kind of an intent document; `None` for everything else, with a finding when it was meant to be one.
fn kind_of(document: &Node, findings: &mut Findings) -> Option<IntentKind> {
    let text = |key: &str| document.get(key).and_then(Node::as_str);
    let (api_version, kind) = (text("apiVersion"), text("kind"));
    let ours = kind.and_then(IntentKind::parse);
    match (api_version, kind) {
        (Some(API_VERSION), Some(name)) => {
            if ours.is_none() {
                let help = match nearest(name, IntentKind::ALL.map(IntentKind::as_str)) {
                    Some(near) => format!("write `kind: {near}`"),
                    None => "kinds are Mesh, Network, Cluster and PolicyConfig".to_owned(),
                };
                let place = Place::in_document(document, "kind");
                findings.push(
                    rules::UNKNOWN_KIND.at(place, format!("`{name}` is not a kind of intent")).help(help),
                );
            }
            ours
        }
        (Some(API_VERSION), None) => {
            let place = Place::in_document(document, "apiVersion");
            findings.push(
                rules::MISSING_FIELD
                    .at(place, "`kind` is missing")
                    .help("write `kind: Cluster`, for example"),
            );
            None
        }
        (Some(other), _) if other.starts_with("meshwright.dev/") && kind != Some("MeshDeclaration") => {
            let place = Place::in_document(document, "apiVersion");
            let message = format!("`{other}` is not a version of the intent that this program reads");
            findings.push(
                rules::UNSUPPORTED_VERSION
                    .at(place, message)
                    .help(format!("write `apiVersion: {API_VERSION}`")),
            );
            None
        }
        (None, Some(name)) if ours.is_some() => {
            let place = Place::in_document(document, "kind");
            let message = format!("this `{name}` has no `apiVersion`");
            findings.push(
                rules::UNSUPPORTED_VERSION
                    .at(place, message)
                    .help(format!("write `apiVersion: {API_VERSION}`")),
            );
            None
        }
        _ => None,
    }
}

/// `metadata.name` as it is written; empty if it is no text.
fn written_name(document: &Node) -> &str {
    document.get("metadata").and_then(|m| m.get("name")).and_then(Node::as_str).unwrap_or_default()
}

fn name_of<Name, E: ToString>(
    document: &Node,
    parse: impl FnOnce(String) -> Result<Name, E>,
    findings: &mut Findings,
) -> Option<Name> {
    let text = written_name(document);
    parse(text.to_owned())
        .map_err(|error| {
            let place = Place::in_document(document, "metadata.name");
            let mut finding = rules::INVALID_VALUE.at(place, error.to_string()).found(text);
            finding.help = name_hint(text);
            findings.push(finding);
        })
        .ok()
}

fn push<Name, E: ToString, Spec: serde::de::DeserializeOwned + Default>(
    json: Json,
    document: Node,
    parse: impl FnOnce(String) -> Result<Name, E>,
    into: &mut Vec<Arc<Named<Name, Spec>>>,
    findings: &mut Findings,
) {
    let name = name_of(&document, parse, findings);
    match (name, serde_json::from_value::<Document<Spec>>(json)) {
        (Some(name), Ok(decoded)) => into.push(Arc::new(Named { name, spec: decoded.spec, document })),
        (None, _) => {}
        (_, Err(error)) => undecodable(&document, &error, findings),
    }
}

/// The schema let something through that the type refuses: reported at the document, never a panic.
pub(crate) fn undecodable(document: &Node, error: &serde_json::Error, findings: &mut Findings) {
    findings
        .push(rules::INVALID_VALUE.at(Place::in_document(document, FieldPath::root()), error.to_string()));
}

struct Validators([(IntentKind, Validator, Json); 4]);

impl Validators {
    fn entry(&self, kind: IntentKind) -> &(IntentKind, Validator, Json) {
        let [first, rest @ ..] = &self.0;
        rest.iter().find(|(k, ..)| *k == kind).unwrap_or(first)
    }

    fn validator(&self, kind: IntentKind) -> &Validator {
        &self.entry(kind).1
    }

    fn schema(&self, kind: IntentKind) -> &Json {
        &self.entry(kind).2
    }
}

static VALIDATORS: LazyLock<Validators> = LazyLock::new(|| {
    Validators(IntentKind::ALL.map(|kind| {
        let schema = kind.schema().to_value();
        #[expect(
            clippy::expect_used,
            reason = "the schema is generated from our own types, and a test builds each"
        )]
        let validator = jsonschema::options()
            .offline()
            .should_validate_formats(true)
            .with_format("address", |text: &str| text.parse::<Address>().is_ok())
            .with_format("cidr", |text: &str| text.parse::<Cidr>().is_ok())
            .with_format("address-range", |text: &str| text.parse::<AddressRange>().is_ok())
            .with_format("api-server", |text: &str| text.parse::<ApiServer>().is_ok())
            .with_format("date", |text: &str| Date::try_from(text.to_owned()).is_ok())
            .build(&schema)
            .expect("generated schemas are valid");
        (kind, validator, schema)
    }))
});

/// One schema error as a finding.
fn report(error: &ValidationError<'_>, document: &Node, kind: IntentKind, findings: &mut Findings) {
    let path = FieldPath::from_pointer(error.instance_path().as_str(), document);
    let node = document.at(&path).unwrap_or(document);
    let place = Place::in_document(document, path.clone());
    match error.kind() {
        ValidationErrorKind::AdditionalProperties { unexpected } => {
            let known = properties_at(error, kind);
            for key in unexpected {
                report_unknown_field(document, &path, node, key, &known, findings);
            }
        }
        ValidationErrorKind::Required { property } => {
            let name = property.as_str().unwrap_or_default();
            let field = path.clone().key(name);
            findings.push(
                rules::MISSING_FIELD
                    .at(Place { span: place.span, path: field }, format!("`{name}` is missing")),
            );
        }
        ValidationErrorKind::OneOfNotValid { context } | ValidationErrorKind::AnyOf { context } => {
            report_alternatives(error, context, document, kind, findings);
        }
        ValidationErrorKind::OneOfMultipleValid { .. } => {
            findings.push(rules::NOT_EXACTLY_ONE.at(place, "more than one alternative is given"));
        }
        ValidationErrorKind::Type { kind: wanted } => report_type(wanted, place, node, findings),
        other => {
            let found = scalar_text(node);
            // What is wrong with it would be said by repeating it.
            if let Some(secret) = secret_at(&found, place.clone()) {
                findings.push(secret);
                return;
            }
            let (message, help) = invalid_value(other, error, &found, kind);
            let mut finding = rules::INVALID_VALUE.at(place, message).found(found);
            finding.help = help;
            findings.push(finding);
        }
    }
}

fn report_unknown_field(
    document: &Node,
    path: &FieldPath,
    node: &Node,
    key: &str,
    known: &[String],
    findings: &mut Findings,
) {
    let span = node.entry(key).map_or_else(|| document.nearest_span(path), |entry| entry.key_span);
    let place = Place { span, path: path.clone().key(key) };
    let owner = if path.0.is_empty() { "the document".to_owned() } else { format!("`{path}`") };
    let mut finding = rules::UNKNOWN_FIELD.at(place, format!("{owner} has no field `{key}`")).found(key);
    finding.help = match nearest(key, known.iter().map(String::as_str)) {
        Some(near) => Some(format!("did you mean `{near}`?")),
        None if known.is_empty() => None,
        None => Some(format!("fields are {}", list(known))),
    };
    findings.push(finding);
}

fn report_type(wanted: &TypeKind, place: Place, node: &Node, findings: &mut Findings) {
    let wanted = match wanted {
        TypeKind::Single(kind) => kind.to_string(),
        TypeKind::Multiple(kinds) => {
            kinds.iter().map(|k| k.to_string()).filter(|k| k != "null").collect::<Vec<_>>().join(" or ")
        }
    };
    let (is, found) = (type_of(node), scalar_text(node));
    let help = match (&node.value, wanted.as_str()) {
        // `1.30` is the number 1.3, and another version.
        (Value::Number(_), "string") if (node.span.end - node.span.start) as usize != found.len() => {
            Some(format!("put it in quotes as it stands: without them it is the number {found}"))
        }
        (Value::Number(_) | Value::Bool(_), "string") => Some(format!("quote it: \"{found}\"")),
        (Value::String(text), "integer" | "number") if text.parse::<i64>().is_ok() => {
            Some(format!("leave out the quotes: {text}"))
        }
        (Value::String(_) | Value::Number(_) | Value::Bool(_), "array") => {
            Some(format!("write a list: [{found}]"))
        }
        (Value::Null, "object") => {
            Some("write `{}` when everything is at its default, or leave it out".to_owned())
        }
        _ => None,
    };
    let mut finding = rules::WRONG_TYPE
        .at(place, format!("{} is wanted here, this is {}", article(&wanted), article(is)))
        .found(found);
    finding.help = help;
    findings.push(finding);
}

/// A failed `oneOf`/`anyOf`: `null` alternatives of optional fields are left aside, a closed list of texts becomes one
/// message, and among tagged objects the one that was meant is reported.
fn report_alternatives(
    error: &ValidationError<'_>,
    context: &[Vec<ValidationError<'static>>],
    document: &Node,
    kind: IntentKind,
    findings: &mut Findings,
) {
    let path = FieldPath::from_pointer(error.instance_path().as_str(), document);
    let node = document.at(&path).unwrap_or(document);
    let place = Place::in_document(document, path.clone());
    let here = error.instance_path().as_str();
    let wants_null = |branch: &[ValidationError<'_>]| matches!(branch, [only] if matches!(only.kind(), ValidationErrorKind::Type { kind: TypeKind::Single(k) } if k.to_string() == "null"));
    let branches: Vec<_> = context.iter().filter(|branch| !wants_null(branch)).collect();
    if let [only] = branches.as_slice() {
        for inner in *only {
            report(inner, document, kind, findings);
        }
        return;
    }
    let choices: Vec<String> = branches
        .iter()
        .flat_map(|branch| branch.iter())
        .filter_map(|inner| match inner.kind() {
            ValidationErrorKind::Constant { expected_value } => expected_value.as_str().map(str::to_owned),
            _ => None,
        })
        .collect();
    if !choices.is_empty() && choices.len() == branches.len() {
        let found = scalar_text(node);
        let help =
            nearest(&found, choices.iter().map(String::as_str)).map(|near| format!("did you mean `{near}`?"));
        let message = format!("`{found}` is not one of {}", list(&choices));
        let mut finding = rules::INVALID_VALUE.at(place, message).found(found);
        finding.help = help;
        findings.push(finding);
        return;
    }
    let tags = tags_of(error, kind);
    if matches!(node.value, Value::Mapping(_)) && !tags.is_empty() {
        let given: Vec<&str> =
            node.entries().map(|e| e.key.as_str()).filter(|k| tags.iter().any(|t| t == k)).collect();
        let unknown: Vec<&str> =
            node.entries().map(|e| e.key.as_str()).filter(|k| !tags.iter().any(|t| t == k)).collect();
        for key in &unknown {
            report_unknown_field(document, &path, node, key, &tags, findings);
        }
        match given.as_slice() {
            [_] => {
                // The branch of that key fails only deeper down.
                let deeper = branches.iter().find(|branch| {
                    branch.iter().all(|inner| inner.instance_path().as_str().len() > here.len())
                });
                for inner in deeper.into_iter().flat_map(|branch| branch.iter()) {
                    report(inner, document, kind, findings);
                }
            }
            [] if !unknown.is_empty() => {}
            [] => {
                findings.push(rules::NOT_EXACTLY_ONE.at(place, format!("one of {} is wanted", list(&tags))))
            }
            several => {
                let several: Vec<String> = several.iter().map(|s| (*s).to_owned()).collect();
                findings.push(
                    rules::NOT_EXACTLY_ONE
                        .at(place, format!("{} exclude each other", list(&several)))
                        .help("keep one of them"),
                );
            }
        }
        return;
    }
    if let Some(first) = branches.first().and_then(|branch| branch.first()) {
        report(first, document, kind, findings);
    }
}

fn invalid_value(
    error_kind: &ValidationErrorKind,
    error: &ValidationError<'_>,
    found: &str,
    kind: IntentKind,
) -> (String, Option<String>) {
    match error_kind {
        ValidationErrorKind::Pattern { .. } => match schema_beside(error, kind, "x-rule")
            .and_then(Json::as_str)
        {
            Some(rule) => {
                let what =
                    schema_beside(error, kind, "description").and_then(Json::as_str).unwrap_or("A value.");
                let what = what.strip_suffix('.').unwrap_or(what);
                let an = |rest: &str| {
                    if rest.starts_with('o') { format!("an {rest}") } else { format!("a {rest}") }
                };
                let what = what.strip_prefix("A ").map_or(what.to_owned(), an);
                let what = what.split([',', ':']).next().unwrap_or_default().to_owned();
                (format!("`{found}` is not {what}: {rule}"), name_hint(found))
            }
            None => (format!("`{found}` does not have the form of this field"), None),
        },
        ValidationErrorKind::Format { format } => {
            let message = match format.as_str() {
                "address" => found.parse::<Address>().err().map(|e| e.to_string()),
                "cidr" => found.parse::<Cidr>().err().map(|e| e.to_string()),
                "address-range" => found.parse::<AddressRange>().err().map(|e| e.to_string()),
                "api-server" => found.parse::<ApiServer>().err().map(|e| e.to_string()),
                "date" => Date::try_from(found.to_owned()).err(),
                _ => None,
            };
            (message.unwrap_or_else(|| error.to_string()), None)
        }
        ValidationErrorKind::Minimum { limit } => (format!("{found} is less than {limit}"), None),
        ValidationErrorKind::Maximum { limit } => (format!("{found} is more than {limit}"), None),
        ValidationErrorKind::Constant { expected_value } => (
            format!("`{found}` is not {expected_value}"),
            expected_value.as_str().map(|text| format!("write `{text}`")),
        ),
        ValidationErrorKind::Enum { options } => {
            let options: Vec<String> = options
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|o| o.as_str().map(str::to_owned))
                .collect();
            let help = nearest(found, options.iter().map(String::as_str))
                .map(|near| format!("did you mean `{near}`?"));
            (format!("`{found}` is not one of {}", list(&options)), help)
        }
        _ => (error.to_string(), None),
    }
}

/// For names that only have the wrong characters: the same name with right ones.
fn name_hint(found: &str) -> Option<String> {
    let fixed: String = found
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' })
        .collect::<String>()
        .trim_matches('-')
        .to_owned();
    let usable = !fixed.is_empty() && fixed != found && found.chars().any(|c| c.is_ascii_alphabetic());
    (usable && !found.contains(' ')).then(|| format!("`{fixed}` would be one"))
}

/// The schema object that holds the failing keyword, followed through references.
fn schema_beside<'a>(error: &ValidationError<'_>, kind: IntentKind, key: &str) -> Option<&'a Json> {
    let path = error.schema_path().as_str();
    let parent = path.rsplit_once('/').map_or("", |(parent, _)| parent);
    VALIDATORS.schema(kind).pointer(parent).and_then(|schema| schema.get(key))
}

/// Names of the properties beside a failing `additionalProperties`.
fn properties_at(error: &ValidationError<'_>, kind: IntentKind) -> Vec<String> {
    schema_beside(error, kind, "properties")
        .and_then(Json::as_object)
        .map(|properties| properties.keys().cloned().collect())
        .unwrap_or_default()
}

/// The tags of an externally tagged choice.
fn tags_of(error: &ValidationError<'_>, kind: IntentKind) -> Vec<String> {
    VALIDATORS
        .schema(kind)
        .pointer(error.schema_path().as_str())
        .and_then(Json::as_array)
        .into_iter()
        .flatten()
        .filter_map(|branch| branch.get("required")?.as_array()?.first()?.as_str().map(str::to_owned))
        .collect()
}

fn list(items: &[impl AsRef<str>]) -> String {
    items.iter().map(|item| format!("`{}`", item.as_ref())).collect::<Vec<_>>().join(", ")
}

fn type_of(node: &Node) -> &'static str {
    match &node.value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Sequence(_) => "array",
        Value::Mapping(_) => "object",
    }
}

fn article(kind: &str) -> String {
    match kind {
        "null" => "nothing".to_owned(),
        "array" => "a list".to_owned(),
        "object" => "a map".to_owned(),
        "string" => "text".to_owned(),
        "integer" => "an integer".to_owned(),
        other => format!("a {other}"),
    }
}

fn scalar_text(node: &Node) -> String {
    match &node.value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Bool(flag) => flag.to_string(),
        Value::Null => "null".to_owned(),
        Value::Sequence(_) => "a list".to_owned(),
        Value::Mapping(_) => "a map".to_owned(),
    }
}

/// All rules that reading intent can report, for the documentation.
#[must_use]
pub fn rules() -> &'static [&'static Rule] {
    rules::REFERENCE_RULES
}
