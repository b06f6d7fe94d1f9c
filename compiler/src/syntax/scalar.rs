//! What a scalar means, and whether every reader agrees.
//!
//! The value is that of the YAML 1.2 core schema (section 10.3). Kubernetes, Flux and Argo CD read manifests with
//! `sigs.k8s.io/yaml`, which follows YAML 1.1 for booleans and octal numbers and takes `_` inside numbers
//! (go-yaml v2, `resolve.go`); other YAML 1.1 readers know base-60 numbers and dates besides. A plain scalar on which
//! they part is refused.

use std::borrow::Cow;

use granit_parser::{ScalarStyle, Tag};
use meshwright_policies::finding::{Finding, Place};
use meshwright_policies::node::{FieldPath, Span, Value};
use meshwright_policies::reading;
use serde_json::Number;

use super::report::Report;
use super::{lookalike, placeholder};

/// A scalar as the parser gives it.
pub(super) struct Scalar<'a> {
    /// Its text after escapes.
    pub(super) value: Cow<'a, str>,
    pub(super) style: ScalarStyle,
    pub(super) tag: Option<&'a Tag>,
    /// Its text as written, with quotes.
    pub(super) written: &'a str,
}

/// The value of a scalar.
pub(super) fn read_value(
    scalar: &Scalar<'_>,
    span: Span,
    tag: Span,
    path: &FieldPath,
    report: &mut Report<'_>,
) -> Value {
    check_text(scalar, span, path, report);
    if tag_is_refused(scalar, tag, path, report) || !is_plain(scalar) {
        return Value::String(scalar.value.to_string());
    }
    let text = scalar.value.as_ref();
    let (value, doubt) = resolve(text);
    if let Some(doubt) = doubt {
        report.add(doubt.finding(text, Place { span, path: path.clone() }));
    }
    value
}

/// Checks a key: it must be a string to every reader.
pub(super) fn check_key(
    scalar: &Scalar<'_>,
    span: Span,
    tag: Span,
    path: &FieldPath,
    report: &mut Report<'_>,
) {
    check_text(scalar, span, path, report);
    if tag_is_refused(scalar, tag, path, report) || !is_plain(scalar) {
        return;
    }
    let text = scalar.value.as_ref();
    let place = Place { span, path: path.clone() };
    let (value, doubt) = resolve(text);
    if let Some(doubt) = doubt {
        report.add(doubt.finding(text, place));
        return;
    }
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        _ => return,
    };
    let (message, help) = if text.is_empty() {
        ("a key is missing before `:`".to_owned(), "write the key".to_owned())
    } else {
        (format!("key `{text}` is {kind}, not a string"), format!("quote it: `\"{text}\"`"))
    };
    report.add(reading::KEY_NOT_STRING.at(place, message).help(help));
}

fn check_text(scalar: &Scalar<'_>, span: Span, path: &FieldPath, report: &mut Report<'_>) {
    placeholder::check(scalar, span, path, report);
    lookalike::check(scalar, span, path, report);
}

/// Whether the text decides about the type.
fn is_plain(scalar: &Scalar<'_>) -> bool {
    scalar.style == ScalarStyle::Plain
        && !scalar.tag.is_some_and(|tag| tag.is_yaml_core_schema_tag("str") || tag.original() == "!")
}

/// Refuses every tag but `!!str`, `!` and those that name the type that the text has anyway.
fn tag_is_refused(scalar: &Scalar<'_>, span: Span, path: &FieldPath, report: &mut Report<'_>) -> bool {
    let Some(tag) = scalar.tag else { return false };
    let natural = match (scalar.style, resolve(&scalar.value).0) {
        (ScalarStyle::Plain, Value::Null) => "null",
        (ScalarStyle::Plain, Value::Bool(_)) => "bool",
        (ScalarStyle::Plain, Value::Number(number)) if number.is_f64() => "float",
        (ScalarStyle::Plain, Value::Number(_)) => "int",
        _ => "str",
    };
    let accepted =
        tag.is_yaml_core_schema_tag("str") || tag.original() == "!" || tag.is_yaml_core_schema_tag(natural);
    if !accepted {
        report.add(refused_tag(tag, Place { span, path: path.clone() }));
    }
    !accepted
}

/// The finding of a tag.
pub(super) fn refused_tag(tag: &Tag, place: Place) -> Finding {
    let message = format!("tag `{}` is not accepted", tag.original());
    reading::CUSTOM_TAG.at(place, message).help("remove the tag and write the value itself")
}

/// The decimal number that a text is read as by most people: without `_` and leading zeros.
fn decimal(text: &str) -> Option<String> {
    let digits: String = text.chars().filter(|c| *c != '_').collect();
    let number = digits.trim_start_matches('0');
    (digits.bytes().all(|byte| byte.is_ascii_digit()) && !number.is_empty()).then(|| number.to_owned())
}

