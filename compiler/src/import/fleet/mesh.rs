//! The documents of one mesh and of its clusters: who runs istiod for whom, and what all clusters share.

use meshwright_policies::address::Address;
use meshwright_policies::claim::Fact;
use meshwright_policies::names::{ClusterId, TrustDomain};
use meshwright_policies::repository::Cluster;
use meshwright_policies::support;
use meshwright_policies::version::Minor;
use serde_json::{Map, Value as Json, json};

use super::super::cluster::Member;
use super::super::draft::{ClusterDraft, Document, Draft, MeshDraft};
use super::super::failover;
use super::super::hosted::Hosted;
use super::super::node::set;
use super::common::{most, own_delivery, own_keys, shared, shared_delivery};
use super::network::{Networks, network_of};
use super::{DEFAULT_INSTALL, ONLY_NETWORK};

pub(super) struct Mesh<'m, 'a> {
    pub(super) id: &'m str,
    pub(super) name: &'m str,
    pub(super) members: Vec<&'m Member<'a>>,
    pub(super) several: bool,
    pub(super) hosted: Option<&'m Hosted<'a>>,
    /// What all members say of namespaces.
    pub(super) namespaces: Option<Vec<Json>>,
}

/// An address and a port at which a network is entered.
pub(super) type Entry = (String, u64);

impl<'m, 'a> Mesh<'m, 'a> {
    pub(super) fn new(
        id: &'m str,
        name: &'m str,
        members: Vec<&'m Member<'a>>,
        several: bool,
        hosted: Option<&'m Hosted<'a>>,
    ) -> Mesh<'m, 'a> {
        let namespaces = members.split_first().and_then(|(first, rest)| {
            let same = rest.iter().all(|member| member.namespaces == first.namespaces);
            (same && !rest.is_empty() && !first.namespaces.is_empty()).then(|| first.namespaces.clone())
        });
        Mesh { id, name, members, several, hosted, namespaces }
    }
}

impl Mesh<'_, '_> {
    pub(super) fn draft(&self, draft: &mut Draft) -> MeshDraft {
        let mut made = MeshDraft::default();
        let mut networks = Networks::of(self);
        if self.hosted.is_none() {
            let remotes = self.members.iter().filter(|member| member.remote);
            networks.primaries = remotes
                .filter_map(|remote| Some((remote.name.clone(), self.primary_of(remote, &networks)?)))
                .collect();
        }
        self.mesh_document(&mut made, &networks, draft);
        for member in &self.members {
            let document = self.cluster(member, &made.mesh, &mut networks, draft);
            made.clusters.insert(member.name.clone(), ClusterDraft::new(document));
        }
        for (id, network) in networks.by_id {
            made.networks.insert(id, network.document);
        }
        made
    }

    /// A release that the manifests could be for, as far as they say it: since 1.23 the chart derives the variable from
    /// `global.externalIstiod` (istio/istio b1f2bdda683), and nobody writes it any more.
    fn possible_release(&self) -> Minor {
        let variable =
            |fact: &Fact| matches!(fact, Fact::IstiodVariable { name } if name == "EXTERNAL_ISTIOD");
        let old = self.members.iter().any(|member| !member.input.stated(|_, fact| variable(fact)).is_empty());
        if old { Minor(1, 22) } else { support::NEWEST }
    }

    /// The API servers that an istiod reads its configuration from.
    fn readers(&self) -> Vec<&Cluster> {
        match self.hosted {
            Some(hosted) => vec![hosted.plane],
            None => self.primaries().into_iter().map(|member| member.input).collect(),
        }
    }

