//! The strict schemas in `tests/schemas`: what the API server would refuse is found here.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use jsonschema::Validator;
use meshwright::publish::Tree;
use serde_json::{Value, json};

use crate::objects::objects;
use crate::repository;

/// Kinds that nobody publishes a schema for, as `apiVersion Kind`. `IstioOperator`'s own CRD takes any `spec`
/// (istio/istio 1.15: `manifests/charts/istio-operator/crds`); the chart keys judge its values. Mspider is closed source.
/// The Prometheus operator's kinds are few and small.
pub const WITHOUT_SCHEMA: [&str; 5] = [
    "install.istio.io/v1alpha1 IstioOperator",
    "discovery.mspider.io/v3alpha1 GlobalMesh",
    "discovery.mspider.io/v3alpha1 MeshCluster",
    "monitoring.coreos.com/v1 ServiceMonitor",
    "monitoring.coreos.com/v1 PrometheusRule",
];

static SCHEMAS: LazyLock<BTreeMap<String, Validator>> = LazyLock::new(|| {
    let directory = std::fs::read_dir(repository("tests/schemas")).unwrap();
    let paths = directory.map(|entry| entry.unwrap().path());
    let schemas = paths.filter(|path| {
        path.extension().is_some_and(|ending| ending == "json") && !path.ends_with("SOURCES.json")
    });
    let read = schemas.map(|path| {
        let schema: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        let text = |field: &str| schema["properties"][field]["const"].as_str().unwrap().to_owned();
        let key = format!("{} {}", text("apiVersion"), text("kind"));
        (key, jsonschema::options().offline().build(&schema).unwrap())
    });
    read.collect()
});

/// What is wrong with an object: one line per violation, or that its kind is not known.
#[must_use]
pub fn violations(object: &Value) -> Vec<String> {
    let key = key(object);
    match SCHEMAS.get(&key) {
        Some(schema) => errors(schema, object),
        None if WITHOUT_SCHEMA.contains(&key.as_str()) => Vec::new(),
        None => vec![format!("no schema for {key}: add it to tests/schemas/derive.py")],
    }
}

/// What is wrong with the objects of a tree. A kind whose CRD the tree brings is judged by that.
#[must_use]
pub fn check(tree: &Tree) -> Vec<String> {
    let objects = objects(tree);
    let own: BTreeMap<String, Validator> = objects
        .iter()
        .filter(|file| file.value["kind"] == "CustomResourceDefinition")
        .flat_map(|file| of_crd(&file.value))
        .collect();
    let mut wrong = Vec::new();
    for file in &objects {
        let found = match own.get(&key(&file.value)) {
            Some(schema) => errors(schema, &file.value),
            None => violations(&file.value),
        };
        wrong.extend(found.into_iter().map(|line| format!("{}: {line}", file.path)));
    }
    wrong
}

fn key(object: &Value) -> String {
    let text = |field: &str| object[field].as_str().unwrap_or_default();
    format!("{} {}", text("apiVersion"), text("kind"))
}

fn errors(schema: &Validator, object: &Value) -> Vec<String> {
    schema.iter_errors(object).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

/// The schemas of a CustomResourceDefinition, closed.
fn of_crd(crd: &Value) -> Vec<(String, Validator)> {
    let spec = &crd["spec"];
    let versions = spec["versions"].as_array().unwrap().iter().map(|version| {
        let name = version["name"].as_str().unwrap();
        let key =
            format!("{}/{name} {}", spec["group"].as_str().unwrap(), spec["names"]["kind"].as_str().unwrap());
        let mut schema = version["schema"]["openAPIV3Schema"].clone();
        close(&mut schema);
        for field in ["apiVersion", "kind"] {
            schema["properties"][field] = json!({"type": "string"});
        }
        schema["properties"]["metadata"] = json!({"type": "object"});
        (key, jsonschema::options().offline().build(&schema).unwrap())
    });
    versions.collect()
}

/// Fields that are not named are refused, as by the API server's strict validation.
fn close(schema: &mut Value) {
    let Some(map) = schema.as_object_mut() else { return };
    for inner in ["items", "additionalProperties"] {
        map.get_mut(inner).into_iter().for_each(close);
    }
    for property in
        map.get_mut("properties").and_then(Value::as_object_mut).into_iter().flat_map(|map| map.values_mut())
    {
        close(property);
    }
    if map.contains_key("properties") && !map.contains_key("x-kubernetes-preserve-unknown-fields") {
        map.entry("additionalProperties").or_insert(json!(false));
    }
}
