//! MW4155: a listener between networks that istiod does not use.

use crate::claim::{Claims, Fact, Listener, ListenerPart};
use crate::declaration::DeclarationSpec;
use crate::fault::{self, Fault};
use crate::finding::{Findings, Rule, Severity};
use crate::kinds::{EAST_WEST, REMOTE};
use crate::policy::Policy;
use crate::repository::Repository;

/// A listener between networks that istiod does not use.
pub(super) struct WrongListener;

static RULE: Rule = Rule {
    code: "MW4155",
    name: "wrong-listener",
    severity: Severity::Error,
    title: "listener of a Gateway between networks is not one that peers use",
    docs: include_str!("../../docs/MW4155.md"),
};

/// Where peers dial an ambient gateway, whatever its listener says (istio/istio:
/// `pilot/pkg/serviceregistry/ambient/multicluster.go`).
const HBONE_PORT: &str = "15008";

impl Policy for WrongListener {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn judges(&self) -> bool {
        true
    }

    fn judge(&self, declaration: &DeclarationSpec, claims: &Claims, findings: &mut Findings) {
        fault::judge(&RULE, declaration, claims, faults(claims), findings);
    }

    fn compare(&self, repository: &Repository, findings: &mut Findings) {
        fault::compare(&RULE, repository, faults, findings);
    }
}

fn faults(claims: &Claims) -> Vec<Fault<'_>> {
    let mut faults = Vec::new();
    for claim in &claims.list {
        let Fact::Listener { listener, part } = &claim.fact else { continue };
        if let Some((message, help)) = wrong(listener, *part) {
            faults.push(Fault::new(claim, message, help));
        }
    }
    faults
}

/// istio/istio: `pilot/pkg/config/kube/gateway/conversion.go`, `unexpectedEastWestWaypointListener`.
fn wrong(listener: &Listener, part: ListenerPart) -> Option<(String, String)> {
    let Listener { gateway, class, port, protocol, mode } = listener;
    let hbone = protocol == "HBONE";
    match part {
        ListenerPart::Port if class == EAST_WEST && hbone && port != HBONE_PORT => Some((
            format!("`{gateway}` listens for other networks at {port}, but they dial {HBONE_PORT}"),
            format!("set the port to {HBONE_PORT}"),
        )),
        ListenerPart::Protocol if class == EAST_WEST && port == HBONE_PORT && !hbone => Some((
            format!("port {HBONE_PORT} of `{gateway}` speaks `{protocol}`, but other networks speak HBONE"),
            "set `protocol: HBONE` and `tls.mode: Terminate`".to_owned(),
        )),
        ListenerPart::Mode
            if matches!(class.as_str(), EAST_WEST | REMOTE) && hbone && mode != "Terminate" =>
        {
            Some((
                format!("the HBONE listener of `{gateway}` has TLS mode `{mode}`: istiod does not accept it"),
                "set `tls.mode: Terminate`".to_owned(),
            ))
        }
        ListenerPart::Protocol
            if hbone && mode.is_empty() && matches!(class.as_str(), EAST_WEST | REMOTE) =>
        {
            Some((
                format!("the HBONE listener of `{gateway}` has no TLS: istiod does not accept it"),
                "add `tls: {mode: Terminate, options: {gateway.istio.io/tls-terminate-mode: ISTIO_MUTUAL}}`"
                    .to_owned(),
            ))
        }
        _ => None,
    }
}
