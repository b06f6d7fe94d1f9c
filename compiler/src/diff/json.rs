//! For programs: every change and every file, nothing shortened.

use serde_json::json;

use super::{Diff, Impact, Labels};

pub(super) fn render(diff: &Diff, labels: &Labels) -> String {
    let changes: Vec<_> = diff
        .changes
        .iter()
        .map(|change| {
            json!({
                "impact": change.impact.as_str(),
                "kind": change.kind,
                "mesh": change.mesh,
                "clusters": change.clusters,
                "message": change.text,
            })
        })
        .collect();
    let files: Vec<_> = diff
        .files
        .iter()
        .map(|file| {
            json!({
                "path": file.path,
                "change": file.change,
                "added": file.added,
                "removed": file.removed,
                "diff": file.hunks,
            })
        })
        .collect();
    let json = json!({
        "base": labels.base,
        "head": labels.head,
        "changes": changes,
        "files": files,
        "summary": {
            "partitioning": diff.count(Impact::Partitions),
            "destructive": diff.count(Impact::Destroys),
            "disruptive": diff.count(Impact::Disrupts),
            "other": diff.count(Impact::Changes),
            "files": diff.files.len(),
        },
    });
    format!("{json:#}\n")
}
