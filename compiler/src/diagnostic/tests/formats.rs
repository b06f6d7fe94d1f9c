use super::*;

#[test]
fn human() {
    let (sources, findings) = two_files();
    assert_snapshot!(print(Format::Human, &findings, &sources), @r#"
    error[MW3004]: `10.1.0.0/16` of `c1` overlaps `10.1.128.0/17` of `c2`
     --> clusters/c1.yaml:5:14
      |
    5 |   podCIDRs: [10.1.0.0/16]
      |              ^^^^^^^^^^^
      |
     ::: clusters/c2.yaml:5:14
      |
    5 |   podCIDRs: [10.1.128.0/17]
      |              ------------- `c2` uses it here
      |
      = help: give the clusters of one network ranges of their own

    error[MW2001]: network `network-c9` is not declared
     --> clusters/c2.yaml:4:12
      |
    4 |   network: network-c9
      |            ^^^^^^^^^^
      |
     ::: clusters/c1.yaml:4:12
      |
    4 |   network: network-c1
      |            ---------- the nearest network is used here
      |
      = note: declared `network-c1` at clusters/c1.yaml:4, found `network-c9`
      = note: cluster `c2`
      = help: write `network-c1`, or declare a `Network` named `network-c9`

    warning[MW6001]: istiod 1.15 is out of support
     |
     = note: field `spec.tag`, object `Deployment/istio-system/istiod`, cluster `c2`

    2 errors, 1 warning
    "#);
}

#[test]
fn json() {
    let (sources, findings) = two_files();
    assert_snapshot!(print(Format::Json, &findings, &sources), @r#"
    {
      "findings": [
        {
          "code": "MW3004",
          "name": "overlapping-pod-cidrs",
          "severity": "error",
          "message": "`10.1.0.0/16` of `c1` overlaps `10.1.128.0/17` of `c2`",
          "help": "give the clusters of one network ranges of their own",
          "file": "clusters/c1.yaml",
          "line": 5,
          "column": 14,
          "path": "spec.podCIDRs[0]",
          "found": null,
          "declared": null,
          "declaredAt": null,
          "cluster": null,
          "object": null,
          "related": [
            {
              "file": "clusters/c2.yaml",
              "line": 5,
              "column": 14,
              "path": "spec.podCIDRs[0]",
              "label": "`c2` uses it here"
            }
          ]
        },
        {
          "code": "MW2001",
          "name": "unknown-network",
          "severity": "error",
          "message": "network `network-c9` is not declared",
          "help": "write `network-c1`, or declare a `Network` named `network-c9`",
          "file": "clusters/c2.yaml",
          "line": 4,
          "column": 12,
          "path": "spec.network",
          "found": "network-c9",
          "declared": "network-c1",
          "declaredAt": "clusters/c1.yaml:4",
          "cluster": "c2",
          "object": null,
          "related": [
            {
              "file": "clusters/c1.yaml",
              "line": 4,
              "column": 12,
              "path": "spec.network",
              "label": "the nearest network is used here"
            }
          ]
        },
        {
          "code": "MW6001",
          "name": "old-version",
          "severity": "warning",
          "message": "istiod 1.15 is out of support",
          "help": null,
          "file": null,
          "line": null,
          "column": null,
          "path": "spec.tag",
          "found": null,
          "declared": null,
          "declaredAt": null,
          "cluster": "c2",
          "object": "Deployment/istio-system/istiod",
          "related": []
        }
      ],
      "summary": {
        "errors": 2,
        "warnings": 1
      }
    }
    "#);
}

#[test]
fn sarif() {
    let (sources, findings) = two_files();
    assert_snapshot!(print(Format::Sarif, &findings, &sources), @r#"
    {
      "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
      "version": "2.1.0",
      "runs": [
        {
          "tool": {
            "driver": {
              "name": "meshwright",
              "informationUri": "https://github.com/meshwright/meshwright",
              "semanticVersion": "1.2.3",
              "rules": [
                {
                  "id": "MW2001",
                  "name": "unknown-network",
                  "shortDescription": {
                    "text": "a cluster names a network that nobody declared"
                  },
                  "fullDescription": {
                    "text": "a cluster names a network that nobody declared"
                  },
                  "help": {
                    "text": "Docs of MW2001.\n",
                    "markdown": "Docs of MW2001.\n"
                  },
                  "helpUri": "https://github.com/meshwright/meshwright/blob/main/docs/policies.md#mw2001",
                  "defaultConfiguration": {
                    "level": "error"
                  },
                  "properties": {
                    "tags": [
                      "istio",
                      "multicluster"
                    ]
                  }
                },
                {
                  "id": "MW3004",
                  "name": "overlapping-pod-cidrs",
                  "shortDescription": {
                    "text": "pod ranges of one network overlap"
                  },
                  "fullDescription": {
                    "text": "pod ranges of one network overlap"
                  },
                  "help": {
                    "text": "Docs of MW3004.\n",
                    "markdown": "Docs of MW3004.\n"
                  },
                  "helpUri": "https://github.com/meshwright/meshwright/blob/main/docs/policies.md#mw3004",
                  "defaultConfiguration": {
                    "level": "error"
                  },
                  "properties": {
                    "tags": [
                      "istio",
                      "multicluster"
                    ]
                  }
                },
                {
                  "id": "MW6001",
                  "name": "old-version",
                  "shortDescription": {
                    "text": "a version is out of support"
                  },
                  "fullDescription": {
                    "text": "a version is out of support"
                  },
                  "help": {
                    "text": "Docs of MW6001.\n",
                    "markdown": "Docs of MW6001.\n"
                  },
                  "helpUri": "https://github.com/meshwright/meshwright/blob/main/docs/policies.md#mw6001",
                  "defaultConfiguration": {
                    "level": "warning"
                  },
                  "properties": {
                    "tags": [
                      "istio",
                      "multicluster"
                    ]
                  }
                }
              ]
            }
          },
          "columnKind": "unicodeCodePoints",
          "invocations": [
            {
              "executionSuccessful": true,
              "toolExecutionNotifications": []
            }
          ],
          "results": [
            {
              "ruleId": "MW3004",
              "ruleIndex": 1,
              "level": "error",
              "message": {
                "text": "`10.1.0.0/16` of `c1` overlaps `10.1.128.0/17` of `c2`\n\nhelp: give the clusters of one network ranges of their own"
              },
              "locations": [
                {
                  "physicalLocation": {
                    "artifactLocation": {
                      "uri": "clusters/c1.yaml"
                    },
                    "region": {
                      "startLine": 5,
                      "startColumn": 14,
                      "endLine": 5,
                      "endColumn": 25
                    }
                  },
                  "logicalLocations": [
                    {
                      "name": "spec.podCIDRs[0]",
                      "fullyQualifiedName": "spec.podCIDRs[0]",
                      "kind": "member"
                    }
                  ]
                }
              ],
              "partialFingerprints": {
                "meshwright/v1": "4053b26c30606ee59e0e869a486a9384"
              },
              "relatedLocations": [
                {
                  "id": 0,
                  "physicalLocation": {
                    "artifactLocation": {
                      "uri": "clusters/c2.yaml"
                    },
                    "region": {
                      "startLine": 5,
                      "startColumn": 14,
                      "endLine": 5,
                      "endColumn": 27
                    }
                  },
                  "message": {
                    "text": "`c2` uses it here"
                  }
                }
              ]
            },
            {
              "ruleId": "MW2001",
              "ruleIndex": 0,
              "level": "error",
              "message": {
                "text": "network `network-c9` is not declared\n\nhelp: write `network-c1`, or declare a `Network` named `network-c9`"
              },
              "locations": [
                {
                  "physicalLocation": {
                    "artifactLocation": {
                      "uri": "clusters/c2.yaml"
                    },
                    "region": {
                      "startLine": 4,
                      "startColumn": 12,
                      "endLine": 4,
                      "endColumn": 22
                    }
                  },
                  "logicalLocations": [
                    {
                      "name": "c2",
                      "fullyQualifiedName": "c2",
                      "kind": "cluster"
                    },
                    {
                      "name": "spec.network",
                      "fullyQualifiedName": "spec.network",
                      "kind": "member"
                    }
                  ]
                }
              ],
              "partialFingerprints": {
                "meshwright/v1": "4ff74e0c6220236a7b4d0d67998d4032"
              },
              "relatedLocations": [
                {
                  "id": 0,
                  "physicalLocation": {
                    "artifactLocation": {
                      "uri": "clusters/c1.yaml"
                    },
                    "region": {
                      "startLine": 4,
                      "startColumn": 12,
                      "endLine": 4,
                      "endColumn": 22
                    }
                  },
                  "message": {
                    "text": "the nearest network is used here"
                  }
                }
              ]
            },
            {
              "ruleId": "MW6001",
              "ruleIndex": 2,
              "level": "warning",
              "message": {
                "text": "istiod 1.15 is out of support"
              },
              "locations": [
                {
                  "physicalLocation": {
                    "artifactLocation": {
                      "uri": "."
                    },
                    "region": {
                      "startLine": 1
                    }
                  },
                  "logicalLocations": [
                    {
                      "name": "c2",
                      "fullyQualifiedName": "c2",
                      "kind": "cluster"
                    },
                    {
                      "name": "Deployment/istio-system/istiod",
                      "fullyQualifiedName": "c2/Deployment/istio-system/istiod",
                      "kind": "object"
                    },
                    {
                      "name": "spec.tag",
                      "fullyQualifiedName": "spec.tag",
                      "kind": "member"
                    }
                  ]
                }
              ],
              "partialFingerprints": {
                "meshwright/v1": "2e18ee72eae84475e620eb9e44144b98"
              }
            }
          ]
        }
      ]
    }
    "#);
}

#[test]
fn github() {
    let (sources, findings) = two_files();
    assert_snapshot!(print(Format::Github, &findings, &sources), @r#"
    ::error file=clusters/c1.yaml,line=5,col=14,endColumn=25,title=MW3004 overlapping-pod-cidrs::clusters/c1.yaml:5:14: MW3004 `10.1.0.0/16` of `c1` overlaps `10.1.128.0/17` of `c2`%0Ahelp: give the clusters of one network ranges of their own
    ::error file=clusters/c2.yaml,line=4,col=12,endColumn=22,title=MW2001 unknown-network::clusters/c2.yaml:4:12: MW2001 network `network-c9` is not declared%0Ahelp: write `network-c1`, or declare a `Network` named `network-c9`
    ::warning title=MW6001 old-version::MW6001 istiod 1.15 is out of support
    "#);
}

#[test]
fn markdown() {
    let (sources, findings) = two_files();
    assert_snapshot!(print(Format::Markdown, &findings, &sources), @r#"
    **2 errors, 1 warning**

    ### MW2001 unknown-network

    a cluster names a network that nobody declared

    | | Where | What | Clusters |
    | --- | --- | --- | --- |
    | error | <code>clusters/c2.yaml:4</code> | network <code>network-c9</code> is not declared<br>help: write <code>network-c1</code>, or declare a <code>Network</code> named <code>network-c9</code> | <code>c2</code> |

    ### MW3004 overlapping-pod-cidrs

    pod ranges of one network overlap

    | | Where | What | Clusters |
    | --- | --- | --- | --- |
    | error | <code>clusters/c1.yaml:5</code> | <code>10.1.0.0/16</code> of <code>c1</code> overlaps <code>10.1.128.0/17</code> of <code>c2</code><br>help: give the clusters of one network ranges of their own |  |

    ### MW6001 old-version

    a version is out of support

    | | Where | What | Clusters |
    | --- | --- | --- | --- |
    | warning | <code>Deployment/istio-system/istiod</code> <code>spec.tag</code> | istiod 1.15 is out of support | <code>c2</code> |
    "#);
}

#[test]
fn nothing_found() {
    let (sources, findings) = (Sources::new(), Findings::new());
    assert_eq!(print(Format::Human, &findings, &sources), "no findings\n");
    assert_eq!(print(Format::Github, &findings, &sources), "");
    assert_eq!(print(Format::Markdown, &findings, &sources), "**no findings**\n");
    assert_eq!(parse(&print(Format::Json, &findings, &sources))["findings"], Value::Array(vec![]));
}

#[test]
fn summaries_count() {
    assert_eq!(summary(1, 0), "1 error");
    assert_eq!(summary(2, 1), "2 errors, 1 warning");
    assert_eq!(summary(0, 3), "3 warnings");
}

#[test]
fn colours_only_when_asked() {
    let (sources, findings) = two_files();
    assert!(!print(Format::Human, &findings, &sources).contains('\u{1b}'));
    let options = RenderOptions { color: true, ..RenderOptions::default() };
    assert!(render(Format::Human, &findings, &sources, &options).contains('\u{1b}'));
}

#[test]
fn the_order_of_discovery_does_not_matter() {
    let (sources, findings) = two_files();
    let mut backwards = Findings::new();
    let mut all: Vec<Finding> = findings.clone().into_iter().collect();
    all.extend(findings.clone());
    all.reverse();
    backwards.extend(all);
    for format in ALL {
        assert_eq!(print(format, &findings, &sources), print(format, &backwards, &sources), "{format:?}");
    }
}

#[test]
fn two_clusters_with_one_fault_are_two_findings() {
    let mut findings = Findings::new();
    findings.extend(["c1", "c2"].map(|c| VERSION.at(Place::unknown(), "old").cluster(c)));
    let json = parse(&print(Format::Json, &findings, &Sources::new()));
    assert_eq!(json["summary"]["warnings"], 2);
}

#[test]
fn the_way_to_the_repository_is_put_before_relative_paths() {
    let mut sources = Sources::new();
    let mut findings = Findings::new();
    for path in ["a b.yaml", "/abs/ä.yaml"] {
        let file = sources.add(path.to_owned(), b"a: 1"[..].into());
        findings.push(NETWORK.at(place(&sources, file, "1", "a"), "m"));
    }
    let options = RenderOptions { repository_prefix: "mesh/intent/".to_owned(), ..RenderOptions::default() };
    let sarif = parse(&render(Format::Sarif, &findings, &sources, &options));
    let uri = |i: usize| {
        &sarif["runs"][0]["results"][i]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    };
    assert_eq!([uri(0), uri(1)], ["file:///abs/%C3%A4.yaml", "mesh/intent/a%20b.yaml"]);
    let github = render(Format::Github, &findings, &sources, &options);
    assert!(github.contains("file=mesh/intent/a b.yaml,line=1,col=4,endColumn=5,"), "{github}");
    let markdown = render(Format::Markdown, &findings, &sources, &options);
    assert!(markdown.contains("<code>mesh/intent/a b.yaml:1</code>"), "{markdown}");
    let json = parse(&render(Format::Json, &findings, &sources, &options));
    assert_eq!(json["findings"][1]["file"], "a b.yaml", "programs open it from where they stand");
}

#[test]
fn fingerprints_survive_new_lines_and_tell_findings_apart() {
    let fingerprint = |text: &str, message: &str| {
        let (sources, file) = Sources::from_text("a.yaml", text.as_bytes());
        let mut findings = Findings::new();
        findings.push(NETWORK.at(place(&sources, file, "x", "spec.network"), message));
        let sarif = parse(&print(Format::Sarif, &findings, &sources));
        sarif["runs"][0]["results"][0]["partialFingerprints"]["meshwright/v1"].as_str().unwrap().to_owned()
    };
    assert_eq!(fingerprint("x", "m"), fingerprint("\n\n  x", "m"));
    assert_ne!(fingerprint("x", "m"), fingerprint("x", "n"));
}

#[test]
fn sarif_keeps_what_a_code_host_needs() {
    let (sources, findings) = two_files();
    let sarif = parse(&print(Format::Sarif, &findings, &sources));
    assert_eq!((&sarif["version"], sarif["runs"].as_array().unwrap().len()), (&Value::from("2.1.0"), 1));
    let run = &sarif["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    for rule in rules {
        assert!(rule["id"].as_str().unwrap().starts_with("MW"));
        assert!(rule["helpUri"].as_str().unwrap().starts_with("https://"));
        assert!(!rule["help"]["text"].as_str().unwrap().is_empty());
    }
    for result in run["results"].as_array().unwrap() {
        let rule = &rules[usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap()];
        assert_eq!(rule["id"], result["ruleId"]);
        assert!(["error", "warning"].contains(&result["level"].as_str().unwrap()));
        let physical = &result["locations"][0]["physicalLocation"];
        assert!(!physical["artifactLocation"]["uri"].as_str().unwrap().is_empty());
        assert!(physical["region"]["startLine"].as_u64().unwrap() > 0);
        assert_eq!(result["partialFingerprints"]["meshwright/v1"].as_str().unwrap().len(), 32);
    }
}

#[test]
fn places_of_one_file_share_a_snippet_and_far_ones_do_not() {
    let text = format!("a: 1\nb: 2\nc: 3\nd: 4\n{}z: 5\n", "# filler\n".repeat(300));
    let (sources, file) = Sources::from_text("a.yaml", text.as_bytes());
    let mut findings = Findings::new();
    findings.push(
        NETWORK
            .at(place(&sources, file, "4", "d"), "three values")
            .related(place(&sources, file, "1", "a"), "first")
            .related(place(&sources, file, "5", "z"), "last"),
    );
    assert_snapshot!(print(Format::Human, &findings, &sources), @r#"
    error[MW2001]: three values
       --> a.yaml:4:4
        |
      1 | a: 1
        |    - first
    ...
      4 | d: 4
        |    ^
        |
       ::: a.yaml:305:4
        |
    305 | z: 5
        |    - last

    1 error
    "#);
}

#[test]
fn a_finding_of_an_object_shows_where_it_was_declared() {
    let (sources, file) = Sources::from_text("a.yaml", &b"network: n1\n"[..]);
    let mut findings = Findings::new();
    findings.push(
        NETWORK
            .at(Place { span: Span::NONE, path: FieldPath::parse("spec.network") }, "`n2` is not the network")
            .found("n2")
            .declared("n1", place(&sources, file, "n1", "network"), "declared here")
            .object("Gateway/istio-system/eastwest"),
    );
    assert_snapshot!(print(Format::Human, &findings, &sources), @r#"
    error[MW2001]: `n2` is not the network
     --> a.yaml:1:10
      |
    1 | network: n1
      |          ^^ declared here
      |
      = note: declared `n1` at a.yaml:1, found `n2`
      = note: field `spec.network`, object `Gateway/istio-system/eastwest`

    1 error
    "#);
}

#[test]
fn a_finding_that_is_to_be_removed_names_no_value() {
    let place = |path: &str| Place { span: Span::NONE, path: FieldPath::parse(path) };
    let mut findings = Findings::new();
    findings.push(NETWORK.at(place("spec.network"), "`n2` is to be nowhere").found("n2").declared(
        "",
        place("spec.networks"),
        "declared in `a.yaml`, `spec.network`",
    ));
    let (sources, _) = Sources::from_text("a.yaml", &b""[..]);
    assert_snapshot!(print(Format::Human, &findings, &sources), @r"
    error[MW2001]: `n2` is to be nowhere
     |
     = note: declared in `a.yaml`, `spec.network`, found `n2`
     = note: field `spec.network`

    1 error
    ");
}
