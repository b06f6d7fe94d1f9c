//! MW9004: failover between regions that cannot work.

use std::collections::BTreeSet;

use crate::finding::{Findings, Place, Rule, Severity};
use crate::intent::RegionFailover;
use crate::mesh::{Cluster, Mesh};
use crate::node::FieldPath;
use crate::policy::Policy;
use crate::suggest::nearest;

/// MW9004: failover between regions that cannot work.
#[derive(Debug)]
pub(super) struct UnusedFailoverRegion;

static RULE: Rule = Rule {
    code: "MW9004",
    name: "unused-failover-region",
    severity: Severity::Error,
    title: "failover between regions that cannot work",
    docs: include_str!("../../docs/MW9004.md"),
};

impl Policy for UnusedFailoverRegion {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn check_mesh(&self, mesh: &Mesh, findings: &mut Findings) {
        if mesh.spec.failover.is_empty() {
            return;
        }
        let regions: BTreeSet<&str> = mesh.clusters.values().flat_map(regions).collect();
        let unknown = mesh.clusters.values().find(|cluster| regions_unknown(cluster));
        for (index, failover) in mesh.spec.failover.iter().enumerate() {
            for (pair_index, pair) in failover.regions.iter().enumerate() {
                let path = FieldPath::parse("spec.failover").index(index).key("regions").index(pair_index);
                let place = |key| mesh.written.place(path.clone().key(key));
                if pair.from == pair.to {
                    let message = format!("region `{}` fails over to itself", pair.from);
                    findings.push(RULE.at(place("to"), message).found(&pair.to).help("name another region"));
                    continue;
                }
                for (key, region) in ends(pair) {
                    if !regions.contains(region) {
                        report(&regions, unknown, region, place(key), findings);
                    }
                }
            }
        }
    }
}

fn ends(pair: &RegionFailover) -> [(&'static str, &str); 2] {
    [("from", &pair.from), ("to", &pair.to)]
}

/// The regions of the cluster's nodes, as far as they are declared.
fn regions(cluster: &Cluster) -> impl Iterator<Item = &str> {
    let nodes = cluster.spec.nodes.iter().filter_map(|node| node.locality.as_ref());
    cluster.spec.locality.iter().chain(nodes).map(|locality| locality.region.as_str())
}

fn regions_unknown(cluster: &Cluster) -> bool {
    regions(cluster).next().is_none()
}

fn report(
    regions: &BTreeSet<&str>,
    unknown: Option<&Cluster>,
    region: &str,
    place: Place,
    findings: &mut Findings,
) {
    let malformed = region.contains(['/', '*']);
    let message = if malformed {
        format!("`{region}` is not a region: failover knows no zones and no wildcards")
    } else {
        format!("no cluster is in region `{region}`")
    };
    let mut finding = RULE.at(place, message).found(region);
    let cut = region.split('/').next().unwrap_or_default();
    finding.help = Some(match nearest(cut, regions.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None if regions.is_empty() => "declare `locality` of the clusters".to_owned(),
        None => format!(
            "declared regions are {}",
            regions.iter().map(|r| format!("`{r}`")).collect::<Vec<_>>().join(", ")
        ),
    });
    if let Some(cluster) = unknown.filter(|_| !malformed) {
        finding.severity = Severity::Warning;
        finding = finding
            .related(cluster.written.name(), format!("cluster `{}` declares no locality", cluster.name));
    }
    findings.push(finding);
}
