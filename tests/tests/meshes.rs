//! Valid meshes of every shape, as intent that a person could have written.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use meshwright_policies::intent::InstallMethod;
use meshwright_policies::support;
use meshwright_policies::version::Minor;
use proptest::prelude::*;
use proptest::sample::Index;

/// Which control plane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    MultiPrimary,
    PrimaryRemote,
    Hosted,
}

/// Who applies what is rendered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Agent {
    Flux,
    Argocd,
    Nobody,
}

/// What may differ between clusters.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    name: String,
    network: Index,
    primary: Index,
    is_primary: bool,
    metallb: Option<&'static str>,
    second_gateway: bool,
    node_port: bool,
    agent: Option<Agent>,
    samples: bool,
}

/// A mesh that has no error.
#[derive(Clone, Debug)]
pub(crate) struct AnyMesh {
    pub(crate) shape: Shape,
    pub(crate) install: InstallMethod,
    pub(crate) minor: u32,
    agent: Agent,
    mesh: String,
    networks: Vec<String>,
    members: Vec<Member>,
    mesh_networks: bool,
    shared: bool,
    cni: bool,
    revision: bool,
    canary: bool,
    istioctl: bool,
    struct_parameters: bool,
    failover: bool,
}

/// Names as people give them, among them those that YAML takes for something else.
fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[a-z]([a-z0-9-]{0,12}[a-z0-9])?",
        1 => prop::sample::select(vec![
            "on", "off", "y", "n", "no", "yes", "true", "null", "nan", "1e5", "0x1f", "0755", "12345", "1-2", "0", "default",
        ]).prop_map(str::to_owned),
    ]
}

fn names(count: std::ops::RangeInclusive<usize>) -> impl Strategy<Value = Vec<String>> {
    prop::collection::btree_set(name(), count).prop_map(|names: BTreeSet<String>| names.into_iter().collect())
}

fn agent() -> impl Strategy<Value = Agent> {
    prop::sample::select(vec![Agent::Flux, Agent::Argocd, Agent::Nobody])
}

prop_compose! {
    fn member(name: String)(
        network in any::<Index>(),
        primary in any::<Index>(),
        is_primary in any::<bool>(),
        metallb in prop::option::of(prop::sample::select(vec!["l2", "bgp", "statusOnly"])),
        second_gateway in any::<bool>(),
        node_port in any::<bool>(),
        agent in prop::option::weighted(0.2, agent()),
        samples in any::<bool>(),
    ) -> Member {
        Member { name: name.clone(), network, primary, is_primary, metallb, second_gateway, node_port, agent, samples }
    }
}

prop_compose! {
    /// Any valid mesh of one to six clusters on one to four networks.
    pub(crate) fn any_mesh()(
        shape in prop::sample::select(vec![Shape::MultiPrimary, Shape::PrimaryRemote, Shape::Hosted]),
        install in prop::sample::select(vec![InstallMethod::IstioOperator, InstallMethod::Helm, InstallMethod::Sail]),
        minor in 15..=31_u32,
        mesh in "[a-z]([a-z0-9-]{0,12}[a-z0-9])?",
        networks in names(1..=4),
        members in names(1..=6).prop_flat_map(|names| names.into_iter().map(member).collect::<Vec<_>>()),
        agent in agent(),
        flags in prop::array::uniform8(any::<bool>()),
    ) -> AnyMesh {
        let [mesh_networks, shared, cni, revision, canary, istioctl, struct_parameters, failover] = flags;
        AnyMesh {
            shape, install, minor, agent, mesh: format!("m{mesh}"), networks, members, mesh_networks, shared, cni, revision,
            canary, istioctl, struct_parameters, failover,
        }
        .possible()
    }
}

