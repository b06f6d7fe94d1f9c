//! Annotations by which a cloud's load balancer ends TLS or speaks HTTP. Peers bring TLS of their own to a gateway, whose
//! SNI says where they want to go: what lies between has to hand the bytes through (istio/istio.io#16648).

use crate::claim::{At, Claims, Fact};

const AWS: &str = "service.beta.kubernetes.io/aws-load-balancer-";

/// Annotations whose value alone decides: the annotation, and the values that change nothing.
const BY_VALUE: &[(&str, &[&str])] = &[
    ("service.beta.kubernetes.io/do-loadbalancer-protocol", &["tcp"]),
    ("load-balancer.hetzner.cloud/protocol", &["tcp"]),
    ("loadbalancer.openstack.org/x-forwarded-for", &["false"]),
    ("loadbalancer.openstack.org/default-tls-container-ref", &[]),
];

/// Ports between clusters, by the names and numbers of Istio's guides.
const BETWEEN_CLUSTERS: &[&str] = &["tls", "tls-istiod", "tls-webhook", "15443", "15012", "15017", "15008"];

/// Claims of the annotations of a gateway's Service.
pub(super) fn claims(annotations: &At<'_>, gateway: &str, claims: &mut Claims) {
    let fact = |annotation: &str| Fact::GatewayEndsTls {
        gateway: gateway.to_owned(),
        annotation: annotation.to_owned(),
    };
    for (annotation, harmless) in BY_VALUE {
        let Some(at) = annotations.get(annotation) else { continue };
        if !harmless.contains(&at.text().unwrap_or_default().as_str()) {
            claims.scalar(fact(annotation), Some(at));
        }
    }
    if let Some(annotation) = aws(annotations) {
        claims.scalar(fact(&annotation), annotations.get(&annotation));
    }
}

/// With a certificate, TLS ends at the ports of `ssl-ports`, at all by default; without one, `backend-protocol: http` makes
/// HTTP listeners (kubernetes/cloud-provider-aws: `pkg/providers/v1/aws.go`). Network load balancers know no HTTP.
fn aws(annotations: &At<'_>) -> Option<String> {
    let text = |key: &str| annotations.text_of(&format!("{AWS}{key}")).filter(|text| !text.is_empty());
    if text("ssl-cert").is_some() {
        let ports = text("ssl-ports").unwrap_or_else(|| "*".to_owned());
        let here = |port: &str| port == "*" || BETWEEN_CLUSTERS.contains(&port);
        return ports.split(',').map(str::trim).any(here).then(|| format!("{AWS}ssl-cert"));
    }
    let classic = text("type").is_none_or(|kind| kind == "elb");
    let http = text("backend-protocol").is_some_and(|protocol| protocol.eq_ignore_ascii_case("http"));
    (classic && http).then(|| format!("{AWS}backend-protocol"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn ends_tls(annotations: Value) -> Vec<String> {
        let Value::Object(map) = annotations else { unreachable!() };
        let mut found = Claims::default();
        claims(&At::root(&map), "gw", &mut found);
        found.list.into_iter().map(|claim| format!("{}", claim.path)).collect()
    }

    #[test]
    fn only_what_reaches_ports_between_clusters_counts() {
        let cert = format!("{AWS}ssl-cert");
        let ports = format!("{AWS}ssl-ports");
        let protocol = format!("{AWS}backend-protocol");
        let kind = format!("{AWS}type");
        assert_eq!(ends_tls(json!({&cert: "arn:x"})).len(), 1);
        assert_eq!(ends_tls(json!({&cert: "arn:x", &ports: "443"})), Vec::<String>::new());
        assert_eq!(ends_tls(json!({&cert: "arn:x", &ports: "https, tls"})).len(), 1);
        assert_eq!(ends_tls(json!({&protocol: "http"})).len(), 1);
        assert_eq!(ends_tls(json!({&protocol: "tcp"})), Vec::<String>::new());
        assert_eq!(ends_tls(json!({&protocol: "http", &kind: "nlb"})), Vec::<String>::new());
        assert_eq!(ends_tls(json!({"load-balancer.hetzner.cloud/protocol": "tcp"})), Vec::<String>::new());
        assert_eq!(ends_tls(json!({"load-balancer.hetzner.cloud/protocol": "https"})).len(), 1);
    }
}
