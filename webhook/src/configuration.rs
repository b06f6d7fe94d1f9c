//! The webhook's configuration: what an API server asks about, generated from the registry that decides.
//!
//! - Rules name the kinds of [`KINDS`], every version of them, and no more.
//! - Namespaces are told apart by `kubernetes.io/metadata.name` alone, which nobody can change: a label of one's own could
//!   be put on a namespace by the very request that should be refused.
//! - What a cluster needs to live is asked about when it carries a mark, and an answer that does not come is no refusal
//!   ([`Reach`]).
//! - It never has the label `istio.io/rev`: istiod puts its own authority and `failurePolicy` into every configuration
//!   that has its revision (istio/istio: `pkg/webhooks/validation/controller/controller.go`).

mod condition;

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::ByteString;
use k8s_openapi::api::admissionregistration::v1::{
    MatchCondition, RuleWithOperations, ServiceReference, ValidatingWebhook, ValidatingWebhookConfiguration,
    WebhookClientConfig,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{
    LabelSelector, LabelSelectorRequirement, ObjectMeta, OwnerReference,
};
use meshwright_policies::declaration::DeclarationSpec;
use meshwright_policies::kinds::{KINDS, Kind, Mark, Reach};
use meshwright_policies::loss;

/// What an API server knows a configuration and its webhooks by.
const SUFFIX: &str = "meshwright.dev";
/// The label that every namespace has, set by the API server.
const NAMESPACE_NAME: &str = "kubernetes.io/metadata.name";
/// The path of reviews.
pub const PATH: &str = "/validate";
/// The webhook of the kinds that are about the mesh alone.
pub const MESH_WEBHOOK: &str = "mesh.meshwright.dev";
/// The system namespace where no declaration says otherwise.
const SYSTEM_NAMESPACE: &str = "istio-system";

/// What an API server does when no answer comes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FailurePolicy {
    /// The request passes.
    #[default]
    Ignore,
    /// The request is refused.
    Fail,
}

impl FailurePolicy {
    /// As the configuration says it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            FailurePolicy::Ignore => "Ignore",
            FailurePolicy::Fail => "Fail",
        }
    }
}

/// Where the API server reaches this program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// By a Service.
    Service {
        /// Its namespace, which is the program's own and never asked about.
        namespace: String,
        /// Its name.
        name: String,
        /// Its port.
        port: u16,
    },
    /// By a URL, without the path.
    Url(String),
}

/// What a configuration is made of, the declarations aside.
#[derive(Clone, Debug)]
pub struct Options {
    /// The configuration's name.
    pub name: String,
    /// Where reviews are sent.
    pub target: Target,
    /// The authorities of the serving certificate, PEM.
    pub authorities: Vec<u8>,
    /// What happens when no answer comes to a question about the mesh's own kinds.
    pub failure_policy: FailurePolicy,
    /// Whether the API server knows `matchConditions`.
    pub conditions: bool,
    /// Namespaces that are never asked about, besides the program's own.
    pub excluded_namespaces: Vec<String>,
    /// How long an API server waits. A decision takes microseconds; what takes longer does not come.
    pub timeout_seconds: u8,
    /// With which the configuration goes: it must not outlive the program it points at.
    pub owner: Option<OwnerReference>,
}

/// Whether an API server of that version knows `matchConditions`: on by default from Kubernetes 1.28, and always from
/// 1.30 (kubernetes/kubernetes: `k8s.io/apiserver/pkg/features/kube_features.go`, `AdmissionWebhookMatchConditions`).
#[must_use]
pub fn knows_conditions(major: u32, minor: u32) -> bool {
    (major, minor) >= (1, 28)
}

/// What declarations say about which objects matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    /// Names of system namespaces.
    pub system_namespaces: BTreeSet<String>,
    /// Names of east-west gateways.
    pub gateways: BTreeSet<String>,
}

impl Scope {
    /// Of the declarations in force.
    #[must_use]
    pub fn of<'a>(declarations: impl IntoIterator<Item = &'a DeclarationSpec>) -> Scope {
        let mut scope = Scope::default();
        for spec in declarations {
            scope.system_namespaces.insert(spec.istio.namespace.to_string());
            scope.gateways.extend(spec.gateways.iter().map(|gateway| gateway.name.to_string()));
        }
        if scope.system_namespaces.is_empty() {
            scope.system_namespaces.insert(SYSTEM_NAMESPACE.to_owned());
        }
        scope
    }
}

