//! The decision: **object -> claims -> findings -> answer.** No policy is here; what an object asserts and what that
//! contradicts is `meshwright-policies`.

mod scope;
mod today;
mod words;

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::time::SystemTime;

use meshwright_policies::claim::Claims;
use meshwright_policies::finding::{Finding, Findings, Severity};
use meshwright_policies::intent::Date;
use meshwright_policies::judge;
use meshwright_policies::kinds;
use meshwright_policies::loss::{self, Loss};
use meshwright_policies::node::Step;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::args::WithoutDeclaration;
use crate::metrics::ReviewLabels;
use crate::review::{Answer, ObjectError, ObjectName, Outcome, Request, Review, ReviewError, parse_object};
use crate::store::{Declared, Snapshot};

/// An answer with what is counted and logged about it.
#[derive(Clone, Debug, Default)]
pub struct Verdict {
    /// The document; nothing when the request cannot be answered by one.
    pub body: Option<Vec<u8>>,
    /// What is said instead.
    pub error: String,
    /// The request's uid.
    pub uid: String,
    /// `allowed`, `denied` or `error`.
    pub decision: &'static str,
    /// Why, in a word.
    pub reason: &'static str,
    /// The plural of a known kind, or `other`.
    pub resource: &'static str,
    /// Whether nothing will be stored.
    pub dry_run: bool,
    /// `CREATE`, `UPDATE` or `DELETE`.
    pub operation: String,
    /// `Kind/namespace/name`.
    pub object: String,
    /// The mesh by whose declaration it was judged.
    pub mesh: Option<String>,
    /// The cluster of that declaration.
    pub cluster: Option<String>,
    /// Its generation.
    pub generation: Option<i64>,
    /// Codes of the findings.
    pub rules: Vec<&'static str>,
}

impl Verdict {
    /// As counted.
    #[must_use]
    pub fn labels(&self) -> ReviewLabels {
        let dry_run = if self.dry_run { "true" } else { "false" };
        ReviewLabels { decision: self.decision, reason: self.reason, resource: self.resource, dry_run }
    }
}

/// Answers the body of a request.
#[must_use]
pub fn review(body: &[u8], snapshot: &Snapshot, without: WithoutDeclaration) -> Verdict {
    match Review::parse(body) {
        Ok(review) => {
            let decision = decide(&review.request, snapshot, without, today::date(SystemTime::now()));
            verdict(&review, decision)
        }
        Err(ReviewError::Request { api_version, uid, error }) => {
            let message = format!("the review's request cannot be read: {error}");
            let answer = Answer::denied(400, &message, ObjectName::default());
            let body = Some(answer.to_json(api_version, &uid));
            let (decision, reason, resource) = ("denied", "malformed", "other");
            Verdict { body, uid, decision, reason, resource, error: message, ..Verdict::default() }
        }
        Err(error) => {
            let (decision, reason, resource) = ("error", "malformed", "other");
            Verdict { error: error.to_string(), decision, reason, resource, ..Verdict::default() }
        }
    }
}

/// A decision, before it is written.
#[derive(Debug)]
struct Decision<'a> {
    answer: Answer,
    reason: &'static str,
    declared: Option<&'a Declared>,
    rules: Vec<&'static str>,
}

impl Decision<'_> {
    fn allowed(reason: &'static str) -> Decision<'static> {
        Decision { answer: Answer::allowed(), reason, declared: None, rules: Vec::new() }
    }
}

fn verdict(review: &Review<'_>, decision: Decision<'_>) -> Verdict {
    let request = &review.request;
    let known = kinds::kind_of(&request.kind.api_version(), &request.kind.kind);
    let metadata = decision.declared.map(|declared| &declared.declaration.metadata);
    let cluster = decision.declared.map(|declared| declared.declaration.spec.cluster.name.to_string());
    Verdict {
        body: Some(decision.answer.to_json(review.api_version, &request.uid)),
        error: String::new(),
        uid: request.uid.to_string(),
        decision: if decision.answer.is_allowed() { "allowed" } else { "denied" },
        reason: decision.reason,
        resource: known.map_or("other", |kind| kind.plural()),
        dry_run: request.dry_run == Some(true),
        operation: request.operation.to_string(),
        object: reference(request),
        mesh: metadata.map(|metadata| metadata.name.clone()),
        cluster,
        generation: metadata.and_then(|metadata| metadata.generation),
        rules: decision.rules,
    }
}

