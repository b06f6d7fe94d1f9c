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
mod fleet;
mod gateways;
mod node;
mod plane;
mod platform;
mod raw;
mod residue;
mod settle;

use std::collections::{BTreeMap, BTreeSet};

use meshwright_policies::contradictions;
use meshwright_policies::finding::{Findings, Severity};
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
    /// The files of the intent, by path below its root.
    pub files: BTreeMap<String, Vec<u8>>,
    /// Names of the clusters that were imported.
    pub clusters: Vec<String>,
    /// Statements that contradict what was chosen, one line each.
    pub contradictions: Vec<String>,
    /// What is in the manifests and not in the intent, one line each.
    pub left_out: Vec<String>,
    /// What the manifests do not say and a person has to, one line each.
    pub questions: Vec<String>,
    /// What could not be known, one line each.
    pub notes: Vec<String>,
    /// What `check` says of the intent.
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
    /// Clusters that one intent cannot hold.
    #[error(
        "{0}: an intent has each name once; import them one after the other, each with paths and a directory of its own"
    )]
    SeveralMeshes(String),
}

fn hint(unnamed: &[String]) -> String {
    match unnamed.first() {
        Some(first) => format!(
            "; `{first}` says something about a mesh, but which cluster it is says nothing: say it with \
             `--cluster-glob 'clusters/*'`"
        ),
        None => String::new(),
    }
}

/// How often what contradicts the intent is taken out of what is carried over, at most.
const ROUNDS: usize = 3;

/// Imports manifests.
///
/// # Errors
///
/// [`ImportError`].
pub fn import(sources: &Sources, globs: &[ClusterGlob], today: Date) -> Result<Imported, ImportError> {
    let (repository, mut notes) = lint::everything(sources, globs);
    let inputs = inputs(&repository, &mut notes);
    if inputs.is_empty() {
        let unnamed =
            repository.clusters.iter().filter(|c| !c.named || c.mixed).filter(|c| speaks_of_istio(c));
        let unnamed = unnamed.map(|cluster| cluster.name.clone()).collect();
        return Err(ImportError::NothingFound { files: sources.len(), unnamed });
    }
    let ids = names(&inputs);
    let mut members: Vec<Member<'_>> =
        inputs.iter().zip(ids).map(|(input, name)| Member::read(input, name, &repository, sources)).collect();
    platform::provisioned(&repository, &mut members);
    platform::api_servers(&repository, &mut members);
    let meshes = fleet::meshes(&members, &repository).map_err(ImportError::SeveralMeshes)?;
    let first = load(&fleet::draft(&members, &meshes).working_files(), today);
    let mut rendered = residue::rendered(&first.fleet);
    let beyond = residue::free_values(&mut members, &rendered);
    let mut draft = fleet::draft(&members, &meshes);
    draft.left_out.extend(beyond);
    let mut loaded = load(&draft.working_files(), today);
    rendered = residue::rendered(&loaded.fleet);
    raw::collect(&members, &rendered, sources, &mut draft);
    loaded = load(&draft.working_files(), today);
    for _ in 0..ROUNDS {
        let refused = judged(&mut loaded);
        let taken_out = raw::take_out(&mut draft, &loaded, &refused);
        let settled = settle::settle(&mut draft, &loaded, &refused);
        let linted = || contradictions::compare(residue::rendered(&loaded.fleet).repository());
        if !(settled || taken_out || raw::take_out_objects(&mut draft, &linted())) {
            break;
        }
        loaded = load(&draft.working_files(), today);
    }
    claims::compare(&members, &residue::rendered(&loaded.fleet), sources, &mut draft);
    let files = draft.files();
    let mut loaded = load(&files, today);
    judged(&mut loaded);
    let mut shown = Sources::new();
    for (path, bytes) in &files {
        shown.add(path.clone(), bytes.as_slice().into());
    }
    Ok(Imported {
        files,
        clusters: members.iter().map(|member| member.name.clone()).collect(),
        contradictions: draft.contradictions,
        left_out: draft.left_out.into_iter().collect(),
        questions: draft.questions.into_iter().collect(),
        notes,
        findings: loaded.findings,
        sources: shown,
    })
}

/// Clusters that have a name and say something about a mesh.
fn inputs<'a>(
    repository: &'a repository::Repository,
    notes: &mut Vec<String>,
) -> Vec<&'a repository::Cluster> {
    let mut inputs = Vec::new();
    for cluster in repository.clusters.iter().filter(|cluster| speaks_of_istio(cluster)) {
        if cluster.named && !cluster.mixed {
            inputs.push(cluster);
        } else {
            notes.push(format!(
                "`{}` is not imported: which cluster its files belong to says nothing, and `--cluster-glob` can",
                cluster.name
            ));
        }
    }
    inputs
}

fn speaks_of_istio(cluster: &repository::Cluster) -> bool {
    plane::find(cluster).is_some() || cluster.subjects.iter().any(gateways::is_labelled)
}

/// A name for each cluster, such as the intent takes, each once.
fn names(inputs: &[&repository::Cluster]) -> Vec<String> {
    let mut taken = BTreeSet::new();
    inputs
        .iter()
        .map(|input| {
            let own = slug(&input.name);
            let scoped = slug(&format!("{}{}", input.scope, input.name));
            let mut numbered = (2_u32..).map(|n| format!("{}-{n}", own.get(..56).unwrap_or(&own)));
            let fresh = |name: &String| !taken.contains(name);
            let name = [own.clone(), scoped].into_iter().find(fresh).or_else(|| numbered.find(fresh));
            let name = name.unwrap_or(own.clone());
            taken.insert(name.clone());
            name
        })
        .collect()
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

/// Adds what rendering finds. Returns every error.
fn judged(loaded: &mut Loaded) -> Vec<raw::Refused> {
    if !loaded.findings.has_errors()
        && let Err(findings) = build::build(&loaded.fleet)
    {
        loaded.findings.extend(findings);
        loaded.findings.sort();
    }
    let errors = loaded.findings.iter().filter(|finding| finding.severity == Severity::Error);
    errors
        .map(|finding| raw::Refused {
            span: finding.place.span,
            path: finding.place.path.clone(),
            code: finding.rule.code,
            why: format!("{} ({})", finding.message, finding.rule.code),
        })
        .collect()
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