/// Generates the configuration.
#[must_use]
pub fn build(options: &Options, scope: &Scope) -> ValidatingWebhookConfiguration {
    let builder = Builder { options, scope };
    let labels = [
        ("app.kubernetes.io/name", "meshwright-webhook"),
        ("app.kubernetes.io/managed-by", "meshwright-webhook"),
    ];
    // AKS edits the namespace selectors of webhooks that do not say this.
    let annotations = [("admissions.enforcer/disabled", "true")];
    let text = |pairs: &[(&str, &str)]| {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect::<BTreeMap<_, _>>()
    };
    ValidatingWebhookConfiguration {
        metadata: ObjectMeta {
            name: Some(options.name.clone()),
            labels: Some(text(&labels)),
            annotations: Some(text(&annotations)),
            owner_references: options.owner.clone().map(|owner| vec![owner]),
            ..ObjectMeta::default()
        },
        webhooks: Some(builder.webhooks()),
    }
}

struct Builder<'a> {
    options: &'a Options,
    scope: &'a Scope,
}

/// Resources of one group, with what is done to them.
type Rules = BTreeMap<(&'static str, Operations), BTreeSet<String>>;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Operations {
    Write,
    WriteAndDelete,
}

impl Operations {
    fn of(kind: &dyn Kind) -> Operations {
        match loss::on_deletion(kind.group(), kind.kind()) {
            true => Operations::WriteAndDelete,
            false => Operations::Write,
        }
    }

    fn names(self) -> Vec<String> {
        let names: &[&str] = match self {
            Operations::Write => &["CREATE", "UPDATE"],
            Operations::WriteAndDelete => &["CREATE", "UPDATE", "DELETE"],
        };
        names.iter().map(|name| (*name).to_owned()).collect()
    }
}

/// A kind and those of its subresources by which what it asserts can change.
fn add(rules: &mut Rules, kind: &dyn Kind, with_subresources: bool) {
    rules.entry((kind.group(), Operations::of(kind))).or_default().insert(kind.plural().to_owned());
    if with_subresources && !kind.subresources().is_empty() {
        // A subresource is not deleted.
        let parts = rules.entry((kind.group(), Operations::Write)).or_default();
        parts.extend(kind.subresources().iter().map(|part| format!("{}/{part}", kind.plural())));
    }
}

