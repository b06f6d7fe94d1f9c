//! MW5215: an external istiod has another cluster ID than the cluster whose configuration it reads.

use super::found;
use crate::claim::Fact;
use crate::finding::{Findings, Rule, Severity};
use crate::node::{FieldPath, Node};
use crate::policy::Policy;
use crate::repository::{Cluster, Manifest, Repository, Stated};

/// MW5215: an external istiod has another cluster ID than the cluster whose configuration it reads.
pub(super) struct ExternalIstiodId;

static RULE: Rule = Rule {
    code: "MW5215",
    name: "external-istiod-id",
    severity: Severity::Error,
    title: "external istiod has another ID than its configuration cluster",
    docs: include_str!("../../docs/MW5215.md"),
};

impl Policy for ExternalIstiodId {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn compare(&self, repository: &Repository, findings: &mut Findings) {
        for scope in found::scopes(repository) {
            let fleet = found::fleet(repository, scope);
            for cluster in &fleet {
                for subject in cluster.subjects.iter().filter(|subject| is_external(subject)) {
                    judge(cluster, subject, &fleet, findings);
                }
            }
        }
    }
}

/// An istiod that injects nothing in the cluster where it runs (istio/istio.io:
/// `content/en/docs/setup/install/external-controlplane/index.md`): its webhook's configuration is called nothing.
fn is_external(subject: &Manifest) -> bool {
    const VARIABLE: &str = "INJECTION_WEBHOOK_CONFIG_NAME";
    let Some(plane) = subject.claims.plane.as_ref().filter(|plane| !plane.is_remote) else { return false };
    let values = subject.chart_values();
    let values =
        values.iter().find(|at| plane.path.0.starts_with(&at.path.0) || at.path.0.starts_with(&plane.path.0));
    let in_values = values.is_some_and(|at| {
        ["env", "pilot.env"].iter().any(|env| {
            let value = at.values.at(&FieldPath::parse(env).key(VARIABLE));
            value.and_then(Node::as_str).is_some_and(str::is_empty)
        })
    });
    let env = subject.document.at(&"spec.components.pilot.k8s.env".into());
    let in_operator = env.into_iter().flat_map(Node::items).any(|item| {
        let is = |key: &str, text: &str| item.get(key).and_then(Node::as_str) == Some(text);
        is("name", VARIABLE) && is("value", "")
    });
    in_values || in_operator
}

fn judge(cluster: &Cluster, external: &Manifest, fleet: &[&Cluster], findings: &mut Findings) {
    let Some(own) = id(external) else { return };
    let is_read = |subject: &&Manifest| {
        subject.plane == external.plane
            && subject.claims.plane.as_ref().is_some_and(|plane| plane.is_remote)
            && subject.chart_values().iter().any(|at| {
                at.values.at(&"global.configCluster".into()).is_some_and(|node| node.to_json() == true)
            })
    };
    let others = fleet.iter().filter(|other| other.name != cluster.name);
    let read: Vec<&Manifest> = others.flat_map(|other| other.subjects.iter().filter(is_read)).collect();
    // Of several nobody can say which is whose.
    let [config] = read.as_slice() else { return };
    let Some(right) = id(config).filter(|right| right.claim.value != own.claim.value) else { return };
    let (found, right_id) = (&own.claim.value, &right.claim.value);
    let message = format!(
        "the external istiod in namespace `{}` calls itself `{found}`, but reads its configuration from cluster `{right_id}`",
        external.plane
    );
    findings.push(
        external
            .finding(&RULE, &own.claim.path, message)
            .found(found)
            .declared(right_id, right.place(), format!("the configuration cluster is `{right_id}`"))
            .help(format!("set `{}` to `{right_id}`", own.claim.path))
            .cluster(&cluster.name),
    );
}

/// Its cluster ID: the variable of istiod replaces that of the values (`operator/pkg/render`), and stands alone in Helm's.
fn id(subject: &Manifest) -> Option<Stated<'_>> {
    let variable = Fact::IstiodVariable { name: "CLUSTER_ID".to_owned() };
    let of = |fact: &Fact| subject.claims.list.iter().find(|claim| claim.fact == *fact);
    let in_operator = of(&variable).filter(|_| subject.kind == "IstioOperator");
    let claim = in_operator.or_else(|| of(&Fact::ClusterId)).or_else(|| of(&variable))?;
    Some(Stated { subject, claim })
}
