//! MW3021: interfaces of a pool that is not announced in layer 2.

use crate::finding::{Findings, Rule, Severity};
use crate::intent::Advertise;
use crate::mesh::Mesh;
use crate::node::FieldPath;
use crate::policy::Policy;

/// MW3021: interfaces of a pool that is not announced in layer 2.
#[derive(Debug)]
pub(super) struct InterfacesWithoutLayer2;

static RULE: Rule = Rule {
    code: "MW3021",
    name: "interfaces-without-layer-2",
    severity: Severity::Warning,
    title: "interfaces of a pool that is not announced in layer 2",
    docs: include_str!("../../docs/MW3021.md"),
};

impl Policy for InterfacesWithoutLayer2 {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn check_mesh(&self, mesh: &Mesh, findings: &mut Findings) {
        for cluster in mesh.clusters.values() {
            let pools = cluster.spec.load_balancer.metallb.iter().flat_map(|metallb| &metallb.pools);
            for (index, pool) in pools.enumerate().filter(|(_, pool)| !pool.interfaces.is_empty()) {
                let how = match pool.advertise {
                    Advertise::L2 => continue,
                    Advertise::Bgp => "announced by BGP, which chooses no interfaces",
                    Advertise::StatusOnly => "not announced at all",
                };
                let path = FieldPath::parse("spec.loadBalancer.metallb.pools").index(index);
                let place = cluster.written.place(path.clone().key("interfaces"));
                let message = format!("`interfaces` of pool `{}` have no effect: it is {how}", pool.name);
                findings.push(
                    cluster
                        .finding(&RULE, place, message)
                        .found(pool.interfaces.join(", "))
                        .related(cluster.written.place(path.key("advertise")), "how it is announced")
                        .help("remove `interfaces`, or announce the pool with `advertise: l2`"),
                );
            }
        }
    }
}
