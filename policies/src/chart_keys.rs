//! Which keys Istio's Helm charts know, per minor release: Helm ignores a misspelt value in silence (only the
//! `gateway` chart carries a schema, and only for its top level), so this is the one place where it is noticed.
//!
//! The table is derived from the charts themselves, see `data/README.md`. It names keys, not their types.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::Value;

use crate::node::{FieldPath, Step};
use crate::version::Minor;

/// A chart of Istio, or the typed values of an `IstioOperator`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Chart {
    /// CRDs and cluster-wide objects.
    Base,
    /// The control plane.
    Istiod,
    /// What a remote cluster runs instead of it, up to 1.23; from 1.24 [`Chart::Istiod`] with `profile: remote`.
    IstiodRemote,
    /// A gateway whose proxy is injected.
    Gateway,
    /// The CNI agent.
    Cni,
    /// The node proxy of ambient mode, from 1.18.
    Ztunnel,
    /// The ingress gateway of an `IstioOperator` (`gateways/istio-ingress`).
    IstioIngress,
    /// `spec.values` of an `IstioOperator`, which istioctl reads into a fixed type (`values_types.proto`). The Sail
    /// operator generates its `Istio` type from the same file.
    Operator,
}

impl Chart {
    /// Every chart.
    pub const ALL: [Chart; 8] = [
        Chart::Base,
        Chart::Istiod,
        Chart::IstiodRemote,
        Chart::Gateway,
        Chart::Cni,
        Chart::Ztunnel,
        Chart::IstioIngress,
        Chart::Operator,
    ];

    /// Its name in the chart repository, `istiod`; for [`Chart::Operator`] just `operator`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Chart::Base => "base",
            Chart::Istiod => "istiod",
            Chart::IstiodRemote => "istiod-remote",
            Chart::Gateway => "gateway",
            Chart::Cni => "cni",
            Chart::Ztunnel => "ztunnel",
            Chart::IstioIngress => "istio-ingress",
            Chart::Operator => "operator",
        }
    }

    /// The chart of that name in Istio's chart repository.
    #[must_use]
    pub fn named(name: &str) -> Option<Chart> {
        Chart::ALL.into_iter().find(|chart| *chart != Chart::Operator && chart.name() == name)
    }

    /// First and last release that have the chart. The last of all is the newest release known, so a chart that
    /// reaches it is not withdrawn. `None` only if the table is broken.
    #[must_use]
    pub fn releases(self) -> Option<(Minor, Minor)> {
        TABLE.get(self.name()).and_then(|chart| span(&chart.versions))
    }
}

/// A key that the chart does not know in that release.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct UnknownKey {
    /// Where, from the root of the values.
    pub path: FieldPath,
    /// The full path of the key that was probably meant.
    pub suggestion: Option<FieldPath>,
    /// First and last release in which this very key is known, when it is known in another one.
    pub known_in: Option<(Minor, Minor)>,
}

/// The keys of `values` that the chart does not know, in the order in which they are written.
///
/// A list is one value: what is in it is not looked at. Below an open map (`env`, `labels`, `meshConfig`,
/// `global.meshNetworks`, Kubernetes types) every key is known. A release newer than the table is judged by the newest
/// one that has the chart, an older one by the oldest.
#[must_use]
pub fn unknown_keys(chart: Chart, version: Minor, values: &Value) -> Vec<UnknownKey> {
    TABLE.get(chart.name()).map(|known| known.unknown(version, values, false)).unwrap_or_default()
}

/// The keys of `config` that Istio's mesh configuration does not have in that release, in the order in which they are
/// written. istiod leaves them out in silence (istio/istio@1.30.3: `pkg/util/protomarshal/protomarshal.go`, `ApplyJSON`). It
/// reads a field by either of its names, `accessLogFile` and `access_log_file`, as protobuf's JSON form has it.
///
/// Lists and releases are treated as in [`unknown_keys`].
#[must_use]
pub fn unknown_mesh_config_keys(version: Minor, config: &Value) -> Vec<UnknownKey> {
    MESH_CONFIG.get("meshConfig").map(|known| known.unknown(version, config, true)).unwrap_or_default()
}

