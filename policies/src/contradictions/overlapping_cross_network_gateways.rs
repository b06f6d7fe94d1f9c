//! MW4250: two servers let other networks in at one gateway.

use super::passthrough_of_everything::{lets_in, servers, servers_of};
use crate::claim::At;
use crate::declaration::DeclarationSpec;
use crate::finding::{Findings, Place, Rule, Severity};
use crate::kinds;
use crate::node::{FieldPath, Node, Span};
use crate::policy::Policy;
use crate::repository::{Cluster, Manifest, Repository, has_placeholder};

/// MW4250: two servers let other networks in at one gateway.
pub(super) struct OverlappingCrossNetworkGateways;

static RULE: Rule = Rule {
    code: "MW4250",
    name: "overlapping-cross-network-gateways",
    severity: Severity::Error,
    title: "two servers let other networks in to the same hosts at one gateway",
    docs: include_str!("../../docs/MW4250.md"),
};

impl Policy for OverlappingCrossNetworkGateways {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn admits(&self) -> bool {
        true
    }

    /// Two servers of one object; of another object the webhook does not know (MW4154 knows the declared one).
    fn admit(&self, declaration: &DeclarationSpec, object: &At<'_>, findings: &mut Findings) {
        let is_istio = || {
            let version = object.str_at(&["apiVersion"]).unwrap_or_default();
            version.starts_with("networking.istio.io/")
        };
        if object.str_at(&["kind"]) != Some("Gateway") || !is_istio() {
            return;
        }
        let subject = Manifest::without_claims(object);
        let place = |path: FieldPath| Place { span: Span::NONE, path };
        let mut seen: Vec<Server<'_>> = Vec::new();
        for (path, server) in servers_of(&subject) {
            let Some(server) = cross_network(&subject, path, server) else { continue };
            if let Some((other, pair)) = first_overlap(&server, &seen) {
                let (index, host, there) = pair;
                findings.push(
                    RULE.at(place(server.path.clone().key("hosts").index(index)), message(host, there))
                        .found(host)
                        .related(place(other.path.clone().key("hosts")), format!("`{there}` is let in here"))
                        .help(HELP)
                        .cluster(&declaration.cluster.name)
                        .object(kinds::reference(object)),
                );
            }
            seen.push(server);
        }
    }

    fn compare(&self, repository: &Repository, findings: &mut Findings) {
        for cluster in repository.clusters.iter().filter(|cluster| !cluster.mixed) {
            judge(cluster, findings);
        }
    }
}

/// One server in mode AUTO_PASSTHROUGH.
struct Server<'a> {
    subject: &'a Manifest,
    path: FieldPath,
    selector: serde_json::Value,
    port: serde_json::Value,
    hosts: Vec<(usize, &'a str)>,
}

fn judge(cluster: &Cluster, findings: &mut Findings) {
    let mut seen: Vec<Server<'_>> = Vec::new();
    for (subject, path, server) in servers(cluster) {
        let Some(server) = cross_network(subject, path, server) else { continue };
        if let Some((other, pair)) = first_overlap(&server, &seen) {
            report(cluster, &server, other, pair, findings);
        }
        seen.push(server);
    }
}

/// The first of those before at the same port of the same workloads that lets in to the same.
fn first_overlap<'a, 'b>(
    server: &Server<'a>,
    before: &'b [Server<'a>],
) -> Option<(&'b Server<'a>, Pair<'a>)> {
    let mut same =
        before.iter().filter(|other| other.selector == server.selector && other.port == server.port);
    same.find_map(|other| Some((other, overlap(server, other)?)))
}

fn cross_network<'a>(subject: &'a Manifest, path: FieldPath, server: &'a Node) -> Option<Server<'a>> {
    if !lets_in(server) || server.get("bind").is_some() {
        return None;
    }
    let selector = subject.document.at(&"spec.selector".into())?.to_json();
    let port = server.at(&"port.number".into())?.to_json();
    let hosts: Vec<(usize, &str)> = server
        .get("hosts")?
        .items()
        .enumerate()
        .filter_map(|(index, host)| Some((index, host.as_str()?)))
        .collect();
    let open = has_placeholder(&selector.to_string()) || hosts.iter().any(|(_, host)| has_placeholder(host));
    (!open).then_some(Server { subject, path, selector, port, hosts })
}

/// The namespaces before `/` say which services are meant.
fn split(host: &str) -> (&str, &str) {
    host.split_once('/').unwrap_or(("*", host))
}

type Pair<'a> = (usize, &'a str, &'a str);

fn overlap<'a>(server: &Server<'a>, other: &Server<'a>) -> Option<Pair<'a>> {
    server.hosts.iter().find_map(|(index, host)| {
        other.hosts.iter().find(|(_, there)| meet(host, there)).map(|(_, there)| (*index, *host, *there))
    })
}

fn meet(a: &str, b: &str) -> bool {
    let ((space_a, a), (space_b, b)) = (split(a), split(b));
    let namespaces = space_a == space_b || space_a == "*" || space_b == "*";
    let within = |host: &str, pattern: &str| {
        pattern == "*" || pattern.strip_prefix('*').is_some_and(|suffix| host.ends_with(suffix))
    };
    namespaces && (a == b || within(a, b) || within(b, a))
}

const HELP: &str = "keep one of the two servers; `*.local` takes in every service";

/// istio/istio: `pilot/pkg/model/gateway.go`, `CheckDuplicates`; `pilot/pkg/networking/core/gateway.go`,
/// `builtAutoPassthroughFilterChains`; istio/istio#42050, istio/istio#56107.
fn message(host: &str, there: &str) -> String {
    let effect = if host == there {
        "istiod skips one of the two".to_owned()
    } else {
        format!(
            "it overlaps `{there}`, and Envoy refuses the whole listener for filter chains that match alike"
        )
    };
    format!("`{host}` is let in at one port of one gateway twice: {effect}")
}

fn report(
    cluster: &Cluster,
    server: &Server<'_>,
    other: &Server<'_>,
    pair: Pair<'_>,
    findings: &mut Findings,
) {
    let (index, host, there) = pair;
    let path = server.path.clone().key("hosts").index(index);
    findings.push(
        server
            .subject
            .finding(&RULE, &path, message(host, there))
            .found(host)
            .related(
                other.subject.place(&other.path.clone().key("hosts")),
                format!("`{there}` is let in here"),
            )
            .help(HELP)
            .cluster(&cluster.name),
    );
}
