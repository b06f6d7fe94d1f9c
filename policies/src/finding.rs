//! What a policy reports, and the documentation that every code carries.

use std::fmt;

use crate::node::{FieldPath, Node, Span};

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The mesh is wrong or will break: nothing is rendered, the object is refused.
    Error,
    /// Works today by luck, precedence or version: said, never fatal.
    Warning,
}

impl Severity {
    /// `error` or `warning`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What one code means, for ever. The codes are grouped: 00 reading, 01 references and intent, 1 identity, 2 networks,
/// 3 addresses, 4 gateways, 5 control planes, 6 versions, 7 certificates and secrets, 8 delivery, 9 platform.
#[derive(Debug)]
pub struct Rule {
    /// `MWnnnn`.
    pub code: &'static str,
    /// Kebab-case name of what it finds: `overlapping-pod-cidrs`.
    pub name: &'static str,
    /// Severity unless `PolicyConfig` lowers it.
    pub severity: Severity,
    /// One line: what is found.
    pub title: &'static str,
    /// Markdown: why it matters with the source of the fact, how to fix it, and the examples that are run as tests: fenced
    /// blocks marked `yaml refused` and `yaml accepted`, or the same with what runs them (`refused-object`).
    pub docs: &'static str,
}

impl Rule {
    /// A finding of this rule.
    #[must_use]
    pub fn at(&'static self, place: Place, message: impl Into<String>) -> Finding {
        Finding {
            rule: self,
            severity: self.severity,
            message: message.into(),
            place,
            related: Vec::new(),
            help: None,
            found: None,
            declared: None,
            cluster: None,
            concerns: Vec::new(),
            object: None,
        }
    }
}

/// Where something is: a field of a document, and the bytes that a person should look at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The bytes; [`Span::NONE`] for objects that came over the wire.
    pub span: Span,
    /// The field.
    pub path: FieldPath,
}

impl Place {
    /// The place of `path` in `document`; a value that was not written points at its nearest written ancestor.
    #[must_use]
    pub fn in_document(document: &Node, path: impl Into<FieldPath>) -> Place {
        let path = path.into();
        Place { span: document.nearest_span(&path), path }
    }

    /// Nowhere in particular.
    #[must_use]
    pub fn unknown() -> Place {
        Place { span: Span::NONE, path: FieldPath::root() }
    }
}

/// Another place that a finding is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Related {
    /// Where.
    pub place: Place,
    /// What stands there: "`network-c1` is declared here".
    pub label: String,
}

/// One thing that is wrong, where, against what, and what to do.
#[derive(Clone, Debug)]
pub struct Finding {
    /// What kind of finding.
    pub rule: &'static Rule,
    /// How bad; equal to the rule's unless a `PolicyConfig` changed it.
    pub severity: Severity,
    /// One line for people: lower case, no full stop, user input in backticks.
    pub message: String,
    /// The value that is wrong.
    pub place: Place,
    /// The other values involved; the first is what was declared, when [`Finding::declared`] is set.
    pub related: Vec<Related>,
    /// The nearest change that would be right.
    pub help: Option<String>,
    /// The value found.
    pub found: Option<String>,
    /// The value declared elsewhere that it contradicts.
    pub declared: Option<String>,
    /// The cluster it concerns.
    pub cluster: Option<String>,
    /// The clusters that a value which they share is wrong for, when [`Finding::cluster`] names none; sorted.
    pub concerns: Vec<String>,
    /// The object it concerns: `Kind/namespace/name` or `Kind/name`.
    pub object: Option<String>,
}

impl Finding {
    /// Says what to do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Finding {
        self.help = Some(help.into());
        self
    }

    /// Names another place that is involved.
    #[must_use]
    pub fn related(mut self, place: Place, label: impl Into<String>) -> Finding {
        self.relate(place, label);
        self
    }

    /// Names another place that is involved, of a finding that is made already.
    pub fn relate(&mut self, place: Place, label: impl Into<String>) {
        self.related.push(Related { place, label: label.into() });
    }

    /// The value found.
    #[must_use]
    pub fn found(mut self, value: impl ToString) -> Finding {
        self.found = Some(value.to_string());
        self
    }

    /// The value declared and where: it becomes the first related place.
    #[must_use]
    pub fn declared(mut self, value: impl ToString, place: Place, label: impl Into<String>) -> Finding {
        self.declared = Some(value.to_string());
        self.related.insert(0, Related { place, label: label.into() });
        self
    }

    /// The cluster concerned.
    #[must_use]
    pub fn cluster(mut self, cluster: impl ToString) -> Finding {
        self.cluster = Some(cluster.to_string());
        self
    }

    /// The object concerned.
    #[must_use]
    pub fn object(mut self, object: impl Into<String>) -> Finding {
        self.object = Some(object.into());
        self
    }

    /// The order in which findings are printed, independent of how they were found.
    fn sort_key(&self) -> impl Ord + '_ {
        (
            self.place.span,
            self.rule.code,
            &self.place.path,
            &self.message,
            &self.cluster,
            &self.object,
            &self.found,
        )
    }
}

/// Findings, with the order and the counts that every output shares.
#[derive(Clone, Debug, Default)]
pub struct Findings(Vec<Finding>);

impl Findings {
    /// None yet.
    #[must_use]
    pub fn new() -> Findings {
        Findings::default()
    }

    /// Adds one.
    pub fn push(&mut self, finding: Finding) {
        self.0.push(finding);
    }

    /// Adds many.
    pub fn extend(&mut self, findings: impl IntoIterator<Item = Finding>) {
        self.0.extend(findings);
    }

    /// By file, offset, code, field, message; equal findings once, with all the clusters that they concern.
    pub fn sort(&mut self) {
        self.0.sort_by(|a, b| a.sort_key().cmp(&b.sort_key()));
        self.0.dedup_by(|again, first| {
            let equal = again.sort_key() == first.sort_key();
            if equal && again.concerns != first.concerns {
                first.concerns.append(&mut again.concerns);
                first.concerns.sort();
                first.concerns.dedup();
            }
            equal
        });
    }

    /// In order of [`Findings::sort`] when that was called.
    pub fn iter(&self) -> std::slice::Iter<'_, Finding> {
        self.0.iter()
    }

    /// Mutable access, for `PolicyConfig`.
    pub fn retain_mut(&mut self, keep: impl FnMut(&mut Finding) -> bool) {
        self.0.retain_mut(keep);
    }

    /// How many errors.
    #[must_use]
    pub fn errors(&self) -> usize {
        self.0.iter().filter(|f| f.severity == Severity::Error).count()
    }

    /// How many warnings.
    #[must_use]
    pub fn warnings(&self) -> usize {
        self.0.len() - self.errors()
    }

    /// Whether there is any error.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.0.iter().any(|f| f.severity == Severity::Error)
    }

    /// Whether there is nothing at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl IntoIterator for Findings {
    type Item = Finding;
    type IntoIter = std::vec::IntoIter<Finding>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a> IntoIterator for &'a Findings {
    type Item = &'a Finding;
    type IntoIter = std::slice::Iter<'a, Finding>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}
