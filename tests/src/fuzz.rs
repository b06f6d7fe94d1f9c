//! What must hold of every parser, whatever bytes it is given: it ends, it does not panic, and what it accepts it accepts again
//! in the form in which it writes it.
//!
//! `fuzz/` runs these targets under libFuzzer; the test `fuzz` runs them on changed seeds in every run of the tests.

use std::fmt::{Debug, Display};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use meshwright::compile::{self, SourceText};
use meshwright::diagnostic::{self, Format, RenderOptions};
use meshwright::lint::ClusterGlob;
use meshwright::publish::{Manifest, RelativePath};
use meshwright::source::Sources;
use meshwright::syntax::{self, Limits};
use meshwright::{build, import, lint, yaml};
use meshwright_policies::address::{Address, AddressRange, ApiServer, Cidr};
use meshwright_policies::admission::{self, Basis, WithoutDeclaration};
use meshwright_policies::declaration::MeshDeclaration;
use meshwright_policies::finding::Findings;
use meshwright_policies::names::{ClusterId, ClusterName, MeshId, NetworkId};
use meshwright_policies::node::{FieldPath, FileId, Node};
use meshwright_policies::version::Version;

use crate::intent::TODAY;
use crate::repository;

/// A parser to be tried.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name: that of the file in `fuzz/fuzz_targets`.
    pub name: &'static str,
    /// What is run.
    pub run: fn(&[u8]),
    /// Files that it reads well, or nearly.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

/// All of them.
pub const TARGETS: &[Target] = &[
    Target { name: "yaml", run: yaml, seeds: intents },
    Target { name: "intent", run: intent, seeds: intents },
    Target { name: "lint", run: lint, seeds: manifests },
    Target { name: "import", run: import, seeds: manifests },
    Target { name: "review", run: review, seeds: reviews },
    Target { name: "declaration", run: declaration, seeds: declarations },
    Target { name: "manifest", run: manifest, seeds: rendered_manifests },
    Target { name: "scalars", run: scalars, seeds: words },
];

/// More is not read: time should go into forms, not into length.
const MOST: usize = 64 << 10;

fn loaded(text: &[u8]) -> Vec<Node> {
    let mut findings = Findings::new();
    let documents = syntax::load(FileId(0), text, &Limits::default(), &mut findings);
    if findings.has_errors() { Vec::new() } else { documents.into_iter().map(|one| one.root).collect() }
}

/// YAML without a finding means the same when it is written again.
pub fn yaml(data: &[u8]) {
    for document in loaded(data.get(..MOST).unwrap_or(data)) {
        let json = document.to_json();
        let text = yaml::to_yaml(&json);
        let again = loaded(text.as_bytes());
        let again: Vec<_> = again.iter().map(Node::to_json).collect();
        assert_eq!(again, [json], "{text}");
    }
}

/// Intent is judged, and rendered if it is sound; every format says what is wrong with it.
pub fn intent(data: &[u8]) {
    let text = data.get(..MOST).unwrap_or(data);
    let (sources, id) = Sources::from_text("intent.yaml", text.to_vec());
    let loaded = compile::load([SourceText { id, path: "intent.yaml", text }], TODAY);
    say(&loaded.findings, &sources);
    if !loaded.findings.has_errors()
        && let Err(findings) = build::build(&loaded.fleet)
    {
        assert!(findings.has_errors());
        say(&findings, &sources);
    }
}

/// Manifests of two clusters are compared.
pub fn lint(data: &[u8]) {
    let sources = two_clusters(data);
    let linted = lint::lint_sources(sources, &[]);
    say(&linted.findings, &linted.sources);
}

/// Intent is made of manifests, and read again.
pub fn import(data: &[u8]) {
    if let Ok(imported) = import::import(&two_clusters(data), &[], TODAY) {
        for text in imported.files.values().filter_map(|file| std::str::from_utf8(file.as_ref()).ok()) {
            let mut findings = Findings::new();
            let _documents = syntax::load(FileId(0), text.as_bytes(), &Limits::default(), &mut findings);
        }
    }
}

/// The same file in two clusters: the second is cut where the first says `---`.
fn two_clusters(data: &[u8]) -> Sources {
    let text = data.get(..MOST).unwrap_or(data);
    let second = text.windows(5).position(|window| window == b"\n---\n").map_or(text, |at| &text[at..]);
    let mut sources = Sources::new();
    sources.add("clusters/east/all.yaml".to_owned(), text.into());
    sources.add("clusters/west/all.yaml".to_owned(), second.into());
    sources
}

fn say(findings: &Findings, sources: &Sources) {
    for format in
        [Format::Human, Format::Json, Format::Sarif, Format::Github, Format::Markdown, Format::Junit]
    {
        let text = diagnostic::render(format, findings, sources, &RenderOptions::default());
        if matches!(format, Format::Json | Format::Sarif) {
            let _json: serde_json::Value = serde_json::from_str(&text).unwrap();
        }
    }
}

/// A request is answered in its own form, or refused as none.
pub fn review(data: &[u8]) {
    let declaration = some_declaration();
    for declarations in [vec![&declaration], Vec::new()] {
        let basis =
            Basis { declarations, unreadable: false, without: WithoutDeclaration::Allow, today: TODAY };
        let verdict = admission::review(data, &basis);
        assert_eq!(verdict.body().is_none(), verdict.decision == "error");
        if let Some(body) = verdict.body() {
            let answer: serde_json::Value = serde_json::from_slice(&body).unwrap();
            assert_eq!(answer["response"]["uid"], verdict.uid.as_str());
            assert_eq!(answer["response"]["allowed"], verdict.decision == "allowed");
        }
    }
}

