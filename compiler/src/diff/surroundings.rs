//! What is around Istio: namespaces, addresses, samples; and policies that are lowered.

use std::collections::BTreeMap;

use meshwright_policies::intent::{AddressPool, Injection, NamespaceSpec, PolicySetting, SettingSeverity};
use meshwright_policies::mesh::{Fleet, Mesh};
use meshwright_policies::names::ObjectName;

use super::Impact::{Changes as Other, Destroys, Disrupts};
use super::keys::keys;
use super::{Changes, Fleets, In, list, moved, text};

/// Keys of a cluster's `spec` that have words of their own, here or in another file.
const KNOWN: &[&str] = &[
    "mesh",
    "network",
    "clusterID",
    "primary",
    "istio",
    "kubernetes.apiServer",
    "kubernetes.version",
    "podCIDRs",
    "serviceCIDRs",
    "locality",
    "loadBalancer.addresses",
    "loadBalancer.metallb.pools",
    "eastWestGateways",
    "remoteAccess.apiServer",
    "namespaces",
    "samples",
];

pub(super) fn compare(fleets: &Fleets<'_>, changes: &mut Changes) {
    for (was, is) in fleets.kept() {
        if was.1.spec == is.1.spec {
            continue;
        }
        namespaces(was, is, changes);
        pools(was, is, changes);
        let (old, new) = (&was.1.spec, &is.1.spec);
        let mut say = |impact, kind, text: Option<String>| {
            text.into_iter().for_each(|text| changes.cluster(is, impact, kind, text));
        };
        let (before, after) = (&old.load_balancer.addresses, &new.load_balancer.addresses);
        let control = (text(before.control_plane.as_ref()), text(after.control_plane.as_ref()));
        say(Disrupts, "control-plane-address", moved("the control plane's address", &control.0, &control.1));
        let ingress = (text(before.ingress.as_ref()), text(after.ingress.as_ref()));
        say(Disrupts, "ingress-address", moved("the ingress gateway's address", &ingress.0, &ingress.1));
        // What has no words of its own is named by its keys, so that nothing changes unsaid.
        let delivery = std::mem::discriminant(&was.1.delivery) != std::mem::discriminant(&is.1.delivery);
        let known: Vec<&str> = KNOWN.iter().copied().chain(delivery.then_some("delivery")).collect();
        let others = keys(old, new, &known).map(|keys| format!("other settings change: {keys}"));
        say(Other, "settings", others);
        say(Other, "samples", (old.samples != new.samples).then(|| "sample applications change".to_owned()));
    }
    policies(fleets, changes);
}

fn namespaces(was: In<'_>, is: In<'_>, changes: &mut Changes) {
    let by_name = |of: In<'_>| -> BTreeMap<ObjectName, NamespaceSpec> {
        of.1.spec.namespaces.iter().map(|namespace| (namespace.name.clone(), namespace.clone())).collect()
    };
    let (before, after) = (by_name(was), by_name(is));
    for name in before.keys().filter(|name| !after.contains_key(*name)) {
        changes.cluster(
            is,
            Destroys,
            "namespace-removed",
            format!("namespace `{name}` is no longer rendered"),
        );
    }
    for (name, new) in &after {
        let Some(old) = before.get(name) else {
            let text = format!("namespace `{name}` is new, with injection {}", injection(new.injection));
            changes.cluster(is, Other, "namespace-added", text);
            continue;
        };
        let what = format!("injection in namespace `{name}`");
        let text = moved(&what, &injection(old.injection), &injection(new.injection));
        text.into_iter().for_each(|text| changes.cluster(is, Disrupts, "injection", text));
        if (&old.labels, &old.annotations) != (&new.labels, &new.annotations) {
            let text = format!("labels or annotations of namespace `{name}` change");
            changes.cluster(is, Other, "namespace-labels", text);
        }
    }
}

fn injection(injection: Injection) -> &'static str {
    match injection {
        Injection::Unset => "unset",
        Injection::Enabled => "enabled",
        Injection::Disabled => "disabled",
    }
}

fn pools(was: In<'_>, is: In<'_>, changes: &mut Changes) {
    let by_name = |of: In<'_>| -> BTreeMap<ObjectName, AddressPool> {
        let pools = of.1.spec.load_balancer.metallb.iter().flat_map(|metallb| &metallb.pools);
        pools.map(|pool| (pool.name.clone(), pool.clone())).collect()
    };
    let (before, after) = (by_name(was), by_name(is));
    for (name, pool) in before.iter().filter(|(name, _)| !after.contains_key(*name)) {
        let text = format!("address pool `{name}` ({}) is removed", list(&pool.addresses));
        changes.cluster(is, Destroys, "pool-removed", text);
    }
    for (name, new) in &after {
        let Some(old) = before.get(name) else {
            let text = format!("address pool `{name}` ({}) is new", list(&new.addresses));
            changes.cluster(is, Other, "pool-added", text);
            continue;
        };
        let what = format!("address pool `{name}`");
        match moved(&what, &list(&old.addresses), &list(&new.addresses)) {
            Some(text) => changes.cluster(is, Disrupts, "pool", text),
            None if old != new => {
                changes.cluster(is, Disrupts, "pool", format!("{what} is announced differently"))
            }
            None => {}
        }
    }
}

/// Settings belong to the repository; they are said of its first mesh.
fn policies(fleets: &Fleets<'_>, changes: &mut Changes) {
    let Some(mesh): Option<&Mesh> = fleets.head.meshes.values().next() else { return };
    let settings =
        |fleet: &Fleet| fleet.settings.iter().map(|(setting, _)| setting.clone()).collect::<Vec<_>>();
    let (before, after) = (settings(fleets.base), settings(fleets.head));
    for setting in after.iter().filter(|setting| !before.contains(setting)) {
        let text =
            format!("policy {}, because `{}`, until {}", lowered(setting), setting.reason, setting.expires);
        changes.mesh(mesh, Other, "policy-lowered", text);
    }
    for setting in before.iter().filter(|setting| !after.contains(setting)) {
        let text = format!("no longer: policy {}, because `{}`", lowered(setting), setting.reason);
        changes.mesh(mesh, Other, "policy-restored", text);
    }
}

/// "`MW2004` is off for `c1`, `c2`".
fn lowered(setting: &PolicySetting) -> String {
    let severity = match setting.severity {
        SettingSeverity::Warning => "is a warning",
        SettingSeverity::Off => "is off",
    };
    let of: Vec<String> =
        setting.clusters.iter().map(ToString::to_string).chain(setting.objects.iter().cloned()).collect();
    let of: Vec<String> = of.iter().map(|name| format!("`{name}`")).collect();
    let of = if of.is_empty() { String::new() } else { format!(" for {}", super::some(&of, 5)) };
    format!("`{}` {severity}{of}", setting.code)
}