/// One known key and those below it.
#[derive(Debug, Default)]
struct Key {
    children: BTreeMap<String, Key>,
    /// Releases in which it is known.
    releases: Ranges,
    /// Releases in which any key below it is known.
    open: Ranges,
}

/// Unbroken runs of releases, first and last included, oldest first.
type Ranges = Vec<(Minor, Minor)>;

#[derive(Debug)]
struct ChartKeys {
    versions: Ranges,
    keys: Key,
}

static TABLE: LazyLock<BTreeMap<String, ChartKeys>> =
    LazyLock::new(|| parse(include_str!("../data/chart-keys.json")).unwrap_or_default());

static MESH_CONFIG: LazyLock<BTreeMap<String, ChartKeys>> =
    LazyLock::new(|| parse(include_str!("../data/mesh-config-keys.json")).unwrap_or_default());

impl ChartKeys {
    fn unknown(&self, version: Minor, values: &Value, is_protobuf: bool) -> Vec<UnknownKey> {
        let mut found = Vec::new();
        if let Some((first, last)) = span(&self.versions) {
            let walk = Walk { root: &self.keys, version: version.clamp(first, last), is_protobuf };
            walk.below(&self.keys, &Here { above: None, key: "" }, values, &mut found);
        }
        found
    }
}

fn parse(text: &str) -> Result<BTreeMap<String, ChartKeys>, serde_json::Error> {
    #[derive(Deserialize)]
    struct File {
        charts: BTreeMap<String, FileChart>,
    }
    #[derive(Deserialize)]
    struct FileChart {
        versions: Vec<String>,
        keys: BTreeMap<String, Vec<String>>,
    }

    let file: File = serde_json::from_str(text)?;
    let charts = file.charts.into_iter().map(|(name, chart)| {
        let mut root = Key::default();
        for (path, releases) in &chart.keys {
            root.learn(path, &ranges(releases));
        }
        (name, ChartKeys { versions: ranges(&chart.versions), keys: root })
    });
    Ok(charts.collect())
}

impl Key {
    /// Adds a dotted path; a last step `*` says that the key before it is an open map.
    fn learn(&mut self, path: &str, releases: &[(Minor, Minor)]) {
        let mut key = self;
        for step in path.split('.') {
            if step == "*" {
                key.open.extend_from_slice(releases);
                return;
            }
            key = key.children.entry(step.to_owned()).or_default();
            key.releases.extend_from_slice(releases);
        }
    }

    fn known_at(&self, version: Minor) -> impl Iterator<Item = (&String, &Key)> {
        self.children.iter().filter(move |(_, key)| has(&key.releases, version))
    }
}

struct Walk<'a> {
    root: &'a Key,
    version: Minor,
    /// Whether a field has its name of the proto file beside that of JSON.
    is_protobuf: bool,
}

/// Where the walk is; the path is built only for what is found.
struct Here<'a> {
    above: Option<&'a Here<'a>>,
    key: &'a str,
}

impl Here<'_> {
    fn path(&self) -> FieldPath {
        match self.above {
            None => FieldPath::root(),
            Some(above) => above.path().key(self.key),
        }
    }
}

