//! Locality failover of services: `DestinationRule` objects that say no more than the intent can.

use meshwright_policies::node::Node;
use meshwright_policies::repository::{Cluster, Manifest};
use serde_json::{Map, Value as Json, json};

use super::plane::group_of;

/// Outlier detection: the field, what Istio takes where it is missing (istio/api: `networking/v1alpha3/
/// destination_rule.proto`, OutlierDetection), and what the intent does.
const DETECTION: [(&str, &str, &str); 4] = [
    ("consecutive5xxErrors", "5", "5"),
    ("interval", "10s", "30s"),
    ("baseEjectionTime", "30s", "30s"),
    ("maxEjectionPercent", "10", "100"),
];

/// Items of `spec.failover`: what every API server that an istiod reads says alike.
pub(super) fn shared(readers: &[&Cluster]) -> Vec<Json> {
    let Some((first, rest)) = readers.split_first() else { return Vec::new() };
    let items = items(first);
    items.into_iter().filter(|item| rest.iter().all(|other| self::items(other).contains(item))).collect()
}

fn items(cluster: &Cluster) -> Vec<Json> {
    cluster.subjects.iter().filter_map(read).collect()
}

/// The item that a rule stands for, if it is one of failover and of nothing else.
pub(super) fn read(subject: &Manifest) -> Option<Json> {
    if subject.kind != "DestinationRule" || group_of(subject) != "networking.istio.io" {
        return None;
    }
    let spec = subject.document.get("spec")?;
    let host = spec.get("host")?.as_str()?;
    let mut labels = host.split('.');
    let (_, namespace) = (labels.next()?, labels.next()?);
    if host.split('.').nth(2) != Some("svc") || subject.namespace.as_deref() != Some(namespace) {
        return None;
    }
    let policy = only(spec, &["host", "trafficPolicy"])?.get("trafficPolicy")?;
    let policy = only(policy, &["loadBalancer", "outlierDetection"])?;
    let balancer = only(policy.get("loadBalancer")?, &["localityLbSetting"])?;
    let setting = only(balancer.get("localityLbSetting")?, &["enabled", "failover"])?;
    if setting.get("enabled").map(Node::to_json) != Some(Json::Bool(true)) {
        return None;
    }
    let detection = policy.get("outlierDetection")?;
    let detection = only(detection, &DETECTION.map(|(key, ..)| key))?;
    let mut item = Map::new();
    item.insert("host".into(), host.into());
    let mut regions = Vec::new();
    for region in setting.get("failover").into_iter().flat_map(Node::items) {
        let text = |key: &str| only(region, &["from", "to"])?.get(key)?.as_str();
        regions.push(json!({"from": text("from")?, "to": text("to")?}));
    }
    if !regions.is_empty() {
        item.insert("regions".into(), regions.into());
    }
    for (key, of_istio, ours) in DETECTION {
        let value = detection.get(key).map_or_else(|| parsed(of_istio), Node::to_json);
        if value != parsed(ours) {
            item.insert(key.into(), value);
        }
    }
    Some(item.into())
}

/// A map that has no other keys.
fn only<'n>(node: &'n Node, keys: &[&str]) -> Option<&'n Node> {
    node.entries().all(|entry| keys.contains(&entry.key.as_str())).then_some(node)
}

fn parsed(text: &str) -> Json {
    text.parse::<u32>().map_or_else(|_| text.into(), Json::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Sources;

    fn read_one(text: &str) -> Option<Json> {
        let mut sources = Sources::new();
        sources.add("clusters/a/rule.yaml".into(), text.as_bytes().into());
        let (repository, _) = crate::lint::everything(&sources, &[]);
        repository.clusters.iter().flat_map(|cluster| &cluster.subjects).find_map(read)
    }

    #[test]
    fn a_rule_of_failover_alone_is_declared() {
        let rule = |more: &str| {
            format!(
                "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {{name: web, namespace: shop}}\n\
                 spec:\n  host: web.shop.svc.cluster.local\n  trafficPolicy:\n    loadBalancer: {{localityLbSetting: \
                 {{enabled: true, failover: [{{from: a, to: b}}]}}}}\n    outlierDetection: {{interval: 30s}}\n{more}"
            )
        };
        assert_eq!(
            read_one(&rule("")).unwrap(),
            json!({"host": "web.shop.svc.cluster.local", "regions": [{"from": "a", "to": "b"}], "maxEjectionPercent": 10})
        );
        assert_eq!(read_one(&rule("    tls: {mode: DISABLE}\n")), None);
        assert_eq!(read_one(&rule("").replace("namespace: shop", "namespace: other")), None);
    }
}
