//! The parser's errors in words that say what to do.

use granit_parser::{ErrorKind, ScanError};
use meshwright_policies::finding::{Finding, Place, Rule};
use meshwright_policies::node::FieldPath;
use meshwright_policies::reading;

use super::Limits;
use super::report::Report;

/// Reports an error of the parser.
pub(super) fn report(text: &str, error: &ScanError, limits: &Limits, report: &mut Report<'_>) {
    let at = error.marker().byte_offset().unwrap_or(text.len()).min(text.len());
    let finding = conflict(text, at, report)
        .or_else(|| tab(text, at, error.kind(), report))
        .unwrap_or_else(|| explained(text, at, error.kind(), limits, report));
    report.add(finding);
}

/// A finding at one character.
fn finding(rule: &'static Rule, text: &str, at: usize, message: String, report: &Report<'_>) -> Finding {
    let next = text.get(at..).and_then(|rest| rest.chars().next());
    let width = next.filter(|next| !matches!(next, '\n' | '\r')).map_or(0, char::len_utf8);
    let span = report.span(at, at.saturating_add(width));
    rule.at(Place { span, path: FieldPath::root() }, message)
}

/// First byte of the line of a byte, and the line.
fn line_at(text: &str, at: usize) -> (usize, &str) {
    let start = text.get(..at).and_then(|before| before.rfind('\n')).map_or(0, |end| end.saturating_add(1));
    let line = text.get(start..).and_then(|rest| rest.lines().next()).unwrap_or_default();
    (start, line)
}

/// The markers that Git leaves in a file.
fn conflict(text: &str, at: usize, report: &Report<'_>) -> Option<Finding> {
    let (start, line) = line_at(text, at);
    let marked = ["<<<<<<< ", "=======", ">>>>>>> "].iter().any(|marker| line.starts_with(marker));
    let message = "a merge conflict was left in the file".to_owned();
    marked.then(|| finding(&reading::SYNTAX_ERROR, text, start, message, report).help("resolve the conflict"))
}

/// A tab that indents the line of the error, or the next one when the error is what the tab did to this one.
fn tab(text: &str, at: usize, kind: &ErrorKind, report: &Report<'_>) -> Option<Finding> {
    let (start, line) = line_at(text, at);
    let next = match kind {
        ErrorKind::TabInPlainScalar => {
            let rest = text.get(start..).unwrap_or_default();
            rest.find('\n').map(|end| line_at(text, start.saturating_add(end).saturating_add(1)))
        }
        _ => None,
    };
    let tab = [Some((start, line)), next].into_iter().flatten().find_map(|(start, line)| {
        let indent = line.len().saturating_sub(line.trim_start_matches([' ', '\t']).len());
        line.get(..indent)?.find('\t').map(|tab| start.saturating_add(tab))
    })?;
    let message = "a tab indents this line".to_owned();
    Some(finding(&reading::SYNTAX_ERROR, text, tab, message, report).help("indent with spaces"))
}

fn explained(text: &str, at: usize, kind: &ErrorKind, limits: &Limits, report: &Report<'_>) -> Finding {
    if *kind == ErrorKind::RecursionLimitExceeded {
        let message = format!("lists and mappings are nested more than {} deep", limits.depth);
        return finding(&reading::TOO_LARGE, text, at, message, report);
    }
    let (start, line) = line_at(text, at);
    let before = text.get(start..at).unwrap_or_default();
    let (message, help) = words(kind, line, before);
    let rule = match kind {
        ErrorKind::UndeclaredTagHandle => &reading::CUSTOM_TAG,
        _ => &reading::SYNTAX_ERROR,
    };
    let help = if line.contains("{{") { TEMPLATE } else { help };
    let finding = finding(rule, text, at, message, report);
    if help.is_empty() { finding } else { finding.help(help) }
}

const TEMPLATE: &str = "`{{ }}` is the syntax of templates: render the template first, or quote the value";
const NOT_CLOSED: &str = "put the closing quote, and indent lines between the quotes";
const ALIGN: &str = "give keys of one mapping the same indentation, and keys below a key more of it";

