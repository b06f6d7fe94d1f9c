//! MW7005: a cluster that another istiod reads declares no API server.

use crate::finding::{Findings, Rule, Severity};
use crate::mesh::{Cluster, Mesh};
use crate::policy::Policy;

/// A cluster that another istiod reads declares no API server.
pub(super) struct UndeclaredApiServer;

static RULE: Rule = Rule {
    code: "MW7005",
    name: "undeclared-api-server",
    severity: Severity::Warning,
    title: "cluster that other istiods read declares no API server",
    docs: include_str!("../../docs/MW7005.md"),
};

impl Policy for UndeclaredApiServer {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn check_mesh(&self, mesh: &Mesh, findings: &mut Findings) {
        let primaries: Vec<&Cluster> = mesh.primaries().take(2).collect();
        for cluster in mesh.clusters.values() {
            let Some(reader) = primaries.iter().find(|primary| primary.name != cluster.name) else {
                continue;
            };
            if cluster.spec.kubernetes.api_server.is_some() || cluster.spec.remote_access.api_server.is_some()
            {
                continue;
            }
            let message = format!(
                "istiod in `{}` has to read cluster `{}`, whose API server is not declared",
                reader.name, cluster.name
            );
            findings.push(
                RULE.at(cluster.written.place("spec.kubernetes"), message)
                    .cluster(&cluster.name)
                    .related(reader.written.name(), format!("`{}` reads it", reader.name))
                    .help("declare `kubernetes.apiServer`, or `remoteAccess.apiServer` when peers use another URL"),
            );
        }
    }
}
