//! Documents inside strings, read in the place of their text. Where the text stands in the file as it is, as in a block with
//! `|`, every value of such a document has its own place; otherwise the place of the whole text.

use meshwright_policies::embedded;
use meshwright_policies::finding::Findings;
use meshwright_policies::node::{FieldPath, FileId, Node, Span, Step, Value};

use crate::source::Sources;
use crate::syntax::{self, Limits};

/// Puts documents in the place of the strings of an object that hold them.
pub(super) fn expand(mut root: Node, sources: &Sources) -> Node {
    if !root.str_at("kind").is_some_and(embedded::may_have_texts) {
        return root;
    }
    let serde_json::Value::Object(object) = root.to_json() else { return root };
    for path in embedded::texts(&object) {
        let Some(node) = at_mut(&mut root, &path) else { continue };
        let documents = load(node, sources).map(Vec::into_iter);
        if let Some(mut documents) = documents
            && let Some(document) = documents.next()
            && documents.len() == 0
            && matches!(document.value, Value::Mapping(_))
        {
            *node = document;
        }
    }
    root
}

/// The documents in a string; nothing for what is none, and for text that is no YAML.
pub(super) fn load(text: &Node, sources: &Sources) -> Option<Vec<Node>> {
    let (inner, span) = (text.as_str()?, text.span);
    let mut findings = Findings::new();
    let limits = Limits { aliases: true, ..Limits::default() };
    let documents = syntax::load(FileId::NONE, inner.as_bytes(), &limits, &mut findings);
    if findings.iter().any(|finding| finding.rule.code == meshwright_policies::reading::SYNTAX_ERROR.code) {
        return None;
    }
    let lines = sources.get(span.file).and_then(|file| lines(inner, span, file.text()));
    let placed = documents.into_iter().map(|document| {
        let mut root = document.root;
        place(&mut root, &mut |node| match &lines {
            Some(lines) => moved(node, span, lines).unwrap_or(span),
            None => span,
        });
        root
    });
    Some(placed.collect())
}

/// Where every line of a string begins: its offset in the string, and in the file. `None` when it is not written there as it
/// is: folded, quoted over several lines, with escapes.
fn lines(inner: &str, span: Span, text: &[u8]) -> Option<Vec<(usize, usize)>> {
    let (start, end) = (usize::try_from(span.start).ok()?, usize::try_from(span.end).ok()?);
    let written = std::str::from_utf8(text.get(start..end)?).ok()?;
    if !inner.trim_end().contains('\n') {
        let at = written.find(inner.trim_end())?;
        return Some(vec![(0, start.saturating_add(at))]);
    }
    // The span of a block may begin within its first line.
    let first =
        text.get(..start)?.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at.saturating_add(1));
    let block = std::str::from_utf8(text.get(first..end)?).ok()?;
    let mut source = block.split_inclusive('\n').scan(first, |at, line| {
        let here = *at;
        *at = at.saturating_add(line.len());
        Some((here, line.trim_end_matches(['\n', '\r'])))
    });
    let mut found = Vec::new();
    let mut offset = 0_usize;
    for line in inner.split_inclusive('\n') {
        let wanted = line.trim_end_matches(['\n', '\r']);
        let is = |(_, written): &(usize, &str)| {
            written.strip_suffix(wanted).is_some_and(|indent| indent.bytes().all(|byte| byte == b' '))
        };
        // Lines follow each other; before the first there is the indicator of the block.
        let here = if found.is_empty() { source.find(is) } else { source.next().filter(is) };
        let (at, written) = here?;
        found.push((offset, at.saturating_add(written.len().saturating_sub(wanted.len()))));
        offset = offset.saturating_add(line.len());
    }
    Some(found)
}

/// A span of the string as one of the file.
fn moved(node: Span, whole: Span, lines: &[(usize, usize)]) -> Option<Span> {
    let offset = |at: u32| -> Option<u32> {
        let at = usize::try_from(at).ok()?;
        let (inner, outer) = lines.iter().rev().find(|(inner, _)| *inner <= at)?;
        u32::try_from(outer.saturating_add(at.saturating_sub(*inner))).ok()
    };
    Some(Span { file: whole.file, start: offset(node.start)?, end: offset(node.end)? })
}

/// Bounded by the depth that was read.
fn place(node: &mut Node, span: &mut impl FnMut(Span) -> Span) {
    node.span = span(node.span);
    match &mut node.value {
        Value::Sequence(items) => items.iter_mut().for_each(|item| place(item, span)),
        Value::Mapping(entries) => {
            for entry in entries {
                entry.key_span = span(entry.key_span);
                place(&mut entry.node, span);
            }
        }
        _ => {}
    }
}

fn at_mut<'a>(node: &'a mut Node, path: &FieldPath) -> Option<&'a mut Node> {
    path.0.iter().try_fold(node, |node, step| match (&mut node.value, step) {
        (Value::Mapping(entries), Step::Key(key)) => {
            entries.iter_mut().find(|entry| entry.key == *key).map(|entry| &mut entry.node)
        }
        (Value::Sequence(items), Step::Index(index)) => items.get_mut(*index),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the file has at a field of the document in `data.mesh` of the ConfigMap.
    fn written(data: &str, path: &str) -> String {
        let text = format!("kind: ConfigMap\nmetadata: {{name: istio}}\ndata:\n{data}");
        let root = syntax::load(FileId(0), text.as_bytes(), &Limits::default(), &mut Findings::new());
        let (sources, _) = Sources::from_text("a.yaml", text.as_bytes());
        let root = expand(root.into_iter().next().unwrap().root, &sources);
        let node = root.at(&FieldPath::parse("data.mesh").key("trustDomain"));
        let node = node.or_else(|| root.at(&path.into())).unwrap();
        text[node.span.start as usize..node.span.end as usize].to_owned()
    }

    #[test]
    fn values_in_a_block_have_their_own_place() {
        let path = "data.meshNetworks.networks.n1.gateways[0].address";
        let block = "  meshNetworks: |\n    networks:\n      n1:\n\n        gateways:\n        - address: 10.0.0.1\n          port: 1\n";
        assert_eq!(written(block, path), "10.0.0.1");
        assert_eq!(written(&block.replace('\n', "\r\n"), path), "10.0.0.1");
        assert_eq!(written(&block.replace("|\n", "|2-\n"), path), "10.0.0.1");
        assert_eq!(
            written("  mesh: |-\n    # a comment\n    a: b\n    trustDomain: é.x\n  b: c\n", ""),
            "é.x"
        );
        assert_eq!(written("  mesh: '{\"trustDomain\": \"x\"}'\n", ""), "\"x\"");
    }

    #[test]
    fn values_in_other_strings_have_the_place_of_the_string() {
        let folded = "  mesh: >\n    trustDomain: x\n\n    a: b\n";
        assert!(written(folded, "").contains("trustDomain: x"));
        assert!(written("  mesh: \"trustDomain: x\\na: b\\n\"\n", "").starts_with('"'));
    }
}
