//! MW9152: a node lies elsewhere than declared.

use crate::claim::{Claims, Fact};
use crate::declaration::DeclarationSpec;
use crate::finding::{Findings, Rule, Severity};
use crate::judge::{Declared, contradiction};
use crate::policy::Policy;

/// A node lies elsewhere than declared.
pub(super) struct AnotherLocality;

static RULE: Rule = Rule {
    code: "MW9152",
    name: "another-locality",
    severity: Severity::Warning,
    title: "node lies elsewhere than declared",
    docs: include_str!("../../docs/MW9152.md"),
};

impl Policy for AnotherLocality {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn judges(&self) -> bool {
        true
    }

    fn judge(&self, declaration: &DeclarationSpec, claims: &Claims, findings: &mut Findings) {
        for claim in &claims.list {
            let (Fact::NodeRegion { node } | Fact::NodeZone { node } | Fact::NodeSubzone { node }) =
                &claim.fact
            else {
                continue;
            };
            let own = declaration.nodes.iter().find(|(name, _)| name.as_str() == node);
            let (locality, path) = match own {
                Some((name, locality)) => (Some(locality), format!("nodes.{name}")),
                None => (declaration.locality.as_ref(), "locality".to_owned()),
            };
            let Some(locality) = locality else { continue };
            let (what, right) = match claim.fact {
                Fact::NodeRegion { .. } => ("region", Some(&locality.region)),
                Fact::NodeZone { .. } => ("zone", locality.zone.as_ref()),
                _ => ("subzone", locality.subzone.as_ref()),
            };
            // A locality may name less than the node's labels do.
            let Some(right) = right.filter(|right| right.as_str() != claim.value) else { continue };
            let message =
                format!("node `{node}` is in {what} `{}`, but is declared to be in `{right}`", claim.value);
            let declared = Declared { value: right.to_string(), path: &path };
            findings.push(contradiction(&RULE, declaration, claims, claim, message, declared));
        }
    }
}
