//! The smallest intent that renders what existing manifests claim.
//!
//! Manifests are read as `meshwright lint` reads them. What they claim becomes intent; where they contradict each other,
//! one value is chosen and the others are named in a comment beside it. What the intent has no word for is carried over
//! as it is. The result is proven by rendering it: every claim of the input that the rendered output does not make is
//! listed.

mod claims;
mod cluster;
mod delivery;
mod draft;
mod external;
mod failover;
mod fleet;
mod found;
mod gateways;
mod hosted;
mod installed;
mod node;
mod plane;
mod platform;
mod raw;
mod residue;
mod settle;
mod single_source;

use std::collections::{BTreeMap, BTreeSet};

use meshwright_policies::contradictions;
use meshwright_policies::finding::{Finding, Findings, Severity};
use meshwright_policies::intent::Date;
use meshwright_policies::names::ClusterName;
use meshwright_policies::node::FileId;
use meshwright_policies::repository;

use crate::build;
use crate::compile::{self, Loaded, SourceText};
use crate::lint::{self, ClusterGlob};
use crate::source::Sources;

use cluster::Member;

/// What an import came to.
#[derive(Debug)]
pub struct Imported {
    /// The files of the intent, by path below the directory that they are written into.
    pub files: BTreeMap<String, Vec<u8>>,
    /// What the files are: one intent, or several where meshes share names that an intent has once.
    pub intents: Vec<Intent>,
    /// Statements that contradict what was chosen, one line each.
    pub contradictions: Vec<String>,
    /// What is in the manifests and not in the intent, one line each.
    pub left_out: Vec<String>,
    /// What the manifests do not say and a person has to, one line each.
    pub questions: Vec<String>,
    /// What could not be known, one line each.
    pub notes: Vec<String>,
}

/// One intent of an import.
#[derive(Debug)]
pub struct Intent {
    /// Its directory; empty when there is one intent only.
    pub directory: String,
    /// Names of the clusters that were imported.
    pub clusters: Vec<String>,
    /// What `check` says of it.
    pub findings: Findings,
    /// The files that those findings point into.
    pub sources: Sources,
}

/// Why there is nothing to write.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImportError {
    /// No cluster was recognised.
    #[error("no cluster with a control plane or an east-west gateway of Istio was found in {files} files{}", hint(.unnamed))]
    NothingFound {
        /// How many files were read.
        files: usize,
        /// Directories that say something about a mesh, but are no cluster by name.
        unnamed: Vec<String>,
    },
    /// Every cluster has an external control plane.
    #[error("there is nothing to import: {}", .why.join("; "))]
    OnlyExternal {
        /// What is said of each.
        why: Vec<String>,
    },
}

fn hint(unnamed: &[String]) -> String {
    match unnamed.first() {
        Some(first) => format!(
            "; `{first}` says something about a mesh, but not which cluster it is: give each cluster a directory of its own, \
             and say where those are with `--cluster-glob 'clusters/*'`"
        ),
        None => String::new(),
    }
}

/// How often what contradicts the intent is taken out of what is carried over, at most.
const ROUNDS: usize = 6;

/// Imports manifests.
///
/// # Errors
///
/// [`ImportError`].
pub fn import(sources: &Sources, globs: &[ClusterGlob], today: Date) -> Result<Imported, ImportError> {
    let (mut repository, mut notes) = lint::everything(sources, globs);
    repository = single_source::shaped(repository);
    let external = external::find(&repository);
    let of_external = external::notes(&repository, &external);
    if !external.is_empty() {
        repository = external::without(&repository, &external);
        notes.extend(of_external.iter().cloned());
    }
    let elsewhere = delivery::Elsewhere::of(&repository);
    let hosts = hosted::find(&repository, &elsewhere, sources, globs);
    let strangers = hosted::strangers(&hosts, &repository);
    let mut inputs = inputs(&repository, &hosts, &mut notes);
    inputs.extend(&strangers);
    if inputs.is_empty() && !of_external.is_empty() {
        return Err(ImportError::OnlyExternal { why: of_external });
    }
    if inputs.is_empty() {
        let unnamed =
            repository.clusters.iter().filter(|c| !c.named || c.mixed).filter(|c| speaks_of_istio(c));
        let unnamed = unnamed.map(|cluster| cluster.name.clone()).collect();
        return Err(ImportError::NothingFound { files: sources.len(), unnamed });
    }
    let mut members: Vec<Member<'_>> =
        inputs.iter().map(|input| Member::read(input, slug(&input.name), &elsewhere, sources)).collect();
    platform::provisioned(&repository, &mut members);
    platform::api_servers(&repository, &mut members);
    hosted::adopt(&hosts, &mut members);
    let found = contradictions::compare(&repository);
    let mut names: BTreeSet<&str> = members.iter().map(|member| member.input.name.as_str()).collect();
    names.extend(hosts.iter().map(|mesh| mesh.plane.name.as_str()));
    notes.extend(found::elsewhere(&found, &names, sources));
    let parts = fleet::intents(members, &repository, &hosts);
    let mut imported = Imported {
        files: BTreeMap::new(),
        intents: Vec::new(),
        contradictions: Vec::new(),
        left_out: Vec::new(),
        questions: Vec::new(),
        notes,
    };
    for part in parts {
        imported.notes.extend(part.why.clone());
        imported.add(part, &hosts, &found, sources, today);
    }
    Ok(imported)
}

