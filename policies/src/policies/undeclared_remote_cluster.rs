//! MW7113: remote secret for a cluster that is not declared.

use crate::claim::{Claims, Fact};
use crate::declaration::{DeclarationSpec, DeclaredRole};
use crate::finding::{Findings, Rule, Severity};
use crate::judge::{Declared, contradiction};
use crate::policy::Policy;

/// MW7113: remote secret for a cluster that is not declared.
pub(super) struct UndeclaredRemoteCluster;

static RULE: Rule = Rule {
    code: "MW7113",
    name: "undeclared-remote-cluster",
    severity: Severity::Error,
    title: "remote secret for a cluster that is not declared",
    docs: include_str!("../../docs/MW7113.md"),
};

impl Policy for UndeclaredRemoteCluster {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn judges(&self) -> bool {
        true
    }

    fn judge(&self, declaration: &DeclarationSpec, claims: &Claims, findings: &mut Findings) {
        let system = declaration.istio.namespace.as_str();
        let members = || declaration.networks.values().flat_map(|network| &network.clusters);
        for claim in &claims.list {
            let Fact::RemoteCluster { namespace } = &claim.fact else { continue };
            if namespace != system {
                continue;
            }
            let (found, mesh) = (&claim.value, &declaration.mesh.name);
            let is_member = members().any(|id| id.as_str() == declaration.cluster_id_now(found));
            let (message, value, path, severity) = if declaration.accepts_cluster_id(found) {
                let message =
                    format!("the secret is for `{found}`, this cluster itself: istiod leaves it out");
                (message, String::new(), "cluster.id", Severity::Warning)
            } else if is_member && declaration.control_plane.role == DeclaredRole::Primary {
                continue;
            } else if is_member {
                let message = format!(
                    "the secret is for `{found}`, but cluster `{}` is declared to run no istiod that would read it",
                    declaration.cluster.name
                );
                (message, String::new(), "controlPlane", Severity::Warning)
            } else {
                let all: Vec<&str> = members()
                    .map(|id| id.as_str())
                    .filter(|id| *id != declaration.cluster.id.as_str())
                    .collect();
                let message =
                    format!("the secret is for `{found}`, which is no cluster of the mesh `{mesh}`");
                (message, all.join(", "), "remoteSecrets", Severity::Error)
            };
            let declared = Declared { value, path };
            let mut finding = contradiction(&RULE, declaration, claims, claim, message, declared);
            finding.severity = severity;
            if severity == Severity::Error {
                finding = finding.help(format!(
                    "call the key by the ID of the cluster that it leads to, or declare that cluster in the mesh `{mesh}` first"
                ));
            }
            findings.push(finding);
        }
    }
}
