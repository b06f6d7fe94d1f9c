mod network;

use anyhow::{Context, bail};
use meshwright_policies::intent::ClusterSpec;
use meshwright_policies::mesh::{Cluster, Role};
use meshwright_policies::node::{FieldPath, Node, Span, Value};
use serde_json::Value as Json;

use super::input::{Compiled, Input};
use super::{Outcome, terminal};
use meshwright_policies::suggest::nearest;

/// Explain a policy code, the effective values of a cluster and where each comes from, or the network of a pod
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A code such as MW2004, `cluster`, or `network`
    subject: String,

    /// With `cluster` and `network`: the cluster's name
    #[arg(long, value_name = "NAME", short = 'n', visible_alias = "cluster")]
    name: Option<String>,

    #[command(flatten)]
    network: network::NetworkArgs,

    #[command(flatten)]
    input: Input,
}

pub(super) fn run(args: &Args) -> anyhow::Result<Outcome> {
    if args.subject == "cluster" {
        let name =
            args.name.as_deref().context("say which cluster: `meshwright explain cluster --name NAME`")?;
        return explain_cluster(args, name);
    }
    if args.subject == "network" {
        let name =
            args.name.as_deref().context("say which cluster: `meshwright explain network --cluster NAME`")?;
        return network::run(&args.network, name, &args.input);
    }
    let Some(rule) = crate::rules::named(&args.subject) else {
        let codes: Vec<&str> = crate::rules::all().iter().flat_map(|rule| [rule.code, rule.name]).collect();
        let near =
            nearest(&args.subject, codes).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
        bail!("`{}` is not a policy code{near}", args.subject);
    };
    terminal::print(rule.docs)?;
    Ok(Outcome::Clean)
}

fn explain_cluster(args: &Args, name: &str) -> anyhow::Result<Outcome> {
    let compiled = args.input.compile()?;
    let Some((_, cluster)) = compiled.fleet.clusters().find(|(_, cluster)| cluster.name.as_str() == name)
    else {
        args.input.report(&compiled)?;
        return Err(undeclared(name, &compiled));
    };
    terminal::print(&effective(&compiled, cluster))?;
    Ok(if compiled.findings.has_errors() { args.input.report(&compiled)? } else { Outcome::Clean })
}

fn undeclared(name: &str, compiled: &Compiled) -> anyhow::Error {
    let names: Vec<&str> = compiled.fleet.clusters().map(|(_, cluster)| cluster.name.as_str()).collect();
    let near = nearest(name, names).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
    anyhow::anyhow!("cluster `{name}` is not declared, or its document cannot be read{near}")
}

/// One line per value: path, value, where it was written.
fn effective(compiled: &Compiled, cluster: &Cluster) -> String {
    let mut rows = Vec::new();
    let spec = cluster.written.document.get("spec");
    let json = serde_json::to_value::<&ClusterSpec>(&cluster.spec).unwrap_or(Json::Null);
    rows.push(row(
        "clusterID",
        cluster.id.as_str(),
        spec.and_then(|s| s.get("clusterID")),
        "the cluster's name",
        compiled,
    ));
    walk(&json, FieldPath::root(), spec, compiled, &mut rows);
    let derived = |path: &str, text: String, why: &str| [path.to_owned(), text, why.to_owned()];
    rows.push(derived("(role)", role(&cluster.role), "the mesh's controlPlane"));
    for (i, gateway) in cluster.gateways.iter().enumerate() {
        let address = gateway.dialled().map_or("(from the Service's status)".to_owned(), ToString::to_string);
        let text = format!("{} at {address}:{}", gateway.name, gateway.spec.port);
        let place = shown(compiled, gateway.address_place.span).unwrap_or_default();
        rows.push(derived(&format!("(gateway {i})"), text, &place));
    }
    table(&rows)
}

fn role(role: &Role) -> String {
    match role {
        Role::Primary => "primary".to_owned(),
        Role::Remote { primary: Some(primary) } => format!("remote of {primary}"),
        Role::Remote { primary: None } => "remote".to_owned(),
        Role::HostedWorker => "work cluster of a hosted mesh".to_owned(),
    }
}

fn walk(
    json: &Json,
    path: FieldPath,
    written: Option<&Node>,
    compiled: &Compiled,
    rows: &mut Vec<[String; 3]>,
) {
    match json {
        Json::Object(map) if !map.is_empty() => {
            for (key, value) in map {
                if path.0.is_empty() && key == "clusterID" {
                    continue;
                }
                walk(value, path.clone().key(key), written.and_then(|node| node.get(key)), compiled, rows);
            }
        }
        Json::Array(items) if items.iter().any(|item| item.is_object() || item.is_array()) => {
            for (i, value) in items.iter().enumerate() {
                walk(value, path.clone().index(i), written.and_then(|node| node.item(i)), compiled, rows);
            }
        }
        Json::Object(_) => {
            if written.is_some() {
                rows.push(row(&path.to_string(), "{}", written, "default", compiled));
            }
        }
        Json::Array(items) if items.is_empty() => {}
        scalar => {
            let text = match scalar {
                Json::String(text) => text.clone(),
                Json::Array(items) => {
                    let items: Vec<String> =
                        items.iter().map(|i| i.as_str().map_or(i.to_string(), str::to_owned)).collect();
                    format!("[{}]", items.join(", "))
                }
                other => other.to_string(),
            };
            rows.push(row(&path.to_string(), &text, written, "default", compiled));
        }
    }
}

fn row(path: &str, text: &str, written: Option<&Node>, otherwise: &str, compiled: &Compiled) -> [String; 3] {
    let null = |node: &&Node| !matches!(node.value, Value::Null);
    let place = written
        .filter(null)
        .and_then(|node| shown(compiled, node.span))
        .unwrap_or_else(|| otherwise.to_owned());
    [path.to_owned(), text.to_owned(), place]
}

fn shown(compiled: &Compiled, span: Span) -> Option<String> {
    let file = compiled.sources.get(span.file)?;
    let (line, _) = file.line_column(span.start);
    Some(format!("{}:{line}", file.path()))
}

fn table(rows: &[[String; 3]]) -> String {
    let width = |column: fn(&[String; 3]) -> &str| {
        rows.iter().map(|row| column(row).chars().count()).max().unwrap_or(0).min(60)
    };
    let (first, second) = (width(|[a, ..]| a), width(|[_, b, _]| b));
    rows.iter().map(|[path, value, place]| format!("{path:first$}  {value:second$}  {place}\n")).collect()
}
