//! Paths of objects that are carried over as they are.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// A file or directory of manifests, as a path from the intent root: `manifests/east`, `legacy/dashboards.yaml`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ManifestPath(String);

const RULE: &str = "a path below the intent root, joined by `/`, without `.` and `..`: manifests/east";
const PATTERN: &str = r"^([^./\\][^/\\]*|\.[^./\\][^/\\]*)(/([^./\\][^/\\]*|\.[^./\\][^/\\]*))*$";

impl ManifestPath {
    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a file, by its path from the intent root, is this one or lies below it.
    #[must_use]
    pub fn holds(&self, file: &str) -> bool {
        file.strip_prefix(&self.0).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

impl TryFrom<String> for ManifestPath {
    type Error = String;

    fn try_from(text: String) -> Result<ManifestPath, String> {
        let part = |part: &str| !matches!(part, "" | "." | "..") && !part.contains('\\');
        if text.split('/').all(part) {
            Ok(ManifestPath(text))
        } else {
            Err(format!("`{text}` is not {RULE}"))
        }
    }
}

impl From<ManifestPath> for String {
    fn from(path: ManifestPath) -> String {
        path.0
    }
}

impl fmt::Display for ManifestPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl JsonSchema for ManifestPath {
    fn schema_name() -> Cow<'static, str> {
        "ManifestPath".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": PATTERN,
            "description": "A file or directory of manifests, as a path from the intent root: manifests/east.",
            "x-rule": RULE,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stay_below_the_root() {
        for good in ["manifests", "manifests/east", "a/b.yaml", ".hidden/a.yaml", "a..b/c"] {
            assert!(ManifestPath::try_from(good.to_owned()).is_ok(), "{good}");
        }
        for bad in ["", "/etc", "../up", "a/../b", "./a", "a//b", "a/", ".", "..", r"a\b"] {
            assert!(ManifestPath::try_from(bad.to_owned()).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_path_holds_itself_and_what_is_below() {
        let path = ManifestPath::try_from("manifests/east".to_owned()).unwrap();
        assert!(path.holds("manifests/east") && path.holds("manifests/east/a/b.yaml"));
        assert!(!path.holds("manifests/eastern/a.yaml") && !path.holds("x/manifests/east/a.yaml"));
    }
}
