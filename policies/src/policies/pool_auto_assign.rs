//! MW3150: MetalLB gives planned addresses to whoever comes first.

use crate::claim::{Claims, Fact};
use crate::declaration::DeclarationSpec;
use crate::finding::{Findings, Rule, Severity};
use crate::judge::{Declared, contradiction};
use crate::policy::Policy;

/// MetalLB gives planned addresses to whoever comes first.
pub(super) struct PoolAutoAssign;

static RULE: Rule = Rule {
    code: "MW3150",
    name: "pool-auto-assign",
    severity: Severity::Warning,
    title: "MetalLB pool gives its addresses to whoever comes first, or to nobody",
    docs: include_str!("../../docs/MW3150.md"),
};

impl Policy for PoolAutoAssign {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn judges(&self) -> bool {
        true
    }

    fn judge(&self, declaration: &DeclarationSpec, claims: &Claims, findings: &mut Findings) {
        for claim in &claims.list {
            let Fact::PoolAutoAssign { name } = &claim.fact else { continue };
            let pools = declaration.pools.iter().enumerate();
            let Some((index, pool)) = pools.into_iter().find(|(_, pool)| pool.name.as_str() == name) else {
                continue;
            };
            if claim.value == pool.auto_assign.to_string() {
                continue;
            }
            let message = if pool.auto_assign {
                format!("pool `{name}` gives no address to a Service that asks for none, though declared to")
            } else {
                format!(
                    "pool `{name}` gives its addresses to whichever Service comes first, planned ones too"
                )
            };
            let path = format!("pools[{index}].autoAssign");
            let declared = Declared { value: pool.auto_assign.to_string(), path: &path };
            findings.push(contradiction(&RULE, declaration, claims, claim, message, declared));
        }
    }
}
