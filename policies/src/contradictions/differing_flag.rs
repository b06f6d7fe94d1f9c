//! MW9253: istiods of one mesh see services of other clusters differently.

use std::collections::{BTreeMap, BTreeSet};

use super::found;
use crate::claim::{Fact, ISTIOD_VARIABLES};
use crate::finding::{Findings, Rule, Severity};
use crate::mesh::{self, Mesh};
use crate::policy::Policy;
use crate::repository::{Cluster, Repository, Stated};

/// MW9253: istiods of one mesh see services of other clusters differently.
pub(super) struct DifferingFlag;

static RULE: Rule = Rule {
    code: "MW9253",
    name: "differing-flag",
    severity: Severity::Warning,
    title: "istiods of one mesh have different flags for multi-cluster services",
    docs: include_str!("../../docs/MW9253.md"),
};

impl Policy for DifferingFlag {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    /// Values that clusters have freely: what the intent declares itself sets no such flag.
    fn check_mesh(&self, mesh: &Mesh, findings: &mut Findings) {
        for flag in ISTIOD_VARIABLES.iter().filter(|name| name.starts_with(FLAGS)) {
            let set = mesh.primaries().find_map(|cluster| Some((cluster, on(cluster, flag)?)));
            let unset = mesh.primaries().find(|cluster| on(cluster, flag).is_none());
            let (Some((cluster, path)), Some(other)) = (set, unset) else { continue };
            let message = format!(
                "`{flag}` is `true` in cluster `{}`, but not in `{}`: the two istiods see other services of each other",
                cluster.name, other.name
            );
            findings.push(
                RULE.at(cluster.written.place(path.as_str()), message)
                    .found("true")
                    .related(
                        other.written.place("spec.istio.values"),
                        format!("it is not set for `{}`", other.name),
                    )
                    .help("set it alike in every cluster that runs istiod, best in the Mesh's `istio.values`")
                    .cluster(&cluster.name),
            );
        }
    }

    fn compare(&self, repository: &Repository, findings: &mut Findings) {
        for mesh in repository.meshes() {
            let own = |cluster: &&Cluster| found::has_control_plane(cluster) && !found::is_remote(cluster);
            judge(&mesh.into_iter().filter(own).collect::<Vec<_>>(), findings);
        }
    }
}

/// How the flags begin.
const FLAGS: &str = "ENABLE_MCS_";

/// Where a flag is switched on. What is below `pilot` is laid over the top (istio/istio@1.30: `templates/zzy_descope_legacy.yaml`).
fn on(cluster: &mesh::Cluster, flag: &str) -> Option<String> {
    let values = &cluster.istio.values;
    let pilot = values.get("pilot").and_then(|pilot| pilot.get("env")).and_then(|env| env.get(flag));
    let (path, value) = match pilot {
        Some(value) => ("spec.istio.values.pilot.env", value),
        None => ("spec.istio.values.env", values.get("env")?.get(flag)?),
    };
    let is_on = value.as_bool() == Some(true) || value.as_str().is_some_and(|text| text == "true");
    is_on.then(|| format!("{path}.{flag}"))
}

fn flags(cluster: &Cluster) -> BTreeMap<&str, Stated<'_>> {
    let stated =
        cluster.stated(|_, fact| matches!(fact, Fact::IstiodVariable { name } if name.starts_with(FLAGS)));
    let named = stated.into_iter().filter_map(|stated| match &stated.claim.fact {
        Fact::IstiodVariable { name } => Some((name.as_str(), stated)),
        _ => None,
    });
    named.collect()
}

/// Told once per flag, at the first cluster that has it on, against the first that has not: off is the default.
fn judge(clusters: &[&Cluster], findings: &mut Findings) {
    let all: Vec<(&Cluster, BTreeMap<&str, Stated<'_>>)> =
        clusters.iter().map(|cluster| (*cluster, flags(cluster))).collect();
    let names: BTreeSet<&str> = all.iter().flat_map(|(_, flags)| flags.keys().copied()).collect();
    for name in names {
        let is_on = |flags: &BTreeMap<&str, Stated<'_>>| {
            flags.get(name).is_some_and(|stated| stated.claim.value == "true")
        };
        let on = all.iter().find(|(_, flags)| is_on(flags));
        let off = all.iter().find(|(_, flags)| !is_on(flags));
        let (Some((set, flags)), Some((other, there))) = (on, off) else { continue };
        let Some(stated) = flags.get(name) else { continue };
        let message = format!(
            "`{name}` is `true` here, but not in {}: the two istiods see other services of each other",
            other.called()
        );
        let mut finding = stated.finding(&RULE, message).found("true");
        if let Some(other) = there.get(name) {
            finding = finding.related(other.place(), "it is set here");
        }
        findings.push(finding.help("set it alike in every istiod of the mesh").cluster(&set.name));
    }
}
