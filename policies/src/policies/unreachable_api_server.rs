//! MW3009: an API server address that peers cannot reach.

use crate::address::Address;
use crate::finding::{Findings, Rule, Severity};
use crate::mesh::{Cluster, Mesh};
use crate::policy::Policy;

/// An API server address that peers cannot reach.
pub(super) struct UnreachableApiServer;

static RULE: Rule = Rule {
    code: "MW3009",
    name: "unreachable-api-server",
    severity: Severity::Error,
    title: "API server address means nothing to the peers that read it",
    docs: include_str!("../../docs/MW3009.md"),
};

impl Policy for UnreachableApiServer {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn check_mesh(&self, mesh: &Mesh, findings: &mut Findings) {
        let primaries: Vec<&Cluster> = mesh.primaries().take(2).collect();
        for cluster in mesh.clusters.values() {
            let Some(reader) = primaries.iter().find(|primary| primary.name != cluster.name) else {
                continue;
            };
            let access = &cluster.spec.remote_access.api_server;
            let (server, field) = match (access, &cluster.spec.kubernetes.api_server) {
                (Some(server), _) => (server, "spec.remoteAccess.apiServer"),
                (None, Some(server)) => (server, "spec.kubernetes.apiServer"),
                (None, None) => continue,
            };
            if !server.host.is_local_only() && !is_internal(&server.host, mesh) {
                continue;
            }
            let message = format!(
                "istiod in `{}` reads cluster `{}` at `{server}`, which means something else there",
                reader.name, cluster.name
            );
            findings.push(
                RULE.at(cluster.written.place(field), message)
                    .cluster(&cluster.name)
                    .found(server)
                    .related(reader.written.name(), format!("`{}` reads it", reader.name))
                    .help(format!(
                        "set `remoteAccess.apiServer` of `{}` to the URL by which other clusters reach it",
                        cluster.name
                    )),
            );
        }
    }
}

/// A name that each cluster's own DNS answers: a Service of the cluster.
fn is_internal(host: &Address, mesh: &Mesh) -> bool {
    let Address::Name(name) = host else { return false };
    let name = name.as_str();
    let domain = mesh.spec.cluster_domain.as_str();
    let service = name.strip_suffix(domain).and_then(|rest| rest.strip_suffix('.')).unwrap_or(name);
    matches!(service, "kubernetes" | "kubernetes.default") || service.ends_with(".svc")
}
