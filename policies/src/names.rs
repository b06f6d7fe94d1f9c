//! Names that end up in labels, DNS, URLs and flattened keys: parsed once, here, so that no other code asks again.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// Why a name was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{value}` is not a {what}: {rule}")]
pub struct NameError {
    /// What was written.
    pub value: String,
    /// What it should have been: `cluster name`.
    pub what: &'static str,
    /// The rule it breaks.
    pub rule: &'static str,
}

const LABEL_RULE: &str = "at most 63 of a-z, 0-9 and `-`, starting and ending with a letter or digit";
const LABEL_PATTERN: &str = "^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$";

/// Of what names are made: letters and digits at both ends, and 61 characters at most between them.
#[derive(Clone, Copy)]
enum Alphabet {
    /// RFC 1123 label, as Kubernetes checks it: a-z, digits, `-`.
    DnsLabel,
    /// Letters, digits, `-`.
    ClusterId,
    /// A Kubernetes label value: letters, digits, `-`, `_`, `.`.
    LabelValue,
}

impl Alphabet {
    const fn has_at_ends(self, byte: u8) -> bool {
        let is_upper = byte.is_ascii_uppercase() && !matches!(self, Alphabet::DnsLabel);
        is_upper || byte.is_ascii_lowercase() || byte.is_ascii_digit()
    }

    const fn has(self, byte: u8) -> bool {
        let between = byte == b'-' || matches!(self, Alphabet::LabelValue) && matches!(byte, b'_' | b'.');
        between || self.has_at_ends(byte)
    }

    const fn allows(self, text: &[u8]) -> bool {
        let ends = match text {
            [] => return false,
            [only] => self.has_at_ends(*only),
            [first, .., last] => self.has_at_ends(*first) && self.has_at_ends(*last),
        };
        let mut rest = text;
        while let [byte, after @ ..] = rest {
            if !self.has(*byte) {
                return false;
            }
            rest = after;
        }
        ends && text.len() <= 63
    }
}

const fn is_dns_label(text: &str) -> bool {
    Alphabet::DnsLabel.allows(text.as_bytes())
}

const fn is_cluster_id(text: &str) -> bool {
    Alphabet::ClusterId.allows(text.as_bytes())
}

const fn is_label_value(text: &str) -> bool {
    Alphabet::LabelValue.allows(text.as_bytes())
}

/// RFC 1123 subdomain: labels joined by dots, at most 253 characters.
const fn is_dns_name(text: &str) -> bool {
    let (mut label, mut rest) = (text.as_bytes(), text.as_bytes());
    while let [byte, after @ ..] = rest {
        if *byte == b'.' {
            let (before, _) = label.split_at(label.len() - rest.len());
            if !Alphabet::DnsLabel.allows(before) {
                return false;
            }
            label = after;
        }
        rest = after;
    }
    Alphabet::DnsLabel.allows(label) && text.len() <= 253
}

/// Whether Istio takes the text for the name of a host that it can resolve (istio/istio@1.31:
/// `pkg/config/validation/agent/validation.go`, `ValidateFQDN`): labels of letters in either case, digits and `-`; the last
/// is no number, and may be empty.
#[must_use]
pub fn is_resolvable_name(text: &str) -> bool {
    let absolute = text.strip_suffix('.').unwrap_or(text);
    let last = absolute.rsplit('.').next().unwrap_or(absolute);
    text.len() <= 255
        && last.parse::<u64>().is_err()
        && absolute.split('.').all(|label| ClusterId::new(label).is_ok())
}

const HOSTED: &str = "-hosted";

/// The name of a hosted mesh's API server, which is that of its directory too: `<mesh>-hosted`.
#[must_use]
pub fn hosted_name(mesh: &str) -> String {
    format!("{mesh}{HOSTED}")
}

/// The mesh whose hosted API server has that name.
#[must_use]
pub fn mesh_hosted_as(name: &str) -> Option<&str> {
    name.strip_suffix(HOSTED)
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $what:literal, $rule:expr, $pattern:expr, $check:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Cow<'static, str>);

        impl $name {
            /// What this kind of name is called in messages.
            pub const WHAT: &'static str = $what;

            /// Parses it.
            ///
            /// # Errors
            /// [`NameError`] names the rule that the text breaks.
            pub fn new(text: impl Into<String>) -> Result<Self, NameError> {
                let value = text.into();
                if $check(&value) {
                    Ok(Self(Cow::Owned(value)))
                } else {
                    Err(NameError { value, what: $what, rule: $rule })
                }
            }

            /// A name that stands in the code: `const { Name::known("x") }` compiles if it is one.
            #[must_use]
            pub const fn known(text: &'static str) -> Self {
                assert!($check(text), "it breaks the rule of such names");
                Self(Cow::Borrowed(text))
            }

            /// Its text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = NameError;

            fn try_from(text: String) -> Result<Self, NameError> {
                Self::new(text)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.0.into_owned()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({
                    "type": "string",
                    "pattern": $pattern,
                    "description": concat!("A ", $what, "."),
                    "x-rule": $rule,
                })
            }
        }
    };
}

