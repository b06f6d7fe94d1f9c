//! Claims: the facts about the mesh that one Kubernetes object asserts, each with the field that does.

use serde_json::{Map, Value};

use crate::declaration::DeclarationSpec;
use crate::node::{FieldPath, Step};

/// One assertion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// What is asserted.
    pub fact: Fact,
    /// Its value as text: numbers and booleans as they print, since Istio reads `"15443"` and `15443` alike. A list where
    /// the fact is about all of it: its items joined by commas.
    pub value: String,
    /// The field.
    pub path: FieldPath,
    /// Whether the value is only a part of the field's text, as in an injection path.
    pub part: bool,
}

/// What a claim is about. `gateway` is the name of a gateway's Service.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fact {
    /// The mesh ID.
    MeshId,
    /// The mesh IDs of all entries of an Mspider `MeshCluster`.
    MeshEntries,
    /// The cluster's ID.
    ClusterId,
    /// Cluster IDs whose istiod may lead this cluster (`topology.istio.io/controlPlaneClusters`).
    LeadingClusters {
        /// The namespace that says so; only the system namespace's annotation is read.
        namespace: String,
    },
    /// The trust domain.
    TrustDomain,
    /// Another trust domain that is accepted.
    TrustDomainAlias,
    /// The network of the cluster's workloads.
    Network,
    /// The network that a namespace's label names; only the system namespace's is read.
    NamespaceNetwork {
        /// The namespace.
        namespace: String,
    },
    /// The network in an entry of an Mspider `MeshCluster`.
    EntryNetwork {
        /// The entry's mesh ID.
        mesh: String,
    },
    /// The networks of a `meshNetworks` map.
    MeshNetworks,
    /// A network of a `meshNetworks` map; the value is its ID.
    NamedNetwork,
    /// Addresses of a network's gateways in a `meshNetworks` map, as `address:port`.
    Entries {
        /// The network.
        network: String,
    },
    /// One address of them.
    EntryAddress {
        /// The network.
        network: String,
    },
    /// The port beside an address.
    EntryPort {
        /// The network.
        network: String,
        /// The address.
        address: String,
    },
    /// A member of a network in a `meshNetworks` map, by cluster ID (`fromRegistry`).
    Member {
        /// The network.
        network: String,
    },
    /// Where the istiod that serves this cluster is reached.
    ControlPlaneAddress,
    /// The network that a gateway's Service claims to be an entry of.
    GatewayNetwork {
        /// The gateway.
        gateway: String,
    },
    /// The port at which peers enter, by the label `networking.istio.io/gatewayPort`.
    GatewayPortLabel {
        /// The gateway.
        gateway: String,
    },
    /// The `istio` label of a gateway's pods.
    GatewayLabel {
        /// The gateway.
        gateway: String,
    },
    /// An address that a gateway's Service asks for.
    GatewayAddress {
        /// The gateway.
        gateway: String,
    },
    /// The MetalLB pool that it asks for.
    GatewayPool {
        /// The gateway.
        gateway: String,
    },
    /// All ports of a gateway's Service.
    GatewayPorts {
        /// The gateway.
        gateway: String,
    },
    /// A port of it.
    GatewayPort {
        /// The gateway.
        gateway: String,
        /// The port's name.
        name: String,
    },
    /// The pod's port behind it.
    GatewayTarget {
        /// The gateway.
        gateway: String,
        /// The port's name.
        name: String,
    },
    /// The networks whose endpoints a gateway sees.
    NetworkView {
        /// The gateway.
        gateway: String,
    },
    /// One fact of a server of an Istio `Gateway`.
    Exposure {
        /// The server.
        server: Server,
        /// Which of its facts the value is.
        part: ServerPart,
    },
    /// All addresses of a MetalLB pool.
    Pool {
        /// The pool.
        name: String,
    },
    /// One range of it.
    PoolRange {
        /// The pool.
        name: String,
    },
}

/// A server of an Istio `Gateway`, as far as it matters to other clusters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Server {
    /// The `istio` label that is selected.
    pub selector: String,
    /// The port.
    pub port: String,
    /// The TLS mode.
    pub mode: String,
}

/// A fact of a [`Server`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ServerPart {
    /// The gateways that it configures.
    Selector,
    /// The port.
    Port,
    /// The TLS mode.
    Mode,
    /// A host.
    Host,
}

/// Whom an object's claims are about. A cluster that runs an agent for others holds objects about them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Subject {
    /// The cluster that holds the object.
    #[default]
    Here,
    /// The cluster of that name.
    Cluster(String),
    /// The mesh of that name.
    Mesh(String),
    /// Some other cluster, of which the object does not say which.
    Elsewhere,
}

