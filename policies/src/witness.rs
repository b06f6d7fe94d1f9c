//! Declarations in a repository: each is a witness of its cluster, and every object that is delivered there is judged by
//! it as the admission webhook will judge it, with the same policies and words.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::admission::scope;
use crate::claim::{At, Subject};
use crate::declaration::{DeclarationSpec, DeclaredRole, KIND, MeshDeclaration};
use crate::finding::{Finding, Findings, Place, Severity};
use crate::intent::{API_VERSION, Date};
use crate::judge;
use crate::names::mesh_hosted_as;
use crate::node::{FileId, Node, Span};
use crate::repository::{Cluster, Manifest, Repository, has_placeholder};

/// A day on which every exception holds: for whoever does not know the day.
pub const SOME_DAY: Date = Date { year: 0, month: 1, day: 1 };

/// The policy about an IstioOperator that lies in a cluster.
const OPERATOR_IN_CLUSTER: &str = "MW6110";

/// A `MeshDeclaration` that is delivered to a cluster.
#[derive(Clone, Debug)]
pub struct Witness {
    /// The object as it is written.
    pub manifest: Manifest,
    /// What it declares; nothing when the webhook could not read it.
    pub declaration: Result<Box<MeshDeclaration>, String>,
}

/// Whether a document is a declaration.
#[must_use]
pub fn is_declaration(document: &Node) -> bool {
    let is = |key: &str, text: &str| document.get(key).and_then(Node::as_str) == Some(text);
    is("kind", KIND) && is("apiVersion", API_VERSION)
}

impl Witness {
    /// Reads it, as the webhook does.
    #[must_use]
    pub fn read(manifest: Manifest) -> Witness {
        let declaration = serde_json::from_value::<MeshDeclaration>(manifest.document.to_json());
        Witness { manifest, declaration: declaration.map(Box::new).map_err(|error| error.to_string()) }
    }

    /// Its specification.
    #[must_use]
    pub fn spec(&self) -> Option<&DeclarationSpec> {
        self.declaration.as_ref().ok().map(|declaration| &declaration.spec)
    }
}

/// What the objects of one cluster are judged by.
struct Basis<'a> {
    /// The declarations, with the objects that hold them.
    declared: Vec<(&'a Witness, MeshDeclaration)>,
}

impl<'a> Basis<'a> {
    /// The cluster's own declarations. The API server of a hosted mesh has none: it is no member, and is judged by what
    /// the cluster that carries its istiod declares, as far as every member is told the same.
    fn of(repository: &'a Repository, cluster: &'a Cluster) -> Option<Basis<'a>> {
        if cluster.mixed {
            return None;
        }
        let readable = cluster.witnesses.iter().filter_map(with_declaration);
        let own: Vec<_> = readable.map(|(witness, declaration)| (witness, declaration.clone())).collect();
        let meshes: BTreeSet<&str> =
            own.iter().map(|(_, declaration)| declaration.metadata.name.as_str()).collect();
        if meshes.len() < own.len() {
            return None;
        }
        let declared = if own.is_empty() { vec![hosted(repository, cluster)?] } else { own };
        Some(Basis { declared })
    }
}

fn with_declaration(witness: &Witness) -> Option<(&Witness, &MeshDeclaration)> {
    witness.declaration.as_ref().ok().map(|declaration| (witness, &**declaration))
}

