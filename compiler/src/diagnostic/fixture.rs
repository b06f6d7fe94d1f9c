//! Two files and the findings that every format is tested with.

use meshwright_policies::finding::{Finding, Findings, Place, Rule, Severity};
use meshwright_policies::node::{FieldPath, FileId, Span};

use crate::source::Sources;

pub(super) static NETWORK: Rule = Rule {
    code: "MW2001",
    name: "unknown-network",
    severity: Severity::Error,
    title: "a cluster names a network that nobody declared",
    docs: "Docs of MW2001.\n",
};

pub(super) static OVERLAP: Rule = Rule {
    code: "MW3004",
    name: "overlapping-pod-cidrs",
    severity: Severity::Error,
    title: "pod ranges of one network overlap",
    docs: "Docs of MW3004.\n",
};

pub(super) static VERSION: Rule = Rule {
    code: "MW6001",
    name: "old-version",
    severity: Severity::Warning,
    title: "a version is out of support",
    docs: "Docs of MW6001.\n",
};

pub(super) const C1: &str =
    "kind: Cluster\nmetadata: {name: c1}\nspec:\n  network: network-c1\n  podCIDRs: [10.1.0.0/16]\n";
pub(super) const C2: &str = "kind: Cluster\r\nmetadata: {name: c2}\r\nspec:\r\n  network: network-c9\r\n  podCIDRs: [10.1.128.0/17]\r\n";

/// The place of a piece of a file.
pub(super) fn place(sources: &Sources, file: FileId, piece: &str, path: &str) -> Place {
    let text = String::from_utf8_lossy(sources.get(file).unwrap().text()).into_owned();
    let start = u32::try_from(text.find(piece).unwrap()).unwrap();
    let end = start + u32::try_from(piece.len()).unwrap();
    Place { span: Span { file, start, end }, path: FieldPath::parse(path) }
}

/// The second file is added first: the order of the output is that of the paths.
pub(super) fn two_files() -> (Sources, Findings) {
    let mut sources = Sources::new();
    let c2 = sources.add("clusters/c2.yaml".to_owned(), C2.as_bytes().into());
    let c1 = sources.add("clusters/c1.yaml".to_owned(), C1.as_bytes().into());
    let mut findings = Findings::new();
    findings.push(
        VERSION
            .at(
                Place { span: Span::NONE, path: FieldPath::parse("spec.tag") },
                "istiod 1.15 is out of support",
            )
            .object("Deployment/istio-system/istiod")
            .cluster("c2"),
    );
    findings.push(network(&sources, c2, c1));
    findings.push(
        OVERLAP
            .at(
                place(&sources, c1, "10.1.0.0/16", "spec.podCIDRs[0]"),
                "`10.1.0.0/16` of `c1` overlaps `10.1.128.0/17` of `c2`",
            )
            .related(place(&sources, c2, "10.1.128.0/17", "spec.podCIDRs[0]"), "`c2` uses it here")
            .help("give the clusters of one network ranges of their own"),
    );
    (sources, findings)
}

fn network(sources: &Sources, c2: FileId, c1: FileId) -> Finding {
    NETWORK
        .at(place(sources, c2, "network-c9", "spec.network"), "network `network-c9` is not declared")
        .found("network-c9")
        .declared(
            "network-c1",
            place(sources, c1, "network-c1", "spec.network"),
            "the nearest network is used here",
        )
        .help("write `network-c1`, or declare a `Network` named `network-c9`")
        .cluster("c2")
}
