//! MW2113: addresses of pods or services are not the declared ones.

use ipnet::IpNet;

use crate::address::Cidr;
use crate::claim::{Claims, Fact};
use crate::declaration::DeclarationSpec;
use crate::finding::{Findings, Rule, Severity};
use crate::judge::{Declared, contradiction};
use crate::policy::Policy;

/// MW2113: addresses of pods or services are not the declared ones.
pub(super) struct AnotherAddressRange;

static RULE: Rule = Rule {
    code: "MW2113",
    name: "another-address-range",
    severity: Severity::Warning,
    title: "addresses of pods or services are not the declared ones",
    docs: include_str!("../../docs/MW2113.md"),
};

impl Policy for AnotherAddressRange {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn judges(&self) -> bool {
        true
    }

    fn judge(&self, declaration: &DeclarationSpec, claims: &Claims, findings: &mut Findings) {
        for claim in &claims.list {
            let (ranges, what, path) = match claim.fact {
                Fact::PodRange => (&declaration.pod_cidrs, "pods", "podCIDRs"),
                Fact::ServiceRange => (&declaration.service_cidrs, "services", "serviceCIDRs"),
                _ => continue,
            };
            let Ok(range) = claim.value.parse::<IpNet>() else { continue };
            let same_family = |cidr: &&Cidr| cidr.net().addr().is_ipv4() == range.addr().is_ipv4();
            let known: Vec<&Cidr> = ranges.iter().filter(same_family).collect();
            if known.is_empty() || known.iter().any(|cidr| cidr.net().contains(&range)) {
                continue;
            }
            let value = known.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            let message = format!(
                "{what} of cluster `{}` have `{range}`, which is not within what is declared",
                declaration.cluster.name
            );
            let declared = Declared { value, path };
            findings.push(contradiction(&RULE, declaration, claims, claim, message, declared));
        }
    }
}
