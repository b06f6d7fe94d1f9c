//! Graphviz. `dot -Tsvg` draws it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::links::{Links, links};
use super::topology::{ControlEdge, ControlKind, MeshNode, NetworkNode, Topology};

/// Draws it.
pub(super) fn draw(topology: &Topology) -> String {
    let mut out = String::from("digraph meshes {\n");
    out.push_str("  graph [rankdir=LR, compound=true, fontname=\"sans-serif\", nodesep=0.4, ranksep=1.2];\n");
    out.push_str("  node [shape=box, style=\"rounded,filled\", fillcolor=\"#ffffff\", fontname=\"sans-serif\", fontsize=11];\n");
    out.push_str("  edge [fontname=\"sans-serif\", fontsize=10];\n");
    for (index, mesh) in topology.meshes.iter().enumerate() {
        let id = format!("m{index}");
        let _ = writeln!(out, "  subgraph \"cluster_{id}\" {{");
        let _ = writeln!(
            out,
            "    label={}; style=dashed; color=\"#9ca3af\";",
            quote(&[format!("Mesh {}", mesh.name)])
        );
        draw_mesh(&id, mesh, &mut out);
        out.push_str("  }\n");
    }
    out.push_str("}\n");
    out
}

type Ids<'a> = BTreeMap<&'a str, String>;

fn draw_mesh(id: &str, mesh: &MeshNode, out: &mut String) {
    let mut ids = Ids::new();
    let mut istiods = Ids::new();
    for (index, network) in mesh.networks.iter().enumerate() {
        draw_network(&format!("{id}n{index}"), network, &mut ids, &mut istiods, out);
    }
    for (index, manager) in mesh.managers.iter().enumerate() {
        let id = format!("{id}x{index}");
        let label = quote(&[manager.clone(), "management cluster".to_owned()]);
        let _ = writeln!(out, "    \"{id}\" [label={label}, shape=component];");
        ids.insert(manager, id);
    }
    draw_links(id, mesh, out);
    draw_control(id, mesh, &ids, &istiods, out);
}

fn draw_network<'a>(
    id: &str,
    network: &'a NetworkNode,
    ids: &mut Ids<'a>,
    istiods: &mut Ids<'a>,
    out: &mut String,
) {
    let _ = writeln!(out, "    subgraph \"cluster_{id}\" {{");
    let label = quote(&[format!("network {}", network.id)]);
    let _ = writeln!(
        out,
        "      label={label}; style=\"rounded,filled\"; color=\"#cbd5e1\"; fillcolor=\"#f8fafc\";"
    );
    for (index, cluster) in network.clusters.iter().enumerate() {
        let id = format!("{id}c{index}");
        let mut lines = vec![cluster.name.clone(), cluster.role.clone()];
        lines.extend(cluster.facts.iter().cloned());
        let _ = writeln!(out, "      \"{id}\" [label={}];", quote(&lines));
        if let Some(istiod) = &cluster.istiod {
            let label = quote(std::slice::from_ref(istiod));
            let _ = writeln!(out, "      \"{id}i\" [label={label}, shape=hexagon, fillcolor=\"#fef3c7\"];");
            let _ = writeln!(out, "      \"{id}\" -> \"{id}i\" [dir=none];");
            istiods.insert(&cluster.name, format!("{id}i"));
        }
        ids.insert(&cluster.name, id);
    }
    for (index, entry) in network.entries.iter().enumerate() {
        let label = quote(&[entry.gateway.clone(), entry.address.clone()]);
        let _ = writeln!(out, "      \"{id}g{index}\" [label={label}, fillcolor=\"#dbeafe\"];");
        if let Some(cluster) = ids.get(entry.cluster.as_str()) {
            let _ = writeln!(out, "      \"{cluster}\" -> \"{id}g{index}\" [dir=none];");
        }
    }
    out.push_str("    }\n");
}

fn draw_links(id: &str, mesh: &MeshNode, out: &mut String) {
    match links(mesh) {
        Links::None => {}
        Links::Each(pairs) => {
            for ((from, entry), (to, other)) in pairs {
                let _ = writeln!(
                    out,
                    "    \"{id}n{from}g{entry}\" -> \"{id}n{to}g{other}\" [dir=both, color=\"#2563eb\", label=\"mutual TLS\"];"
                );
            }
        }
        Links::Hub => {
            let _ = writeln!(out, "    \"{id}hub\" [label=\"mutual TLS\\nbetween networks\", shape=circle];");
            for (n, network) in mesh.networks.iter().enumerate() {
                for e in 0..network.entries.len() {
                    let _ =
                        writeln!(out, "    \"{id}n{n}g{e}\" -> \"{id}hub\" [dir=both, color=\"#2563eb\"];");
                }
            }
        }
    }
}

fn draw_control(id: &str, mesh: &MeshNode, ids: &Ids<'_>, istiods: &Ids<'_>, out: &mut String) {
    let meet = mesh.readers_meet;
    let met = |edge: &&ControlEdge| meet && edge.kind == ControlKind::ReadEachOther;
    for edge in mesh.control.iter().filter(|edge| !met(edge)) {
        let (Some(from), Some(to)) = (ids.get(edge.from.as_str()), ids.get(edge.to.as_str())) else {
            continue;
        };
        let from = istiods.get(edge.from.as_str()).unwrap_or(from);
        let direction = if edge.kind == ControlKind::ReadEachOther { "both" } else { "forward" };
        let label = quote(&[edge.kind.as_str().to_owned()]);
        let _ = writeln!(
            out,
            "    \"{from}\" -> \"{to}\" [dir={direction}, style=dashed, color=\"#d97706\", label={label}];"
        );
    }
    if meet {
        let mut names: Vec<&str> =
            mesh.control.iter().filter(met).flat_map(|edge| [edge.from.as_str(), edge.to.as_str()]).collect();
        names.sort_unstable();
        names.dedup();
        let _ = writeln!(
            out,
            "    \"{id}readers\" [label=\"every istiod reads\\nevery API server\", shape=circle];"
        );
        for cluster in names.into_iter().filter_map(|name| ids.get(name)) {
            let _ = writeln!(
                out,
                "    \"{cluster}\" -> \"{id}readers\" [dir=both, style=dashed, color=\"#d97706\"];"
            );
        }
    }
}

/// Lines as a quoted label. Graphviz reads `\` as the start of an escape and `&` as that of an entity.
fn quote(lines: &[String]) -> String {
    let mut quoted = String::from("\"");
    for (index, line) in lines.iter().enumerate() {
        if index > 0 {
            quoted.push_str("\\n");
        }
        for c in line.chars() {
            match c {
                '"' => quoted.push_str("\\\""),
                '\\' => quoted.push_str("\\\\"),
                '&' => quoted.push_str("&amp;"),
                c if c.is_control() => quoted.push(' '),
                c => quoted.push(c),
            }
        }
    }
    quoted.push('"');
    quoted
}
