//! MW7210: two clusters sign with one certificate.

use std::collections::BTreeMap;

use crate::claim::Fact;
use crate::finding::{Findings, Rule, Severity};
use crate::policy::Policy;
use crate::repository::{Cluster, Repository, Stated};

/// MW7210: two clusters sign with one certificate.
pub(super) struct SharedSigningCertificate;

static RULE: Rule = Rule {
    code: "MW7210",
    name: "shared-signing-certificate",
    severity: Severity::Warning,
    title: "two clusters sign with one certificate",
    docs: include_str!("../../docs/MW7210.md"),
};

impl Policy for SharedSigningCertificate {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn compare(&self, repository: &Repository, findings: &mut Findings) {
        let mut seen: BTreeMap<(&str, &str), (&Cluster, Stated<'_>)> = BTreeMap::new();
        for cluster in repository.clusters.iter().filter(|cluster| cluster.is_comparable()) {
            let Some(stated) = signing(cluster) else { continue };
            let Some((first, there)) = seen.get(&(cluster.scope.as_str(), stated.claim.value.as_str()))
            else {
                seen.insert((&cluster.scope, &stated.claim.value), (cluster, stated));
                continue;
            };
            let message = format!("{} signs with the certificate of {}", cluster.called(), first.called());
            findings.push(
                stated
                    .finding(&RULE, message)
                    .found(&stated.claim.value)
                    .related(there.place(), format!("{} has it too", first.called()))
                    .help("issue one signing certificate for each cluster, all from one root")
                    .cluster(&cluster.name),
            );
        }
    }
}

fn signing(cluster: &Cluster) -> Option<Stated<'_>> {
    cluster.stated(|_, fact| matches!(fact, Fact::SigningCertificate { .. })).first().copied()
}
