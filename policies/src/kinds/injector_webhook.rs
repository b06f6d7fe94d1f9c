//! The webhook that injects proxies: which cluster and network they are told (istio/istio@1.31:
//! `pkg/kube/inject/webhook.go`). Kubernetes calls no webhook for webhook configurations.

use super::{Kind, values};
use crate::claim::{At, Claims, Subject};

/// The end of the names of its webhooks.
pub(crate) const WEBHOOK: &str = "sidecar-injector.istio.io";

/// `admissionregistration.k8s.io/MutatingWebhookConfiguration`.
pub(super) struct InjectorWebhook;

impl Kind for InjectorWebhook {
    fn group(&self) -> &'static str {
        "admissionregistration.k8s.io"
    }

    fn kind(&self) -> &'static str {
        "MutatingWebhookConfiguration"
    }

    fn plural(&self) -> &'static str {
        "mutatingwebhookconfigurations"
    }

    fn claims(&self, object: &At<'_>, claims: &mut Claims) {
        let Some(webhooks) = object.get("webhooks") else { return };
        for webhook in webhooks.items() {
            let is_istio = is_istio(&webhook);
            for way in [&["clientConfig", "url"][..], &["clientConfig", "service", "path"]] {
                webhook.with(way, |at| {
                    if is_istio || values::names_cluster(at) {
                        values::injection(at, claims);
                    }
                });
            }
            // Of several meshes in one cluster each has its own.
            let namespace = webhook.text_at(&["clientConfig", "service", "namespace"]);
            if let Some(namespace) = namespace.filter(|_| claims.subject == Subject::Here) {
                claims.subject = Subject::Plane(namespace);
            }
        }
        if claims.list.is_empty() {
            claims.subject = Subject::Here;
        }
    }
}

/// By the name that istiod looks for (`pilot/pkg/bootstrap/sidecarinjector.go`, `webhookName`), or by its Service. Other
/// programs inject at `/inject` too.
fn is_istio(webhook: &At<'_>) -> bool {
    let is = |keys: &[&str], fits: fn(&str) -> bool| webhook.text_at(keys).is_some_and(|text| fits(&text));
    is(&["name"], |name| name.ends_with(WEBHOOK))
        || is(&["clientConfig", "service", "name"], |name| name == "istiod" || name.starts_with("istiod-"))
}
