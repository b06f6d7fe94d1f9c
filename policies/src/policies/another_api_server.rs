//! MW7114: remote secret leads to another API server.

use crate::address::ApiServer;
use crate::claim::{Claim, Claims, Fact};
use crate::declaration::DeclarationSpec;
use crate::fault::{self, Fault};
use crate::finding::{Findings, Rule, Severity};
use crate::judge::{Declared, contradiction};
use crate::policy::Policy;
use crate::repository::Repository;

/// MW7114: remote secret leads to another API server.
pub(super) struct AnotherApiServer;

static RULE: Rule = Rule {
    code: "MW7114",
    name: "another-api-server",
    severity: Severity::Error,
    title: "remote secret leads to another API server",
    docs: include_str!("../../docs/MW7114.md"),
};

impl Policy for AnotherApiServer {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn judges(&self) -> bool {
        true
    }

    fn judge(&self, declaration: &DeclarationSpec, claims: &Claims, findings: &mut Findings) {
        fault::judge(&RULE, declaration, claims, faults(claims), findings);
        for claim in &claims.list {
            let Fact::RemoteServer { cluster } = &claim.fact else { continue };
            let now = declaration.cluster_id_now(cluster);
            let Some((id, right)) = declaration.remote_secrets.iter().find(|(id, _)| id.as_str() == now)
            else {
                continue;
            };
            let (Ok(found), Ok(declared)) = (claim.value.parse::<ApiServer>(), right.parse::<ApiServer>())
            else {
                continue;
            };
            if local(claim).is_some() || same(&found, &declared) {
                continue;
            }
            let is_of = |url: &String| url.parse::<ApiServer>().is_ok_and(|other| same(&other, &found));
            let other = declaration.remote_secrets.iter().find(|(_, url)| is_of(url));
            let whose = other.map(|(other, _)| format!(", that of `{other}`")).unwrap_or_default();
            let message = format!(
                "the secret for `{cluster}` leads to the API server `{}`{whose}, not to `{right}`",
                claim.value
            );
            let path = format!("remoteSecrets.{id}");
            let declared = Declared { value: right.clone(), path: &path };
            let finding = contradiction(&RULE, declaration, claims, claim, message, declared);
            // The field holds credentials; only its URL is to be changed.
            findings.push(finding.help(format!(
                "make the secret again for the API server `{right}` (`istioctl create-remote-secret --server`), or declare \
                 another `remoteAccess.apiServer` first"
            )));
        }
    }

    fn compare(&self, repository: &Repository, findings: &mut Findings) {
        fault::compare(&RULE, repository, faults, findings);
    }
}

fn same(a: &ApiServer, b: &ApiServer) -> bool {
    a.host == b.host && a.port == b.port
}

/// Why nobody in another cluster can reach it.
fn local(claim: &Claim) -> Option<&'static str> {
    let (_, rest) = claim.value.split_once("://")?;
    let host = rest.split(['/', ':']).next().unwrap_or_default();
    if rest.starts_with("[::1]")
        || claim.value.parse::<ApiServer>().is_ok_and(|server| server.host.is_local_only())
    {
        Some("leads to the reader itself")
    } else if host == "kubernetes.default" || host.ends_with(".svc") || host.ends_with(".svc.cluster.local") {
        Some("is a name inside of one cluster")
    } else {
        None
    }
}

fn faults(claims: &Claims) -> Vec<Fault<'_>> {
    let mut faults = Vec::new();
    for claim in &claims.list {
        let Fact::RemoteServer { cluster } = &claim.fact else { continue };
        if let Some(why) = local(claim) {
            let message =
                format!("the secret for `{cluster}` leads to the API server `{}`, which {why}", claim.value);
            let help = "make the secret again with the address by which the other clusters reach that API server \
                        (`istioctl create-remote-secret --server`)";
            faults.push(Fault::new(claim, message, help));
        }
    }
    faults
}
