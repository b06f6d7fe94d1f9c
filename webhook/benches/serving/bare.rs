//! What is compared with: axum behind rustls, which reads the same review and answers that it is allowed. No limits, no
//! metrics, no logs, no decision.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::http::header;
use axum::response::IntoResponse;
use axum::routing::post;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use meshwright_policies::admission::{Answer, Review};
use meshwright_webhook::metrics::Metrics;
use meshwright_webhook::server::{CertificateSource, Certificates, tls_config};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// All of the review is read, objects as trees, as a webhook does that judges them.
async fn whole(body: Bytes) -> impl IntoResponse {
    let review: Value = serde_json::from_slice(&body).unwrap();
    let text = |at: &Value| at.as_str().unwrap().to_owned();
    let (api_version, uid) = (text(&review["apiVersion"]), text(&review["request"]["uid"]));
    ([(header::CONTENT_TYPE, "application/json")], Answer::allowed().to_json(&api_version, &uid))
}

/// The least that can be answered by: the objects stay unread.
async fn envelope(body: Bytes) -> impl IntoResponse {
    let review = Review::parse(&body).unwrap();
    let answer = Answer::allowed().to_json(review.api_version, &review.request.uid);
    ([(header::CONTENT_TYPE, "application/json")], answer)
}

/// Serves until it is ended. `what` is `whole` or `envelope`.
pub(crate) async fn serve(what: &str, address: SocketAddr, certificate: PathBuf, key: PathBuf) {
    let source = CertificateSource::Files { certificate, key };
    let certificates = Arc::new(Certificates::open(source, Arc::new(Metrics::new())).unwrap());
    let route = if what == "whole" { post(whole) } else { post(envelope) };
    let router = Router::new().route("/validate", route);
    let tls = TlsAcceptor::from(Arc::new(tls_config(certificates, None).unwrap()));
    let listener = TcpListener::bind(address).await.unwrap();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let (tls, router) = (tls.clone(), router.clone());
        tokio::spawn(async move {
            stream.set_nodelay(true).unwrap();
            let Ok(stream) = tls.accept(stream).await else { return };
            let service = TowerToHyperService::new(router);
            let http = hyper::server::conn::http1::Builder::new();
            let _ended = http.serve_connection(TokioIo::new(stream), service).await;
        });
    }
}
