//! MW5110: proxies are sent to another istiod.

use crate::claim::{Claims, Fact};
use crate::declaration::{DeclarationSpec, DeclaredRole};
use crate::finding::{Findings, Rule, Severity};
use crate::judge::{Declared, contradiction};
use crate::policy::Policy;

/// MW5110: proxies are sent to another istiod.
pub(super) struct AnotherDiscoveryAddress;

static RULE: Rule = Rule {
    code: "MW5110",
    name: "another-discovery-address",
    severity: Severity::Error,
    title: "proxies are sent to another istiod",
    docs: include_str!("../../docs/MW5110.md"),
};

impl Policy for AnotherDiscoveryAddress {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn judges(&self) -> bool {
        true
    }

    fn judge(&self, declaration: &DeclarationSpec, claims: &Claims, findings: &mut Findings) {
        let plane = &declaration.control_plane;
        for claim in claims.list.iter().filter(|claim| claim.fact == Fact::DiscoveryAddress) {
            let host = claim.value.rsplit_once(':').map_or(claim.value.as_str(), |(host, _)| host);
            let host = host.trim_start_matches('[').trim_end_matches(']');
            let own = declaration.istio.namespace.as_str();
            let (message, value, path, severity) =
                match (service_namespace(declaration, host), &plane.address) {
                    (Some(namespace), _) if namespace == own => continue,
                    (Some(namespace), _) => (
                        format!("proxies dial istiod in namespace `{namespace}`, not in `{own}`"),
                        own.to_owned(),
                        "istio.namespace",
                        Severity::Warning,
                    ),
                    (None, Some(_)) if plane.is_at(host) => continue,
                    (None, Some(address)) if plane.role != DeclaredRole::Primary => (
                        format!("proxies dial istiod at `{host}`, but it is declared to be at `{address}`"),
                        address.to_string(),
                        "controlPlane.address",
                        Severity::Error,
                    ),
                    _ => (
                        format!(
                            "proxies dial istiod at `{host}`, but cluster `{}` is declared to run its own",
                            declaration.cluster.name
                        ),
                        String::new(),
                        "controlPlane",
                        Severity::Warning,
                    ),
                };
            let declared = Declared { value, path };
            let mut finding = contradiction(&RULE, declaration, claims, claim, message, declared);
            finding.severity = severity;
            findings.push(finding);
        }
    }
}

/// The namespace of a Service that is named by its DNS name: `istiod.istio-system.svc`.
fn service_namespace<'a>(declaration: &DeclarationSpec, host: &'a str) -> Option<&'a str> {
    let host = host.trim_end_matches('.');
    let host =
        host.strip_suffix(declaration.mesh.cluster_domain.as_str()).unwrap_or(host).trim_end_matches('.');
    let (service, rest) = host.split_once('.')?;
    let namespace = rest.strip_suffix(".svc").or_else(|| (!rest.contains('.')).then_some(rest))?;
    (service.starts_with("istiod") && !namespace.contains('.')).then_some(namespace)
}