/// Why a plain scalar is refused.
pub(super) enum Doubt {
    /// Readers part.
    Ambiguous {
        /// What YAML 1.2 takes it for.
        core: &'static str,
        /// What another reader takes it for, and which.
        other: String,
    },
    /// A number that JSON does not have.
    NoNumber(&'static str),
}

impl Doubt {
    fn finding(&self, text: &str, place: Place) -> Finding {
        let quoted = format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
        match self {
            Doubt::Ambiguous { core, other } => {
                let help = match boolean_1_1(text) {
                    Some(meant) => {
                        format!("quote it if the text is meant: `{quoted}`; otherwise write `{meant}`")
                    }
                    None => match decimal(text) {
                        Some(number) => {
                            format!(
                                "quote it if the text is meant: `{quoted}`; write `{number}` for the number"
                            )
                        }
                        None => format!("quote it: `{quoted}`"),
                    },
                };
                let message = format!("`{text}` is {core} in YAML 1.2 but {other}");
                reading::AMBIGUOUS_SCALAR.at(place, message).help(help)
            }
            Doubt::NoNumber(why) => {
                let message = format!("`{text}` {why}");
                reading::AMBIGUOUS_SCALAR
                    .at(place, message)
                    .help(format!("quote it if the text is meant: `{quoted}`"))
            }
        }
    }
}

/// The value of a plain scalar in the core schema, and what speaks against it.
pub(super) fn resolve(text: &str) -> (Value, Option<Doubt>) {
    let string = || Value::String(text.to_owned());
    let ambiguous = |core, other: &str| Some(Doubt::Ambiguous { core, other: other.to_owned() });
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return (Value::Null, None),
        "true" | "True" | "TRUE" => return (Value::Bool(true), None),
        "false" | "False" | "FALSE" => return (Value::Bool(false), None),
        "=" | "<<" => return (string(), ambiguous("text", "a type of its own in YAML 1.1")),
        _ => {}
    }
    if let Some(meant) = boolean_1_1(text) {
        return (string(), ambiguous("text", &format!("`{meant}` to Kubernetes (YAML 1.1)")));
    }
    if !text.starts_with(|first: char| first.is_ascii_digit() || matches!(first, '+' | '-' | '.')) {
        return (string(), None);
    }
    if not_finite(text) {
        return (string(), Some(Doubt::NoNumber("is a number that JSON, and so Kubernetes, does not have")));
    }
    match core_number(text) {
        Some(Ok(number)) => {
            let doubt = number_doubt(text, &number);
            (Value::Number(number), doubt)
        }
        Some(Err(why)) => (string(), Some(Doubt::NoNumber(why))),
        None => (string(), text_doubt(text)),
    }
}

/// go-yaml v2 `resolve.go`: its table of booleans beyond those of the core schema.
fn boolean_1_1(text: &str) -> Option<bool> {
    match text {
        "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => Some(true),
        "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => Some(false),
        _ => None,
    }
}

fn not_finite(text: &str) -> bool {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    matches!(unsigned, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN")
}

/// YAML 1.2 section 10.3.2: the number of a plain scalar, or why JSON cannot hold it.
fn core_number(text: &str) -> Option<Result<Number, &'static str>> {
    const TOO_BIG: &str = "is a number of more than 64 bits";
    if let Some((radix, digits)) = radix_1_2(text) {
        return Some(u64::from_str_radix(digits, radix).map(Number::from).map_err(|_| TOO_BIG));
    }
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if all(unsigned, |byte| byte.is_ascii_digit()) {
        let plain = text.strip_prefix('+').unwrap_or(text);
        let number =
            plain.parse::<i64>().map(Number::from).or_else(|_| plain.parse::<u64>().map(Number::from));
        return Some(number.map_err(|_| TOO_BIG));
    }
    if !is_core_float(unsigned) {
        return None;
    }
    Some(text.parse::<f64>().ok().and_then(Number::from_f64).ok_or("is a number too large to hold"))
}

/// `0x1F` and `0o17`: radix and digits.
fn radix_1_2(text: &str) -> Option<(u32, &str)> {
    if let Some(digits) = text.strip_prefix("0x") {
        return all(digits, |byte| byte.is_ascii_hexdigit()).then_some((16, digits));
    }
    let digits = text.strip_prefix("0o")?;
    all(digits, |byte| matches!(byte, b'0'..=b'7')).then_some((8, digits))
}

/// `( "." [0-9]+ | [0-9]+ ( "." [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?`
fn is_core_float(unsigned: &str) -> bool {
    let (mantissa, exponent) = split_exponent(unsigned);
    let exponent_holds = exponent.is_none_or(|exponent| {
        let digits = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
        all(digits, |byte| byte.is_ascii_digit())
    });
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    exponent_holds && digits(whole) && digits(fraction) && !(whole.is_empty() && fraction.is_empty())
}

fn split_exponent(text: &str) -> (&str, Option<&str>) {
    match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text, None),
    }
}

