//! Soundness: what is rendered is judged as the admission webhook will judge it. An object that its own declaration
//! refuses is a fault of this program, or of values that the intent adds freely, and must not reach a cluster.

use std::collections::BTreeMap;

use meshwright_policies::assembly::UNSOUND_OUTPUT;
use meshwright_policies::declaration::{DeclarationSpec, MeshFacts};
use meshwright_policies::finding::{Finding, Findings, Place, Severity};
use meshwright_policies::intent::{ControlPlane, Date};
use meshwright_policies::judge;
use meshwright_policies::mesh::{Fleet, Mesh};
use meshwright_policies::names::ClusterName;

use crate::artefact::{Output, Rendered, Root};
use crate::artefacts::carried;
use crate::carry;
use crate::destination::hosted_name;
use crate::object::Object;
use crate::threads;

/// Fewer roots are judged by one thread.
const ROOTS_FOR_THREADS: usize = 32;

/// The declarations by which rendered objects are judged.
#[derive(Debug)]
pub struct Declarations<'a> {
    of_clusters: BTreeMap<&'a str, DeclarationSpec>,
    /// By the directory of a hosted API server, and by the mesh: what the mesh says of itself, since neither that API
    /// server nor a management cluster is a member.
    of_hosted: BTreeMap<String, DeclarationSpec>,
    of_meshes: BTreeMap<&'a str, DeclarationSpec>,
}

impl<'a> Declarations<'a> {
    /// Computes them.
    #[must_use]
    pub fn new(fleet: &'a Fleet) -> Declarations<'a> {
        let mut declarations = Declarations {
            of_clusters: BTreeMap::new(),
            of_hosted: BTreeMap::new(),
            of_meshes: BTreeMap::new(),
        };
        for mesh in fleet.meshes.values() {
            let facts = MeshFacts::new(fleet, mesh);
            for cluster in mesh.clusters.values() {
                declarations.of_clusters.insert(cluster.name.as_str(), facts.judged(cluster));
            }
            declarations.add_hosted(mesh, &facts);
        }
        declarations
    }

    fn add_hosted(&mut self, mesh: &'a Mesh, facts: &MeshFacts<'_>) {
        let ControlPlane::Hosted(hosted) = &mesh.spec.control_plane else { return };
        let Some(host) = mesh.clusters.get(&hosted.cluster) else { return };
        // One hosted istiod tells every proxy the same addresses, those without an observer.
        let mut declaration = facts.judged(host);
        declaration.networks = facts.networks().clone();
        if let Some(name) = hosted_name(mesh) {
            self.of_hosted.insert(name.to_string(), declaration.clone());
        }
        self.of_meshes.insert(mesh.name.as_str(), declaration);
    }

    /// The declaration that an object of a root has to agree with. `None` for what belongs to no member: declarations
    /// themselves, sources, Argo CD's own objects.
    #[must_use]
    pub fn of(&self, root: &Root, object: &Object) -> Option<&DeclarationSpec> {
        match (object.kind(), root) {
            ("GlobalMesh", _) => self.of_meshes.get(object.name()),
            ("MeshCluster", _) => self.of_clusters.get(object.name()),
            (_, Root::Mesh(name) | Root::Flux(name) | Root::Istioctl(name)) => self.of_server(name),
            (_, Root::Argocd) => {
                let labels = object.as_map().get("metadata").and_then(|metadata| metadata.get("labels"));
                let cluster = labels.and_then(|labels| labels.get("meshwright.dev/cluster"));
                cluster.and_then(|name| name.as_str()).and_then(|name| self.of_clusters.get(name))
            }
            (_, Root::Crds | Root::Declaration(_) | Root::Helm(_)) => None,
        }
    }

    fn of_server(&self, name: &ClusterName) -> Option<&DeclarationSpec> {
        self.of_clusters.get(name.as_str()).or_else(|| self.of_hosted.get(name.as_str()))
    }
}

/// A day on which every exception holds. Whether one has expired was judged when the intent was read.
const SOME_DAY: Date = Date { year: 0, month: 1, day: 1 };

/// Judges everything that is rendered, but for values files that no agent delivers.
#[must_use]
pub fn check(fleet: &Fleet, out: &Output) -> Findings {
    let declarations = Declarations::new(fleet);
    let roots: Vec<(&Root, &Vec<Rendered>)> = out.objects().iter().collect();
    let parts = threads::in_parts(&roots, ROOTS_FOR_THREADS, |part| {
        let mut findings = Findings::new();
        for (root, objects) in part {
            for rendered in *objects {
                let Some(declaration) = declarations.of(root, &rendered.object) else { continue };
                let mut refused = judge::judge_object(declaration, rendered.object.as_map());
                if !refused.is_empty() {
                    judge::excuse(declaration, SOME_DAY, &mut refused);
                }
                if rendered.artefact == carried::NAME {
                    let as_written = |finding| as_written(fleet, root, &rendered.object, finding);
                    findings.extend(refused.into_iter().map(as_written));
                    continue;
                }
                let errors = refused.into_iter().filter(|finding| finding.severity == Severity::Error);
                findings.extend(errors.map(|refused| unsound(root, rendered.artefact, refused)));
            }
        }
        findings
    });
    let mut findings = Findings::new();
    parts.into_iter().for_each(|part| findings.extend(part));
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

/// The refusal, told as a fault of the output.
fn unsound(root: &Root, artefact: &str, refused: Finding) -> Finding {
    let code = refused.rule.code;
    let message = format!(
        "`{}` in `{}/` would be refused by its own declaration: {} ({code})",
        refused.object.as_deref().unwrap_or_default(),
        root.directory(),
        refused.message,
    );
    let mut finding = UNSOUND_OUTPUT.at(refused.place, message).help(format!(
        "take `{}` out of the values that the intent adds freely; if it is not there, this is a fault of `{artefact}` \
         in meshwright: please report it",
        refused.found.as_deref().unwrap_or_default()
    ));
    finding.found = refused.found;
    finding.declared = refused.declared;
    finding.related = refused.related;
    finding.cluster = refused.cluster;
    finding.object = refused.object;
    finding
}
