//! Claims: the facts about the mesh that one Kubernetes object asserts, each with the field that does.

mod at;

use std::sync::Arc;

pub use at::At;

use crate::declaration::DeclarationSpec;
use crate::istiod;
use crate::node::FieldPath;
use crate::version::Version;

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
    /// An address to which the Service leads that is called as istiod's are, in a cluster that may run none.
    IstiodEndpoint {
        /// The Service.
        service: String,
    },
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
    /// The networks whose endpoints all proxies see, but for those that say it themselves.
    ProxyView,
    /// One fact of a server of an Istio `Gateway`.
    Exposure {
        /// The server, which all of its facts share: an object may have very many.
        server: Arc<Server>,
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
    /// A range of pod addresses that belongs to a network of a `meshNetworks` map (`fromCidr`).
    MemberRange {
        /// The network.
        network: String,
    },
    /// Something in a `meshNetworks` map that istiod reads otherwise than it is written. The value is what stands there.
    MeshNetworksFault(MeshNetworksFault),
    /// The network of single workloads, which comes before the cluster's.
    WorkloadNetwork {
        /// What says so.
        by: SaidBy,
    },
    /// The cluster ID that single proxies give themselves.
    WorkloadClusterId {
        /// What says so.
        by: SaidBy,
    },
    /// The mesh ID that single proxies give themselves.
    WorkloadMeshId {
        /// What says so.
        by: SaidBy,
    },
    /// The trust domain of single proxies.
    WorkloadTrustDomain,
    /// Where proxies dial istiod, `host:port`.
    DiscoveryAddress,
    /// The URL or path of sidecar injection.
    InjectionPath,
    /// A variable of istiod that the mesh depends on, one of [`ISTIOD_VARIABLES`].
    IstiodVariable {
        /// Its name.
        name: String,
    },
    /// The image that istiod runs from, in a Deployment that says all of its variables.
    IstiodImage,
    /// Whether istiod may lead remote clusters (`global.externalIstiod`): `true` or `false`.
    ExternalIstiod,
    /// The installation profile.
    Profile,
    /// A cluster that istiod reads by a remote secret. The value is the secret's key, which is the cluster's ID.
    RemoteCluster {
        /// The namespace of the secret; istiod reads its own only.
        namespace: String,
    },
    /// The API server to which a remote secret leads: a URL, without credentials.
    RemoteServer {
        /// The key of the secret.
        cluster: String,
    },
    /// What a remote secret's kubeconfig has that istiod refuses to use: a file, a program.
    RefusedCredential {
        /// The key of the secret.
        cluster: String,
    },
    /// What else a remote secret calls its cluster: an annotation, the end of its name. Nobody but people read it.
    RemoteName {
        /// The key of the secret.
        cluster: String,
    },
    /// A secret that is called like a remote secret and lacks the label by which istiod finds it. The value is its name.
    UnlabelledRemoteSecret {
        /// The namespace of the secret.
        namespace: String,
    },
    /// The keys of the secret that holds istiod's signing certificate, joined by commas.
    CaKeys {
        /// The namespace of the secret.
        namespace: String,
    },
    /// SHA-256 fingerprints of the root certificates in that secret, in lower-case hex, joined by commas.
    RootCertificate {
        /// The namespace of the secret.
        namespace: String,
    },
    /// SHA-256 fingerprint of the signing certificate in that secret.
    SigningCertificate {
        /// The namespace of the secret.
        namespace: String,
    },
    /// From its first to its last moment, how long a certificate of that secret is valid: hours, rounded down, such as `8760h`.
    CertificateLifetime {
        /// The namespace of the secret.
        namespace: String,
        /// Whether it is a root, and not the signing certificate.
        is_root: bool,
    },
    /// What is wrong between the certificates of that secret. The value is the subject of the signing certificate.
    CertificateFault(CertificateFault),
    /// A range of the cluster's pod addresses.
    PodRange,
    /// A range of the cluster's service addresses.
    ServiceRange,
    /// Whether MetalLB may give the pool's addresses to Services that ask for none.
    PoolAutoAssign {
        /// The pool.
        name: String,
    },
    /// All pools that a MetalLB advertisement names.
    AdvertisedPools {
        /// The advertisement.
        name: String,
    },
    /// All interfaces on which it announces them.
    AdvertisedInterfaces {
        /// The advertisement.
        name: String,
    },
    /// The type of a gateway's Service.
    GatewayServiceType {
        /// The gateway.
        gateway: String,
    },
    /// The nodes whose addresses a gateway's Service of type NodePort has (`traffic.istio.io/nodeSelector`).
    GatewayNodes {
        /// The gateway.
        gateway: String,
    },
    /// `externalTrafficPolicy` of a gateway's Service.
    GatewayTrafficPolicy {
        /// The gateway.
        gateway: String,
    },
    /// The node port of a port of a gateway's Service.
    GatewayNodePort {
        /// The gateway.
        gateway: String,
        /// The port's name.
        name: String,
    },
    /// An annotation of a gateway's Service by which a cloud's load balancer ends TLS or speaks HTTP, at all ports.
    GatewayEndsTls {
        /// The gateway.
        gateway: String,
        /// The annotation.
        annotation: String,
    },
    /// One fact of a listener of a Gateway API `Gateway` that lets other networks in.
    Listener {
        /// The listener.
        listener: Listener,
        /// Which of its facts the value is.
        part: ListenerPart,
    },
    /// The network whose entry a Gateway API `Gateway` of class `istio-remote` stands for.
    RemoteNetwork {
        /// The `Gateway`.
        gateway: String,
    },
    /// An address of that entry.
    RemoteAddress {
        /// The `Gateway`.
        gateway: String,
        /// The network.
        network: String,
    },
    /// One fact of a route by which istiod is handed out at a gateway.
    IstiodRoute {
        /// The gateway's port that is matched; empty when every port is.
        port: String,
        /// Which of its facts the value is.
        part: RoutePart,
    },
    /// The cluster ID that a subset of a service selects.
    SubsetCluster {
        /// The service.
        host: String,
    },
    /// The network ID that a subset of a service selects.
    SubsetNetwork {
        /// The service.
        host: String,
    },
    /// The name of a subset.
    SubsetName {
        /// The service.
        host: String,
    },
    /// A region between which a service fails over.
    FailoverRegion {
        /// The service.
        host: String,
    },
    /// Failover between localities; the value says whether outlier detection is there, without which it never happens.
    Failover {
        /// The service.
        host: String,
    },
    /// The TLS mode with which a service is called.
    ClientTls {
        /// The service.
        host: String,
    },
    /// The mutual TLS mode of workloads.
    PeerTls {
        /// Their namespace.
        namespace: String,
        /// Whether some of them, or some of their ports, are selected.
        selected: bool,
    },
    /// The region of a node's workloads.
    NodeRegion {
        /// The node.
        node: String,
    },
    /// Their zone.
    NodeZone {
        /// The node.
        node: String,
    },
    /// Their subzone.
    NodeSubzone {
        /// The node.
        node: String,
    },
    /// The cluster whose directory an agent applies here; the value is the directory below `clusters/`.
    DeliveredDirectory,
    /// A text that rewrites other objects names a field by which clusters, networks or gateways are known.
    Rewritten {
        /// The field that holds the text, for people: `k8s.overlays`.
        carrier: String,
    },
    /// A host that is declared to stay within its cluster.
    ClusterLocalHost,
    /// One of the label selectors by which istiod sees namespaces, as JSON.
    DiscoverySelector,
}

