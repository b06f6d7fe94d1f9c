//! Rules about the files that intent is read from, before any of them is parsed.

use crate::finding::{Rule, Severity};

/// Every rule of sources, in the order of the codes.
pub static SOURCE_RULES: &[&Rule] = &[&SYMLINK_OUT_OF_ROOT, &SUBMODULE_IN_INTENT, &LFS_POINTER, &TOO_DEEP];

/// A symbolic link below the intent root that leads to something that is not read.
pub static SYMLINK_OUT_OF_ROOT: Rule = Rule {
    code: "MW0011",
    name: "symlink-out-of-root",
    severity: Severity::Error,
    title: "A symbolic link leads out of the intent root",
    docs: include_str!("../docs/MW0011.md"),
};

/// A submodule below the intent root: its files are not part of the commit.
pub static SUBMODULE_IN_INTENT: Rule = Rule {
    code: "MW0012",
    name: "submodule-in-intent",
    severity: Severity::Error,
    title: "A submodule lies below the intent root",
    docs: include_str!("../docs/MW0012.md"),
};

/// A file that Git LFS keeps elsewhere.
pub static LFS_POINTER: Rule = Rule {
    code: "MW0013",
    name: "lfs-pointer",
    severity: Severity::Error,
    title: "A file of the intent is a Git LFS pointer",
    docs: include_str!("../docs/MW0013.md"),
};

/// A directory so far below the intent root that it is not read.
pub static TOO_DEEP: Rule = Rule {
    code: "MW0030",
    name: "directory-too-deep",
    severity: Severity::Error,
    title: "A directory lies too far below the intent root",
    docs: include_str!("../docs/MW0030.md"),
};
