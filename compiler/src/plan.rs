//! The planning form: what a person has to know, reserve, open and do by hand before and after a mesh is applied.
//!
//! One section per file. Everything comes from the resolved mesh, so the form cannot say something else than what is
//! rendered.

mod addresses;
mod apply;
mod changes;
mod clusters;
mod commands;
mod consequences;
mod firewall;
mod istiods;
mod load_balancers;
mod markdown;
mod mesh;
mod networks;
mod remote_secrets;
mod removal;
mod unasked;
mod verify;
mod versions;
mod words;

use meshwright_policies::mesh::{Fleet, Mesh};

use crate::graph;
use markdown::{Page, text};

/// Writes the plan of every mesh, as Markdown.
#[must_use]
pub fn plan(fleet: &Fleet) -> String {
    let mut page = Page::default();
    page.heading(1, "Plan");
    page.block(
        "Made by `meshwright` from the intent; every value is changed there. Commands name the kubeconfig context of their \
         cluster, so that none of them lands in another one. The digest of \
         every rendered file is in `.meshwright/manifest.json`, beside this page; `meshwright render --check` compares.",
    );
    if fleet.meshes.len() > 1 {
        page.list(fleet.meshes.keys().map(|name| {
            let anchor: String =
                name.as_str().chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
            format!("[{}](#mesh-{anchor})", text(name.as_str()))
        }));
    }
    for mesh in fleet.meshes.values() {
        page.heading(2, &format!("Mesh {}", text(mesh.name.as_str())));
        sections(mesh, &mut page);
    }
    page.into_text()
}

fn sections(mesh: &Mesh, page: &mut Page) {
    mesh::section(mesh, page);
    topology(mesh, page);
    clusters::section(mesh, page);
    networks::section(mesh, page);
    addresses::section(mesh, page);
    changes::section(mesh, page);
    unasked::section(mesh, page);
    firewall::section(mesh, page);
    load_balancers::section(mesh, page);
    versions::section(mesh, page);
    commands::section(mesh, page);
    apply::section(mesh, page);
    remote_secrets::section(mesh, page);
    verify::section(mesh, page);
    consequences::section(mesh, page);
    removal::section(mesh, page);
}

fn topology(mesh: &Mesh, page: &mut Page) {
    page.heading(3, "Topology");
    page.code("mermaid", &graph::mesh_for_plan(mesh));
    page.block(
        "Solid: workloads dial the gateways of other networks. Dotted: proxies fetch their configuration, and istiod reads \
         API servers.",
    );
}