fn reference(request: &Request<'_>) -> String {
    let (kind, name) = (&request.kind.kind, request.name.as_deref().unwrap_or_default());
    match request.namespace.as_deref() {
        // The request of a Namespace names it as its own namespace.
        Some(namespace) if !namespace.is_empty() && kind != "Namespace" => {
            format!("{kind}/{namespace}/{name}")
        }
        _ => format!("{kind}/{name}"),
    }
}

fn object_name(request: &Request<'_>) -> ObjectName {
    let text = |text: &Cow<'_, str>| text.to_string();
    ObjectName {
        name: request.name.as_ref().map(text).unwrap_or_default(),
        group: text(&request.kind.group),
        resource: text(&request.resource.resource),
    }
}

/// The object before and after, as far as the request has them.
struct Change {
    before: Option<Map<String, Value>>,
    after: Option<Map<String, Value>>,
}

impl Change {
    fn read(request: &Request<'_>) -> Result<Change, ObjectError> {
        let read = |raw: &RawValue| parse_object(raw, &request.kind);
        Ok(Change {
            before: request.old_object.map(read).transpose()?,
            after: request.object.map(read).transpose()?,
        })
    }
}

fn decide<'a>(
    request: &Request<'_>,
    snapshot: &'a Snapshot,
    without: WithoutDeclaration,
    today: Date,
) -> Decision<'a> {
    let api_version = request.kind.api_version();
    if kinds::kind_of(&api_version, &request.kind.kind).is_none()
        && !loss::concerns(&request.kind.group, &request.kind.kind)
    {
        return Decision::allowed("unknown-kind");
    }
    let part = request.sub_resource.as_deref().filter(|part| !part.is_empty());
    let change = match Change::read(request) {
        Ok(change) => change,
        Err(_) if part.is_some() => return Decision::allowed("subresource"),
        Err(error) => return unreadable(request, &error.to_string()),
    };
    let claims = |object: &Option<Map<String, Value>>| object.as_ref().map(kinds::claims_of);
    let (before, after) = (claims(&change.before), claims(&change.after));
    match request.operation.as_ref() {
        // A status carries labels too: what changes a claim is judged wherever it is written.
        "CREATE" | "UPDATE" if part.is_some() && same(before.as_ref(), after.as_ref()) => {
            return Decision::allowed("subresource");
        }
        "CREATE" | "UPDATE" if after.is_none() => return unreadable(request, "there is no object"),
        "CREATE" | "UPDATE" => {}
        "DELETE" if part.is_none() => {}
        _ => return Decision::allowed("operation"),
    }
    if snapshot.declared.is_empty() {
        let asserts = [&before, &after].into_iter().flatten().any(|claims| !claims.list.is_empty());
        return undeclared(request, snapshot, asserts, without);
    }
    let Some(object) = change.after.as_ref().or(change.before.as_ref()) else {
        return Decision::allowed("nothing-known");
    };
    let home = if request.kind.kind == "Namespace" { &request.name } else { &request.namespace };
    let candidates = scope::declarations(&snapshot.declared, home.as_deref().unwrap_or_default(), object);
    let judged = candidates.into_iter().map(|declared| {
        let judged = judge(request, &declared.declaration.spec, before.as_ref(), after.as_ref(), today);
        (declared, judged)
    });
    // Right by one of them is right; otherwise the nearest speaks.
    match judged.min_by_key(|(_, judged)| (judged.findings.errors(), judged.findings.warnings())) {
        Some((declared, judged)) => answer(request, declared, judged),
        None => Decision::allowed("nothing-known"),
    }
}

fn same(before: Option<&Claims>, after: Option<&Claims>) -> bool {
    before.zip(after).is_some_and(|(before, after)| before == after)
}

