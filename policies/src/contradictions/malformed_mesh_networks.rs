//! MW2204: meshNetworks that Istio reads otherwise than it is written.

use crate::claim::{Claim, Claims, Fact, MeshNetworksFault};
use crate::declaration::DeclarationSpec;
use crate::finding::{Findings, Place, Rule, Severity};
use crate::node::Span;
use crate::policy::Policy;
use crate::repository::Repository;
use crate::suggest::nearest;

/// MW2204: meshNetworks that Istio reads otherwise than it is written.
pub(super) struct MalformedMeshNetworks;

static RULE: Rule = Rule {
    code: "MW2204",
    name: "malformed-mesh-networks",
    severity: Severity::Error,
    title: "meshNetworks is not of the form that istiod reads",
    docs: include_str!("../../docs/MW2204.md"),
};

impl Policy for MalformedMeshNetworks {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn judges(&self) -> bool {
        true
    }

    fn judge(&self, declaration: &DeclarationSpec, claims: &Claims, findings: &mut Findings) {
        for claim in &claims.list {
            let Some((message, help)) = fault(claim) else { continue };
            let place = Place { span: Span::NONE, path: claim.path.clone() };
            let finding = RULE.at(place, message).found(&claim.value).help(help);
            findings.push(finding.cluster(&declaration.cluster.name).object(claims.object.clone()));
        }
    }

    fn compare(&self, repository: &Repository, findings: &mut Findings) {
        for cluster in &repository.clusters {
            for stated in cluster.stated(|_, fact| matches!(fact, Fact::MeshNetworksFault(_))) {
                let Some((message, help)) = fault(stated.claim) else { continue };
                let finding = stated.finding(&RULE, message);
                findings.push(finding.help(help).cluster(&cluster.name));
            }
        }
    }
}

/// Message and help.
fn fault(claim: &Claim) -> Option<(String, String)> {
    let Fact::MeshNetworksFault(fault) = &claim.fact else { return None };
    let found = &claim.value;
    let all = "istiod discards the whole document";
    let (message, help) = match fault {
        MeshNetworksFault::NoWrapper => (
            "`meshNetworks` of the ConfigMap has no `networks:`, so istiod finds no network in it".to_owned(),
            "put the networks below the key `networks`: only chart values go without it".to_owned(),
        ),
        MeshNetworksFault::Doubled => (
            "`networks:` is one level too deep: istiod will see one network that is called `networks`"
                .to_owned(),
            "remove `networks:` and move what is below it up: the chart writes that key itself".to_owned(),
        ),
        MeshNetworksFault::UnknownKey { holder, known } => (
            format!("`{found}` is no key of {holder} in `meshNetworks`: istiod drops it without a word"),
            match nearest(found, known.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => {
                    let known = known.iter().filter(|key| !key.contains('_')).take(3);
                    format!("{holder} has {}", known.map(|k| format!("`{k}`")).collect::<Vec<_>>().join(", "))
                }
            },
        ),
        MeshNetworksFault::Port => (
            format!("a gateway in `meshNetworks` has `{found}` for a port: {all}"),
            "write the port at which peers enter, usually 15443".to_owned(),
        ),
        MeshNetworksFault::Address => (
            format!("`{found}` is neither an IP address nor a name that istiod can resolve: {all}"),
            "write the address alone, without scheme and port".to_owned(),
        ),
        MeshNetworksFault::Registry => (
            format!("`{found}` cannot be the ID of a cluster: {all}"),
            "use the cluster's ID: letters, digits and `-`, at most 63".to_owned(),
        ),
        MeshNetworksFault::Range => (
            format!("`{found}` is no range of addresses: {all}"),
            "write it as address and prefix length, such as `10.101.0.0/16`".to_owned(),
        ),
        MeshNetworksFault::Maskless => (
            format!("`{found}` is one address and no range: istiod accepts it and leaves it out"),
            format!("add the prefix length: `{found}/32` for this address alone"),
        ),
        MeshNetworksFault::Unreadable => (
            format!("`meshNetworks` of the ConfigMap is no YAML: {all}"),
            "correct the text: a bracket, an indentation or a quote is amiss".to_owned(),
        ),
        MeshNetworksFault::Shape { wanted } => (
            format!("`meshNetworks` has something else where {wanted} is wanted: {all}"),
            format!("write {wanted}"),
        ),
        MeshNetworksFault::Both { other } => (
            format!("`{found}` and `{other}` exclude each other: {all}"),
            format!("write two items, or remove one of `{found}` and `{other}`"),
        ),
    };
    Some((message, help))
}
