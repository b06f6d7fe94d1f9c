//! Addresses to reserve, who uses each, and from which pool.

use meshwright_policies::address::Address;
use meshwright_policies::intent::{LoadBalancerProvider, ServiceType};
use meshwright_policies::mesh::{Cluster, Gateway, Mesh};

use super::istiods::{ExposedIstiod, exposed};
use super::markdown::{Page, Table, code};
use super::unasked::{INGRESS, beside_gateways, unasked};
use super::words::provider;

pub(super) fn section(mesh: &Mesh, page: &mut Page) {
    page.heading(3, "Addresses to reserve");
    let mut table = Table::new(["Cluster", "Address", "Used by", "From"]);
    let exposed = exposed(mesh);
    for cluster in mesh.clusters.values() {
        let istiod = exposed.iter().find(|istiod| istiod.cluster.name == cluster.name);
        let unasked = unasked(mesh, cluster);
        for (address, user) in users(mesh, cluster, istiod) {
            let (shown, from) = match &address {
                Some(address) => {
                    let commanded = unasked.iter().any(|one| one.address == address && one.has_commands());
                    let by = if commanded { ", by the commands below" } else { "" };
                    (code(&address.to_string()), format!("{}{by}", origin(cluster, address)))
                }
                None => ("not planned".to_owned(), format!("{}, known after installation", given(cluster))),
            };
            table.row([code(cluster.name.as_str()), shown, user, from]);
        }
    }
    if table.len() == 0 {
        page.block("None.");
        return;
    }
    page.block(
        "Each address belongs to one Service. A Service that asks for none could take another's place in the pool, so pools \
         give nothing away unasked unless they say `autoAssign`.",
    );
    let (table, common) = if table.len() > super::words::MANY { table.hoist() } else { (table, Vec::new()) };
    for (head, value) in common {
        page.block(&format!("{head}: {value} for all."));
    }
    page.table(&table);
    pools(mesh, page);
}

fn users(
    mesh: &Mesh,
    cluster: &Cluster,
    istiod: Option<&ExposedIstiod<'_>>,
) -> Vec<(Option<Address>, String)> {
    let planned = &cluster.spec.load_balancer.addresses;
    let namespace = cluster.system_namespace();
    let mut users = Vec::new();
    if let Some(address) = &planned.control_plane {
        let user = match istiod {
            Some(istiod) if istiod.hosted => {
                format!("hosted istiod, Service {}", code(&format!("istiod-{}-hosted-lb", mesh.name)))
            }
            None => "istiod, which serves no other cluster".to_owned(),
            Some(istiod) => match beside_gateways(istiod) {
                Some(beside) if beside.has_command() => {
                    "istiod, for remote clusters, by the command below".to_owned()
                }
                Some(_) => "istiod, for remote clusters, as described below".to_owned(),
                None => "istiod, for remote clusters".to_owned(),
            },
        };
        users.push((Some(address.clone()), user));
    } else if istiod.is_some_and(|istiod| istiod.hosted) {
        users.push((
            None,
            format!("hosted istiod, Service {}", code(&format!("istiod-{}-hosted-lb", mesh.name))),
        ));
    }
    for gateway in &cluster.gateways {
        if gateway.spec.service.kind == ServiceType::LoadBalancer || gateway.address.is_some() {
            let kind = if gateway.is_shared() { "shared gateway" } else { "east-west gateway" };
            let user = format!("{kind}, Service {}", code(&format!("{namespace}/{}", gateway.name)));
            users.push((gateway.address.clone(), user));
        }
        if let Some(address) = &gateway.spec.public_address {
            users.push((
                Some(address.clone()),
                format!("public side of gateway {}", code(gateway.name.as_str())),
            ));
        }
    }
    if let Some(ingress) = &planned.ingress
        && !cluster.gateways.iter().any(|gateway| gateway.address.as_ref() == Some(ingress))
    {
        let service = code(&format!("{namespace}/{INGRESS}"));
        users.push((Some(ingress.clone()), format!("ingress gateway, Service {service}")));
    }
    users
}

fn origin(cluster: &Cluster, address: &Address) -> String {
    let Some(ip) = address.ip() else { return "a DNS name".to_owned() };
    let pools = cluster.spec.load_balancer.metallb.iter().flat_map(|metallb| &metallb.pools);
    let holds = |pool: &&meshwright_policies::intent::AddressPool| {
        pool.addresses.iter().any(|range| range.contains(ip))
    };
    let of =
        |g: &&Gateway| g.address.as_ref() == Some(address) || g.spec.public_address.as_ref() == Some(address);
    let gateway = cluster.gateways.iter().find(of);
    let outside = gateway.filter(|g| g.spec.public_address.as_ref() == Some(address));
    // MetalLB gives addresses to Services of type LoadBalancer only, whatever its pools hold.
    match gateway.filter(|_| outside.is_none()).map(|gateway| gateway.spec.service.kind) {
        Some(ServiceType::NodePort) => return "the nodes' own, by NodePort".to_owned(),
        Some(ServiceType::ClusterIP) => {
            return "something outside the cluster that brings it to the Service".to_owned();
        }
        Some(ServiceType::LoadBalancer) | None => {}
    }
    match pools.into_iter().find(holds) {
        Some(pool) => format!("pool {}", code(pool.name.as_str())),
        None if outside.is_some() => "static NAT or a load balancer by hand".to_owned(),
        None => given(cluster).to_owned(),
    }
}

fn given(cluster: &Cluster) -> &'static str {
    match cluster.spec.load_balancer.effective_provider() {
        LoadBalancerProvider::Manual => "by hand, see Load balancers by hand",
        LoadBalancerProvider::Cloud => "the cloud's load balancer",
        LoadBalancerProvider::Metallb => "MetalLB",
        LoadBalancerProvider::None => provider(cluster),
    }
}

fn pools(mesh: &Mesh, page: &mut Page) {
    let mut table = Table::new(["Cluster", "Pool", "Addresses", "Announced"]);
    for cluster in mesh.clusters.values() {
        let Some(metallb) = &cluster.spec.load_balancer.metallb else { continue };
        for pool in &metallb.pools {
            use meshwright_policies::intent::Advertise;
            let announced = match pool.advertise {
                Advertise::L2 if pool.interfaces.is_empty() => "layer 2".to_owned(),
                Advertise::L2 => format!("layer 2 on {}", super::markdown::codes(&pool.interfaces)),
                Advertise::Bgp => "BGP".to_owned(),
                Advertise::StatusOnly => "no: only written into the Service's status".to_owned(),
            };
            table.row([
                code(cluster.name.as_str()),
                code(pool.name.as_str()),
                super::markdown::codes(&pool.addresses),
                announced,
            ]);
        }
    }
    if table.len() > 0 {
        page.block("Pools of MetalLB:");
        page.table(&table);
    }
}