impl Imported {
    fn add(
        &mut self,
        part: fleet::Part<'_>,
        hosts: &[hosted::Hosted<'_>],
        found: &Findings,
        sources: &Sources,
        today: Date,
    ) {
        let fleet::Part { directory, mut members, meshes, .. } = part;
        let draft = drafted(&mut members, &meshes, hosts, found, sources, today);
        let below =
            |path: &str| if directory.is_empty() { path.to_owned() } else { format!("{directory}/{path}") };
        let told = |line: String| if directory.is_empty() { line } else { format!("{directory}: {line}") };
        let files = draft.files();
        let (findings, _) = judged(&load(&files, today));
        let findings = if draft.is_complete() {
            findings
        } else {
            // What follows from nothing but the missing release is no news.
            let (working, _) = judged(&load(&draft.working_files(), today));
            let said: BTreeSet<_> =
                working.iter().map(|finding| (finding.rule.code, &finding.message)).collect();
            let stays = |finding: &Finding| {
                finding.rule.code == NO_VERSION || said.contains(&(finding.rule.code, &finding.message))
            };
            let mut findings = findings;
            findings.retain_mut(|finding| stays(finding));
            findings
        };
        let mut shown = Sources::new();
        for (path, bytes) in files {
            shown.add(below(&path), bytes.as_slice().into());
            self.files.insert(below(&path), bytes);
        }
        self.contradictions.extend(draft.contradictions.into_iter().map(told));
        self.left_out.extend(draft.left_out.into_iter().map(told));
        self.questions.extend(draft.questions.into_iter().map(told));
        self.intents.push(Intent {
            clusters: members.iter().map(|member| member.name.clone()).collect(),
            findings,
            sources: shown,
            directory,
        });
    }
}

/// The code of a mesh without a release of Istio.
const NO_VERSION: &str = "MW0113";

/// The intent of these meshes.
fn drafted(
    members: &mut [Member<'_>],
    meshes: &[fleet::Grouped],
    hosts: &[hosted::Hosted<'_>],
    found: &Findings,
    sources: &Sources,
    today: Date,
) -> draft::Draft {
    let first = load(&fleet::draft(members, meshes, hosts).working_files(), today);
    let mut rendered = residue::rendered(&first.fleet);
    let beyond = residue::free_values(members, &rendered);
    let mut draft = fleet::draft(members, meshes, hosts);
    draft.left_out.extend(beyond);
    rendered = residue::rendered(&load(&draft.working_files(), today).fleet);
    raw::collect(members, &rendered, sources, &mut draft);
    raw::collect_hosted(meshes, hosts, &rendered, sources, &mut draft);
    let mut loaded = load(&draft.working_files(), today);
    rendered = residue::rendered(&loaded.fleet);
    for _ in 0..ROUNDS {
        let (_, refused) = judged(&loaded);
        let taken_out = raw::take_out(&mut draft, &loaded, &refused);
        let settled = settle::settle(&mut draft, &loaded, &refused);
        let linted = || contradictions::compare(rendered.repository());
        if !(settled || taken_out || raw::take_out_objects(&mut draft, &linted())) {
            break;
        }
        loaded = load(&draft.working_files(), today);
        rendered = residue::rendered(&loaded.fleet);
    }
    claims::compare(members, meshes, hosts, &rendered, sources, &mut draft);
    let own: Vec<&hosted::Hosted<'_>> = meshes.iter().filter_map(|mesh| hosts.get(mesh.hosted?)).collect();
    found::list(found, members, &own, &rendered, sources, &mut draft);
    draft
}

/// Clusters that have a name and say something about a mesh.
fn inputs<'a>(
    repository: &'a repository::Repository,
    hosts: &[hosted::Hosted<'_>],
    notes: &mut Vec<String>,
) -> Vec<&'a repository::Cluster> {
    let mut inputs = Vec::new();
    let management = |cluster: &repository::Cluster| {
        hosts.iter().any(|mesh| {
            std::ptr::eq(mesh.plane, cluster) || mesh.global_cluster.as_ref() == Some(&cluster.name)
        })
    };
    let mut nameless: Vec<(&str, usize)> = Vec::new();
    for cluster in &repository.clusters {
        let member = hosted::of_cluster(hosts, cluster).is_some();
        if !member && (management(cluster) || !speaks_of_istio(cluster)) {
            if cluster.named && !management(cluster) && !cluster.subjects.is_empty() {
                let (count, name) = (cluster.subjects.len(), &cluster.name);
                notes.push(format!(
                    "cluster `{name}` says nothing of a mesh: its {count} objects are not imported"
                ));
            } else if !cluster.named && !cluster.subjects.is_empty() {
                nameless.push((&cluster.name, cluster.subjects.len()));
            }
            continue;
        }
        if cluster.named && !cluster.mixed {
            inputs.push(cluster);
        } else {
            notes.push(format!(
                "`{}` is not imported: which cluster its files belong to says nothing, and `--cluster-glob` can",
                cluster.name
            ));
        }
    }
    let count: usize = nameless.iter().map(|(_, count)| count).sum();
    let mut directories: Vec<String> = nameless.iter().take(5).map(|(name, _)| format!("`{name}`")).collect();
    if nameless.len() > directories.len() {
        directories.push("others".to_owned());
    }
    if count > 0 {
        notes.push(format!(
            "{count} objects in {} are no cluster's by name and are not imported; `--cluster-glob` can say whose they are",
            directories.join(", ")
        ));
    }
    inputs
}

fn speaks_of_istio(cluster: &repository::Cluster) -> bool {
    plane::find(cluster).is_some() || !gateways::find(cluster).is_empty() || installed::is_there(cluster)
}

/// A text as the intent takes names: a label of DNS.
fn slug(text: &str) -> String {
    if ClusterName::new(text).is_ok() {
        return text.to_owned();
    }
    let plain: String = text
        .trim_start_matches("https://")
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' })
        .collect();
    let cut: String = plain.trim_matches('-').chars().take(63).collect();
    let cut = cut.trim_end_matches('-');
    if cut.is_empty() { "cluster".to_owned() } else { cut.to_owned() }
}

/// Reads intent files.
fn load(files: &BTreeMap<String, Vec<u8>>, today: Date) -> Loaded {
    let texts = (0..).map(FileId).zip(files);
    compile::load(texts.map(|(id, (path, text))| SourceText { id, path, text }), today)
}

/// What `check` says, and every error of it.
fn judged(loaded: &Loaded) -> (Findings, Vec<raw::Refused>) {
    let mut findings = loaded.findings.clone();
    if !findings.has_errors() {
        let built = build::build_with_warnings(&loaded.fleet);
        findings.extend(built.map_or_else(|findings| findings, |(_, warnings)| warnings));
        findings.sort();
    }
    let errors = findings.iter().filter(|finding| finding.severity == Severity::Error);
    let refused = errors
        .map(|finding| raw::Refused {
            span: finding.place.span,
            path: finding.place.path.clone(),
            code: finding.rule.code,
            why: format!("{} ({})", finding.message, finding.rule.code),
        })
        .collect();
    (findings, refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_labels_of_dns() {
        for (text, name) in [
            ("east", "east"),
            ("https://10.2.0.10:6443", "10-2-0-10-6443"),
            ("Cluster_1", "cluster-1"),
            ("--", "cluster"),
            (&"x".repeat(80), &"x".repeat(63)),
        ] {
            assert_eq!(slug(text), name);
        }
    }
}
