//! Lines between networks and between control planes, thinned out before they become a ball of wool.

use super::topology::MeshNode;

/// More lines than this between gateways, and they meet in one point.
const MANY_LINES: usize = 15;

/// How networks are connected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Links {
    /// Gateway to gateway: `(network, entry)` twice.
    Each(Vec<((usize, usize), (usize, usize))>),
    /// All gateways to one point.
    Hub,
    /// Not at all.
    None,
}

/// The lines between the networks of a mesh.
pub(super) fn links(mesh: &MeshNode) -> Links {
    let entries: Vec<(usize, usize)> = mesh
        .networks
        .iter()
        .enumerate()
        .flat_map(|(n, network)| (0..network.entries.len()).map(move |e| (n, e)))
        .collect();
    let mut pairs = Vec::new();
    for (index, from) in entries.iter().enumerate() {
        let later = entries.iter().skip(index.saturating_add(1));
        for to in later.filter(|to| to.0 != from.0) {
            pairs.push((*from, *to));
            if pairs.len() > MANY_LINES {
                return Links::Hub;
            }
        }
    }
    if pairs.is_empty() { Links::None } else { Links::Each(pairs) }
}
