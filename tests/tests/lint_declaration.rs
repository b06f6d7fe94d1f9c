//! `meshwright lint` where a repository holds the declarations of its clusters.

use std::collections::BTreeMap;

use meshwright::diagnostic::{self, Format, RenderOptions};
use meshwright::lint::{Linted, lint_on};
use meshwright::source::Sources;
use meshwright_policies::intent::Date;
use meshwright_tests::intent::{Intent, TODAY, files};
use meshwright_tests::repository;

type Files = BTreeMap<String, Vec<u8>>;

fn lint(files: &Files, today: Date) -> Linted {
    let mut sources = Sources::new();
    for (path, text) in files.iter().filter(|(path, _)| path.ends_with(".yaml")) {
        sources.add(path.clone(), text.as_slice().into());
    }
    lint_on(sources, &[], today)
}

fn human(linted: &Linted) -> String {
    diagnostic::render(Format::Human, &linted.findings, &linted.sources, &RenderOptions::default())
}

fn rendered(case: &str) -> Files {
    files(&Intent::read(&repository("tests/golden").join(case).join("intent")).build())
}

/// Replaces the first place where `old` stands in a file.
fn edit(files: &mut Files, path: &str, old: &str, new: &str) {
    let text = String::from_utf8(files[path].clone()).unwrap();
    assert!(text.contains(old), "`{old}` in {path}:\n{text}");
    files.insert(path.to_owned(), text.replacen(old, new, 1).into_bytes());
}

fn codes(linted: &Linted) -> Vec<String> {
    linted.findings.iter().map(|f| format!("{} {}", f.severity, f.rule.code)).collect()
}

const NAMESPACE: &str = "clusters/cluster1/mesh/install/namespace-istio-system.yaml";
const DECLARATION: &str = "clusters/cluster1/declaration/meshdeclaration-mesh1.yaml";

#[test]
fn what_contradicts_the_declaration_is_told_once_with_the_words_of_the_webhook() {
    let mut files = rendered("whole-tree");
    edit(&mut files, NAMESPACE, "topology.istio.io/network: network1", "topology.istio.io/network: network9");
    insta::assert_snapshot!(human(&lint(&files, TODAY)));
}

/// The declaration is the side that was changed: everything that it is about contradicts it.
#[test]
fn what_the_declaration_says_wrongly_is_found_at_the_objects() {
    let mut files = rendered("whole-tree");
    edit(&mut files, DECLARATION, "\n  network: network1", "\n  network: network9");
    let linted = lint(&files, TODAY);
    assert!(linted.findings.iter().any(|f| f.rule.code == "MW2101"), "{}", human(&linted));
    let declared = linted.findings.iter().filter(|f| f.rule.code == "MW2101").all(|finding| {
        let file = linted.sources.get(finding.related[0].place.span.file);
        file.is_some_and(|file| file.path() == DECLARATION)
    });
    assert!(declared, "{}", human(&linted));
}

#[test]
fn exceptions_hold_until_their_last_day() {
    let day = |text: &str| serde_json::from_value::<Date>(text.into()).unwrap();
    let with = |severity: &str, objects: &str| {
        let mut files = rendered("whole-tree");
        edit(
            &mut files,
            NAMESPACE,
            "topology.istio.io/network: network1",
            "topology.istio.io/network: network9",
        );
        let exceptions = format!(
            "\n  exceptions:\n  - {{code: MW2101, severity: {severity}, objects: [{objects}], reason: moving, expires: \"2026-03-01\"}}\n  network:"
        );
        edit(&mut files, DECLARATION, "\n  network:", &exceptions);
        files
    };
    let found = |severity: &str, objects: &str, on: &str| codes(&lint(&with(severity, objects), day(on)));
    assert_eq!(found("off", "", "2026-03-01"), Vec::<String>::new());
    assert_eq!(found("warning", "", "2026-03-01"), ["warning MW2101"]);
    assert_eq!(found("off", "", "2026-03-02"), ["error MW2101"]);
    assert_eq!(found("off", "Namespace/istio-system", "2026-03-01"), Vec::<String>::new());
    assert_eq!(found("off", "Namespace/other", "2026-03-01"), ["error MW2101"]);
}

/// As `kubectl get -o yaml` prints a cluster: nothing says its name, and the declaration is among the objects.
#[test]
fn objects_of_one_file_are_judged_by_the_declaration_in_it() {
    let tree = rendered("whole-tree");
    let parts: Vec<String> = tree
        .iter()
        .filter(|(path, _)| path.starts_with("clusters/cluster1/") && !path.ends_with("/kustomization.yaml"))
        .map(|(_, text)| String::from_utf8(text.clone()).unwrap())
        .collect();
    let whole = |text: String| lint(&BTreeMap::from([("all.yaml".to_owned(), text.into_bytes())]), TODAY);
    let text = parts.join("---\n");
    assert_eq!(codes(&whole(text.clone())), Vec::<String>::new());
    let wrong = text.replace("istio.io/network: network1\n", "istio.io/network: network9\n");
    assert!(codes(&whole(wrong)).contains(&"error MW2101".to_owned()));
}

