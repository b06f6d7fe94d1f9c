//! MW4153: the load balancer of a gateway between networks ends TLS.

use crate::claim::{Claims, Fact};
use crate::declaration::DeclarationSpec;
use crate::east_west::is_east_west;
use crate::fault::{self, Fault};
use crate::finding::{Findings, Rule, Severity};
use crate::policy::Policy;
use crate::repository::Repository;

/// The load balancer of a gateway between networks ends TLS.
pub(super) struct GatewayEndsTls;

static RULE: Rule = Rule {
    code: "MW4153",
    name: "gateway-ends-tls",
    severity: Severity::Error,
    title: "load balancer of a gateway between networks ends TLS or speaks HTTP",
    docs: include_str!("../../docs/MW4153.md"),
};

impl Policy for GatewayEndsTls {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn judges(&self) -> bool {
        true
    }

    fn judge(&self, declaration: &DeclarationSpec, claims: &Claims, findings: &mut Findings) {
        let faults = faults(claims, |gateway| declaration.gateway(gateway).is_some());
        fault::judge(&RULE, declaration, claims, faults, findings);
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

fn faults(claims: &Claims, concerns: impl Fn(&str) -> bool) -> Vec<Fault<'_>> {
    let mut faults = Vec::new();
    for claim in &claims.list {
        let Fact::GatewayEndsTls { gateway, annotation } = &claim.fact else { continue };
        if !concerns(gateway) {
            continue;
        }
        let message = format!(
            "the load balancer of `{gateway}` does not hand TLS through: peers' mutual TLS, by whose SNI they are routed, \
             ends before the gateway"
        );
        let ports = "service.beta.kubernetes.io/aws-load-balancer-ssl-ports";
        let help = if annotation.ends_with("/aws-load-balancer-ssl-cert") {
            format!("remove it, or name in `{ports}` the ports of users' traffic only")
        } else {
            "remove it: a gateway between networks needs plain TCP".to_owned()
        };
        faults.push(Fault::new(claim, message, help));
    }
    faults
}
