//! MW9009: two clusters of a mesh say that they are at one place.

use std::collections::BTreeMap;

use crate::finding::{Findings, Place, Rule, Severity};
use crate::intent::Locality;
use crate::mesh::{Cluster, Mesh};
use crate::node::FieldPath;
use crate::policy::Policy;

/// Two clusters of a mesh say that they are at one place.
pub(super) struct SharedLocality;

static RULE: Rule = Rule {
    code: "MW9009",
    name: "shared-locality",
    severity: Severity::Warning,
    title: "two clusters of a mesh share a locality down to the subzone",
    docs: include_str!("../../docs/MW9009.md"),
};

impl Policy for SharedLocality {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn check_mesh(&self, mesh: &Mesh, findings: &mut Findings) {
        let mut first: BTreeMap<&Locality, (&Cluster, Place)> = BTreeMap::new();
        for cluster in mesh.clusters.values() {
            for (locality, place) in localities(cluster).filter(|(locality, _)| locality.subzone.is_some()) {
                let Some((other, other_place)) = first.get(locality) else {
                    first.insert(locality, (cluster, place));
                    continue;
                };
                if other.name == cluster.name {
                    continue;
                }
                let message = format!(
                    "clusters `{}` and `{}` are both in `{locality}`, so Istio takes endpoints of either for local ones",
                    other.name, cluster.name
                );
                findings.push(
                    RULE.at(place, message)
                        .cluster(&cluster.name)
                        .found(locality)
                        .related(other_place.clone(), format!("cluster `{}` is there too", other.name))
                        .help(format!("give nodes of `{}` a subzone of their own", cluster.name)),
                );
                // One is enough to look at the cluster.
                break;
            }
        }
    }
}

/// What is declared of the cluster as a whole and of its nodes.
fn localities(cluster: &Cluster) -> impl Iterator<Item = (&Locality, Place)> {
    let whole = cluster.spec.locality.as_ref().map(|l| (l, cluster.written.place("spec.locality")));
    let nodes = cluster.spec.nodes.iter().enumerate().filter_map(|(index, node)| {
        let place = FieldPath::parse("spec.nodes").index(index).key("locality");
        Some((node.locality.as_ref()?, cluster.written.place(place)))
    });
    whole.into_iter().chain(nodes)
}
