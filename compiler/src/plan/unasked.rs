//! Services that something else makes, with planned addresses that nothing rendered asks for: the commands that ask.
//!
//! What another program owns is never rendered, not even in part: it would be created where that program is late.

use meshwright_policies::address::Address;
use meshwright_policies::address_plan::has_pools;
use meshwright_policies::intent::{LoadBalancerProvider, Metallb};
use meshwright_policies::mesh::{Cluster, Mesh};
use meshwright_policies::node::{Node, Value};

use super::markdown::{Page, code, shell, some};
use super::words::{context, host, hosted};
use crate::gateway_service::metallb_prefix;

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
            let annotations: Vec<String> = annotations.iter().map(|one| shell(one)).collect();
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
                let patch = shell(&format!("{{\"spec\":{{\"loadBalancerIP\":\"{ip}\"}}}}"));
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
    if all.is_empty() && idle.is_none() {
        return;
    }
    page.heading(3, "Services that something else makes");
    if !all.is_empty() {
        let maker = if hosted(mesh).is_some() { "The platform makes" } else { "Nothing rendered makes" };
        page.block(&format!(
            "{maker} these Services, so no rendered object asks for their addresses. Without the commands they take whichever \
             address is free, or stay `<pending>` where pools give nothing away. Each is run as soon as its Service is there, \
             and again when it is made anew. MetalLB refuses a Service that has `spec.loadBalancerIP` as well."
        ));
        page.commands(&all.iter().flat_map(Unasked::commands).collect::<Vec<_>>());
        page.block("Then they have them:");
        page.commands(&all.iter().map(Unasked::look).collect::<Vec<_>>());
    }
    if let Some(idle) = idle {
        page.block(&idle);
    }
}

/// The platform's ingress gateways that ask for no address where nothing gives one unasked.
fn idle_ingress(mesh: &Mesh) -> Option<String> {
    hosted(mesh)?;
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
