//! MW5214: ambient istiod of a mesh of several networks knows one only.

use std::collections::BTreeSet;

use crate::claim::{Claim, Claims, Fact};
use crate::declaration::{DeclarationSpec, DeclaredRole};
use crate::fault::{self, Fault};
use crate::finding::{Findings, Place, Rule, Severity};
use crate::kinds::EAST_WEST;
use crate::node::FieldPath;
use crate::policy::Policy;
use crate::repository::{Cluster, Manifest, Repository};
use crate::version::Version;

/// MW5214: ambient istiod of a mesh of several networks knows one only.
pub(super) struct AmbientInOneNetwork;

static RULE: Rule = Rule {
    code: "MW5214",
    name: "ambient-in-one-network",
    severity: Severity::Error,
    title: "ambient istiod of a mesh of several networks knows one only",
    docs: include_str!("../../docs/MW5214.md"),
};

impl Policy for AmbientInOneNetwork {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn judges(&self) -> bool {
        true
    }

    fn judge(&self, declaration: &DeclarationSpec, claims: &Claims, findings: &mut Findings) {
        let others = declaration
            .networks
            .iter()
            .filter(|(id, network)| **id != declaration.network && !network.clusters.is_empty());
        if others.count() == 0 || declaration.control_plane.role != DeclaredRole::Primary {
            return;
        }
        let Some(path) = lacking(claims, Some(&declaration.istio.version)) else { return };
        let set = claims.first(&variable());
        let missing = Claim {
            fact: variable(),
            value: set.map(|claim| claim.value.clone()).unwrap_or_default(),
            path: set.map_or(path, |claim| claim.path.clone()),
            part: false,
        };
        let message = format!("istiod is not told that its ambient mesh has several networks: `{VARIABLE}`");
        let fault =
            Fault::new(&missing, message, format!("set `{VARIABLE}: \"true\"` among istiod's variables"));
        // Sidecars reach other networks all the same.
        fault::judge(&RULE, declaration, claims, [fault.warning()], findings);
    }

    fn compare(&self, repository: &Repository, findings: &mut Findings) {
        let mut told: BTreeSet<(&str, &str)> = BTreeSet::new();
        for mesh in repository.meshes() {
            let networks: BTreeSet<&str> = mesh.iter().filter_map(|cluster| cluster.network()).collect();
            if networks.len() < 2 {
                continue;
            }
            let networks: Vec<String> = networks.iter().map(|network| format!("`{network}`")).collect();
            for cluster in mesh {
                let message = format!(
                    "istiod of {} is not told that its ambient mesh has several networks: {}",
                    cluster.called(),
                    networks.join(", ")
                );
                told.extend(tell(cluster, &message, None, findings));
            }
        }
        // A gateway of that class says by itself that there are several.
        for cluster in repository.clusters.iter().filter(|cluster| !cluster.mixed) {
            let class = FieldPath::parse("spec.gatewayClassName");
            let is_east_west = |subject: &&Manifest| {
                subject.kind == "Gateway"
                    && subject.text("spec.gatewayClassName").as_deref() == Some(EAST_WEST)
            };
            let Some(gateway) = cluster.subjects.iter().find(is_east_west) else { continue };
            if told.contains(&(cluster.scope.as_str(), cluster.name.as_str())) {
                continue;
            }
            let message = format!(
                "istiod of {} does not know the class `{EAST_WEST}`, as long as it is not told that its mesh has several networks",
                cluster.called()
            );
            tell(cluster, &message, Some(gateway.place(&class)), findings);
        }
    }
}

/// Reports the control planes of a cluster that lack the variable; says for which cluster that was.
fn tell<'a>(
    cluster: &'a Cluster,
    message: &str,
    gateway: Option<Place>,
    findings: &mut Findings,
) -> Option<(&'a str, &'a str)> {
    let mut found = None;
    for subject in &cluster.subjects {
        let Some(path) = lacking(&subject.claims, None) else { continue };
        let mut finding = subject
            .finding(&RULE, &path, message)
            .help(format!("set `{VARIABLE}: \"true\"` among istiod's variables"))
            .cluster(&cluster.name);
        if let Some(gateway) = &gateway {
            finding = finding.related(gateway.clone(), "nothing is made of this gateway");
        }
        findings.push(finding);
        found = Some((cluster.scope.as_str(), cluster.name.as_str()));
    }
    found
}

fn variable() -> Fact {
    Fact::IstiodVariable { name: VARIABLE.to_owned() }
}

/// Off unless it is set (istio/istio@1.31: `pilot/pkg/features/ambient.go`).
const VARIABLE: &str = "AMBIENT_ENABLE_MULTI_NETWORK";

/// What the profile `ambient` sets (istio/istio@1.31: `manifests/helm-profiles/ambient.yaml`).
const AMBIENT: &str = "PILOT_ENABLE_AMBIENT";

/// Where an ambient control plane lacks it: its values, or the container of its Deployment. Releases before 1.27 have no
/// multi-network mode to switch on.
fn lacking(claims: &Claims, declared: Option<&Version>) -> Option<FieldPath> {
    let (path, version) = match (&claims.plane, claims.first(&Fact::IstiodImage)) {
        (Some(plane), _) if plane.whole && !plane.is_remote => {
            (plane.path.clone(), plane.version.as_ref().and_then(|text| text.parse::<Version>().ok()))
        }
        (None, Some(image)) => (image.path.clone(), claims.istiod_release()),
        _ => return None,
    };
    let ambient = claims.list.iter().any(|claim| match &claim.fact {
        Fact::Profile => claim.value == "ambient",
        Fact::IstiodVariable { name } => name == AMBIENT && claim.value.eq_ignore_ascii_case("true"),
        _ => false,
    });
    let told = claims.first(&variable()).is_some_and(|claim| claim.value.eq_ignore_ascii_case("true"));
    let version = version.or_else(|| declared.cloned())?;
    (ambient && !told && version.at_least(1, 27, 0)).then_some(path)
}
