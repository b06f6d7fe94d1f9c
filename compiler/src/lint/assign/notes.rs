//! What could not be known while clusters were told apart, one line each.

use std::collections::{BTreeMap, BTreeSet};

use meshwright_policies::repository::Cluster;

use crate::lint::kustomize::Builder;
use crate::lint::read::{Files, note};

/// Most kustomizations that a note names.
const MOST_NAMED: usize = 8;

/// Roots that take in what is not in the repository.
pub(super) fn outside(files: &Files<'_>, notes: &mut Vec<String>) {
    let outside = files.kustomizations().filter(|kustomization| kustomization.outside);
    let directories: BTreeSet<&str> = outside.map(|kustomization| kustomization.directory.as_str()).collect();
    note(
        notes,
        &directories.into_iter().collect::<Vec<_>>(),
        "roots that take in what is not in the repository are not judged where something would have to be absent",
    );
}

/// Keys of kustomizations that were not followed, as far as the roots were built.
pub(super) fn unfollowed(files: &Files<'_>, builder: &Builder<'_>, notes: &mut Vec<String>) {
    let mut all = builder.unfollowed();
    for kustomization in files.kustomizations() {
        all.extend(kustomization.opaque.iter().map(|key| (*key, kustomization.path.clone())));
    }
    let mut by_key: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (key, path) in &all {
        by_key.entry(key).or_default().push(path);
    }
    for (key, paths) in by_key {
        let shown: Vec<String> = paths.iter().take(MOST_NAMED).map(|path| format!("`{path}`")).collect();
        let more = match paths.len().saturating_sub(MOST_NAMED) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        notes.push(format!(
            "`{key}` of kustomize is not followed, and what it makes or changes not judged, in {}{more}",
            shown.join(", ")
        ));
    }
}

/// Files whose releases take values from elsewhere.
pub(super) fn unread(files: &BTreeSet<String>, notes: &mut Vec<String>) {
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    note(
        notes,
        &files,
        "values from Secrets, and from files and ConfigMaps that are not there, are not read",
    );
}

/// Fields that templates fill in: all of them in one note, with the first.
pub(super) fn unresolved(clusters: &[Cluster], notes: &mut Vec<String>) {
    let mut seen = BTreeSet::new();
    let mut first = None;
    for subject in clusters.iter().flat_map(|cluster| &cluster.subjects) {
        for path in &subject.unresolved {
            let key = (subject.place(path).span, path);
            if seen.insert(key) && first.is_none_or(|(other, _)| key < other) {
                first = Some((key, subject));
            }
        }
    }
    let Some(((_, path), subject)) = first else { return };
    let count = seen.len();
    let fields = if count == 1 { "1 field holds".to_owned() } else { format!("{count} fields hold") };
    let of = if subject.claims.object.is_empty() { &subject.name } else { &subject.claims.object };
    notes.push(format!(
        "{fields} a placeholder that is filled in elsewhere: nothing is concluded from it (`{path}` of `{of}`)"
    ));
}

/// Directories that seem to hold several clusters.
pub(super) fn mixed(clusters: &[Cluster], notes: &mut Vec<String>) {
    for cluster in clusters.iter().filter(|cluster| cluster.mixed) {
        notes.push(format!(
            "`{}` holds the same object several times: it seems to be several clusters, and `--cluster-glob` can say which",
            cluster.name
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::assign::testing::sources;
    use crate::lint::read;
    use meshwright_policies::repository::Manifest;

    #[test]
    fn a_note_names_some_of_many_kustomizations() {
        let paths: Vec<String> = (0..10).map(|at| format!("r{at}/kustomization.yaml")).collect();
        let files: Vec<(&str, &str)> =
            paths.iter().map(|path| (path.as_str(), "transformers: [t.yaml]\n")).collect();
        let sources = sources(&files);
        let files = read::read(&sources);
        let mut notes = Vec::new();
        unfollowed(&files, &Builder::new(&files), &mut notes);
        let named: Vec<String> = paths.iter().take(MOST_NAMED).map(|path| format!("`{path}`")).collect();
        let expected = format!(
            "`transformers` of kustomize is not followed, and what it makes or changes not judged, in {} and 2 more",
            named.join(", ")
        );
        assert_eq!(notes, [expected]);
    }

    #[test]
    fn placeholders_are_told_once() {
        let istio = "apiVersion: install.istio.io/v1alpha1\nkind: IstioOperator\nmetadata: {name: x}\n\
                     spec: {values: {global: {meshID: '${MESH}', network: '${NET}'}}}\n";
        let sources = sources(&[("a.yaml", istio)]);
        let files = read::read(&sources);
        let mut cluster = Cluster::default();
        cluster.subjects = files
            .in_order()
            .flat_map(|file| &file.contents)
            .map(|content| Manifest::object(content.node().clone()))
            .collect();
        let mut notes = Vec::new();
        unresolved(&[cluster], &mut notes);
        let [note] = notes.as_slice() else { panic!("{notes:?}") };
        assert!(
            note.starts_with("2 fields hold a placeholder") && note.contains("`IstioOperator/x`"),
            "{note}"
        );
    }
}