/// A listener of a Gateway API `Gateway`, as far as it matters to other networks.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Listener {
    /// The `Gateway`.
    pub gateway: String,
    /// Its class.
    pub class: String,
    /// The port.
    pub port: String,
    /// The protocol.
    pub protocol: String,
    /// The TLS mode.
    pub mode: String,
}

/// A fact of a [`Listener`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ListenerPart {
    /// The port.
    Port,
    /// The protocol.
    Protocol,
    /// The TLS mode.
    Mode,
}

/// A fact of a route to istiod.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RoutePart {
    /// The gateway's port.
    Match,
    /// The host to which it leads.
    Host,
    /// The port of that host.
    Port,
}

/// What a setting of all services is of, in the place of a host.
pub const MESH_CONFIG: &str = "meshConfig";

/// Variables of istiod that are claims (istio/istio@1.31: `pilot/pkg/features`).
pub const ISTIOD_VARIABLES: &[&str] = &[
    "AMBIENT_ENABLE_MULTI_NETWORK",
    "CLUSTER_ID",
    "ENABLE_MCS_AUTO_EXPORT",
    "ENABLE_MCS_CLUSTER_LOCAL",
    "ENABLE_MCS_HOST",
    "ENABLE_MCS_SERVICE_DISCOVERY",
    "EXTERNAL_ISTIOD",
    "LOCAL_CLUSTER_SECRET_WATCHER",
    "PILOT_ENABLE_AMBIENT",
    "PILOT_MULTI_NETWORK_DISCOVER_GATEWAY_API",
    "PILOT_SKIP_VALIDATE_TRUST_DOMAIN",
    "RESOLVE_HOSTNAME_GATEWAYS",
    "SHARED_MESH_CONFIG",
];

/// What says something of single workloads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SaidBy {
    /// A label of the pod or entry.
    Label,
    /// A variable of a container.
    Variable,
    /// The annotation `proxy.istio.io/config`.
    Annotation,
    /// A `ProxyConfig`.
    ProxyConfig,
    /// A field of a `WorkloadEntry`, a `WorkloadGroup` or an endpoint of a `ServiceEntry`.
    Field,
}

