//! MW9151: failover that never happens.

use crate::claim::{Claim, Claims, Fact};
use crate::declaration::DeclarationSpec;
use crate::fault::{self, Fault};
use crate::finding::{Findings, Rule, Severity};
use crate::judge::{Declared, contradiction};
use crate::node::Step;
use crate::policy::Policy;
use crate::repository::Repository;
use crate::suggest::nearest;

/// Failover that never happens.
pub(super) struct FailoverWithoutEffect;

static RULE: Rule = Rule {
    code: "MW9151",
    name: "failover-without-effect",
    severity: Severity::Warning,
    title: "failover between localities that never happens",
    docs: include_str!("../../docs/MW9151.md"),
};

impl Policy for FailoverWithoutEffect {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn judges(&self) -> bool {
        true
    }

    fn judge(&self, declaration: &DeclarationSpec, claims: &Claims, findings: &mut Findings) {
        fault::judge(&RULE, declaration, claims, faults(claims), findings);
        let regions = &declaration.mesh.regions;
        for claim in &claims.list {
            let Fact::FailoverRegion { host } = &claim.fact else { continue };
            let found = claim.value.as_str();
            if regions.is_empty() || malformed(found) || regions.iter().any(|region| region == found) {
                continue;
            }
            let message =
                format!("`{host}` fails over from or to region `{found}`, in which no cluster is declared");
            let names =
                || regions.iter().map(String::as_str).filter(|name| !is_other_end(claims, claim, name));
            let value =
                nearest(found, names()).map_or_else(|| names().collect::<Vec<_>>().join(", "), str::to_owned);
            let declared = Declared { value, path: "mesh.regions" };
            findings.push(contradiction(&RULE, declaration, claims, claim, message, declared));
        }
    }

    fn compare(&self, repository: &Repository, findings: &mut Findings) {
        fault::compare(&RULE, repository, faults, findings);
    }
}

/// Whether a region is the other one of the pair that a claim is of.
fn is_other_end(claims: &Claims, claim: &Claim, region: &str) -> bool {
    claims.list.iter().any(|other| {
        other.fact == claim.fact
            && other.value == region
            && other.path != claim.path
            && other.path.0.len() == claim.path.0.len()
            && other.path.0.iter().rev().skip(1).eq(claim.path.0.iter().rev().skip(1))
    })
}

fn is_to(claim: &Claim) -> bool {
    matches!(claim.path.0.last(), Some(Step::Key(key)) if key == "to")
}

fn malformed(region: &str) -> bool {
    region.contains(['/', '*'])
}

/// istio/istio: `pkg/config/validation/agent/validation.go`, `ValidateLocalityLbSetting`.
fn faults(claims: &Claims) -> Vec<Fault<'_>> {
    let mut faults = Vec::new();
    for claim in &claims.list {
        match &claim.fact {
            Fact::Failover { host } if claim.value == "blind" => {
                let message = format!(
                    "`{host}` has no outlier detection: no endpoint is ever left for another locality"
                );
                let help =
                    "add `outlierDetection` beside it, such as `{consecutive5xxErrors: 5, interval: 30s}`";
                faults.push(Fault::new(claim, message, help));
            }
            Fact::FailoverRegion { host } if malformed(&claim.value) => {
                let message = format!(
                    "`{}` of `{host}` is no region: failover knows no zones and no wildcards",
                    claim.value
                );
                let help = "name a region; for zones use `failoverPriority` or `distribute`";
                faults.push(Fault { severity: Some(Severity::Error), ..Fault::new(claim, message, help) });
            }
            Fact::FailoverRegion { host } if is_to(claim) && is_other_end(claims, claim, &claim.value) => {
                let message = format!("region `{}` of `{host}` fails over to itself", claim.value);
                let help = "name another region";
                faults.push(Fault { severity: Some(Severity::Error), ..Fault::new(claim, message, help) });
            }
            _ => {}
        }
    }
    faults
}
