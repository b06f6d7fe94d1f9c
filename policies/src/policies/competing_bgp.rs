//! MW9002: Calico and MetalLB both speak BGP.

use crate::finding::{Findings, Rule, Severity};
use crate::intent::LoadBalancerProvider;
use crate::mesh::Mesh;
use crate::policy::Policy;

/// MW9002: Calico and MetalLB both speak BGP.
#[derive(Debug)]
pub(super) struct CompetingBgp;

static RULE: Rule = Rule {
    code: "MW9002",
    name: "competing-bgp",
    severity: Severity::Warning,
    title: "Calico and MetalLB both speak BGP",
    docs: include_str!("../../docs/MW9002.md"),
};

impl Policy for CompetingBgp {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn check_mesh(&self, mesh: &Mesh, findings: &mut Findings) {
        for cluster in mesh.clusters.values() {
            let balancer = &cluster.spec.load_balancer;
            if cluster.spec.kubernetes.calico_bgp == Some(true)
                && balancer.effective_provider() == LoadBalancerProvider::Metallb
            {
                let message = format!("Calico's BGP disturbs MetalLB in cluster `{}`", cluster.name);
                findings.push(
                    RULE.at(cluster.written.place("spec.kubernetes.calicoBGP"), message)
                        .cluster(&cluster.name)
                        .found("true")
                        .related(
                            cluster.written.place("spec.loadBalancer.metallb"),
                            "MetalLB gives addresses here",
                        )
                        .help("switch Calico's BGP off and declare `calicoBGP: false`"),
                );
            }
        }
    }
}
