//! MW5007: a remote cluster's sidecars ask for an istiod that has another name.
//!
//! Sidecars are told where istiod is by the mesh configuration of the istiod that injects them, which is the primary's:
//! `istiod-<its revision>` (istio/istio@1.30: `pkg/kube/inject/webhook.go`, `PROXY_CONFIG` of `files/injection-template.yaml`).
//! The name is looked up in the remote cluster, whose chart calls the Service after its own revision.

use crate::claim::{Claims, Fact, Plane};
use crate::declaration::{DeclarationSpec, DeclaredRole};
use crate::finding::{Finding, Findings, Place, Rule, Severity};
use crate::istiod;
use crate::mesh::{Cluster, Mesh, Role};
use crate::node::{FieldPath, Span};
use crate::policy::Policy;
use crate::repository::{self, Manifest, Repository};
use crate::support;
use crate::version::Version;

/// MW5007: a remote cluster's sidecars ask for an istiod that has another name.
#[derive(Debug)]
pub(super) struct RemoteRevision;

static RULE: Rule = Rule {
    code: "MW5007",
    name: "remote-revision",
    severity: Severity::Error,
    title: "a remote cluster's sidecars ask for an istiod that has another name",
    docs: include_str!("../../docs/MW5007.md"),
};

impl Policy for RemoteRevision {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn check_mesh(&self, mesh: &Mesh, findings: &mut Findings) {
        for cluster in mesh.clusters.values() {
            let Role::Remote { primary: Some(primary) } = &cluster.role else { continue };
            let Some(primary) = mesh.clusters.get(primary) else { continue };
            findings.extend(differs(cluster, primary));
        }
    }

    fn judges(&self) -> bool {
        true
    }

    fn judge(&self, declaration: &DeclarationSpec, claims: &Claims, findings: &mut Findings) {
        let declared = &declaration.istio;
        let Some(plane) = claims.plane.as_ref().filter(|plane| is_judged(claims, plane)) else { return };
        let system = declared.namespace.as_str();
        let elsewhere = plane.namespace.as_deref().is_some_and(|namespace| namespace != system);
        let version = version(plane).unwrap_or_else(|| declared.version.clone());
        if declaration.control_plane.role != DeclaredRole::Remote
            || elsewhere
            || !support::remote_service_has_revision(&version)
        {
            return;
        }
        let (own, wanted) = (plane.revision.as_deref(), declared.revision.as_ref().map(|name| name.as_str()));
        if own == wanted {
            return;
        }
        let message = format!(
            "the Service of this installation is called `{}`, but sidecars of cluster `{}` are declared to ask for `{}`",
            istiod::service(own),
            declaration.cluster.name,
            istiod::service(wanted)
        );
        let place = |path: FieldPath| Place { span: Span::NONE, path };
        let mut finding = RULE
            .at(place(plane.path.clone()), message)
            .related(place(FieldPath::parse("spec.istio")), "what is declared for this cluster")
            .help(format!(
                "{}, or change the revision in the intent first, that of the primary with it",
                correction(wanted)
            ))
            .cluster(&declaration.cluster.name)
            .object(claims.object.clone());
        // A second revision may be on its way in, here and in the primary.
        finding.severity = Severity::Warning;
        findings.push(finding);
    }

    fn compare(&self, repository: &Repository, findings: &mut Findings) {
        for cluster in repository.clusters.iter().filter(|cluster| cluster.is_comparable()) {
            findings.extend(compared(repository, cluster));
        }
    }
}

fn correction(wanted: Option<&str>) -> String {
    match wanted {
        Some(revision) => format!("set `revision: {revision}`"),
        None => "take the revision out".to_owned(),
    }
}

fn differs(cluster: &Cluster, primary: &Cluster) -> Option<Finding> {
    let own = cluster.istio.revision.as_ref().map(|name| name.as_str());
    let asked = primary.istio.revision.as_ref().map(|name| name.as_str());
    let place = cluster.written.place("spec.istio.revision");
    let finding = if support::remote_service_has_revision(&cluster.istio.version) {
        if own == asked {
            return None;
        }
        let message = format!(
            "sidecars of remote cluster `{}` ask for `{}`, the istiod of `{}`, but its Service is called `{}`",
            cluster.name,
            istiod::service(asked),
            primary.name,
            istiod::service(own)
        );
        let set = asked.map_or_else(|| "null".to_owned(), ToOwned::to_owned);
        RULE.at(place, message).help(format!(
            "set `istio: {{revision: {set}}}` in cluster `{}`, as in `{}`",
            cluster.name, primary.name
        ))
    } else {
        // The webhook is sent to the Service of its own revision, sidecars to that of the primary's.
        let revision = own.or(asked)?;
        let who = if own.is_some() { "injection webhooks" } else { "sidecars" };
        let message = format!(
            "{who} of remote cluster `{}` ask for `istiod-{revision}`, but with Istio {} its Service is called `istiod`",
            cluster.name, cluster.istio.version
        );
        RULE.at(place, message).help(
            "take the revision out of the primary and of its remote clusters, or use Istio 1.20.4 or later",
        )
    };
    let related = primary.written.place("spec.istio.revision");
    Some(
        finding
            .related(related, format!("the istiod of `{}`", primary.name))
            .cluster(&cluster.name)
            .found(own.unwrap_or_default()),
    )
}