/// The claims of one object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Claims {
    /// `Kind/namespace/name` or `Kind/name`.
    pub object: String,
    /// Whom they are about.
    pub subject: Subject,
    /// The claims, in the order of the object.
    pub list: Vec<Claim>,
}

impl Claims {
    /// Whether a declaration is the one to judge them by.
    #[must_use]
    pub fn concern(&self, declaration: &DeclarationSpec) -> bool {
        match &self.subject {
            Subject::Here => true,
            Subject::Cluster(name) => name == declaration.cluster.name.as_str(),
            Subject::Mesh(name) => name == declaration.mesh.name.as_str(),
            Subject::Elsewhere => false,
        }
    }

    /// Adds a claim of a value that is there.
    pub fn add(&mut self, fact: Fact, at: &At<'_>, value: impl Into<String>) {
        self.list.push(Claim { fact, value: value.into(), path: at.path(), part: false });
    }

    /// Adds a claim that is a part of a field's text.
    pub fn add_part(&mut self, fact: Fact, at: &At<'_>, value: impl Into<String>) {
        self.list.push(Claim { fact, value: value.into(), path: at.path(), part: true });
    }

    /// Adds the claim of a scalar, when there is one. An empty string asserts nothing to Istio's charts.
    pub fn scalar(&mut self, fact: Fact, at: Option<At<'_>>) {
        if let Some(at) = at
            && let Some(text) = at.text()
            && !text.is_empty()
        {
            self.add(fact, &at, text);
        }
    }
}

/// A place in a JSON document that knows its way back; the path is built only for those who ask.
#[derive(Clone, Copy, Debug)]
pub struct At<'a> {
    view: View<'a>,
    parent: Option<&'a At<'a>>,
    step: Way<'a>,
}

#[derive(Clone, Copy, Debug)]
enum View<'a> {
    Map(&'a Map<String, Value>),
    Other(&'a Value),
}

#[derive(Clone, Copy, Debug)]
enum Way<'a> {
    Root,
    Key(&'a str),
    Index(usize),
}

impl<'a> At<'a> {
    /// The document.
    #[must_use]
    pub fn root(object: &'a Map<String, Value>) -> At<'a> {
        At { view: View::Map(object), parent: None, step: Way::Root }
    }

    fn child(&'a self, value: &'a Value, step: Way<'a>) -> At<'a> {
        let view = match value {
            Value::Object(map) => View::Map(map),
            other => View::Other(other),
        };
        At { view, parent: Some(self), step }
    }

    /// The value of a key.
    #[must_use]
    pub fn get(&'a self, key: &'a str) -> Option<At<'a>> {
        match self.view {
            View::Map(map) => map.get(key).map(|value| self.child(value, Way::Key(key))),
            View::Other(_) => None,
        }
    }

    /// The entries of a map.
    pub fn entries(&'a self) -> impl Iterator<Item = (&'a str, At<'a>)> {
        let map = match self.view {
            View::Map(map) => Some(map),
            View::Other(_) => None,
        };
        map.into_iter().flatten().map(|(key, value)| (key.as_str(), self.child(value, Way::Key(key))))
    }

    /// The items of a list.
    pub fn items(&'a self) -> impl Iterator<Item = At<'a>> {
        let items = match self.view {
            View::Other(Value::Array(items)) => items.as_slice(),
            _ => &[],
        };
        items.iter().enumerate().map(|(index, item)| self.child(item, Way::Index(index)))
    }

    /// The text of a scalar.
    #[must_use]
    pub fn text(&self) -> Option<String> {
        match self.view {
            View::Other(Value::String(text)) => Some(text.clone()),
            View::Other(Value::Number(number)) => Some(number.to_string()),
            View::Other(Value::Bool(value)) => Some(value.to_string()),
            _ => None,
        }
    }

    /// The text of a string, borrowed.
    #[must_use]
    pub fn str(&self) -> Option<&'a str> {
        match self.view {
            View::Other(Value::String(text)) => Some(text),
            _ => None,
        }
    }

    /// The text of a scalar below a key.
    #[must_use]
    pub fn text_of(&self, key: &str) -> Option<String> {
        At::text(&self.get(key)?)
    }

    /// Whether it is a list.
    #[must_use]
    pub fn is_list(&self) -> bool {
        matches!(self.view, View::Other(Value::Array(_)))
    }

    /// The path from the document.
    #[must_use]
    pub fn path(&self) -> FieldPath {
        let mut steps = Vec::new();
        let mut at = Some(self);
        while let Some(place) = at {
            match place.step {
                Way::Root => {}
                Way::Key(key) => steps.push(Step::Key(key.to_owned())),
                Way::Index(index) => steps.push(Step::Index(index)),
            }
            at = place.parent;
        }
        steps.reverse();
        FieldPath(steps)
    }
}