impl Walk<'_> {
    fn below(&self, key: &Key, place: &Here<'_>, values: &Value, found: &mut Vec<UnknownKey>) {
        let Value::Object(entries) = values else { return };
        // A key with nothing known below it takes a whole value, whatever it is.
        if has(&key.open, self.version) || key.known_at(self.version).next().is_none() {
            return;
        }
        for (name, value) in entries {
            let here = Here { above: Some(place), key: name };
            let child = key.children.get(name);
            let child = child.or_else(|| key.children.get(&json_name(name)).filter(|_| self.is_protobuf));
            match child {
                Some(child) if has(&child.releases, self.version) => self.below(child, &here, value, found),
                child => {
                    let known_in = child.and_then(|child| span(&child.releases));
                    let suggestion = self.suggest(key, &place.path(), name, known_in.is_some());
                    found.push(UnknownKey { path: here.path(), suggestion, known_in });
                }
            }
        }
    }

    /// A sibling written almost the same (unless the name is right in another release), else the key of that name
    /// elsewhere in the chart that is nearest.
    fn suggest(&self, key: &Key, path: &FieldPath, name: &str, is_a_name: bool) -> Option<FieldPath> {
        let sibling = key
            .known_at(self.version)
            .filter(|_| !is_a_name)
            .filter_map(|(known, _)| distance(known, name).map(|far| (far, known)))
            .min()
            .map(|(_, known)| path.clone().key(known));
        sibling.or_else(|| {
            let mut elsewhere = Vec::new();
            self.find(self.root, &FieldPath::root(), name, &mut elsewhere);
            elsewhere.into_iter().min_by_key(|found| (Reverse(common(found, path)), found.0.len()))
        })
    }

    /// Every known key called `name`, in the order of their paths.
    fn find(&self, key: &Key, path: &FieldPath, name: &str, found: &mut Vec<FieldPath>) {
        for (known, child) in key.known_at(self.version) {
            let here = path.clone().key(known);
            if known.eq_ignore_ascii_case(name) {
                found.push(here);
            } else {
                self.find(child, &here, name, found);
            }
        }
    }
}

/// The name that protobuf's JSON form gives to a field: `access_log_file` is `accessLogFile`.
fn json_name(field: &str) -> String {
    let mut parts = field.split('_');
    let mut name = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let mut letters = part.chars();
        name.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        name.push_str(letters.as_str());
    }
    name
}

/// How far two names are apart, if near enough to be a slip of the pen: one edit in every three characters.
fn distance(known: &str, name: &str) -> Option<usize> {
    let (known, name) = (known.to_ascii_lowercase(), name.to_ascii_lowercase());
    let far = strsim::damerau_levenshtein(&known, &name);
    (far <= known.chars().count().max(name.chars().count()) / 3).then_some(far)
}

/// How many leading steps two paths share.
fn common(a: &FieldPath, b: &FieldPath) -> usize {
    let same = |(a, b): &(&Step, &Step)| a == b;
    a.0.iter().zip(&b.0).take_while(same).count()
}

fn has(ranges: &[(Minor, Minor)], version: Minor) -> bool {
    ranges.iter().any(|(first, last)| (*first..=*last).contains(&version))
}

fn span(ranges: &[(Minor, Minor)]) -> Option<(Minor, Minor)> {
    Some((ranges.iter().map(|r| r.0).min()?, ranges.iter().map(|r| r.1).max()?))
}

