//! The expressions of the API server for tests decide as the real one's.

use serde_json::{Value, json};

use crate::api::cel::{Scope, condition};

#[test]
fn expressions_decide_as_an_api_server_lets_them() {
    let object = json!({
        "metadata": {"name": "istio", "labels": {"topology.istio.io/network": "n", "a": "b"}},
        "spec": {"ports": [{"port": 15443}, {"port": 80}]},
    });
    let (none, request) = (Value::Null, json!({"operation": "UPDATE", "name": "istio"}));
    let scope = Scope { object: &object, old_object: &none, request: &request };
    for (expression, expected) in [
        ("true", Ok(true)),
        ("has(object.metadata.labels) && 'topology.istio.io/network' in object.metadata.labels", Ok(true)),
        ("object.metadata.labels['a'] == \"b\"", Ok(true)),
        ("oldObject != null && has(oldObject.metadata.labels)", Ok(false)),
        ("oldObject == null || has(oldObject.metadata.labels)", Ok(true)),
        ("has(object.metadata.annotations)", Ok(false)),
        ("has(oldObject.metadata)", Err(())),
        ("has(oldObject.metadata) || true", Ok(true)),
        ("request.operation in ['CREATE', 'UPDATE']", Ok(true)),
        ("request.operation != 'DELETE' ? request.name.startsWith('ist') : false", Ok(true)),
        ("object.metadata.?annotations[?'x'].orValue('none') == 'none'", Ok(true)),
        ("object.metadata.?labels['a'].orValue('none') == 'b'", Ok(true)),
        ("oldObject.?metadata.labels.hasValue()", Ok(false)),
        ("object.spec.ports.exists(p, p.port == 15443)", Ok(true)),
        ("object.spec.ports.all(p, p.port > 100)", Ok(false)),
        ("object.metadata.labels.exists(k, k.endsWith('/network'))", Ok(true)),
        ("size(object.spec.ports.filter(p, p.port < 100)) == 1", Ok(true)),
        ("!(request.name in ['istio', 'istio-canary'])", Ok(false)),
        ("object.spec.missing == 1", Err(())),
        ("variables.x", Err(())),
        ("true true", Err(())),
        ("'text'", Err(())),
    ] {
        assert_eq!(condition(expression, &scope).map_err(drop), expected, "{expression}");
    }
}