/// The declaration by which a hosted API server is judged, called after its mesh (`<mesh>-hosted`).
fn hosted<'a>(repository: &'a Repository, cluster: &Cluster) -> Option<(&'a Witness, MeshDeclaration)> {
    let mesh = mesh_hosted_as(&cluster.name).filter(|_| cluster.named)?;
    let beside = repository.clusters.iter().filter(|other| other.scope == cluster.scope && !other.mixed);
    let members: Vec<(&Witness, &MeshDeclaration)> = beside
        .flat_map(|other| &other.witnesses)
        .filter_map(with_declaration)
        .filter(|(_, declaration)| {
            declaration.spec.mesh.name.as_str() == mesh
                && declaration.spec.control_plane.role == DeclaredRole::HostedWorker
        })
        .collect();
    let is_host = |(_, declaration): &&(&Witness, &MeshDeclaration)| {
        let host = declaration.spec.control_plane.primary.as_ref();
        host.is_some_and(|host| host.name == declaration.spec.cluster.name)
    };
    let (witness, declaration) = members.iter().find(is_host).or(members.first())?;
    let mut declaration = (*declaration).clone();
    let networks = Arc::make_mut(&mut declaration.spec.networks);
    for (id, network) in networks {
        for (index, entry) in network.gateways.iter_mut().enumerate() {
            let seen = |other: &MeshDeclaration| {
                let network = other.spec.networks.get(id)?;
                network.gateways.get(index).map(|other| other.address == entry.address)
            };
            if members.iter().any(|(_, other)| seen(other) == Some(false)) {
                entry.address = None;
            }
        }
    }
    Some((witness, declaration))
}

/// Judges the objects of some clusters of a repository by the declarations there, exceptions aside.
#[must_use]
pub fn judge(repository: &Repository, clusters: &[Cluster]) -> Findings {
    let mut findings = Findings::new();
    for cluster in clusters {
        let Some(basis) = Basis::of(repository, cluster) else { continue };
        for subject in &cluster.subjects {
            findings.extend(judge_one(&basis, cluster, subject));
        }
    }
    findings
}

/// By the declaration that is nearest to an object: right by one of them is right.
fn judge_one(basis: &Basis<'_>, cluster: &Cluster, subject: &Manifest) -> Vec<Finding> {
    let candidates = candidates(basis, subject);
    let judged = candidates
        .into_iter()
        .filter(|(_, declaration)| concerns(subject, &declaration.spec))
        .map(|(witness, declaration)| (witness, judge::judge(&declaration.spec, &subject.claims)));
    let Some((witness, findings)) =
        judged.min_by_key(|(_, findings)| (findings.errors(), findings.warnings()))
    else {
        return Vec::new();
    };
    let known = findings.into_iter().filter(|finding| is_known(cluster, subject, finding));
    known.map(|finding| placed(finding, cluster, subject, witness)).collect()
}

fn candidates<'a>(basis: &'a Basis<'_>, subject: &Manifest) -> Vec<(&'a Witness, &'a MeshDeclaration)> {
    let all = || basis.declared.iter().map(|(witness, declaration)| (*witness, declaration));
    if basis.declared.len() < 2 {
        return all().collect();
    }
    let serde_json::Value::Object(object) = subject.document.to_json() else { return all().collect() };
    let home = match subject.kind.as_str() {
        "Namespace" => Some(subject.name.as_str()),
        "" => Some(subject.plane.as_str()),
        _ => subject.namespace.as_deref(),
    };
    let declared: Vec<&MeshDeclaration> = all().map(|(_, declaration)| declaration).collect();
    let (home, plane) = (home.unwrap_or_default(), subject.claims.named_plane());
    let chosen = scope::declarations(&declared, home, plane, &At::root(&object));
    all().filter(|(_, declaration)| chosen.iter().any(|one| std::ptr::eq(*one, *declaration))).collect()
}

/// An object that is about another cluster lies where lint found that cluster to be; of a kubeconfig only its name is known,
/// and what a `Kustomization` applies by it is judged where it is written.
fn concerns(subject: &Manifest, declaration: &DeclarationSpec) -> bool {
    match &subject.claims.subject {
        Subject::Here | Subject::Cluster(_) => true,
        Subject::Elsewhere => subject.kind != "Kustomization",
        Subject::Mesh(_) | Subject::Plane(_) => subject.claims.concern(declaration),
    }
}

/// Whether a finding does not come from what was not read: a field that a template fills in, a label that another file of
/// the cluster adds.
fn is_known(cluster: &Cluster, subject: &Manifest, finding: &Finding) -> bool {
    if subject.unknown {
        return false;
    }
    // What no agent applies is a file for `istioctl`.
    if finding.rule.code == OPERATOR_IN_CLUSTER && !subject.applied {
        return false;
    }
    let is_said = subject.claims.list.iter().any(|claim| claim.path == finding.place.path);
    let told = finding.found.iter().chain([&finding.message]);
    let is_open =
        !subject.unresolved.is_empty() && (!is_said || told.into_iter().any(|text| has_placeholder(text)));
    let is_partial = || {
        let same = |other: &&Manifest| other.identity() == subject.identity();
        !cluster.complete || cluster.subjects.iter().filter(same).count() > 1
    };
    // The chart that reads a file of values is a guess.
    let is_whole = || match subject.kind.as_str() {
        "" => subject.chart.is_some(),
        "Namespace" => !is_partial(),
        _ => true,
    };
    !is_open && (is_said || is_whole())
}

