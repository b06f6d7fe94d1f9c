//! What lies around Istio: namespaces, MetalLB's pools, and how clusters are built.

use std::collections::BTreeMap;

use meshwright_policies::address::{AddressRange, ApiServer, Cidr};
use meshwright_policies::finding::Findings;
use meshwright_policies::kinds::NETWORK_LABEL;
use meshwright_policies::node::{FieldPath, FileId, Node, Step};
use meshwright_policies::repository::{Cluster, Manifest, Repository, remote_secret_keys};
use meshwright_policies::version::Version;
use serde_json::{Map, Value as Json};

use super::cluster::Member;
use super::node::{set, text, texts};
use super::plane::chart;
use crate::provisioning;
use crate::syntax::{self, Limits};

/// Labels and annotations that an agent, Kubernetes or this program writes.
fn is_own(key: &str) -> bool {
    let prefixes =
        ["kustomize.toolkit.fluxcd.io/", "argocd.argoproj.io/", "kubernetes.io/metadata.name", "kubectl."];
    prefixes.iter().any(|prefix| key.starts_with(prefix))
}

/// Items of `spec.namespaces`.
pub(super) fn namespaces(cluster: &Cluster, system: &str, revision: Option<&str>) -> Vec<Json> {
    let mut items: Vec<Json> = Vec::new();
    for subject in cluster.subjects.iter().filter(|s| s.kind == "Namespace" && !is_flux_itself(s)) {
        let known = items.iter().any(|item| item.get("name").and_then(Json::as_str) == Some(&subject.name));
        let item = namespace(subject, system, revision);
        if !known && (subject.name != system || item.len() > 1) {
            items.push(item.into());
        }
    }
    items
}

fn namespace(subject: &Manifest, system: &str, revision: Option<&str>) -> Map<String, Json> {
    let metadata = |key: &str| texts(subject.document.at(&FieldPath::parse("metadata").key(key)));
    let (mut labels, mut annotations) = (metadata("labels"), metadata("annotations"));
    labels.retain(|key, value| {
        !is_own(key) && (key, value.as_str()) != (&MANAGED.to_owned(), Some("meshwright"))
    });
    annotations.retain(|key, _| !is_own(key));
    let mut item = Map::new();
    item.insert("name".into(), subject.name.as_str().into());
    if subject.name == system {
        labels.shift_remove(NETWORK_LABEL);
        annotations.shift_remove("topology.istio.io/controlPlaneClusters");
    }
    let label = |key: &str| labels.get(key).and_then(Json::as_str);
    let (enabled, pinned) = (label("istio-injection"), label("istio.io/rev"));
    let injection = match (enabled, pinned, revision) {
        (Some("enabled"), None, None) => Some(("istio-injection", "enabled")),
        (Some("disabled"), None, _) => Some(("istio-injection", "disabled")),
        (None, Some(pinned), Some(revision)) if pinned == revision => Some(("istio.io/rev", "enabled")),
        _ => None,
    };
    if let Some((key, injection)) = injection {
        item.insert("injection".into(), injection.into());
        labels.shift_remove(key);
    }
    if !labels.is_empty() {
        item.insert("labels".into(), labels.into());
    }
    if !annotations.is_empty() {
        item.insert("annotations".into(), annotations.into());
    }
    item
}

/// Flux's own controllers and CRDs, which its bootstrap writes and owns.
pub(super) fn is_flux_itself(subject: &Manifest) -> bool {
    let labels = subject.document.at(&"metadata.labels".into());
    labels.and_then(|labels| labels.get("app.kubernetes.io/part-of")).and_then(Node::as_str) == Some("flux")
}

const MANAGED: &str = "app.kubernetes.io/managed-by";
const METALLB_NAMESPACE: &str = "metallb-system";

