//! MW3016: an API server at a private address in a mesh that is connected over the Internet.

use crate::address::{Address, ApiServer};
use crate::finding::{Finding, Findings, Place, Rule, Severity};
use crate::mesh::{Cluster, EntryPoint, Mesh};
use crate::policy::Policy;

/// An API server at a private address in a mesh that is connected over the Internet.
pub(super) struct PrivateApiServer;

static RULE: Rule = Rule {
    code: "MW3016",
    name: "private-api-server",
    severity: Severity::Warning,
    title: "private API server address among public gateways",
    docs: include_str!("../../docs/MW3016.md"),
};

/// Names by which containers reach the machine that they run on (documentation of Docker Desktop, Podman, minikube, k3d).
const THIS_MACHINE: [&str; 6] = [
    "host.docker.internal",
    "gateway.docker.internal",
    "kubernetes.docker.internal",
    "host.containers.internal",
    "host.minikube.internal",
    "host.k3d.internal",
];

impl Policy for PrivateApiServer {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn check_mesh(&self, mesh: &Mesh, findings: &mut Findings) {
        let public =
            mesh.networks.values().flat_map(|network| &network.entries).find(|entry| is_public(entry));
        for cluster in mesh.clusters.values() {
            let Some((server, place)) = read_at(cluster) else { continue };
            let elsewhere = |reader: &&Cluster| reader.network != cluster.network;
            if is_this_machine(&server.host) {
                let other =
                    |reader: &&Cluster| read_at(reader).is_none_or(|(own, _)| !is_this_machine(&own.host));
                let reader = mesh.readers_of(cluster).find(other);
                findings.extend(reader.map(|reader| of_this_machine(cluster, server, place, reader)));
            } else if let Some(public) = public.filter(|_| server.host.is_private()) {
                let reader = mesh.readers_of(cluster).find(elsewhere);
                findings.extend(reader.map(|reader| private(cluster, server, place, reader, public)));
            }
        }
    }
}

/// The URL at which peers read a cluster, and where it is written.
fn read_at(cluster: &Cluster) -> Option<(&ApiServer, Place)> {
    match (&cluster.spec.remote_access.api_server, &cluster.spec.kubernetes.api_server) {
        (Some(server), _) => Some((server, cluster.written.place("spec.remoteAccess.apiServer"))),
        (None, Some(server)) => Some((server, cluster.written.place("spec.kubernetes.apiServer"))),
        (None, None) => None,
    }
}

fn is_public(entry: &EntryPoint) -> bool {
    let public = |a: &Address| a.ip().is_some() && !a.is_private() && !a.is_local_only();
    entry.address.as_ref().is_some_and(public)
}

fn is_this_machine(host: &Address) -> bool {
    matches!(host, Address::Name(name) if THIS_MACHINE.contains(&name.as_str()))
}

fn of_this_machine(cluster: &Cluster, server: &ApiServer, place: Place, reader: &Cluster) -> Finding {
    let message = format!(
        "istiod in `{}` reads cluster `{}` at `{server}`, which is whatever machine the asking container runs on",
        reader.name, cluster.name
    );
    RULE.at(place, message)
        .cluster(&cluster.name)
        .found(server)
        .related(reader.written.name(), format!("`{}` reads it", reader.name))
        .help(format!(
            "set `remoteAccess.apiServer` of `{}` to the URL by which other machines reach it",
            cluster.name
        ))
}

fn private(
    cluster: &Cluster,
    server: &ApiServer,
    place: Place,
    reader: &Cluster,
    public: &EntryPoint,
) -> Finding {
    let message = format!(
        "istiod in `{}`, on another network, reads cluster `{}` at the private address `{}`, but gateways are reached \
         over the Internet",
        reader.name, cluster.name, server.host
    );
    RULE.at(place, message)
        .cluster(&cluster.name)
        .found(server)
        .related(public.place.clone(), "a public gateway address")
        .help(format!(
            "set `remoteAccess.apiServer` of `{}` to a URL that `{}` reaches, unless there is a private route to `{}`",
            cluster.name, reader.name, server.host
        ))
}
