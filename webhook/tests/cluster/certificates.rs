//! The program's own authority, kept in a Secret by several replicas.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests, outside the test functions"
)]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime};

use hyper::StatusCode;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::{Api, Client};
use meshwright_webhook::authority::Lives;
use meshwright_webhook::authority::keeper::{KeepError, Keeper};
use meshwright_webhook::server::{CertificateSource, Certificates, Published};
use meshwright_webhook::trust::Trust;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use serde_json::{Value, json};

use crate::api::ApiServer;
use crate::api::rbac::Grant;
use crate::gate;
use crate::support::{Authority, Connection, Options, Running, wrong};

/// A replica that serves what its keeper gives it.
pub(crate) struct Replica {
    pub(crate) running: Running,
    pub(crate) keeper: Keeper,
}

pub(crate) async fn replica(client: Client, lives: Lives) -> Replica {
    let running = Running::start(Options { kept: true, ..Options::default() }).await;
    let keeper = Keeper {
        secrets: Api::namespaced(client, "mw"),
        name: "hook-tls".to_owned(),
        names: ["hook.mw.svc", "localhost"].map(str::to_owned).into(),
        lives,
        certificates: Arc::clone(&running.certificates),
        trust: Arc::new(Trust::default()),
        metrics: Arc::clone(&running.metrics),
    };
    Replica { running, keeper }
}

impl Replica {
    fn leaf(&self) -> Vec<u8> {
        self.running.certificates.current().leaf().unwrap().to_vec()
    }
}

/// What a role for the Secret allows, and no more.
fn grants() -> Vec<Grant> {
    let rules = vec![
        json!({"apiGroups": [""], "resources": ["secrets"], "verbs": ["create"]}),
        json!({"apiGroups": [""], "resources": ["secrets"], "verbs": ["get", "update"], "resourceNames": ["hook-tls"]}),
    ];
    vec![Grant { namespace: Some("mw".to_owned()), rules }]
}

/// A server with the program's namespace.
pub(crate) async fn cluster() -> ApiServer {
    with_namespace(ApiServer::start().await)
}

/// One that fails on demand.
pub(crate) async fn cluster_with_faults() -> ApiServer {
    with_namespace(ApiServer::with_faults().await)
}

fn with_namespace(server: ApiServer) -> ApiServer {
    let labels = json!({"kubernetes.io/metadata.name": "mw"});
    server
        .put(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "mw", "labels": labels}}));
    server
}