    fn primaries(&self) -> Vec<&&Member<'_>> {
        self.members.iter().filter(|member| !member.remote).collect()
    }

    fn mesh_document(&self, made: &mut MeshDraft, networks: &Networks, draft: &mut Draft) {
        let document = &mut made.mesh;
        let mut spec = &mut document.spec;
        if self.id != self.name {
            spec.insert("meshID".into(), self.id.into());
        }
        let speaks = |member: &&&Member<'_>| match self.hosted {
            Some(_) => !member.istio.is_empty(),
            None => member.plane.is_some(),
        };
        let planes: Vec<&&Member<'_>> = self.members.iter().filter(speaks).collect();
        let unsaid = |member: &&Member<'_>| !member.istio.contains_key("version");
        let hosted_domain = self.hosted.and_then(Hosted::trust_domain);
        let domain = hosted_domain
            .as_ref()
            .or_else(|| most(planes.iter().filter_map(|member| member.trust_domain.value.as_ref())))
            .filter(|domain| TrustDomain::new(domain.as_str()).is_ok());
        if let Some(domain) = domain.filter(|domain| *domain != "cluster.local") {
            spec.insert("trustDomain".into(), domain.as_str().into());
        }
        let aliases = planes.iter().map(|member| &member.aliases).find(|aliases| !aliases.is_empty());
        if let Some(aliases) = aliases {
            spec.insert("trustDomainAliases".into(), aliases.clone().into());
        }
        let mut istio = shared(&planes.iter().map(|member| &member.istio).collect::<Vec<_>>());
        let known: Vec<String> = planes
            .iter()
            .filter_map(|member| member.istio.get("version")?.as_str())
            .map(str::to_owned)
            .collect();
        let silent: Vec<&str> =
            self.members.iter().filter(|member| unsaid(member)).map(|member| member.name.as_str()).collect();
        let mut assumed = None;
        if !istio.contains_key("version") && !silent.is_empty() {
            match most(known.iter()) {
                Some(release) => {
                    let mut with_release = Map::new();
                    with_release.insert("version".into(), release.as_str().into());
                    with_release.extend(istio);
                    istio = with_release;
                    assumed = Some(silent.join(", "));
                }
                None => made.unknown_release = Some(self.possible_release()),
            }
        }
        // The default is not said.
        if istio.get("install").and_then(Json::as_str) == Some(DEFAULT_INSTALL) {
            istio.shift_remove("install");
        }
        if !istio.is_empty() {
            spec.insert("istio".into(), istio.into());
        }
        if let Some(hosted) = self.hosted {
            self.hosted_control_plane(hosted, document, draft);
            spec = &mut document.spec;
        } else if self.members.iter().any(|member| member.remote) {
            let primaries: Vec<&str> = self.primaries().iter().map(|member| member.name.as_str()).collect();
            set(spec, &["controlPlane", "primaryRemote", "primaries"], json!(primaries));
        }
        if networks.mesh_networks {
            spec.insert("gatewayDiscovery".into(), "meshNetworks".into());
        }
        if let Some(delivery) = shared_delivery(&self.members) {
            spec.insert("delivery".into(), delivery);
        }
        let failover = failover::shared(&self.readers());
        if !failover.is_empty() {
            spec.insert("failover".into(), failover.into());
        }
        self.defaults(spec);
        if let Some(namespaces) = self.namespaces.clone() {
            set(spec, &["clusterDefaults", "namespaces"], namespaces.into());
        }
        if let Some(silent) = assumed {
            made.mesh.comment(
                "istio.version",
                format!("the manifests of {silent} do not say their release: that of the others is taken"),
            );
            draft.questions.insert(format!(
                "mesh `{}`: whether `istio.version` is the release of {silent} too",
                self.name
            ));
        }
        self.ask(made, draft);
        for member in &self.members {
            for (choice, path, what) in [
                (&member.mesh_id, "meshID", "mesh ID"),
                (&member.trust_domain, "trustDomain", "trust domain"),
            ] {
                let default = if path == "meshID" { self.id } else { "cluster.local" };
                let chosen = made.mesh.spec.get(path).and_then(Json::as_str).unwrap_or(default).to_owned();
                let chosen = chosen.as_str();
                let own = choice.value.as_ref().filter(|own| *own != chosen);
                let differs = own.map(|own| format!("{own} by the control plane of {}", member.name));
                contradict(
                    &mut made.mesh,
                    draft,
                    path,
                    what,
                    chosen,
                    &member.name,
                    choice.also.iter().chain(&differs),
                );
            }
        }
    }

    /// `spec.controlPlane.hosted`, with what it leaves open.
    fn hosted_control_plane(&self, hosted: &Hosted<'_>, document: &mut Document, draft: &mut Draft) {
        let Some(owner) = hosted.owner(&self.members) else { return };
        let mut left_out = Vec::new();
        let delivery = shared_delivery(&self.members);
        let spec = hosted.spec(owner, delivery.as_ref(), &mut left_out);
        draft.left_out.extend(left_out);
        set(&mut document.spec, &["controlPlane", "hosted"], spec);
        if !hosted.says_owner() {
            document.comment(
                "controlPlane.hosted.cluster",
                format!("the GlobalMesh does not say which cluster hosts it: is it {}?", owner.name),
            );
        }
        if hosted.global_cluster.is_none() {
            document.comment(
                "controlPlane.hosted.mspider.globalCluster",
                "the name that DaoCloud gives the global management cluster: is it called so here?",
            );
        }
    }

    /// What most clusters' gateways of a hosted mesh say, and its GlobalMesh does not.
    fn defaults(&self, spec: &mut Map<String, Json>) {
        let Some(hosted) = self.hosted else { return };
        let has_entry = |member: &&Member<'_>| hosted.of_member(member, &mut Vec::new()).is_some();
        if self.members.iter().all(has_entry) {
            set(spec, &["clusterDefaults", "mspider"], json!({}));
        }
        if hosted.hub().is_some() {
            return;
        }
        let hub =
            spec.get_mut("istio").and_then(Json::as_object_mut).and_then(|istio| istio.shift_remove("hub"));
        if let Some(hub) = hub {
            set(spec, &["clusterDefaults", "istio", "hub"], hub);
        }
    }

    fn ask(&self, made: &mut MeshDraft, draft: &mut Draft) {
        if made.unknown_release.is_some() {
            made.mesh.comment(
                "istio.version",
                "istio.version: which release of Istio? The manifests do not say it.",
            );
            draft.questions.insert(format!("mesh `{}`: `istio.version`, the release of Istio", self.name));
        }
        if self.members.iter().any(|member| member.delivery.get("flux").is_some()) {
            made.mesh.comment(
                "delivery.flux.path",
                "delivery.flux.path: where in its source will Flux find the rendered output? `./` unless said",
            );
        }
        let url = |delivery: &Json| {
            delivery.pointer("/argocd").is_some_and(|argocd| argocd.get("repoURL").is_none())
        };
        if self.members.iter().any(|member| url(&member.delivery)) {
            made.mesh.comment(
                "delivery.argocd.repoURL",
                "delivery.argocd.repoURL: in which Git repository will the rendered output be?",
            );
            draft.questions.insert(format!(
                "mesh `{}`: `delivery.argocd.repoURL`, the repository of the rendered output",
                self.name
            ));
        }
        if let Some(hosted) = self.hosted
            && hosted.control_plane().is_none()
            && let Some(owner) = hosted.owner(&self.members)
        {
            draft.questions.insert(format!(
                "cluster `{}`: `loadBalancer.addresses.controlPlane`, where the other clusters reach the hosted istiod",
                owner.name
            ));
        }
        made.mesh.comment("ca", "ca: who makes the clusters' intermediate certificates (provider: certManager, offline, platform)?");
        draft.questions.insert(format!("mesh `{}`: `ca`, who makes the clusters' certificates", self.name));
    }

    fn cluster(
        &self,
        member: &Member<'_>,
        mesh: &Document,
        networks: &mut Networks,
        draft: &mut Draft,
    ) -> Document {
        let mut document = Document::default();
        let spec = &mut document.spec;
        if self.several {
            spec.insert("mesh".into(), self.name.into());
        }
        let network = network_of(member);
        spec.insert("network".into(), network.as_str().into());
        if member.cluster_id() != member.name && ClusterId::new(member.cluster_id()).is_ok() {
            spec.insert("clusterID".into(), member.cluster_id().into());
        }
        if member.remote
            && self.primaries().len() > 1
            && let Some(primary) = networks.primaries.get(&member.name)
        {
            spec.insert("primary".into(), primary.as_str().into());
        }
        let mut own = own_keys(&member.istio, mesh.spec.get("istio"));
        let usual = mesh.spec.get("istio").and_then(|istio| istio.get("install")).is_none();
        if usual && own.get("install").and_then(Json::as_str) == Some(DEFAULT_INSTALL) {
            own.shift_remove("install");
        }
        if let Some(defaults) = mesh.spec.get("clusterDefaults").and_then(|defaults| defaults.get("istio")) {
            own = own_keys(&own, Some(defaults));
        }
        if !own.is_empty() {
            spec.insert("istio".into(), own.into());
        }
        if let Some(url) = &member.api_server {
            set(spec, &["kubernetes", "apiServer"], url.as_str().into());
        }
        for (key, cidrs) in [("podCIDRs", &member.pod_cidrs), ("serviceCIDRs", &member.service_cidrs)] {
            if !cidrs.is_empty() {
                spec.insert(key.into(), cidrs.clone().into());
            }
        }
        if let Some(hosted) = self.hosted {
            let mut left_out = Vec::new();
            let own = hosted.of_member(member, &mut left_out);
            draft.left_out.extend(left_out);
            let shared = mesh.spec.get("clusterDefaults").is_some_and(|all| all.get("mspider").is_some());
            if let Some(own) = own.filter(|own| !(shared && own.is_empty())) {
                spec.insert("mspider".into(), own.into());
            }
        }
        if !member.namespaces.is_empty() && self.namespaces.is_none() {
            spec.insert("namespaces".into(), member.namespaces.clone().into());
        }
        let mut balancer = member.load_balancer.clone();
        self.gateways(member, networks, spec, &mut balancer);
        self.control_plane_address(member, networks, &mut balancer);
        if !balancer.is_empty() {
            spec.insert("loadBalancer".into(), balancer.into());
        }
        if let Some(delivery) = own_delivery(&member.delivery, mesh.spec.get("delivery")) {
            spec.insert("delivery".into(), delivery);
        }
        self.ask_cluster(member, &mut document, draft);
        for (choice, path, what, chosen) in [
            (&member.network, "network", "network", network.as_str()),
            (&member.id, "clusterID", "cluster ID", member.cluster_id()),
        ] {
            contradict(&mut document, draft, path, what, chosen, &member.name, choice.also.iter());
        }
        document
    }

    fn ask_cluster(&self, member: &Member<'_>, document: &mut Document, draft: &mut Draft) {
        if member.network.value.is_none() {
            document.comment(
                "network",
                format!("the manifests name no network; `{ONLY_NETWORK}` is a name for the only one"),
            );
        }
        if member.api_server.is_none() {
            document.comment(
                "kubernetes.apiServer",
                "kubernetes.apiServer: at which URL do the istiods of other clusters reach the API server?",
            );
        }
        if let Some(hosted) = self.hosted
            && hosted.control_plane().is_none()
            && hosted.owner(&self.members).is_some_and(|owner| owner.name == member.name)
        {
            document.comment(
                "loadBalancer.addresses.controlPlane",
                "loadBalancer.addresses.controlPlane: where do the other clusters reach the hosted istiod?",
            );
        }
        for (key, cidrs) in [("podCIDRs", &member.pod_cidrs), ("serviceCIDRs", &member.service_cidrs)] {
            if cidrs.is_empty() {
                document.comment(key, format!("{key}: which address ranges, so that overlaps are found?"));
            }
        }
        if member.api_server.is_none() || member.pod_cidrs.is_empty() || member.service_cidrs.is_empty() {
            draft.questions.insert(format!(
                "cluster `{}`: `kubernetes.apiServer`, `podCIDRs`, `serviceCIDRs` where they are asked for in its file",
                member.name
            ));
        }
    }

    /// The primary of a remote: the one that its namespace names, the one at whose gateway it reaches istiod, or the first.
    fn primary_of(&self, member: &Member<'_>, networks: &Networks) -> Option<String> {
        let primaries = self.primaries();
        let leading = member.leading.as_deref().map(|text| text.split(',').next().unwrap_or(text).trim());
        let by_leading = || primaries.iter().find(|primary| Some(primary.cluster_id()) == leading);
        let dials = |primary: &&&&Member<'_>| {
            let address = member.control_plane.as_ref();
            let gateways = primary.gateways.iter().filter_map(|gateway| gateway.address.as_ref());
            address.is_some()
                && (gateways.into_iter().any(|a| Some(a) == address) || networks.seen(primary, member))
        };
        let by_network = || {
            let mut same = primaries.iter().filter(|primary| network_of(primary) == network_of(member));
            same.next().filter(|_| same.next().is_none())
        };
        let found = by_leading().or_else(|| primaries.iter().find(dials)).or_else(by_network);
        found.or_else(|| primaries.first()).map(|primary| primary.name.clone())
    }

    /// `eastWestGateways` and the planned address of the first.
    fn gateways(
        &self,
        member: &Member<'_>,
        networks: &Networks,
        spec: &mut Map<String, Json>,
        balancer: &mut Map<String, Json>,
    ) {
        if member.gateways.is_empty() {
            return;
        }
        let mut items = Vec::new();
        for (index, gateway) in member.gateways.iter().enumerate() {
            let mut item = gateway.item.clone();
            let announced = || networks.announced(member).filter(|_| index == 0);
            if let Some(address) = gateway.address.clone().or_else(announced) {
                if index == 0 {
                    set(balancer, &["addresses", "eastWest"], address.into());
                } else {
                    item.insert("address".into(), address.into());
                }
            }
            for (key, value) in &gateway.balancer {
                balancer.entry(key.clone()).or_insert_with(|| value.clone());
            }
            items.push(Json::Object(item));
        }
        let plain = items.len() == 1 && items.iter().all(|item| item.as_object().is_some_and(Map::is_empty));
        // A network's own gateway, and that of a primary that serves others, need not be said.
        let serves = !member.remote && self.members.iter().any(|member| member.remote);
        if !(plain && (networks.by_id.len() > 1 || serves)) {
            spec.insert("eastWestGateways".into(), items.into());
        }
    }

    /// Where remotes reach istiod, when that is not the gateway's own address and no network says it.
    fn control_plane_address(
        &self,
        member: &Member<'_>,
        networks: &Networks,
        balancer: &mut Map<String, Json>,
    ) {
        if member.remote {
            return;
        }
        if let Some(hosted) = self.hosted {
            let owner = hosted.owner(&self.members).is_some_and(|owner| owner.name == member.name);
            let address =
                hosted.control_plane().filter(|address| owner && address.parse::<Address>().is_ok());
            if let Some(address) = address {
                set(balancer, &["addresses", "controlPlane"], address.into());
            }
            return;
        }
        let own = member.gateways.first().and_then(|gateway| gateway.address.as_ref());
        let primaries = self.primaries().len();
        let dialled = self.members.iter().filter(|other| other.remote).find_map(|other| {
            let address = other.control_plane.as_ref()?;
            let mine = primaries == 1 || networks.primaries.get(&other.name) == Some(&member.name);
            let known = Some(address) == own || networks.seen(member, other);
            (mine && !known && address.parse::<Address>().is_ok()).then(|| address.clone())
        });
        if let Some(address) = dialled {
            set(balancer, &["addresses", "controlPlane"], address.into());
        }
    }
}

/// Says beside a value what else is claimed.
fn contradict<'s>(
    document: &mut Document,
    draft: &mut Draft,
    path: &str,
    what: &str,
    chosen: &str,
    cluster: &str,
    also: impl Iterator<Item = &'s String>,
) {
    for other in also {
        document.comment(path, format!("also claimed: {other}"));
        draft.said.insert(other.clone());
        let line = format!("cluster `{cluster}`: {what} `{chosen}`; also claimed: {other}");
        if draft.said.insert(line.clone()) {
            draft.contradictions.push(line);
        }
    }
}
