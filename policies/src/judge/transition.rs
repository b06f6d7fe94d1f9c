//! What was declared before a change that is being rolled out is accepted beside what is declared now.
//!
//! Values that a policy compares one by one need no word of their own there: the object is judged by what was declared,
//! too, and a fault that only the present declaration finds is none. Values that belong together (an address and its port,
//! a network and its entries) say in the declaration what was before, and are known to their policies.

use std::collections::BTreeMap;

use crate::claim::Claims;
use crate::declaration::{DeclarationSpec, DeclaredPrevious};
use crate::finding::{Finding, Findings};
use crate::names::ObjectName;
use crate::policy;

/// Takes away what was right before the change.
pub(super) fn accept_earlier(declaration: &DeclarationSpec, claims: &Claims, findings: &mut Findings) {
    // Nothing is copied for an object without a fault.
    if findings.is_empty() {
        return;
    }
    for before in (0..).map_while(|round| earlier(declaration, round)) {
        let mut then = Findings::new();
        for policy in policy::all() {
            policy.judge(&before, claims, &mut then);
        }
        let same = |a: &Finding, b: &Finding| a.rule.code == b.rule.code && a.place.path == b.place.path;
        findings.retain_mut(|finding| then.iter().any(|then| same(then, finding)));
    }
}

/// The declaration before the change. There is a second one, and more, where a gateway or a pool was several things.
fn earlier(now: &DeclarationSpec, round: usize) -> Option<DeclarationSpec> {
    let previous = &now.previous;
    let (gateways, pools) = (
        nth_of_each(&previous.gateways, |gateway| &gateway.name, round),
        nth_of_each(&previous.pools, |pool| &pool.name, round),
    );
    let single = round == 0 && has_single(previous);
    if !single && gateways.is_none() && pools.is_none() {
        return None;
    }
    let mut then = now.clone();
    replace_single(&mut then);
    for gateway in gateways.into_iter().flatten() {
        if let Some(own) = then.gateways.iter_mut().find(|own| own.name == gateway.name) {
            own.clone_from(gateway);
        }
    }
    let mut replaced = Vec::new();
    for pool in pools.into_iter().flatten() {
        match then.pools.iter_mut().find(|own| own.name == pool.name) {
            Some(own) => replaced.push(std::mem::replace(own, pool.clone())),
            None => then.pools.push(pool.clone()),
        }
    }
    // Nobody else may have the addresses of either.
    then.previous.pools.extend(replaced);
    Some(then)
}

/// Of each name the item that is told after `n` others of that name, or the last one; nothing when `n` is beyond all.
fn nth_of_each<T>(all: &[T], name: impl Fn(&T) -> &ObjectName, n: usize) -> Option<Vec<&T>> {
    let mut by_name: BTreeMap<&ObjectName, Vec<&T>> = BTreeMap::new();
    for item in all {
        by_name.entry(name(item)).or_default().push(item);
    }
    by_name.values().any(|items| items.len() > n).then(|| {
        let nth = by_name.values().filter_map(|items| items.get(n).or(items.last()));
        nth.copied().collect()
    })
}

/// Whether there is one of the values that [`replace_single`] puts in their places.
fn has_single(previous: &DeclaredPrevious) -> bool {
    let DeclaredPrevious {
        // Known to their policies.
        network: _,
        cluster_id: _,
        // Lists.
        gateways: _,
        pools: _,
        mesh_id,
        trust_domain,
        root_certificate_sha256,
        primary_id,
        ingress,
        remote_secrets,
    } = previous;
    mesh_id.is_some()
        || trust_domain.is_some()
        || root_certificate_sha256.is_some()
        || primary_id.is_some()
        || ingress.is_some()
        || !remote_secrets.is_empty()
}

