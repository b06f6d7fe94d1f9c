//! Claims against a declaration: the verdict on one object, at compile time, in admission and in audit alike.

mod transition;

use std::sync::LazyLock;

use serde_json::{Map, Value};

use crate::claim::{At, Claim, Claims, Fact, Subject};
use crate::declaration::DeclarationSpec;
use crate::embedded;
use crate::finding::{Finding, Findings, Place, Rule, Severity};
use crate::intent::{Date, SettingSeverity};
use crate::kinds;
use crate::node::{FieldPath, Span};
use crate::policy::{self, Policy};

/// Judges an object's claims, exceptions aside. Whether they are about that declaration's cluster at all says
/// [`Claims::concern`]; a webhook asks first.
#[must_use]
pub fn judge(declaration: &DeclarationSpec, claims: &Claims) -> Findings {
    let others = of_another_namespace(declaration, claims).or_else(|| of_another_plane(declaration, claims));
    if let Some(claims) = others {
        return judge(declaration, &claims);
    }
    let mut findings = Findings::new();
    let is_others = matches!(claims.subject, Subject::Plane(_)) && !claims.concern(declaration);
    // A namespace says something by what it lacks.
    let is_silent =
        claims.list.is_empty() && claims.plane.is_none() && !claims.object.starts_with("Namespace/");
    if is_others || is_silent {
        return findings;
    }
    for policy in JUDGING.iter() {
        policy.judge(declaration, claims, &mut findings);
    }
    transition::accept_earlier(declaration, claims, &mut findings);
    findings.sort();
    findings
}

/// Judges what an object says beside its claims, exceptions aside: values that nobody reads.
#[must_use]
pub fn judge_rest(declaration: &DeclarationSpec, object: &Map<String, Value>) -> Findings {
    judge_rest_at(declaration, &At::root(&embedded::expand(object)))
}

/// The same of an object whose documents were read ([`crate::embedded`]).
#[must_use]
pub fn judge_rest_at(declaration: &DeclarationSpec, object: &At<'_>) -> Findings {
    let mut findings = Findings::new();
    for policy in ADMITTING.iter() {
        policy.admit(declaration, object, &mut findings);
    }
    findings
}

/// Judges what an object of a running cluster lacks, exceptions aside.
#[must_use]
pub fn judge_running(declaration: &DeclarationSpec, object: &At<'_>) -> Findings {
    let mut findings = Findings::new();
    for policy in policy::all() {
        policy.audit(declaration, object, &mut findings);
    }
    findings
}

/// The policies that judge claims.
static JUDGING: LazyLock<Vec<&dyn Policy>> =
    LazyLock::new(|| policy::all().filter(|policy| policy.judges()).collect());

/// The few policies that say something of an object beside its claims.
static ADMITTING: LazyLock<Vec<&dyn Policy>> =
    LazyLock::new(|| policy::all().filter(|policy| policy.admits()).collect());

/// What a Service outside the system namespace says: gateways are declared in that one, and a namesake elsewhere is none of
/// them. It may still take an address, or call itself a network's gateway.
fn of_another_namespace(declaration: &DeclarationSpec, claims: &Claims) -> Option<Claims> {
    let namespace = claims.namespace.as_deref().filter(|own| *own != declaration.istio.namespace.as_str())?;
    let is_namesake = |claim: &Claim| {
        matches!(&claim.fact, Fact::GatewayServiceType { gateway } | Fact::GatewayPorts { gateway }
            | Fact::GatewayAddress { gateway } | Fact::GatewayNetwork { gateway }
            if declaration.gateway(gateway).is_some())
    };
    if !claims.object.starts_with("Service/") || !claims.list.iter().any(is_namesake) {
        return None;
    }
    let called = |gateway: &str| format!("{namespace}/{gateway}");
    let mut claims = claims.clone();
    claims.list.retain_mut(|claim| {
        claim.fact = match &claim.fact {
            Fact::GatewayAddress { gateway } => Fact::GatewayAddress { gateway: called(gateway) },
            Fact::GatewayNetwork { gateway } => Fact::GatewayNetwork { gateway: called(gateway) },
            Fact::GatewayServiceType { gateway } => Fact::GatewayServiceType { gateway: called(gateway) },
            _ => return false,
        };
        true
    });
    Some(claims)
}

