//! Values to YAML: the only place that writes it.
//!
//! The text must mean the same to every reader that ever sees it: YAML 1.1 (Kubernetes, Flux and Argo CD read with
//! `sigs.k8s.io/yaml`; people with PyYAML) and YAML 1.2. Libraries leave strings such as `on`, `1_000` or `0o17` bare,
//! which one of the two takes for something else; here a string is bare only when it is of a shape that no reader
//! takes for anything but text. The bytes are a contract: a change here touches every file of every cluster.

mod commented;

use std::fmt::Write;

use serde_json::{Map, Number, Value};

pub use commented::{Comments, to_commented_yaml};

/// Spaces of one level.
const STEP: usize = 2;

/// A longer key is written with `?`: readers look no further than 1024 characters for the `:` (YAML 1.2 section 7.4).
const SIMPLE_KEY_BYTES: usize = 1_000;

/// One YAML document in block style, ending with a line break.
///
/// Keys keep their order; mappings are indented by two spaces, lists stand at the column of their key, as kubectl
/// and kustomize write them. Only empty collections are in brackets.
#[must_use]
pub fn to_yaml(value: &Value) -> String {
    let mut out = String::new();
    append_yaml(&mut out, value);
    out
}

/// Writes [`to_yaml`] behind what is there.
pub fn append_yaml(out: &mut String, value: &Value) {
    match value {
        Value::Object(map) => append_map(out, map),
        Value::Array(items) if !items.is_empty() => sequence(out, items, 0, false),
        _ => {
            scalar(out, value, 0);
            out.push('\n');
        }
    }
}

/// Writes a mapping that is a whole document behind what is there.
pub fn append_map(out: &mut String, map: &Map<String, Value>) {
    if map.is_empty() {
        out.push_str("{}\n");
    } else {
        mapping(out, map, 0, false);
    }
}

/// Writes the lines of a mapping's fields behind what is there, with so many spaces before each key.
pub fn append_fields(out: &mut String, map: &Map<String, Value>, indent: usize) {
    mapping(out, map, indent, false);
}

/// Writes one field that is a text behind what is there, which has so many columns.
pub fn append_field(out: &mut String, key: &str, text: &str, indent: usize) {
    write_key(out, key, indent);
    out.push(' ');
    string(out, text, indent);
    out.push('\n');
}

/// Lines of a mapping; with `inline`, the first stands behind what is on the line.
fn mapping(out: &mut String, map: &Map<String, Value>, indent: usize, mut inline: bool) {
    for (key, value) in map {
        if !std::mem::take(&mut inline) {
            spaces(out, indent);
        }
        write_key(out, key, indent);
        match value {
            Value::Object(map) if !map.is_empty() => {
                out.push('\n');
                mapping(out, map, indent.saturating_add(STEP), false);
            }
            Value::Array(items) if !items.is_empty() => {
                out.push('\n');
                sequence(out, items, indent, false);
            }
            _ => {
                out.push(' ');
                scalar(out, value, indent);
                out.push('\n');
            }
        }
    }
}

/// A key with its colon.
fn write_key(out: &mut String, key: &str, indent: usize) {
    if key.len() <= SIMPLE_KEY_BYTES / 2 {
        single_line(out, key);
    } else {
        let start = out.len();
        single_line(out, key);
        if out.len().saturating_sub(start) > SIMPLE_KEY_BYTES {
            out.insert_str(start, "? ");
            out.push('\n');
            spaces(out, indent);
        }
    }
    out.push(':');
}

/// Lines of a list; with `inline`, the first stands behind what is on the line.
fn sequence(out: &mut String, items: &[Value], indent: usize, mut inline: bool) {
    for item in items {
        if !std::mem::take(&mut inline) {
            spaces(out, indent);
        }
        out.push_str("- ");
        match item {
            Value::Object(map) if !map.is_empty() => mapping(out, map, indent.saturating_add(STEP), true),
            Value::Array(items) if !items.is_empty() => {
                sequence(out, items, indent.saturating_add(STEP), true)
            }
            _ => {
                scalar(out, item, indent);
                out.push('\n');
            }
        }
    }
}

/// Writes so many spaces.
pub fn spaces(out: &mut String, count: usize) {
    const BLANK: &str = "                                                                ";
    let mut left = count;
    while left > 0 {
        let chunk = left.min(BLANK.len());
        out.push_str(BLANK.get(..chunk).unwrap_or(" "));
        left = left.saturating_sub(chunk.max(1));
    }
}

/// A value without lines of its own, or a block scalar one step deeper than `indent`.
fn scalar(out: &mut String, value: &Value, indent: usize) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Number(number) => write_number(out, number),
        Value::String(text) => string(out, text, indent),
        Value::Array(_) => out.push_str("[]"),
        Value::Object(_) => out.push_str("{}"),
    }
}

fn string(out: &mut String, text: &str, indent: usize) {
    if is_block(text) {
        block(out, text, indent.saturating_add(STEP));
    } else {
        single_line(out, text);
    }
}

/// Floats in exponent form get the dot and the sign without which YAML 1.1 takes them for text.
fn write_number(out: &mut String, number: &Number) {
    let start = out.len();
    // Writing to a string does not fail.
    let _ = write!(out, "{number}");
    let Some(at) = out.get(start..).and_then(|text| text.find('e')).map(|at| at.saturating_add(start)) else {
        return;
    };
    if out.get(at..).is_some_and(|exponent| !exponent.starts_with("e-") && !exponent.starts_with("e+")) {
        out.insert(at.saturating_add(1), '+');
    }
    if out.get(start..at).is_some_and(|mantissa| !mantissa.contains('.')) {
        out.insert_str(at, ".0");
    }
}

