//! MW8250: the directory of one cluster is delivered to another.

use std::collections::{BTreeMap, BTreeSet};

use crate::finding::{Finding, Findings, Rule, Severity};
use crate::kinds::cluster_directory;
use crate::node::{FieldPath, Node};
use crate::policy::Policy;
use crate::repository::{Cluster, Manifest, Repository, has_placeholder};

/// MW8250: the directory of one cluster is delivered to another.
pub(super) struct DeliveredElsewhere;

static RULE: Rule = Rule {
    code: "MW8250",
    name: "delivered-elsewhere",
    severity: Severity::Error,
    title: "directory of one cluster is delivered to another",
    docs: include_str!("../../docs/MW8250.md"),
};

impl Policy for DeliveredElsewhere {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn compare(&self, repository: &Repository, findings: &mut Findings) {
        let names: BTreeSet<&str> = repository
            .clusters
            .iter()
            .filter(|cluster| cluster.named)
            .map(|cluster| cluster.name.as_str())
            .collect();
        let known = |name: &str| names.contains(name);
        let mut servers: BTreeMap<String, (&Manifest, &str, String)> = BTreeMap::new();
        for cluster in &repository.clusters {
            for subject in &cluster.subjects {
                if let Some(finding) = to_everybody(subject) {
                    findings.push(finding.cluster(&cluster.name));
                }
                for delivery in delivery(cluster, subject).iter().filter(|d| known(&d.directory)) {
                    if let Some((to, why)) =
                        delivery.to.as_ref().filter(|(to, _)| known(to) && *to != delivery.directory)
                    {
                        report(cluster, subject, delivery, to, why, findings);
                    }
                    let Some(server) = &delivery.server else { continue };
                    let own = (subject, delivery.path, delivery.directory.clone());
                    let (first, path, directory) = servers.entry(server.clone()).or_insert(own);
                    if *directory != delivery.directory {
                        let message = format!(
                            "the directories of `{directory}` and `{}` are delivered to one API server, `{server}`",
                            delivery.directory
                        );
                        findings.push(
                            subject
                                .finding(&RULE, &FieldPath::parse("spec.destination"), message)
                                .found(server)
                                .related(
                                    first.place(&FieldPath::parse(path)),
                                    format!("`{directory}` goes there too"),
                                )
                                .help("name the API server of each cluster")
                                .cluster(&cluster.name),
                        );
                    }
                }
            }
        }
    }
}

/// An `ApplicationSet` that delivers the directory of one cluster wherever its generator leads.
fn to_everybody(subject: &Manifest) -> Option<Finding> {
    let template = FieldPath::parse("spec.template.spec");
    let path = FieldPath::parse("source.path").under(&template);
    let text = |path: &FieldPath| subject.document.at(path).and_then(Node::as_str);
    let directory = cluster_directory(text(&path)?).filter(|directory| !has_placeholder(directory))?;
    let targets = ["name", "server"].map(|key| template.clone().key("destination").key(key));
    let target = targets.into_iter().find(|target| text(target).is_some_and(has_placeholder))?;
    if subject.kind != "ApplicationSet" {
        return None;
    }
    let message = format!(
        "the directory of cluster `{directory}` is delivered to every cluster of the generator: everything in it is right, \
         and wrong there"
    );
    let finding = subject.finding(&RULE, &path, message).found(directory);
    let finding = finding.related(subject.place(&target), "this is another cluster each time");
    Some(finding.help("take the directory's name from the generator too, as in `clusters/{{name}}`"))
}

/// A directory and where an agent applies it.
struct Delivery {
    /// Where the directory is written.
    path: &'static str,
    directory: String,
    /// The cluster, and the field that says so.
    to: Option<(String, &'static str)>,
    /// The API server by its URL, when no name says which cluster it is.
    server: Option<String>,
}

fn delivery(cluster: &Cluster, subject: &Manifest) -> Option<Delivery> {
    let at = |path: &str| subject.text(path).filter(|text| !text.is_empty());
    let below = |path: &'static str| Some((path, cluster_directory(&at(path)?)?.to_owned()));
    match subject.kind.as_str() {
        "Kustomization"
            if at("apiVersion").is_some_and(|api| api.starts_with("kustomize.toolkit.fluxcd.io/")) =>
        {
            let (path, directory) = below("spec.path")?;
            let secret = "spec.kubeConfig.secretRef.name";
            let remote = subject.document.at(&"spec.kubeConfig".into()).is_some();
            let to = match at(secret) {
                Some(name) => Some((of_secret(&name).to_owned(), secret)),
                None if remote => None,
                // Flux of the cluster in whose directory the object lies.
                None => Some((cluster.name.clone(), path)).filter(|_| cluster.named && cluster.fleet),
            };
            Some(Delivery { path, directory, to, server: None })
        }
        "Application" => {
            let (path, directory) = below("spec.source.path")?;
            let name = "spec.destination.name";
            let to = at(name).filter(|name| name != "in-cluster").map(|to| (to, name));
            let server = at("spec.destination.server").filter(|url| !url.contains("kubernetes.default.svc"));
            Some(Delivery { path, directory, to, server })
        }
        _ => None,
    }
}

/// Flux's guides name the Secret of a kubeconfig after its cluster.
fn of_secret(name: &str) -> &str {
    name.strip_suffix("-kubeconfig").or_else(|| name.strip_prefix("kubeconfig-")).unwrap_or(name)
}

fn report(
    cluster: &Cluster,
    subject: &Manifest,
    delivery: &Delivery,
    to: &str,
    why: &'static str,
    findings: &mut Findings,
) {
    let directory = &delivery.directory;
    let message = format!(
        "the directory of cluster `{directory}` is delivered to `{to}`: everything in it is right, and wrong there"
    );
    let mut finding = subject
        .finding(&RULE, &FieldPath::parse(delivery.path), message)
        .found(directory)
        .cluster(&cluster.name);
    if why != delivery.path {
        finding = finding.related(subject.place(&FieldPath::parse(why)), format!("this is `{to}`"));
    }
    findings.push(finding.help(format!("name the directory of `{to}`, or deliver it to `{directory}`")));
}
