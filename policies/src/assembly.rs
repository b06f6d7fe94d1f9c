//! The rules of assembling: what is wrong with the rendered objects taken together.

use crate::finding::{Rule, Severity};

/// Every rule of assembling, in the order of the codes. They are about the output, so nothing can lower them.
pub static ASSEMBLY_RULES: &[&Rule] = &[
    &IDENTITY_CHANGED,
    &ROOT_CHANGED,
    &OBJECT_RENDERED_TWICE,
    &UNSOUND_OUTPUT,
    &DELIVERED_FROM_ELSEWHERE,
    &BOOTSTRAP_PATH,
    &STALE_OUTPUT,
];

/// Two files would own one object, or be one file.
pub static OBJECT_RENDERED_TWICE: Rule = Rule {
    code: "MW8009",
    name: "object-rendered-twice",
    severity: Severity::Error,
    title: "two parts of the intent render one object of one API server",
    docs: include_str!("../docs/MW8009.md"),
};

/// A cluster has another identity than what was rendered last.
pub static IDENTITY_CHANGED: Rule = Rule {
    code: "MW2008",
    name: "identity-changed",
    severity: Severity::Error,
    title: "network, cluster ID, mesh ID or trust domain changed since the last render",
    docs: include_str!("../docs/MW2008.md"),
};

/// A rendered object would be refused by the declaration that is rendered beside it.
pub static UNSOUND_OUTPUT: Rule = Rule {
    code: "MW8010",
    name: "unsound-output",
    severity: Severity::Error,
    title: "rendered object contradicts its own declaration",
    docs: include_str!("../docs/MW8010.md"),
};

/// Flux's own objects lie where a rendered `kustomization.yaml` hides them.
pub static BOOTSTRAP_PATH: Rule = Rule {
    code: "MW8011",
    name: "bootstrap-path-in-output",
    severity: Severity::Error,
    title: "output would hide Flux's own objects",
    docs: include_str!("../docs/MW8011.md"),
};

/// A file of the output directory is not what is rendered.
pub static STALE_OUTPUT: Rule = Rule {
    code: "MW8012",
    name: "stale-output",
    severity: Severity::Error,
    title: "output is not what the intent renders",
    docs: include_str!("../docs/MW8012.md"),
};

/// The mesh's root certificate is another one than what was rendered last.
pub static ROOT_CHANGED: Rule = Rule {
    code: "MW7006",
    name: "root-certificate-changed",
    severity: Severity::Error,
    title: "root certificate changed since the last render",
    docs: include_str!("../docs/MW7006.md"),
};

/// Flux or Argo CD would look for the output where a branch does not have it.
pub static DELIVERED_FROM_ELSEWHERE: Rule = Rule {
    code: "MW8070",
    name: "delivered-from-elsewhere",
    severity: Severity::Warning,
    title: "delivery looks for the output where the branch does not have it",
    docs: include_str!("../docs/MW8070.md"),
};
