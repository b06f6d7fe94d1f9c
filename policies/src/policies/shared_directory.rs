//! MW8004: two destinations would have one directory.

use std::collections::BTreeMap;

use crate::finding::{Findings, Rule, Severity};
use crate::mesh::{Fleet, Mesh};
use crate::policy::Policy;

/// MW8004: two destinations would have one directory.
#[derive(Debug)]
pub(super) struct SharedDirectory;

static RULE: Rule = Rule {
    code: "MW8004",
    name: "shared-directory",
    severity: Severity::Error,
    title: "two destinations would have one directory",
    docs: include_str!("../../docs/MW8004.md"),
};

impl Policy for SharedDirectory {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn check_fleet(&self, fleet: &Fleet, findings: &mut Findings) {
        let hosted = || fleet.meshes.values().filter_map(|mesh| Some((mesh, mesh.hosted()?)));
        let api_servers: BTreeMap<String, &Mesh> =
            hosted().filter_map(|(mesh, _)| Some((mesh.hosted_name()?.to_string(), mesh))).collect();
        let globals: BTreeMap<&str, &Mesh> =
            hosted().map(|(mesh, hosted)| (hosted.mspider.global_cluster.as_str(), mesh)).collect();
        for (mesh, cluster) in fleet.clusters() {
            let name = cluster.name.as_str();
            let (owner, what, path) = if let Some(owner) = api_servers.get(name) {
                (*owner, "the hosted API server", HOSTED)
            } else if let Some(owner) = globals.get(name).filter(|owner| owner.name != mesh.name) {
                (*owner, "the global management cluster", GLOBAL)
            } else {
                continue;
            };
            let message =
                format!("cluster `{name}` and {what} of mesh `{}` would have one directory", owner.name);
            findings.push(
                RULE.at(cluster.written.name(), message)
                    .cluster(name)
                    .found(name)
                    .related(owner.written.place(path), format!("mesh `{}` declares it here", owner.name))
                    .help("rename the cluster"),
            );
        }
        for (mesh, hosted) in hosted() {
            let name = hosted.mspider.global_cluster.as_str();
            if let Some(owner) = api_servers.get(name) {
                let message = format!(
                    "the global management cluster `{name}` is called like the hosted API server of mesh `{}`",
                    owner.name
                );
                findings.push(
                    RULE.at(mesh.written.place(GLOBAL), message)
                        .found(name)
                        .related(owner.written.name(), "this mesh has it")
                        .help("use the name by which the management cluster is known"),
                );
            }
        }
    }
}

const HOSTED: &str = "spec.controlPlane.hosted";
const GLOBAL: &str = "spec.controlPlane.hosted.mspider.globalCluster";
