//! Soundness: what is rendered is judged as the admission webhook will judge it. An object that its own declaration
//! refuses is a fault of this program, or of values that the intent adds freely, and must not reach a cluster.

mod free;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use meshwright_policies::assembly::UNSOUND_OUTPUT;
use meshwright_policies::declaration::{DeclarationSpec, DeclaredNetwork, MeshFacts};
use meshwright_policies::finding::{Finding, Findings, Place, Severity};
use meshwright_policies::intent::{ControlPlane, Date};
use meshwright_policies::judge;
use meshwright_policies::mesh::{Fleet, Mesh};
use meshwright_policies::names::{ClusterName, NetworkId};

use crate::artefact::{Output, Rendered, Root};
use crate::artefacts::carried;
use crate::assemble::{Assembly, matches};
use crate::carry;
use crate::object::Object;
use crate::threads;

/// Fewer roots are judged by one thread.
const ROOTS_FOR_THREADS: usize = 32;

/// The declarations by which rendered objects are judged.
#[derive(Debug, Default)]
pub struct Declarations {
    of_clusters: BTreeMap<String, Arc<DeclarationSpec>>,
    /// By the directory of a hosted API server, and by the mesh: what the mesh says of itself, since neither that API
    /// server nor a management cluster is a member.
    of_hosted: BTreeMap<String, Arc<DeclarationSpec>>,
    of_meshes: BTreeMap<String, Arc<DeclarationSpec>>,
    /// By mesh: what its declarations share.
    networks: BTreeMap<String, Arc<BTreeMap<NetworkId, DeclaredNetwork>>>,
}

impl Declarations {
    /// Computes them.
    #[must_use]
    pub fn new(fleet: &Fleet) -> Declarations {
        Declarations::beside(fleet, &Declarations::default())
    }

    /// Computes them, and shares with earlier ones what is equal.
    #[must_use]
    pub fn beside(fleet: &Fleet, earlier: &Declarations) -> Declarations {
        let mut declarations = Declarations::default();
        for mesh in fleet.meshes.values() {
            let facts = MeshFacts::new(fleet, mesh);
            let networks = earlier.networks.get(mesh.name.as_str()).filter(|old| **old == *facts.networks());
            let networks = Arc::clone(networks.unwrap_or(facts.networks()));
            for cluster in mesh.clusters.values() {
                let mut declaration = facts.judged(cluster);
                if Arc::ptr_eq(&declaration.networks, facts.networks()) {
                    declaration.networks = Arc::clone(&networks);
                }
                let name = cluster.name.as_str();
                let declaration = shared(declaration, earlier.of_clusters.get(name));
                declarations.of_clusters.insert(name.to_owned(), declaration);
            }
            declarations.add_hosted(mesh, &facts, &networks, earlier);
            declarations.networks.insert(mesh.name.to_string(), networks);
        }
        declarations
    }

    fn add_hosted(
        &mut self,
        mesh: &Mesh,
        facts: &MeshFacts<'_>,
        networks: &Arc<BTreeMap<NetworkId, DeclaredNetwork>>,
        earlier: &Declarations,
    ) {
        let ControlPlane::Hosted(hosted) = &mesh.spec.control_plane else { return };
        let Some(host) = mesh.clusters.get(&hosted.cluster) else { return };
        // One hosted istiod tells every proxy the same addresses, those without an observer.
        let mut declaration = facts.judged(host);
        declaration.networks = Arc::clone(networks);
        let declaration = shared(declaration, earlier.of_meshes.get(mesh.name.as_str()));
        if let Some(name) = mesh.hosted_name() {
            self.of_hosted.insert(name.to_string(), Arc::clone(&declaration));
        }
        self.of_meshes.insert(mesh.name.to_string(), declaration);
    }