/// Message and help; the help may be empty.
fn words(kind: &ErrorKind, line: &str, before: &str) -> (String, &'static str) {
    let (message, help) = match kind {
        ErrorKind::UnclosedFlowCollection { open } => {
            return (
                format!("`{open}` is never closed"),
                "close it, or quote the value if the character is meant",
            );
        }
        ErrorKind::MismatchedFlowCollectionEnd { open, close } => {
            return (format!("`{open}` is closed by `{close}`"), "close a bracket with its own kind");
        }
        ErrorKind::UnexpectedCharacter { character } if character.is_control() => {
            let message = format!("control character U+{:04X}", u32::from(*character));
            return (message, "remove it, or write it as an escape in double quotes");
        }
        ErrorKind::UnexpectedCharacter { character } => {
            return (format!("`{character}` cannot begin an unquoted value"), "quote the value");
        }
        ErrorKind::MappingValueNotAllowed if before.trim_start().contains(": ") => {
            ("`: ` inside an unquoted value", "quote the value")
        }
        ErrorKind::MappingValueNotAllowed => {
            ("a key is indented below a key that has a value already", ALIGN)
        }
        ErrorKind::ExpectedBlockMappingKey if line.trim_start().starts_with("- ") => {
            ("a list item stands where a key is expected", "indent the list under its key")
        }
        ErrorKind::ExpectedBlockMappingKey | ErrorKind::InvalidIndentation => {
            ("the indentation fits none of the lines above", ALIGN)
        }
        ErrorKind::ExpectedBlockSequenceEntry => {
            ("expected a list item, `- `", "indent keys of a list item deeper than its `-`")
        }
        ErrorKind::SimpleKeyExpected | ErrorKind::InvalidSimpleKey if line.contains(':') => {
            ("expected `key: value`", "put a space after the colon")
        }
        ErrorKind::SimpleKeyExpected | ErrorKind::InvalidSimpleKey => ("expected `key: value`", ""),
        ErrorKind::InvalidColonPlacement | ErrorKind::FlowMappingValueAdjacentCollection => {
            ("`:` stands where none is expected", "close the bracket above, or quote the value")
        }
        ErrorKind::ExpectedFlowMappingSeparator | ErrorKind::ExpectedFlowSequenceSeparator => {
            ("expected `,` or the closing bracket", "separate items by commas and close the bracket")
        }
        ErrorKind::MisplacedFlowCollectionEnd => ("a bracket is closed that was never opened", "remove it"),
        ErrorKind::UnclosedQuotedScalar
        | ErrorKind::InvalidQuotedScalarIndent
        | ErrorKind::DocumentIndicatorInQuotedScalar => ("a quoted value is not closed", NOT_CLOSED),
        ErrorKind::InvalidTrailingSingleQuotedScalar => {
            ("text after the closing `'`", "write `''` for `'` in single quotes, or use double quotes")
        }
        ErrorKind::InvalidTrailingDoubleQuotedScalar => {
            ("text after the closing `\"`", "write `\\\"` for `\"` in double quotes, or use single quotes")
        }
        ErrorKind::UnknownQuotedScalarEscape | ErrorKind::InvalidQuotedScalarHexEscape => (
            "an escape in double quotes that YAML does not have",
            "write `\\\\` for `\\`, or use single quotes",
        ),
        ErrorKind::MissingAnchorOrAliasName => {
            ("`*` and `&` cannot begin an unquoted value", "quote the value: `\"*\"`")
        }
        ErrorKind::UndeclaredTagHandle => ("a tag with a prefix that is not declared", "remove the tag"),
        ErrorKind::BlockSequenceEntryNotAllowed | ErrorKind::BlockEntryInFlowCollection => {
            ("a list item cannot begin here", "begin the list on the next line, or quote the value")
        }
        ErrorKind::InvalidBlockScalarHeader | ErrorKind::ZeroBlockScalarIndent => {
            ("text on the line of `|` or `>`", "begin the text on the next line, indented")
        }
        ErrorKind::InvalidBlockScalarIndent | ErrorKind::TabAtBlockScalarStart => (
            "a line of a block of text is indented differently from its first",
            "indent with the same spaces",
        ),
        ErrorKind::BomInsideDocument => {
            ("a byte order mark in the middle of the file", "remove it: two files were joined")
        }
        ErrorKind::InvalidDocumentEnd => ("text after `...`", "begin it on the next line"),
        other => return (other.to_string(), ""),
    };
    (message.to_owned(), help)
}