fn some_declaration() -> MeshDeclaration {
    let text = std::fs::read(repository("webhook/tests/declarations/mdemo.yaml")).unwrap();
    serde_json::from_value(loaded(&text).remove(0).to_json()).unwrap()
}

/// A declaration survives being written, and judges any review without a panic.
pub fn declaration(data: &[u8]) {
    for document in loaded(data.get(..MOST).unwrap_or(data)) {
        let Ok(declared) = serde_json::from_value::<MeshDeclaration>(document.to_json()) else { continue };
        let written = serde_json::to_value(&declared).unwrap();
        let again: MeshDeclaration = serde_json::from_value(written.clone()).unwrap();
        assert_eq!(serde_json::to_value(&again).unwrap(), written);
        let basis = Basis {
            declarations: vec![&declared],
            unreadable: false,
            without: WithoutDeclaration::Allow,
            today: TODAY,
        };
        for body in reviews().iter().take(6) {
            assert!(admission::review(body, &basis).body().is_some());
        }
    }
}

/// The manifest of an output directory survives being written.
pub fn manifest(data: &[u8]) {
    let Ok(manifest) = Manifest::parse(Path::new("manifest.json"), data) else { return };
    let bytes = manifest.to_bytes().unwrap();
    assert_eq!(Manifest::parse(Path::new("manifest.json"), &bytes).unwrap(), manifest);
}

/// Scalars are read as they are written.
pub fn scalars(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data.get(..1024).unwrap_or(data)) else { return };
    written_as_read::<Address>(text);
    written_as_read::<Cidr>(text);
    written_as_read::<AddressRange>(text);
    written_as_read::<ApiServer>(text);
    written_as_read::<Version>(text);
    let _glob = ClusterGlob::from_str(text);
    let path = FieldPath::parse(text);
    // A key with a quote in it is shown as it is: such a path is for people only.
    if !text.contains('"') {
        assert_eq!(FieldPath::parse(&path.to_string()), path, "{text}");
    }
    if let Ok(path) = RelativePath::new(text) {
        assert_eq!(RelativePath::new(path.as_str()).unwrap(), path);
        assert!(!path.as_str().starts_with('/') && !path.as_str().split('/').any(|part| part == ".."));
    }
    let names = [
        MeshId::new(text).is_ok(),
        ClusterId::new(text).is_ok(),
        ClusterName::new(text).is_ok(),
        NetworkId::new(text).is_ok(),
    ];
    assert!(!names.contains(&true) || !text.is_empty());
}

fn written_as_read<T: FromStr + Display + Debug + PartialEq>(text: &str)
where
    T::Err: Debug,
{
    if let Ok(value) = T::from_str(text) {
        assert_eq!(T::from_str(&value.to_string()).unwrap(), value, "{text}");
    }
}

fn intents() -> Vec<Vec<u8>> {
    let mut seeds = yaml_below("example-repo/kpaas");
    seeds.extend(yaml_below("example-repo/mdemo"));
    seeds.extend(yaml_below("tests/golden/refused/intent"));
    seeds
}

fn manifests() -> Vec<Vec<u8>> {
    let mut seeds = yaml_below("tests/lint");
    seeds.extend(yaml_below("example-repo/rendered/clusters/mdemo-cluster1"));
    seeds.retain(|seed| seed.len() < 8192);
    seeds
}

fn declarations() -> Vec<Vec<u8>> {
    yaml_below("webhook/tests/declarations")
}

fn reviews() -> Vec<Vec<u8>> {
    let captured = files_below(&repository("webhook/tests/reviews"), "json");
    let review = |file: PathBuf| {
        let capture: serde_json::Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
        capture["review"].to_string().into_bytes()
    };
    captured.into_iter().map(review).collect()
}

fn rendered_manifests() -> Vec<Vec<u8>> {
    let small = r#"{"format":1,"tool":"meshwright","toolVersion":"0.1.0","clusters":{},"files":{}}"#;
    let file = repository("example-repo/rendered/.meshwright/manifest.json");
    vec![small.into(), std::fs::read(file).unwrap()]
}

fn words() -> Vec<Vec<u8>> {
    let words = [
        "10.0.0.1",
        "2001:db8::1%eth0",
        "a.example.com",
        "10.0.0.0/16",
        "::/0",
        "10.0.0.1-10.0.0.9",
        "10.0.0.1/32",
        "https://10.0.0.1:6443",
        "https://[2001:db8::1]:6443/path",
        "1.30.3",
        "1.15.3-mspider",
        "spec.a[0].b",
        "metadata.labels[\"topology.istio.io/network\"]",
        "clusters/*/x",
        "clusters/a/b.yaml",
        "network-1",
    ];
    words.iter().map(|word| word.as_bytes().to_vec()).collect()
}

fn yaml_below(path: &str) -> Vec<Vec<u8>> {
    files_below(&repository(path), "yaml").into_iter().map(|file| std::fs::read(file).unwrap()).collect()
}

/// Files with this extension, in the order of their paths.
fn files_below(directory: &Path, extension: &str) -> Vec<PathBuf> {
    let mut entries: Vec<PathBuf> =
        std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    let mut found = Vec::new();
    for entry in entries {
        if entry.is_dir() {
            found.extend(files_below(&entry, extension));
        } else if entry.extension().is_some_and(|own| own == extension) {
            found.push(entry);
        }
    }
    found
}
