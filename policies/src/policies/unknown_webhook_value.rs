//! MW8060: a value of the webhook's chart that the chart does not take.

use std::sync::LazyLock;

use serde_json::{Map, Value};

use crate::finding::{Findings, Rule, Severity};
use crate::mesh::{Cluster, Mesh};
use crate::node::{FieldPath, Step};
use crate::policy::Policy;
use crate::suggest::nearest;

/// MW8060: a value of the webhook's chart that the chart does not take.
#[derive(Debug)]
pub(super) struct UnknownWebhookValue;

static RULE: Rule = Rule {
    code: "MW8060",
    name: "unknown-webhook-value",
    severity: Severity::Error,
    title: "a value of `enforcement.values` is none that the webhook's chart takes",
    docs: include_str!("../../docs/MW8060.md"),
};

/// The schema that Helm will judge by. A chart of another release has its own.
static SCHEMA: LazyLock<Value> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../../../charts/meshwright-webhook/values.schema.json"))
        .unwrap_or_default()
});

impl Policy for UnknownWebhookValue {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn check_mesh(&self, mesh: &Mesh, findings: &mut Findings) {
        for cluster in mesh.clusters.values() {
            let Some(enforcement) = cluster.spec.enforcement.as_ref().filter(|one| one.enabled) else {
                continue;
            };
            let own = env!("CARGO_PKG_VERSION");
            if enforcement.version.as_ref().is_none_or(|version| version.to_string() == own) {
                let path = FieldPath::parse("spec.enforcement.values");
                Walk { cluster, findings }.map(&SCHEMA, &enforcement.values, &path);
            }
        }
    }
}

struct Walk<'a> {
    cluster: &'a Cluster,
    findings: &'a mut Findings,
}

impl Walk<'_> {
    fn map(&mut self, schema: &Value, values: &Map<String, Value>, path: &FieldPath) {
        let Some(known) = schema.get("properties").and_then(Value::as_object) else { return };
        for (key, value) in values {
            let path = FieldPath(path.0.iter().cloned().chain([Step::Key(key.clone())]).collect());
            match known.get(key) {
                Some(schema) => self.value(schema, value, &path),
                None => {
                    let message = format!("`{key}` is no value of the chart `meshwright-webhook`");
                    let help = match nearest(key, known.keys().map(String::as_str)) {
                        Some(near) => format!("did you mean `{near}`?"),
                        None => {
                            "remove it; `charts/meshwright-webhook/values.yaml` has every value".to_owned()
                        }
                    };
                    self.report(&path, key, message, help);
                }
            }
        }
    }

    fn value(&mut self, schema: &Value, value: &Value, path: &FieldPath) {
        if let Some(allowed) = schema.get("enum").and_then(Value::as_array)
            && !allowed.contains(value)
        {
            let allowed: Vec<&str> = allowed.iter().filter_map(Value::as_str).collect();
            let found = text(value);
            let help = format!("set it to one of `{}`", allowed.join("`, `"));
            self.report(path, &found, format!("`{found}` is not a value that the chart takes here"), help);
        } else if let Some(wanted) = schema.get("type").and_then(Value::as_str)
            && !is_of(wanted, value)
        {
            let found = text(value);
            let message = format!("the chart takes {} here", article(wanted));
            self.report(path, &found, message, format!("write {}", article(wanted)));
        } else if let Value::Object(values) = value {
            self.map(schema, values, path);
        }
    }

    fn report(&mut self, path: &FieldPath, found: &str, message: String, help: String) {
        let place = self.cluster.written.place(path.clone());
        self.findings.push(self.cluster.finding(&RULE, place, message).found(found).help(help));
    }
}

fn is_of(wanted: &str, value: &Value) -> bool {
    match wanted {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        _ => true,
    }
}

fn article(wanted: &str) -> &'static str {
    match wanted {
        "object" => "a map",
        "array" => "a list",
        "string" => "text",
        "boolean" => "`true` or `false`",
        _ => "a whole number",
    }
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
