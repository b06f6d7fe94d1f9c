//! MW7110: root certificate is not the one of the mesh.

use std::collections::BTreeSet;

use crate::claim::{Claims, Fact};
use crate::declaration::DeclarationSpec;
use crate::finding::{Findings, Rule, Severity};
use crate::judge::{Declared, contradiction};
use crate::policy::Policy;
use crate::repository::{Cluster, Repository, Stated};

/// MW7110: root certificate is not the one of the mesh.
pub(super) struct AnotherRoot;

static RULE: Rule = Rule {
    code: "MW7110",
    name: "another-root",
    severity: Severity::Error,
    title: "root certificate is not the one of the mesh",
    docs: include_str!("../../docs/MW7110.md"),
};

impl Policy for AnotherRoot {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn judges(&self) -> bool {
        true
    }

    fn judge(&self, declaration: &DeclarationSpec, claims: &Claims, findings: &mut Findings) {
        let Some(root) = &declaration.mesh.root_certificate_sha256 else { return };
        let system = declaration.istio.namespace.as_str();
        for claim in &claims.list {
            let Fact::RootCertificate { namespace } = &claim.fact else { continue };
            if namespace != system || claim.value.split(',').any(|found| found == root) {
                continue;
            }
            let found = claim.value.replace(',', "`, `");
            let message =
                format!("the root certificate has the fingerprint `{found}`, where `{root}` is declared");
            let declared = Declared { value: root.clone(), path: "mesh.rootCertificateSHA256" };
            let finding = contradiction(&RULE, declaration, claims, claim, message, declared);
            findings.push(finding.help(
                "use the mesh's root in every cluster; while a root is replaced, put the old and the new one into `root-cert.pem`",
            ));
        }
    }

    fn compare(&self, repository: &Repository, findings: &mut Findings) {
        for mesh in repository.meshes() {
            let mut roots = mesh.into_iter().filter_map(|cluster| Some((cluster, root(cluster)?)));
            let Some((a, here)) = roots.next() else { continue };
            for (b, there) in roots.filter(|(_, there)| prints(&here).is_disjoint(&prints(there))) {
                let message = format!(
                    "the root certificate of {} is not that of {} in the same mesh: they do not trust each other",
                    b.called(),
                    a.called()
                );
                findings.push(
                    there
                        .finding(&RULE, message)
                        .found(&there.claim.value)
                        .related(here.place(), format!("the root of {} is here", a.called()))
                        .help("issue the signing certificates of all clusters of a mesh from one root")
                        .cluster(&b.name),
                );
            }
        }
    }
}

fn root(cluster: &Cluster) -> Option<Stated<'_>> {
    cluster.stated(|_, fact| matches!(fact, Fact::RootCertificate { .. })).first().copied()
}

fn prints<'a>(stated: &Stated<'a>) -> BTreeSet<&'a str> {
    stated.claim.value.split(',').collect()
}
