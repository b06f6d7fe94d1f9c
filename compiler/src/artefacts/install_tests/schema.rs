//! Every shape, method and version: no value that the chart of that release does not know.

use meshwright_policies::chart_keys::{Chart, unknown_keys};
use meshwright_policies::version::{Minor, Version};
use serde_json::Value;

use super::*;

const VERSIONS: [&str; 9] =
    ["1.15.7", "1.16.7", "1.20.8", "1.21.6", "1.22.8", "1.23.6", "1.24.6", "1.26.8", "1.30.3"];
const CLUSTER: &str = "  loadBalancer:\n    metallb: {pools: [{name: p, addresses: [192.0.2.10-192.0.2.20]}]}\n    \
    addresses: {eastWest: 192.0.2.11}\n  registryMirrors: {docker.io: mirror.example.com}\n";

/// All combinations, each with a name and its version.
fn each(visit: impl Fn(&str, Minor, &Output)) {
    for shape in ["multiPrimary: {}", PRIMARY_REMOTE] {
        for install in ["IstioOperator, appliedBy: istioctl", "Helm", "Sail"] {
            for version in VERSIONS {
                for delivery in ["none: {}", FLUX, ARGOCD] {
                    for discovery in ["labels", "meshNetworks"] {
                        let minor = version.parse::<Version>().unwrap().minor();
                        let istio = format!(
                            "version: \"{version}\", install: {install}, cni: true, revision: canary"
                        );
                        let mesh = format!("  gatewayDiscovery: {discovery}\n");
                        let (istio, mesh) = (istio.as_str(), mesh.as_str());
                        let case = Case { shape, istio, delivery, mesh, ..Case::default() };
                        let out = Case { cluster1: CLUSTER, cluster2: CLUSTER, ..case }.render();
                        visit(&format!("{shape} {istio} {delivery} {discovery}"), minor, &out);
                    }
                }
            }
        }
    }
}

#[test]
fn every_value_is_known_to_its_chart() {
    let check = |case: &str, chart: Chart, minor: Minor, values: &Value| {
        let unknown = unknown_keys(chart, minor, values);
        assert!(unknown.is_empty(), "{case}: {unknown:#?} in {values:#}");
    };
    each(|case, minor, out| {
        for rendered in out.objects().values().flatten() {
            let object = rendered.object.clone().into_json();
            match rendered.object.kind() {
                "HelmRelease" => {
                    let chart =
                        Chart::named(at(&object, "/spec/chart/spec/chart").as_str().unwrap()).unwrap();
                    check(case, chart, minor, at(&object, "/spec/values"));
                }
                "IstioOperator" => check(case, Chart::Operator, minor, at(&object, "/spec/values")),
                // Sail has one type for all releases.
                "Istio" => check(case, Chart::Operator, Minor(1, 30), at(&object, "/spec/values")),
                _ => {}
            }
        }
    });
}

#[test]
fn no_object_is_rendered_twice() {
    each(|case, _, out| {
        for root in out.objects().keys() {
            let mut all = references(out, root);
            let before = all.len();
            all.sort();
            all.dedup();
            assert_eq!(all.len(), before, "{case}: {all:#?}");
        }
    });
}
