//! In which order things are applied, by whom, and what to wait for.

use meshwright_policies::intent::{
    AppliedBy, CaProvider, ControlPlane, Delivery, FluxDelivery, InstallMethod,
};
use meshwright_policies::mesh::{Cluster, Mesh};

use super::markdown::{Page, code, some};
use super::words::{context, host, is_large};
use crate::artefact::Root;
use crate::artefacts::{east_west_gateway, helm_control_plane, metallb, webhook};
use crate::helm::Chart;
use crate::shell;
use crate::stage::Stage;

pub(super) fn section(mesh: &Mesh, page: &mut Page) {
    page.heading(3, "Order of application");
    page.steps(order(mesh));
    platform(mesh, page);
    flux(mesh, page);
    argocd(mesh, page);
    by_hand(mesh, page);
}

fn order(mesh: &Mesh) -> Vec<String> {
    let mut steps = Vec::new();
    if mesh.hosted().is_some() {
        steps.push(format!(
            "Join every cluster to the platform; wait until the GlobalMesh {} is `SUCCEEDED` and every cluster connected.",
            code(mesh.name.as_str())
        ));
    } else {
        let made = match mesh.spec.ca.as_ref().map(|ca| ca.provider) {
            Some(CaProvider::CertManager) => "cert-manager makes",
            Some(CaProvider::Platform) => "the platform makes",
            Some(CaProvider::Offline) | None => "somebody puts there, from one root whose key stays offline,",
        };
        steps.push(format!(
            "Before istiod starts, {made} the Secret `cacerts` with `ca-cert.pem`, `ca-key.pem`, `cert-chain.pem` and \
             `root-cert.pem`. An istiod that finds none signs with a root of its own, and no other cluster trusts it."
        ));
    }
    steps.push(
        "The MeshDeclaration of each cluster, then namespaces with their network label, address pools and addresses. Wait: \
         the label is there before istiod looks."
            .to_owned(),
    );
    steps.push(if mesh.hosted().is_some() {
        "The parameters of GlobalMesh and MeshClusters. Wait: the GlobalMesh is `SUCCEEDED` again, and the hosted istiod's \
         Service has its declared address, for which a person asks: see Services that something else makes."
            .to_owned()
    } else {
        "The control plane. Wait: istiod's Deployment is available, and it is its cluster's only one.".to_owned()
    });
    if mesh.is_multi_network() || mesh.clusters.values().any(|cluster| !cluster.gateways.is_empty()) {
        steps.push(
            "The east-west gateways and what they expose. Wait: each Service has its address, and its pods are ready."
                .to_owned(),
        );
    }
    if matches!(mesh.spec.control_plane, ControlPlane::PrimaryRemote(_)) {
        steps.push(
            "Remote clusters after their primary's gateway has its address: they find istiod there, and nothing of theirs starts \
             before the primary has the remote secret."
                .to_owned(),
        );
    }
    if mesh.hosted().is_none() && mesh.clusters.len() > 1 {
        steps.push("Remote secrets. Wait: `istioctl remote-clusters` says `synced`.".to_owned());
    }
    steps.push(
        "Traffic rules and samples. Pods that started before their namespace was labelled are restarted."
            .to_owned(),
    );
    steps
}

fn flux(mesh: &Mesh, page: &mut Page) {
    let clusters: Vec<(&Cluster, &FluxDelivery)> = mesh
        .clusters
        .values()
        .filter_map(|cluster| match &cluster.delivery {
            Delivery::Flux(flux) => Some((cluster, flux)),
            Delivery::Argocd(_) | Delivery::None(_) => None,
        })
        .collect();
    let Some((_, first)) = clusters.first() else { return };
    page.heading(4, "Flux");
    page.block(&format!(
        "Flux applies {} from its source {}: one Kustomization after the other, each waiting for the one before. Point the \
         cluster's own Flux at its directory once; commits do the rest.",
        some(clusters.iter().map(|(cluster, _)| &cluster.name), 12),
        code(&format!("{}/{}", first.source.kind.as_str(), first.source.name)),
    ));
    let shown = if is_large(mesh) { 1 } else { clusters.len() };
    let of = |(cluster, flux): &(&Cluster, &FluxDelivery)| {
        // Flux elsewhere means commands elsewhere; its context is not declared.
        let context = match &flux.kube_config_secret {
            Some(_) => "\"$FLUX_CONTEXT\"".to_owned(),
            None => context(cluster),
        };
        flux_commands(flux, cluster.name.as_str(), &context)
    };
    let lines: Vec<String> = clusters.iter().take(shown).flat_map(of).collect();
    page.commands(&lines);
}

