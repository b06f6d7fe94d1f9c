//! Which of several meshes an object can belong to.

use crate::claim::At;
use crate::declaration::{DeclarationSpec, MeshDeclaration};

/// Label by which an object names its control plane (Istio: `istio.io/rev`).
const REVISION: &str = "istio.io/rev";

/// The declarations by one of which the object has to be right: those of the mesh whose system namespace it is in, or
/// whose control plane it says to be part of, and of the revision that it names; all of them when it says neither.
pub(crate) fn declarations<'a>(
    declared: &[&'a MeshDeclaration],
    namespace: &str,
    plane: Option<&str>,
    object: &At<'_>,
) -> Vec<&'a MeshDeclaration> {
    let namespace = plane.unwrap_or(namespace);
    let all = declared.to_vec();
    if all.len() < 2 {
        return all;
    }
    let at_home = narrowed(all, |spec| spec.istio.namespace.as_str() == namespace);
    match object.str_at(&["metadata", "labels", REVISION]) {
        None => at_home,
        Some(revision) => narrowed(at_home, |spec| revision_of(spec) == revision),
    }
}

/// Whether an object is of the declared revision, or says none.
pub(crate) fn is_of_revision(spec: &DeclarationSpec, object: &At<'_>) -> bool {
    let said = object.str_at(&["metadata", "labels", REVISION]);
    said.is_none_or(|revision| revision == revision_of(spec))
}

fn revision_of(spec: &DeclarationSpec) -> &str {
    spec.istio.revision.as_ref().map_or("default", |known| known.as_str())
}

/// Those that fit, or all when none does.
fn narrowed(all: Vec<&MeshDeclaration>, fits: impl Fn(&DeclarationSpec) -> bool) -> Vec<&MeshDeclaration> {
    let some: Vec<&MeshDeclaration> = all.iter().copied().filter(|declared| fits(&declared.spec)).collect();
    if some.is_empty() { all } else { some }
}
