//! What is wrong with one object in itself: the same for admission, which has a declaration, and for a repository, which has
//! none.

use crate::claim::{Claim, Claims};
use crate::declaration::DeclarationSpec;
use crate::finding::{Findings, Place, Rule, Severity};
use crate::node::{FieldPath, Span};
use crate::repository::{Cluster, Manifest, Repository};

/// One fault.
#[derive(Clone, Debug)]
pub(crate) struct Fault<'a> {
    /// The claim that is at fault.
    pub(crate) claim: &'a Claim,
    /// What is wrong.
    pub(crate) message: String,
    /// The nearest right change.
    pub(crate) help: String,
    /// What it contradicts: the field, and what stands there.
    pub(crate) against: Option<(FieldPath, String)>,
    /// Another severity than the rule's.
    pub(crate) severity: Option<Severity>,
}

impl<'a> Fault<'a> {
    /// A fault of the rule's severity that contradicts nothing else.
    pub(crate) fn new(claim: &'a Claim, message: impl Into<String>, help: impl Into<String>) -> Fault<'a> {
        Fault { claim, message: message.into(), help: help.into(), against: None, severity: None }
    }

    /// With the claim that it contradicts.
    pub(crate) fn against(mut self, other: &Claim) -> Fault<'a> {
        self.against = Some((other.path.clone(), format!("`{}` stands here", other.value)));
        self
    }

    /// As a warning.
    pub(crate) fn warning(mut self) -> Fault<'a> {
        self.severity = Some(Severity::Warning);
        self
    }
}

/// Reports the faults of an object in admission.
pub(crate) fn judge<'a>(
    rule: &'static Rule,
    declaration: &DeclarationSpec,
    claims: &'a Claims,
    faults: impl IntoIterator<Item = Fault<'a>>,
    findings: &mut Findings,
) {
    for fault in faults {
        let place = |path: FieldPath| Place { span: Span::NONE, path };
        let mut finding = rule
            .at(place(fault.claim.path.clone()), fault.message)
            .found(&fault.claim.value)
            .help(fault.help)
            .cluster(&declaration.cluster.name)
            .object(claims.object.clone());
        if let Some((path, label)) = fault.against {
            finding = finding.related(place(path), label);
        }
        finding.severity = fault.severity.unwrap_or(rule.severity);
        findings.push(finding);
    }
}

/// Reports the faults of every object of a repository.
pub(crate) fn compare(
    rule: &'static Rule,
    repository: &Repository,
    faults: impl for<'a> Fn(&'a Claims) -> Vec<Fault<'a>>,
    findings: &mut Findings,
) {
    for cluster in &repository.clusters {
        for subject in &cluster.subjects {
            told(rule, cluster, subject, &faults, findings);
        }
    }
}

/// Reports the faults of one object of a repository.
pub(crate) fn told(
    rule: &'static Rule,
    cluster: &Cluster,
    subject: &Manifest,
    faults: impl for<'a> Fn(&'a Claims) -> Vec<Fault<'a>>,
    findings: &mut Findings,
) {
    for fault in faults(&subject.claims) {
        let mut finding = subject
            .finding(rule, &fault.claim.path, fault.message)
            .found(&fault.claim.value)
            .help(fault.help)
            .cluster(&cluster.name);
        if let Some((path, label)) = fault.against {
            finding = finding.related(subject.place(&path), label);
        }
        finding.severity = fault.severity.unwrap_or(rule.severity);
        findings.push(finding);
    }
}
