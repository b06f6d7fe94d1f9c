//! MW5111: istiod that serves remote clusters may not lead them.

use crate::claim::{Claims, Fact};
use crate::declaration::{DeclarationSpec, DeclaredRole};
use crate::finding::{Findings, Place, Rule, Severity};
use crate::node::{FieldPath, Span};
use crate::policy::Policy;
use crate::repository::{Cluster, Manifest, Repository};
use crate::version::Version;

/// MW5111: istiod that serves remote clusters may not lead them.
pub(super) struct IstiodLeadsNobody;

static RULE: Rule = Rule {
    code: "MW5111",
    name: "istiod-leads-nobody",
    severity: Severity::Error,
    title: "istiod that serves remote clusters may not lead them",
    docs: include_str!("../../docs/MW5111.md"),
};

impl Policy for IstiodLeadsNobody {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn judges(&self) -> bool {
        true
    }

    fn judge(&self, declaration: &DeclarationSpec, claims: &Claims, findings: &mut Findings) {
        denied(declaration, claims, findings);
        let serves = declaration.control_plane.serves_others
            && declaration.control_plane.role == DeclaredRole::Primary;
        let system = declaration.istio.namespace.as_str();
        if serves && deploys(claims, system) {
            deployed(declaration, claims, findings);
        }
        let Some(plane) = claims.plane.as_ref().filter(|plane| serves && !plane.is_remote) else { return };
        let is_denied = claims.first(&Fact::ExternalIstiod).is_some_and(|claim| claim.value == "false");
        let elsewhere = plane.namespace.as_deref().is_some_and(|namespace| namespace != system);
        if elsewhere || is_denied || leads(declaration, claims) {
            return;
        }
        let variable = claims.first(&variable());
        // What is not in the object may be set by what it refers to.
        if !plane.whole && variable.is_none() {
            return;
        }
        let path = variable.map_or_else(|| plane.path.clone(), |claim| claim.path.clone());
        let place = |path: FieldPath| Place { span: Span::NONE, path };
        let help = if declaration.istio.version.at_least(1, 23, 0) {
            "set `global.externalIstiod: true` in its values"
        } else {
            "set `EXTERNAL_ISTIOD: \"true\"` among istiod's variables (`pilot.env`): before Istio 1.23 `externalIstiod` does not"
        };
        let message = format!(
            "istiod of `{}` serves remote clusters, but is not told to lead them",
            declaration.cluster.name
        );
        findings.push(
            RULE.at(place(path), message)
                .related(
                    place(FieldPath::parse("spec.controlPlane")),
                    "the cluster is declared to serve others",
                )
                .help(help)
                .cluster(&declaration.cluster.name)
                .object(claims.object.clone()),
        );
    }

    fn compare(&self, repository: &Repository, findings: &mut Findings) {
        for cluster in repository.clusters.iter().filter(|cluster| cluster.is_comparable()) {
            remote(repository, cluster, findings);
        }
    }
}

/// Whether an object is the Deployment of an istiod in that namespace.
fn deploys(claims: &Claims, namespace: &str) -> bool {
    let name = claims.object.strip_prefix("Deployment/").and_then(|name| name.strip_prefix(namespace));
    let is_istiod = name.is_some_and(|name| name == "/istiod" || name.starts_with("/istiod-"));
    is_istiod && claims.list.iter().any(|claim| matches!(claim.fact, Fact::IstiodVariable { .. }))
}

/// Whatever the chart was told, the variable is what istiod reads. Where it is missing, something else may set it that the
/// object only refers to: a warning.
fn deployed(declaration: &DeclarationSpec, claims: &Claims, findings: &mut Findings) {
    let said = claims.first(&variable());
    if said.is_some_and(|claim| claim.value.eq_ignore_ascii_case("true")) {
        return;
    }
    let place = |path: FieldPath| Place { span: Span::NONE, path };
    let name = &declaration.cluster.name;
    let message =
        format!("istiod of `{name}` serves remote clusters, but runs without `EXTERNAL_ISTIOD: \"true\"`");
    let path =
        said.map_or_else(|| FieldPath::parse("spec.template.spec.containers"), |claim| claim.path.clone());
    let mut finding = RULE
        .at(place(path), message)
        .related(place(FieldPath::parse("spec.controlPlane")), "the cluster is declared to serve others")
        .help("set `EXTERNAL_ISTIOD` to `true` where the Deployment is made: `global.externalIstiod` of the chart from Istio 1.23 on")
        .cluster(name)
        .object(claims.object.clone());
    match said {
        Some(claim) => finding = finding.found(&claim.value),
        None => finding.severity = Severity::Warning,
    }
    findings.push(finding);
}