/// What istiod reads otherwise than it is written (istio/istio@1.31: `pkg/config/validation/agent/validation.go`,
/// `ValidateMeshNetworks`; `pkg/util/protomarshal/protomarshal.go`: what is unknown is dropped).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MeshNetworksFault {
    /// The document of the ConfigMap has no `networks:`.
    NoWrapper,
    /// `networks:` is one level too deep.
    Doubled,
    /// A key that nobody reads.
    UnknownKey {
        /// What has no such key: `a network`.
        holder: &'static str,
        /// The keys that it has.
        known: &'static [&'static str],
    },
    /// No number from 1 to 65535.
    Port,
    /// No IP address and no DNS name.
    Address,
    /// No name that a registry can have.
    Registry,
    /// No range of addresses.
    Range,
    /// An address where a range is wanted: istiod accepts it and then leaves it out.
    Maskless,
    /// No YAML.
    Unreadable,
    /// Something of another shape than is wanted.
    Shape {
        /// What is wanted: `a list of gateways`.
        wanted: &'static str,
    },
    /// Two things of which an item can have one.
    Both {
        /// What is excluded by it.
        other: &'static str,
    },
}

/// What is wrong between the certificates of a signing secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CertificateFault {
    /// The signing certificate was not issued by any root in the secret, directly or through its chain.
    AnotherIssuer,
    /// It is valid longer than its root.
    OutlivesRoot,
    /// It may not sign.
    NoAuthority,
}

/// The control plane that an object installs or configures, as far as the object says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plane {
    /// Where: the values or the spec.
    pub path: FieldPath,
    /// Its namespace.
    pub namespace: Option<String>,
    /// The namespace that it says itself, and not only by where the object lies.
    pub named_namespace: Option<String>,
    /// The namespace of its Helm release, where a release installs it: what the values say of a namespace does not move it.
    pub release_namespace: Option<String>,
    /// Its revision.
    pub revision: Option<String>,
    /// Istio's version, as written.
    pub version: Option<String>,
    /// Whether it is only what a remote cluster needs.
    pub is_remote: bool,
    /// Whether everything that configures it is in the object: nothing comes from other objects, files or patches.
    pub whole: bool,
    /// Whether an istiod of this cluster injects, although another one's configures the proxies.
    pub injects_locally: bool,
    /// Whether the path of injection is left to the chart, whose own names neither cluster nor network.
    pub injects_by_default: bool,
}

impl Plane {
    /// What the Service of its istiod is called, or of the one that serves it from another cluster.
    pub(crate) fn istiod(&self) -> String {
        istiod::service(self.revision.as_deref())
    }
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

impl Server {
    /// Whether it lets other networks in.
    pub(crate) fn lets_in(&self) -> bool {
        self.mode == AUTO_PASSTHROUGH
    }
}

/// The TLS mode of a server that lets other networks in.
pub(crate) const AUTO_PASSTHROUGH: &str = "AUTO_PASSTHROUGH";

/// A fact of a [`Server`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ServerPart {
    /// The gateways that it configures.
    Selector,
    /// The port.
    Port,
    /// The TLS mode.
    Mode,
    /// The protocol.
    Protocol,
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
    /// The control plane in that namespace; there may be others, of other meshes.
    Plane(String),
    /// Some other cluster, of which the object does not say which.
    Elsewhere,
}

/// The claims of one object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Claims {
    /// `Kind/namespace/name` or `Kind/name`.
    pub object: String,
    /// The namespace of the object.
    pub namespace: Option<String>,
    /// Whom they are about.
    pub subject: Subject,
    /// The claims, in the order of the object.
    pub list: Vec<Claim>,
    /// The control plane that it installs, when it does.
    pub plane: Option<Plane>,
}

impl Claims {
    /// The namespace of the control plane that they are about, where the object says it and its release goes there.
    #[must_use]
    pub fn named_plane(&self) -> Option<&str> {
        let plane = self.plane.as_ref()?;
        let named = plane.named_namespace.as_deref()?;
        plane.release_namespace.as_deref().is_none_or(|release| release == named).then_some(named)
    }

    /// The release of istiod that a Deployment runs, by the tag of its image.
    #[must_use]
    pub fn istiod_release(&self) -> Option<Version> {
        self.first(&Fact::IstiodImage)?.value.rsplit_once(':')?.1.parse().ok()
    }

    /// Whether a declaration is the one to judge them by.
    #[must_use]
    pub fn concern(&self, declaration: &DeclarationSpec) -> bool {
        match &self.subject {
            Subject::Here => true,
            Subject::Cluster(name) => name == declaration.cluster.name.as_str(),
            Subject::Mesh(name) => name == declaration.mesh.name.as_str(),
            Subject::Plane(namespace) => namespace == declaration.istio.namespace.as_str(),
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

    /// The first claim of a fact.
    #[must_use]
    pub fn first(&self, fact: &Fact) -> Option<&Claim> {
        self.list.iter().find(|claim| claim.fact == *fact)
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
