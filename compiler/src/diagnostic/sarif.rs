//! Findings as SARIF 2.1.0 (OASIS), within what GitHub code scanning takes: one run, at most 25,000 results, every
//! result with a file (a result without `artifactLocation.uri` fails the whole upload).

use std::collections::BTreeMap;
use std::fmt::Write as _;

use meshwright_policies::finding::{Finding, Place, Rule, Severity};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::Report;

/// Most results of a run that GitHub accepts ("SARIF support for code scanning", limits).
const MOST_RESULTS: usize = 25_000;

const HOME: &str = "https://github.com/meshwright/meshwright";

pub(super) fn render(report: &Report<'_>) -> String {
    let shown = shown(&report.findings);
    let rules: BTreeMap<&str, &Rule> = shown.iter().map(|f| (f.rule.code, f.rule)).collect();
    let index: BTreeMap<&str, usize> = rules.keys().enumerate().map(|(i, code)| (*code, i)).collect();
    let results: Vec<Value> = shown.iter().map(|finding| result(report, finding, &index)).collect();
    let document = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "meshwright",
                "informationUri": HOME,
                "semanticVersion": report.options.tool_version,
                "rules": rules.values().map(|rule| descriptor(rule)).collect::<Vec<_>>(),
            }},
            "columnKind": "unicodeCodePoints",
            "invocations": [{
                "executionSuccessful": true,
                "toolExecutionNotifications": notifications(report.findings.len(), shown.len()),
            }],
            "results": results,
        }],
    });
    format!("{document:#}\n")
}

/// The findings that fit, errors before warnings, still in order.
fn shown<'a>(findings: &[&'a Finding]) -> Vec<&'a Finding> {
    if findings.len() <= MOST_RESULTS {
        return findings.to_vec();
    }
    let errors = findings.iter().filter(|f| f.severity == Severity::Error).count();
    let (mut errors_left, mut warnings_left) = (MOST_RESULTS, MOST_RESULTS.saturating_sub(errors));
    let fits = |finding: &&&Finding| {
        let left = match finding.severity {
            Severity::Error => &mut errors_left,
            Severity::Warning => &mut warnings_left,
        };
        let fits = *left > 0;
        *left = left.saturating_sub(1);
        fits
    };
    findings.iter().filter(fits).copied().collect()
}

fn notifications(all: usize, shown: usize) -> Value {
    if all == shown {
        return json!([]);
    }
    let text = format!("{} of {all} findings are left out: a run may hold {MOST_RESULTS}", all - shown);
    json!([{"level": "warning", "message": {"text": text}}])
}

fn descriptor(rule: &Rule) -> Value {
    json!({
        "id": rule.code,
        "name": rule.name,
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": rule.title},
        "help": {"text": rule.docs, "markdown": rule.docs},
        "helpUri": format!("{HOME}/blob/main/docs/policies.md#{}", rule.code.to_ascii_lowercase()),
        "defaultConfiguration": {"level": rule.severity.as_str()},
        "properties": {"tags": ["istio", "multicluster"]},
    })
}

fn result(report: &Report<'_>, finding: &Finding, index: &BTreeMap<&str, usize>) -> Value {
    let mut text = finding.message.clone();
    if let Some(help) = &finding.help {
        text.push_str("\n\nhelp: ");
        text.push_str(help);
    }
    let mut location = json!({"physicalLocation": physical_or_root(report, &finding.place)});
    let logical = logical(finding);
    if !logical.is_empty() {
        insert(&mut location, "logicalLocations", Value::Array(logical));
    }
    let mut result = json!({
        "ruleId": finding.rule.code,
        "ruleIndex": index.get(finding.rule.code),
        "level": finding.severity.as_str(),
        "message": {"text": text},
        "locations": [location],
        "partialFingerprints": {"meshwright/v1": fingerprint(report, finding)},
    });
    let related: Vec<Value> = finding
        .related
        .iter()
        .filter_map(|r| Some((physical(report, &r.place)?, &r.label)))
        .enumerate()
        .map(|(id, (place, label))| json!({"id": id, "physicalLocation": place, "message": {"text": label}}))
        .collect();
    if !related.is_empty() {
        insert(&mut result, "relatedLocations", Value::Array(related));
    }
    result
}

fn insert(object: &mut Value, key: &str, value: Value) {
    if let Value::Object(map) = object {
        map.insert(key.to_owned(), value);
    }
}

fn physical(report: &Report<'_>, place: &Place) -> Option<Value> {
    let spot = report.spot(place)?;
    Some(json!({
        "artifactLocation": {"uri": uri(&report.repository_path(spot.file.path()))},
        "region": {
            "startLine": spot.line,
            "startColumn": spot.column,
            "endLine": spot.end_line,
            "endColumn": spot.end_column,
        },
    }))
}

/// What was written nowhere is shown at the directory that was checked.
fn physical_or_root(report: &Report<'_>, place: &Place) -> Value {
    physical(report, place).unwrap_or_else(|| {
        let root = uri(&report.repository_path("."));
        json!({"artifactLocation": {"uri": root}, "region": {"startLine": 1}})
    })
}

/// The cluster, the object in it, the field of that.
fn logical(finding: &Finding) -> Vec<Value> {
    let mut places = Vec::new();
    if let Some(cluster) = &finding.cluster {
        places.push(json!({"name": cluster, "fullyQualifiedName": cluster, "kind": "cluster"}));
    }
    if let Some(object) = &finding.object {
        let full = finding.cluster.as_ref().map_or(object.clone(), |cluster| format!("{cluster}/{object}"));
        places.push(json!({"name": object, "fullyQualifiedName": full, "kind": "object"}));
    }
    if !finding.place.path.0.is_empty() {
        let path = finding.place.path.to_string();
        places.push(json!({"name": path, "fullyQualifiedName": path, "kind": "member"}));
    }
    places
}

/// Who a finding is, whatever lines are added above it. Not under GitHub's own key `primaryLocationLineHash`: its
/// upload computes that one and complains about any other value.
fn fingerprint(report: &Report<'_>, finding: &Finding) -> String {
    let file = report.sources.get(finding.place.span.file).map(|f| report.repository_path(f.path()));
    let path = finding.place.path.to_string();
    let parts = [
        finding.rule.code,
        file.as_deref().unwrap_or_default(),
        &path,
        &finding.message,
        finding.cluster.as_deref().unwrap_or_default(),
        finding.object.as_deref().unwrap_or_default(),
    ];
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    hash.finalize().iter().take(16).fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// A path as a URI reference (RFC 3986): absolute ones with their scheme, everything but unreserved characters encoded.
fn uri(path: &str) -> String {
    let mut uri = String::from(if path.starts_with('/') { "file://" } else { "" });
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            let _ = write!(uri, "%{byte:02X}");
        }
    }
    uri
}
