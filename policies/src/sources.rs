//! Rules about the files that intent is read from, before any of them is parsed.

use crate::finding::{Rule, Severity};

/// Every rule of sources, in the order of the codes.
pub static SOURCE_RULES: &[&Rule] = &[&SYMLINK_OUT_OF_ROOT];

/// A symbolic link below the intent root that leads to something that is not read.
pub static SYMLINK_OUT_OF_ROOT: Rule = Rule {
    code: "MW0011",
    name: "symlink-out-of-root",
    severity: Severity::Error,
    title: "A symbolic link leads out of the intent root",
    docs: include_str!("../docs/MW0011.md"),
};
