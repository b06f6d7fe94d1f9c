//! MW8005: a delivery setting is none that the agent takes.

use crate::finding::{Finding, Findings, Place, Rule, Severity};
use crate::intent::Delivery;
use crate::mesh::Mesh;
use crate::node::FieldPath;
use crate::policy::Policy;

/// MW8005: a delivery setting is none that the agent takes.
#[derive(Debug)]
pub(super) struct MalformedDelivery;

static RULE: Rule = Rule {
    code: "MW8005",
    name: "malformed-delivery",
    severity: Severity::Error,
    title: "a delivery setting is none that the agent takes",
    docs: include_str!("../../docs/MW8005.md"),
};

impl Policy for MalformedDelivery {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn check_mesh(&self, mesh: &Mesh, findings: &mut Findings) {
        for cluster in mesh.clusters.values() {
            for fault in faults(&cluster.delivery) {
                let place = cluster.written.place(fault.path("spec.delivery"));
                let finding = cluster.finding(&RULE, place, fault.message.clone());
                findings.push(fault.explain(finding));
            }
        }
        if let Some(delivery) = mesh.hosted().and_then(|hosted| hosted.mspider.global_delivery.as_ref()) {
            for fault in faults(delivery) {
                let place: Place =
                    mesh.written.place(fault.path("spec.controlPlane.hosted.mspider.globalDelivery"));
                let finding = RULE.at(place, fault.message.clone());
                findings.push(fault.explain(finding));
            }
        }
    }
}

/// A wrong field.
struct Fault {
    /// Below the delivery.
    field: &'static str,
    message: String,
    found: String,
    help: &'static str,
}

impl Fault {
    fn path(&self, delivery: &str) -> FieldPath {
        FieldPath::parse(self.field).under(&FieldPath::parse(delivery))
    }

    fn explain(self, finding: Finding) -> Finding {
        finding.found(self.found).help(self.help)
    }
}

fn faults(delivery: &Delivery) -> Vec<Fault> {
    let mut faults = Vec::new();
    match delivery {
        Delivery::Flux(flux) => {
            let durations = [
                ("flux.interval", &flux.interval),
                ("flux.retryInterval", &flux.retry_interval),
                ("flux.timeout", &flux.timeout),
            ];
            for (field, text) in durations.into_iter().filter(|(_, text)| !is_duration(text)) {
                let message = format!("`{text}` is not a duration that Flux takes");
                faults.push(Fault {
                    field,
                    message,
                    found: text.clone(),
                    help: "write it as `10m` or `1h30m`",
                });
            }
            faults.extend(path_fault("flux.path", &flux.path));
        }
        Delivery::Argocd(argocd) => {
            if argocd.repo_url.trim().is_empty() {
                faults.push(Fault {
                    field: "argocd.repoURL",
                    message: "Argo CD is not told which repository holds the rendered output".to_owned(),
                    found: argocd.repo_url.clone(),
                    help: "set `repoURL`",
                });
            }
            faults.extend(path_fault("argocd.path", &argocd.path));
        }
        Delivery::None(_) => {}
    }
    faults
}

fn path_fault(field: &'static str, path: &str) -> Option<Fault> {
    let why = if path.starts_with('/') {
        "is absolute"
    } else if path.split('/').any(|part| part == "..") {
        "leaves the source"
    } else {
        return None;
    };
    let message = format!("path `{path}` {why}");
    Some(Fault {
        field,
        message,
        found: path.to_owned(),
        help: "write it relative to the root of the source: `./rendered`",
    })
}

/// `^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$`
fn is_duration(text: &str) -> bool {
    let mut rest = text;
    while let Some(unit) = rest.find(|c: char| !c.is_ascii_digit() && c != '.') {
        let (number, after) = rest.split_at(unit);
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        let is_number = match number.split_once('.') {
            Some((whole, fraction)) => digits(whole) && digits(fraction),
            None => digits(number),
        };
        let Some(next) = ["ms", "s", "m", "h"].into_iter().find_map(|unit| after.strip_prefix(unit)) else {
            return false;
        };
        if !is_number {
            return false;
        }
        rest = next;
    }
    !text.is_empty() && rest.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_what_the_crd_takes() {
        for good in ["10m", "1h30m", "1.5h", "500ms", "90s"] {
            assert!(is_duration(good), "{good}");
        }
        for bad in ["", "10", "m", "10 m", "1d", "10m5", "1.h", ".5s", "1..5s", "-1m"] {
            assert!(!is_duration(bad), "{bad}");
        }
    }
}
