//! Serving: sockets, TLS, bounds, and leaving.

mod accept;
mod activity;
mod certificate;
mod drain;
mod limits;
mod routes;
mod tls;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use meshwright_policies::admission::WithoutDeclaration;

use accept::Connections;
use limits::Gate;
use routes::Surface;

use crate::cluster::Events;
use crate::metrics::Metrics;
use crate::store::Store;
use crate::traces::Traces;

pub use certificate::{CertificateError, CertificateSource, Certificates, Pair, Published};
pub use drain::{Drain, Phase, asked_to_stop};
pub use limits::Limits;
pub use tls::{TlsError, config as tls_config};

/// What is served, and how.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where reviews are served, over TLS.
    pub listen: SocketAddr,
    /// Where health and metrics are served, in plain HTTP.
    pub metrics_listen: Option<SocketAddr>,
    /// PEM of the authorities that every client's certificate has to come from.
    pub client_authorities: Option<Vec<u8>>,
    /// What clients may use.
    pub limits: Limits,
    /// What is answered while no declaration is known.
    pub without_declaration: WithoutDeclaration,
    /// How long connections may take to end after the program stops.
    pub drain_timeout: Duration,
    /// Where reviews are told of.
    pub traces: Traces,
}

/// Why the program cannot serve.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// An address that cannot be listened on.
    #[error("cannot listen on {address}: {error}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        error: std::io::Error,
    },
    /// TLS that cannot be set up.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// What every request needs.
#[derive(Debug)]
struct App {
    store: Arc<Store>,
    certificates: Arc<Certificates>,
    metrics: Arc<Metrics>,
    events: Events,
    limits: Limits,
    gate: Gate,
    /// Whose turn it is among large reviews.
    large: Arc<Semaphore>,
    drain: Drain,
    without_declaration: WithoutDeclaration,
    traces: Traces,
}

/// A running server.
#[derive(Debug)]
pub struct Server {
    /// Where reviews are served.
    pub address: SocketAddr,
    /// Where health and metrics are served in plain HTTP.
    pub metrics_address: Option<SocketAddr>,
    drain: Drain,
    reviews: JoinHandle<()>,
    observations: Option<JoinHandle<()>>,
}

impl Server {
    /// Listens, and serves in the background.
    ///
    /// # Errors
    /// When an address cannot be listened on or TLS cannot be set up.
    pub async fn start(
        settings: Settings,
        store: Arc<Store>,
        certificates: Arc<Certificates>,
        metrics: Arc<Metrics>,
        events: Events,
    ) -> Result<Server, ServeError> {
        let Settings { limits, without_declaration, .. } = settings;
        let tls = tls_config(Arc::clone(&certificates) as _, settings.client_authorities.as_deref())?;
        let (listener, address) = listen(settings.listen).await?;
        let plain = match settings.metrics_listen {
            Some(address) => Some(listen(address).await?),
            None => None,
        };
        let drain = Drain::default();
        let (gate, app_drain) = (Gate::new(limits), drain.clone());
        let app = Arc::new(App {
            store,
            certificates,
            metrics,
            events,
            limits,
            gate,
            large: Arc::new(Semaphore::new(1)),
            drain: app_drain,
            without_declaration,
            traces: settings.traces,
        });
        let connections = Connections {
            tls: Some(TlsAcceptor::from(Arc::new(tls))),
            app: Arc::clone(&app),
            surface: Surface::Reviews,
            limits,
            metrics: Arc::clone(&app.metrics),
            drain: drain.clone(),
        };
        let observations = Connections { tls: None, surface: Surface::Observations, ..connections.clone() };
        let reviews = tokio::spawn(accept::serve(listener, connections, settings.drain_timeout));
        let metrics_address = plain.as_ref().map(|(_, address)| *address);
        let observations = plain
            .map(|(listener, _)| tokio::spawn(accept::serve(listener, observations, Duration::from_secs(1))));
        Ok(Server { address, metrics_address, drain, reviews, observations })
    }

    /// Leaves: not ready for the delay, then takes no more connections, then ends with the last answer.
    pub async fn leave(self, delay: Duration) {
        self.drain.leave(delay).await;
        if let Err(error) = self.reviews.await {
            tracing::error!(%error, "serving broke off");
        }
        if let Some(observations) = self.observations {
            let _ended = observations.await;
        }
    }
}

async fn listen(address: SocketAddr) -> Result<(TcpListener, SocketAddr), ServeError> {
    let failed = |error| ServeError::Listen { address, error };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    Ok((listener, bound))
}
