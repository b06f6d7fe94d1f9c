use serde::Deserialize;

use super::*;

fn version(text: &str) -> Version {
    text.parse().unwrap()
}

fn from(source: Source, network: &str) -> Candidate<()> {
    Candidate { source, network: network.into(), range: None, at: () }
}

fn in_range(network: &str, range: &str) -> Candidate<()> {
    Candidate { range: Some(range.into()), ..from(Source::FromCidr, network) }
}

fn ip(text: &str) -> Option<IpAddr> {
    Some(text.parse().unwrap())
}

fn states<At>(answer: &Answer<At>) -> Vec<(&str, State)> {
    answer.rows.iter().map(|(candidate, state)| (candidate.network.as_str(), *state)).collect()
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    system_namespace_label: Option<String>,
    registry: String,
    cidr: String,
    plain: String,
    labelled: String,
}

#[derive(Deserialize)]
struct Observed {
    rows: Vec<Row>,
}

impl Row {
    fn candidates(&self, labelled: bool) -> Vec<Candidate<()>> {
        let mut all = Vec::new();
        all.extend(labelled.then(|| from(Source::PodLabel, "from-pod")));
        all.extend(self.system_namespace_label.as_ref().map(|name| from(Source::SystemNamespace, name)));
        all.extend(
            matches!(&*self.registry, "this" | "both").then(|| from(Source::FromRegistry, "from-registry")),
        );
        all.extend((self.registry == "both").then(|| from(Source::FromRegistry, "other-registry")));
        all.extend(matches!(&*self.cidr, "match" | "overlap").then(|| in_range("from-cidr", "10.1.0.0/24")));
        all.extend((self.cidr == "overlap").then(|| in_range("wider-cidr", "10.0.0.0/8")));
        all.extend((self.cidr == "nomask").then(|| in_range("nomask-cidr", "10.1.0.5")));
        all
    }
}

fn observed() -> Vec<Row> {
    let observed: Observed = serde_json::from_str(include_str!("observed.json")).unwrap();
    observed.rows
}

/// A verdict covers what was seen; what nothing decides must name it among others.
fn covers(verdict: &Verdict, seen: &str) -> bool {
    match verdict {
        Verdict::Network(network) => network == seen,
        Verdict::Undecided(networks) => networks.len() > 1 && networks.contains(seen),
        Verdict::Nothing => seen.is_empty(),
        Verdict::DependsOnAddress(_) => false,
    }
}

#[test]
fn the_model_says_what_a_running_istiod_did() {
    let order = Question::Endpoint.order(&version("1.14.6")).unwrap();
    let rows = observed();
    assert_eq!(rows.len(), 32);
    for row in rows {
        for (labelled, address, seen) in [(false, "10.1.0.5", &row.plain), (true, "10.1.0.6", &row.labelled)]
        {
            let answer = resolve(order, row.candidates(labelled), ip(address));
            assert!(
                covers(&answer.verdict, seen),
                "{}/{}: {answer:?} but saw {seen:?}",
                row.registry,
                row.cidr
            );
            let undecided = matches!(answer.verdict, Verdict::Undecided(_));
            assert_eq!(undecided, row.registry == "both" && row.system_namespace_label.is_none());
        }
    }
}

#[test]
fn after_the_fix_only_the_labelled_pod_of_the_observation_differs() {
    let order = Question::Endpoint.order(&version("1.15.5")).unwrap();
    for row in observed() {
        let plain = resolve(order, row.candidates(false), ip("10.1.0.5"));
        assert!(covers(&plain.verdict, &row.plain), "{plain:?}");
        let labelled = resolve(order, row.candidates(true), ip("10.1.0.6"));
        assert_eq!(labelled.verdict, Verdict::Network("from-pod".into()));
    }
}

