//! Bytes to text.

use meshwright_policies::finding::Place;
use meshwright_policies::node::FieldPath;
use meshwright_policies::reading;

use super::Limits;
use super::report::Report;

/// The text without its byte order mark, or a finding.
pub(super) fn decode<'t>(bytes: &'t [u8], limits: &Limits, report: &mut Report<'_>) -> Option<&'t str> {
    let at = |report: &Report<'_>, start: usize, end: usize| Place {
        span: report.span(start, end.min(bytes.len())),
        path: FieldPath::root(),
    };
    if bytes.len() > limits.bytes {
        let message =
            format!("the file has {} bytes, more than the {} that are read", bytes.len(), limits.bytes);
        let place = at(report, 0, 0);
        report.add(reading::TOO_LARGE.at(place, message).help("split the file"));
        return None;
    }
    if let Some(name) = wide_encoding(bytes) {
        let place = at(report, 0, 2);
        let message = format!("the file is {name}, not UTF-8");
        report.add(reading::ENCODING.at(place, message).help("save it as UTF-8"));
        return None;
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => Some(text.strip_prefix('\u{feff}').unwrap_or(text)),
        Err(error) => {
            let first = error.valid_up_to();
            let last = first.saturating_add(error.error_len().unwrap_or(1));
            let byte = bytes.get(first).copied().unwrap_or_default();
            let place = at(report, first, last);
            let message = format!("byte {} (0x{byte:02x}) is not UTF-8", first);
            report.add(reading::ENCODING.at(place, message).help("save the file as UTF-8"));
            None
        }
    }
}

/// The name of the encoding when the first bytes are those of UTF-16 or UTF-32: a byte order mark, or, since YAML
/// begins with an ASCII character, zero bytes beside it (YAML 1.2 section 5.2).
fn wide_encoding(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [0xff, 0xfe, 0, 0, ..] | [_, 0, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..] | [0, 0, 0, _, ..] => {
            Some("UTF-32")
        }
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [0, 1..=0x7f, ..] | [1..=0x7f, 0, ..] => Some("UTF-16"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::messages;

    #[test]
    fn other_encodings_are_named() {
        let utf16: Vec<u8> = "\u{feff}kind: Mesh".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(messages(&utf16), ["MW0008 1:1 the file is UTF-16, not UTF-8"]);
        let utf16: Vec<u8> = "kind: Mesh".encode_utf16().flat_map(u16::to_be_bytes).collect();
        assert_eq!(messages(&utf16), ["MW0008 1:1 the file is UTF-16, not UTF-8"]);
        assert_eq!(messages(b"a\0\0\0"), ["MW0008 1:1 the file is UTF-32, not UTF-8"]);
        assert_eq!(messages(b"a: 1\nb: caf\xe9\n"), ["MW0008 2:7 byte 11 (0xe9) is not UTF-8"]);
        assert_eq!(messages(b"a: \xf0\x9f"), ["MW0008 1:4 byte 3 (0xf0) is not UTF-8"]);
    }

    #[test]
    fn a_byte_order_mark_of_utf_8_is_skipped() {
        assert!(messages("\u{feff}a: 1".as_bytes()).is_empty());
        assert_eq!(messages("\u{feff}a: on".as_bytes()).len(), 1);
    }
}
