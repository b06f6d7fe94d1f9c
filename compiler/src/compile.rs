//! The whole way: sources -> fleet and findings -> rendered output.

use meshwright_policies::finding::{Findings, Place};
use meshwright_policies::mesh::Fleet;
use meshwright_policies::node::FileId;
use meshwright_policies::{policy, references};

use crate::artefact::Output;
use crate::intent::{self, Intent};
use crate::resolve;
use crate::syntax::{self, Limits};

/// What a set of intent files means.
#[derive(Debug)]
pub struct Loaded {
    /// The resolved meshes, as far as they could be.
    pub fleet: Fleet,
    /// Everything that is wrong with the files and with what they say.
    pub findings: Findings,
}

/// Reads, resolves and judges. The order of `files` has no influence on the result but for the file IDs.
#[must_use]
pub fn load<'a>(files: impl IntoIterator<Item = (FileId, &'a [u8])>) -> Loaded {
    let mut findings = Findings::new();
    let mut intent = Intent::default();
    for (file, text) in files {
        for document in syntax::load(file, text, &Limits::default(), &mut findings) {
            intent::read(document.root, &mut intent, &mut findings);
        }
    }
    if intent.meshes.is_empty() && !findings.has_errors() {
        let message = "no document of kind Mesh was found";
        findings.push(
            references::NO_INTENT.at(Place::unknown(), message).help("run `meshwright init` to start one"),
        );
    }
    let fleet = resolve::resolve(intent, &mut findings);
    findings.extend(policy::check(&fleet));
    findings.sort();
    Loaded { fleet, findings }
}

/// [`load`] of one text with several documents.
#[must_use]
pub fn load_text(text: &str) -> Loaded {
    load([(FileId(0), text.as_bytes())])
}

/// Renders a fleet that has no error.
#[must_use]
pub fn render(fleet: &Fleet) -> Output {
    let mut out = Output::default();
    for artefact in crate::artefacts::ARTEFACTS {
        out.begin(artefact.name());
        artefact.render_fleet(fleet, &mut out);
        for mesh in fleet.meshes.values() {
            artefact.render_mesh(mesh, &mut out);
            for cluster in mesh.clusters.values() {
                artefact.render_cluster(mesh, cluster, &mut out);
            }
        }
    }
    out
}
