//! The decision on one request of an API server: **review -> object -> claims -> findings -> answer.**
//!
//! The admission webhook and `meshwright admit` both ask [`review`] or [`decide`], so that a verdict is the same, in the
//! same words, wherever it is asked for. No policy is here; what an object asserts and what that contradicts is
//! [`crate::kinds`] and [`crate::judge`].

mod answer;
mod change;
mod declared;
mod envelope;
mod object;
mod reader;
pub(crate) mod scope;
mod standing;
mod usual;
mod words;

use std::borrow::Cow;
use std::collections::BTreeSet;

use crate::borrowed::Fields;
use crate::claim::{At, Claims};
use crate::declaration::{DeclarationSpec, MeshDeclaration};
use crate::finding::{Finding, Findings, Severity};
use crate::intent::Date;
use crate::judge;
use crate::kinds;
use crate::loss::{self, Loss};
use crate::node::Step;

pub use answer::{Answer, Cause, ObjectName, Outcome};
use change::Change;
pub use declared::{SELF_TEST, SELF_TEST_NONCE, self_test_message};
pub use envelope::{API_VERSION, GroupVersionKind, Request, Resource, Review, ReviewError};
pub use object::{ObjectError, parse as parse_object};
pub use standing::{standing, system_namespaces};
pub use words::spelled_out;

/// What is answered while no declaration is in force.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WithoutDeclaration {
    /// Allow, with a warning.
    #[default]
    Allow,
    /// Deny.
    Deny,
}

/// What requests are judged by.
#[derive(Clone, Debug)]
pub struct Basis<'a> {
    /// The declarations in force: one for each mesh that the cluster is in.
    pub declarations: Vec<&'a MeshDeclaration>,
    /// Whether there are declarations that could not be read.
    pub unreadable: bool,
    /// What is answered without any.
    pub without: WithoutDeclaration,
    /// The day, by which exceptions expire.
    pub today: Date,
}

/// A decision with what is counted, logged and told about it.
#[derive(Clone, Debug, Default)]
pub struct Verdict {
    /// The answer; nothing when the request cannot be answered by one.
    pub answer: Option<Answer>,
    /// What is said instead.
    pub error: String,
    /// Version of the review, which is also the answer's.
    pub api_version: &'static str,
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
    /// What was found.
    pub findings: Findings,
    /// Codes of the findings, once each.
    pub rules: Vec<&'static str>,
}

impl Verdict {
    /// The document that answers the request.
    #[must_use]
    pub fn body(&self) -> Option<Vec<u8>> {
        self.answer.as_ref().map(|answer| answer.to_json(self.api_version, &self.uid))
    }
}

/// Answers the body of a request.
#[must_use]
pub fn review(body: &[u8], basis: &Basis<'_>) -> Verdict {
    if let Some((review, change)) = std::str::from_utf8(body).ok().and_then(usual::parse) {
        return verdict(&review, Some(change), basis);
    }
    match Review::parse(body) {
        Ok(review) => decide(&review, basis),
        Err(ReviewError::Request { api_version, uid, error }) => {
            let message = format!("the review's request cannot be read: {error}");
            let answer = Some(Answer::denied(400, &message, ObjectName::default()));
            let (decision, reason, resource) = ("denied", "malformed", "other");
            Verdict {
                answer,
                api_version,
                uid,
                decision,
                reason,
                resource,
                error: message,
                ..Verdict::default()
            }
        }
        Err(error) => {
            let (decision, reason, resource) = ("error", "malformed", "other");
            Verdict { error: error.to_string(), decision, reason, resource, ..Verdict::default() }
        }
    }
}

/// Answers a review.
#[must_use]
pub fn decide(review: &Review<'_>, basis: &Basis<'_>) -> Verdict {
    verdict(review, None, basis)
}

/// `change`: the objects, when they were read already.
fn verdict(review: &Review<'_>, change: Option<Change<'_>>, basis: &Basis<'_>) -> Verdict {
    let request = &review.request;
    let Decision { answer, reason, declared, findings, name } = decision(request, change, basis);
    let known = kinds::kind_in(&request.kind.group, &request.kind.kind);
    Verdict {
        error: String::new(),
        api_version: review.api_version,
        uid: request.uid.to_string(),
        decision: if answer.is_allowed() { "allowed" } else { "denied" },
        answer: Some(answer),
        reason,
        resource: match known {
            Some(kind) => kind.plural(),
            None if declared::concerns(request) => "meshdeclarations",
            None => "other",
        },
        dry_run: request.dry_run == Some(true),
        operation: request.operation.to_string(),
        object: change::reference(request, &name),
        mesh: declared.map(|declared| declared.metadata.name.clone()),
        cluster: declared.map(|declared| declared.spec.cluster.name.to_string()),
        generation: declared.and_then(|declared| declared.metadata.generation),
        rules: words::rules(&findings),
        findings,
    }
}

/// A decision, before it is written.
#[derive(Debug)]
struct Decision<'a> {
    answer: Answer,
    reason: &'static str,
    declared: Option<&'a MeshDeclaration>,
    findings: Findings,
    /// The object's name, where the request does not have it.
    name: String,
}

