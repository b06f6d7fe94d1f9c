//! MW2012: a kind or kubeadm configuration builds a cluster with other ranges than declared.

use crate::address::Cidr;
use crate::finding::{Findings, Rule, Severity};
use crate::mesh::{Cluster, Fleet, Provisioned, Subnets};
use crate::policy::Policy;

/// A kind or kubeadm configuration builds a cluster with other ranges than declared.
pub(super) struct ProvisionedOtherwise;

static RULE: Rule = Rule {
    code: "MW2012",
    name: "provisioned-otherwise",
    severity: Severity::Warning,
    title: "cluster is built with other address ranges than declared",
    docs: include_str!("../../docs/MW2012.md"),
};

impl Policy for ProvisionedOtherwise {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn check_fleet(&self, fleet: &Fleet, findings: &mut Findings) {
        for file in &fleet.provisioned {
            let Some((_, cluster)) = fleet.clusters().find(|(_, c)| c.name.as_str() == file.cluster) else {
                continue;
            };
            compare(file, cluster, "pod", &file.pods, &cluster.spec.pod_cidrs, "podCIDRs", findings);
            compare(
                file,
                cluster,
                "service",
                &file.services,
                &cluster.spec.service_cidrs,
                "serviceCIDRs",
                findings,
            );
        }
    }
}

fn compare(
    file: &Provisioned,
    cluster: &Cluster,
    what: &str,
    built: &Option<Subnets>,
    declared: &[Cidr],
    field: &str,
    findings: &mut Findings,
) {
    let Some(built) = built else { return };
    let sorted = |cidrs: &[Cidr]| {
        let mut texts: Vec<String> = cidrs.iter().map(Cidr::to_string).collect();
        texts.sort();
        texts.join(", ")
    };
    let (found, wanted) = (sorted(&built.cidrs), sorted(declared));
    if declared.is_empty() || found == wanted {
        return;
    }
    let message = format!("{} builds cluster `{}` with {what} range `{found}`", file.tool, cluster.name);
    findings.push(
        RULE.at(built.place.clone(), message)
            .cluster(&cluster.name)
            .found(&found)
            .declared(&wanted, cluster.written.place(format!("spec.{field}").as_str()), "declared here")
            .help(format!("make the two equal: ranges of a cluster that is built do not change, so declare `{found}` if it is")),
    );
}