#[cfg(test)]
mod tests {
    use super::super::tests::explained;

    #[test]
    fn common_mistakes_are_explained() {
        let texts = [
            "a: 1\n\tb: 2\n",
            "a:\n\tb: 2\n",
            "a: b: c\n",
            "a: 1\n  b: 2\n",
            "a:\n  b: 1\n c: 2\n",
            "a: \"x\nb: 1\n",
            "a: [1, 2\nb: 1\n",
            "a: {b: 1\n",
            "a: [1}\n",
            "a: [1]]\n",
            "a: 1\nb:2\n",
            "a: 1\nb\n",
            "- a\nb: 1\n",
            "a: 1\n- b\n",
            "a: @x\n",
            "a: x\0y\n",
            "a: *\n",
            "a: -\n",
            "a: 'it's'\n",
            "a: \"b\"c\n",
            "a: \"C:\\x\"\n",
            "a: |x\n  b\n",
            "a: !e!x y\n",
            "{{- if x }}\na: 1\n",
            "a: 1\n<<<<<<< HEAD\nb: 2\n",
            "a: 1\n\u{feff}b: 1\n",
        ];
        let shown: Vec<String> = texts.iter().map(|text| explained(text)).collect();
        insta::assert_snapshot!(shown.join("\n"), @r#"
        MW0001 2:1 a tab indents this line / indent with spaces
        MW0001 2:1 a tab indents this line / indent with spaces
        MW0001 1:5 `: ` inside an unquoted value / quote the value
        MW0001 2:4 a key is indented below a key that has a value already / give keys of one mapping the same indentation, and keys below a key more of it
        MW0001 3:2 the indentation fits none of the lines above / give keys of one mapping the same indentation, and keys below a key more of it
        MW0001 2:1 a quoted value is not closed / put the closing quote, and indent lines between the quotes
        MW0001 2:2 `:` stands where none is expected / close the bracket above, or quote the value
        MW0001 1:4 `{` is never closed / close it, or quote the value if the character is meant
        MW0001 1:4 `[` is closed by `}` / close a bracket with its own kind
        MW0001 1:7 a bracket is closed that was never opened / remove it
        MW0001 2:1 expected `key: value` / put a space after the colon
        MW0001 2:1 expected `key: value` / -
        MW0001 2:1 expected a list item, `- ` / indent keys of a list item deeper than its `-`
        MW0001 2:3 a list item stands where a key is expected / indent the list under its key
        MW0001 1:4 `@` cannot begin an unquoted value / quote the value
        MW0001 1:5 control character U+0000 / remove it, or write it as an escape in double quotes
        MW0001 1:4 `*` and `&` cannot begin an unquoted value / quote the value: `"*"`
        MW0001 1:4 a list item cannot begin here / begin the list on the next line, or quote the value
        MW0001 1:8 text after the closing `'` / write `''` for `'` in single quotes, or use double quotes
        MW0001 1:7 text after the closing `"` / write `\"` for `"` in double quotes, or use single quotes
        MW0001 1:4 an escape in double quotes that YAML does not have / write `\\` for `\`, or use single quotes
        MW0001 1:4 text on the line of `|` or `>` / begin the text on the next line, indented
        MW0009 1:4 a tag with a prefix that is not declared / remove the tag
        MW0001 1:3 a list item cannot begin here / `{{ }}` is the syntax of templates: render the template first, or quote the value
        MW0001 2:1 a merge conflict was left in the file / resolve the conflict
        MW0001 2:1 a byte order mark in the middle of the file / remove it: two files were joined
        "#);
    }
}
