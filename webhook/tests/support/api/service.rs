//! What kube-proxy does elsewhere: the address of a Service leads to its endpoints. Services have addresses of this machine
//! here, at which these tests can listen.

use std::io::copy;
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// Addresses of Services.
pub(super) const RANGE: &str = "127.64.0.0/16";
/// The port of every Service.
pub(crate) const PORT: u16 = 8443;

/// The way to a Service's endpoints, until it is dropped. Connections stay where they lead, as with kube-proxy.
pub(super) struct Proxy {
    pub(super) address: Ipv4Addr,
    endpoints: Arc<Mutex<Vec<SocketAddr>>>,
    ended: Arc<AtomicBool>,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::SeqCst);
        // Wakes the thread that accepts.
        let _woken = TcpStream::connect((self.address, PORT));
    }
}

impl Proxy {
    /// At an address that nobody has. Which comes first depends on a free port, so that tests that run at once differ.
    pub(super) fn start() -> Proxy {
        let [first, second] = super::real::free_address().port().to_be_bytes();
        let candidates =
            (0..=u8::MAX).map(|step| Ipv4Addr::new(127, 64, first.wrapping_add(step) | 1, second));
        let (address, listener) = candidates
            .filter_map(|address| Some((address, TcpListener::bind((address, PORT)).ok()?)))
            .next()
            .unwrap();
        let (endpoints, ended) = (Arc::<Mutex<Vec<SocketAddr>>>::default(), Arc::<AtomicBool>::default());
        let proxy = Proxy { address, endpoints: Arc::clone(&endpoints), ended: Arc::clone(&ended) };
        std::thread::spawn(move || {
            let turn = AtomicUsize::new(0);
            for client in listener.incoming() {
                if ended.load(Ordering::SeqCst) {
                    return;
                }
                let endpoints = endpoints.lock().unwrap().clone();
                let turn = turn.fetch_add(1, Ordering::SeqCst);
                let Some(endpoint) = endpoints.get(turn % endpoints.len().max(1)).copied() else { continue };
                if let (Ok(client), Ok(server)) = (client, TcpStream::connect(endpoint)) {
                    join(&client, &server);
                }
            }
        });
        proxy
    }

    pub(super) fn lead_to(&self, addresses: &[SocketAddr]) {
        *self.endpoints.lock().unwrap() = addresses.to_vec();
    }
}

/// Each way in a thread of its own; the end of one way is passed on.
fn join(client: &TcpStream, server: &TcpStream) {
    for (from, to) in [(client, server), (server, client)] {
        let (mut from, mut to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
        let _delayed = to.set_nodelay(true);
        std::thread::spawn(move || {
            let _ended = copy(&mut from, &mut to);
            let _passed_on = to.shutdown(Shutdown::Write);
        });
    }
}