/// A label that a template fills in later is not missing.
#[test]
fn what_is_filled_in_later_is_not_judged() {
    let mut files = rendered("whole-tree");
    edit(
        &mut files,
        NAMESPACE,
        "topology.istio.io/network: network1",
        "topology.istio.io/network: ${NETWORK}",
    );
    assert_eq!(codes(&lint(&files, TODAY)), Vec::<String>::new());
}

/// Two meshes in one cluster: an object is right when one of them says so, and its own speaks when it is not.
#[test]
fn one_of_several_declarations_of_a_cluster_is_enough() {
    let mut files = rendered("whole-tree");
    let text = String::from_utf8(files[DECLARATION].clone()).unwrap();
    let other = text
        .replace("name: mesh1", "name: mesh2")
        .replace("id: mesh1", "id: mesh2")
        .replace("namespace: istio-system", "namespace: istio-two")
        .replace("network1", "network7");
    files.insert("clusters/cluster1/declaration/meshdeclaration-mesh2.yaml".into(), other.into_bytes());
    let root = "clusters/cluster1/declaration/kustomization.yaml";
    edit(
        &mut files,
        root,
        "- meshdeclaration-mesh1.yaml",
        "- meshdeclaration-mesh1.yaml\n- meshdeclaration-mesh2.yaml",
    );
    assert_eq!(codes(&lint(&files, TODAY)), Vec::<String>::new());
    edit(&mut files, NAMESPACE, "topology.istio.io/network: network1", "topology.istio.io/network: network7");
    let linted = lint(&files, TODAY);
    assert_eq!(codes(&linted), ["error MW2101"], "{}", human(&linted));
}

/// Lint may be run where the paths no longer say which cluster a file belongs to.
#[test]
fn a_declaration_tells_whose_directory_it_is() {
    let mut whole = rendered("whole-tree");
    edit(&mut whole, NAMESPACE, "topology.istio.io/network: network1", "topology.istio.io/network: network9");
    for inside in ["clusters/", "clusters/cluster1/"] {
        let below =
            |(path, text): (&String, &Vec<u8>)| Some((path.strip_prefix(inside)?.to_owned(), text.clone()));
        let linted = lint(&whole.iter().filter_map(below).collect(), TODAY);
        assert_eq!(codes(&linted), ["error MW2101"], "{inside}\n{}", human(&linted));
        assert_eq!(linted.findings.iter().next().unwrap().cluster.as_deref(), Some("cluster1"));
    }
}

/// The API server of a hosted mesh has no declaration: its directory is known by the mesh's.
#[test]
fn inside_of_clusters_the_hosted_api_server_is_known_too() {
    let whole = rendered("hosted-struct-parameters");
    let hosted = |path: &str| path.split('/').nth(1).is_some_and(|name| name.ends_with("-hosted"));
    assert!(whole.keys().any(|path| hosted(path)));
    let below =
        |(path, text): (&String, &Vec<u8>)| Some((path.strip_prefix("clusters/")?.to_owned(), text.clone()));
    let linted = lint(&whole.iter().filter_map(below).collect(), TODAY);
    assert!(linted.findings.is_empty(), "{}", human(&linted));
    let named: Vec<&str> =
        linted.repository.clusters.iter().filter(|c| c.named).map(|c| c.name.as_str()).collect();
    assert!(named.iter().any(|name| name.ends_with("-hosted")), "{named:?}");
}

/// `default` is what shared directories are called: a cluster of that name is known by what is in it.
#[test]
fn a_cluster_called_like_a_shared_directory_is_one() {
    let intent = |name: &str| {
        let cluster = |name: &str, net: u8| {
            format!(
                "---\napiVersion: meshwright.dev/v1alpha1\nkind: Cluster\nmetadata: {{name: {name}}}\nspec:\n  network: n{net}\n  \
                 kubernetes: {{version: \"1.30\", apiServer: https://10.{net}.0.1:6443}}\n  \
                 loadBalancer: {{addresses: {{eastWest: 10.{net}.0.9}}}}\n\
                 ---\napiVersion: meshwright.dev/v1alpha1\nkind: Network\nmetadata: {{name: n{net}}}\n"
            )
        };
        let mesh = "apiVersion: meshwright.dev/v1alpha1\nkind: Mesh\nmetadata: {name: m1}\nspec:\n  \
                    istio: {version: 1.26.4, install: Helm}\n  controlPlane: {multiPrimary: {}}\n  delivery: {flux: {}}\n";
        Intent::text(format!("{mesh}{}{}", cluster(name, 1), cluster("other", 2))).build()
    };
    let tree = files(&intent("default"));
    for declared in [true, false] {
        let mut tree = tree.clone();
        tree.retain(|path, _| declared || !path.contains("/declaration/"));
        let linted = lint(&tree, TODAY);
        assert!(linted.findings.is_empty(), "{}", human(&linted));
        let path = "clusters/default/mesh/install/namespace-istio-system.yaml";
        edit(&mut tree, path, "topology.istio.io/network: n1", "topology.istio.io/network: n9");
        let linted = lint(&tree, TODAY);
        let expected = if declared { "MW2101" } else { "MW2201" };
        assert!(linted.findings.iter().any(|finding| finding.rule.code == expected), "{}", human(&linted));
        let here = linted.findings.iter().all(|finding| finding.cluster.as_deref() == Some("default"));
        assert!(here, "{}", human(&linted));
    }
}
