//! What an API server answers when it refuses: a `Status`.

use hyper::StatusCode;
use serde_json::{Value, json};

#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub(crate) code: StatusCode,
    pub(crate) reason: String,
    pub(crate) message: String,
    pub(crate) details: Box<Value>,
}

impl Failure {
    pub(crate) fn new(code: u16, reason: &str, message: impl Into<String>) -> Failure {
        let code = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Failure { code, reason: reason.to_owned(), message: message.into(), details: Box::new(Value::Null) }
    }

    pub(crate) fn not_found(what: &str) -> Failure {
        Failure::new(404, "NotFound", format!("{what} not found"))
    }

    pub(crate) fn status(&self) -> Value {
        let mut status = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": self.message,
            "reason": self.reason, "code": self.code.as_u16(),
        });
        if !self.details.is_null() {
            status["details"] = (*self.details).clone();
        }
        status
    }
}
