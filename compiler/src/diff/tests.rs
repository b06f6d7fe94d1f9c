use super::*;
use crate::build::build;
use crate::compile::load_text;

const HEAD: &str = r#"apiVersion: meshwright.dev/v1alpha1
kind: Mesh
metadata: {name: demo}
spec:
  istio: {version: "1.30.3"}
  gatewayDiscovery: meshNetworks
"#;

/// One cluster on a network of its own.
fn cluster(n: usize) -> String {
    format!(
        r#"---
apiVersion: meshwright.dev/v1alpha1
kind: Network
metadata: {{name: n{n}}}
---
apiVersion: meshwright.dev/v1alpha1
kind: Cluster
metadata: {{name: c{n}}}
spec:
  network: n{n}
  podCIDRs: [10.{}.{}.0/24]
  kubernetes: {{version: "1.33", apiServer: "https://192.0.2.{}:{}"}}
  loadBalancer: {{addresses: {{eastWest: 198.51.{}.{}}}}}
"#,
        n / 250,
        n % 250,
        n % 250 + 1,
        6443 + n / 250,
        n / 250,
        n % 250 + 1
    )
}

fn intent(clusters: std::ops::RangeInclusive<usize>) -> String {
    clusters.fold(HEAD.to_owned(), |text, n| text + &cluster(n))
}

fn between(base: &str, head: &str) -> Diff {
    let load = |text: &str| {
        let loaded = load_text(text);
        let errors: Vec<_> = loaded
            .findings
            .iter()
            .filter(|f| f.severity == meshwright_policies::finding::Severity::Error)
            .map(|f| &f.message)
            .collect();
        assert!(errors.is_empty(), "{errors:?}");
        let tree = build(&loaded.fleet).unwrap();
        (loaded.fleet, tree)
    };
    let ((base, before), (head, after)) = (load(base), load(head));
    Diff::between(Side { fleet: &base, tree: &before }, Side { fleet: &head, tree: &after })
}

fn labels() -> Labels {
    Labels { base: "main (1a2b3c4d5e)".to_owned(), head: "working tree".to_owned() }
}

/// Human text without the rendered diff.
fn said(base: &str, head: &str) -> String {
    without_files(&between(base, head))
}

fn without_files(diff: &Diff) -> String {
    let text = diff.render(DiffFormat::Human, &labels());
    text.split("\n---").next().unwrap().split("\nthe same in").next().unwrap().trim_end().to_owned()
}

#[test]
fn a_comment_changes_nothing() {
    let base = intent(1..=2);
    let head = base.replace("spec:\n", "# why\nspec: # because\n").replace("{name: c1}", "{ name: \"c1\" }");
    let diff = between(&base, &head);
    assert!(diff.is_empty(), "{diff:?}");
    let text = diff.render(DiffFormat::Human, &labels());
    assert_eq!(text, "main (1a2b3c4d5e) -> working tree: no differences\n");
}

