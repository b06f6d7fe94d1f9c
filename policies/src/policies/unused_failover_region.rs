//! MW9004: failover between regions that cannot work.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::finding::{Finding, Findings, Place, Rule, Severity};
use crate::intent::RegionFailover;
use crate::mesh::{Carried, Cluster, Mesh};
use crate::node::{FieldPath, Node};
use crate::policy::Policy;
use crate::suggest::nearest;

/// MW9004: failover between regions that cannot work.
#[derive(Debug)]
pub(super) struct UnusedFailoverRegion;

static RULE: Rule = Rule {
    code: "MW9004",
    name: "unused-failover-region",
    severity: Severity::Error,
    title: "failover between regions that cannot work",
    docs: include_str!("../../docs/MW9004.md"),
};

impl Policy for UnusedFailoverRegion {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn check_mesh(&self, mesh: &Mesh, findings: &mut Findings) {
        let regions: BTreeSet<&str> = mesh.clusters.values().flat_map(regions).collect();
        let unknown = mesh.clusters.values().find(|cluster| regions_unknown(cluster));
        for cluster in mesh.clusters.values() {
            for (setting, path) in locality_settings(cluster) {
                findings.extend(of_mesh_config(cluster, setting, &path, &regions));
                findings.extend(blind(mesh, cluster, setting, &path));
            }
        }
        for (index, failover) in mesh.spec.failover.iter().enumerate() {
            for (pair_index, pair) in failover.regions.iter().enumerate() {
                let path = FieldPath::parse("spec.failover").index(index).key("regions").index(pair_index);
                let place = |key| mesh.written.place(path.clone().key(key));
                if pair.from == pair.to {
                    let message = format!("region `{}` fails over to itself", pair.from);
                    findings.push(RULE.at(place("to"), message).found(&pair.to).help("name another region"));
                    continue;
                }
                for (key, region) in ends(pair) {
                    if !regions.contains(region) {
                        report(&regions, unknown, region, place(key), findings);
                    }
                }
            }
        }
    }
}

/// `localityLbSetting` of the cluster's mesh configuration, and where it is written.
fn locality_settings(cluster: &Cluster) -> impl Iterator<Item = (&Value, FieldPath)> {
    let istio = &cluster.istio;
    let in_values = istio.values.get("meshConfig").and_then(Value::as_object);
    let configs =
        [(Some(&istio.mesh_config), "spec.istio.meshConfig"), (in_values, "spec.istio.values.meshConfig")];
    configs.into_iter().flat_map(|(config, path)| {
        ["localityLbSetting", "locality_lb_setting"]
            .into_iter()
            .filter_map(move |key| Some((config?.get(key)?, FieldPath::parse(path).key(key))))
    })
}

/// Pairs of regions that never match, or that istiod refuses the whole mesh configuration for (istio/istio@1.30.3:
/// `pkg/config/validation/agent/validation.go`, `ValidateMeshConfig`).
fn of_mesh_config(
    cluster: &Cluster,
    setting: &Value,
    path: &FieldPath,
    regions: &BTreeSet<&str>,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    let pairs = setting.get("failover").and_then(Value::as_array).into_iter().flatten().enumerate();
    for (index, pair) in pairs {
        let end = |key: &str| pair.get(key).and_then(Value::as_str).unwrap_or_default();
        let place = |key| cluster.written.place(path.clone().key("failover").index(index).key(key));
        for key in ["from", "to"] {
            let region = end(key);
            let (message, is_refused) = if region.is_empty() {
                continue;
            } else if region.contains(['/', '*']) {
                (format!("`{region}` is not a region: failover knows no zones and no wildcards"), true)
            } else if key == "to" && region == end("from") {
                (format!("region `{region}` fails over to itself"), true)
            } else if regions.is_empty() || regions.contains(region) {
                continue;
            } else {
                (format!("no cluster is in region `{region}`"), false)
            };
            let mut finding = cluster.finding(&RULE, place(key), message).found(region);
            if !is_refused {
                finding.severity = Severity::Warning;
            }
            finding.help = Some(match nearest(region, regions.iter().copied()) {
                Some(near) if !is_refused => format!("did you mean `{near}`?"),
                _ => "name another region, as the clusters' `locality` has it".to_owned(),
            });
            findings.push(finding);
        }
    }
    findings
}

