//! Versions of Istio, Kubernetes and the programs around them.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// A minor release line: `1.26`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Minor(pub u32, pub u32);

impl fmt::Display for Minor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

/// Text that is not a version.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a version such as 1.26, 1.26.0, v0.14.8 or 1.15.3-mspider")]
pub struct VersionError(String);

/// A version as people write it: two or three numbers, an optional leading `v`, an optional suffix of the vendor
/// (`1.15.3-mspider`). Kept as written; compared by its numbers.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Version {
    text: String,
    minor: Minor,
    patch: Option<u32>,
}

impl Version {
    /// Its release line.
    #[must_use]
    pub fn minor(&self) -> Minor {
        self.minor
    }

    /// Its patch number, when written.
    #[must_use]
    pub fn patch(&self) -> Option<u32> {
        self.patch
    }

    /// As written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Without a leading `v`: `1.26.0`, `1.15.3-mspider`.
    #[must_use]
    pub fn plain(&self) -> &str {
        self.text.strip_prefix('v').unwrap_or(&self.text)
    }

    /// `(major, minor, patch)`, a missing patch being 0.
    #[must_use]
    pub fn numbers(&self) -> (u32, u32, u32) {
        (self.minor.0, self.minor.1, self.patch.unwrap_or(0))
    }

    /// Whether both may be one release: the same release line, and the same patch where both say one. What vendors add is
    /// not compared.
    #[must_use]
    pub fn agrees_with(&self, other: &Version) -> bool {
        let patches = self.patch.zip(other.patch);
        self.minor == other.minor && patches.is_none_or(|(own, others)| own == others)
    }

    /// Whether the version is `minor.patch` or later.
    #[must_use]
    pub fn at_least(&self, major: u32, minor: u32, patch: u32) -> bool {
        self.numbers() >= (major, minor, patch)
    }
}

impl FromStr for Version {
    type Err = VersionError;

    fn from_str(text: &str) -> Result<Version, VersionError> {
        let parse = || {
            let plain = text.strip_prefix('v').unwrap_or(text);
            let (numbers, suffix) = plain.find(['-', '+']).map_or((plain, ""), |at| plain.split_at(at));
            let suffix_ok = suffix.is_empty()
                || (suffix.len() > 1
                    && suffix.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'+' | b'.')));
            let parts: Vec<u32> = numbers.split('.').map(|part| part.parse().ok()).collect::<Option<_>>()?;
            let (minor, patch) = match *parts.as_slice() {
                [major, minor] => (Minor(major, minor), None),
                [major, minor, patch] => (Minor(major, minor), Some(patch)),
                _ => return None,
            };
            suffix_ok.then(|| Version { text: text.to_owned(), minor, patch })
        };
        parse().ok_or_else(|| VersionError(text.to_owned()))
    }
}

impl TryFrom<String> for Version {
    type Error = VersionError;

    fn try_from(text: String) -> Result<Version, VersionError> {
        text.parse()
    }
}

impl From<Version> for String {
    fn from(version: Version) -> String {
        version.text
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.text)
    }
}

impl JsonSchema for Version {
    fn schema_name() -> Cow<'static, str> {
        "Version".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": "^v?[0-9]+\\.[0-9]+(\\.[0-9]+)?([-+][-+.0-9A-Za-z]+)?$",
            "description": "A version, quoted: \"1.26\", \"1.26.0\", \"1.15.3-mspider\".",
            "x-rule": "two or three numbers joined by dots, with an optional `v` before and suffix after; quote it",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_keep_what_vendors_add() {
        let version: Version = "1.15.3-mspider".parse().unwrap();
        assert_eq!(
            (version.minor(), version.patch(), version.plain()),
            (Minor(1, 15), Some(3), "1.15.3-mspider")
        );
        assert_eq!("v1.30.4+k3s1".parse::<Version>().unwrap().numbers(), (1, 30, 4));
        for bad in ["", "1", "1.a", "1.2.3.4", "1.26-", "latest", "1.26.0 "] {
            assert!(bad.parse::<Version>().is_err(), "{bad}");
        }
    }
}