fn replace_single(then: &mut DeclarationSpec) {
    let previous = &then.previous;
    if let Some(id) = &previous.mesh_id {
        then.mesh.id.clone_from(id);
    }
    if let Some(domain) = &previous.trust_domain {
        then.mesh.trust_domain.clone_from(domain);
    }
    if let Some(fingerprint) = &previous.root_certificate_sha256 {
        then.mesh.root_certificate_sha256 = Some(fingerprint.clone());
    }
    if let (Some(id), Some(primary)) = (&previous.primary_id, &mut then.control_plane.primary) {
        primary.id.clone_from(id);
    }
    if let Some(address) = &previous.ingress {
        then.addresses.ingress = Some(address.clone());
    }
    for (id, server) in &previous.remote_secrets {
        then.remote_secrets.insert(id.clone(), server.clone());
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::claim::{Claim, Fact};
    use crate::judge::{judge, judge_object};
    use crate::node::FieldPath;

    fn declaration(more: &Value) -> DeclarationSpec {
        let mut spec = json!({
            "mesh": {"name": "demo", "id": "demo", "trustDomain": "cluster.local", "clusterDomain": "cluster.local",
                     "rootCertificateSHA256": "aa"},
            "cluster": {"name": "west", "id": "west"},
            "network": "net-west",
            "controlPlane": {"role": "remote", "primary": {"name": "east", "id": "east"}, "address": "10.1.0.10"},
            "istio": {"version": "1.30.1", "namespace": "istio-system", "install": "Helm", "dataPlane": "sidecar"},
            "pools": [{"name": "web", "namespace": "metallb-system", "addresses": ["10.1.0.32/28"]}],
            "networks": {"net-west": {"clusters": ["west"], "discovery": "labels"}},
        });
        spec["previous"] = more.clone();
        serde_json::from_value(spec).unwrap()
    }

    fn pool(name: &str, range: &str) -> Value {
        json!({"name": name, "namespace": "metallb-system", "addresses": [range]})
    }

    fn faults(declaration: &DeclarationSpec, name: &str, ranges: &[&str]) -> Vec<String> {
        let object = json!({
            "apiVersion": "metallb.io/v1beta1", "kind": "IPAddressPool",
            "metadata": {"name": name, "namespace": "metallb-system"}, "spec": {"addresses": ranges},
        });
        let findings = judge_object(declaration, object.as_object().unwrap());
        findings.iter().map(|finding| finding.place.path.to_string()).collect()
    }

    #[test]
    fn a_pool_may_have_been_several_things() {
        let first = [pool("web", "10.1.0.48/28"), pool("old", "10.1.0.32/28"), pool("web", "10.1.0.64/28")];
        let changing = declaration(&json!({"pools": first}));
        for range in ["10.1.0.32/28", "10.1.0.48/28", "10.1.0.64/28"] {
            assert!(faults(&changing, "web", &[range]).is_empty(), "{range}");
        }
        assert!(faults(&changing, "old", &["10.1.0.32/28"]).is_empty(), "it was called otherwise");
        assert_eq!(faults(&changing, "web", &["10.1.0.48/28", "10.1.0.80/28"]), ["spec.addresses[1]"]);
        assert_eq!(faults(&changing, "web", &["10.1.0.80/28"]), ["spec.addresses", "spec.addresses[0]"]);
        for taken in ["10.1.0.32/28", "10.1.0.48/28", "10.1.0.64/28"] {
            assert_eq!(faults(&changing, "other", &[taken]), ["spec.addresses[0]"], "{taken}");
        }
        assert!(faults(&changing, "other", &["10.1.0.80/28"]).is_empty());
        assert_eq!(faults(&declaration(&json!({})), "web", &["10.1.0.48/28"]).len(), 2);
    }

    fn codes(declaration: &DeclarationSpec, fact: Fact, value: &str) -> Vec<&'static str> {
        let mut claims = Claims { object: "Secret/istio-system/cacerts".to_owned(), ..Claims::default() };
        let path = FieldPath::parse("data");
        claims.list.push(Claim { fact, value: value.to_owned(), path, part: false });
        judge(declaration, &claims).iter().map(|finding| finding.rule.code).collect()
    }

    #[test]
    fn single_values_are_as_before_or_as_now() {
        let root = Fact::RootCertificate { namespace: "istio-system".to_owned() };
        let leader = Fact::LeadingClusters { namespace: "istio-system".to_owned() };
        let changing = declaration(&json!({"rootCertificateSHA256": "bb", "primaryID": "east-old"}));
        let done = declaration(&json!({}));
        for (fact, now, before, other, code) in
            [(&root, "aa", "bb", "cc", "MW7110"), (&leader, "east", "east-old", "north", "MW1102")]
        {
            for (value, changing_says, done_says) in
                [(now, vec![], vec![]), (before, vec![], vec![code]), (other, vec![code], vec![code])]
            {
                assert_eq!(codes(&changing, fact.clone(), value), changing_says, "{value}");
                assert_eq!(codes(&done, fact.clone(), value), done_says, "{value}");
            }
        }
    }
}