/// Failover that nothing triggers: an endpoint is left only when outlier detection has ejected it.
fn blind(mesh: &Mesh, cluster: &Cluster, setting: &Value, path: &FieldPath) -> Option<Finding> {
    let wants = |key: &str| setting.get(key).and_then(Value::as_array).is_some_and(|list| !list.is_empty());
    let key = ["failover", "failoverPriority", "failover_priority"].into_iter().find(|key| wants(key))?;
    let is_off = setting.get("enabled") == Some(&Value::Bool(false));
    // From 1.31 a default traffic policy of the mesh may have it.
    let by_default = ["defaultTrafficPolicy", "default_traffic_policy"]
        .iter()
        .any(|key| cluster.istio.mesh_config.contains_key(*key));
    if is_off || by_default || !mesh.spec.failover.is_empty() || mesh.clusters.values().any(detects_outliers)
    {
        return None;
    }
    let message =
        format!("nothing that is declared detects outliers, without which `{key}` never takes effect");
    let mut finding = cluster.finding(&RULE, cluster.written.place(path.clone().key(key)), message);
    finding.severity = Severity::Warning;
    Some(finding.help(
        "declare the hosts under the mesh's `failover`, or carry a DestinationRule with `outlierDetection` over; if \
         applications bring their own, lower this code in `PolicyConfig`",
    ))
}

/// Whether a DestinationRule with outlier detection is carried over into the cluster.
fn detects_outliers(cluster: &Cluster) -> bool {
    let text = |node: Option<&Node>| node.and_then(Node::as_str).unwrap_or_default().to_owned();
    let path = FieldPath::parse("spec.trafficPolicy.outlierDetection");
    let mut rules = cluster.carried.iter().flat_map(Carried::objects);
    rules.any(|object| text(object.get("kind")) == "DestinationRule" && object.at(&path).is_some())
}

fn ends(pair: &RegionFailover) -> [(&'static str, &str); 2] {
    [("from", &pair.from), ("to", &pair.to)]
}

/// The regions of the cluster's nodes, as far as they are declared.
fn regions(cluster: &Cluster) -> impl Iterator<Item = &str> {
    let nodes = cluster.spec.nodes.iter().filter_map(|node| node.locality.as_ref());
    cluster.spec.locality.iter().chain(nodes).map(|locality| locality.region.as_str())
}

fn regions_unknown(cluster: &Cluster) -> bool {
    regions(cluster).next().is_none()
}

fn report(
    regions: &BTreeSet<&str>,
    unknown: Option<&Cluster>,
    region: &str,
    place: Place,
    findings: &mut Findings,
) {
    let malformed = region.contains(['/', '*']);
    let message = if malformed {
        format!("`{region}` is not a region: failover knows no zones and no wildcards")
    } else {
        format!("no cluster is in region `{region}`")
    };
    let mut finding = RULE.at(place, message).found(region);
    let cut = region.split('/').next().unwrap_or_default();
    finding.help = Some(match nearest(cut, regions.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None if regions.is_empty() => "declare `locality` of the clusters".to_owned(),
        None => format!(
            "declared regions are {}",
            regions.iter().map(|r| format!("`{r}`")).collect::<Vec<_>>().join(", ")
        ),
    });
    if let Some(cluster) = unknown.filter(|_| !malformed) {
        finding.severity = Severity::Warning;
        finding = finding
            .related(cluster.written.name(), format!("cluster `{}` declares no locality", cluster.name));
    }
    findings.push(finding);
}
