//! MW5150: istiod is handed out to other clusters by another way than they take.

use crate::claim::{Claim, Claims, Fact, RoutePart};
use crate::declaration::DeclarationSpec;
use crate::fault::{self, Fault};
use crate::finding::{Findings, Rule, Severity};
use crate::istiod;
use crate::policy::Policy;
use crate::repository::Repository;

/// istiod is handed out to other clusters by another way than they take.
pub(super) struct AnotherIstiodRoute;

static RULE: Rule = Rule {
    code: "MW5150",
    name: "another-istiod-route",
    severity: Severity::Error,
    title: "route to istiod does not lead where remote clusters need it",
    docs: include_str!("../../docs/MW5150.md"),
};

/// Ports of gateways that hand istiod out, and where they lead (istio/istio:
/// `samples/multicluster/expose-istiod.yaml`): discovery and certificates, and the injector's webhook.
const ROUTES: &[(&str, &str)] = &[("15012", "15012"), ("15017", "443")];

impl Policy for AnotherIstiodRoute {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn judges(&self) -> bool {
        true
    }

    fn judge(&self, declaration: &DeclarationSpec, claims: &Claims, findings: &mut Findings) {
        let mut found = faults(claims);
        found.extend(claims.list.iter().filter_map(|claim| against(declaration, claims, claim)));
        fault::judge(&RULE, declaration, claims, found, findings);
    }

    fn compare(&self, repository: &Repository, findings: &mut Findings) {
        fault::compare(&RULE, repository, faults, findings);
    }
}

fn target(port: &str) -> Option<&'static str> {
    ROUTES.iter().find(|(from, _)| *from == port).map(|(_, to)| *to)
}

fn faults(claims: &Claims) -> Vec<Fault<'_>> {
    let mut faults = Vec::new();
    for claim in &claims.list {
        let Fact::IstiodRoute { port, part } = &claim.fact else { continue };
        match (part, target(port)) {
            (RoutePart::Port, Some(right)) if claim.value != right && of_istiod(claims, port) => {
                let message = format!("port {port} leads to port {} of istiod, not to {right}", claim.value);
                faults.push(Fault::new(claim, message, format!("set the port to {right}")));
            }
            (RoutePart::Match, None) => {
                let message =
                    format!("istiod is handed out at port {port}, where remote clusters do not look");
                let help = "match port 15012 for discovery and 15017 for the webhook";
                faults.push(Fault::new(claim, message, help).warning());
            }
            _ => {}
        }
    }
    faults
}

/// Whether the rule that matches a port leads to istiod at all.
fn of_istiod(claims: &Claims, port: &str) -> bool {
    let host = Fact::IstiodRoute { port: port.to_owned(), part: RoutePart::Host };
    claims.list.iter().any(|claim| claim.fact == host && istiod::is_host(&claim.value))
}

fn against<'a>(declaration: &DeclarationSpec, claims: &'a Claims, claim: &'a Claim) -> Option<Fault<'a>> {
    let Fact::IstiodRoute { port, part: RoutePart::Host } = &claim.fact else { return None };
    target(port)?;
    let found = claim.value.as_str();
    if !declaration.hands_out_istiod() {
        let message = format!(
            "istiod is handed out at port {port}, but serves no other cluster and no virtual machine"
        );
        let (_, change) = place(declaration, "controlPlane");
        let help = format!("remove the route, or {change}");
        return Some(Fault::new(claim, message, help).warning());
    }
    let namespace = declaration.istio.namespace.as_str();
    let domain = declaration.mesh.cluster_domain.as_str();
    let own = declaration.istio.service();
    let home = claims.object.split('/').nth(1).unwrap_or_default();
    let (first, rest) = found.split_once('.').unwrap_or((found, ""));
    let full = rest == format!("{namespace}.svc.{domain}");
    // Names with a dot are taken as they are (istio/istio: `pkg/config/resource.go`, `ResolveShortnameToFQDN`).
    let right_place = full || rest.is_empty() && home == namespace;
    let (declared_at, change) = place(declaration, "istio.revision");
    let right = format!("{own}.{namespace}.svc.{domain}");
    if !right_place || !istiod::is_host(first) {
        let message = format!("port {port} leads to `{found}`, not to istiod at `{right}`");
        return Some(Fault::new(claim, message, format!("set the host to `{right}`")));
    }
    if first == own {
        return None;
    }
    let message =
        format!("port {port} leads to `{first}`, but remote clusters are served by `{own}`, {declared_at}");
    let help = format!("set the host to `{right}`, or {change}");
    // Two revisions run side by side during an upgrade.
    Some(Fault::new(claim, message, help).warning())
}

fn place(declaration: &DeclarationSpec, path: &str) -> (String, String) {
    match declaration.source(path) {
        Some((file, field)) => {
            (format!("declared in `{file}`, `{field}`"), format!("change `{field}` in `{file}` first"))
        }
        None => {
            (format!("declared by mesh `{}`", declaration.mesh.name), "change the intent first".to_owned())
        }
    }
}
