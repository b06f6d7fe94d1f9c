//! Remote secrets: which istiod needs which cluster's credential.

use meshwright_policies::mesh::{Cluster, Mesh};

use super::markdown::{Page, Table, code, some};
use super::words::{context, count};
use crate::shell;

/// More pairs than this, and the plan shows the rule and one example.
const MANY_PAIRS: usize = 40;

pub(super) fn section(mesh: &Mesh, page: &mut Page) {
    if mesh.hosted().is_some() {
        page.heading(3, "Remote secrets");
        page.block(
            "The platform makes them from the credential that was given when each cluster joined; it must be able to install \
             components, and the hosted istiod must reach the cluster's API server with it.",
        );
        return;
    }
    let primaries = mesh.primaries().count();
    // Every primary reads every other cluster.
    let wanted = primaries.saturating_mul(mesh.clusters.len().saturating_sub(1));
    let mut pairs = mesh
        .clusters
        .values()
        .flat_map(|cluster| mesh.readers_of(cluster).map(move |reader| (cluster, reader)))
        .peekable();
    let Some(first) = pairs.peek().copied() else { return };
    page.heading(3, "Remote secrets");
    page.block(
        "After the control planes, every istiod gets a credential of every other cluster; `--name` is the cluster ID and must \
         be the one the cluster's own istiod was given. They are no part of what is rendered: they hold tokens.",
    );
    if wanted > MANY_PAIRS {
        page.block(&format!(
            "{}: in each of {} one of every other cluster. The first:",
            count(wanted, "secret"),
            count(primaries, "cluster")
        ));
        page.code("sh", &command(first));
        return;
    }
    let pairs: Vec<(&Cluster, &Cluster)> = pairs.collect();
    let mut table = Table::new(["Secret", "Of cluster", "In cluster", "Server"]);
    for (cluster, reader) in &pairs {
        let declared = cluster.spec.remote_access.api_server.as_ref();
        let server = declared.or(cluster.spec.kubernetes.api_server.as_ref());
        table.row([
            code(&format!("{}/istio-remote-secret-{}", reader.system_namespace(), cluster.id)),
            code(cluster.name.as_str()),
            code(reader.name.as_str()),
            server.map(|server| code(&server.to_string())).unwrap_or_default(),
        ]);
    }
    page.table(&table);
    let commands: Vec<String> = pairs.iter().map(|pair| command(*pair)).collect();
    page.commands(&commands);
    expected(mesh, page);
}

fn command((cluster, reader): (&Cluster, &Cluster)) -> String {
    let server = cluster.spec.remote_access.api_server.as_ref();
    let server = server.map(|url| format!(" --server={}", shell::word(&url.to_string()))).unwrap_or_default();
    let namespace = |cluster: &Cluster| match cluster.system_namespace().as_str() {
        "istio-system" => String::new(),
        other => format!(" --istioNamespace={other}"),
    };
    format!(
        "istioctl create-remote-secret --context={} --name={}{}{server} | kubectl apply -f - --context={}",
        context(cluster),
        cluster.id,
        namespace(cluster),
        context(reader)
    )
}

/// What `istioctl remote-clusters` prints when all is well.
fn expected(mesh: &Mesh, page: &mut Page) {
    page.block("Then `istioctl remote-clusters` shows in each of them, all with status `synced`:");
    let mut table = Table::new(["Command", "Without secret", "With secret"]);
    for primary in mesh.primaries() {
        let others = mesh.clusters.values().filter(|cluster| cluster.name != primary.name);
        table.row([
            code(&format!("istioctl remote-clusters --context={}", context(primary))),
            code(primary.id.as_str()),
            some(others.map(|cluster| &cluster.id), 12),
        ]);
    }
    page.table(&table);
}
