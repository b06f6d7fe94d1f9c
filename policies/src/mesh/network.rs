//! A network and where it is entered.

use std::collections::{BTreeMap, BTreeSet};

use super::Written;
use crate::address::{Address, Port};
use crate::finding::Place;
use crate::intent::NetworkSpec;
use crate::names::{ClusterName, NetworkId, ObjectName};

/// One network.
#[derive(Clone, Debug, PartialEq)]
pub struct Network {
    /// Its ID.
    pub id: NetworkId,
    /// What was declared, defaults applied.
    pub spec: NetworkSpec,
    /// Where.
    pub written: Written,
    /// Where it is entered.
    pub entries: Vec<EntryPoint>,
}

/// An entry point of a network.
#[derive(Clone, Debug, PartialEq)]
pub struct EntryPoint {
    /// The cluster whose gateway it is.
    pub cluster: ClusterName,
    /// The gateway's name.
    pub gateway: ObjectName,
    /// The address that peers dial, when it is known before the Service exists.
    pub address: Option<Address>,
    /// The port that peers dial.
    pub port: Port,
    /// Other addresses, by observing cluster, as written.
    pub address_from: BTreeMap<ClusterName, Address>,
    /// Clusters outside this network that are not written in `address_from` while their primary is: the primary's istiod tells their
    /// proxies what it is told itself, since an istiod has one `meshNetworks` (istio/istio@1.30:
    /// `pilot/pkg/serviceregistry/kube/controller/network.go`).
    pub observes_as: BTreeMap<ClusterName, ClusterName>,
    /// Where the address was written, or the nearest to it.
    pub place: Place,
}

impl EntryPoint {
    /// The address as `observer` dials it.
    #[must_use]
    pub fn address_for(&self, observer: &ClusterName) -> Option<&Address> {
        self.seen_by(observer).map(|(_, address)| address).or(self.address.as_ref())
    }

    /// Another address than that of most, where `observer` has one, with the cluster by whose name it is written: itself, or its
    /// primary.
    #[must_use]
    pub fn seen_by(&self, observer: &ClusterName) -> Option<(&ClusterName, &Address)> {
        let named = |name: &ClusterName| self.address_from.get_key_value(name);
        named(observer).or_else(|| named(self.observes_as.get(observer)?))
    }

    /// Every cluster that dials another address than most, with that address, by name.
    pub fn observers(&self) -> impl Iterator<Item = (&ClusterName, &Address)> {
        let names: BTreeSet<&ClusterName> = self.address_from.keys().chain(self.observes_as.keys()).collect();
        names.into_iter().filter_map(|name| Some((name, self.seen_by(name)?.1)))
    }
}