name!(
    /// The name of a `Mesh` document. A DNS-1123 label: it becomes part of Service names such as
    /// `istiod-<mesh>-hosted-lb`.
    MeshName, "mesh name", LABEL_RULE, LABEL_PATTERN, is_dns_label
);
name!(
    /// The name of a `Cluster` document and of its directory. A DNS-1123 label, lower case: it becomes part of Secret
    /// names (`istio-remote-secret-<cluster>`) and of the injection path, and an underscore here made a real
    /// installation fail in silence.
    ClusterName, "cluster name", LABEL_RULE, LABEL_PATTERN, is_dns_label
);
name!(
    /// Istio's cluster ID: letters (either case), digits and `-`, at most 63
    /// (istio/istio@1.30: `pkg/config/labels/instance.go`; `fromRegistry` refuses anything else). `Kubernetes` is the
    /// default of an istiod that was told nothing.
    ClusterId, "cluster ID",
    "at most 63 letters, digits and `-`, starting and ending with a letter or digit",
    "^[A-Za-z0-9]([-A-Za-z0-9]{0,61}[A-Za-z0-9])?$",
    is_cluster_id
);
name!(
    /// A network ID. Istio checks nothing; this is a DNS-1123 label because the ID becomes a label value, an element
    /// of the injection path and of a comma list, and a key of Mspider's flattened parameters, which split on dots.
    NetworkId, "network ID", LABEL_RULE, LABEL_PATTERN, is_dns_label
);
name!(
    /// The mesh ID: a Kubernetes label value, since telemetry carries it as one.
    MeshId, "mesh ID",
    "at most 63 letters, digits, `-`, `_` and `.`, starting and ending with a letter or digit",
    "^[A-Za-z0-9]([-_.A-Za-z0-9]{0,61}[A-Za-z0-9])?$", is_label_value
);
name!(
    /// A trust domain: a DNS name (SPIFFE ID specification, section 2.1, without the underscore that certificates of
    /// many authorities refuse).
    TrustDomain, "trust domain", "a DNS name in lower case, at most 253 characters",
    "^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)*$", is_dns_name
);
name!(
    /// A DNS name such as the cluster domain.
    DnsName, "DNS name", "labels of a-z, 0-9 and `-` joined by dots, at most 253 characters",
    "^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)*$", is_dns_name
);
name!(
    /// The name of an object whose kind wants a DNS-1123 label (Service, Namespace, pool, pod template).
    ObjectName, "object name", LABEL_RULE, LABEL_PATTERN, is_dns_label
);
name!(
    /// An Istio revision: part of object names such as `istiod-<revision>` and a label value.
    Revision, "revision", LABEL_RULE, LABEL_PATTERN, is_dns_label
);
name!(
    /// The value of a label or a locality part.
    LabelValue, "label value",
    "at most 63 letters, digits, `-`, `_` and `.`, starting and ending with a letter or digit",
    "^[A-Za-z0-9]([-_.A-Za-z0-9]{0,61}[A-Za-z0-9])?$", is_label_value
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_what_kubernetes_and_istio_take() {
        assert!(ClusterName::new("mdemo-cluster1").is_ok());
        assert!(ClusterId::new("Kubernetes").is_ok());
        assert!(NetworkId::new("1").is_ok());
        assert!(TrustDomain::new("cluster.local").is_ok());
        for bad in ["", "-a", "a-", "nks_kr", "A", "a.b", "a/b", "ä", &"a".repeat(64)] {
            assert!(ClusterName::new(bad).is_err(), "{bad}");
        }
        for bad in ["", "arn:aws:eks", "a.b", "a_b"] {
            assert!(ClusterId::new(bad).is_err(), "{bad}");
        }
        let long = ["a".repeat(63), "b".repeat(63), "c".repeat(63)].join(".");
        for good in ["a", "a.b", "1.a-b.c", &long] {
            assert!(DnsName::new(good).is_ok(), "{good}");
        }
        for bad in ["", ".", "a.", ".a", "a..b", "a.-b", "a.B", &format!("{long}.{long}")] {
            assert!(DnsName::new(bad).is_err(), "{bad}");
        }
        for (text, good) in [("a_b.C-1", true), ("A", true), ("_a", false), ("a.", false), ("a b", false)] {
            assert_eq!(LabelValue::new(text).is_ok(), good, "{text}");
        }
    }

    #[test]
    fn the_message_names_the_rule() {
        let error = ClusterName::new("nks_kr").unwrap_err().to_string();
        assert_eq!(error, format!("`nks_kr` is not a cluster name: {LABEL_RULE}"));
    }
}
