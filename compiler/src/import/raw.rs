//! Objects that the intent has no word for: carried over as they are.

use std::collections::{BTreeMap, BTreeSet};

use meshwright_policies::finding::Findings;
use meshwright_policies::mesh::not_an_object;
use meshwright_policies::node::{FieldPath, Node, Span};
use meshwright_policies::repository::{Manifest, has_placeholder, remote_secret_keys};
use serde_json::Value as Json;

use super::cluster::Member;
use super::draft::{CarriedFile, Draft, Told};
use super::fleet::Grouped;
use super::hosted::Hosted;
use super::node::{called, line, origin, text};
use super::plane::{chart, group_of};
use super::residue::Rendered;
use super::{external, failover, installed, platform, slug};
use crate::compile::Loaded;
use crate::source::Sources;

/// What becomes of an object.
enum Fate {
    /// The intent renders it, or what stands for it.
    Taken,
    /// It is left out, for this reason.
    LeftOut(String),
    Carried,
}

/// Adds to the draft what each cluster carries over, and says what it does not.
pub(super) fn collect(members: &[Member<'_>], rendered: &Rendered, sources: &Sources, draft: &mut Draft) {
    for member in members {
        let failover = draft.failover(&member.name);
        let known = Known::of(member, rendered, failover);
        let mut delivered = 0_usize;
        for subject in &member.input.subjects {
            match known.fate(subject) {
                Fate::Taken => delivered += usize::from(is_delivery(subject)),
                Fate::LeftOut(why) => {
                    let place = line(sources, subject, &FieldPath::root());
                    draft.told.insert(origin(subject, sources), Told::LeftOut);
                    draft.left_out.insert(format!(
                        "cluster `{}`: {} in {place}: {why}",
                        member.name,
                        called(subject)
                    ));
                }
                Fate::Carried => carry(member, subject, sources, draft),
            }
        }
        if delivered > 0 {
            draft.left_out.insert(format!(
                "cluster `{}`: {delivered} objects that deliver the manifests now: the rendered ones stand for them",
                member.name
            ));
        }
        if !member.input.complete {
            draft.left_out.insert(format!(
                "cluster `{}`: what kustomizations change in a way that is not followed; build them first if objects are \
                 carried over",
                member.name
            ));
        }
    }
}

/// Says what becomes of objects of hosted API servers: the intent renders what the mesh needs there, and carries nothing
/// else over to it.
pub(super) fn collect_hosted(
    meshes: &[Grouped],
    hosted: &[Hosted<'_>],
    rendered: &Rendered,
    sources: &Sources,
    draft: &mut Draft,
) {
    for mesh in meshes.iter().filter_map(|mesh| hosted.get(mesh.hosted?)) {
        let clusters: Vec<_> = rendered.hosted(&slug(&mesh.object.name)).collect();
        let made: BTreeSet<Identity> =
            clusters.iter().flat_map(|cluster| &cluster.subjects).map(identity).collect();
        let exposed: BTreeSet<String> =
            clusters.iter().flat_map(|cluster| &cluster.subjects).flat_map(exposures).collect();
        for subject in &mesh.plane.subjects {
            let same_gateway =
                is_istio_gateway(subject) && exposures(subject).all(|one| exposed.contains(&one));
            let other_mesh = subject.kind == "GlobalMesh" && !std::ptr::eq(subject, mesh.object);
            let declared =
                draft.meshes.get(&slug(&mesh.object.name)).and_then(|mesh| mesh.mesh.spec.get("failover"));
            let declared = declared.and_then(Json::as_array);
            let same_rule = failover::read(subject)
                .is_some_and(|item| declared.is_some_and(|items| items.contains(&item)));
            if is_delivery(subject)
                || same_gateway
                || same_rule
                || (made.contains(&identity(subject)) && !other_mesh)
            {
                continue;
            }
            let place = line(sources, subject, &FieldPath::root());
            draft.left_out.insert(format!(
                "hosted API server `{}`: {} in {place}: the intent carries nothing over to it",
                mesh.plane.name,
                called(subject)
            ));
        }
    }
}

fn carry(member: &Member<'_>, subject: &Manifest, sources: &Sources, draft: &mut Draft) {
    let from = origin(subject, sources);
    let object = subject.document.to_json();
    let Some((mesh, _)) = draft.cluster(&member.name) else { return };
    if let Some(cluster) = mesh.clusters.get_mut(&member.name) {
        cluster.carry(&file_name(subject), CarriedFile { object, from });
    }
}

fn file_name(subject: &Manifest) -> String {
    let text = match &subject.namespace {
        Some(namespace) => format!("{}-{namespace}-{}", subject.kind, subject.name),
        None => format!("{}-{}", subject.kind, subject.name),
    };
    let plain = |c: char| {
        if c.is_ascii_alphanumeric() || matches!(c, '-' | '.') { c.to_ascii_lowercase() } else { '-' }
    };
    text.chars().map(plain).take(200).collect()
}

fn is_delivery(subject: &Manifest) -> bool {
    matches!(subject.kind.as_str(), "ApplicationSet" | "Application" | "HelmRelease" | "HelmRepository")
        || group_of(subject) == "kustomize.toolkit.fluxcd.io"
}

type Identity = (String, String, Option<String>, String);

fn identity(subject: &Manifest) -> Identity {
    (group_of(subject), subject.kind.clone(), subject.namespace.clone(), subject.name.clone())
}

/// What stands for objects of one cluster.
struct Known<'m, 'a> {
    member: &'m Member<'a>,
    /// Items of the mesh's `failover`.
    failover: Vec<Json>,
    rendered: BTreeSet<Identity>,
    /// Exposures that are rendered: the claims of cross-network Gateways.
    exposed: BTreeSet<String>,
    /// Names of chart repositories that releases need which are carried over.
    repositories: BTreeSet<String>,
}

impl<'m, 'a> Known<'m, 'a> {
    fn of(member: &'m Member<'a>, rendered: &Rendered, failover: Vec<Json>) -> Known<'m, 'a> {
        let clusters: Vec<_> = rendered.clusters(member).collect();
        let subjects = || clusters.iter().flat_map(|cluster| &cluster.subjects);
        let exposures = subjects().filter(|subject| is_istio_gateway(subject)).flat_map(exposures).collect();
        let mut known = Known {
            member,
            failover,
            rendered: subjects().map(identity).collect(),
            exposed: exposures,
            repositories: BTreeSet::new(),
        };
        let releases = member.input.subjects.iter().filter(|subject| subject.kind == "HelmRelease");
        let kept = releases.filter(|release| matches!(known.fate(release), Fate::Carried));
        known.repositories =
            kept.filter_map(|s| text(&s.document, "spec.chart.spec.sourceRef.name")).collect();
        known
    }

    fn fate(&self, subject: &Manifest) -> Fate {
        let same = |other: &Manifest| std::ptr::eq(other, subject);
        let plane = self.member.plane.as_ref().is_some_and(|plane| same(plane.subject));
        if plane || self.member.gateways.iter().any(|gateway| same(gateway.subject)) {
            return Fate::Taken;
        }
        if external::is_part(subject) {
            let why = "it is part of an external control plane, for which the intent has no word";
            return Fate::LeftOut(why.to_owned());
        }
        if let Some(fate) = self.by_kind(subject) {
            return fate;
        }
        if self.rendered.contains(&identity(subject)) {
            return Fate::Taken;
        }
        match not_an_object(&subject.document) {
            Some(why) => Fate::LeftOut(format!("it is no object that can be applied: {why}")),
            None => Fate::Carried,
        }
    }

    /// Whether one of the gateways that are known by their Service has such a name.
    fn is_of_gateway(&self, is_named: impl Fn(&str) -> bool) -> bool {
        self.member
            .gateways
            .iter()
            .any(|gateway| gateway.subject.kind == "Service" && is_named(&gateway.name))
    }

    fn by_kind(&self, subject: &Manifest) -> Option<Fate> {
        let document = &subject.document;
        let left_out = |why: &str| Some(Fate::LeftOut(why.to_owned()));
        match (group_of(subject).as_str(), subject.kind.as_str()) {
            ("meshwright.dev" | "kind.x-k8s.io" | "kubeadm.k8s.io" | "kubelet.config.k8s.io", _) => {
                Some(Fate::Taken)
            }
            ("apiextensions.k8s.io", _) if subject.name.ends_with(".meshwright.dev") => Some(Fate::Taken),
            ("", "Namespace")
            | ("kustomize.toolkit.fluxcd.io" | "source.toolkit.fluxcd.io", "Kustomization") => {
                Some(Fate::Taken)
            }
            _ if platform::is_flux_itself(subject) => {
                left_out("it is a part of Flux, which its bootstrap owns")
            }
            ("", "Secret") if !remote_secret_keys(subject).is_empty() => left_out(
                "a remote secret is a credential: declare where the peers get it with `remoteAccess.credential`",
            ),
            ("", "Secret") if holds_data(document) => {
                left_out("it holds a credential, which is not for a repository")
            }
            ("", "") => left_out("which release these values are for says nothing"),
            ("metallb.io", "IPAddressPool") if platform::is_plain_pool(subject) => Some(Fate::Taken),
            ("metallb.io", "L2Advertisement" | "BGPAdvertisement")
                if platform::is_taken_advertisement(self.member.input, subject) =>
            {
                Some(Fate::Taken)
            }
            ("sailoperator.io", "IstioCNI") => Some(Fate::Taken),
            _ if installed_by_istiod(subject) || installed::is_made(subject) => {
                if installed::holds_settings(subject) {
                    left_out("the control plane's installation makes it")
                } else {
                    Some(Fate::Taken)
                }
            }
            (
                "admissionregistration.k8s.io",
                "MutatingWebhookConfiguration" | "ValidatingWebhookConfiguration",
            ) if subject.name.contains("istio") => left_out("the control plane's installation makes it"),
            ("networking.istio.io", "Gateway") => {
                let own: Vec<String> = exposures(subject).collect();
                let same = !own.is_empty() && own.iter().all(|exposure| self.exposed.contains(exposure));
                same.then_some(Fate::Taken)
            }
            ("networking.istio.io", "DestinationRule") => {
                let item = failover::read(subject)?;
                self.failover.contains(&item).then_some(Fate::Taken)
            }
            ("apps", "Deployment") if self.is_of_gateway(|name| name == subject.name) => Some(Fate::Taken),
            _ if self.is_of_gateway(|name| installed::is_of_gateway(subject, name)) => Some(Fate::Taken),
            ("argoproj.io", "ApplicationSet") => Some(Fate::Taken),
            ("argoproj.io", "AppProject") => left_out("it belongs to the cluster of Argo CD"),
            ("argoproj.io", "Application") => Some(match chart(subject).as_deref() {
                None => Fate::Taken,
                Some(name) if is_istio_chart(name) => Fate::Taken,
                Some("metallb") if platform::is_installed_plainly(subject) => Fate::Taken,
                Some(name) => Fate::LeftOut(format!(
                    "it installs the chart `{name}` and belongs to the cluster of Argo CD"
                )),
            }),
            ("helm.toolkit.fluxcd.io", "HelmRelease") => match chart(subject).as_deref() {
                Some(name) if is_istio_chart(name) => Some(Fate::Taken),
                Some("metallb") if platform::is_installed_plainly(subject) => Some(Fate::Taken),
                _ => None,
            },
            ("source.toolkit.fluxcd.io", "HelmRepository") => {
                (!self.repositories.contains(&subject.name)).then_some(Fate::Taken)
            }
            ("source.toolkit.fluxcd.io", _) => Some(Fate::Taken),
            _ if has_open_name(subject) => {
                left_out("its name holds a placeholder that is filled in elsewhere")
            }
            _ => None,
        }
    }
}

fn has_open_name(subject: &Manifest) -> bool {
    has_placeholder(&subject.name) || subject.namespace.as_deref().is_some_and(has_placeholder)
}

/// Charts of a control plane. Gateways that are no entries of a network stay as they are.
fn is_istio_chart(name: &str) -> bool {
    installed::CHARTS.contains(&name)
}

fn installed_by_istiod(subject: &Manifest) -> bool {
    subject.kind == "ConfigMap"
        && group_of(subject).is_empty()
        && ["istio", "istio-sidecar-injector", "istio-ca-root-cert", "values"].iter().any(|name| {
            subject.name == *name || subject.name.strip_prefix(name).is_some_and(|rest| rest.starts_with('-'))
        })
        && (!subject.claims.list.is_empty() || subject.name != "values")
}

fn holds_data(document: &Node) -> bool {
    ["data", "stringData"]
        .iter()
        .any(|key| document.get(key).is_some_and(|data| data.entries().next().is_some()))
}

fn is_istio_gateway(subject: &Manifest) -> bool {
    subject.kind == "Gateway" && group_of(subject) == "networking.istio.io"
}

/// What a Gateway lets in, as text.
fn exposures(subject: &Manifest) -> impl Iterator<Item = String> {
    subject.claims.list.iter().map(|claim| format!("{:?} {}", claim.fact, claim.value))
}

/// An error of the intent.
#[derive(Clone, Debug)]
pub(super) struct Refused {
    pub(super) span: Span,
    pub(super) path: FieldPath,
    pub(super) code: &'static str,
    /// The message with its code.
    pub(super) why: String,
}

/// Takes out of what is carried over whatever the policies refuse. Whether anything was.
pub(super) fn take_out(draft: &mut Draft, loaded: &Loaded, refused: &[Refused]) -> bool {
    let mut files: BTreeMap<String, (String, String)> = BTreeMap::new();
    for (name, mesh) in &draft.meshes {
        for (cluster, carried) in &mesh.clusters {
            let directory = draft.manifests(name, cluster);
            let paths = carried
                .carried
                .keys()
                .map(|file| (format!("{directory}/{file}"), (cluster.clone(), file.clone())));
            files.extend(paths);
        }
    }
    let mut any = false;
    for Refused { span, why, .. } in refused {
        let Some((cluster, file)) = loaded.fleet.files.get(&span.file).and_then(|path| files.get(path))
        else {
            continue;
        };
        any |= take_out_file(draft, cluster, file, why);
    }
    any
}

fn take_out_file(draft: &mut Draft, cluster: &str, file: &str, why: &str) -> bool {
    let carried = draft.cluster(cluster).and_then(|(mesh, _)| mesh.clusters.get_mut(cluster));
    let Some(taken) = carried.and_then(|carried| carried.take_out(file)) else { return false };
    draft.contradictions.push(format!("cluster `{cluster}`: {} is not carried over: {why}", taken.from));
    draft.told.insert(taken.from, Told::TakenOut);
    true
}

/// Takes out of what is carried over whatever contradicts the rest, or has no effect, once it is rendered. Whether
/// anything was.
pub(super) fn take_out_objects(draft: &mut Draft, findings: &Findings) -> bool {
    let mut files: BTreeMap<(String, String), String> = BTreeMap::new();
    for (cluster, carried) in draft.meshes.values().flat_map(|mesh| &mesh.clusters) {
        let names = carried.carried.iter();
        files.extend(names.map(|(name, file)| ((cluster.clone(), reference(&file.object)), name.clone())));
    }
    let mut any = false;
    for finding in findings {
        let (Some(cluster), Some(object)) = (&finding.cluster, &finding.object) else { continue };
        if let Some(file) = files.get(&(cluster.clone(), object.clone())) {
            let why = format!("{} ({})", finding.message, finding.rule.code);
            any |= take_out_file(draft, cluster, file, &why);
        }
    }
    any
}

/// `Kind/namespace/name` or `Kind/name`.
fn reference(object: &Json) -> String {
    let text = |pointer: &str| object.pointer(pointer).and_then(Json::as_str).unwrap_or_default();
    match text("/metadata/namespace") {
        "" => format!("{}/{}", text("/kind"), text("/metadata/name")),
        namespace => format!("{}/{namespace}/{}", text("/kind"), text("/metadata/name")),
    }
}

/// Whether an object is as it was in a document of the cluster.
pub(super) fn is_carried(draft: &Draft, member: &Member<'_>, subject: &Manifest) -> bool {
    draft.of_cluster(&member.name).is_some_and(|cluster| {
        !cluster.carried.is_empty() && cluster.is_carrying(&subject.document.to_json())
    })
}
