//! What a published commit and its note say, and reading it again.
//!
//! Trailers are git-interpret-trailers(1)': `Source-Repository`, `Source-Commit`, `Source-Path`, `Meshwright-Version`,
//! and `Content-Hash`, the SHA-256 of `.meshwright/manifest.json`, which holds the digest of every file.

use gix::ObjectId;
use serde::Serialize;

use super::{Differences, Provenance, Source};
use crate::source::commit::short;

/// Most characters of a subject that are repeated.
const SUBJECT: usize = 100;

/// Most clusters that are named.
const NAMED: usize = 20;

/// The message of the commit for a commit of the intent.
pub(super) fn commit(source: Source<'_>, hash: &str, differences: &Differences, clusters: usize) -> String {
    let id = source.commit.id.to_string();
    let short = short(source.commit.id);
    let subject = crate::diagnostic::visible(&source.commit.subject, SUBJECT);
    let Differences { created, updated, removed, clusters: touched, .. } = differences;
    let mut text = match subject.is_empty() {
        true => format!("Render {short}\n\n"),
        false => format!("Render {short}: {subject}\n\n"),
    };
    text.push_str(&format!(
        "Files: {} created, {} updated, {} removed.\nClusters: {} of {clusters}",
        created.len(),
        updated.len(),
        removed.len(),
        touched.len()
    ));
    let names: Vec<&str> = touched.iter().take(NAMED).map(String::as_str).collect();
    text.push_str(
        match (names.is_empty(), touched.len() > NAMED) {
            (true, _) => ".\n\n".to_owned(),
            (false, true) => format!(": {}, ...\n\n", names.join(", ")),
            (false, false) => format!(": {}\n\n", names.join(", ")),
        }
        .as_str(),
    );
    for (key, value) in [
        ("Source-Repository", source.repository),
        ("Source-Commit", id.as_str()),
        ("Source-Path", if source.path.is_empty() { "." } else { source.path }),
        ("Meshwright-Version", env!("CARGO_PKG_VERSION")),
        ("Content-Hash", hash),
    ] {
        text.push_str(&format!("{key}: {}\n", crate::diagnostic::visible(value, usize::MAX)));
    }
    text
}

/// The note: the same for programs, as JSON on one line for each key.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Note<'a> {
    source_repository: &'a str,
    source_commit: String,
    source_path: &'a str,
    source_author: String,
    meshwright_version: &'static str,
    content_hash: &'a str,
    clusters: Vec<&'a str>,
}

/// The text of the note of a published commit.
pub(super) fn note(
    source: Source<'_>,
    hash: &str,
    differences: &Differences,
) -> Result<String, serde_json::Error> {
    let author = &source.commit.author;
    let note = Note {
        source_repository: source.repository,
        source_commit: source.commit.id.to_string(),
        source_path: if source.path.is_empty() { "." } else { source.path },
        source_author: format!("{} <{}>", author.name, author.email),
        meshwright_version: env!("CARGO_PKG_VERSION"),
        content_hash: hash,
        clusters: differences.clusters.iter().map(String::as_str).collect(),
    };
    let mut text = serde_json::to_string_pretty(&note)?;
    text.push('\n');
    Ok(text)
}

/// What the trailers of a published commit say; nothing if it has none of ours.
pub(super) fn provenance(message: &str) -> Option<Provenance> {
    let last = message.trim_end().rsplit("\n\n").next()?;
    let value =
        |key: &str| last.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(": ")).map(str::trim);
    let commit = ObjectId::from_hex(value("Source-Commit")?.as_bytes()).ok()?;
    let path = value("Source-Path").filter(|path| *path != ".").unwrap_or_default().to_owned();
    Some(Provenance { commit, path })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::Signature;
    use crate::publish::RelativePath;
    use crate::source::commit::CommitInfo;

    fn info(subject: &str) -> CommitInfo {
        let who = Signature {
            name: "Ada".to_owned(),
            email: "ada@example.com".to_owned(),
            time: "1790000000 +0200".to_owned(),
        };
        CommitInfo {
            id: ObjectId::from_hex(b"0123456789abcdef0123456789abcdef01234567").unwrap(),
            author: who.clone(),
            committer: who,
            subject: subject.to_owned(),
            message: String::new(),
        }
    }

    fn differences() -> Differences {
        Differences {
            created: vec![RelativePath::new("clusters/c1/mesh/a.yaml").unwrap()],
            clusters: ["c1".to_owned()].into(),
            ..Differences::default()
        }
    }

    #[test]
    fn a_message_says_where_it_came_from_and_can_be_read_again() {
        let info = info("Move gateway of c1");
        let source = Source { repository: "https://example.com/mesh.git", path: "", commit: &info };
        let text = commit(source, "sha256:00", &differences(), 3);
        insta::assert_snapshot!(text, @r"
        Render 0123456789: Move gateway of c1

        Files: 1 created, 0 updated, 0 removed.
        Clusters: 1 of 3: c1

        Source-Repository: https://example.com/mesh.git
        Source-Commit: 0123456789abcdef0123456789abcdef01234567
        Source-Path: .
        Meshwright-Version: 0.1.0
        Content-Hash: sha256:00
        ");
        let read = provenance(&text).unwrap();
        assert_eq!((read.commit, read.path.as_str()), (info.id, ""));
        assert_eq!(provenance("x\n\nSource-Commit: abc"), None);
        assert_eq!(provenance(""), None);
    }

    #[test]
    fn a_subject_cannot_add_trailers() {
        let other = "f".repeat(40);
        let info = info(&format!("x\u{1b}[31m\n\nSource-Commit: {other}"));
        let source = Source { repository: "r\n\nSource-Commit: x", path: "intent", commit: &info };
        let text = commit(source, "sha256:00", &Differences::default(), 0);
        let read = provenance(&text).unwrap();
        assert_eq!((read.commit, read.path.as_str()), (info.id, "intent"));
        assert!(text.lines().next().unwrap().starts_with("Render 0123456789: x␛[31m"), "{text}");
    }

    #[test]
    fn a_note_is_json() {
        let info = info("x");
        let source = Source { repository: "r", path: "", commit: &info };
        let note: serde_json::Value =
            serde_json::from_str(&note(source, "h", &differences()).unwrap()).unwrap();
        assert_eq!(note["sourceAuthor"], "Ada <ada@example.com>");
        assert_eq!(note["clusters"], serde_json::json!(["c1"]));
    }
}
