//! Pods, alone and as the template of a Deployment, a StatefulSet or a DaemonSet (istio/istio@1.31:
//! `pilot/pkg/serviceregistry/kube/controller/controller.go`, `pkg/kube/inject/inject.go`).

use super::{Kind, Mark, NETWORK_LABEL, Reach, proxy};
use crate::claim::{At, Claims, Fact, ISTIOD_VARIABLES, SaidBy};
use crate::embedded::PROXY_CONFIG;

/// `v1/Pod`.
pub(super) struct Pod;
/// `apps/Deployment`.
pub(super) struct Deployment;
/// `apps/StatefulSet`.
pub(super) struct StatefulSet;
/// `apps/DaemonSet`.
pub(super) struct DaemonSet;

/// Of workloads, those whose pods say something of themselves, gateways, and the control plane.
const TEMPLATES: &[Mark] = &[
    Mark::PodLabel(NETWORK_LABEL),
    Mark::PodAnnotation(PROXY_CONFIG),
    Mark::Gateway,
    Mark::InSystemNamespace("istiod"),
    Mark::InSystemNamespace("ztunnel"),
];

impl Kind for Pod {
    fn group(&self) -> &'static str {
        ""
    }

    fn kind(&self) -> &'static str {
        "Pod"
    }

    fn plural(&self) -> &'static str {
        "pods"
    }

    fn reach(&self) -> Reach {
        Reach::Lifeline(&[Mark::Label(NETWORK_LABEL), Mark::Annotation(PROXY_CONFIG)])
    }

    // Its status takes new labels and annotations (Kubernetes: `pkg/registry/core/pod/strategy.go`).
    fn subresources(&self) -> &'static [&'static str] {
        &["status"]
    }

    fn claims(&self, object: &At<'_>, claims: &mut Claims) {
        pod(object, &name(object), claims);
    }
}

macro_rules! template {
    ($kind:ident, $name:literal, $plural:literal) => {
        impl Kind for $kind {
            fn group(&self) -> &'static str {
                "apps"
            }

            fn kind(&self) -> &'static str {
                $name
            }

            fn plural(&self) -> &'static str {
                $plural
            }

            fn reach(&self) -> Reach {
                Reach::Lifeline(TEMPLATES)
            }

            fn claims(&self, object: &At<'_>, claims: &mut Claims) {
                let name = name(object);
                object.with(&["spec", "template"], |template| {
                    template.claim(
                        &["metadata", "labels", "istio"],
                        Fact::GatewayLabel { gateway: name.clone() },
                        claims,
                    );
                    pod(template, &name, claims);
                });
            }
        }
    };
}

template!(DaemonSet, "DaemonSet", "daemonsets");
template!(Deployment, "Deployment", "deployments");
template!(StatefulSet, "StatefulSet", "statefulsets");

fn name(object: &At<'_>) -> String {
    object.text_at(&["metadata", "name"]).unwrap_or_default()
}

fn pod(pod: &At<'_>, workload: &str, claims: &mut Claims) {
    pod.claim(&["metadata", "labels", NETWORK_LABEL], Fact::WorkloadNetwork { by: SaidBy::Label }, claims);
    pod.with(&["metadata", "annotations", PROXY_CONFIG], |config| {
        proxy::annotation(config, workload, claims);
    });
    for list in ["initContainers", "containers"] {
        pod.with(&["spec", list], |containers| {
            containers.items().for_each(|at| container(&at, workload, claims));
        });
    }
}

/// istiod's container is `discovery`, that of proxies and of ztunnel `istio-proxy`, where the chart of ztunnel passes
/// other names of variables.
fn container(container: &At<'_>, workload: &str, claims: &mut Claims) {
    let name = container.text_of("name").unwrap_or_default();
    if name == "discovery" {
        flags(container, claims);
        if container.get("envFrom").is_none() {
            claims.scalar(Fact::IstiodImage, container.get("image"));
        }
    }
    let Some(env) = container.get("env") else { return };
    for item in env.items() {
        let variable = item.text_of("name").unwrap_or_default();
        let by = SaidBy::Variable;
        let fact = match variable.as_str() {
            known if name == "discovery" && ISTIOD_VARIABLES.contains(&known) => {
                Some(Fact::IstiodVariable { name: variable })
            }
            "NETWORK" if workload == "ztunnel" => Some(Fact::WorkloadNetwork { by }),
            "CLUSTER_ID" if workload == "ztunnel" => Some(Fact::WorkloadClusterId { by }),
            // Many programs have a variable of that name.
            proxy::TRUST_DOMAIN if name != "istio-proxy" => None,
            other => proxy::fact(other, by, workload),
        };
        if let Some(fact) = fact {
            claims.scalar(fact, item.get("value"));
        }
    }
}

/// istiod's own flag comes before its variable (istio/istio@1.31: `pilot/cmd/pilot-discovery/app/cmd.go`).
fn flags(container: &At<'_>, claims: &mut Claims) {
    const FLAG: &str = "--clusterID";
    let fact = || Fact::IstiodVariable { name: "CLUSTER_ID".to_owned() };
    for list in ["command", "args"] {
        let Some(list) = container.get(list) else { continue };
        let mut items = list.items();
        while let Some(item) = items.next() {
            match item.str().and_then(|text| text.strip_prefix(FLAG)) {
                Some("") => claims.scalar(fact(), items.next()),
                Some(rest) => {
                    if let Some(id) = rest.strip_prefix('=').filter(|id| !id.is_empty()) {
                        claims.add_part(fact(), &item, id);
                    }
                }
                None => {}
            }
        }
    }
}
