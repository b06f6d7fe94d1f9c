//! Our own Helm charts as Helm renders them.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde::Deserialize;
use serde_json::Value;

use crate::repository;

/// A chart in `charts/`.
#[derive(Clone, Debug)]
pub struct OwnChart {
    /// Its name, which is that of its directory.
    pub name: &'static str,
}

/// Both charts.
pub const CHARTS: [OwnChart; 2] =
    [OwnChart { name: "meshwright-webhook" }, OwnChart { name: "meshwright-compiler" }];

/// Namespace of the releases in tests.
pub const NAMESPACE: &str = "meshwright-system";

impl OwnChart {
    /// Its directory.
    #[must_use]
    pub fn directory(&self) -> PathBuf {
        repository("charts").join(self.name)
    }

    /// The values files of `ci/`: one for each way of using the chart.
    #[must_use]
    pub fn modes(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.directory().join("ci")).unwrap();
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        paths
    }

    /// `helm template` with a values file and more arguments.
    #[must_use]
    pub fn template(&self, values: &Path, arguments: &[&str]) -> Output {
        let mut helm = Command::new("helm");
        helm.args(["template", self.name]).arg(self.directory()).args(["--namespace", NAMESPACE]);
        helm.arg("--values").arg(values).args(arguments).output().unwrap()
    }

    /// The objects that [`OwnChart::template`] prints.
    #[must_use]
    pub fn objects(&self, values: &Path, arguments: &[&str]) -> Vec<Value> {
        let output = self.template(values, arguments);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).unwrap();
        let documents = serde_yaml::Deserializer::from_str(&text);
        documents.map(|one| Value::deserialize(one).unwrap()).filter(|value| !value.is_null()).collect()
    }
}
