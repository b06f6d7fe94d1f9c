//! MW5114: profile does not exist in this release of Istio.

use crate::claim::{Claims, Fact};
use crate::declaration::DeclarationSpec;
use crate::fault::{self, Fault};
use crate::finding::{Findings, Rule, Severity};
use crate::policy::Policy;
use crate::repository::Repository;
use crate::suggest::nearest;
use crate::version::Version;

/// MW5114: profile does not exist in this release of Istio.
pub(super) struct ProfileOfAnotherRelease;

static RULE: Rule = Rule {
    code: "MW5114",
    name: "profile-of-another-release",
    severity: Severity::Error,
    title: "profile does not exist in this release of Istio",
    docs: include_str!("../../docs/MW5114.md"),
};

impl Policy for ProfileOfAnotherRelease {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn judges(&self) -> bool {
        true
    }

    fn judge(&self, declaration: &DeclarationSpec, claims: &Claims, findings: &mut Findings) {
        let faults = faults(claims, Some(&declaration.istio.version));
        fault::judge(&RULE, declaration, claims, faults, findings);
    }

    fn compare(&self, repository: &Repository, findings: &mut Findings) {
        fault::compare(&RULE, repository, |claims| faults(claims, None), findings);
    }
}

/// Profiles of any release, and of any way to install it (istio/istio: `manifests/profiles`,
/// `manifests/charts/istio-control/istio-discovery/files`).
const PROFILES: &[&str] = &[
    "ambient",
    "default",
    "demo",
    "empty",
    "external",
    "minimal",
    "openshift",
    "openshift-ambient",
    "preview",
    "remote",
    "stable",
];

/// An IstioOperator can name a file; the charts have further profiles for platforms and for older behaviour.
fn is_known(profile: &str) -> bool {
    PROFILES.contains(&profile)
        || profile.contains(['/', '.'])
        || ["compatibility-version-", "platform-"].iter().any(|prefix| profile.starts_with(prefix))
}

/// By the version that the object names, else by the declared one.
fn faults<'a>(claims: &'a Claims, declared: Option<&Version>) -> Vec<Fault<'a>> {
    let written = claims.plane.as_ref().and_then(|plane| plane.version.as_ref());
    let written: Option<Version> = written.and_then(|text| text.trim_start_matches('v').parse().ok());
    let version = written.as_ref().or(declared);
    let by_operator = claims.object.starts_with("IstioOperator/");
    let by_chart = claims.object.starts_with("HelmRelease/") || claims.object.starts_with("Application");
    let from = |minor| version.is_some_and(|version| version.at_least(1, minor, 0));
    let before = |minor| version.is_some_and(|version| !version.at_least(1, minor, 0));
    let mut faults = Vec::new();
    for claim in claims.list.iter().filter(|claim| claim.fact == Fact::Profile) {
        let help = match claim.value.as_str() {
            "external" if by_operator && from(22) => "write `remote`, which took its place",
            "remote" if by_operator && before(16) => "write `external`: `remote` comes with Istio 1.16",
            "remote" if by_chart && before(24) => {
                "install the chart `istiod-remote`: until Istio 1.23 it is that of remote clusters"
            }
            known if is_known(known) => continue,
            unknown => {
                let message = format!("Istio has no profile `{unknown}`");
                let near = nearest(unknown, PROFILES.iter().copied());
                // Vendors' builds of istioctl bring profiles of their own; the charts refuse what they do not know.
                let may_be_vendors = by_operator && near.is_none();
                if may_be_vendors && declared.is_none() {
                    continue;
                }
                let help = near.map_or_else(|| PROFILES.join(", "), |near| format!("did you mean `{near}`?"));
                let fault = Fault::new(claim, message, help);
                faults.push(if may_be_vendors { fault.warning() } else { fault });
                continue;
            }
        };
        let release = version.map(|version| format!(" {version}")).unwrap_or_default();
        let message = format!("Istio{release} has no profile `{}`", claim.value);
        faults.push(Fault::new(claim, message, help));
    }
    faults
}