impl Builder<'_> {
    fn webhooks(&self) -> Vec<ValidatingWebhook> {
        let mut webhooks = vec![self.mesh()];
        for kind in KINDS {
            match kind.reach() {
                Reach::Every => {}
                Reach::Marked(marks) => webhooks.push(self.marked(*kind, marks)),
                Reach::Lifeline(marks) => webhooks.extend(self.lifeline(*kind, marks)),
                Reach::SystemNamespace(marks) => {
                    webhooks.push(self.system_namespaces(*kind));
                    webhooks.extend(self.lifeline(*kind, marks));
                }
            }
        }
        webhooks
    }

    fn mesh(&self) -> ValidatingWebhook {
        let mut rules = Rules::new();
        for kind in KINDS.iter().filter(|kind| kind.reach() == Reach::Every) {
            add(&mut rules, *kind, true);
        }
        // Declarations that nobody could read, and the proof that questions arrive.
        rules
            .entry((meshwright_policies::intent::GROUP, Operations::Write))
            .or_default()
            .insert("meshdeclarations".to_owned());
        let except = self.excluded();
        self.webhook(MESH_WEBHOOK.to_owned(), &rules, ("NotIn", except), self.options.failure_policy)
    }

    fn marked(&self, kind: &dyn Kind, marks: &[Mark]) -> ValidatingWebhook {
        let mut rules = Rules::new();
        add(&mut rules, kind, true);
        let policy = match self.options.conditions {
            true => self.options.failure_policy,
            // Without a condition, everything of the kind comes here, and with it what mends this program.
            false => FailurePolicy::Ignore,
        };
        let mut webhook = self.webhook(name(kind), &rules, ("NotIn", self.excluded()), policy);
        webhook.match_conditions = self.conditions(marks, !kind.subresources().is_empty());
        webhook
    }

    /// What the cluster lives by: nothing where the API server knows no conditions.
    fn lifeline(&self, kind: &dyn Kind, marks: &[Mark]) -> Option<ValidatingWebhook> {
        let conditions = self.conditions(marks, !kind.subresources().is_empty())?;
        let mut rules = Rules::new();
        add(&mut rules, kind, true);
        let except = ("NotIn", self.excluded());
        let mut webhook = self.webhook(name(kind), &rules, except, FailurePolicy::Ignore);
        webhook.match_conditions = Some(conditions);
        Some(webhook)
    }

    fn system_namespaces(&self, kind: &dyn Kind) -> ValidatingWebhook {
        let mut rules = Rules::new();
        add(&mut rules, kind, false);
        let only = self.scope.system_namespaces.iter().cloned().collect();
        self.webhook(format!("system-namespace.{SUFFIX}"), &rules, ("In", only), self.options.failure_policy)
    }

    /// Namespaces that are not asked about. System namespaces always are.
    fn excluded(&self) -> Vec<String> {
        let own = match &self.options.target {
            Target::Service { namespace, .. } => Some(namespace),
            Target::Url(_) => None,
        };
        let excluded: BTreeSet<&String> = self.options.excluded_namespaces.iter().chain(own).collect();
        excluded.into_iter().filter(|name| !self.scope.system_namespaces.contains(*name)).cloned().collect()
    }

    fn conditions(&self, marks: &[Mark], parts: bool) -> Option<Vec<MatchCondition>> {
        let condition = |name: &str, expression| MatchCondition { name: name.to_owned(), expression };
        let marked = || condition("carries-a-mark", condition::of(marks, self.scope));
        let changed = || condition("is-more-than-a-status", condition::changes_metadata());
        // What fails on fewer requests comes first.
        self.options.conditions.then(|| if parts { vec![changed(), marked()] } else { vec![marked()] })
    }

    fn webhook(
        &self,
        name: String,
        rules: &Rules,
        (operator, namespaces): (&str, Vec<String>),
        policy: FailurePolicy,
    ) -> ValidatingWebhook {
        let rule =
            |((group, operations), resources): (&(&str, Operations), &BTreeSet<String>)| RuleWithOperations {
                api_groups: Some(vec![(*group).to_owned()]),
                api_versions: Some(vec!["*".to_owned()]),
                operations: Some(operations.names()),
                resources: Some(resources.iter().cloned().collect()),
                scope: Some("*".to_owned()),
            };
        let requirement = LabelSelectorRequirement {
            key: NAMESPACE_NAME.to_owned(),
            operator: operator.to_owned(),
            values: Some(namespaces.clone()),
        };
        let selector =
            LabelSelector { match_expressions: Some(vec![requirement]), ..LabelSelector::default() };
        ValidatingWebhook {
            name,
            client_config: self.client_config(),
            rules: Some(rules.iter().map(rule).collect()),
            failure_policy: Some(policy.as_str().to_owned()),
            match_policy: Some("Equivalent".to_owned()),
            // Selectors of everything are what an API server fills in; said here, so that both look alike.
            namespace_selector: Some(if namespaces.is_empty() { LabelSelector::default() } else { selector }),
            object_selector: Some(LabelSelector::default()),
            // Events are sent for denials, and not for dry runs.
            side_effects: "NoneOnDryRun".to_owned(),
            timeout_seconds: Some(i32::from(self.options.timeout_seconds)),
            admission_review_versions: vec!["v1".to_owned()],
            ..ValidatingWebhook::default()
        }
    }

    fn client_config(&self) -> WebhookClientConfig {
        let authorities = &self.options.authorities;
        let ca_bundle = (!authorities.is_empty()).then(|| ByteString(authorities.clone()));
        match &self.options.target {
            Target::Service { namespace, name, port } => WebhookClientConfig {
                ca_bundle,
                service: Some(ServiceReference {
                    namespace: namespace.clone(),
                    name: name.clone(),
                    path: Some(PATH.to_owned()),
                    port: Some(i32::from(*port)),
                }),
                url: None,
            },
            Target::Url(url) => WebhookClientConfig {
                ca_bundle,
                service: None,
                url: Some(format!("{}{PATH}", url.trim_end_matches('/'))),
            },
        }
    }
}

/// `services.core.meshwright.dev`.
fn name(kind: &dyn Kind) -> String {
    let group = if kind.group().is_empty() { "core" } else { kind.group() };
    format!("{}.{group}.{SUFFIX}", kind.plural())
}