    /// The declaration that an object of a root has to agree with. `None` for what belongs to no member: declarations
    /// themselves, sources, Argo CD's own objects.
    #[must_use]
    pub fn of(&self, root: &Root, object: &Object) -> Option<&Arc<DeclarationSpec>> {
        match (object.kind(), root) {
            ("GlobalMesh", _) => self.of_meshes.get(object.name()),
            ("MeshCluster", _) => self.of_clusters.get(object.name()),
            (_, Root::Mesh(name) | Root::Flux(name) | Root::Istioctl(name) | Root::Helm(name)) => {
                self.of_server(name)
            }
            (_, Root::Argocd) => {
                let labels = object.as_map().get("metadata").and_then(|metadata| metadata.get("labels"));
                let cluster = labels.and_then(|labels| labels.get("meshwright.dev/cluster"));
                cluster.and_then(|name| name.as_str()).and_then(|name| self.of_clusters.get(name))
            }
            (_, Root::Crds | Root::Declaration(_)) => None,
        }
    }

    fn of_server(&self, name: &ClusterName) -> Option<&Arc<DeclarationSpec>> {
        self.of_clusters.get(name.as_str()).or_else(|| self.of_hosted.get(name.as_str()))
    }
}

fn shared(declaration: DeclarationSpec, earlier: Option<&Arc<DeclarationSpec>>) -> Arc<DeclarationSpec> {
    match earlier.filter(|earlier| ***earlier == declaration) {
        Some(earlier) => Arc::clone(earlier),
        None => Arc::new(declaration),
    }
}

/// A day on which every exception holds. Whether one has expired was judged when the intent was read.
const SOME_DAY: Date = Date { year: 0, month: 1, day: 1 };

/// Judges everything that is rendered; a values file that no agent delivers as the release that a person makes of it.
#[must_use]
pub fn check(fleet: &Fleet, out: &Output) -> Findings {
    check_beside(fleet, &Declarations::new(fleet), out, None)
}

/// [`check`] by declarations that were computed. What was found sound before, and is judged by the same declaration
/// now, is sound.
pub(crate) fn check_beside(
    fleet: &Fleet,
    declarations: &Declarations,
    out: &Output,
    earlier: Option<(&Assembly, &Declarations)>,
) -> Findings {
    let roots: Vec<(&Root, &Vec<Arc<Rendered>>)> = out.objects().iter().collect();
    let parts = threads::in_parts(&roots, ROOTS_FOR_THREADS, |part| {
        let mut findings = Findings::new();
        for (root, objects) in part {
            let known = earlier.and_then(|(assembly, judged)| Some((assembly.roots.get(root)?, judged)));
            let known = known.map(|(written, judged)| (matches(&written.objects, objects), judged));
            for (at, rendered) in objects.iter().enumerate() {
                let Some(declaration) = declarations.of(root, &rendered.object) else { continue };
                let was_sound = known.as_ref().is_some_and(|(known, judged)| {
                    let before = judged.of(root, &rendered.object);
                    known.get(at).is_some_and(Option::is_some)
                        && before.is_some_and(|before| Arc::ptr_eq(before, declaration))
                });
                // What is found in an object that a person wrote, and warnings of what is added freely, are said at the place
                // where they stand now.
                if !was_sound
                    || rendered.artefact == carried::NAME
                    || free::is_added(fleet, root, &rendered.object)
                {
                    let place = format!("in `{}/`", root.directory());
                    let at = Rendering { root: Some(root), cluster: root.cluster(), place: &place };
                    judge(fleet, declaration, &at, rendered, &mut findings);
                }
            }
        }
        findings
    });
    let mut findings = Findings::new();
    parts.into_iter().for_each(|part| findings.extend(part));
    for (path, cluster, release) in out.values_files() {
        if let Some(declaration) = declarations.of_server(cluster) {
            let place = format!("of `{path}`");
            let at = Rendering { root: None, cluster: Some(cluster), place: &place };
            judge(fleet, declaration, &at, release, &mut findings);
        }
    }
    // A value that clusters share is written once and doubted once.
    let mut seen = BTreeSet::new();
    findings.retain_mut(|finding| {
        let is_error = finding.severity == Severity::Error;
        is_error
            || !free::is_free(&finding.place.path)
            || seen.insert((finding.rule.code, finding.place.clone()))
    });
    findings.sort();
    findings
}

