//! MW5219: a cluster that dials another one's istiod installs one of its own.

use crate::claim::{Claims, Fact, Plane};
use crate::finding::{Findings, Rule, Severity};
use crate::node::FieldPath;
use crate::policy::Policy;
use crate::repository::{Cluster, Manifest, Repository};
use crate::version::Version;

/// MW5219: a cluster that dials another one's istiod installs one of its own.
pub(super) struct TwoParts;

static RULE: Rule = Rule {
    code: "MW5219",
    name: "two-parts",
    severity: Severity::Warning,
    title: "cluster that dials another one's istiod installs one of its own",
    docs: include_str!("../../docs/MW5219.md"),
};

impl Policy for TwoParts {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn compare(&self, repository: &Repository, findings: &mut Findings) {
        for cluster in repository.clusters.iter().filter(|cluster| !cluster.mixed) {
            cluster.subjects.iter().for_each(|subject| in_one(cluster, subject, findings));
            beside_another(cluster, findings);
        }
    }
}

/// Until 1.23 a remote cluster may run an istiod for injection alone, beside the Service that leads to the other one; since 1.24
/// a value has to say so (istio/istio@1.23.0: `manifests/charts/base/templates/services.yaml`; istio/istio@1.24.0:
/// `templates/remote-istiod-service.yaml` and `templates/deployment.yaml` of
/// `manifests/charts/istio-control/istio-discovery`).
fn has_one_part(plane: &Plane) -> bool {
    let version = plane.version.as_deref();
    let version = version.and_then(|text| text.trim_start_matches('v').parse::<Version>().ok());
    plane.whole && version.is_some_and(|version| version.at_least(1, 24, 0))
}

fn known(subject: &Manifest) -> Option<&Plane> {
    let plane = subject.claims.plane.as_ref()?;
    (subject.unresolved.is_empty() && !subject.unknown && has_one_part(plane)).then_some(plane)
}

/// An address that no template reads, since the values install an istiod here.
fn in_one(cluster: &Cluster, subject: &Manifest, findings: &mut Findings) {
    let Some(plane) = known(subject).filter(|plane| !plane.is_remote) else { return };
    let Some(dialled) = subject.claims.first(&Fact::ControlPlaneAddress) else { return };
    let message = format!(
        "istiod is said to be at `{}`, but these values install one in {}: without the profile `remote` nothing leads there",
        dialled.value,
        cluster.called()
    );
    findings.push(
        subject
            .finding(&RULE, &dialled.path, message)
            .found(&dialled.value)
            .related(subject.place(&plane.path), "an istiod is installed by these values")
            .help("set `profile: remote`, or remove the address")
            .cluster(&cluster.name),
    );
}

/// What a remote cluster needs, and an istiod of the same name.
fn beside_another(cluster: &Cluster, findings: &mut Findings) {
    let remotes = cluster.subjects.iter().filter_map(|subject| Some((subject, known(subject)?)));
    for (remote, part) in remotes.filter(|(_, plane)| plane.is_remote) {
        let Some(dialled) = remote.claims.first(&Fact::ControlPlaneAddress) else { continue };
        let istiod = cluster.subjects.iter().find(|other| {
            let is_known = other.unresolved.is_empty() && !other.unknown;
            is_known && other.plane == remote.plane && is_istiod(&other.claims, part, &remote.plane)
        });
        let Some(istiod) = istiod.filter(|_| !part.injects_locally) else { continue };
        let path = istiod.claims.plane.as_ref().map(|plane| plane.path.clone());
        let path = path.unwrap_or_else(|| FieldPath::parse("metadata.name"));
        let message = format!(
            "an istiod is installed in {}, which is set up to be served by the one at `{}`: both have one name",
            cluster.called(),
            dialled.value
        );
        findings.push(
            istiod
                .finding(&RULE, &path, message)
                .related(remote.place(&dialled.path), "another istiod is dialled here")
                .help("remove one of the two; where both are meant, give one of them a revision")
                .cluster(&cluster.name),
        );
    }
}

/// Whether it is an istiod with the names that the remote's parts have.
fn is_istiod(claims: &Claims, remote: &Plane, namespace: &str) -> bool {
    if let Some(plane) = &claims.plane {
        let is_sail = ["Istio/", "IstioRevision/"].iter().any(|kind| claims.object.starts_with(kind));
        return plane.whole && !plane.is_remote && !is_sail && plane.revision == remote.revision;
    }
    let name = remote.istiod();
    claims.object == format!("Deployment/{namespace}/{name}")
        && claims.list.iter().any(|claim| matches!(claim.fact, Fact::IstiodVariable { .. }))
}