fn all(text: &str, holds: impl Fn(u8) -> bool) -> bool {
    !text.is_empty() && text.bytes().all(holds)
}

/// What speaks against a number of the core schema.
fn number_doubt(text: &str, number: &Number) -> Option<Doubt> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if text.starts_with("0o") {
        return Some(Doubt::Ambiguous { core: "a number", other: "text in YAML 1.1".to_owned() });
    }
    if !number.is_f64() {
        if unsigned.len() > 1 && unsigned.starts_with('0') && !unsigned.starts_with("0x") {
            let other = match i64::from_str_radix(unsigned, 8) {
                Ok(octal) => format!("the octal number {octal} to Kubernetes (YAML 1.1)"),
                Err(_) => "text in YAML 1.1".to_owned(),
            };
            return Some(Doubt::Ambiguous { core: "a decimal number", other });
        }
        return None;
    }
    // YAML 1.1 float: an exponent needs a dot before it and a sign in it.
    let (mantissa, exponent) = split_exponent(unsigned);
    let exponent = exponent?;
    let in_both = mantissa.contains('.') && exponent.starts_with(['-', '+']);
    (!in_both).then(|| Doubt::Ambiguous { core: "a number", other: "text in YAML 1.1".to_owned() })
}

/// What speaks against text that begins like a number.
fn text_doubt(text: &str) -> Option<Doubt> {
    let other = if is_date(text) {
        "a date in YAML 1.1".to_owned()
    } else if is_base_60(text) {
        "a number in base 60 in YAML 1.1".to_owned()
    } else if is_number_1_1(text) {
        "a number to Kubernetes (YAML 1.1)".to_owned()
    } else {
        return None;
    };
    Some(Doubt::Ambiguous { core: "text", other })
}

/// The date, or date and time, of YAML 1.1's timestamp type, without checking that the day exists.
fn is_date(text: &str) -> bool {
    let digits = |part: &str, lengths: std::ops::RangeInclusive<usize>| {
        lengths.contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())
    };
    let (date, time) = match text.split_once(['T', 't', ' ', '\t']) {
        Some((date, time)) => (date, Some(time)),
        None => (text, None),
    };
    let mut parts = date.split('-');
    let (Some(year), Some(month), Some(day), None) = (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return false;
    };
    if !(digits(year, 4..=4) && digits(month, 1..=2) && digits(day, 1..=2)) {
        return false;
    }
    let Some(time) = time else { return true };
    let mut parts = time.trim_start().splitn(3, ':');
    let (Some(hour), Some(minute), Some(rest)) = (parts.next(), parts.next(), parts.next()) else {
        return false;
    };
    let second = rest.get(..2).unwrap_or(rest);
    let zone = rest.get(2..).unwrap_or_default();
    digits(hour, 1..=2)
        && digits(minute, 2..=2)
        && digits(second, 1..=2)
        && zone
            .bytes()
            .all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b' ' | b'Z' | b'+' | b'-' | b':'))
}

/// `[-+]?[1-9][0-9_]*(:[0-5]?[0-9])+`, and the same with a fraction.
fn is_base_60(text: &str) -> bool {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (whole, fraction) = match unsigned.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (unsigned, None),
    };
    let mut parts = whole.split(':');
    let first = parts.next().unwrap_or_default();
    let starts = if fraction.is_some() { b'0' } else { b'1' };
    let mut rest = parts.peekable();
    rest.peek().is_some()
        && first.bytes().next().is_some_and(|byte| (starts..=b'9').contains(&byte))
        && first.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_')
        && rest.all(|part| match part.as_bytes() {
            [digit] => digit.is_ascii_digit(),
            [tens, ones] => (b'0'..=b'5').contains(tens) && ones.is_ascii_digit(),
            _ => false,
        })
        && fraction.is_none_or(|part| part.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_'))
}

/// What go-yaml v2 takes for a number besides the core schema: `_` anywhere in it, binary, signed or upper-case
/// prefixes; and the `_` of YAML 1.1 floats.
fn is_number_1_1(text: &str) -> bool {
    let plain: String = text.chars().filter(|character| *character != '_').collect();
    if text.starts_with('.') && text.strip_prefix('.').is_some_and(|rest| rest.starts_with('_')) {
        return false;
    }
    let unsigned = plain.strip_prefix(['-', '+']).unwrap_or(&plain);
    let prefixed = match unsigned.get(..2) {
        Some("0x" | "0X") => {
            unsigned.get(2..).is_some_and(|digits| all(digits, |byte| byte.is_ascii_hexdigit()))
        }
        Some("0b" | "0B") => {
            unsigned.get(2..).is_some_and(|digits| all(digits, |byte| matches!(byte, b'0' | b'1')))
        }
        Some("0o" | "0O") => {
            unsigned.get(2..).is_some_and(|digits| all(digits, |byte| matches!(byte, b'0'..=b'7')))
        }
        _ => false,
    };
    prefixed || is_core_float(unsigned)
}
