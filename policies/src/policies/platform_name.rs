//! MW5021: a name that Mspider does not take.

use crate::finding::{Findings, Rule, Severity};
use crate::mesh::Mesh;
use crate::policy::Policy;

/// MW5021: a name that Mspider does not take.
#[derive(Debug)]
pub(super) struct PlatformName;

static RULE: Rule = Rule {
    code: "MW5021",
    name: "platform-name",
    severity: Severity::Error,
    title: "a name that Mspider does not take",
    docs: include_str!("../../docs/MW5021.md"),
};

impl Policy for PlatformName {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn check_mesh(&self, mesh: &Mesh, findings: &mut Findings) {
        let Some(hosted) = mesh.hosted() else { return };
        let help = "let it start with a letter; it cannot be changed once the platform has it";
        if !starts_with_letter(mesh.name.as_str()) {
            let message = format!("mesh `{}` does not start with a letter, as Mspider asks", mesh.name);
            findings.push(RULE.at(mesh.written.name(), message).found(&mesh.name).help(help));
        }
        // What 0.19.0 changed about network groups whose name starts with a digit is not documented: nothing is said then.
        if hosted.mspider.version.as_ref().is_some_and(|version| version.at_least(0, 19, 0)) {
            return;
        }
        for network in mesh.networks.values().filter(|network| !starts_with_letter(network.id.as_str())) {
            let message = format!("network `{}` does not start with a letter, as Mspider asks", network.id);
            findings.push(RULE.at(network.written.name(), message).found(&network.id).help(help));
        }
    }
}

fn starts_with_letter(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digit_is_no_letter() {
        assert!(starts_with_letter("mdemo-1") && !starts_with_letter("1mdemo") && !starts_with_letter(""));
    }
}