impl AnyMesh {
    /// Takes back what does not go together.
    fn possible(mut self) -> AnyMesh {
        self.networks.truncate(self.members.len());
        if self.shape == Shape::Hosted {
            self.install = InstallMethod::IstioOperator;
            (self.minor, self.mesh_networks, self.revision, self.canary) = (15, true, false, false);
            (self.shared, self.cni, self.istioctl) = (false, false, false);
            // Mspider takes no name that starts with a digit.
            for network in
                self.networks.iter_mut().filter(|name| name.starts_with(|c: char| c.is_ascii_digit()))
            {
                network.insert_str(0, "net-");
            }
        }
        if self.install == InstallMethod::Sail {
            // It knows no remote before the chart has a profile for one.
            let first = if self.shape == Shape::PrimaryRemote { 24 } else { 21 };
            self.minor = self.minor.clamp(first, 30);
            // Sail's type has the key of 1.22 and later only, and the chart of 1.21 does not read it.
            self.cni &= self.minor > 21;
        }
        self.istioctl |= self.install == InstallMethod::IstioOperator && self.minor >= 24;
        self.canary &=
            self.shape == Shape::MultiPrimary && (25..=28).contains(&self.minor) && self.members.len() > 1;
        self.revision |= self.canary;
        // Before 1.20.4 the Service of a remote has no revision, for which its sidecars and its webhook ask.
        self.revision &= self.shape != Shape::PrimaryRemote || self.minor >= 20;
        if !self.members.iter().any(|member| member.is_primary) {
            self.members[0].is_primary = true;
        }
        self
    }

    fn version(minor: u32) -> String {
        let release = support::of(Minor(1, minor)).unwrap();
        format!("1.{minor}.{}", release.sail.map_or(8, |(_, last)| last))
    }

    /// The release that values files are for, when all clusters have one.
    pub(crate) fn release(&self) -> Option<Minor> {
        (!self.canary).then_some(Minor(1, self.minor))
    }

    /// That release with its patch, of all clusters but a canary's.
    pub(crate) fn release_text(&self) -> String {
        AnyMesh::version(self.minor)
    }

    /// Whether what is rendered says of every cluster and gateway what it is: plain values of a shared gateway do not say
    /// that they are a gateway's.
    pub(crate) fn speaks_for_itself(&self) -> bool {
        let by_hand = self.members.iter().any(|member| member.agent.unwrap_or(self.agent) == Agent::Nobody);
        !(self.shared && self.install != InstallMethod::IstioOperator && by_hand)
    }

    /// The same with remotes, of a release before 1.23, as values files that nobody delivers: which release reads them, and who
    /// leads whom, is said least there.
    pub(crate) fn by_hand(mut self) -> AnyMesh {
        (self.shape, self.install, self.agent) = (Shape::PrimaryRemote, InstallMethod::Helm, Agent::Nobody);
        self.minor = 15 + self.minor % 8;
        (self.canary, self.istioctl, self.shared) = (false, false, false);
        self.members.iter_mut().for_each(|member| member.agent = None);
        self.possible()
    }

    /// The network of each cluster: every network has one.
    fn network(&self, index: usize) -> &str {
        self.networks.get(index).unwrap_or_else(|| self.members[index].network.get(&self.networks))
    }

    fn primaries(&self) -> Vec<&str> {
        self.members.iter().filter(|member| member.is_primary).map(|member| member.name.as_str()).collect()
    }

    /// The documents, in one text. Names are quoted: they may look like numbers.
    pub(crate) fn intent(&self) -> String {
        let mut text = String::new();
        self.write_mesh(&mut text);
        for network in &self.networks {
            let members = (0..self.members.len()).filter(|index| self.network(*index) == network).count();
            let spec = if members > 1 { "\nspec: {podConnectivity: routed}" } else { "" };
            write!(text, "---\napiVersion: meshwright.dev/v1alpha1\nkind: Network\nmetadata: {{name: \"{network}\"}}{spec}\n").unwrap();
        }
        (0..self.members.len()).for_each(|index| self.write_cluster(index, &mut text));
        text
    }