/// A remote installation all of which is in the object. The Sail operator takes the revision from the object's name.
fn is_judged(claims: &Claims, plane: &Plane) -> bool {
    let is_sail = ["Istio/", "IstioRevision/"].iter().any(|kind| claims.object.starts_with(kind));
    let dials = claims.list.iter().any(|claim| claim.fact == Fact::ControlPlaneAddress);
    plane.is_remote && plane.whole && dials && !is_sail
}

fn version(plane: &Plane) -> Option<Version> {
    plane.version.as_deref()?.trim_start_matches('v').parse().ok()
}

fn compared(repository: &Repository, cluster: &repository::Cluster) -> Option<Finding> {
    let is_remote = |subject: &&Manifest| {
        let claims = &subject.claims;
        claims.plane.as_ref().is_some_and(|plane| is_judged(claims, plane))
            && subject.unresolved.is_empty()
            && !subject.unknown
    };
    let remotes: Vec<&Manifest> = cluster.subjects.iter().filter(is_remote).collect();
    let [remote] = remotes.as_slice() else { return None };
    let plane = remote.claims.plane.as_ref()?;
    let version = version(plane)?;
    let leader = leader(repository, cluster, &remote.plane)?;
    let istiods = istiods(leader, &remote.plane)?;
    if !support::remote_service_has_revision(&version) {
        return None;
    }
    let own = plane.revision.as_deref();
    let asked: Vec<Option<&str>> =
        istiods.iter().filter_map(|istiod| Some(istiod.claims.plane.as_ref()?.revision.as_deref())).collect();
    // Somebody may have made a Service of that name by hand.
    let is_made = asked.iter().any(|asked| {
        let name = istiod::service(*asked);
        cluster.subjects.iter().any(|subject| subject.kind == "Service" && subject.name == name)
    });
    if asked.contains(&own) || is_made {
        return None;
    }
    let (first, wanted) = (istiods.first()?, asked.first()?);
    let message = format!(
        "sidecars of {} ask for `{}`, as the istiod of {} tells them, but the Service here is called `{}`",
        cluster.called(),
        istiod::service(*wanted),
        leader.called(),
        istiod::service(own)
    );
    let finding = remote
        .finding(&RULE, &revision_path(remote), message)
        .related(
            first.place(&revision_path(first)),
            format!("the istiod of {} is installed here", leader.called()),
        )
        .help(format!("{}: both have to have one revision", correction(*wanted)))
        .cluster(&cluster.name);
    Some(finding)
}

/// The only cluster that may lead this one, by its annotation.
fn leader<'a>(
    repository: &'a Repository,
    cluster: &repository::Cluster,
    namespace: &str,
) -> Option<&'a repository::Cluster> {
    let leading = Fact::LeadingClusters { namespace: namespace.to_owned() };
    let stated = cluster.stated(|_, fact| *fact == leading);
    let [annotation] = stated.as_slice() else { return None };
    match repository.with_cluster_id(&cluster.scope, &annotation.claim.value).as_slice() {
        [leader] if leader.is_comparable() && leader.name != cluster.name => Some(*leader),
        _ => None,
    }
}

/// The istiods of a cluster, where all of them are known and none is told another address of itself.
fn istiods<'a>(leader: &'a repository::Cluster, namespace: &str) -> Option<Vec<&'a Manifest>> {
    let installs = |subject: &&Manifest| subject.claims.plane.is_some() && subject.plane == namespace;
    let istiods: Vec<&Manifest> = leader.subjects.iter().filter(installs).collect();
    let is_known = |istiod: &&Manifest| {
        let plane = istiod.claims.plane.as_ref();
        plane.is_some_and(|plane| plane.whole && !plane.is_remote)
            && !matches!(istiod.kind.as_str(), "Istio" | "IstioRevision")
            && istiod.unresolved.is_empty()
            && !istiod.unknown
    };
    let told = !leader.stated(|_, fact| *fact == Fact::DiscoveryAddress).is_empty();
    (leader.complete && !told && !istiods.is_empty() && istiods.iter().all(is_known)).then_some(istiods)
}

/// Where the revision is written, or would be.
fn revision_path(istiod: &Manifest) -> FieldPath {
    let path = istiod.claims.plane.as_ref().map(|plane| plane.path.clone()).unwrap_or_default();
    let written = path.clone().key("revision");
    if istiod.document.at(&written).is_some() { written } else { path }
}
