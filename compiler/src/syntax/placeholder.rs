//! Template variables that nobody filled in.
//!
//! Recognised are the four forms of the tools that surround GitOps repositories: `${NAME}` of shells and Flux, `$(NAME)`
//! of Kubernetes and make, `{{ name }}` of Helm and Jinja, and `<NAME>` of documents written for people; and words that say
//! so themselves: `CHANGE_ME`, `xxx`, `210.xxx.xxx.xxx`. Text that merely contains such characters is left alone.

use std::ops::Range;

use granit_parser::ScalarStyle;
use meshwright_policies::finding::Place;
use meshwright_policies::node::{FieldPath, Span};
use meshwright_policies::reading;

use super::report::Report;
use super::scalar::Scalar;

/// Reports the first placeholder of a scalar.
pub(super) fn check(scalar: &Scalar<'_>, span: Span, path: &FieldPath, report: &mut Report<'_>) {
    let value = scalar.value.as_ref();
    let prose = matches!(scalar.style, ScalarStyle::Literal | ScalarStyle::Folded);
    let Some(found) = find(value, prose).and_then(|range| value.get(range)) else { return };
    let place = Place { span: narrow(scalar.written, found, span), path: path.clone() };
    let message = format!("placeholder `{found}` was never replaced");
    report.add(
        reading::UNRESOLVED_PLACEHOLDER.at(place, message).help("write the value in its place").found(found),
    );
}

/// The bytes of `found` inside a scalar; the scalar itself when escapes or folding hide it.
fn narrow(written: &str, found: &str, span: Span) -> Span {
    let offset = written.find(found).and_then(|at| u32::try_from(at).ok());
    let length = u32::try_from(found.len()).ok();
    match (offset, length) {
        (Some(offset), Some(length)) => {
            let start = span.start.saturating_add(offset);
            Span { start, end: start.saturating_add(length).min(span.end), ..span }
        }
        _ => span,
    }
}

/// Where the first placeholder is. Angle brackets mean many things in prose and are not looked at there.
fn find(text: &str, prose: bool) -> Option<Range<usize>> {
    marked(text, prose).or_else(|| word(text).filter(|_| !prose))
}

fn marked(text: &str, prose: bool) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    if !bytes.iter().any(|byte| matches!(byte, b'$' | b'{' | b'<')) {
        return None;
    }
    text.char_indices().find_map(|(at, first)| {
        let rest = text.get(at..)?;
        let length = match first {
            '$' => dollar(rest),
            '{' => braces(rest),
            '<' if !prose => angle(text, at),
            _ => None,
        }?;
        Some(at..at.saturating_add(length))
    })
}

/// `${NAME}`, `${NAME:-default}`, `$(NAME)`: length.
fn dollar(rest: &str) -> Option<usize> {
    let (body, close) = match rest.strip_prefix("${") {
        Some(body) => (body, '}'),
        None => (rest.strip_prefix("$(")?, ')'),
    };
    let name = body.find(|next: char| !(next.is_ascii_alphanumeric() || matches!(next, '_' | '.' | '-')))?;
    let starts = body.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
    let after = body.get(name..)?;
    let end = match after.chars().next()? {
        next if next == close => name,
        ':' | '=' | '?' | '+' | '[' if close == '}' => after.find(close)?.saturating_add(name),
        _ => return None,
    };
    (starts && name > 0).then(|| end.saturating_add(3))
}

/// `{{ name }}`: length.
fn braces(rest: &str) -> Option<usize> {
    let body = rest.strip_prefix("{{")?;
    let end = body.find("}}")?;
    let inner = body.get(..end)?;
    let blank = inner.trim().is_empty() || inner.contains('\n');
    (!blank).then(|| end.saturating_add(4))
}

/// `<NAME>` where a word could stand: as the whole text, or inside text without white space, after a separator.
/// Length.
fn angle(text: &str, at: usize) -> Option<usize> {
    let rest = text.get(at..)?.strip_prefix('<')?;
    let end = rest.find('>')?;
    let inner = rest.get(..end)?;
    let named = inner.starts_with(char::is_alphabetic)
        && !inner.ends_with([' ', '-'])
        && inner.chars().all(|next| next.is_alphanumeric() || matches!(next, '_' | '-' | ' '));
    let before = text.get(..at)?;
    let after = rest.get(end.saturating_add(1)..)?;
    let alone = before.trim().is_empty() && after.trim().is_empty();
    let separated = before.is_empty() || before.ends_with(['/', '.', ':', '-', '_', '@', '=', ',']);
    let word =
        !before.contains(char::is_whitespace) && !after.contains(char::is_whitespace) && !after.contains('<');
    (named && (alone || (separated && word))).then(|| end.saturating_add(2))
}

/// Words that ask to be replaced, in any case, where a word stands by itself.
const ASKING: [&str; 6] = ["CHANGE_ME", "CHANGE-ME", "CHANGEME", "REPLACE_ME", "REPLACE-ME", "REPLACEME"];