fn secret(server: &ApiServer) -> Option<Secret> {
    server.object("", "secrets", "mw", "hook-tls").map(|object| serde_json::from_value(object).unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_that_start_together_agree() {
    let server = cluster().await;
    let mut replicas = Vec::new();
    for _ in 0..4 {
        replicas.push(replica(server.client_as("hook", grants()), Lives::default()).await);
    }
    assert_eq!(replicas[0].running.observe("/readyz").await.0, 503);
    let rounds = replicas.iter().map(|replica| replica.keeper.round(SystemTime::now()));
    for result in futures::future::join_all(rounds).await {
        result.unwrap();
    }
    let leaves: BTreeSet<Vec<u8>> = replicas.iter().map(Replica::leaf).collect();
    assert_eq!(leaves.len(), 1, "all serve one certificate");
    let version = || secret(&server).unwrap().metadata.resource_version;
    let before = version();
    assert_eq!(replicas[0].running.observe("/readyz").await.0, 200);
    let labels = secret(&server).unwrap().metadata.labels.unwrap();
    assert_eq!(labels["app.kubernetes.io/managed-by"], "meshwright-webhook");
    for replica in &replicas {
        replica.keeper.round(SystemTime::now()).await.unwrap();
    }
    assert_eq!(version(), before, "what is in order is only read");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_that_renew_together_agree() {
    let server = cluster().await;
    let (one, two) =
        (replica(server.client(), Lives::default()).await, replica(server.client(), Lives::default()).await);
    one.keeper.round(SystemTime::now()).await.unwrap();
    two.keeper.round(SystemTime::now()).await.unwrap();
    let later = SystemTime::now() + Duration::from_secs(70 * 86_400);
    let before = one.leaf();
    let (a, b) = futures::future::join(one.keeper.round(later), two.keeper.round(later)).await;
    a.and(b).unwrap();
    assert_ne!(one.leaf(), before);
    assert_eq!(one.leaf(), two.leaf());
    let authorities = one.keeper.trust.wanted();
    assert_eq!(authorities.len(), 1, "the authority is the same");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_of_others_is_not_touched_and_a_broken_one_is_made_anew() {
    let server = cluster().await;
    let one = replica(server.client(), Lives::default()).await;
    let object = |labels: Value, value: &str| {
        let data = json!({"tls.crt": ByteString(value.as_bytes().to_vec())});
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "hook-tls", "namespace": "mw", "labels": labels},
            "type": "Opaque", "data": data})
    };
    server.put(object(json!({}), "theirs"));
    let error = one.keeper.round(SystemTime::now()).await.unwrap_err();
    assert!(matches!(error, KeepError::NotOurs(_)), "{error}");
    assert_eq!(secret(&server).unwrap().data.unwrap()["tls.crt"].0, b"theirs");
    assert_eq!(one.running.observe("/readyz").await.0, 503);
    server.put(object(json!({"app.kubernetes.io/managed-by": "meshwright-webhook"}), "broken"));
    one.keeper.round(SystemTime::now()).await.unwrap();
    assert_eq!(one.running.observe("/readyz").await.0, 200);
    // One that the chart made, empty.
    server.remove("", "secrets", "mw", "hook-tls");
    server.put(object(json!({}), ""));
    one.keeper.round(SystemTime::now()).await.unwrap();
    assert!(secret(&server).unwrap().data.unwrap()["tls.crt"].0.len() > 100);
}

#[tokio::test]
async fn an_api_server_that_is_away_delays_and_disturbs_nothing() {
    let server = cluster_with_faults().await;
    server.set_down(true);
    let one = replica(server.client(), Lives::default()).await;
    assert!(one.keeper.round(SystemTime::now()).await.is_err());
    let (status, text) = one.running.observe("/readyz").await;
    assert_eq!(status, 503);
    assert!(text.contains("[-] certificate: has not been read from its Secret yet"), "{text}");
    assert_eq!(one.running.observe("/healthz").await.0, 200);
    server.set_down(false);
    one.keeper.round(SystemTime::now()).await.unwrap();
    let leaf = one.leaf();
    server.set_down(true);
    assert!(one.keeper.round(SystemTime::now()).await.is_err());
    assert_eq!(one.leaf(), leaf, "what is served stays");
    assert_eq!(one.running.observe("/readyz").await.0, 200);
    // A conflict on every attempt is given up for now.
    server.set_down(false);
    server.fail("PUT /api/v1/namespaces/mw/secrets", 409, 20);
    let later = SystemTime::now() + Duration::from_secs(70 * 86_400);
    assert!(matches!(one.keeper.round(later).await, Err(KeepError::Contended(_))));
}

/// A client that trusts what the configuration publishes, as an API server does.
fn trusting_the_configuration(server: &ApiServer) -> Option<Arc<ClientConfig>> {
    let configuration = gate::configuration(server)?;
    let bundle = &configuration["webhooks"][0]["clientConfig"]["caBundle"];
    let bundle: ByteString = serde_json::from_value(bundle.clone()).unwrap();
    let mut roots = RootCertStore::empty();
    for authority in CertificateDer::pem_slice_iter(&bundle.0) {
        roots.add(authority.unwrap()).unwrap();
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    Some(Arc::new(builder.with_root_certificates(roots).with_no_client_auth()))
}

/// Two replicas, each with its keeper and its controller; certificates of seconds; and nobody is ever turned away.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn authorities_and_certificates_change_under_load_without_a_failed_request() {
    let server = Arc::new(cluster().await);
    server.put(gate::meshdeclarations());
    // A real API server learns of a configuration later, and on a busy machine much later.
    let slower = if server.is_real() { 4 } else { 1 };
    let lives = Lives {
        authority: Duration::from_secs(18) * slower,
        certificate: Duration::from_secs(9) * slower,
        settle: Duration::from_millis(500) * slower,
    };
    let mut tasks = tokio::task::JoinSet::new();
    let mut replicas = Vec::new();
    for _ in 0..2 {
        let one = replica(server.client(), lives).await;
        let keeper = one.keeper.clone();
        tasks.spawn(async move {
            loop {
                let _tried_again = keeper.round(SystemTime::now()).await;
                tokio::time::sleep(Duration::from_millis(150)).await;
            }
        });
        let mut controller = gate::controller(&server, &one, gate::Change::default());
        tasks.spawn(async move {
            loop {
                let _tried_again = controller.round().await;
                tokio::time::sleep(Duration::from_millis(150)).await;
            }
        });
        replicas.push(one);
    }
    let addresses: Vec<_> = replicas.iter().map(|one| one.running.address).collect();
    server.serve("mw/hook", &addresses);
    while replicas.iter().any(|one| one.running.certificates.out_of_time(SystemTime::now()).is_some())
        || trusting_the_configuration(&server).is_none()
    {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let (stop, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let mut clients = tokio::task::JoinSet::new();
    for address in addresses {
        let (server, stop, answered) = (Arc::clone(&server), Arc::clone(&stop), Arc::clone(&answered));
        clients.spawn(async move {
            let mut leaves = BTreeSet::new();
            while !stop.load(Ordering::SeqCst) {
                let config = trusting_the_configuration(&server).unwrap();
                // API servers learn of a change a little later.
                tokio::time::sleep(Duration::from_millis(100)).await;
                let mut connection = Connection::open(address, &config).await.expect("a handshake failed");
                for _ in 0..3 {
                    let answer = connection.post(wrong()).await.expect("a request failed");
                    assert_eq!(answer.status, StatusCode::OK);
                    answered.fetch_add(1, Ordering::SeqCst);
                }
                leaves.insert(connection.leaf.clone());
            }
            leaves.len()
        });
    }
    // The API server's own questions: each is answered, by a refusal, while the gate is closed.
    while gate::policy(&server).as_deref() != Some("Fail")
        || gate::code(gate::put_on(&server, "network-c9").await) != 403
    {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let asking = tokio::spawn({
        let (server, stop) = (Arc::clone(&server), Arc::clone(&stop));
        async move {
            let mut refused = 0_usize;
            while !stop.load(Ordering::SeqCst) {
                assert_eq!(gate::code(gate::put_on(&server, "network-c9").await), 403, "after {refused}");
                refused += 1;
                tokio::time::sleep(Duration::from_millis(30)).await;
            }
            refused
        }
    });
    let first = replicas[0].keeper.trust.wanted()[0].digest;
    let deadline = Instant::now() + Duration::from_secs(90) * slower;
    loop {
        // The authority that signs is another one, and a certificate of it has been served for a while.
        let wanted = replicas[0].keeper.trust.wanted();
        let broke_off = clients.try_join_next().is_some() || asking.is_finished();
        if wanted[0].digest != first || Instant::now() > deadline || broke_off {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_ne!(replicas[0].keeper.trust.wanted()[0].digest, first, "the authority did not change in time");
    stop.store(true, Ordering::SeqCst);
    assert!(asking.await.unwrap() > 20);
    while let Some(leaves) = clients.join_next().await {
        let leaves = leaves.unwrap();
        assert!(leaves >= 3, "clients saw {leaves} certificates");
    }
    assert!(answered.load(Ordering::SeqCst) > 100);
    for one in &replicas {
        let failed = r#"meshwright_tls_handshakes_total{result="failed"}"#;
        assert_eq!(one.running.metric(failed).await, 0.0);
    }
}

/// cert-manager replaces certificate and authority in one Secret: the new certificate waits until clients can trust it.
#[test]
fn a_certificate_in_files_waits_for_its_authority() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    let write = |authority: &Authority| {
        let (chain, key) = authority.issue();
        std::fs::write(at("tls.crt"), chain).unwrap();
        std::fs::write(at("tls.key"), key).unwrap();
        std::fs::write(at("ca.crt"), authority.pem()).unwrap();
    };
    let (old, new) = (Authority::new(), Authority::new());
    write(&old);
    let trust = Arc::new(Trust::default());
    let source = CertificateSource::Files { certificate: at("tls.crt"), key: at("tls.key") };
    let certificates = Certificates::open(source, Arc::default()).unwrap();
    let published = Published { authorities: at("ca.crt"), trust: Arc::clone(&trust) };
    let certificates = certificates.published(published).unwrap();
    let digests = || trust.wanted().iter().map(|authority| authority.digest).collect::<BTreeSet<_>>();
    trust.saw(&digests());
    let leaf = || certificates.current().leaf().unwrap().to_vec();
    let before = leaf();
    write(&new);
    certificates.reload(SystemTime::now());
    assert_eq!(leaf(), before);
    assert_eq!(
        trust.wanted().len(),
        2,
        "both are to be published, the earlier one for what is served elsewhere"
    );
    trust.saw(&digests());
    certificates.reload(SystemTime::now());
    assert_eq!(leaf(), before, "an API server has not read it yet");
    // Long published, as after a restart of this program.
    let restarted = Arc::new(Trust::default());
    let source = CertificateSource::Files { certificate: at("tls.crt"), key: at("tls.key") };
    let published = Published { authorities: at("ca.crt"), trust: restarted };
    let again = Certificates::open(source, Arc::default()).unwrap().published(published).unwrap();
    assert_ne!(again.current().leaf().unwrap().to_vec(), before);
}