/// What the values of a control plane in another namespace say: who this cluster is to another mesh, or who the cluster is
/// that an external control plane serves from here, is not this declaration's to know. That there is one is said (MW5116).
fn of_another_plane(declaration: &DeclarationSpec, claims: &Claims) -> Option<Claims> {
    let system = declaration.istio.namespace.as_str();
    claims.named_plane().filter(|own| *own != system)?;
    let is_its_own = |claim: &Claim| {
        matches!(
            claim.fact,
            Fact::MeshId
                | Fact::ClusterId
                | Fact::Network
                | Fact::TrustDomain
                | Fact::TrustDomainAlias
                | Fact::MeshNetworks
                | Fact::NamedNetwork
                | Fact::Entries { .. }
                | Fact::EntryAddress { .. }
                | Fact::EntryPort { .. }
                | Fact::Member { .. }
                | Fact::MemberRange { .. }
                | Fact::ControlPlaneAddress
                | Fact::DiscoveryAddress
                | Fact::InjectionPath
                | Fact::IstiodVariable { .. }
                | Fact::ExternalIstiod
                | Fact::ClusterLocalHost
                | Fact::DiscoverySelector
        )
    };
    if !claims.list.iter().any(is_its_own) {
        return None;
    }
    let mut claims = claims.clone();
    claims.list.retain(|claim| !is_its_own(claim));
    Some(claims)
}

/// Judges an object, exceptions aside.
#[must_use]
pub fn judge_object(declaration: &DeclarationSpec, object: &Map<String, Value>) -> Findings {
    judge(declaration, &kinds::claims_of(object))
}

/// Lowers or silences what the declaration excuses, as of `today`.
pub fn excuse(declaration: &DeclarationSpec, today: Date, findings: &mut Findings) {
    findings.retain_mut(|finding| {
        let concerns = |objects: &[String]| {
            objects.is_empty() || finding.object.as_ref().is_some_and(|object| objects.contains(object))
        };
        let excuse = declaration.exceptions.iter().find(|exception| {
            exception.code == finding.rule.code && exception.expires >= today && concerns(&exception.objects)
        });
        match excuse.map(|exception| exception.severity) {
            None => true,
            Some(SettingSeverity::Off) => false,
            Some(SettingSeverity::Warning) => {
                finding.severity = Severity::Warning;
                true
            }
        }
    });
}

/// What a claim contradicts.
pub(crate) struct Declared<'a> {
    /// The value that would be right.
    pub(crate) value: String,
    /// Its path in the declaration's spec.
    pub(crate) path: &'a str,
}

/// A finding about one claim, in the words that every gate shares.
pub(crate) fn contradiction(
    rule: &'static Rule,
    declaration: &DeclarationSpec,
    claims: &Claims,
    claim: &Claim,
    message: String,
    declared: Declared<'_>,
) -> Finding {
    let path = FieldPath::parse("spec").0.into_iter().chain(FieldPath::parse(declared.path).0).collect();
    let place = Place { span: Span::NONE, path: FieldPath(path) };
    let (label, change) = match declaration.source(declared.path) {
        Some((file, field)) => {
            (format!("declared in `{file}`, `{field}`"), format!("change `{field}` in `{file}` first"))
        }
        None => {
            (format!("declared by the mesh `{}`", declaration.mesh.name), "change the intent first".into())
        }
    };
    let field = &claim.path;
    let help = match declared.value.as_str() {
        "" => format!("remove `{field}`, or {change}"),
        value if claim.part => {
            format!("put `{value}` in the place of `{}` in `{field}`, or {change}", claim.value)
        }
        value if value.contains(", ") => format!("declared are `{value}`; otherwise {change}"),
        value => format!("set `{field}` to what is declared, `{value}`, or {change}"),
    };
    rule.at(Place { span: Span::NONE, path: claim.path.clone() }, message)
        .found(&claim.value)
        .declared(&declared.value, place, label)
        .help(help)
        .cluster(&declaration.cluster.name)
        .object(claims.object.clone())
}
