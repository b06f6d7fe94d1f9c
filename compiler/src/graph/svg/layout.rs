//! Where everything is, in pixels. Boxes of networks stand in rows; below each row runs a channel for lines between networks,
//! above it one for lines of the control plane. Lines stay in the channels and at the edges, so none crosses a text.

use super::super::topology::{ClusterNode, MeshNode, NetworkNode};

/// Space around the picture, and the lane of the vertical lines at both sides.
pub(super) const MARGIN: usize = 48;
/// Space between boxes.
pub(super) const GAP: usize = 28;
/// Space inside a box.
pub(super) const PAD: usize = 14;
/// Height of a box's title.
pub(super) const TITLE: usize = 26;
/// Height of a line in a strip.
pub(super) const STRIP_LINE: usize = 20;
/// Height of a channel above a row.
pub(super) const CONTROL_CHANNEL: usize = 40;
/// Height of a channel below a row.
pub(super) const TRAFFIC_CHANNEL: usize = 40;
/// Height of a mesh's heading.
pub(super) const HEADING: usize = 44;
/// Space between the cards of clusters.
pub(super) const CARD_GAP: usize = 8;

/// Rows are filled up to this width.
const WIDEST_ROW: usize = 1240;
const NARROWEST_CARD: usize = 150;
const WIDEST_CARD: usize = 330;
/// More clusters than this in a mesh, and their cards hold the name only.
const MANY: usize = 24;

/// Width of a text, guessed on the large side: wide characters count twice.
pub(super) fn text_width(text: &str, size: usize) -> usize {
    let units: usize = text.chars().map(|c| if c.is_ascii() { 60 } else { 105 }).sum();
    units.saturating_mul(size) / 100
}

/// The text, cut to a width.
pub(super) fn fit(text: &str, size: usize, width: usize) -> String {
    if text_width(text, size) <= width {
        return text.to_owned();
    }
    let mut cut = String::new();
    for c in text.chars() {
        let longer = format!("{cut}{c}\u{2026}");
        if text_width(&longer, size) > width {
            break;
        }
        cut.push(c);
    }
    cut.push('\u{2026}');
    cut
}

/// The box of one network.
#[derive(Debug)]
pub(super) struct Frame<'a> {
    pub(super) network: &'a NetworkNode,
    /// Left, top, width, height.
    pub(super) x: usize,
    pub(super) y: usize,
    pub(super) width: usize,
    pub(super) height: usize,
    /// Istiods that serve others: cluster and words.
    pub(super) istiods: Vec<(&'a ClusterNode, &'a str)>,
    /// Lines about entries.
    pub(super) entries: Vec<String>,
    pub(super) columns: usize,
    pub(super) card: (usize, usize),
    /// Whether cards hold the name only.
    pub(super) compact: bool,
}

impl Frame<'_> {
    /// Left and top of a cluster's card.
    pub(super) fn card_at(&self, index: usize) -> (usize, usize) {
        let columns = self.columns.max(1);
        let (column, row) = (index % columns, index / columns);
        let x = self.x + PAD + column * (self.card.0 + CARD_GAP);
        let y = self.y + TITLE + self.istiod_height() + row * (self.card.1 + CARD_GAP);
        (x, y)
    }

    fn istiod_height(&self) -> usize {
        strip_height(self.istiods.len())
    }

    /// Top of the strip of entries.
    pub(super) fn entries_y(&self) -> usize {
        self.y + self.height - PAD - strip_height(self.entries.len()) + CARD_GAP
    }

    /// Where lines between networks arrive.
    pub(super) fn middle(&self) -> usize {
        self.x + self.width / 2
    }

    /// Where lines of the control plane arrive: at the right, where no title is.
    pub(super) fn control_x(&self) -> usize {
        self.x + self.width - 2 * PAD
    }
}

/// Height of a strip with the space below it.
pub(super) fn strip_height(lines: usize) -> usize {
    if lines == 0 { 0 } else { lines * STRIP_LINE + 8 + CARD_GAP }
}

/// One mesh, placed.
#[derive(Debug)]
pub(super) struct Placed<'a> {
    pub(super) mesh: &'a MeshNode,
    pub(super) y: usize,
    /// Frames by row.
    pub(super) rows: Vec<Vec<Frame<'a>>>,
    pub(super) width: usize,
    pub(super) height: usize,
}

