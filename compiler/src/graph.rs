//! Pictures of meshes: networks, their clusters, the gateways between them, and who configures whom.
//!
//! One neutral [`topology::Topology`] is drawn by each format.

mod dot;
mod links;
mod mermaid;
mod svg;
pub mod topology;

use meshwright_policies::mesh::{Fleet, Mesh};

use topology::Topology;

/// Formats of a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum GraphFormat {
    /// Mermaid, which GitHub draws in Markdown.
    Mermaid,
    /// Graphviz.
    Dot,
    /// A picture that needs nothing else.
    Svg,
}

/// Draws all meshes.
#[must_use]
pub fn graph(fleet: &Fleet, format: GraphFormat) -> String {
    let topology = Topology::of_fleet(fleet);
    match format {
        GraphFormat::Mermaid => mermaid::draw(&topology),
        GraphFormat::Dot => dot::draw(&topology),
        GraphFormat::Svg => svg::draw(&topology),
    }
}

/// One mesh in Mermaid, without clusters when they are many.
#[must_use]
pub(crate) fn mesh_for_plan(mesh: &Mesh) -> String {
    mermaid::draw(&Topology { meshes: vec![topology::page_node(mesh)] })
}