/// `spec.loadBalancer` without addresses: MetalLB's pools.
pub(super) fn load_balancer(cluster: &Cluster) -> Map<String, Json> {
    let mut balancer = Map::new();
    let pools: Vec<Json> = cluster.subjects.iter().filter_map(|subject| pool(cluster, subject)).collect();
    let installed = cluster.subjects.iter().find(|subject| is_installed_plainly(subject));
    if pools.is_empty() && installed.is_none() {
        return balancer;
    }
    let mut metallb = Map::new();
    if let Some(subject) = installed {
        let path = if subject.kind == "HelmRelease" {
            "spec.chart.spec.version"
        } else {
            "spec.source.targetRevision"
        };
        // A range is no release.
        if let Some(version) = text(&subject.document, path).filter(|text| text.parse::<Version>().is_ok()) {
            metallb.insert("version".into(), version.into());
        }
        metallb.insert("install".into(), true.into());
    }
    let pool_namespace =
        cluster.subjects.iter().find(|s| s.kind == "IPAddressPool").and_then(|s| s.namespace.clone());
    if let Some(namespace) = pool_namespace.filter(|namespace| namespace != METALLB_NAMESPACE) {
        metallb.insert("namespace".into(), namespace.into());
    }
    if !pools.is_empty() {
        metallb.insert("pools".into(), pools.into());
    }
    set(&mut balancer, &["metallb"], metallb.into());
    balancer
}

/// A release of MetalLB's chart with nothing set in it.
pub(super) fn is_installed_plainly(subject: &Manifest) -> bool {
    let values = super::plane::values_path(subject);
    chart(subject).as_deref() == Some("metallb")
        && subject.document.at(&values).is_none_or(|values| values.entries().next().is_none())
}

/// Whether the intent can say what an `IPAddressPool` says.
pub(super) fn is_plain_pool(subject: &Manifest) -> bool {
    let spec = subject.document.get("spec");
    let keys = spec.into_iter().flat_map(Node::entries).map(|entry| entry.key.as_str());
    let ranges = spec.and_then(|spec| spec.get("addresses")).into_iter().flat_map(Node::items);
    subject.kind == "IPAddressPool"
        && keys.into_iter().all(|key| matches!(key, "addresses" | "autoAssign" | "avoidBuggyIPs"))
        && ranges
            .into_iter()
            .all(|range| range.scalar().is_some_and(|text| text.parse::<AddressRange>().is_ok()))
}

fn pool(cluster: &Cluster, subject: &Manifest) -> Option<Json> {
    if !is_plain_pool(subject) {
        return None;
    }
    let spec = subject.document.get("spec")?;
    let addresses: Vec<Json> = spec
        .get("addresses")
        .into_iter()
        .flat_map(Node::items)
        .filter_map(Node::scalar)
        .map(Json::from)
        .collect();
    let mut pool = Map::new();
    pool.insert("name".into(), subject.name.as_str().into());
    pool.insert("addresses".into(), addresses.into());
    // MetalLB's own default is to give addresses to whoever comes first.
    if text(spec, "autoAssign").as_deref() != Some("false") {
        pool.insert("autoAssign".into(), true.into());
    }
    if text(spec, "avoidBuggyIPs").as_deref() == Some("true") {
        pool.insert("avoidBuggyIPs".into(), true.into());
    }
    let announced = cluster.subjects.iter().find(|other| is_plain_advertisement_of(other, &subject.name));
    match announced.map(|advertisement| advertisement.kind.as_str()) {
        None => {
            pool.insert("advertise".into(), "statusOnly".into());
        }
        Some("BGPAdvertisement") => {
            pool.insert("advertise".into(), "bgp".into());
        }
        Some(_) => {
            let interfaces = announced.and_then(|one| one.document.at(&"spec.interfaces".into()));
            let interfaces: Vec<Json> = interfaces
                .into_iter()
                .flat_map(Node::items)
                .filter_map(Node::scalar)
                .map(Json::from)
                .collect();
            if !interfaces.is_empty() {
                pool.insert("interfaces".into(), interfaces.into());
            }
        }
    }
    Some(pool.into())
}

/// An advertisement that announces one pool and says no more than the intent can.
fn is_plain_advertisement_of(subject: &Manifest, pool: &str) -> bool {
    let spec = subject.document.get("spec");
    let pools = spec.and_then(|spec| spec.get("ipAddressPools")).into_iter().flat_map(Node::items);
    let pools: Vec<String> = pools.filter_map(Node::scalar).collect();
    let keys = spec.into_iter().flat_map(Node::entries).map(|entry| entry.key.as_str());
    let plain = |key: &str| match subject.kind.as_str() {
        "L2Advertisement" => matches!(key, "ipAddressPools" | "interfaces"),
        _ => key == "ipAddressPools",
    };
    matches!(subject.kind.as_str(), "L2Advertisement" | "BGPAdvertisement")
        && pools == [pool]
        && keys.into_iter().all(plain)
}

