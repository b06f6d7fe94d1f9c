//! For a terminal.

use super::{Diff, Impact, Labels, files, shown};

/// Clusters named in one line.
const MOST_NAMED: usize = 8;

pub(super) fn render(diff: &Diff, labels: &Labels) -> String {
    let mut out = format!("{} -> {}: {}\n", shown(&labels.base), shown(&labels.head), diff.summary());
    for impact in [Impact::Partitions, Impact::Destroys, Impact::Disrupts, Impact::Changes] {
        let of_impact = || diff.changes.iter().filter(move |change| change.impact == impact);
        if of_impact().next().is_none() {
            continue;
        }
        out.push_str(&format!("\n{}\n", title(impact)));
        for change in of_impact() {
            let line = format!("{}: {}", change.mesh, change.sentence(MOST_NAMED));
            out.push_str(&format!("  {} {}\n", sign(impact), shown(&line)));
        }
    }
    for group in files::groups(&diff.files) {
        let Some((first, others)) = group.split_first() else { continue };
        out.push('\n');
        if !others.is_empty() {
            let paths: Vec<String> = others.iter().map(|file| file.path.clone()).collect();
            out.push_str(&format!(
                "the same in {}: {}\n",
                super::count(others.len(), "more file"),
                super::some(&paths, 3)
            ));
        }
        out.push_str(&files::header(first));
        first.hunks.lines().for_each(|line| out.push_str(&format!("{}\n", shown(line))));
    }
    out
}

fn title(impact: Impact) -> &'static str {
    match impact {
        Impact::Partitions => {
            "PARTITIONING: traffic between clusters stops, for good or until all have followed"
        }
        Impact::Destroys => "DESTRUCTIVE: something that runs is deleted",
        Impact::Disrupts => "Disruptive: something restarts or moves",
        Impact::Changes => "Other changes",
    }
}

fn sign(impact: Impact) -> &'static str {
    match impact {
        Impact::Partitions | Impact::Destroys => "!",
        Impact::Disrupts => "~",
        Impact::Changes => "-",
    }
}
