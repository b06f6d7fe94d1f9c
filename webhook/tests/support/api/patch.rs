//! Patches: JSON merge patch (RFC 7396), JSON patch (RFC 6902), and server-side apply as far as tests need it.

use serde_json::{Map, Value};

/// RFC 7396.
pub(crate) fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Value::Object(target) = target else { return };
    for (key, value) in patch {
        if value.is_null() {
            target.shift_remove(key);
        } else {
            merge(target.entry(key.clone()).or_insert(Value::Null), value);
        }
    }
}

/// RFC 6902: `test`, `add`, `replace`, `remove`.
pub(crate) fn json_patch(target: &mut Value, patch: &Value) -> Result<(), String> {
    for operation in patch.as_array().ok_or("a JSON patch is a list")? {
        let path = operation["path"].as_str().ok_or("no path")?;
        let value = operation["value"].clone();
        match operation["op"].as_str() {
            Some("test") if target.pointer(path) == Some(&value) => {}
            Some("test") => return Err(format!("testing path {path} failed")),
            Some("replace") => *target.pointer_mut(path).ok_or(format!("no {path}"))? = value,
            Some(op @ ("add" | "remove")) => {
                let (parent, key) = path.rsplit_once('/').ok_or("no parent")?;
                let key = key.replace("~1", "/").replace("~0", "~");
                match (target.pointer_mut(parent), op) {
                    (Some(Value::Object(map)), "add") => drop(map.insert(key, value)),
                    (Some(Value::Object(map)), _) => {
                        map.shift_remove(&key).ok_or(format!("no {path}"))?;
                    }
                    (Some(Value::Array(list)), "add") if key == "-" => list.push(value),
                    (Some(Value::Array(list)), op) => {
                        let index: usize = key.parse().map_err(|_| format!("no {path}"))?;
                        match op {
                            "add" if index <= list.len() => list.insert(index, value),
                            "remove" if index < list.len() => drop(list.remove(index)),
                            _ => return Err(format!("no {path}")),
                        }
                    }
                    _ => return Err(format!("no {parent}")),
                }
            }
            other => return Err(format!("operation {other:?}")),
        }
    }
    Ok(())
}

/// Removes what a manager applied before and no longer applies; lists are atomic.
pub(crate) fn withdraw(target: &mut Value, before: &Value, now: &Value) {
    let (Value::Object(target), Value::Object(before)) = (target, before) else { return };
    for (key, was) in before {
        match now.get(key) {
            Some(still) => {
                if let Some(target) = target.get_mut(key) {
                    withdraw(target, was, still);
                }
            }
            None => drop(target.shift_remove(key)),
        }
    }
}