/// Whether a pool of the cluster stands for this advertisement.
pub(super) fn is_taken_advertisement(cluster: &Cluster, subject: &Manifest) -> bool {
    let pools = cluster.subjects.iter().filter(|other| is_plain_pool(other));
    let mut names = pools.map(|pool| pool.name.as_str());
    names.any(|pool| {
        let first = cluster.subjects.iter().find(|other| is_plain_advertisement_of(other, pool));
        first.is_some_and(|first| std::ptr::eq(first, subject))
    })
}

/// Pod and service ranges from kind and kubeadm configurations.
pub(super) fn provisioned(repository: &Repository, members: &mut [Member<'_>]) {
    for cluster in &repository.clusters {
        for subject in &cluster.subjects {
            let Some(built) = provisioning::read(&subject.document, &cluster.name) else { continue };
            let own = |member: &&mut Member<'_>| {
                built.cluster == member.name
                    || built.cluster == member.cluster_id()
                    || built.cluster == member.input.name
            };
            let Some(member) = members.iter_mut().find(own) else { continue };
            let texts =
                |cidrs: Option<&Vec<Cidr>>| cidrs.into_iter().flatten().map(ToString::to_string).collect();
            member.pod_cidrs = texts(built.pods.as_ref().map(|subnets| &subnets.cidrs));
            member.service_cidrs = texts(built.services.as_ref().map(|subnets| &subnets.cidrs));
        }
    }
}

/// URLs of API servers: of Argo CD's destinations, and of the kubeconfigs in remote secrets, of which nothing else is
/// looked at.
pub(super) fn api_servers(repository: &Repository, members: &mut [Member<'_>]) {
    let mut known: BTreeMap<String, String> = BTreeMap::new();
    for subject in repository.clusters.iter().flat_map(|cluster| &cluster.subjects) {
        for (key, path) in remote_secret_keys(subject) {
            let encoded = matches!(path.0.first(), Some(Step::Key(key)) if key == "data");
            let written = subject.document.at(&path).and_then(Node::as_str).unwrap_or_default();
            let text = if encoded { decoded(written) } else { Some(written.as_bytes().to_vec()) };
            let server = text.and_then(|text| server(&text));
            if let Some(server) = server {
                known.entry(key.to_owned()).or_insert(server);
            }
        }
    }
    for member in members {
        let by_secret = known.get(member.cluster_id()).cloned();
        let by_destination = Some(member.input.name.clone()).filter(|name| name.starts_with("https://"));
        let server = by_secret.or(by_destination).filter(|server| server.parse::<ApiServer>().is_ok());
        member.api_server = server;
    }
}

/// `clusters[0].cluster.server` of a kubeconfig.
fn server(kubeconfig: &[u8]) -> Option<String> {
    let read = syntax::load(FileId::NONE, kubeconfig, &Limits::default(), &mut Findings::new());
    text(&read.into_iter().next()?.root, "clusters[0].cluster.server")
}

/// Base64 (RFC 4648, section 4); white space between is nothing.
fn decoded(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let (mut bits, mut count) = (0_u32, 0_u32);
    for symbol in text.bytes().filter(|byte| !byte.is_ascii_whitespace() && *byte != b'=') {
        let value = match symbol {
            b'A'..=b'Z' => symbol - b'A',
            b'a'..=b'z' => symbol - b'a' + 26,
            b'0'..=b'9' => symbol - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = (bits << 6 | u32::from(value)) & 0xffff;
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from(bits >> count & 0xff).ok()?);
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kubeconfig_tells_where_the_api_server_is() {
        let text = "YXBpVmVyc2lvbjogdjEKY2x1c3RlcnM6Ci0gY2x1c3Rlcjoge3NlcnZlcjogImh0dHBzOi8vMTAuMi4wLjEwOjY0NDMifQo=";
        assert_eq!(server(&decoded(text).unwrap()).as_deref(), Some("https://10.2.0.10:6443"));
        assert_eq!(decoded("a-b"), None);
        assert_eq!(decoded("TWE="), Some(b"Ma".to_vec()));
        assert_eq!(server(b"clusters: []"), None);
    }
}
