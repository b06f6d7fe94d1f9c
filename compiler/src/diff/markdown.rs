//! A comment on a pull request: the sum first, then changes worst first, then the rendered diff, folded.
//!
//! Hosts refuse long comments (GitHub: 65,536 characters), so there is a budget; what is left out is said.

use super::{Diff, FileChange, Impact, Labels, count, files, shown};
use crate::diagnostic::markdown_escape as escape;

/// By which a bot finds its own comment again, to change it instead of writing another.
const MARKER: &str = "<!-- meshwright diff -->\n";
/// Most bytes of the whole text, and so most characters.
const LONGEST: usize = 59_000;
/// Kept for the lines that say what was left out.
const RESERVE: usize = 400;
/// Bytes that changes may take, so that files get some too.
const LONGEST_CHANGES: usize = 40_000;
/// Clusters named in one line.
const MOST_NAMED: usize = 8;
/// Characters of a line before escaping.
const LONGEST_LINE: usize = 1_000;

pub(super) fn render(diff: &Diff, labels: &Labels) -> String {
    let mut out = format!("{MARKER}### What this change means\n\n");
    let (base, head) = (escape(&labels.base, 200), escape(&labels.head, 200));
    out.push_str(&format!("**{}** ({base} → {head})\n", diff.summary()));
    changes(diff, &mut out);
    rendered(diff, &mut out);
    out
}

fn changes(diff: &Diff, out: &mut String) {
    let mut left_out = 0;
    for impact in [Impact::Partitions, Impact::Destroys, Impact::Disrupts, Impact::Changes] {
        let mut head = Some(format!("\n#### {}\n\n", title(impact)));
        for change in diff.changes.iter().filter(|change| change.impact == impact) {
            let line = format!("`{}`: {}", change.mesh, change.sentence(MOST_NAMED));
            let line = format!("- {}\n", escape(&line, LONGEST_LINE));
            let needed = line.len() + head.as_ref().map_or(0, String::len);
            if out.len() + needed > LONGEST_CHANGES {
                left_out += 1;
                continue;
            }
            out.push_str(&head.take().unwrap_or_default());
            out.push_str(&line);
        }
    }
    if left_out > 0 {
        out.push_str(&format!(
            "\n{} left out here: the comment would be too long.\n",
            count(left_out, "more change")
        ));
    }
}

fn title(impact: Impact) -> &'static str {
    match impact {
        Impact::Partitions => {
            "⛔ Partitioning: traffic between clusters stops, for good or until all have followed"
        }
        Impact::Destroys => "⚠️ Destructive: something that runs is deleted",
        Impact::Disrupts => "Disruptive: something restarts or moves",
        Impact::Changes => "Other",
    }
}

fn rendered(diff: &Diff, out: &mut String) {
    let mut left_out = 0;
    for group in files::groups(&diff.files) {
        let Some((first, others)) = group.split_first() else { continue };
        let text = details(first, others);
        if out.len() + text.len() + RESERVE > LONGEST {
            left_out += group.len();
        } else {
            out.push_str(&text);
        }
    }
    if left_out > 0 {
        let files = count(left_out, "more rendered file");
        out.push_str(&format!("\n{files} left out here: the comment would be too long.\n"));
    }
}

fn details(first: &FileChange, others: &[&FileChange]) -> String {
    let more = match others.len() {
        0 => String::new(),
        n => format!(", and the same in {}", count(n, "more file")),
    };
    let path = escape(&format!("`{}`", first.path), LONGEST_LINE);
    let text: String = first.hunks.lines().map(|line| format!("{}\n", shown(line))).collect();
    let fence = fence(&text);
    format!(
        "\n<details><summary>{path} {} (+{} −{}){more}</summary>\n\n{fence}diff\n{text}{fence}\n</details>\n",
        first.change, first.added, first.removed
    )
}

/// A fence that no line of the text closes (CommonMark 0.31, section 4.5).
fn fence(text: &str) -> String {
    let (mut longest, mut run) = (2, 0);
    for c in text.chars() {
        run = if c == '`' { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    "`".repeat(longest + 1)
}
