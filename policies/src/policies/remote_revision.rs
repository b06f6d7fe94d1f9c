//! MW5007: a remote cluster's sidecars ask for an istiod that has another name.

use crate::finding::{Findings, Rule, Severity};
use crate::mesh::{Mesh, Role};
use crate::policy::Policy;
use crate::support;

/// MW5007: a remote cluster's sidecars ask for an istiod that has another name.
#[derive(Debug)]
pub(super) struct RemoteRevision;

static RULE: Rule = Rule {
    code: "MW5007",
    name: "remote-revision",
    severity: Severity::Error,
    title: "a remote cluster's sidecars ask for an istiod that has another name",
    docs: include_str!("../../docs/MW5007.md"),
};

impl Policy for RemoteRevision {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn check_mesh(&self, mesh: &Mesh, findings: &mut Findings) {
        for cluster in mesh.clusters.values() {
            if let (Role::Remote { .. }, Some(revision)) = (&cluster.role, &cluster.istio.revision)
                && support::remote_service_has_revision(&cluster.istio.version)
            {
                let message = format!(
                    "sidecars of remote cluster `{}` ask for `istiod`, but its Service is called `istiod-{revision}`",
                    cluster.name
                );
                findings.push(
                    RULE.at(cluster.written.place("spec.istio.revision"), message)
                        .cluster(&cluster.name)
                        .found(revision)
                        .help(format!("set `istio: {{revision: null}}` in cluster `{}`", cluster.name)),
                );
            }
        }
    }
}