/// An object of a kind that matters and that nobody can read. Its own schema should have refused it.
fn unreadable(request: &Request<'_>, error: &str) -> Decision<'static> {
    let answer = Answer::denied(
        400,
        format!("{} cannot be judged: {error}", reference(request)),
        object_name(request),
    );
    Decision { answer, reason: "unreadable", declared: None, rules: Vec::new() }
}

/// What asserts nothing about a mesh needs no declaration.
fn undeclared<'a>(
    request: &Request<'_>,
    snapshot: &Snapshot,
    asserts: bool,
    without: WithoutDeclaration,
) -> Decision<'a> {
    if !asserts {
        return Decision::allowed("asserts-nothing");
    }
    let why = if snapshot.refused.is_empty() { "there is none" } else { "none could be read" };
    let mut decision = match without {
        WithoutDeclaration::Allow => Decision::allowed("no-declaration"),
        WithoutDeclaration::Deny => {
            let message =
                format!("no MeshDeclaration is in force, so that no change of the mesh is allowed: {why}");
            let answer = Answer::denied(403, message, object_name(request));
            Decision { answer, reason: "no-declaration", declared: None, rules: Vec::new() }
        }
    };
    if decision.answer.is_allowed() {
        decision.answer.warn(&format!("not judged, because no MeshDeclaration is in force: {why}"));
    }
    decision
}

/// Findings, and which of them the object had before.
struct Judged {
    findings: Findings,
    old: BTreeSet<Key>,
}

/// By which a finding of the object before is known again: indexes move when a list grows.
type Key = (&'static str, Vec<String>, Option<String>, Option<String>);

fn key(finding: &Finding) -> Key {
    let name = |step: &Step| match step {
        Step::Key(key) => key.clone(),
        Step::Index(_) => String::new(),
    };
    let path = finding.place.path.0.iter().map(name).collect();
    (finding.rule.code, path, finding.found.clone(), finding.declared.clone())
}

fn judge(
    request: &Request<'_>,
    spec: &meshwright_policies::declaration::DeclarationSpec,
    before: Option<&Claims>,
    after: Option<&Claims>,
    today: Date,
) -> Judged {
    let mut findings = after.map_or_else(Findings::new, |after| judge::judge(spec, after));
    if let Some(before) = before.filter(|_| request.operation != "CREATE") {
        // A deletion has no object after, whatever the request holds.
        let after = after.filter(|_| request.operation != "DELETE");
        let loss = Loss {
            group: &request.kind.group,
            kind: &request.kind.kind,
            namespace: if request.kind.kind == "Namespace" {
                ""
            } else {
                request.namespace.as_deref().unwrap_or_default()
            },
            name: request.name.as_deref().unwrap_or_default(),
            before,
            after,
        };
        findings.extend(loss::judge_loss(spec, &loss));
    }
    judge::excuse(spec, today, &mut findings);
    let mut old = BTreeSet::new();
    if let Some(before) = before.filter(|_| request.operation == "UPDATE" && findings.has_errors()) {
        old = judge::judge(spec, before).iter().map(key).collect();
        findings.retain_mut(|finding| {
            if old.contains(&key(finding)) {
                finding.severity = Severity::Warning;
            }
            true
        });
    }
    Judged { findings, old }
}

fn answer<'a>(request: &Request<'_>, declared: &'a Declared, judged: Judged) -> Decision<'a> {
    let Judged { findings, old } = judged;
    let rules = words::rules(&findings);
    let denied = findings.has_errors();
    let mut answer = Answer::allowed();
    if denied {
        answer.outcome = Outcome::Denied {
            code: 403,
            message: words::message(declared, &findings),
            causes: words::causes(&findings),
            object: object_name(request),
        };
    }
    let warnings = findings.iter().filter(|finding| finding.severity == Severity::Warning);
    for text in words::warnings(warnings.map(|finding| (finding, old.contains(&key(finding))))) {
        answer.warn(&text);
    }
    answer.audit = words::audit(if denied { "denied" } else { "allowed" }, declared, &rules);
    let reason = match (denied, rules.as_slice()) {
        (true, codes) if codes.contains(&loss::RULE.code) => "removes",
        (true, _) => "contradicts",
        (false, []) => "agrees",
        (false, _) => "warned",
    };
    Decision { answer, reason, declared: Some(declared), rules }
}

#[cfg(test)]
mod tests;
