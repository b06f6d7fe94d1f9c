//! SVG that needs nothing else: no script, no font to fetch, light or dark as the reader's screen is.

mod layout;

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::topology::{ClusterNode, MeshNode, Topology};
use layout::{
    CARD_GAP, CONTROL_CHANNEL, Frame, HEADING, MARGIN, PAD, Placed, STRIP_LINE, TITLE, TRAFFIC_CHANNEL, fit,
    place, text_width,
};

const STYLE: &str = "
  .paper { fill: #ffffff; }
  .network { fill: #f8fafc; stroke: #94a3b8; }
  .cluster { fill: #ffffff; stroke: #cbd5e1; }
  .gateway { fill: #dbeafe; stroke: #2563eb; }
  .istiod { fill: #fef3c7; stroke: #d97706; }
  text { font-family: system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif; font-size: 11px; fill: #475569; }
  .h { font-size: 18px; font-weight: 600; fill: #0f172a; }
  .t { font-size: 13px; font-weight: 600; fill: #0f172a; }
  .n { font-size: 12px; font-weight: 600; fill: #0f172a; }
  .g { fill: #1e3a8a; }
  .i { fill: #78350f; }
  .traffic { fill: none; stroke: #2563eb; stroke-width: 1.5; }
  .control { fill: none; stroke: #d97706; stroke-width: 1.5; stroke-dasharray: 5 4; }
  .head { fill: #2563eb; }
  .tip { fill: #d97706; }
  @media (prefers-color-scheme: dark) {
    .paper { fill: #0d1117; }
    .network { fill: #161b22; stroke: #475569; }
    .cluster { fill: #0d1117; stroke: #334155; }
    .gateway { fill: #172554; stroke: #60a5fa; }
    .istiod { fill: #451a03; stroke: #f59e0b; }
    text { fill: #94a3b8; }
    .h, .t, .n { fill: #f1f5f9; }
    .g { fill: #bfdbfe; }
    .i { fill: #fde68a; }
    .traffic { stroke: #60a5fa; }
    .control { stroke: #f59e0b; }
    .head { fill: #60a5fa; }
    .tip { fill: #f59e0b; }
  }
";

/// Draws it.
pub(super) fn draw(topology: &Topology) -> String {
    let mut body = String::new();
    let (mut width, mut y) = (2 * MARGIN + 420, MARGIN / 2);
    for mesh in &topology.meshes {
        let placed = place(mesh, y);
        width = width.max(placed.width);
        y += placed.height;
        draw_mesh(&placed, &mut body);
    }
    legend(y, &mut body);
    let height = y + 64;
    let names: Vec<&str> = topology.meshes.iter().map(|mesh| mesh.name.as_str()).collect();
    let title = escape(&format!("Topology of {}", names.join(", ")));
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
         role=\"img\">\n<title>{title}</title>\n<style>{STYLE}</style>\n<rect class=\"paper\" width=\"{width}\" \
         height=\"{height}\"/>\n{body}</svg>\n"
    )
}

fn draw_mesh(placed: &Placed<'_>, out: &mut String) {
    let heading = fit(&format!("Mesh {}", placed.mesh.name), 18, 620);
    text(out, "h", MARGIN, placed.y + 24, &heading);
    for frame in placed.rows.iter().flatten() {
        draw_frame(frame, out);
    }
    // Above the boxes, since they end at strips inside.
    traffic(placed, out);
    control(placed, out);
}

fn draw_frame(frame: &Frame<'_>, out: &mut String) {
    let Frame { x, y, width, height, .. } = *frame;
    let noun = if frame.network.members == 1 { "cluster" } else { "clusters" };
    let _ = writeln!(
        out,
        "<g><title>network {}: {} {noun}</title>",
        escape(&frame.network.id),
        frame.network.members
    );
    rectangle(out, "network", (x, y, width, height), 8);
    text(out, "t", x + PAD, y + 18, &fit(&frame.network.id, 13, width - 4 * PAD));
    out.push_str("</g>\n");
    let lines: Vec<String> = frame
        .istiods
        .iter()
        .map(|(cluster, words)| {
            if frame.network.clusters.len() > 1 {
                format!("{words} in {}", cluster.name)
            } else {
                (*words).to_owned()
            }
        })
        .collect();
    strip(out, ("istiod", "i"), (x + PAD, y + TITLE, width - 2 * PAD), &lines);
    for (index, cluster) in frame.network.clusters.iter().enumerate() {
        card(frame, index, cluster, out);
    }
    strip(out, ("gateway", "g"), (x + PAD, frame.entries_y(), width - 2 * PAD), &frame.entries);
}

fn strip(
    out: &mut String,
    (class, ink): (&str, &str),
    (x, y, width): (usize, usize, usize),
    lines: &[String],
) {
    if lines.is_empty() {
        return;
    }
    let _ = writeln!(out, "<g><title>{}</title>", escape(&lines.join("; ")));
    rectangle(out, class, (x, y, width, lines.len() * STRIP_LINE + 8), 6);
    for (index, line) in lines.iter().enumerate() {
        text(out, ink, x + 10, y + 18 + index * STRIP_LINE, &fit(line, 11, width - 16));
    }
    out.push_str("</g>\n");
}

fn card(frame: &Frame<'_>, index: usize, cluster: &ClusterNode, out: &mut String) {
    let ((x, y), (width, height)) = (frame.card_at(index), frame.card);
    let mut all = vec![cluster.name.clone(), cluster.role.clone()];
    all.extend(cluster.facts.iter().cloned());
    all.extend(cluster.istiod.iter().cloned());
    let _ = writeln!(out, "<g><title>{}</title>", escape(&all.join("\n")));
    rectangle(out, "cluster", (x, y, width, height), 5);
    text(out, "n", x + 10, y + if frame.compact { 16 } else { 18 }, &fit(&cluster.name, 12, width - 16));
    if !frame.compact {
        for (line, words) in [&cluster.role].into_iter().chain(&cluster.facts).enumerate() {
            text(out, "", x + 10, y + 36 + line * 16, &fit(words, 11, width - 16));
        }
    }
    out.push_str("</g>\n");
}

/// Lines between networks: from each box down into the channel of its row, the channels joined at the left.
fn traffic(placed: &Placed<'_>, out: &mut String) {
    let entered = |frame: &&Frame<'_>| !frame.entries.is_empty();
    if placed.rows.iter().flatten().filter(entered).count() < 2 {
        return;
    }
    let trunk = MARGIN / 2;
    let mut joints: Vec<usize> = Vec::new();
    let several = placed.rows.iter().filter(|row| row.iter().any(|frame| entered(&frame))).count() > 1;
    for row in &placed.rows {
        let frames: Vec<&Frame<'_>> = row.iter().filter(entered).collect();
        let (Some(first), Some(last)) = (frames.first(), frames.last()) else { continue };
        let bottom = row.iter().map(|frame| frame.y + frame.height).max().unwrap_or(0);
        let channel = bottom + TRAFFIC_CHANNEL / 2 - 4;
        let left = if several { trunk } else { first.middle() };
        line(out, "traffic", &[(left, channel), (last.middle(), channel)]);
        joints.push(channel);
        for frame in frames {
            let port = frame.y + frame.height - PAD;
            line(out, "traffic", &[(frame.middle(), channel), (frame.middle(), port + 7)]);
            arrow(out, "head", frame.middle(), port, true);
        }
    }
    if let (Some(top), Some(bottom)) = (joints.first(), joints.last())
        && top < bottom
    {
        line(out, "traffic", &[(trunk, *top), (trunk, *bottom)]);
    }
}

/// Lines of the control plane between networks: above each row, the channels joined at the right.
fn control(placed: &Placed<'_>, out: &mut String) {
    let mesh = placed.mesh;
    let outward = outward(mesh);
    let joined =
        |frame: &&Frame<'_>| frame.network.clusters.iter().any(|c| outward.contains(c.name.as_str()));
    let count = placed.rows.iter().flatten().filter(joined).count();
    if count == 0 || (count < 2 && mesh.managers.is_empty()) {
        return;
    }
    let trunk = placed.width - MARGIN / 2;
    let mut joints: Vec<usize> = managers(placed, trunk, out).into_iter().collect();
    let rows = placed.rows.iter().filter(|row| row.iter().any(|frame| joined(&frame))).count();
    for row in &placed.rows {
        let frames: Vec<&Frame<'_>> = row.iter().filter(joined).collect();
        let (Some(first), Some(last)) = (frames.first(), frames.last()) else { continue };
        let channel = first.y - CONTROL_CHANNEL / 2 + 4;
        let right = if rows > 1 || !mesh.managers.is_empty() { trunk } else { last.control_x() };
        line(out, "control", &[(first.control_x(), channel), (right, channel)]);
        joints.push(channel);
        for frame in frames {
            let (x, end) = (frame.control_x(), frame.y + if frame.istiods.is_empty() { 0 } else { TITLE });
            line(out, "control", &[(x, channel), (x, end.saturating_sub(7))]);
            arrow(out, "tip", x, end, false);
        }
    }
    if let (Some(top), Some(bottom)) = (joints.first(), joints.last())
        && top < bottom
    {
        line(out, "control", &[(trunk, *top), (trunk, *bottom)]);
    }
}

/// The boxes of management clusters, at the top right; where their line meets the one at the right.
fn managers(placed: &Placed<'_>, trunk: usize, out: &mut String) -> Option<usize> {
    let names = placed.mesh.managers.join(", ");
    if names.is_empty() {
        return None;
    }
    let words = fit(&format!("{names} (management)"), 11, 360);
    let width = text_width(&words, 11) + 20;
    let x = (trunk - CARD_GAP).saturating_sub(width + 24);
    let y = placed.y + 4;
    let middle = y + 14;
    strip(out, ("istiod", "i"), (x, y, width), &[words]);
    line(out, "control", &[(x + width, middle), (trunk, middle)]);
    Some(middle.min(placed.y + HEADING))
}

/// Clusters that have to do with the control plane of another network's cluster.
fn outward(mesh: &MeshNode) -> BTreeSet<&str> {
    let network = |name: &str| {
        mesh.networks.iter().position(|network| network.clusters.iter().any(|cluster| cluster.name == name))
    };
    let mut names = BTreeSet::new();
    for edge in &mesh.control {
        if network(&edge.from) != network(&edge.to) {
            names.extend([edge.from.as_str(), edge.to.as_str()]);
        }
    }
    names
}

fn legend(y: usize, out: &mut String) {
    let (first, second) = (y + 16, y + 38);
    line(out, "traffic", &[(MARGIN, first), (MARGIN + 36, first)]);
    text(out, "", MARGIN + 46, first + 4, "workloads dial the gateways of other networks (mutual TLS)");
    line(out, "control", &[(MARGIN, second), (MARGIN + 36, second)]);
    text(out, "", MARGIN + 46, second + 4, "proxies ask istiod for configuration, istiod reads API servers");
}

fn rectangle(
    out: &mut String,
    class: &str,
    (x, y, width, height): (usize, usize, usize, usize),
    radius: usize,
) {
    let _ = writeln!(
        out,
        "<rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" rx=\"{radius}\"/>"
    );
}

fn text(out: &mut String, class: &str, x: usize, y: usize, words: &str) {
    let class = if class.is_empty() { String::new() } else { format!(" class=\"{class}\"") };
    let _ = writeln!(out, "<text{class} x=\"{x}\" y=\"{y}\">{}</text>", escape(words));
}

fn line(out: &mut String, class: &str, points: &[(usize, usize)]) {
    let points: Vec<String> = points.iter().map(|(x, y)| format!("{x},{y}")).collect();
    let _ = writeln!(out, "<polyline class=\"{class}\" points=\"{}\"/>", points.join(" "));
}

/// An arrow's head with its point at a place, pointing up or down.
fn arrow(out: &mut String, class: &str, x: usize, y: usize, up: bool) {
    let base = if up { y + 8 } else { y.saturating_sub(8) };
    let _ = writeln!(
        out,
        "<polygon class=\"{class}\" points=\"{x},{y} {},{base} {},{base}\"/>",
        x.saturating_sub(4),
        x + 4
    );
}

/// Text of XML. Characters that XML does not allow become spaces.
fn escape(words: &str) -> String {
    let mut escaped = String::with_capacity(words.len());
    for c in words.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' => escaped.push('\n'),
            c if c.is_control() || matches!(c, '\u{FFFE}' | '\u{FFFF}') => escaped.push(' '),
            c => escaped.push(c),
        }
    }
    escaped
}
