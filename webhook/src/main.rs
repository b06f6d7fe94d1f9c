//! The `meshwright-webhook` program.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use clap::Parser;
use meshwright_webhook::args::{Args, Command};
use meshwright_webhook::cluster::{self, Cluster, Duties, Events, Rhythm};
use meshwright_webhook::controller::Proof;
use meshwright_webhook::metrics::Metrics;
use meshwright_webhook::server::{
    CertificateSource, Certificates, Limits, Published, Server, Settings, asked_to_stop,
};
use meshwright_webhook::store::Store;
use meshwright_webhook::traces::Traces;
use meshwright_webhook::trust::Trust;
use meshwright_webhook::withdraw::Withdrawal;
use meshwright_webhook::{log, print, self_test, server, withdraw};

// Reviews are trees of small allocations on every core at once: the C library's allocator takes a fifth more of a core for
// each, and its locks are waited for.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let args = Args::parse();
    let printed = match &args.command {
        Some(Command::Configuration(args)) => Some(print::configuration(args)),
        Some(Command::Rbac { system_namespaces }) => Some(print::rights(*system_namespaces)),
        _ => None,
    };
    match printed {
        Some(Ok(text)) => return said(&text),
        Some(Err(error)) => return fail(&error),
        None => {}
    }
    if let Err(error) = log::install(&args.log) {
        return fail(&anyhow::Error::new(error).context(format!("`{}` is not a filter of logs", args.log)));
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&anyhow::Error::new(error).context("no runtime")),
    };
    let done = match &args.command {
        Some(Command::Withdraw { configuration }) => runtime.block_on(withdraw(configuration)),
        Some(Command::SelfTest { wait }) => runtime.block_on(self_test(*wait)),
        Some(Command::Configuration(_) | Command::Rbac { .. }) | None => {
            runtime.block_on(run(args)).map(|()| ExitCode::SUCCESS)
        }
    };
    match done {
        Ok(code) => code,
        Err(error) => fail(&error),
    }
}

/// A reader that went away (`| head`) is no error.
fn said(text: &str) -> ExitCode {
    use std::io::Write;
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            fail(&anyhow::Error::new(error).context("standard output"))
        }
        _ => ExitCode::SUCCESS,
    }
}

fn fail(error: &anyhow::Error) -> ExitCode {
    use std::io::Write;
    let _unheard = writeln!(std::io::stderr(), "error: {error:#}");
    ExitCode::from(2)
}

async fn client() -> anyhow::Result<kube::Client> {
    kube::Client::try_default().await.context("no way to an API server")
}

async fn withdraw(configuration: &str) -> anyhow::Result<ExitCode> {
    let withdrawn = withdraw::withdraw(client().await?, configuration).await?;
    let mut text = match withdrawn.configuration {
        Withdrawal::Opened => {
            format!("configuration `{configuration}` refuses nothing any more when no answer comes\n")
        }
        Withdrawal::Absent => format!("there is no configuration `{configuration}`\n"),
    };
    if withdrawn.declarations > 0 {
        text.push_str(&format!("nothing is said of {} declarations any more\n", withdrawn.declarations));
    }
    Ok(said(&text))
}

async fn self_test(wait: Duration) -> anyhow::Result<ExitCode> {
    match self_test::self_test(&client().await?, wait).await {
        Proof::Refused => Ok(said("the webhook is asked, and obeyed\n")),
        Proof::Passed(why) | Proof::Unknown(why) => {
            said(&format!("the self-test was not refused by the webhook: {why}\n"));
            Ok(ExitCode::from(1))
        }
    }
}

async fn run(args: Args) -> anyhow::Result<()> {
    for path in &args.declaration {
        std::fs::metadata(path).with_context(|| format!("no declaration at `{}`", path.display()))?;
    }
    let client_authorities = match &args.client_ca {
        None => None,
        Some(path) => {
            Some(std::fs::read(path).with_context(|| format!("`{}` cannot be read", path.display()))?)
        }
    };
    let metrics = Arc::new(Metrics::new());
    let trust = Arc::new(Trust::default());
    let mut certificates = Certificates::open(certificate_source(&args), Arc::clone(&metrics))?;
    if let Some(authorities) = &args.tls_ca {
        let published = Published { authorities: authorities.clone(), trust: Arc::clone(&trust) };
        certificates = certificates.published(published)?;
    }
    let certificates = Arc::new(certificates);
    let cluster = match args.has_cluster() {
        true => {
            Some(Cluster::connect(args.api_server.kubeconfig.clone(), args.api_server.context.clone()).await?)
        }
        false => None,
    };
    let store = match args.declaration.is_empty() {
        true => Store::of_cluster(Arc::clone(&metrics)),
        false => Store::open(args.declaration.clone(), Arc::clone(&metrics)),
    };
    let rhythm = Rhythm { audit: args.api_server.audit_interval, resync: args.api_server.resync_interval };
    let events =
        cluster.as_ref().map_or_else(|| Events::nowhere(&metrics), |cluster| Events::to(cluster, &metrics));
    let _duties = cluster.as_ref().map(|cluster| Duties::start(cluster, &store, &events, &metrics, rhythm));
    let _watches = (store.watch(args.poll_interval), certificates.watch(args.poll_interval));
    let kept = cluster::Kept {
        store: Arc::clone(&store),
        certificates: Arc::clone(&certificates),
        trust,
        metrics: Arc::clone(&metrics),
    };
    let _tasks = cluster.as_ref().map(|cluster| cluster::keep(&args, cluster, kept));
    let traces = Traces::from_environment().unwrap_or_else(|error| {
        tracing::error!(%error, "traces are not sent");
        Traces::nowhere()
    });
    let settings = Settings {
        listen: args.listen,
        metrics_listen: args.metrics_listen,
        client_authorities,
        limits: limits(&args),
        without_declaration: args.without_declaration.into(),
        drain_timeout: args.drain_timeout,
        traces: traces.clone(),
    };
    let server = Server::start(settings, store, certificates, metrics, events).await?;
    let metrics_address = server.metrics_address.map(|address| address.to_string());
    tracing::info!(listen = %server.address, metrics_listen = metrics_address, traces = traces.are_sent(), "serving admission");
    let signal = asked_to_stop().await.context("signals cannot be received")?;
    tracing::info!(signal, "leaving");
    server.leave(args.drain_delay).await;
    tracing::info!("every request was answered");
    traces.flush().await;
    Ok(())
}

fn certificate_source(args: &Args) -> CertificateSource {
    match (&args.tls_cert, &args.tls_key) {
        (Some(certificate), Some(key)) => {
            CertificateSource::Files { certificate: certificate.clone(), key: key.clone() }
        }
        _ if args.cluster.certificate_secret.is_some() => CertificateSource::Kept,
        _ => {
            let names = ["localhost", "127.0.0.1"].into_iter().map(str::to_owned);
            CertificateSource::SelfSigned(names.chain(args.san.iter().cloned()).collect())
        }
    }
}

fn limits(args: &Args) -> server::Limits {
    let limits = &args.limits;
    Limits {
        connections: limits.max_connections,
        reviews: limits.max_reviews,
        body: limits.max_body,
        handshake: limits.handshake_timeout,
        header: limits.header_timeout,
        body_time: limits.body_timeout,
        evaluation: limits.evaluation_timeout,
        idle: limits.idle_timeout,
    }
}
