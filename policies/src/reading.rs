//! The rules of reading: what is wrong with the text of a YAML file before anything is known about its meaning.

use crate::finding::{Rule, Severity};

/// Every rule of reading, in the order of the codes.
pub static READING_RULES: &[&Rule] = &[
    &SYNTAX_ERROR,
    &DUPLICATE_KEY,
    &AMBIGUOUS_SCALAR,
    &UNRESOLVED_PLACEHOLDER,
    &LOOK_ALIKE_CHARACTER,
    &ALIAS,
    &TOO_LARGE,
    &ENCODING,
    &CUSTOM_TAG,
    &KEY_NOT_STRING,
];

/// The text is not YAML.
pub static SYNTAX_ERROR: Rule = Rule {
    code: "MW0001",
    name: "syntax-error",
    severity: Severity::Error,
    title: "The text is not valid YAML",
    docs: include_str!("../docs/MW0001.md"),
};

/// A mapping has the same key twice.
pub static DUPLICATE_KEY: Rule = Rule {
    code: "MW0002",
    name: "duplicate-key",
    severity: Severity::Error,
    title: "A mapping has the same key twice",
    docs: include_str!("../docs/MW0002.md"),
};

/// An unquoted scalar that YAML 1.1 and YAML 1.2 readers take for different values.
pub static AMBIGUOUS_SCALAR: Rule = Rule {
    code: "MW0003",
    name: "ambiguous-scalar",
    severity: Severity::Error,
    title: "An unquoted value means different things to different YAML readers",
    docs: include_str!("../docs/MW0003.md"),
};

/// A template variable that nobody filled in.
pub static UNRESOLVED_PLACEHOLDER: Rule = Rule {
    code: "MW0004",
    name: "unresolved-placeholder",
    severity: Severity::Error,
    title: "A placeholder was never replaced by a value",
    docs: include_str!("../docs/MW0004.md"),
};

/// A character that looks like another one.
pub static LOOK_ALIKE_CHARACTER: Rule = Rule {
    code: "MW0005",
    name: "look-alike-character",
    severity: Severity::Error,
    title: "A character looks like another one, or like nothing",
    docs: include_str!("../docs/MW0005.md"),
};

/// An anchor, an alias or a merge key.
pub static ALIAS: Rule = Rule {
    code: "MW0006",
    name: "alias",
    severity: Severity::Error,
    title: "Anchors, aliases and merge keys are not accepted",
    docs: include_str!("../docs/MW0006.md"),
};

/// Input beyond a limit.
pub static TOO_LARGE: Rule = Rule {
    code: "MW0007",
    name: "too-large",
    severity: Severity::Error,
    title: "The input is deeper, larger or longer than is accepted",
    docs: include_str!("../docs/MW0007.md"),
};

/// Bytes that are not UTF-8.
pub static ENCODING: Rule = Rule {
    code: "MW0008",
    name: "encoding",
    severity: Severity::Error,
    title: "The file is not UTF-8",
    docs: include_str!("../docs/MW0008.md"),
};

/// A tag that only one program understands.
pub static CUSTOM_TAG: Rule = Rule {
    code: "MW0009",
    name: "custom-tag",
    severity: Severity::Error,
    title: "A value carries a tag that is not understood",
    docs: include_str!("../docs/MW0009.md"),
};

/// A key that is not a string.
pub static KEY_NOT_STRING: Rule = Rule {
    code: "MW0010",
    name: "key-not-string",
    severity: Severity::Error,
    title: "A key is not a string",
    docs: include_str!("../docs/MW0010.md"),
};
