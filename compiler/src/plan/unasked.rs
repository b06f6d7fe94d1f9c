//! Services that something else makes, with planned addresses that nothing rendered asks for: the commands that ask.
//!
//! What another program owns is never rendered, not even in part: it would be created where that program is late.

use meshwright_policies::address::{Address, Port};
use meshwright_policies::address_plan::has_pools;
use meshwright_policies::intent::{LoadBalancerProvider, Metallb};
use meshwright_policies::mesh::{Cluster, Gateway, Mesh};
use meshwright_policies::names::Revision;
use meshwright_policies::node::{Node, Value};

use super::istiods::{ExposedIstiod, exposed};
use super::markdown::{Page, code, some};
use super::words::{context, host};
use crate::gateway_service::metallb_prefix;
use crate::shell;

/// The Service of Istio's ingress gateway, by its usual name.
pub(super) const INGRESS: &str = "istio-ingressgateway";

/// A planned address whose Service is not rendered.
pub(super) struct Unasked<'a> {
    cluster: &'a Cluster,
    service: String,
    /// The address.
    pub(super) address: &'a Address,
}

/// Those of a cluster.
pub(super) fn unasked<'a>(mesh: &'a Mesh, cluster: &'a Cluster) -> Vec<Unasked<'a>> {
    let planned = &cluster.spec.load_balancer.addresses;
    let is_host = host(mesh).is_some_and(|host| host.name == cluster.name);
    let istiod = planned.control_plane.as_ref().filter(|_| is_host);
    let istiod = istiod.map(|address| (format!("istiod-{}-hosted-lb", mesh.name), address));
    let of_gateway =
        |address: &&Address| cluster.gateways.iter().any(|g| g.address.as_ref() == Some(*address));
    let ingress = planned.ingress.as_ref().filter(|address| !of_gateway(address));
    let ingress = ingress.map(|address| (INGRESS.to_owned(), address));
    [istiod, ingress]
        .into_iter()
        .flatten()
        .filter(|(_, address)| !is_carried(cluster, address))
        .map(|(service, address)| Unasked { cluster, service, address })
        .collect()
}

/// Whether an object that the cluster carries over asks for the address.
fn is_carried(cluster: &Cluster, address: &Address) -> bool {
    let text = address.to_string();
    cluster.carried.iter().flat_map(|carried| carried.objects()).any(|document| says(document, &text))
}

fn says(node: &Node, text: &str) -> bool {
    match &node.value {
        Value::String(value) => value.split(',').any(|part| part.trim() == text),
        Value::Sequence(items) => items.iter().any(|item| says(item, text)),
        Value::Mapping(entries) => entries.iter().any(|entry| says(&entry.node, text)),
        _ => false,
    }
}

impl Unasked<'_> {
    /// Whether a command can ask for it: a person's own load balancer is told otherwise, and a name comes from a cloud.
    pub(super) fn has_commands(&self) -> bool {
        !self.commands().is_empty()
    }

    fn commands(&self) -> Vec<String> {
        let Some(ip) = self.address.ip() else { return Vec::new() };
        let balancer = &self.cluster.spec.load_balancer;
        let (namespace, service) = (self.cluster.system_namespace(), &self.service);
        let context = context(self.cluster);
        let annotate = |annotations: Vec<String>| {
            let annotations: Vec<String> = annotations.iter().map(|one| shell::word(one)).collect();
            format!(
                "kubectl annotate service -n {namespace} {service} {} --overwrite --context={context}",
                annotations.join(" ")
            )
        };
        match (balancer.effective_provider(), &balancer.metallb) {
            (LoadBalancerProvider::Metallb | LoadBalancerProvider::Manual, Some(metallb)) => {
                vec![annotate(metallb_annotations(metallb, ip))]
            }
            (LoadBalancerProvider::Cloud, _) => {
                let declared: Vec<String> =
                    balancer.annotations.iter().map(|(key, value)| format!("{key}={value}")).collect();
                let patch = shell::word(&format!("{{\"spec\":{{\"loadBalancerIP\":\"{ip}\"}}}}"));
                let patch = format!(
                    "kubectl patch service -n {namespace} {service} --type=merge -p {patch} --context={context}"
                );
                let annotate = (!declared.is_empty()).then(|| annotate(declared));
                annotate.into_iter().chain([patch]).collect()
            }
            _ => Vec::new(),
        }
    }

    fn look(&self) -> String {
        format!(
            "kubectl get service -n {} {} --context={}   # EXTERNAL-IP is {}",
            self.cluster.system_namespace(),
            self.service,
            context(self.cluster),
            self.address
        )
    }
}

