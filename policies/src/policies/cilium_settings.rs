//! MW9001: Cilium bypasses the sidecar.

use crate::finding::{Findings, Rule, Severity};
use crate::intent::Cni;
use crate::mesh::Mesh;
use crate::policy::Policy;

/// MW9001: Cilium bypasses the sidecar.
#[derive(Debug)]
pub(super) struct CiliumSettings;

static RULE: Rule = Rule {
    code: "MW9001",
    name: "cilium-settings",
    severity: Severity::Error,
    title: "Cilium bypasses the sidecar",
    docs: include_str!("../../docs/MW9001.md"),
};

impl Policy for CiliumSettings {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn check_mesh(&self, mesh: &Mesh, findings: &mut Findings) {
        for cluster in
            mesh.clusters.values().filter(|cluster| cluster.spec.kubernetes.cni == Some(Cni::Cilium))
        {
            let settings = cluster.spec.kubernetes.cilium.unwrap_or_default();
            let wanted = [
                ("cni-exclusive", settings.cni_exclusive, false),
                ("bpf-lb-sock-hostns-only", settings.bpf_lb_sock_hostns_only, true),
            ];
            for (name, declared, right) in
                wanted.into_iter().filter(|(_, declared, right)| *declared != Some(*right))
            {
                let path = format!("spec.kubernetes.cilium.{name}");
                let message = match declared {
                    Some(wrong) => {
                        format!("Cilium's `{name}` is {wrong}, which keeps traffic away from the sidecar")
                    }
                    None => format!(
                        "Cilium's `{name}` is not declared; unless it is {right}, traffic bypasses the sidecar"
                    ),
                };
                let mut finding = cluster
                    .finding(&RULE, cluster.written.place(path.as_str()), message)
                    .related(cluster.written.place("spec.kubernetes.cni"), "the CNI is Cilium")
                    .help(format!("set `{name}: {right}` in `kube-system/cilium-config` and declare it"));
                finding.found = declared.map(|value| value.to_string());
                if declared.is_none() {
                    // Not known to be wrong, and the plan has the command.
                    finding.severity = Severity::Warning;
                }
                findings.push(finding);
            }
            if settings.enable_l7_proxy == Some(true) {
                let place = cluster.written.place("spec.kubernetes.cilium.enable-l7-proxy");
                let message = "Cilium's `enable-l7-proxy` is true: a second proxy beside the sidecar";
                let mut finding = cluster
                    .finding(&RULE, place, message)
                    .found(true)
                    .related(cluster.written.place("spec.kubernetes.cni"), "the CNI is Cilium")
                    .help("set `enable-l7-proxy: false` in `kube-system/cilium-config`, unless its layer 7 policies are used");
                finding.severity = Severity::Warning;
                findings.push(finding);
            }
        }
    }
}
