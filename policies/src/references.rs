//! Rules of reading intent: what a document may say, and whom it may name. The compiler finds these while it turns
//! documents into the mesh, before any policy can judge it.

use crate::finding::{Rule, Severity};

macro_rules! rules {
    ($($(#[$doc:meta])* $name:ident = $code:literal $slug:literal $title:literal;)*) => {
        $(
            $(#[$doc])*
            pub static $name: Rule = Rule {
                code: $code,
                name: $slug,
                severity: Severity::Error,
                title: $title,
                docs: include_str!(concat!("../docs/", $code, ".md")),
            };
        )*

        /// All of them, by code.
        pub static REFERENCE_RULES: &[&Rule] = &[$(&$name),*];
    };
}

rules! {
    /// A version of the intent that this program does not read.
    UNSUPPORTED_VERSION = "MW0101" "unsupported-api-version" "intent of an unsupported apiVersion";
    /// A kind that the intent does not have.
    UNKNOWN_KIND = "MW0102" "unknown-kind" "document of an unknown kind";
    /// A field that the kind does not have.
    UNKNOWN_FIELD = "MW0103" "unknown-field" "unknown field";
    /// A value of the wrong type.
    WRONG_TYPE = "MW0104" "wrong-type" "value of the wrong type";
    /// A value of the right type that the field does not take.
    INVALID_VALUE = "MW0105" "invalid-value" "value that the field does not take";
    /// A field that must be there.
    MISSING_FIELD = "MW0106" "missing-field" "required field is missing";
    /// None or several of a group of which exactly one is wanted.
    NOT_EXACTLY_ONE = "MW0107" "not-exactly-one" "exactly one of a group of fields is wanted";
    /// Two documents of one kind and name.
    DUPLICATE_DOCUMENT = "MW0110" "duplicate-document" "two documents have one kind and name";
    /// A mesh that is not declared, or not named where there are several.
    UNKNOWN_MESH = "MW0111" "unknown-mesh" "document belongs to no declared mesh";
    /// A cluster that names no network.
    NO_NETWORK = "MW0112" "no-network" "cluster has no network";
    /// A cluster whose Istio version is said nowhere.
    NO_ISTIO_VERSION = "MW0113" "no-istio-version" "Istio version is declared nowhere";
    /// Nothing to compile.
    NO_INTENT = "MW0114" "no-intent" "no mesh is declared";
}
