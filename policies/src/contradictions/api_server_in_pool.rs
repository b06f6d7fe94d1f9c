//! MW3258: pool of load balancers holds the address of an API server.

use std::net::IpAddr;

use crate::address::AddressRange;
use crate::claim::Fact;
use crate::finding::{Findings, Rule, Severity};
use crate::policy::Policy;
use crate::repository::{Cluster, Repository, Stated};

/// MW3258: pool of load balancers holds the address of an API server.
pub(super) struct ApiServerInPool;

static RULE: Rule = Rule {
    code: "MW3258",
    name: "api-server-in-pool",
    severity: Severity::Warning,
    title: "pool of load balancers holds the address of an API server",
    docs: include_str!("../../docs/MW3258.md"),
};

impl Policy for ApiServerInPool {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn compare(&self, repository: &Repository, findings: &mut Findings) {
        for reader in repository.clusters.iter().filter(|cluster| !cluster.mixed) {
            for server in reader.stated(|_, fact| matches!(fact, Fact::RemoteServer { .. })) {
                let Fact::RemoteServer { cluster: id } = &server.claim.fact else { continue };
                let Some(address) = host(&server.claim.value) else { continue };
                // The reader dials it, and the cluster that has it answers; of others nobody knows where they are.
                let mut near = repository.with_cluster_id(&reader.scope, id);
                near.retain(|cluster| cluster.name != reader.name);
                near.insert(0, reader);
                for cluster in near {
                    judge(cluster, address, id, &server, findings);
                }
            }
        }
    }
}

fn judge(cluster: &Cluster, address: IpAddr, id: &str, server: &Stated<'_>, findings: &mut Findings) {
    let pools = cluster
        .stated(|subject, fact| subject.kind == "IPAddressPool" && matches!(fact, Fact::PoolRange { .. }));
    for pool in pools {
        let Ok(range) = pool.claim.value.trim().parse::<AddressRange>() else { continue };
        let (first, last) = range.bounds();
        if !(first..=last).contains(&address) {
            continue;
        }
        let message = format!(
            "pool `{}` of {} holds `{address}`, where the API server of `{id}` is",
            pool.subject.name,
            cluster.called()
        );
        findings.push(
            pool.finding(&RULE, message)
                .found(&pool.claim.value)
                .related(server.place(), "this remote secret leads there")
                .help(format!("leave `{address}` out of the pool"))
                .cluster(&cluster.name),
        );
    }
}

/// The IP address in a URL.
fn host(url: &str) -> Option<IpAddr> {
    let (_, rest) = url.split_once("://")?;
    let authority = rest.split('/').next()?;
    let host = match authority.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?.0,
        None => authority.rsplit_once(':').map_or(authority, |(host, _)| host),
    };
    host.parse().ok()
}