/// A word that stands for another one. Not in text with white space, which may speak of such words.
fn word(text: &str) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    let may = bytes.windows(2).any(|pair| pair.eq_ignore_ascii_case(b"me"))
        || bytes.iter().any(|byte| byte.eq_ignore_ascii_case(&b'x'));
    if !may || text.contains(char::is_whitespace) {
        return None;
    }
    asking(text).or_else(|| crossed_out(text))
}

fn asking(text: &str) -> Option<Range<usize>> {
    let upper = text.to_ascii_uppercase();
    let at_end = |c: Option<char>| !c.is_some_and(char::is_alphanumeric);
    ASKING.iter().find_map(|word| {
        let at = upper.find(word)?;
        let end = at.saturating_add(word.len());
        let alone = at_end(upper.get(..at)?.chars().next_back()) && at_end(upper.get(end..)?.chars().next());
        alone.then_some(at..end)
    })
}

/// `xxx`, and an IPv4 address with parts of it crossed out.
fn crossed_out(text: &str) -> Option<Range<usize>> {
    let crossed = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.eq_ignore_ascii_case(&b'x'));
    if text.len() >= 3 && crossed(text) {
        return Some(0..text.len());
    }
    let is_end = |c: char| !(c.is_ascii_alphanumeric() || c == '.' || c == '-' || c == '_');
    let mut start = 0_usize;
    text.split(is_end).find_map(|token| {
        let at = start;
        start = start.saturating_add(token.len()).saturating_add(1);
        let parts: Vec<&str> = token.split('.').collect();
        let number =
            |part: &&str| part.len() <= 3 && !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        let address = parts.len() == 4
            && parts.iter().all(|part| number(part) || (crossed(part) && part.len() <= 3))
            && parts.iter().any(|part| crossed(part));
        address.then(|| at..at.saturating_add(token.len()))
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::messages;
    use super::*;

    fn found(text: &str) -> Option<&str> {
        find(text, false).map(|range| &text[range])
    }

    #[test]
    fn placeholders_are_found() {
        for (text, placeholder) in [
            ("${X}", "${X}"),
            ("a-${CLUSTER_NAME}-b", "${CLUSTER_NAME}"),
            ("${X:-default}", "${X:-default}"),
            ("${X:=1}", "${X:=1}"),
            ("${CFG[CTX]}", "${CFG[CTX]}"),
            ("$(POD_NAME)", "$(POD_NAME)"),
            ("{{ x }}", "{{ x }}"),
            ("{{.Values.name}}-b", "{{.Values.name}}"),
            ("<CHANGE_ME>", "<CHANGE_ME>"),
            ("<your cluster name>", "<your cluster name>"),
            ("https://<api-server>:6443", "<api-server>"),
            ("10.0.<n>.1", "<n>"),
            ("<클러스터>", "<클러스터>"),
            ("CHANGE_ME/istio", "CHANGE_ME"),
            ("registry.example.com/changeme", "changeme"),
            ("CHANGEME", "CHANGEME"),
            ("xxx", "xxx"),
            ("XXXX", "XXXX"),
            ("210.xxx.xxx.xxx", "210.xxx.xxx.xxx"),
            ("https://10.0.0.x:6443", "10.0.0.x"),
            ("210.109.x.x/16", "210.109.x.x"),
        ] {
            assert_eq!(found(text), Some(placeholder), "{text}");
        }
    }

    #[test]
    fn other_text_is_left_alone() {
        for text in [
            "$5",
            "xx",
            "x",
            "nexus.example.com",
            "10.0.0.1",
            "exchange_member",
            "change me",
            "replaces 10.x.x.x",
            "v1.x.x-alpha",
            "maxxxi",
            "x.x.x.example.com",
            "$HOME",
            "${}",
            "$()",
            "a ${ b",
            "${1}",
            "$(a b)",
            "{{}}",
            "{{ }}",
            "{a}",
            "{",
            "<",
            "a < b > c",
            "List<String>",
            "<=1.26",
            "Jane Roe <jane@example.com>",
            "see <b>this</b> page",
            "<b>bold</b>",
            "a -> b",
            "<1>",
            "traffic from <a> to <b>",
            "^foo$",
            "$$",
        ] {
            assert_eq!(found(text), None, "{text}");
        }
    }

    #[test]
    fn the_placeholder_itself_is_pointed_at() {
        assert_eq!(
            messages(b"a: x-${Y}\nb: \"\\t${Z}\"\n${K}: 1\nc: {{ v }}\nd: |\n  <X>\n  ${Q}\n"),
            [
                "MW0004 1:6 placeholder `${Y}` was never replaced",
                "MW0004 2:7 placeholder `${Z}` was never replaced",
                "MW0004 3:1 placeholder `${K}` was never replaced",
                "MW0004 4:4 placeholder `{{ v }}` was never replaced",
                "MW0004 7:3 placeholder `${Q}` was never replaced",
            ]
        );
    }
}
