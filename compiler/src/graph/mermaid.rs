//! Mermaid flowcharts. GitHub's limits are 50,000 characters and 500 lines between nodes.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::links::{Links, links};
use super::topology::{ClusterNode, ControlKind, EntryNode, MeshNode, NetworkNode, Topology};

/// Draws it.
pub(super) fn draw(topology: &Topology) -> String {
    let mut out = String::from("flowchart LR\n");
    let framed = topology.meshes.len() > 1;
    for (index, mesh) in topology.meshes.iter().enumerate() {
        let id = format!("m{index}");
        if framed {
            let _ = writeln!(out, "  subgraph {id}[\"Mesh {}\"]", escape(&mesh.name));
        }
        draw_mesh(&id, mesh, &mut out);
        if framed {
            out.push_str("  end\n");
        }
    }
    out.push_str("  classDef gateway fill:#dbeafe,stroke:#2563eb,color:#111827\n");
    out.push_str("  classDef istiod fill:#fef3c7,stroke:#d97706,color:#111827\n");
    out
}

/// Ids of clusters by name.
type Ids<'a> = BTreeMap<&'a str, String>;

fn draw_mesh(id: &str, mesh: &MeshNode, out: &mut String) {
    let mut ids = Ids::new();
    let mut istiods = Ids::new();
    for (index, network) in mesh.networks.iter().enumerate() {
        let id = format!("{id}n{index}");
        draw_network(&id, network, &mut ids, &mut istiods, out);
    }
    if mesh.hidden_networks > 0 {
        let _ = writeln!(out, "  {id}more[\"and {} more networks\"]", mesh.hidden_networks);
    }
    draw_links(id, mesh, out);
    draw_control(id, mesh, &mut ids, &istiods, out);
}

fn draw_network<'a>(
    id: &str,
    network: &'a NetworkNode,
    ids: &mut Ids<'a>,
    istiods: &mut Ids<'a>,
    out: &mut String,
) {
    let _ = writeln!(out, "  subgraph {id}[\"{}\"]", escape(&network.id));
    for (index, cluster) in network.clusters.iter().enumerate() {
        let id = format!("{id}c{index}");
        let _ = writeln!(out, "    {id}[\"{}\"]", cluster_label(cluster));
        if let Some(istiod) = &cluster.istiod {
            let _ = writeln!(out, "    {id}i{{{{\"{}\"}}}}:::istiod", escape(istiod));
            let _ = writeln!(out, "    {id} --- {id}i");
            istiods.insert(&cluster.name, format!("{id}i"));
        }
        ids.insert(&cluster.name, id);
    }
    if network.clusters.is_empty() {
        let noun = if network.members == 1 { "cluster" } else { "clusters" };
        let _ = writeln!(out, "    {id}c[\"{} {noun}\"]", network.members);
    }
    for (index, entry) in network.entries.iter().enumerate() {
        let _ = writeln!(out, "    {id}g{index}([\"{}\"]):::gateway", entry_label(entry));
        match ids.get(entry.cluster.as_str()) {
            Some(cluster) => {
                let _ = writeln!(out, "    {cluster} --- {id}g{index}");
            }
            None => {
                let _ = writeln!(out, "    {id}c --- {id}g{index}");
            }
        }
    }
    if network.hidden_entries > 0 {
        let _ = writeln!(out, "    {id}more[\"and {} more gateways\"]", network.hidden_entries);
    }
    out.push_str("  end\n");
}

fn cluster_label(cluster: &ClusterNode) -> String {
    let mut lines = vec![format!("<b>{}</b>", escape(&cluster.name)), escape(&cluster.role)];
    lines.extend(cluster.facts.iter().map(|fact| escape(fact)));
    lines.join("<br/>")
}

fn entry_label(entry: &EntryNode) -> String {
    format!("{}<br/>{}", escape(&entry.gateway), escape(&entry.address))
}

fn draw_links(id: &str, mesh: &MeshNode, out: &mut String) {
    match links(mesh) {
        Links::None => {}
        Links::Each(pairs) => {
            for ((from, entry), (to, other)) in pairs {
                let _ = writeln!(out, "  {id}n{from}g{entry} <-->|\"mutual TLS\"| {id}n{to}g{other}");
            }
        }
        Links::Hub => {
            let _ = writeln!(out, "  {id}hub((\"mutual TLS<br/>between networks\"))");
            for (n, network) in mesh.networks.iter().enumerate() {
                for e in 0..network.entries.len() {
                    let _ = writeln!(out, "  {id}n{n}g{e} <--> {id}hub");
                }
            }
        }
    }
}

fn draw_control<'a>(id: &str, mesh: &'a MeshNode, ids: &mut Ids<'a>, istiods: &Ids<'a>, out: &mut String) {
    for (index, manager) in mesh.managers.iter().enumerate() {
        let id = format!("{id}x{index}");
        let _ = writeln!(out, "  {id}[/\"{}<br/>management cluster\"/]", escape(manager));
        ids.insert(manager, id);
    }
    let meet = mesh.readers_meet;
    let mut met: Vec<&str> = Vec::new();
    for edge in &mesh.control {
        let (Some(from), Some(to)) = (ids.get(edge.from.as_str()), ids.get(edge.to.as_str())) else {
            continue;
        };
        let from = istiods.get(edge.from.as_str()).unwrap_or(from);
        let words = edge.kind.as_str();
        match edge.kind {
            ControlKind::ReadEachOther if meet => met.extend([edge.from.as_str(), edge.to.as_str()]),
            ControlKind::ReadEachOther => {
                let _ = writeln!(out, "  {from} <-.->|\"{words}\"| {to}");
            }
            ControlKind::Serves | ControlKind::Reads | ControlKind::Manages => {
                let _ = writeln!(out, "  {from} -.->|\"{words}\"| {to}");
            }
        }
    }
    if meet {
        met.sort_unstable();
        met.dedup();
        let _ = writeln!(out, "  {id}readers((\"every istiod reads<br/>every API server\"))");
        for name in met {
            if let Some(cluster) = ids.get(name) {
                let _ = writeln!(out, "  {cluster} <-.-> {id}readers");
            }
        }
    }
}

/// Text in a quoted label. Mermaid reads `#34;` as the character of that number; HTML would be HTML.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '"' | '#' | '&' | '<' | '>' | '`' | '\'' | '\\' | '|' | '{' | '}' | '[' | ']' | '(' | ')'
            | ';' | '%' | '*' => {
                let _ = write!(escaped, "#{};", u32::from(c));
            }
            c if c.is_control() => escaped.push(' '),
            c => escaped.push(c),
        }
    }
    escaped
}