fn metallb_annotations(metallb: &Metallb, ip: std::net::IpAddr) -> Vec<String> {
    let prefix = metallb_prefix(metallb);
    let holds = metallb.pools.iter().find(|pool| pool.addresses.iter().any(|range| range.contains(ip)));
    let mut annotations = vec![format!("{prefix}/loadBalancerIPs={ip}")];
    annotations.extend(holds.map(|pool| format!("{prefix}/address-pool={}", pool.name)));
    annotations
}

pub(super) fn section(mesh: &Mesh, page: &mut Page) {
    let all: Vec<Unasked<'_>> = mesh
        .clusters
        .values()
        .flat_map(|cluster| unasked(mesh, cluster))
        .filter(Unasked::has_commands)
        .collect();
    let idle = idle_ingress(mesh);
    let istiods = istiods_beside_gateways(mesh);
    if all.is_empty() && idle.is_none() && istiods.is_empty() {
        return;
    }
    page.heading(3, "Services that something else makes");
    if !all.is_empty() {
        let maker = if mesh.hosted().is_some() { "The platform makes" } else { "Nothing rendered makes" };
        page.block(&format!(
            "{maker} these Services, so no rendered object asks for their addresses. Without the commands they take whichever \
             address is free, or stay `<pending>` where pools give nothing away. Each is run as soon as its Service is there, \
             and again when it is made anew. MetalLB refuses a Service that has `spec.loadBalancerIP` as well."
        ));
        page.commands(&all.iter().flat_map(Unasked::commands).collect::<Vec<_>>());
        page.block("Then they have them:");
        page.commands(&all.iter().map(Unasked::look).collect::<Vec<_>>());
    }
    for istiod in istiods {
        istiod.say(page);
    }
    if let Some(idle) = idle {
        page.block(&idle);
    }
}

/// A primary that serves its remotes at an address that none of its gateways has.
pub(super) struct IstiodBesideGateways<'a> {
    cluster: &'a Cluster,
    address: &'a Address,
}

/// That of a cluster, which [`exposed`] says to serve others.
pub(super) fn beside_gateways<'a>(istiod: &ExposedIstiod<'a>) -> Option<IstiodBesideGateways<'a>> {
    let cluster = istiod.cluster;
    let address = cluster.spec.load_balancer.addresses.control_plane.as_ref()?;
    let has = |gateway: &Gateway| {
        gateway.address.as_ref() == Some(address) || gateway.spec.public_address.as_ref() == Some(address)
    };
    let own = istiod.hosted || cluster.gateways.iter().any(has) || is_carried(cluster, address);
    (!own).then_some(IstiodBesideGateways { cluster, address })
}

fn istiods_beside_gateways(mesh: &Mesh) -> Vec<IstiodBesideGateways<'_>> {
    exposed(mesh).iter().filter_map(beside_gateways).collect()
}