#[test]
fn the_cut_offs_are_those_of_the_releases() {
    let first = |question: Question, text: &str| question.order(&version(text)).map(|order| order.sources[0]);
    for (text, source) in [
        ("1.12", Source::SystemNamespace),
        ("1.14.6", Source::SystemNamespace),
        ("1.15.3-mspider", Source::SystemNamespace),
        ("1.15.4", Source::SystemNamespace),
        ("1.15.5", Source::PodLabel),
        ("1.16.1", Source::SystemNamespace),
        ("1.16.2", Source::PodLabel),
        ("1.17.0", Source::PodLabel),
        ("1.31.0", Source::PodLabel),
    ] {
        assert_eq!(first(Question::Endpoint, text), Some(source), "{text}");
        assert_eq!(first(Question::Sidecar, text), Some(Source::PodLabel), "{text}");
    }
    assert_eq!(first(Question::Endpoint, "1.11.5"), None);
    for (text, source) in [
        ("1.17.0", None),
        ("1.24.3", Some(Source::PodLabel)),
        ("1.25.0", Some(Source::SystemNamespace)),
        ("1.31.0", Some(Source::SystemNamespace)),
    ] {
        assert_eq!(first(Question::AmbientWorkload, text), source, "{text}");
    }
}

#[test]
fn the_wider_range_wins_and_the_others_say_why_they_do_not() {
    let order = Question::Endpoint.order(&version("1.26.0")).unwrap();
    let ranges = vec![
        in_range("narrow", "10.1.0.0/24"),
        in_range("wide", "10.0.0.0/8"),
        in_range("elsewhere", "192.168.0.0/16"),
        in_range("bare", "10.1.0.5"),
    ];
    let answer = resolve(order, ranges.clone(), ip("10.1.0.5"));
    assert_eq!(answer.verdict, Verdict::Network("wide".into()));
    assert_eq!(
        states(&answer),
        [
            ("bare", State::NoMask),
            ("wide", State::Wins),
            ("elsewhere", State::OutsideRange),
            ("narrow", State::Narrower)
        ]
    );
    let unknown = resolve(order, ranges.clone(), None);
    let possible = ["elsewhere", "narrow", "wide"].map(str::to_owned).into();
    assert_eq!(unknown.verdict, Verdict::DependsOnAddress(possible));
    let shadowed =
        resolve(order, [ranges, vec![from(Source::SystemNamespace, "label")]].concat(), ip("10.1.0.5"));
    assert_eq!(shadowed.verdict, Verdict::Network("label".into()));
    assert_eq!(states(&shadowed)[2], ("wide", State::Shadowed));
}

#[test]
fn nothing_decides_between_equal_claims() {
    let order = Question::Endpoint.order(&version("1.26.0")).unwrap();
    let both = || Verdict::Undecided(["a", "b"].map(str::to_owned).into());
    let same_range = vec![in_range("a", "10.0.0.0/8"), in_range("b", "10.0.0.0/8")];
    assert_eq!(resolve(order, same_range, ip("10.1.0.5")).verdict, both());
    let labels = vec![from(Source::SystemNamespace, "a"), from(Source::SystemNamespace, "b")];
    assert_eq!(resolve(order, labels, None).verdict, both());
    let agreed = vec![from(Source::SystemNamespace, "a"), from(Source::SystemNamespace, "a")];
    assert_eq!(resolve(order, agreed, None).verdict, Verdict::Network("a".into()));
}

#[test]
fn injection_does_not_ask_the_system_namespace_and_ambient_asks_nothing_else() {
    let all = || {
        vec![
            from(Source::ProxyMetadata, "metadata"),
            from(Source::GlobalNetwork, "values"),
            from(Source::InjectionPath, "path"),
            from(Source::SystemNamespace, "namespace"),
            from(Source::PodLabel, "pod"),
        ]
    };
    let sidecar = resolve(Question::Sidecar.order(&version("1.26.0")).unwrap(), all(), None);
    assert_eq!(
        states(&sidecar),
        [
            ("pod", State::Wins),
            ("path", State::Shadowed),
            ("values", State::Shadowed),
            ("metadata", State::Shadowed)
        ]
    );
    let ambient = resolve(Question::AmbientWorkload.order(&version("1.26.0")).unwrap(), all(), None);
    assert_eq!(states(&ambient), [("namespace", State::Wins)]);
    assert_eq!(
        resolve(
            Question::AmbientWorkload.order(&version("1.26.0")).unwrap(),
            vec![from(Source::PodLabel, "p")],
            None
        )
        .verdict,
        Verdict::Nothing
    );
}
