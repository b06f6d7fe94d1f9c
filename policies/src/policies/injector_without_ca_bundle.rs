//! MW7116: injection webhook of a running cluster has no CA bundle.

use crate::admission::scope;
use crate::claim::At;
use crate::declaration::{DeclarationSpec, DeclaredRole};
use crate::finding::{Findings, Place, Rule, Severity};
use crate::kinds::{self, INJECTOR_WEBHOOK};
use crate::node::{FieldPath, Span};
use crate::policy::Policy;

/// MW7116: injection webhook of a running cluster has no CA bundle.
pub(super) struct InjectorWithoutCaBundle;

static RULE: Rule = Rule {
    code: "MW7116",
    name: "injector-without-ca-bundle",
    severity: Severity::Warning,
    title: "injection webhook of a running cluster has no CA bundle",
    docs: include_str!("../../docs/MW7116.md"),
};

impl Policy for InjectorWithoutCaBundle {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn audit(&self, declaration: &DeclarationSpec, object: &At<'_>, findings: &mut Findings) {
        let is_webhook = object.str_at(&["kind"]) == Some("MutatingWebhookConfiguration");
        if !is_webhook || !scope::is_of_revision(declaration, object) {
            return;
        }
        let Some(webhooks) = object.get("webhooks") else { return };
        // istiod fills in all of them at once, or none.
        let empty = webhooks.items().find_map(|webhook| {
            (calls_istiod(declaration, &webhook) && !has_bundle(&webhook))
                .then(|| (webhook.path(), webhook.text_of("name").unwrap_or_default()))
        });
        let Some((path, name)) = empty else { return };
        let message = format!(
            "webhook `{name}` has no CA bundle: the API server cannot verify istiod, and no pod gets a proxy"
        );
        let path = path.0.into_iter().chain(FieldPath::parse("clientConfig.caBundle").0).collect();
        findings.push(
            RULE.at(Place { span: Span::NONE, path: FieldPath(path) }, message)
                .help(help(declaration))
                .cluster(&declaration.cluster.name)
                .object(kinds::reference(object)),
        );
    }
}

/// Whether it is one that istiod fills in, and calls istiod by its Service: behind a URL may be a certificate that a public
/// authority signed.
fn calls_istiod(declaration: &DeclarationSpec, webhook: &At<'_>) -> bool {
    let is_injector = webhook.text_of("name").is_some_and(|name| name.ends_with(INJECTOR_WEBHOOK));
    let namespace = webhook.text_at(&["clientConfig", "service", "namespace"]);
    is_injector && namespace.is_some_and(|namespace| namespace == declaration.istio.namespace.as_str())
}

fn has_bundle(webhook: &At<'_>) -> bool {
    webhook.text_at(&["clientConfig", "caBundle"]).is_some_and(|bundle| !bundle.is_empty())
}

/// Whose work it is, and what keeps it from being done.
fn help(declaration: &DeclarationSpec) -> String {
    let plane = &declaration.control_plane;
    match (plane.role, &plane.primary) {
        (DeclaredRole::Remote, Some(primary)) => format!(
            "the istiod of cluster `{}` fills it in once it leads this one: see that it has a remote secret for `{}`, that it \
             runs with `EXTERNAL_ISTIOD`, and that the annotation `topology.istio.io/controlPlaneClusters` of namespace `{}` \
             here names `{}`",
            primary.name, declaration.cluster.id, declaration.istio.namespace, primary.id
        ),
        (DeclaredRole::HostedWorker, Some(host)) => format!(
            "the hosted istiod in cluster `{}` fills it in: see that it runs and reaches this cluster",
            host.name
        ),
        _ => "istiod fills it in: see that it runs, has the label's revision, and may update webhook configurations"
            .to_owned(),
    }
}
