//! Every code there is, from all registries.

use meshwright_policies::finding::Rule;
use meshwright_policies::policies::POLICIES;
use meshwright_policies::{reading, references, settings, sources};

/// Every rule, by code.
#[must_use]
pub fn all() -> Vec<&'static Rule> {
    let mut rules: Vec<&'static Rule> = [
        reading::READING_RULES,
        sources::SOURCE_RULES,
        references::REFERENCE_RULES,
        settings::SETTINGS_RULES,
    ]
    .into_iter()
    .flatten()
    .copied()
    .chain(POLICIES.iter().map(|policy| policy.rule()))
    .collect();
    rules.sort_by_key(|rule| rule.code);
    rules
}

/// The codes that a `PolicyConfig` may lower: what policies judge, not what reading finds.
#[must_use]
pub fn adjustable() -> Vec<&'static str> {
    all().into_iter().map(|rule| rule.code).filter(|code| !code.starts_with("MW0")).collect()
}

/// The rule of a code, in either case.
#[must_use]
pub fn named(code: &str) -> Option<&'static Rule> {
    all().into_iter().find(|rule| rule.code.eq_ignore_ascii_case(code) || rule.name == code)
}