impl Decision<'_> {
    fn allowed(reason: &'static str) -> Decision<'static> {
        Decision::of(Answer::allowed(), reason)
    }

    fn of(answer: Answer, reason: &'static str) -> Decision<'static> {
        Decision { answer, reason, declared: None, findings: Findings::new(), name: String::new() }
    }
}

fn decision<'a>(request: &Request<'_>, change: Option<Change<'_>>, basis: &Basis<'a>) -> Decision<'a> {
    let declaration = declared::concerns(request);
    if !declaration && kinds::kind_in(&request.kind.group, &request.kind.kind).is_none() {
        return Decision::allowed("unknown-kind");
    }
    let part = request.sub_resource.as_deref().filter(|part| !part.is_empty());
    let change = match change.map_or_else(|| Change::read(request), Ok) {
        Ok(change) => change,
        Err(_) if part.is_some() => return Decision::allowed("subresource"),
        Err(error) => return unreadable(request, &error.to_string()),
    };
    let claims = |object: &Fields<'_>| kinds::claims_at(&At::fields(object));
    let before = change.before.as_ref().map(claims);
    let after = change.after.as_ref().map(claims);
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
    if declaration {
        return declared::decide(request, change::name(request, &change), change.after.as_ref());
    }
    if basis.declarations.is_empty() {
        let asserts = [&before, &after].into_iter().flatten().any(|claims| !claims.list.is_empty());
        return undeclared(request, basis, asserts);
    }
    let Some(object) = change.after.as_ref().or(change.before.as_ref()) else {
        return Decision::allowed("nothing-known");
    };
    let name = change::name(request, &change);
    let home = if request.kind.kind == "Namespace" {
        name
    } else {
        request.namespace.as_deref().unwrap_or_default()
    };
    // Objects about other clusters are judged where those clusters are.
    let concerned = |declared: &&MeshDeclaration| {
        [&before, &after].into_iter().flatten().any(|claims| claims.concern(&declared.spec))
    };
    let plane = after.as_ref().or(before.as_ref()).and_then(Claims::named_plane);
    let candidates = scope::declarations(&basis.declarations, home, plane, &At::fields(object));
    let judged = candidates.into_iter().filter(concerned).map(|declared| {
        let (before, after) = (before.as_ref(), after.as_ref());
        let object = change.after.as_ref().map(At::fields);
        let judged = judge(request, name, &declared.spec, before, after, object, basis.today);
        (declared, judged)
    });
    // Right by one of them is right; otherwise the nearest speaks.
    match judged.min_by_key(|(_, judged)| (judged.findings.errors(), judged.findings.warnings())) {
        Some((declared, judged)) => answer(request, name, declared, judged),
        None => Decision::allowed("elsewhere"),
    }
}

fn same(before: Option<&Claims>, after: Option<&Claims>) -> bool {
    before.zip(after).is_some_and(|(before, after)| before == after)
}

/// An object of a kind that matters and that nobody can read. Its own schema should have refused it.
fn unreadable(request: &Request<'_>, error: &str) -> Decision<'static> {
    let message = format!("{} cannot be judged: {error}", change::reference(request, ""));
    Decision::of(Answer::denied(400, message, object_name(request, "")), "unreadable")
}

fn object_name(request: &Request<'_>, name: &str) -> ObjectName {
    let text = |text: &Cow<'_, str>| text.to_string();
    ObjectName {
        name: change::known(request, name).to_owned(),
        group: text(&request.kind.group),
        resource: text(&request.resource.resource),
    }
}

/// What asserts nothing about a mesh needs no declaration.
fn undeclared(request: &Request<'_>, basis: &Basis<'_>, asserts: bool) -> Decision<'static> {
    if !asserts {
        return Decision::allowed("asserts-nothing");
    }
    let why = if basis.unreadable { "none could be read" } else { "there is none" };
    match basis.without {
        WithoutDeclaration::Allow => {
            let mut decision = Decision::allowed("no-declaration");
            decision.answer.warn(&format!("not judged, because no MeshDeclaration is in force: {why}"));
            decision
        }
        WithoutDeclaration::Deny => {
            let message =
                format!("no MeshDeclaration is in force, so that no change of the mesh is allowed: {why}");
            Decision::of(Answer::denied(403, message, object_name(request, "")), "no-declaration")
        }
    }
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
    name: &str,
    spec: &DeclarationSpec,
    before: Option<&Claims>,
    after: Option<&Claims>,
    object: Option<At<'_>>,
    today: Date,
) -> Judged {
    let here = |claims: &&Claims| claims.concern(spec);
    let (before, after) = (before.filter(here), after.filter(here));
    let mut findings = after.map_or_else(Findings::new, |after| judge::judge(spec, after));
    if let Some(object) = object.filter(|_| after.is_some() && request.operation != "DELETE") {
        findings.extend(judge::judge_rest_at(spec, &object));
    }
    if let Some(before) = before.filter(|_| request.operation != "CREATE") {
        // A deletion has no object after, whatever the request holds.
        let after = after.filter(|_| request.operation != "DELETE");
        let loss = Loss {
            group: &request.kind.group,
            kind: &request.kind.kind,
            namespace: match request.kind.kind.as_ref() {
                "Namespace" => "",
                _ => request.namespace.as_deref().unwrap_or_default(),
            },
            name,
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

fn answer<'a>(
    request: &Request<'_>,
    name: &str,
    declared: &'a MeshDeclaration,
    judged: Judged,
) -> Decision<'a> {
    let Judged { findings, old } = judged;
    let rules = words::rules(&findings);
    let denied = findings.has_errors();
    let mut answer = Answer::allowed();
    if denied {
        answer.outcome = Outcome::Denied {
            code: 403,
            message: words::message(declared, &findings),
            causes: words::causes(&findings),
            object: object_name(request, name),
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
    Decision { answer, reason, declared: Some(declared), findings, name: name.to_owned() }
}