impl IstiodBesideGateways<'_> {
    /// Whether a command makes a Service that asks for the address.
    pub(super) fn has_command(&self) -> bool {
        self.command().is_some()
    }

    /// Behind which gateway istiod is exposed, if the cluster has one.
    fn gateway(&self) -> Option<&Gateway> {
        self.cluster.gateways.first()
    }

    fn say(&self, page: &mut Page) {
        let cluster = code(self.cluster.name.as_str());
        let address = code(&self.address.to_string());
        let behind = match self.gateway() {
            Some(gateway) => {
                let at = gateway.dialled().map(|at| format!(" ({})", code(&at.to_string())));
                format!(
                    "gateway {}{}, which leads on to istiod",
                    code(gateway.name.as_str()),
                    at.unwrap_or_default()
                )
            }
            None => "istiod".to_owned(),
        };
        let what = format!(
            "Remotes reach the istiod of {cluster} at {address}, which is no gateway's. Ports {} and {} there have to end at {behind}",
            Port::XDS,
            Port::WEBHOOK
        );
        match self.command() {
            Some(command) => {
                page.block(&format!("{what}: nothing rendered asks for that address, this Service does."));
                page.commands(&[command]);
            }
            None => page.block(&format!("{what}: by a DNS record, a load balancer by hand or static NAT.")),
        }
    }

    /// Without the network label that the gateway's own Service may have: istiod would count it as one more gateway.
    fn command(&self) -> Option<String> {
        let ip = self.address.ip()?;
        let balancer = &self.cluster.spec.load_balancer;
        let (annotations, field) = match (balancer.effective_provider(), &balancer.metallb) {
            (LoadBalancerProvider::Metallb, Some(metallb)) => (metallb_annotations(metallb, ip), None),
            (LoadBalancerProvider::Cloud, _) => {
                let declared = balancer.annotations.iter().map(|(key, value)| format!("{key}={value}"));
                (declared.collect(), Some(ip))
            }
            _ => return None,
        };
        let mut text = format!("kubectl apply --context={} -f - <<'EOF'\n", context(self.cluster));
        text.push_str("apiVersion: v1\nkind: Service\nmetadata:\n");
        text.push_str(&format!("  name: {FOR_REMOTES}\n  namespace: {}\n", self.cluster.system_namespace()));
        if !annotations.is_empty() {
            text.push_str("  annotations:\n");
        }
        for (key, value) in annotations.iter().filter_map(|one| one.split_once('=')) {
            text.push_str(&format!("    {key}: {}\n", serde_json::Value::from(value)));
        }
        text.push_str("spec:\n  type: LoadBalancer\n");
        if let Some(ip) = field {
            text.push_str(&format!("  loadBalancerIP: \"{ip}\"\n"));
        }
        let selector = match self.gateway() {
            Some(gateway) => format!("{{istio: {}}}", gateway.istio_label()),
            None => {
                let revision = self.cluster.istio.revision.as_ref().map_or("default", Revision::as_str);
                format!("{{app: istiod, istio.io/rev: {revision}}}")
            }
        };
        text.push_str(&format!("  selector: {selector}\n  ports:\n"));
        for (name, port) in [("tls-istiod", Port::XDS), ("tls-webhook", Port::WEBHOOK)] {
            text.push_str(&format!("  - {{name: {name}, port: {port}}}\n"));
        }
        text.push_str("EOF");
        Some(text)
    }
}

/// The Service of such an address.
const FOR_REMOTES: &str = "istiod-for-remotes";

/// The platform's ingress gateways that ask for no address where nothing gives one unasked.
fn idle_ingress(mesh: &Mesh) -> Option<String> {
    mesh.hosted()?;
    let idle = |cluster: &&Cluster| {
        let pools = || cluster.spec.load_balancer.metallb.iter().flat_map(|metallb| &metallb.pools);
        has_pools(cluster)
            && cluster.spec.load_balancer.addresses.ingress.is_none()
            && !pools().any(|pool| pool.auto_assign)
    };
    let idle: Vec<_> = mesh.clusters.values().filter(idle).map(|cluster| &cluster.name).collect();
    (!idle.is_empty()).then(|| {
        format!(
            "The platform's {} of {} asks for no address, none is planned, and the pools give none away unasked: its Service \
             stays `<pending>`, which is right where no user enters. Otherwise plan {}.",
            code(INGRESS),
            some(idle, 12),
            code("loadBalancer.addresses.ingress")
        )
    })
}
