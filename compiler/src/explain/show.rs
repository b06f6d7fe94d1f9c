//! The answer as text and as JSON.

use std::collections::BTreeSet;

use meshwright_policies::precedence::{Candidate, Question, State, Verdict};
use serde_json::{Value, json};

use super::{Asked, Explained, Origin, Traffic};

/// For people: one table per question, the winner first.
#[must_use]
pub fn human(explained: &Explained) -> String {
    let mut text = format!(
        "A pod of cluster {}, Istio {}, {} data plane{}\n",
        explained.cluster,
        explained.version,
        traffic(explained.traffic),
        pod(explained),
    );
    for asked in &explained.asked {
        text.push_str(&format!("\n{}: {}\n", heading(asked), verdict(&asked.answer.verdict)));
        text.push_str(&table(asked));
        text.push_str(&format!("  order: {}\n", asked.order.origin));
    }
    for note in &explained.notes {
        text.push_str(&format!("\nnote: {note}\n"));
    }
    text
}

fn traffic(traffic: Traffic) -> &'static str {
    match traffic {
        Traffic::Sidecar => "sidecar",
        Traffic::Ambient => "ambient",
    }
}

fn pod(explained: &Explained) -> String {
    let pod = &explained.pod;
    let namespace = pod.namespace.iter().map(|namespace| format!(", namespace {namespace}"));
    let ip = pod.ip.iter().map(|ip| format!(", address {ip}"));
    namespace.chain(ip).collect()
}

fn heading(asked: &Asked) -> String {
    let who = match asked.observers.as_slice() {
        [] => String::new(),
        [only] => format!(", as istiod of {only} sees it"),
        several => format!(", as istiod of {} sees it", several.join(", ")),
    };
    let what = match (asked.question, asked.sidecar) {
        (Question::Sidecar, _) => "The network that its sidecar takes for its own",
        (Question::Endpoint, Some(true)) => "The network of its endpoints, with a sidecar",
        (Question::Endpoint, _) => "The network of its endpoints, without a sidecar",
        (Question::AmbientWorkload, _) => "Its network",
    };
    format!("{what}{who}")
}

fn verdict(verdict: &Verdict) -> String {
    let one_of = |networks: &BTreeSet<String>| networks.iter().cloned().collect::<Vec<_>>().join(" or ");
    match verdict {
        Verdict::Network(network) => network.clone(),
        Verdict::Undecided(networks) => {
            format!(
                "{}, and nothing decides which: it may change with every restart of istiod",
                one_of(networks)
            )
        }
        Verdict::DependsOnAddress(networks) => {
            format!("{} or none, by its address: say it with --ip", one_of(networks))
        }
        Verdict::Nothing => "none: it is taken to be on every network".to_owned(),
    }
}

fn state(state: State) -> &'static str {
    match state {
        State::Wins => "wins",
        State::Undecided => "undecided",
        State::DependsOnAddress => "by address",
        State::Shadowed => "shadowed",
        State::Narrower => "narrower",
        State::OutsideRange => "outside",
        State::NoMask => "no mask",
    }
}

/// State, source, network, where; a source that says nothing has a line too.
fn table(asked: &Asked) -> String {
    let mut rows: Vec<[String; 4]> = Vec::new();
    for source in asked.order.sources {
        let said: Vec<_> = asked.answer.rows.iter().filter(|(c, _)| c.source == *source).collect();
        if said.is_empty() {
            rows.push(["-".to_owned(), source.title().to_owned(), String::new(), String::new()]);
        }
        rows.extend(said.into_iter().map(|(candidate, state)| {
            let network = match &candidate.range {
                Some(range) => format!("{} ({range})", candidate.network),
                None => candidate.network.clone(),
            };
            [self::state(*state).to_owned(), source.title().to_owned(), network, place(&candidate.at)]
        }));
    }
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|text| text.chars().count()).max().unwrap_or(0)
    };
    let (a, b, c) = (width(0), width(1), width(2));
    let line = |[state, source, network, place]: &[String; 4]| {
        format!("  {state:a$}  {source:b$}  {network:c$}  {place}").trim_end().to_owned() + "\n"
    };
    rows.iter().map(line).collect()
}

fn place(origin: &Origin) -> String {
    let object = format!("{} {}", origin.object, origin.field);
    match (&origin.written, &origin.rendered) {
        (Some(written), _) => format!("{written} ({object})"),
        (None, Some(rendered)) => format!("{object} (rendered: {rendered})"),
        (None, None) => object,
    }
}

/// For programs.
#[must_use]
pub fn json(explained: &Explained) -> String {
    let answers: Vec<Value> = explained.asked.iter().map(answer).collect();
    let document = json!({
        "cluster": explained.cluster,
        "istioVersion": explained.version.as_str(),
        "dataPlane": traffic(explained.traffic),
        "namespace": explained.pod.namespace,
        "ip": explained.pod.ip.map(|ip| ip.to_string()),
        "answers": answers,
        "notes": explained.notes,
    });
    format!("{document:#}\n")
}

fn answer(asked: &Asked) -> Value {
    let question = match asked.question {
        Question::Endpoint => "endpoint",
        Question::AmbientWorkload => "ambientWorkload",
        Question::Sidecar => "sidecar",
    };
    let (network, candidates) = match &asked.answer.verdict {
        Verdict::Network(network) => (Some(network.clone()), BTreeSet::new()),
        Verdict::Undecided(networks) | Verdict::DependsOnAddress(networks) => (None, networks.clone()),
        Verdict::Nothing => (None, BTreeSet::new()),
    };
    json!({
        "question": question,
        "sidecar": asked.sidecar,
        "observers": asked.observers,
        "network": network,
        "candidates": candidates,
        "order": asked.order.sources.iter().map(|source| source.key()).collect::<Vec<_>>(),
        "orderFrom": asked.order.origin,
        "sources": asked.answer.rows.iter().map(|(c, state)| row(c, *state)).collect::<Vec<_>>(),
    })
}

fn row(candidate: &Candidate<Origin>, state: State) -> Value {
    json!({
        "source": candidate.source.key(),
        "state": state.key(),
        "network": candidate.network,
        "range": candidate.range,
        "object": candidate.at.object,
        "field": candidate.at.field,
        "written": candidate.at.written,
        "rendered": candidate.at.rendered,
    })
}
