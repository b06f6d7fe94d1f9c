//! MW1102: object claims another cluster ID.

use crate::claim::{Claim, Claims, Fact};
use crate::declaration::{DeclarationSpec, DeclaredRole};
use crate::finding::{Finding, Findings, Rule, Severity};
use crate::judge::{Declared, contradiction};
use crate::node::{FieldPath, Step};
use crate::policy::Policy;

/// Object claims another cluster ID.
pub(super) struct AnotherClusterId;

static RULE: Rule = Rule {
    code: "MW1102",
    name: "another-cluster-id",
    severity: Severity::Error,
    title: "object claims another cluster ID",
    docs: include_str!("../../docs/MW1102.md"),
};

impl Policy for AnotherClusterId {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn judges(&self) -> bool {
        true
    }

    fn judge(&self, declaration: &DeclarationSpec, claims: &Claims, findings: &mut Findings) {
        for claim in &claims.list {
            let finding = match &claim.fact {
                fact if is_cluster_id(declaration, claims, fact, &claim.path)
                    && !declaration.accepts_cluster_id(&claim.value) =>
                {
                    let id = declaration.cluster.id.as_str();
                    let message = format!("cluster ID `{}` is claimed where `{id}` is declared", claim.value);
                    let declared = Declared { value: id.to_owned(), path: "cluster.id" };
                    contradiction(&RULE, declaration, claims, claim, message, declared)
                }
                Fact::LeadingClusters { namespace } if *namespace == declaration.istio.namespace.as_str() => {
                    let plane = &declaration.control_plane;
                    let leader = match (plane.role, &plane.primary) {
                        (DeclaredRole::Primary, _) => &declaration.cluster.id,
                        (DeclaredRole::Remote, Some(primary)) => &primary.id,
                        _ => continue,
                    };
                    // istiod splits at commas and trims nothing (istio/istio@1.30:
                    // `pilot/pkg/serviceregistry/kube/controller/multicluster.go`).
                    if claim.value.split(',').any(|id| id == "*" || id == leader.as_str()) {
                        continue;
                    }
                    let message = format!(
                        "`{}` may lead this cluster, which `{leader}` is declared to do",
                        claim.value
                    );
                    let declared = Declared { value: leader.to_string(), path: "controlPlane" };
                    contradiction(&RULE, declaration, claims, claim, message, declared)
                }
                _ => continue,
            };
            findings.push(finding);
        }
        if let Some(finding) = without_id(declaration, claims) {
            findings.push(finding);
        }
    }
}

/// An istiod that is told no ID calls its cluster `Kubernetes` (istio/istio@1.30:
/// `manifests/charts/istio-control/istio-discovery/templates/deployment.yaml`).
fn without_id(declaration: &DeclarationSpec, claims: &Claims) -> Option<Finding> {
    let plane = claims.plane.as_ref().filter(|plane| plane.whole && !plane.is_remote)?;
    let system = declaration.istio.namespace.as_str();
    let variable = Fact::IstiodVariable { name: "CLUSTER_ID".to_owned() };
    let says = |fact: &Fact| *fact == Fact::ClusterId || *fact == variable;
    if plane.namespace.as_deref().is_some_and(|namespace| namespace != system)
        || declaration.control_plane.role != DeclaredRole::Primary
        || claims.list.iter().any(|claim| says(&claim.fact))
        || declaration.accepts_cluster_id(DEFAULT_ID)
    {
        return None;
    }
    let id = &declaration.cluster.id;
    let message = format!(
        "istiod is told no cluster ID and will call its cluster `{DEFAULT_ID}`, where `{id}` is declared"
    );
    let default = || DEFAULT_ID.to_owned();
    let said = Claim { fact: Fact::ClusterId, value: default(), path: plane.path.clone(), part: false };
    let declared = Declared { value: id.to_string(), path: "cluster.id" };
    let mut finding = contradiction(&RULE, declaration, claims, &said, message, declared);
    finding.help = Some(format!("set `global.multiCluster.clusterName: {id}` in the values"));
    finding.severity = Severity::Warning;
    Some(finding)
}

/// The ID of a cluster that is given none.
const DEFAULT_ID: &str = "Kubernetes";

/// What gives the cluster's ID. Among the variables in values the chart's own `CLUSTER_ID` comes last (MW1110); that of an
/// istiod in another namespace is another cluster's.
fn is_cluster_id(declaration: &DeclarationSpec, claims: &Claims, fact: &Fact, path: &FieldPath) -> bool {
    match fact {
        Fact::ClusterId | Fact::WorkloadClusterId { .. } => true,
        Fact::IstiodVariable { name } if name == "CLUSTER_ID" => {
            let in_values = path.0.last() == Some(&Step::Key("CLUSTER_ID".to_owned()));
            let plane = claims.plane.as_ref().and_then(|plane| plane.namespace.as_deref());
            let namespace = plane.or(claims.namespace.as_deref());
            !in_values && namespace == Some(declaration.istio.namespace.as_str())
        }
        _ => false,
    }
}
