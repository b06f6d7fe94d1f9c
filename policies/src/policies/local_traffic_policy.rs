//! MW4151: some nodes refuse a gateway's traffic.

use crate::claim::{Claims, Fact};
use crate::declaration::DeclarationSpec;
use crate::east_west::{is_east_west, value_of};
use crate::fault::{self, Fault};
use crate::finding::{Findings, Rule, Severity};
use crate::intent::ExternalTrafficPolicy;
use crate::judge::{Declared, contradiction};
use crate::policy::Policy;
use crate::repository::Repository;

/// Some nodes refuse a gateway's traffic.
pub(super) struct LocalTrafficPolicy;

static RULE: Rule = Rule {
    code: "MW4151",
    name: "local-traffic-policy",
    severity: Severity::Warning,
    title: "nodes without a gateway's pod refuse the traffic of other networks",
    docs: include_str!("../../docs/MW4151.md"),
};

impl Policy for LocalTrafficPolicy {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn judges(&self) -> bool {
        true
    }

    fn judge(&self, declaration: &DeclarationSpec, claims: &Claims, findings: &mut Findings) {
        for claim in &claims.list {
            let Fact::GatewayTrafficPolicy { gateway } = &claim.fact else { continue };
            let Some((index, own)) = declaration.gateway(gateway) else { continue };
            let Some(policy) = own.external_traffic_policy else { continue };
            if claim.value == policy.as_str() {
                continue;
            }
            let message = format!(
                "nodes answer for gateway `{gateway}` as `{}`, not as `{}`",
                claim.value,
                policy.as_str()
            );
            let path = format!("gateways[{index}].externalTrafficPolicy");
            let declared = Declared { value: policy.as_str().to_owned(), path: &path };
            findings.push(contradiction(&RULE, declaration, claims, claim, message, declared));
        }
        let undeclared = |gateway: &str| {
            declaration
                .gateway(gateway)
                .is_some_and(|(_, own)| own.external_traffic_policy != Some(ExternalTrafficPolicy::Local))
        };
        fault::judge(&RULE, declaration, claims, faults(claims, undeclared), findings);
    }

    fn compare(&self, repository: &Repository, findings: &mut Findings) {
        fault::compare(
            &RULE,
            repository,
            |claims| faults(claims, |gateway| is_east_west(claims, gateway)),
            findings,
        );
    }
}

/// istiod gives peers the address of every node that is selected, those without a pod of the gateway too
/// (istio/istio#34246).
fn faults(claims: &Claims, concerns: impl Fn(&str) -> bool) -> Vec<Fault<'_>> {
    let mut faults = Vec::new();
    for claim in claims.list.iter().filter(|claim| claim.value == "Local") {
        let Fact::GatewayTrafficPolicy { gateway } = &claim.fact else { continue };
        let nodes =
            claims.list.iter().find(|other| other.fact == Fact::GatewayNodes { gateway: gateway.clone() });
        let kind = value_of(claims, &Fact::GatewayServiceType { gateway: gateway.clone() });
        let everywhere = nodes.filter(|nodes| is_empty(&nodes.value));
        let (Some("NodePort"), Some(nodes), true) = (kind, everywhere, concerns(gateway)) else { continue };
        let message = format!("nodes that run no pod of `{gateway}` are entry points too, and refuse");
        let help = "select the nodes that run the gateway, or set `externalTrafficPolicy: Cluster`";
        faults.push(Fault::new(claim, message, help).against(nodes));
    }
    faults
}

fn is_empty(selector: &str) -> bool {
    serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(selector)
        .is_ok_and(|map| map.is_empty())
}
