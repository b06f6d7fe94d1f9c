//! What lint finds in the manifests, with what became of it: a choice is only one that was said.

use std::collections::{BTreeMap, BTreeSet};

use meshwright_policies::contradictions;
use meshwright_policies::finding::{Finding, Findings};
use meshwright_policies::node::FileId;
use meshwright_policies::repository::Manifest;

use super::claims::{Made, key, made, values};
use super::cluster::Member;
use super::draft::{Draft, Told};
use super::hosted::Hosted;
use super::node::origin;
use super::residue::Rendered;
use super::slug;
use crate::source::Sources;

/// An object of the manifests, with what is rendered for its cluster.
struct Seen<'s> {
    member: &'s str,
    subject: &'s Manifest,
    made: &'s Made,
}

/// Lists every finding that no contradiction names yet.
pub(super) fn list(
    found: &Findings,
    members: &[Member<'_>],
    hosted: &[&Hosted<'_>],
    rendered: &Rendered,
    sources: &Sources,
    draft: &mut Draft,
) {
    let mut rendered_of: BTreeMap<&str, Made> = BTreeMap::new();
    for member in members {
        rendered_of.insert(&member.name, made(rendered.clusters(member)));
    }
    let planes: Vec<(&str, &Hosted<'_>, Made)> = hosted
        .iter()
        .filter_map(|mesh| {
            let own: Vec<&Member<'_>> = members.iter().filter(|member| mesh.has(member.input)).collect();
            let owner = mesh.owner(&own)?;
            Some((owner.name.as_str(), *mesh, made(rendered.hosted(&slug(&mesh.object.name)))))
        })
        .collect();
    let mut by_file: BTreeMap<FileId, Vec<Seen<'_>>> = BTreeMap::new();
    for member in members {
        let Some(made) = rendered_of.get(member.name.as_str()) else { continue };
        for subject in &member.input.subjects {
            let seen = Seen { member: &member.name, subject, made };
            by_file.entry(subject.document.span.file).or_default().push(seen);
        }
    }
    for (member, mesh, made) in &planes {
        for subject in &mesh.plane.subjects {
            by_file.entry(subject.document.span.file).or_default().push(Seen { member, subject, made });
        }
    }
    let known = places(draft);
    let still = contradictions::compare(rendered.repository());
    let still: BTreeSet<(&str, Option<&str>)> =
        still.iter().map(|finding| (finding.rule.code, finding.cluster.as_deref())).collect();
    let mut lines = BTreeSet::new();
    for finding in found {
        let span = finding.place.span;
        let inside = |seen: &&Seen<'_>| {
            let own = seen.subject.document.span;
            own.start <= span.start && span.end <= own.end
        };
        let seen = by_file.get(&span.file).and_then(|all| all.iter().find(inside));
        // Patches and shared values are written elsewhere than the object that they are a part of.
        let named = || members.iter().find(|member| finding.cluster.as_ref() == Some(&member.input.name));
        let Some(cluster) = seen.map(|seen| seen.member).or_else(|| Some(named()?.name.as_str())) else {
            continue;
        };
        let Some(place) = place(finding, sources).filter(|place| !known.contains(place)) else { continue };
        let again = still.contains(&(finding.rule.code, Some(cluster)));
        let fate = if again {
            "it is rendered as it is".to_owned()
        } else {
            match seen {
                Some(seen) => fate(finding, seen, sources, draft),
                None => GONE.to_owned(),
            }
        };
        let text = format!("{} ({}) in {place}: {fate}", finding.message, finding.rule.code);
        if lines.insert((cluster.to_owned(), text.clone())) {
            let own = format!("cluster `{cluster}`");
            let named = text.contains(&own);
            draft.contradictions.push(if named { text.clone() } else { format!("{own}: {text}") });
            if let Some((mesh, _)) = draft.cluster(cluster)
                && let Some(cluster) = mesh.clusters.get_mut(cluster)
            {
                cluster.document.comment("contradictions", text);
            }
        }
    }
}

const GONE: &str = "what is rendered does not have it";

/// Says what is found in files that are not imported.
pub(super) fn elsewhere(found: &Findings, imported: &BTreeSet<&str>, sources: &Sources) -> Vec<String> {
    let of_others = found
        .iter()
        .filter(|finding| finding.cluster.as_deref().is_none_or(|cluster| !imported.contains(cluster)));
    let lines = of_others.filter_map(|finding| {
        let place = place(finding, sources)?;
        Some(format!("{} ({}) in {place}, which is not imported", finding.message, finding.rule.code))
    });
    lines.collect()
}

/// `file:line` of a finding.
fn place(finding: &Finding, sources: &Sources) -> Option<String> {
    sources.place(finding.place.span)
}

/// Every `file:line` that is told already.
fn places(draft: &Draft) -> BTreeSet<String> {
    let words = draft.contradictions.iter().flat_map(|line| line.split([' ', ',', ';', '(', ')']));
    let words = words.map(|word| word.trim_end_matches(':')).filter(|word| word.contains(".y"));
    words.map(str::to_owned).collect()
}

/// What became of what is found. That it is not there any more is known: what is rendered was compared, too.
fn fate(finding: &Finding, seen: &Seen<'_>, sources: &Sources, draft: &Draft) -> String {
    match draft.told.get(&origin(seen.subject, sources)) {
        Some(Told::LeftOut) => return "the object is not in the intent".to_owned(),
        Some(Told::TakenOut) => return "the object is not carried over".to_owned(),
        None => {}
    }
    let claim = seen.subject.claims.list.iter().find(|claim| claim.path == finding.place.path);
    let Some(claim) = claim else { return GONE.to_owned() };
    match seen.made.get(&key(claim)) {
        None => "the intent renders nothing of it".to_owned(),
        Some(made) => {
            let same = values(claim).iter().all(|value| made.contains(value));
            let made: Vec<&str> = made.iter().map(String::as_str).collect();
            if same { "it stays".to_owned() } else { format!("taken is `{}`", made.join("`, `")) }
        }
    }
}
