//! Texts to questions: reviews and objects, as JSON or YAML, several in one text.

use std::sync::Arc;

use meshwright_policies::finding::Findings;
use meshwright_policies::node::{FileId, Node};
use serde_json::{Map, Value};

use super::Written;
use crate::source::Sources;
use crate::syntax::{self, Limits};

/// A question, and where it stands.
#[derive(Clone, Debug)]
pub struct Asked {
    /// What is asked.
    pub question: Question,
    /// Where.
    pub written: Written,
}

/// What is asked.
#[derive(Clone, Debug)]
pub enum Question {
    /// A review, as JSON.
    Review(Vec<u8>),
    /// An object.
    Object(Map<String, Value>),
}

/// Why a text cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Faults of the text itself.
    #[error("it is not YAML that means one thing")]
    Text(Findings),
    /// A document that is no object.
    #[error(
        "document {0} is neither an AdmissionReview nor a Kubernetes object: it has no `apiVersion` and `kind`"
    )]
    NoObject(usize),
    /// Nothing.
    #[error("it holds no document")]
    Empty,
}

/// More than this is a hostile text or a mistake.
const BYTES: usize = 64 << 20;

/// Rules of reading that make a text unusable: what is left out would be missing in the answer, and what is said twice
/// means different things to different readers.
const UNUSABLE: &[&str] = &["MW0001", "MW0002", "MW0006", "MW0007", "MW0008", "MW0009", "MW0010"];

/// Reads a text. JSON is taken as it is, a review byte by byte, since that is what a server gets.
///
/// # Errors
/// When the text cannot be read, or holds something else.
pub fn read(path: &str, text: Arc<[u8]>, sources: &mut Sources) -> Result<Vec<Asked>, ReadError> {
    let file = sources.add(path.to_owned(), Arc::clone(&text));
    if let Some(value) = json(&text) {
        let tree = tree(file, &text);
        if is_review(&value) {
            let question = Question::Review(text.to_vec());
            return Ok(vec![Asked { question, written: Written { file, tree } }]);
        }
        let mut asked = Vec::new();
        document(value, Written { file, tree }, 1, &mut asked)?;
        return if asked.is_empty() { Err(ReadError::Empty) } else { Ok(asked) };
    }
    let mut findings = Findings::new();
    let limits = Limits { bytes: BYTES, nodes: 4_000_000, scalar_bytes: 16 << 20, ..Limits::default() };
    let documents = syntax::load(file, &text, &limits, &mut findings);
    findings.retain_mut(|finding| UNUSABLE.contains(&finding.rule.code));
    if !findings.is_empty() {
        return Err(ReadError::Text(findings));
    }
    let mut asked = Vec::new();
    for (index, found) in documents.into_iter().enumerate() {
        let value = found.root.to_json();
        let written = Written { file, tree: Some(found.root) };
        if is_review(&value) {
            asked.push(Asked { question: Question::Review(value.to_string().into_bytes()), written });
        } else {
            document(value, written, index.saturating_add(1), &mut asked)?;
        }
    }
    if asked.is_empty() { Err(ReadError::Empty) } else { Ok(asked) }
}

fn json(text: &[u8]) -> Option<Value> {
    let first = text.iter().find(|byte| !byte.is_ascii_whitespace())?;
    if *first == b'{' { serde_json::from_slice(text).ok() } else { None }
}

/// The spans of JSON, which is YAML too; only findings need them.
fn tree(file: FileId, text: &[u8]) -> Option<Node> {
    let mut documents = syntax::load(file, text, &Limits::default(), &mut Findings::new());
    if documents.len() == 1 { documents.pop().map(|document| document.root) } else { None }
}

fn is_review(value: &Value) -> bool {
    value.get("kind").and_then(Value::as_str) == Some("AdmissionReview")
}

fn document(value: Value, written: Written, number: usize, asked: &mut Vec<Asked>) -> Result<(), ReadError> {
    let text = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default();
    if text("kind").is_empty() || text("apiVersion").is_empty() {
        return Err(ReadError::NoObject(number));
    }
    // As `kubectl get -o yaml` prints several.
    if text("kind").ends_with("List") && value.get("items").is_some_and(Value::is_array) {
        let Value::Object(mut list) = value else { return Ok(()) };
        let Some(Value::Array(items)) = list.remove("items") else { return Ok(()) };
        for (index, item) in items.into_iter().enumerate() {
            let tree = written.tree.as_ref().and_then(|tree| tree.get("items")?.item(index).cloned());
            document(item, Written { file: written.file, tree }, number, asked)?;
        }
        return Ok(());
    }
    if let Value::Object(object) = value {
        asked.push(Asked { question: Question::Object(object), written });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Result<Vec<&'static str>, String> {
        let asked =
            read("x", text.as_bytes().into(), &mut Sources::new()).map_err(|error| error.to_string())?;
        Ok(asked
            .iter()
            .map(|asked| match asked.question {
                Question::Review(_) => "review",
                Question::Object(_) => "object",
            })
            .collect())
    }

    #[test]
    fn a_text_holds_reviews_objects_and_lists() {
        assert_eq!(kinds(r#"{"kind":"AdmissionReview"}"#).unwrap(), ["review"]);
        assert_eq!(
            kinds("kind: AdmissionReview\n---\napiVersion: v1\nkind: Pod\n").unwrap(),
            ["review", "object"]
        );
        let list = "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Pod}\n- {apiVersion: v1, kind: Node}\n";
        assert_eq!(kinds(list).unwrap(), ["object", "object"]);
        assert_eq!(
            kinds(r#"{"apiVersion":"v1","kind":"PodList","items":[]}"#).unwrap_err(),
            "it holds no document"
        );
    }

    #[test]
    fn what_cannot_be_asked_about_is_said() {
        for text in ["", "# nothing\n", "---\n"] {
            assert_eq!(kinds(text).unwrap_err(), "it holds no document", "{text:?}");
        }
        assert!(kinds("a: 1\n").unwrap_err().starts_with("document 1 is neither"));
        assert!(
            kinds("kind: Pod\napiVersion: v1\n---\nx\n").unwrap_err().starts_with("document 2 is neither")
        );
        for text in ["a: [\n", "kind: A\nkind: B\napiVersion: v1\n", "a: &x 1\nb: *x\n", "{\"kind\": \"Pod\""]
        {
            assert_eq!(kinds(text).unwrap_err(), "it is not YAML that means one thing", "{text:?}");
        }
    }
}
