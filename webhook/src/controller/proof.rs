//! The proof that API servers ask this program and obey it: a dry run that it has to refuse.
//!
//! What proves is the whole way: rules and selectors of the configuration, the Service, TLS, the decision, the answer.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};

use kube::api::{ApiResource, DynamicObject, Patch, PatchParams};
use kube::{Api, Client};
use meshwright_policies::admission::{SELF_TEST, SELF_TEST_NONCE, self_test_message};
use meshwright_policies::declaration::{DeclarationSpec, KIND};
use meshwright_policies::intent::{API_VERSION, GROUP};
use serde_json::{Value, json};

use crate::configuration::MESH_WEBHOOK;

/// What a self-test showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// It was refused by this program's code, just now.
    Refused,
    /// It went through, or found nobody who could answer: an API server does not reach this program.
    Passed(String),
    /// It could not be made, which says nothing.
    Unknown(String),
}

/// Makes the self-test. The declaration lends its form, so that the schema of its kind takes the object.
pub async fn prove(client: &Client, declaration: Option<&DeclarationSpec>) -> Proof {
    let nonce = nonce();
    let version = API_VERSION.rsplit('/').next().unwrap_or_default();
    let resource = ApiResource {
        group: GROUP.to_owned(),
        version: version.to_owned(),
        api_version: API_VERSION.to_owned(),
        kind: KIND.to_owned(),
        plural: "meshdeclarations".to_owned(),
    };
    let api: Api<DynamicObject> = Api::all_with(client.clone(), &resource);
    // Applied, not created: the right to do so can be limited to this one name.
    let params =
        PatchParams { dry_run: true, force: true, ..PatchParams::apply("meshwright-webhook-self-test") };
    let object = object(&nonce, declaration);
    judge(api.patch(SELF_TEST, &params, &Patch::Apply(&object)).await.map(|_| ()), &nonce)
}

fn judge(answer: kube::Result<()>, nonce: &str) -> Proof {
    match answer {
        Ok(()) => Proof::Passed("it was allowed".to_owned()),
        Err(kube::Error::Api(status)) if status.message.contains(&self_test_message(nonce)) => Proof::Refused,
        Err(kube::Error::Api(status)) => {
            let text = format!("{} {}: {}", status.code, status.reason, status.message);
            // A webhook that does not answer, or answers something else. What other webhooks say is about them.
            let ours = status.message.contains(&format!("webhook \"{MESH_WEBHOOK}\""));
            if ours { Proof::Passed(text) } else { Proof::Unknown(text) }
        }
        Err(error) => Proof::Unknown(error.to_string()),
    }
}

/// Not to be guessed in advance; nothing secret depends on it.
fn nonce() -> String {
    format!("{:016x}", RandomState::new().build_hasher().finish())
}

/// A declaration that its schema takes and nobody stores.
fn object(nonce: &str, declaration: Option<&DeclarationSpec>) -> Value {
    let mut spec = declaration.and_then(|spec| serde_json::to_value(spec).ok()).unwrap_or_else(|| {
        json!({
            "mesh": {"name": SELF_TEST, "id": "self-test", "trustDomain": "cluster.local",
                "clusterDomain": "cluster.local"},
            "cluster": {"name": "self-test", "id": "self-test"},
            "network": "self-test",
            "controlPlane": {"role": "primary"},
            "istio": {"version": "1.30.0", "namespace": "istio-system", "install": "Helm", "dataPlane": "sidecar"},
            "networks": {"self-test": {"clusters": ["self-test"], "discovery": "labels"}},
        })
    });
    // A declaration is named as its mesh.
    if let Some(mesh) = spec.get_mut("mesh").and_then(Value::as_object_mut) {
        mesh.insert("name".to_owned(), SELF_TEST.into());
    }
    json!({
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {"name": SELF_TEST, "annotations": {SELF_TEST_NONCE: nonce}},
        "spec": spec,
    })
}

#[cfg(test)]
mod tests {
    use kube::core::Status;
    use meshwright_policies::declaration::MeshDeclaration;

    use super::*;

    #[test]
    fn the_self_test_is_a_declaration() {
        let object = object("a1", None);
        let declaration: MeshDeclaration = serde_json::from_value(object.clone()).unwrap();
        assert_eq!(declaration.spec.mesh.name.as_str(), SELF_TEST);
        let lent = super::object("a1", Some(&declaration.spec));
        assert_eq!(serde_json::from_value::<MeshDeclaration>(lent).unwrap().spec, declaration.spec);
    }

    #[test]
    fn only_our_own_fresh_refusal_is_a_proof() {
        let answer = |code: u16, message: &str| {
            let status = Status { code, ..Status::failure(message, "x") };
            judge(Err(kube::Error::Api(Box::new(status))), "a1")
        };
        let denied =
            |text: &str| format!("admission webhook \"mesh.meshwright.dev\" denied the request: {text}");
        assert_eq!(answer(403, &denied(&self_test_message("a1"))), Proof::Refused);
        assert!(matches!(answer(403, &denied(&self_test_message("b2"))), Proof::Passed(_)));
        assert!(matches!(answer(403, "admission webhook \"x\" denied the request: no"), Proof::Unknown(_)));
        let broken = "Internal error occurred: failed calling webhook \"mesh.meshwright.dev\": EOF";
        assert!(matches!(answer(500, broken), Proof::Passed(_)));
        assert!(matches!(judge(Ok(()), "a1"), Proof::Passed(_)));
        for (code, text) in
            [(403, "User \"w\" cannot patch"), (404, "not found"), (429, "slow down"), (503, "x")]
        {
            assert!(matches!(answer(code, text), Proof::Unknown(_)), "{code}");
        }
    }
}
