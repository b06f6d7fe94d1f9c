//! From the configuration as it is to the configuration as it should be.

use k8s_openapi::api::admissionregistration::v1::{ValidatingWebhook, ValidatingWebhookConfiguration};
use meshwright_policies::version::Version;

use super::Digests;
use crate::authority::Authority;
use crate::configuration::{FailurePolicy, MESH_WEBHOOK};

/// Annotation with the release that wrote the configuration.
pub const VERSION: &str = "meshwright.dev/version";
/// Annotation of a configuration that is about to be deleted with its program: nobody closes its gate again.
pub const WITHDRAWN: &str = "meshwright.dev/withdrawn";
/// The label by which istiod takes a configuration for its own.
const ISTIOD: &str = "istio.io/rev";

/// Which fields of the configuration are this program's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fields {
    /// All that it generates.
    #[default]
    All,
    /// `caBundle` and `failurePolicy`: the rest is applied by an agent, which has to ignore these.
    Trust,
}

/// What is to be done.
#[derive(Debug)]
pub enum Plan {
    /// It is as it should be.
    Nothing(Box<ValidatingWebhookConfiguration>),
    /// A newer release wrote it, or it is withdrawn.
    Leave(Box<ValidatingWebhookConfiguration>),
    /// It is not there, and others make it.
    Absent,
    /// It is not there.
    Create(Box<ValidatingWebhookConfiguration>),
    /// It is there, and otherwise.
    Replace(Box<ValidatingWebhookConfiguration>),
}

/// Compares what is there with what was generated.
#[must_use]
pub fn plan(
    current: Option<ValidatingWebhookConfiguration>,
    mut desired: ValidatingWebhookConfiguration,
    fields: Fields,
) -> Plan {
    let annotations = desired.metadata.annotations.get_or_insert_default();
    annotations.insert(VERSION.to_owned(), env!("CARGO_PKG_VERSION").to_owned());
    let Some(current) = current else {
        return match fields {
            Fields::All => Plan::Create(Box::new(desired)),
            Fields::Trust => Plan::Absent,
        };
    };
    if is_withdrawn(&current) || fields == Fields::All && newer(&current) {
        return Plan::Leave(Box::new(current));
    }
    keep_authorities(&current, &mut desired);
    let mut wanted = current.clone();
    match fields {
        Fields::All => take_all(&mut wanted, desired),
        Fields::Trust => take_trust(&mut wanted, &desired),
    }
    match wanted == current {
        true => Plan::Nothing(Box::new(current)),
        false => Plan::Replace(Box::new(wanted)),
    }
}

/// Where this program knows no authorities, somebody else publishes them (cert-manager's injector).
fn keep_authorities(current: &ValidatingWebhookConfiguration, desired: &mut ValidatingWebhookConfiguration) {
    for webhook in desired.webhooks.iter_mut().flatten() {
        if webhook.client_config.ca_bundle.is_none() {
            let there = current.webhooks.iter().flatten().find(|there| there.name == webhook.name);
            webhook.client_config.ca_bundle = there.and_then(|there| there.client_config.ca_bundle.clone());
        }
    }
}

/// Labels and annotations of others stay, but for the one by which istiod would take it for its own.
fn take_all(wanted: &mut ValidatingWebhookConfiguration, desired: ValidatingWebhookConfiguration) {
    let labels = wanted.metadata.labels.get_or_insert_default();
    labels.extend(desired.metadata.labels.unwrap_or_default());
    labels.remove(ISTIOD);
    let annotations = wanted.metadata.annotations.get_or_insert_default();
    annotations.extend(desired.metadata.annotations.unwrap_or_default());
    if let Some(owners) = desired.metadata.owner_references {
        wanted.metadata.owner_references = Some(owners);
    }
    wanted.webhooks = desired.webhooks;
}

fn take_trust(wanted: &mut ValidatingWebhookConfiguration, desired: &ValidatingWebhookConfiguration) {
    let generated = desired.webhooks.as_deref().unwrap_or_default();
    for webhook in wanted.webhooks.iter_mut().flatten() {
        let Some(ours) = generated.iter().find(|ours| ours.name == webhook.name) else { continue };
        webhook.client_config.ca_bundle.clone_from(&ours.client_config.ca_bundle);
        webhook.failure_policy.clone_from(&ours.failure_policy);
    }
}

/// The configuration with its gate open, for good.
#[must_use]
pub fn withdrawn(mut current: ValidatingWebhookConfiguration) -> ValidatingWebhookConfiguration {
    for webhook in current.webhooks.iter_mut().flatten() {
        webhook.failure_policy = Some(FailurePolicy::Ignore.as_str().to_owned());
    }
    current.metadata.annotations.get_or_insert_default().insert(WITHDRAWN.to_owned(), "true".to_owned());
    current
}

fn is_withdrawn(current: &ValidatingWebhookConfiguration) -> bool {
    current.metadata.annotations.as_ref().is_some_and(|annotations| annotations.contains_key(WITHDRAWN))
}

fn newer(current: &ValidatingWebhookConfiguration) -> bool {
    let version = |text: &str| text.parse::<Version>().ok().map(|version| version.numbers());
    let theirs = current.metadata.annotations.as_ref().and_then(|annotations| annotations.get(VERSION));
    match (theirs.and_then(|theirs| version(theirs)), version(env!("CARGO_PKG_VERSION"))) {
        (Some(theirs), Some(own)) => theirs > own,
        _ => false,
    }
}

/// What happens when no answer comes about the mesh's own kinds.
#[must_use]
pub fn policy_of(current: &ValidatingWebhookConfiguration) -> FailurePolicy {
    let fails = |webhook: &ValidatingWebhook| {
        webhook.name == MESH_WEBHOOK
            && webhook.failure_policy.as_deref() == Some(FailurePolicy::Fail.as_str())
    };
    match current.webhooks.iter().flatten().any(fails) {
        true => FailurePolicy::Fail,
        false => FailurePolicy::Ignore,
    }
}

/// The authorities that every webhook of the configuration trusts.
#[must_use]
pub fn published(current: &ValidatingWebhookConfiguration) -> Digests {
    let mut all: Option<Digests> = None;
    for webhook in current.webhooks.iter().flatten() {
        let bundle = webhook.client_config.ca_bundle.as_ref().map_or(&[][..], |bundle| &bundle.0);
        let digests: Digests =
            Authority::bundle(bundle).unwrap_or_default().iter().map(|authority| authority.digest).collect();
        all = Some(match all {
            None => digests,
            Some(all) => all.intersection(&digests).copied().collect(),
        });
    }
    all.unwrap_or_default()
}