/// A string on one line.
fn single_line(out: &mut String, text: &str) {
    if is_plain(text) {
        out.push_str(text);
    } else {
        quoted(out, text);
    }
}

/// Whether every reader takes the bare text for this string.
fn is_plain(text: &str) -> bool {
    match text.as_bytes() {
        [b'a'..=b'z' | b'A'..=b'Z', ..] => has_plain_characters(text) && !is_reserved(text),
        [b'/', ..] | [b'_', b'a'..=b'z' | b'A'..=b'Z', ..] => has_plain_characters(text),
        [b'0'..=b'9', ..] => is_address(text) || is_version(text) || is_duration(text),
        _ => false,
    }
}

/// ASCII that means nothing to YAML in the middle of a line, and no `: `, trailing `:` or trailing space.
fn has_plain_characters(text: &str) -> bool {
    let mut last = 0;
    for &byte in text.as_bytes() {
        let plain = match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'/' | b':' => true,
            b'@' | b',' | b'+' | b'=' | b'(' | b')' | b'%' | b';' | b'*' | b'~' => true,
            b' ' => last != b':',
            _ => false,
        };
        if !plain {
            return false;
        }
        last = byte;
    }
    !matches!(last, b' ' | b':')
}

/// Words that some reader, in some spelling, takes for a boolean, null or a number.
fn is_reserved(text: &str) -> bool {
    const WORDS: [&str; 11] = ["y", "n", "on", "no", "yes", "off", "true", "false", "null", "nan", "inf"];
    const LONGEST: usize = 8;
    text.len() <= LONGEST
        && (WORDS.iter().any(|word| text.eq_ignore_ascii_case(word)) || text.eq_ignore_ascii_case("infinity"))
}

/// `10.0.0.1` and `10.0.0.0/16`.
fn is_address(text: &str) -> bool {
    let (quad, prefix) = match text.split_once('/') {
        Some((quad, prefix)) => (quad, Some(prefix)),
        None => (text, None),
    };
    let mut parts = 0_usize;
    let digits = quad.split('.').all(|part| {
        parts = parts.saturating_add(1);
        is_digits(part, 3)
    });
    digits && parts == 4 && prefix.is_none_or(|prefix| is_digits(prefix, 3))
}

/// `1.26.0` and `1.15.3-mspider`.
fn is_version(text: &str) -> bool {
    let (numbers, suffix) = match text.split_once(['-', '+']) {
        Some((numbers, suffix)) => (numbers, Some(suffix)),
        None => (text, None),
    };
    let mut parts = 0_usize;
    let digits = numbers.split('.').all(|part| {
        parts = parts.saturating_add(1);
        is_digits(part, 9)
    });
    let named = |suffix: &str| {
        suffix.starts_with(|first: char| first.is_ascii_alphabetic())
            && suffix.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-'))
    };
    digits && parts == 3 && suffix.is_none_or(named)
}

/// `30s`, `5m`, `1h`.
fn is_duration(text: &str) -> bool {
    text.strip_suffix(['s', 'm', 'h']).is_some_and(|number| is_digits(number, 9))
}

fn is_digits(text: &str, most: usize) -> bool {
    (1..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether a string can be written as a literal block: several lines, none with white space at its end, none that
/// begins with a tab, the first not indented, at most one line break at the end, nothing that needs an escape.
fn is_block(text: &str) -> bool {
    let body = text.strip_suffix('\n').unwrap_or(text);
    if !text.contains('\n') || body.starts_with([' ', '\n']) || body.is_empty() || body.ends_with('\n') {
        return false;
    }
    body.split('\n').all(|line| !line.ends_with([' ', '\t']) && !line.starts_with('\t'))
        && body.chars().all(|next| matches!(next, '\n' | '\t') || !is_escaped(next))
}

fn block(out: &mut String, text: &str, indent: usize) {
    let body = match text.strip_suffix('\n') {
        Some(body) => {
            out.push('|');
            body
        }
        None => {
            out.push_str("|-");
            text
        }
    };
    for line in body.split('\n') {
        out.push('\n');
        if !line.is_empty() {
            spaces(out, indent);
            out.push_str(line);
        }
    }
}

/// Characters that YAML does not print (YAML 1.2 section 5.1), that a reader may take for a line break, and those
/// that nobody can see.
fn is_escaped(character: char) -> bool {
    matches!(
        character,
        '\0'..='\u{1f}' | '\u{7f}'..='\u{a0}' | '\u{ad}' | '\u{180e}' | '\u{2007}' | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202f}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{fffe}' | '\u{ffff}'
    )
}

/// Double quotes with the escapes of JSON.
fn quoted(out: &mut String, text: &str) {
    out.push('"');
    let mut written = 0;
    for (at, character) in text.char_indices() {
        if !(matches!(character, '"' | '\\') || is_escaped(character)) {
            continue;
        }
        out.push_str(text.get(written..at).unwrap_or_default());
        written = at.saturating_add(character.len_utf8());
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            // All others are below U+10000; writing to a string does not fail.
            _ => drop(write!(out, "\\u{:04x}", u32::from(character))),
        }
    }
    out.push_str(text.get(written..).unwrap_or_default());
    out.push('"');
}

#[cfg(test)]
mod tests;
