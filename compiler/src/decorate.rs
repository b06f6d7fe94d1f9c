//! What the agent that applies an object has to know, as annotations on it.

use std::collections::BTreeMap;

use meshwright_policies::intent::Delivery;
use meshwright_policies::names::ClusterName;

use crate::artefact::{Rendered, Root};
use crate::destination::Destination;
use crate::object::Object;
use crate::stage::{group, is_istio_api};

/// Flux: never delete this object, neither when it is gone from the source nor with its Kustomization
/// (kustomize-controller: `docs/spec/v1/kustomizations.md`, "Prune").
const FLUX_PRUNE: &str = "kustomize.toolkit.fluxcd.io/prune";
/// Flux: how the object is applied.
const FLUX_APPLY: &str = "kustomize.toolkit.fluxcd.io/ssa";
/// What Flux takes for the beginning of a variable, once a Kustomization above substitutes any.
const VARIABLE: &str = "${";
/// Flux: leave `${...}` in this object as it is.
const FLUX_SUBSTITUTE: &str = "kustomize.toolkit.fluxcd.io/substitute";
const ARGOCD_WAVE: &str = "argocd.argoproj.io/sync-wave";
const ARGOCD_OPTIONS: &str = "argocd.argoproj.io/sync-options";

/// Argo CD applies a wave when the one before is healthy. CRDs are healthy when their resources can be created.
const CRD_WAVE: i32 = -20;

/// Group of Mspider's resources. They exist already and the product writes most of their fields: ours are merged in.
const MSPIDER_GROUP: &str = "discovery.mspider.io";

const METALLB_GROUP: &str = "metallb.io";

/// Who applies a root.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Agents {
    flux: bool,
    argocd: bool,
}

impl Agents {
    /// The agents that apply `root`.
    #[must_use]
    pub fn of(root: &Root, destinations: &BTreeMap<ClusterName, Destination<'_>>) -> Agents {
        let none = Agents::default();
        match root {
            Root::Crds => destinations.values().fold(none, |agents, to| agents.with(to.delivery)),
            Root::Declaration(name) | Root::Mesh(name) => {
                destinations.get(name).map_or(none, |to| none.with(to.delivery))
            }
            Root::Flux(_) => Agents { flux: true, ..none },
            Root::Argocd => Agents { argocd: true, ..none },
            Root::Istioctl(_) | Root::Helm(_) => none,
        }
    }

    fn with(mut self, delivery: &Delivery) -> Agents {
        match delivery {
            Delivery::Flux(_) => self.flux = true,
            Delivery::Argocd(_) => self.argocd = true,
            Delivery::None(_) => {}
        }
        self
    }
}

/// Annotates `rendered` for the agents that apply its root.
#[must_use]
pub fn decorate(rendered: Rendered, root: &Root, agents: Agents) -> Object {
    let mut object = rendered.object;
    let merged = group(object.api_version()) == MSPIDER_GROUP;
    if agents.flux {
        if rendered.protected || merged {
            object = object.annotation(FLUX_PRUNE, "disabled");
        }
        if merged {
            object = object.annotation(FLUX_APPLY, "Merge");
        }
        if object.holds(VARIABLE) {
            object = object.annotation(FLUX_SUBSTITUTE, "disabled");
        }
    }
    if agents.argocd {
        let wave = if *root == Root::Crds { CRD_WAVE } else { rendered.wave as i32 };
        object = object.annotation(ARGOCD_WAVE, wave.to_string());
        let options = argocd_options(&object, rendered.protected, merged);
        if !options.is_empty() {
            object = object.annotation(ARGOCD_OPTIONS, options);
        }
    }
    object
}

/// Argo CD's sync options of one object, beside those that its artefact gave it.
fn argocd_options(object: &Object, protected: bool, merged: bool) -> String {
    let own =
        object.as_map().get("metadata").and_then(|m| m.get("annotations")?.get(ARGOCD_OPTIONS)?.as_str());
    let mut options: Vec<&str> = own.into_iter().collect();
    if merged {
        options.extend(["ServerSideApply=true", "Prune=false", "Delete=false"]);
    } else if protected {
        options.extend(["Prune=confirm", "Delete=confirm"]);
    }
    let group = group(object.api_version());
    if is_istio_api(group) || group == METALLB_GROUP {
        // Its CRD comes with a chart, that is from another Application.
        options.push("SkipDryRunOnMissingResource=true");
    }
    options.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artefact::Wave;
    use serde_json::{Value, json};

    const BOTH: Agents = Agents { flux: true, argocd: true };

    fn annotations(object: Object, protected: bool, agents: Agents) -> Value {
        let rendered = Rendered { object, wave: Wave::Namespace, protected, artefact: "test" };
        let mut json = decorate(rendered, &Root::Argocd, agents).into_json();
        json.pointer_mut("/metadata/annotations").map_or(Value::Null, Value::take)
    }

    #[test]
    fn protects_what_must_not_be_lost() {
        let namespace = || Object::new("v1", "Namespace", "istio-system");
        assert_eq!(
            annotations(namespace(), true, BOTH),
            json!({
                "kustomize.toolkit.fluxcd.io/prune": "disabled",
                "argocd.argoproj.io/sync-wave": "-5",
                "argocd.argoproj.io/sync-options": "Prune=confirm,Delete=confirm",
            })
        );
        assert_eq!(annotations(namespace(), true, Agents::default()), Value::Null);
        assert_eq!(annotations(namespace(), false, Agents { flux: true, argocd: false }), Value::Null);
    }

    #[test]
    fn merges_the_resources_of_the_vendor() {
        let mesh = Object::new("discovery.mspider.io/v3alpha1", "GlobalMesh", "m");
        assert_eq!(
            annotations(mesh, false, BOTH),
            json!({
                "kustomize.toolkit.fluxcd.io/prune": "disabled",
                "kustomize.toolkit.fluxcd.io/ssa": "Merge",
                "argocd.argoproj.io/sync-wave": "-5",
                "argocd.argoproj.io/sync-options": "ServerSideApply=true,Prune=false,Delete=false",
            })
        );
    }

    #[test]
    fn keeps_the_options_of_the_artefact() {
        let gateway =
            Object::new("networking.istio.io/v1", "Gateway", "g").annotation(ARGOCD_OPTIONS, "Replace=true");
        let annotations = annotations(gateway, true, BOTH);
        assert_eq!(
            annotations.get(ARGOCD_OPTIONS),
            Some(&json!("Replace=true,Prune=confirm,Delete=confirm,SkipDryRunOnMissingResource=true"))
        );
    }

    #[test]
    fn shields_text_that_looks_like_a_variable() {
        let filter =
            Object::new("v1", "ConfigMap", "c").field("data", json!({"a": ["x", {"b": "up ${to}"}]}));
        let flux = Agents { flux: true, argocd: false };
        assert_eq!(
            annotations(filter, false, flux),
            json!({"kustomize.toolkit.fluxcd.io/substitute": "disabled"})
        );
        let plain = Object::new("v1", "ConfigMap", "c").field("data", json!({"a": "$x {y} $(z)"}));
        assert_eq!(annotations(plain, false, flux), Value::Null);
    }
}