    fn write_mesh(&self, text: &mut String) {
        let shape = match self.shape {
            Shape::MultiPrimary => "{multiPrimary: {}}".to_owned(),
            Shape::PrimaryRemote => format!("{{primaryRemote: {{primaries: {:?}}}}}", self.primaries()),
            Shape::Hosted => format!(
                "{{hosted: {{cluster: {:?}, mspider: {{globalCluster: the-global-cluster, parameters: {}, \
                 hostedApiServerSecret: hosted}}}}}}",
                self.members[0].name,
                if self.struct_parameters { "struct" } else { "flat" }
            ),
        };
        let version = match self.shape {
            Shape::Hosted => "1.15.3-mspider".to_owned(),
            _ => AnyMesh::version(self.minor),
        };
        let mut istio = format!("version: \"{version}\", install: {}", self.install.as_str());
        if self.istioctl {
            istio.push_str(", appliedBy: istioctl");
        }
        if self.cni {
            istio.push_str(", cni: true");
        }
        if self.revision {
            istio.push_str(", revision: stable-one");
        }
        let discovery = if self.mesh_networks { "meshNetworks" } else { "labels" };
        write!(
            text,
            "apiVersion: meshwright.dev/v1alpha1\nkind: Mesh\nmetadata: {{name: \"{}\"}}\nspec:\n  istio: {{{istio}}}\n  \
             controlPlane: {shape}\n  gatewayDiscovery: {discovery}\n  ca: {{provider: offline}}\n  \
             tools: {{helm: \"3.16.4\"}}\n  delivery: {}\n",
            self.mesh,
            delivery(self.agent)
        )
        .unwrap();
        if self.failover {
            text.push_str("  failover: [{host: shop.store.svc.cluster.local}]\n");
        }
        if self.shared && self.networks.len() > 1 {
            text.push_str("  clusterDefaults: {eastWestGateways: [{layout: shared, networkView: all}]}\n");
        }
    }

    fn write_cluster(&self, index: usize, text: &mut String) {
        let member = &self.members[index];
        let release = support::of(Minor(1, self.minor + u32::from(self.canary))).unwrap();
        let kubernetes = if self.shape == Shape::Hosted { Minor(1, 25) } else { release.announced.0 };
        write!(
            text,
            "---\napiVersion: meshwright.dev/v1alpha1\nkind: Cluster\nmetadata: {{name: \"{}\"}}\nspec:\n  network: \"{}\"\n  \
             kubernetes: {{version: \"{kubernetes}\", apiServer: \"https://192.0.2.{index}:6443\"}}\n  \
             podCIDRs: [10.{}.0.0/16]\n  serviceCIDRs: [10.{}.0.0/16]\n",
            member.name,
            self.network(index),
            2 * index,
            2 * index + 1
        )
        .unwrap();
        let address = |last: usize| format!("198.51.100.{}", 20 * index + last);
        let pool = member.metallb.map(|advertise| {
            format!(
                "metallb: {{pools: [{{name: pool, advertise: {advertise}, addresses: [{}-{}]}}]}}, ",
                address(0),
                address(19)
            )
        });
        let control_plane = match self.shape {
            Shape::Hosted if index == 0 => format!("controlPlane: {}, ", address(1)),
            _ => String::new(),
        };
        let pool = pool.unwrap_or_default();
        writeln!(text, "  loadBalancer: {{{pool}addresses: {{{control_plane}eastWest: {}}}}}", address(2))
            .unwrap();
        self.write_gateways(member, &address(3), text);
        if self.shape == Shape::PrimaryRemote && !member.is_primary {
            writeln!(text, "  primary: {:?}", member.primary.get(&self.primaries())).unwrap();
        }
        if let Some(agent) = member.agent {
            writeln!(text, "  delivery: {}", delivery(agent)).unwrap();
        }
        if member.samples {
            text.push_str("  samples: {sleep: {}, helloworld: {version: v1}, reviews: {version: v3}}\n");
            text.push_str("  namespaces: [{name: store, injection: enabled, labels: {team: \"on\"}}]\n");
        }
        if self.canary && index == 0 {
            writeln!(
                text,
                "  istio: {{version: \"{}\", revision: next-one}}",
                AnyMesh::version(self.minor + 1)
            )
            .unwrap();
        }
    }

    fn write_gateways(&self, member: &Member, address: &str, text: &mut String) {
        if self.networks.len() == 1 || self.shared {
            return;
        }
        if member.node_port && self.mesh_networks && self.shape == Shape::MultiPrimary {
            text.push_str(
                "  eastWestGateways: [{port: 30443, service: {type: NodePort, nodePorts: {tls: 30443}}}]\n",
            );
        } else if member.second_gateway {
            writeln!(
                text,
                "  eastWestGateways: [{{replicas: 2}}, {{name: istio-eastwestgateway-b, address: {address}}}]"
            )
            .unwrap();
        }
    }
}

fn delivery(agent: Agent) -> &'static str {
    match agent {
        Agent::Flux => "{flux: {path: ./rendered}}",
        Agent::Argocd => "{argocd: {repoURL: \"https://git.example.com/meshes.git\", path: rendered}}",
        Agent::Nobody => "{none: {}}",
    }
}