#[test]
fn a_network_id_changes() {
    let base = intent(1..=3);
    let head = base.replace("network: n2\n", "network: n9\n").replace("{name: n2}", "{name: n9}");
    insta::assert_snapshot!(said(&base, &head), @"
    main (1a2b3c4d5e) -> working tree: 5 changes (1 partitioning, 1 destructive) in 9 rendered files

    PARTITIONING: traffic between clusters stops, for good or until all have followed
      ! demo: `c2`: the network changes from `n2` to `n9`; proxies stay on the old one until they restart

    DESTRUCTIVE: something that runs is deleted
      ! demo: network `n2` is removed

    Other changes
      - demo: `meshNetworks`: where network `n2` is entered is no longer `198.51.0.3:15443`, in 3 clusters: c1, c2, c3
      - demo: `meshNetworks`: where network `n9` is entered is now `198.51.0.3:15443`, in 3 clusters: c1, c2, c3
      - demo: network `n9` is new
    ");
}

#[test]
fn a_gateway_moves() {
    let base = intent(1..=3);
    let head = base.replace("198.51.0.3", "203.0.113.7");
    insta::assert_snapshot!(said(&base, &head), @"
    main (1a2b3c4d5e) -> working tree: 2 changes (1 disruptive) in 8 rendered files

    Disruptive: something restarts or moves
      ~ demo: gateway `istio-eastwestgateway` of cluster `c2`, which enters network `n2`, moves: its address changes from `198.51.0.3:15443` to `203.0.113.7:15443`

    Other changes
      - demo: `meshNetworks`: where network `n2` is entered changes from `198.51.0.3:15443` to `203.0.113.7:15443`, in 3 clusters: c1, c2, c3
    ");
    let text = between(&base, &head).render(DiffFormat::Human, &labels());
    assert!(text.contains("--- a/clusters/c2/") && text.contains("\n+"), "{text}");
    assert!(text.contains("the same in 1 more file: clusters/c3/"), "{text}");
    let (clusters, plan) = (text.rfind("--- a/clusters/"), text.find("--- a/PLAN.md"));
    assert!(clusters < plan, "what a person reads of the plan is a consequence");
}

#[test]
fn a_new_version_in_400_clusters_is_one_line() {
    let base = intent(1..=400).replace("  gatewayDiscovery: meshNetworks\n", "");
    let head = base.replace("1.30.3", "1.30.4");
    let diff = between(&base, &head);
    insta::assert_snapshot!(without_files(&diff), @"
    main (1a2b3c4d5e) -> working tree: 1 change (1 disruptive) in 401 rendered files

    Disruptive: something restarts or moves
      ~ demo: Istio changes from `1.30.3` to `1.30.4`; the control plane restarts, in 400 clusters: c1, c10, c100, c101, c102, c103, c104, c105, ...
    ");
    let markdown = diff.render(DiffFormat::Markdown, &labels());
    assert!(
        markdown.len() < 60_000 && markdown.starts_with("<!-- meshwright diff -->\n"),
        "{}",
        markdown.len()
    );
}

#[test]
fn a_removed_cluster_is_destructive() {
    insta::assert_snapshot!(said(&intent(1..=3), &intent(1..=2)), @"
    main (1a2b3c4d5e) -> working tree: 3 changes (2 destructive) in 15 rendered files

    DESTRUCTIVE: something that runs is deleted
      ! demo: `c3`: the cluster is removed: its directory is no longer rendered, and an agent that prunes deletes its Istio
      ! demo: network `n3` is removed

    Other changes
      - demo: `meshNetworks`: where network `n3` is entered is no longer `198.51.0.4:15443`, in 2 clusters: c1, c2
    ");
    insta::assert_snapshot!(said(&intent(1..=2), &intent(1..=3)), @"
    main (1a2b3c4d5e) -> working tree: 3 changes in 15 rendered files

    Other changes
      - demo: `c3`: the cluster is new, on network `n3`
      - demo: `meshNetworks`: where network `n3` is entered is now `198.51.0.4:15443`, in 2 clusters: c1, c2
      - demo: network `n3` is new
    ");
}

#[test]
fn clusters_that_lose_each_other_are_named_together() {
    let routed = |text: String, with: &str| {
        text.replace("{name: n1}", &format!("{{name: n1}}\nspec: {{podConnectivity: {with}}}"))
    };
    let shared =
        intent(1..=3).replace("network: n2\n", "network: n1\n").replace("network: n3\n", "network: n1\n");
    let base = routed(shared, "routed").replace("  gatewayDiscovery: meshNetworks\n", "");
    let apart =
        routed(intent(1..=3), "none").replace("network: n2\n", "network: n2\n  eastWestGateways: []\n");
    let apart = apart.replace("  gatewayDiscovery: meshNetworks\n", "");
    let (base, apart) = (load_text(&base).fleet, load_text(&apart).fleet);
    let empty = Tree::new();
    let diff = Diff::between(Side { fleet: &base, tree: &empty }, Side { fleet: &apart, tree: &empty });
    let unreachable: Vec<&str> =
        diff.changes.iter().filter(|c| c.kind == "unreachable").map(|c| c.text.as_str()).collect();
    assert_eq!(unreachable, ["`c1`, `c3` can no longer reach `c2`"]);
    let diff = Diff::between(Side { fleet: &apart, tree: &empty }, Side { fleet: &base, tree: &empty });
    let reachable: Vec<&str> =
        diff.changes.iter().filter(|c| c.kind == "reachable").map(|c| c.text.as_str()).collect();
    assert_eq!(reachable, ["`c1`, `c3` can now reach `c2`"]);

    let none = load_text(&intent(1..=8).replace("  network:", "  eastWestGateways: []\n  network:")).fleet;
    let all = load_text(&intent(1..=8)).fleet;
    let diff = Diff::between(Side { fleet: &all, tree: &empty }, Side { fleet: &none, tree: &empty });
    let unreachable: Vec<&str> =
        diff.changes.iter().filter(|c| c.kind == "unreachable").map(|c| c.text.as_str()).collect();
    assert_eq!(
        unreachable,
        ["8 clusters (`c1`, `c2`, `c3`, `c4`, `c5`, ...) can no longer reach each other"]
    );
}

#[test]
fn control_planes_and_their_surroundings() {
    let base = intent(1..=2).replace(
        "  gatewayDiscovery",
        "  clusterDefaults: {namespaces: [{name: shop, injection: enabled}, {name: old}]}\n  gatewayDiscovery",
    );
    let head = base
        .replace("{version: \"1.30.3\"}", "{version: \"1.29.1\", revision: canary, values: {pilot: {autoscaleMin: 2}}, meshConfig: {accessLogFile: /dev/stdout}}")
        .replace("  gatewayDiscovery", "  trustDomain: example.com\n  meshID: mesh1\n  gatewayDiscovery")
        .replace("injection: enabled}, {name: old}", "injection: disabled}")
        + "---\napiVersion: meshwright.dev/v1alpha1\nkind: PolicyConfig\nmetadata: {name: p}\nspec: {policies: [{code: MW3008, severity: \"off\", reason: \"names <b>are</b> \\e[31mstable\", expires: \"2027-01-31\"}]}\n";
    insta::assert_snapshot!(said(&base, &head), @"
    main (1a2b3c4d5e) -> working tree: 9 changes (1 partitioning, 1 destructive, 5 disruptive) in 17 rendered files

    PARTITIONING: traffic between clusters stops, for good or until all have followed
      ! demo: the trust domain changes from `cluster.local` to `example.com`, and identities of the old one are no alias: policies that name them refuse

    DESTRUCTIVE: something that runs is deleted
      ! demo: namespace `old` is no longer rendered, in 2 clusters: c1, c2

    Disruptive: something restarts or moves
      ~ demo: injection in namespace `shop` changes from `enabled` to `disabled`, in 2 clusters: c1, c2
      ~ demo: Istio changes from `1.30.3` to `1.29.1`, a downgrade, in 2 clusters: c1, c2
      ~ demo: the mesh ID changes from `demo` to `mesh1`; proxies learn it when they restart
      ~ demo: the revision is now `canary`; a pod changes over when it restarts, in 2 clusters: c1, c2
      ~ demo: values of Istio's chart change: `pilot.autoscaleMin`, in 2 clusters: c1, c2

    Other changes
      - demo: `meshConfig` changes: `accessLogFile`, in 2 clusters: c1, c2
      - demo: policy `MW3008` is off, because `names <b>are</b> ␛[31mstable`, until 2027-01-31
    ");
    insta::assert_snapshot!(
        between(&base, &head).render(DiffFormat::Markdown, &labels()).split("\n<details>").next().unwrap(),
        @"
    <!-- meshwright diff -->
    ### What this change means

    **9 changes (1 partitioning, 1 destructive, 5 disruptive) in 17 rendered files** (main (1a2b3c4d5e) → working tree)

    #### ⛔ Partitioning: traffic between clusters stops, for good or until all have followed

    - <code>demo</code>: the trust domain changes from <code>cluster.local</code> to <code>example.com</code>, and identities of the old one are no alias: policies that name them refuse

    #### ⚠️ Destructive: something that runs is deleted

    - <code>demo</code>: namespace <code>old</code> is no longer rendered, in 2 clusters: c1, c2

    #### Disruptive: something restarts or moves

    - <code>demo</code>: injection in namespace <code>shop</code> changes from <code>enabled</code> to <code>disabled</code>, in 2 clusters: c1, c2
    - <code>demo</code>: Istio changes from <code>1.30.3</code> to <code>1.29.1</code>, a downgrade, in 2 clusters: c1, c2
    - <code>demo</code>: the mesh ID changes from <code>demo</code> to <code>mesh1</code>; proxies learn it when they restart
    - <code>demo</code>: the revision is now <code>canary</code>; a pod changes over when it restarts, in 2 clusters: c1, c2
    - <code>demo</code>: values of Istio's chart change: <code>pilot.autoscaleMin</code>, in 2 clusters: c1, c2

    #### Other

    - <code>demo</code>: <code>meshConfig</code> changes: <code>accessLogFile</code>, in 2 clusters: c1, c2
    - <code>demo</code>: policy <code>MW3008</code> is off, because <code>names &#60;b&#62;are&#60;/b&#62; ␛&#91;31mstable</code>, until 2027-01-31
    "
    );
}

#[test]
fn what_has_no_words_of_its_own_is_named_by_its_keys() {
    let base = intent(1..=2);
    let head = base.replace("  gatewayDiscovery", "  ca: {provider: offline}\n  gatewayDiscovery").replace(
        "  network: n1\n",
        "  network: n1\n  eastWestGateways: [{replicas: 3}]\n  metricsServer: true\n",
    );
    insta::assert_snapshot!(said(&base, &head), @"
    main (1a2b3c4d5e) -> working tree: 3 changes (1 disruptive) in 3 rendered files

    Disruptive: something restarts or moves
      ~ demo: `c1`: settings of gateway `istio-eastwestgateway` change: `replicas`

    Other changes
      - demo: other settings change: `ca.provider`
      - demo: `c1`: other settings change: `metricsServer`
    ");
}

#[test]
fn json_says_everything() {
    let diff = between(&intent(1..=2), &intent(1..=1).replace("  gatewayDiscovery: meshNetworks\n", ""));
    let json: serde_json::Value = serde_json::from_str(&diff.render(DiffFormat::Json, &labels())).unwrap();
    assert_eq!(json["summary"]["destructive"], 4);
    let removed =
        json["changes"].as_array().unwrap().iter().find(|c| c["kind"] == "cluster-removed").unwrap();
    assert_eq!(removed["clusters"], serde_json::json!(["c2"]));
    assert_eq!(removed["impact"], "destructive");
    let files = json["files"].as_array().unwrap();
    assert_eq!(files.len(), diff.files.len());
    assert!(
        files
            .iter()
            .any(|file| file["change"] == "removed" && file["diff"].as_str().unwrap().starts_with("@@"))
    );
}

#[test]
fn a_comment_on_a_pull_request_is_never_too_long() {
    let base = intent(1..=80);
    let head = (1..=80).fold(base.clone(), |text, n| {
        text.replace(&format!("198.51.0.{}}}", n + 1), &format!("203.0.113.{}}}", n + 1))
    });
    let markdown = between(&base, &head).render(DiffFormat::Markdown, &labels());
    assert!(markdown.chars().count() < 60_000 && markdown.len() > 30_000, "{}", markdown.len());
    assert!(markdown.contains("left out here"), "{}", &markdown[..500]);
    assert_eq!(markdown.matches("<details>").count(), markdown.matches("</details>").count());
}