/// The refusal of an object that a person wrote, where it is written, with what it contradicts.
fn as_written(fleet: &Fleet, root: &Root, object: &Object, mut refused: Finding) -> Finding {
    if let Some((mesh, cluster, document)) = carry::source(fleet, root, object) {
        refused.place = Place::in_document(document, refused.place.path);
        for related in &mut refused.related {
            let declared = carry::declared_at(mesh, cluster, &related.place.path);
            related.place.span = declared.span;
        }
        refused.cluster = Some(cluster.name.to_string());
    }
    refused
}

/// Where an object is rendered.
struct Rendering<'a> {
    /// `None` for a values file.
    root: Option<&'a Root>,
    /// The name of the API server's directory.
    cluster: Option<&'a ClusterName>,
    /// In words.
    place: &'a str,
}

fn judge(
    fleet: &Fleet,
    declaration: &DeclarationSpec,
    at: &Rendering<'_>,
    rendered: &Rendered,
    findings: &mut Findings,
) {
    let object = rendered.object.as_map();
    let mut refused = judge::judge_object(declaration, object);
    if rendered.artefact == carried::NAME {
        refused.extend(judge::judge_rest(declaration, object));
    }
    if !refused.is_empty() {
        judge::excuse(declaration, SOME_DAY, &mut refused);
    }
    if let Some(root) = at.root.filter(|_| rendered.artefact == carried::NAME) {
        let as_written = |finding| as_written(fleet, root, &rendered.object, finding);
        findings.extend(refused.into_iter().map(as_written));
        return;
    }
    for refused in refused {
        match refused.severity {
            Severity::Error => findings.push(unsound(fleet, at, rendered.artefact, refused)),
            // What is rendered from declarations is right; what an intent adds freely may be as doubtful as anybody's.
            Severity::Warning => findings.extend(doubtful(fleet, at, refused)),
        }
    }
}

/// The warning, at the free value that it is about; nothing where it is about anything else.
fn doubtful(fleet: &Fleet, rendering: &Rendering<'_>, mut refused: Finding) -> Option<Finding> {
    let (document, path) = free::written(fleet, rendering.cluster, &refused)?;
    refused.place = Place::in_document(document, path);
    refused.related.clear();
    Some(refused)
}

/// The refusal, told as a fault of what the intent adds freely where that is where the refused value stands, as a fault of
/// the output otherwise.
fn unsound(fleet: &Fleet, rendering: &Rendering<'_>, artefact: &str, refused: Finding) -> Finding {
    let code = refused.rule.code;
    let message = format!(
        "`{}` {} would be refused by its own declaration: {} ({code})",
        refused.object.as_deref().unwrap_or_default(),
        rendering.place,
        refused.message,
    );
    let found = refused.found.as_deref().unwrap_or_default();
    let (at, help) = match free::source(fleet, rendering.cluster, &refused) {
        Some((at, declared)) => {
            let help = match declared {
                false => {
                    format!("take `{found}` out of `{}`: what is declared is rendered without it", at.path)
                }
                true => format!("`{found}` comes from `{}`: change it there", at.path),
            };
            (at, help)
        }
        None => (
            refused.place,
            format!(
                "`{found}` stands nowhere in the intent, so this is a fault of `{artefact}` in meshwright: please report it"
            ),
        ),
    };
    let mut finding = UNSOUND_OUTPUT.at(at, message).help(help);
    finding.found = refused.found;
    finding.declared = refused.declared;
    finding.related = refused.related;
    finding.cluster = refused.cluster;
    finding.object = refused.object;
    finding
}