fn flux_commands(flux: &FluxDelivery, cluster: &str, context: &str) -> [String; 2] {
    let (namespace, source) = (flux.namespace.as_str(), &flux.source);
    let mut reference = format!("{}/{}", source.kind.as_str(), source.name);
    if source.namespace != flux.namespace {
        reference.push_str(&format!(".{}", source.namespace));
    }
    let path = format!("{}/clusters/{cluster}", flux.path.trim_end_matches('/'));
    [
        format!(
            "flux create kustomization {cluster} --source={} --path={} --prune=true --wait=true --namespace={namespace} \
             --context={context}",
            shell::word(&reference),
            shell::word(&path)
        ),
        format!("flux get kustomizations --namespace={namespace} --context={context}"),
    ]
}

fn argocd(mesh: &Mesh, page: &mut Page) {
    let mut clusters =
        mesh.clusters.values().filter(|c| matches!(c.delivery, Delivery::Argocd(_))).peekable();
    if clusters.peek().is_none() {
        return;
    }
    page.heading(4, "Argo CD");
    page.block(&format!(
        "Argo CD applies {} in sync waves: -10 declaration, -5 namespaces and addresses, 0 control plane, 5 gateways, 10 traffic. \
         Hand it the rendered Applications once; `ARGOCD_CONTEXT` is the context of its cluster:",
        some(clusters.map(|cluster| &cluster.name), 12)
    ));
    page.code("sh", "kubectl apply -k argocd --context=\"$ARGOCD_CONTEXT\"\nargocd app list");
    if is_large(mesh) {
        return;
    }
    page.block("Argo CD must know each cluster by the name that the Applications use:");
    let lines: Vec<String> = mesh.clusters.values().filter_map(registration).collect();
    page.commands(&lines);
}

fn registration(cluster: &Cluster) -> Option<String> {
    let Delivery::Argocd(argocd) = &cluster.delivery else { return None };
    let name = argocd.destination_name.as_deref().unwrap_or(cluster.name.as_str());
    Some(format!("argocd cluster add {} --name {}", context(cluster), shell::word(name)))
}

fn by_hand(mesh: &Mesh, page: &mut Page) {
    let by_hand: Vec<&Cluster> = mesh.clusters.values().filter(|c| is_by_hand(c) || reads_files(c)).collect();
    if by_hand.is_empty() {
        return;
    }
    page.heading(4, "By hand");
    page.block("From the directory of the rendered output; cluster by cluster, or in parallel.");
    let shown = if is_large(mesh) { 1 } else { by_hand.len() };
    let mut lines = Vec::new();
    for cluster in by_hand.iter().take(shown) {
        lines.push(format!("# {}", cluster.name));
        lines.extend(commands(mesh, cluster));
    }
    page.commands(&lines);
    if shown < by_hand.len() {
        page.block(&format!("The same for the other {}.", by_hand.len().saturating_sub(shown)));
    }
}

fn is_by_hand(cluster: &Cluster) -> bool {
    matches!(cluster.delivery, Delivery::None(_))
}

/// Files that no agent reads: `istioctl install -f`.
fn reads_files(cluster: &Cluster) -> bool {
    cluster.istio.install == InstallMethod::IstioOperator && cluster.istio.applied_by == AppliedBy::Istioctl
}

