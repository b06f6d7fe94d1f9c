//! YAML with comments, for files that a person takes over: above the key or item that they are about.

use std::collections::BTreeMap;

use meshwright_policies::node::FieldPath;
use serde_json::{Map, Value};

use super::{STEP, scalar, spaces, write_key};

/// Lines above the value of a path. A path that the value does not have is a comment at the end of its nearest ancestor
/// that is there.
pub type Comments = BTreeMap<FieldPath, Vec<String>>;

/// [`super::to_yaml`] with comments.
#[must_use]
pub fn to_commented_yaml(value: &Value, comments: &Comments) -> String {
    let mut placed = Comments::new();
    let mut trailing = Comments::new();
    for (path, lines) in comments {
        let mut at = path.clone();
        while !at.0.is_empty() && !has(value, &at) {
            at.0.pop();
        }
        // A list or scalar has no room of its own below.
        let room = at.0.is_empty() || matches!(get(value, &at), Some(Value::Object(map)) if !map.is_empty());
        let into = if at == *path || !room { &mut placed } else { &mut trailing };
        into.entry(at).or_default().extend(lines.iter().cloned());
    }
    let mut writer = Writer { out: String::new(), placed, trailing };
    writer.lines(&FieldPath::root(), 0, false);
    match value {
        Value::Object(map) if !map.is_empty() => writer.mapping(map, &FieldPath::root(), 0, false),
        Value::Array(items) if !items.is_empty() => writer.sequence(items, &FieldPath::root(), 0),
        _ => {
            scalar(&mut writer.out, value, 0);
            writer.out.push('\n');
        }
    }
    writer.out
}

fn get<'a>(value: &'a Value, path: &FieldPath) -> Option<&'a Value> {
    use meshwright_policies::node::Step;
    path.0.iter().try_fold(value, |value, step| match step {
        Step::Key(key) => value.get(key),
        Step::Index(index) => value.get(index),
    })
}

fn has(value: &Value, path: &FieldPath) -> bool {
    get(value, path).is_some()
}

struct Writer {
    out: String,
    placed: Comments,
    trailing: Comments,
}

impl Writer {
    fn lines(&mut self, path: &FieldPath, indent: usize, trailing: bool) {
        let from = if trailing { &mut self.trailing } else { &mut self.placed };
        for comment in from.remove(path).unwrap_or_default() {
            for line in comment.lines() {
                spaces(&mut self.out, indent);
                self.out.push('#');
                let line: String = line.chars().map(|c| if super::is_escaped(c) { ' ' } else { c }).collect();
                if !line.trim_end().is_empty() {
                    self.out.push(' ');
                    self.out.push_str(line.trim_end());
                }
                self.out.push('\n');
            }
        }
    }

    fn mapping(&mut self, map: &Map<String, Value>, path: &FieldPath, indent: usize, mut inline: bool) {
        for (key, value) in map {
            let at = path.clone().key(key);
            if !std::mem::take(&mut inline) {
                self.lines(&at, indent, false);
                spaces(&mut self.out, indent);
            }
            write_key(&mut self.out, key, indent);
            match value {
                Value::Object(map) if !map.is_empty() => {
                    self.out.push('\n');
                    self.mapping(map, &at, indent.saturating_add(STEP), false);
                }
                Value::Array(items) if !items.is_empty() => {
                    self.out.push('\n');
                    self.sequence(items, &at, indent);
                }
                _ => {
                    self.out.push(' ');
                    scalar(&mut self.out, value, indent);
                    self.out.push('\n');
                }
            }
        }
        self.lines(path, indent, true);
    }

    fn sequence(&mut self, items: &[Value], path: &FieldPath, indent: usize) {
        for (index, item) in items.iter().enumerate() {
            let at = path.clone().index(index);
            self.lines(&at, indent, false);
            // The first key stands behind the dash: what is said of it comes before.
            if let Value::Object(map) = item
                && let Some(first) = map.keys().next()
            {
                self.lines(&at.clone().key(first), indent, false);
            }
            spaces(&mut self.out, indent);
            self.out.push_str("- ");
            match item {
                Value::Object(map) if !map.is_empty() => {
                    self.mapping(map, &at, indent.saturating_add(STEP), true);
                }
                // Lists of lists do not occur in what people write.
                _ => {
                    scalar_item(&mut self.out, item, indent);
                    self.out.push('\n');
                }
            }
        }
    }
}

/// An item in one line; a list within a list in JSON, which is YAML.
fn scalar_item(out: &mut String, item: &Value, indent: usize) {
    match item {
        Value::Array(items) if !items.is_empty() => out.push_str(&item.to_string()),
        _ => scalar(out, item, indent),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn comments(list: &[(&str, &str)]) -> Comments {
        let mut all = Comments::new();
        for (path, text) in list {
            all.entry(FieldPath::parse(path)).or_default().push((*text).to_owned());
        }
        all
    }

    #[test]
    fn comments_stand_above_what_they_are_about() {
        let value = json!({
            "kind": "Cluster",
            "spec": {"network": "a", "pools": [{"name": "p", "addresses": ["10.0.0.1"]}, "x"], "empty": {}},
        });
        let comments = comments(&[
            ("", "imported"),
            ("spec.network", "also claimed: b in x.yaml:1\nand c"),
            ("spec.pools[0].name", "the first"),
            ("spec.pools[1]", "the second"),
            ("spec.kubernetes.apiServer", "which URL?"),
            ("spec.empty.deep", "nothing below"),
        ]);
        insta::assert_snapshot!(to_commented_yaml(&value, &comments), @r"
        # imported
        kind: Cluster
        spec:
          # also claimed: b in x.yaml:1
          # and c
          network: a
          pools:
          # the first
          - name: p
            addresses:
            - 10.0.0.1
          # the second
          - x
          # nothing below
          empty: {}
          # which URL?
        ");
    }

    #[test]
    fn without_comments_it_is_the_same_text() {
        let value = json!({"a": [{"b": {"c": "on"}, "d": []}], "e": "x\ny\n", "f": 1.5, "g": null});
        assert_eq!(to_commented_yaml(&value, &Comments::new()), super::super::to_yaml(&value));
    }

    #[test]
    fn a_comment_cannot_end_its_line() {
        let value = json!({"a": 1});
        let text = to_commented_yaml(&value, &comments(&[("a", "x\u{2028}b: 2\rc: 3")]));
        assert_eq!(text, "# x b: 2 c: 3\na: 1\n");
    }
}
