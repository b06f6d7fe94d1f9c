//! Label and field selectors of lists and watches.

use serde_json::Value;

/// What a list or watch asks for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Selection {
    labels: String,
    fields: String,
}

impl Selection {
    pub(crate) fn new(labels: Option<&str>, fields: Option<&str>) -> Selection {
        Selection {
            labels: labels.unwrap_or_default().to_owned(),
            fields: fields.unwrap_or_default().to_owned(),
        }
    }

    pub(crate) fn selects(&self, object: &Value) -> bool {
        let labels = &object["metadata"]["labels"];
        let label =
            |requirement: &str| requirement.is_empty() || holds(requirement, |key| labels[key].as_str());
        let field = |requirement: &str| {
            let value =
                |key: &str| object.pointer(&format!("/{}", key.replace('.', "/"))).and_then(Value::as_str);
            requirement.is_empty() || holds(requirement, value)
        };
        split(&self.labels).into_iter().all(label) && split(&self.fields).into_iter().all(field)
    }
}

/// At commas outside parentheses.
fn split(text: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut start) = (Vec::new(), 0_i32, 0);
    for (at, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(text[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(text[start..].trim());
    parts
}

fn holds<'a>(requirement: &str, value: impl Fn(&str) -> Option<&'a str>) -> bool {
    if let Some((key, list)) = requirement.split_once(" in (").or(requirement.split_once(" notin (")) {
        let listed = value(key.trim())
            .is_some_and(|value| list.trim_end_matches(')').split(',').any(|item| item.trim() == value));
        return listed != requirement.contains(" notin (");
    }
    if let Some((key, other)) = requirement.split_once("!=") {
        return value(key.trim()) != Some(other.trim());
    }
    if let Some((key, other)) = requirement.split_once("==").or(requirement.split_once('=')) {
        return value(key.trim()) == Some(other.trim());
    }
    match requirement.strip_prefix('!') {
        Some(key) => value(key.trim()).is_none(),
        None => value(requirement).is_some(),
    }
}