/// The finding where it stands in the files, and the declaration where it is delivered from.
fn placed(mut finding: Finding, cluster: &Cluster, subject: &Manifest, witness: &Witness) -> Finding {
    finding.place = subject.place(&finding.place.path);
    let declared = finding.declared.is_some();
    for (index, related) in finding.related.iter_mut().enumerate() {
        if related.place.span == Span::NONE {
            let is_declared = index == 0 && declared || is_in(&witness.manifest.document, &related.place);
            let document = if is_declared { &witness.manifest } else { subject };
            related.place = document.place(&related.place.path);
        }
    }
    if finding.cluster.is_none() {
        finding.cluster = Some(cluster.name.clone());
    }
    finding.object = finding.object.filter(|object| !object.is_empty());
    finding
}

fn is_in(document: &Node, place: &Place) -> bool {
    document.at(&place.path).is_some()
}

/// Lowers or silences what the declarations excuse, as of `today`, and leaves out what was also found without them:
/// a declaration knows which side is right.
#[must_use]
pub fn settle(repository: &Repository, today: Date, judged: Findings, compared: Findings) -> Findings {
    let mut findings = Findings::new();
    let told = Told::of(&judged);
    findings.extend(compared.into_iter().filter(|finding| !told.has(finding)));
    findings.extend(judged);
    excuse(repository, today, &mut findings);
    findings.sort();
    findings
}

/// Places at which an object or its declaration was found wrong, by file: where they begin and end, and how bad it is.
struct Told(BTreeMap<FileId, Vec<(u32, u32, Severity)>>);

impl Told {
    fn of(findings: &Findings) -> Told {
        let mut told: BTreeMap<FileId, Vec<(u32, u32, Severity)>> = BTreeMap::new();
        for finding in findings {
            let span = finding.place.span;
            told.entry(span.file).or_default().push((span.start, span.end, finding.rule.severity));
        }
        Told(told)
    }

    /// Whether a finding is about such a place, about what holds it or about what it is compared with, and is no worse.
    fn has(&self, finding: &Finding) -> bool {
        let places =
            std::iter::once(&finding.place).chain(finding.related.iter().map(|related| &related.place));
        places.filter(|place| !place.path.0.is_empty()).map(|place| place.span).any(|span| {
            let all = self.0.get(&span.file).into_iter().flatten();
            let mut same = all.filter(|(start, end, _)| {
                *start <= span.start && span.end <= *end || span.start <= *start && *end <= span.end
            });
            same.any(|(_, _, severity)| *severity <= finding.rule.severity)
        })
    }
}

fn excuse(repository: &Repository, today: Date, findings: &mut Findings) {
    for cluster in &repository.clusters {
        let specs = cluster.witnesses.iter().filter_map(Witness::spec);
        let excusing: Vec<&DeclarationSpec> = specs.filter(|spec| !spec.exceptions.is_empty()).collect();
        if excusing.is_empty() {
            continue;
        }
        let files: BTreeSet<FileId> =
            cluster.subjects.iter().map(|subject| subject.document.span.file).collect();
        for spec in excusing {
            let (mut own, mut others) = (Findings::new(), Findings::new());
            for finding in std::mem::take(findings) {
                let names = [cluster.name.as_str(), spec.cluster.name.as_str()];
                let is_own = finding.cluster.as_deref().is_some_and(|name| names.contains(&name))
                    && files.contains(&finding.place.span.file);
                if is_own { own.push(finding) } else { others.push(finding) }
            }
            judge::excuse(spec, today, &mut own);
            others.extend(own);
            *findings = others;
        }
    }
}
