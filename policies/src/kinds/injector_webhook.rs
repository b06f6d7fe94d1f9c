//! The webhook that injects proxies: which cluster and network they are told (istio/istio@1.31:
//! `pkg/kube/inject/webhook.go`). Kubernetes calls no webhook for webhook configurations.

use super::{Kind, values};
use crate::claim::{At, Claims};

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
            for way in [&["clientConfig", "url"][..], &["clientConfig", "service", "path"]] {
                webhook.with(way, |at| values::injection(at, claims));
            }
        }
    }
}