/// `["1.15", "1.20", "1.25", "1.31"]`: two runs.
fn ranges(flat: &[String]) -> Ranges {
    let minor = |text: &String| {
        let (major, minor) = text.split_once('.')?;
        Some(Minor(major.parse().ok()?, minor.parse().ok()?))
    };
    let pair = |pair: &[String]| match pair {
        [first, last] => Some((minor(first)?, minor(last)?)),
        _ => None,
    };
    flat.chunks(2).filter_map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const NONE: [&str; 0] = [];

    /// `path -> suggestion (known in)`.
    fn check(chart: Chart, minor: u32, values: Value) -> Vec<String> {
        let line = |unknown: UnknownKey| {
            let suggestion = unknown.suggestion.map_or("?".to_owned(), |path| path.to_string());
            let known = unknown.known_in.map_or(String::new(), |(first, last)| format!(" ({first}-{last})"));
            format!("{} -> {suggestion}{known}", unknown.path)
        };
        unknown_keys(chart, Minor(1, minor), &values).into_iter().map(line).collect()
    }

    #[test]
    fn the_table_parses_and_covers_every_chart() {
        let table = parse(include_str!("../data/chart-keys.json")).unwrap();
        for chart in Chart::ALL {
            let keys = &table[chart.name()];
            assert!(keys.keys.children.len() > 5, "{chart:?}");
            assert_eq!(keys.versions.len(), 1, "{chart:?}");
        }
        assert_eq!(table.len(), Chart::ALL.len());
    }

    #[test]
    fn mesh_configuration_is_known_by_both_names_of_a_field() {
        let check = |minor, config: Value| {
            let line = |unknown: UnknownKey| {
                let near = unknown.suggestion.map_or("?".to_owned(), |path| path.to_string());
                format!("{} -> {near}", unknown.path)
            };
            unknown_mesh_config_keys(Minor(1, minor), &config).into_iter().map(line).collect::<Vec<_>>()
        };
        for minor in [1, 15, 24, 31, 99] {
            let config = json!({
                "enablePrometheusMerge": true, "access_log_file": "/dev/stdout", "meshMTLS": {"minProtocolVersion": "TLSV1_3"},
                "mesh_mTLS": {"min_protocol_version": "TLSV1_3"}, "trustDomain": "t", "rootNamespace": "n",
                "defaultConfig": {"proxyMetadata": {"ANY_name": "x"}, "concurrency": 2, "holdApplicationUntilProxyStarts": true},
                "extensionProviders": [{"anything": {"service": "s"}}],
                "localityLbSetting": {"failover": [{"from": "a", "to": "b"}], "failoverPriority": ["x"]},
                "outboundTrafficPolicy": {"mode": "REGISTRY_ONLY"}, "defaultProviders": {"accessLogging": ["envoy"]},
            });
            assert_eq!(check(minor, config), NONE, "{minor}");
        }
        let slips =
            json!({"enablePrometeusMerge": true, "defaultConfig": {"proxyMetadat": {}, "trustDomain": "t"}});
        assert_eq!(
            check(30, slips),
            [
                "enablePrometeusMerge -> enablePrometheusMerge",
                "defaultConfig.proxyMetadat -> defaultConfig.proxyMetadata",
                "defaultConfig.trustDomain -> trustDomain",
            ]
        );
        assert_eq!(
            check(28, json!({"defaultConfig": {"statsCompression": true}})),
            ["defaultConfig.statsCompression -> ?"]
        );
    }

    #[test]
    fn charts_come_and_go() {
        assert_eq!(Chart::Ztunnel.releases().map(|r| r.0), Some(Minor(1, 18)));
        assert_eq!(Chart::IstiodRemote.releases(), Some((Minor(1, 15), Minor(1, 23))));
        assert!(Chart::Istiod.releases().is_some_and(|r| r.1 >= Minor(1, 31)));
        assert_eq!(Chart::named("istiod-remote"), Some(Chart::IstiodRemote));
        assert_eq!(Chart::named("operator"), None);
    }

    #[test]
    fn documented_multi_cluster_values_are_known_in_every_release() {
        let identity = json!({"meshID": "m", "multiCluster": {"clusterName": "c"}, "network": "n"});
        for minor in 15..=31 {
            let istiod = json!({
                "global": identity, "revision": "r", "pilot": {"env": {"ANY_NAME": "x"}},
                "meshConfig": {"trustDomain": "t", "defaultConfig": {"proxyMetadata": {"A": "b"}}},
            });
            assert_eq!(check(Chart::Istiod, minor, istiod.clone()), NONE, "istiod {minor}");
            assert_eq!(check(Chart::Operator, minor, istiod), NONE, "operator {minor}");
            let base = json!({"defaultRevision": "r", "global": {"externalIstiod": true}});
            assert_eq!(check(Chart::Base, minor, base), NONE, "base {minor}");
            let gateway = json!({
                "name": "g", "networkGateway": "n", "labels": {"topology.istio.io/network": "n"},
                "env": {"ISTIO_META_REQUESTED_NETWORK_VIEW": "n"}, "autoscaling": {"enabled": false},
                "service": {"ports": [{"nodePort": 30000}], "loadBalancerIP": "192.0.2.1",
                            "annotations": {"metallb.io/address-pool": "p"}, "externalTrafficPolicy": "Local"},
            });
            assert_eq!(check(Chart::Gateway, minor, gateway), NONE, "gateway {minor}");
        }
    }

    #[test]
    fn a_remote_cluster_is_configured_where_its_release_says() {
        let mut remote = json!({
            "istiodRemote": {"injectionPath": "/inject/cluster/c/net/n"}, "pilot": {"enabled": false},
            "global": {"configCluster": true, "remotePilotAddress": "192.0.2.1", "network": "n",
                       "multiCluster": {"clusterName": "c"}},
        });
        assert_eq!(check(Chart::IstiodRemote, 15, remote.clone()), NONE);
        assert_eq!(check(Chart::IstiodRemote, 23, remote.clone()), NONE);
        remote["profile"] = json!("remote");
        assert_eq!(check(Chart::Istiod, 24, remote.clone()), NONE);
        assert_eq!(check(Chart::Istiod, 20, remote), ["profile -> ? (1.21-1.31)"]);
    }

    #[test]
    fn slips_of_the_pen_are_named() {
        let values = json!({
            "glbal": {"network": "n"},
            "global": {"meshId": "m", "netwrok": "n", "multicluster": {"clusterName": "c"}},
            "meshConfg": {},
        });
        assert_eq!(
            check(Chart::Istiod, 26, values),
            [
                "glbal -> global",
                "global.meshId -> global.meshID",
                "global.netwrok -> global.network",
                "global.multicluster -> global.multiCluster",
                "meshConfg -> meshConfig",
            ]
        );
    }

    #[test]
    fn keys_in_the_wrong_place_are_named() {
        let istiod = json!({"network": "n", "global": {"clusterName": "c", "env": {"A": "b"}}});
        assert_eq!(
            check(Chart::Istiod, 26, istiod),
            [
                "network -> global.network",
                "global.clusterName -> global.multiCluster.clusterName",
                "global.env -> env",
            ]
        );
        let gateway = json!({"loadBalancerIP": "192.0.2.1", "ports": []});
        assert_eq!(
            check(Chart::Gateway, 26, gateway),
            ["loadBalancerIP -> service.loadBalancerIP", "ports -> service.ports",]
        );
    }

    #[test]
    fn a_key_of_another_release_says_which() {
        let gateway = json!({"networkGatewayPorts": {"tls": {"port": 1}}, "service": {"selectorLabels": {}}});
        assert_eq!(check(Chart::Gateway, 30, gateway.clone()), NONE);
        assert_eq!(
            check(Chart::Gateway, 26, gateway),
            ["networkGatewayPorts -> ? (1.30-1.31)", "service.selectorLabels -> ? (1.27-1.31)",]
        );
        let istiod = json!({"env": {"A": "b"}});
        assert_eq!(check(Chart::Istiod, 24, istiod.clone()), NONE);
        assert_eq!(check(Chart::Istiod, 23, istiod), ["env -> pilot.env (1.24-1.31)"]);
    }

    #[test]
    fn releases_outside_the_table_use_its_nearest() {
        let values = json!({"networkGatewayPorts": {}});
        assert_eq!(check(Chart::Gateway, 99, values.clone()), NONE);
        assert_ne!(check(Chart::Gateway, 3, values), NONE);
        assert_eq!(check(Chart::IstiodRemote, 30, json!({"istiodRemote": {"injectionURL": "u"}})), NONE);
    }

    #[test]
    fn values_of_the_wrong_shape_are_left_to_others() {
        for values in
            [json!(null), json!([1]), json!("x"), json!({"global": 1}), json!({"global": ["network"]})]
        {
            assert_eq!(check(Chart::Istiod, 26, values), NONE);
        }
    }

    #[test]
    fn the_wrapper_of_defaults_is_not_for_users() {
        let values = json!({"_internal_defaults_do_not_set": {"global": {}}, "defaults": {}});
        assert_eq!(unknown_keys(Chart::Istiod, Minor(1, 26), &values).len(), 2);
    }
}
