//! MW5115: remote secret is where no istiod reads it.

use crate::claim::{Claims, Fact};
use crate::declaration::DeclarationSpec;
use crate::fault::{self, Fault};
use crate::finding::{Findings, Rule, Severity};
use crate::policy::Policy;
use crate::repository::{Cluster, Repository};

/// MW5115: remote secret is where no istiod reads it.
pub(super) struct UnreadRemoteSecret;

static RULE: Rule = Rule {
    code: "MW5115",
    name: "unread-remote-secret",
    severity: Severity::Warning,
    title: "remote secret is where no istiod reads it",
    docs: include_str!("../../docs/MW5115.md"),
};

impl Policy for UnreadRemoteSecret {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn judges(&self) -> bool {
        true
    }

    fn judge(&self, declaration: &DeclarationSpec, claims: &Claims, findings: &mut Findings) {
        let faults = faults(claims, &[declaration.istio.namespace.as_str()]);
        fault::judge(&RULE, declaration, claims, faults, findings);
    }

    fn compare(&self, repository: &Repository, findings: &mut Findings) {
        for cluster in repository.clusters.iter().filter(|cluster| !cluster.mixed) {
            let planes = cluster.planes();
            if !planes.is_empty() {
                of_cluster(cluster, &planes, findings);
            }
        }
    }
}

fn of_cluster(cluster: &Cluster, planes: &[&str], findings: &mut Findings) {
    for subject in &cluster.subjects {
        for fault in faults(&subject.claims, planes) {
            let finding = subject.finding(&RULE, &fault.claim.path, fault.message).found(&fault.claim.value);
            findings.push(finding.help(fault.help).cluster(&cluster.name));
        }
    }
}

fn faults<'a>(claims: &'a Claims, planes: &[&str]) -> Vec<Fault<'a>> {
    let mut faults = Vec::new();
    let all = planes.join("`, `");
    for claim in &claims.list {
        let (message, help) = match &claim.fact {
            Fact::RemoteCluster { namespace }
                if !namespace.is_empty() && !planes.contains(&namespace.as_str()) =>
            {
                (
                    format!(
                        "the secret for `{}` is in `{namespace}`; istiod reads those in its own namespace, `{all}`",
                        claim.value
                    ),
                    format!("move it to `{all}`"),
                )
            }
            Fact::UnlabelledRemoteSecret { namespace }
                if namespace.is_empty() || planes.contains(&namespace.as_str()) =>
            {
                (
                    format!(
                        "`{}` lacks the label `istio/multiCluster: \"true\"`, by which istiod finds it",
                        claim.value
                    ),
                    "add the label, or give the secret another name if it is to be left alone".to_owned(),
                )
            }
            _ => continue,
        };
        faults.push(Fault::new(claim, message, help));
    }
    faults
}