fn commands(mesh: &Mesh, cluster: &Cluster) -> Vec<String> {
    let context = context(cluster);
    let by_hand = is_by_hand(cluster);
    let mesh_root = Root::Mesh(cluster.name.clone()).directory();
    let apply = |directory: &str| format!("kubectl apply --server-side -k {directory} --context={context}");
    let mut lines = Vec::new();
    if by_hand {
        lines.push(apply(&Root::Crds.directory()));
        lines.push(apply(&Root::Declaration(cluster.name.clone()).directory()));
        if let Some(chart) = metallb::chart(cluster) {
            lines.push(format!("{} --create-namespace", helm(cluster, &chart, &context)));
        }
        lines.push(apply(&format!("{mesh_root}/{}", Stage::Install.directory())));
        if let Some(chart) = webhook::chart(mesh, cluster) {
            if webhook::makes_namespace(cluster) {
                lines.push(apply(&format!("{mesh_root}/{}", Stage::Enforcement.directory())));
            }
            lines.push(helm(cluster, &chart, &context));
        }
    }
    if reads_files(cluster) {
        let directory = Root::Istioctl(cluster.name.clone()).directory();
        lines.push(format!(
            "for file in {directory}/*.yaml; do istioctl install -y -f \"$file\" --context={context}; done"
        ));
    }
    if by_hand {
        let mut charts = helm_control_plane::charts(mesh, cluster);
        charts.extend(east_west_gateway::charts(mesh, cluster));
        lines.extend(charts.iter().map(|chart| helm(cluster, chart, &context)));
        // All of it again, and with it what needed Istio first.
        lines.push(apply(&mesh_root));
    }
    lines
}

/// The two API servers of a hosted mesh that are no member's: the platform's, and the hosted one.
fn platform(mesh: &Mesh, page: &mut Page) {
    let Some(hosted) = mesh.hosted() else { return };
    let mspider = &hosted.mspider;
    page.heading(4, "Platform");
    let global = mspider.global_cluster.as_str();
    let mut lines = Vec::new();
    match mspider.global_delivery.as_ref().unwrap_or(&mesh.spec.delivery) {
        Delivery::Flux(flux) => lines.extend(flux_commands(flux, global, &shell::word(global))),
        Delivery::Argocd(_) => {}
        Delivery::None(_) => lines.push(format!(
            "kubectl apply --server-side -k {} --context={global}",
            Root::Mesh(mspider.global_cluster.clone()).directory()
        )),
    }
    let kubeconfig = mspider.hosted_api_server_secret.as_ref();
    let by_hand = match host(mesh).map(|host| &host.delivery) {
        Some(Delivery::Flux(_)) => kubeconfig.is_none(),
        Some(Delivery::Argocd(_)) => false,
        Some(Delivery::None(_)) | None => true,
    };
    if let (Some(server), true) = (mesh.hosted_name(), by_hand) {
        lines.push(format!(
            "kubectl apply --server-side -k {} --context={server}   # the hosted API server",
            Root::Mesh(server.clone()).directory()
        ));
    }
    let secret = match (kubeconfig, by_hand) {
        (Some(secret), false) => {
            format!(" Flux reaches the latter with the kubeconfig of Secret {}.", code(secret.as_str()))
        }
        (None, false) => " Argo CD must know the latter as a cluster of its own.".to_owned(),
        (_, true) => {
            " The latter has no agent here (`hostedApiServerSecret`), so a person applies it; its context is \
                      called after its directory."
                .to_owned()
        }
    };
    page.block(&format!(
        "GlobalMesh and MeshClusters go to {}, traffic rules to the hosted API server {}.{secret}",
        code(global),
        code(&format!("{}-hosted-apiserver", mesh.name))
    ));
    page.commands(&lines);
}

fn helm(cluster: &Cluster, chart: &Chart, context: &str) -> String {
    let source = if chart.repository.is_oci() {
        shell::word(&format!("{}/{}", chart.repository.url.trim_end_matches('/'), chart.chart))
    } else {
        format!("{} --repo {}", chart.chart, shell::word(&chart.repository.url))
    };
    let schema = if chart.skip_schema { " --skip-schema-validation" } else { "" };
    format!(
        "helm upgrade --install {} {source} --version {} --namespace {} -f {}{schema} --wait --kube-context={context}",
        chart.release,
        shell::word(&chart.version),
        chart.namespace,
        chart.values_path(cluster)
    )
}