/// Those that the annotation of a remote names, when none of them leads anybody.
fn remote(repository: &Repository, cluster: &Cluster, findings: &mut Findings) {
    let namespaces = cluster.planes();
    let remote =
        cluster.subjects.iter().any(|s| s.claims.plane.as_ref().is_some_and(|plane| plane.is_remote));
    let annotations = cluster.stated(|_, fact| {
        matches!(fact, Fact::LeadingClusters { namespace } if namespaces.contains(&namespace.as_str()))
    });
    let [annotation] = annotations.as_slice() else { return };
    let Fact::LeadingClusters { namespace } = &annotation.claim.fact else { return };
    if !remote || annotation.claim.value.split(',').any(|id| id == "*") {
        return;
    }
    let mut denying = None;
    for id in annotation.claim.value.split(',') {
        let leaders = repository.with_cluster_id(&cluster.scope, id);
        let [leader] = leaders.as_slice() else { return };
        let installs = |s: &&Manifest| {
            s.claims.plane.is_some() && s.plane == *namespace || deploys(&s.claims, namespace)
        };
        let istiods = leader.subjects.iter().filter(installs);
        let istiods: Vec<&Manifest> = istiods.collect();
        let is_known = |istiod: &&Manifest| {
            let plane = istiod.claims.plane.as_ref();
            // Of a Deployment, only what it says: a variable may come from elsewhere.
            let says = plane.is_none() && istiod.claims.first(&variable()).is_some();
            (says || plane.is_some_and(|plane| plane.whole && !plane.is_remote))
                && istiod.unresolved.is_empty()
                && !istiod.unknown
        };
        if !leader.complete || !leader.is_comparable() || istiods.is_empty() || !istiods.iter().all(is_known)
        {
            return;
        }
        if istiods.iter().any(|istiod| may_lead(istiod)) {
            return;
        }
        denying = denying.or(istiods.first().map(|istiod| (*leader, *istiod)));
    }
    let Some((leader, istiod)) = denying else { return };
    let said = istiod.claims.first(&variable()).or_else(|| istiod.claims.first(&Fact::ExternalIstiod));
    let path = said.map(|claim| claim.path.clone());
    let path = path.or_else(|| istiod.claims.plane.as_ref().map(|plane| plane.path.clone()));
    let message = format!(
        "istiod of {} is to lead {}, but is not told to lead remote clusters",
        leader.called(),
        cluster.called()
    );
    findings.push(
        istiod
            .finding(&RULE, &path.unwrap_or_default(), message)
            .related(annotation.place(), format!("{} lets it lead", cluster.called()))
            .help("set `global.externalIstiod: true` in its values, before Istio 1.23 the variable `EXTERNAL_ISTIOD` to `true`")
            .cluster(&leader.name),
    );
}

/// As [`leads`], where the release may not be known.
fn may_lead(istiod: &Manifest) -> bool {
    let is_true =
        |fact: &Fact| istiod.claims.first(fact).map(|claim| claim.value.eq_ignore_ascii_case("true"));
    let version = istiod.claims.plane.as_ref().and_then(|plane| plane.version.as_deref());
    let is_old = version
        .and_then(|text| text.trim_start_matches('v').parse::<Version>().ok())
        .is_some_and(|version| !version.at_least(1, 23, 0));
    match is_true(&variable()) {
        Some(set) => set,
        None => !is_old && is_true(&Fact::ExternalIstiod) == Some(true),
    }
}

/// `externalIstiod: false` where the topology wants it: of an istiod that serves others, and of the roles in a remote.
fn denied(declaration: &DeclarationSpec, claims: &Claims, findings: &mut Findings) {
    let plane = &declaration.control_plane;
    let wanted = plane.serves_others || plane.role == DeclaredRole::Remote;
    let written = claims.first(&Fact::ExternalIstiod).filter(|claim| wanted && claim.value == "false");
    let Some(claim) = written else { return };
    let place = |path: FieldPath| Place { span: Span::NONE, path };
    let name = &declaration.cluster.name;
    let message = match plane.role {
        DeclaredRole::Remote => {
            format!("`{name}` is served by another cluster's istiod, and `externalIstiod` denies it")
        }
        _ => format!("`{name}` serves remote clusters, and `externalIstiod` denies it"),
    };
    let mut finding = RULE
        .at(place(claim.path.clone()), message)
        .found(&claim.value)
        .related(place(FieldPath::parse("spec.controlPlane")), "the cluster's part is declared here")
        .help(format!("set `{}: true`", claim.path))
        .cluster(name)
        .object(claims.object.clone());
    if plane.role == DeclaredRole::Remote || leads(declaration, claims) {
        finding.severity = Severity::Warning;
    }
    findings.push(finding);
}

fn variable() -> Fact {
    Fact::IstiodVariable { name: "EXTERNAL_ISTIOD".to_owned() }
}

/// The variable counts; from 1.23 the chart sets it when nobody else does.
fn leads(declaration: &DeclarationSpec, claims: &Claims) -> bool {
    let is_true = |fact: &Fact| claims.first(fact).map(|claim| claim.value.eq_ignore_ascii_case("true"));
    match is_true(&variable()) {
        Some(set) => set,
        None => declaration.istio.version.at_least(1, 23, 0) && is_true(&Fact::ExternalIstiod) == Some(true),
    }
}