/// Places a mesh below `y`.
pub(super) fn place(mesh: &MeshNode, y: usize) -> Placed<'_> {
    let total: usize = mesh.networks.iter().map(|network| network.clusters.len()).sum();
    let mut rows: Vec<Vec<Frame<'_>>> = Vec::new();
    let mut right = 0;
    for network in &mesh.networks {
        let mut frame = frame(network, total > MANY);
        let fits = right > 0 && right + GAP + frame.width <= MARGIN + WIDEST_ROW;
        frame.x = if fits { right + GAP } else { MARGIN };
        right = frame.x + frame.width;
        match rows.last_mut() {
            Some(row) if fits => row.push(frame),
            _ => rows.push(vec![frame]),
        }
    }
    let mut top = y + HEADING;
    for row in &mut rows {
        top += CONTROL_CHANNEL;
        for frame in row.iter_mut() {
            frame.y = top;
        }
        top += row.iter().map(|frame| frame.height).max().unwrap_or(0) + TRAFFIC_CHANNEL;
    }
    let right = rows.iter().flatten().map(|frame| frame.x + frame.width).max().unwrap_or(MARGIN);
    Placed { mesh, y, rows, width: right + MARGIN, height: top.saturating_sub(y) }
}

fn frame(network: &NetworkNode, compact: bool) -> Frame<'_> {
    let clusters = &network.clusters;
    let istiods: Vec<(&ClusterNode, &str)> =
        clusters.iter().filter_map(|c| c.istiod.as_deref().map(|istiod| (c, istiod))).collect();
    let one = clusters.len() <= 1;
    let mut entries: Vec<String> = network
        .entries
        .iter()
        .map(|entry| {
            if one {
                format!("{}  {}", entry.gateway, entry.address)
            } else {
                format!("{}  {} of {}", entry.address, entry.gateway, entry.cluster)
            }
        })
        .collect();
    if network.hidden_entries > 0 {
        entries.push(format!("and {} more", network.hidden_entries));
    }
    let columns = match clusters.len() {
        0 | 1 => 1,
        2..=8 if !compact => 2,
        2..=4 => 1,
        5..=12 => 2,
        13..=30 => 3,
        _ => 6,
    };
    let card = (card_width(clusters, compact), card_height(clusters, compact));
    let rows = clusters.len().div_ceil(columns);
    let inner = columns * (card.0 + CARD_GAP) - CARD_GAP;
    let strips =
        entries.iter().map(|line| text_width(line, 11) + 24).max().unwrap_or(0).min(WIDEST_CARD + 60);
    let strips = strips.max(istiods.iter().map(|(_, words)| text_width(words, 11) + 24).max().unwrap_or(0));
    let title = (text_width(&network.id, 13) + 60).min(WIDEST_CARD);
    let width = inner.max(strips).max(title) + 2 * PAD;
    // Cards as wide as the box, when the strips made it wider.
    let card = ((width - 2 * PAD + CARD_GAP) / columns - CARD_GAP, card.1);
    let height = TITLE
        + strip_height(istiods.len())
        + rows * (card.1 + CARD_GAP)
        + strip_height(entries.len()).saturating_sub(CARD_GAP)
        + PAD;
    Frame { network, x: 0, y: 0, width, height, istiods, entries, columns, card, compact }
}

fn card_width(clusters: &[ClusterNode], compact: bool) -> usize {
    let of = |cluster: &ClusterNode| {
        let name = text_width(&cluster.name, 12) + 20;
        let facts = cluster.facts.iter().chain([&cluster.role]);
        let longest = facts.map(|fact| text_width(fact, 11) + 20).max().unwrap_or(0);
        if compact { name } else { name.max(longest) }
    };
    clusters.iter().map(of).max().unwrap_or(0).clamp(NARROWEST_CARD, WIDEST_CARD)
}

fn card_height(clusters: &[ClusterNode], compact: bool) -> usize {
    if compact {
        return 24;
    }
    let lines = clusters.iter().map(|cluster| cluster.facts.len() + 1).max().unwrap_or(0);
    28 + lines * 16
}
