//! A real API server with its store, and nothing else of a cluster: no controllers, no nodes.

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde_json::{Value, json};

use super::rbac::Grant;
use super::service::{PORT, Proxy, RANGE};

/// The token of whoever may do everything.
pub(super) const ADMIN: &str = "admin";
/// The tokens that tests use; each is a user of that name.
const USERS: [&str; 4] = ["webhook", "hook", "reader", "nobody"];
/// How long it may take to be ready.
const PATIENCE: Duration = Duration::from_secs(120);

/// Two processes, which end when this is dropped.
pub(super) struct Real {
    pub(super) address: SocketAddr,
    /// What clients trust, PEM.
    pub(super) authority: String,
    processes: Vec<Child>,
    /// By `namespace/name`.
    services: Mutex<BTreeMap<String, Proxy>>,
    _directory: tempfile::TempDir,
}

impl Drop for Real {
    fn drop(&mut self) {
        // The API server first: it would complain of its store.
        for process in self.processes.iter_mut().rev() {
            let _gone = process.kill();
            let _reaped = process.wait();
        }
    }
}

/// Files that the API server reads.
struct Files {
    certificate: PathBuf,
    key: PathBuf,
    accounts: PathBuf,
    /// Of the same pair.
    accounts_public: PathBuf,
    tokens: PathBuf,
    /// PEM of the certificate's issuer.
    authority: String,
}

impl Files {
    fn write(directory: &Path) -> Files {
        let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "an authority for tests");
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let names = ["localhost", "127.0.0.1"].map(str::to_owned);
        let certificate = CertificateParams::new(names).unwrap().signed_by(&key, &issuer).unwrap();
        let write = |name: &str, text: String| {
            let path = directory.join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let accounts = KeyPair::generate().unwrap();
        let users = USERS.iter().map(|user| format!("{user},{user},{user}\n")).collect::<String>();
        Files {
            certificate: write("tls.crt", certificate.pem()),
            key: write("tls.key", key.serialize_pem()),
            accounts_public: write("accounts.pub", accounts.public_key_pem()),
            accounts: write("accounts.key", accounts.serialize_pem()),
            tokens: write("tokens.csv", format!("{ADMIN},{ADMIN},{ADMIN},system:masters\n{users}")),
            authority: issuer.pem(),
        }
    }
}

fn etcd(directory: &Path, client: SocketAddr, peer: SocketAddr) -> Vec<String> {
    vec![
        format!("--data-dir={}", directory.join("etcd").display()),
        format!("--listen-client-urls=http://{client}"),
        format!("--advertise-client-urls=http://{client}"),
        format!("--listen-peer-urls=http://{peer}"),
        format!("--initial-advertise-peer-urls=http://{peer}"),
        format!("--initial-cluster=default=http://{peer}"),
        "--unsafe-no-fsync".to_owned(),
    ]
}

fn kube_apiserver(files: &Files, directory: &Path, address: SocketAddr, store: SocketAddr) -> Vec<String> {
    vec![
        format!("--etcd-servers=http://{store}"),
        format!("--bind-address={}", address.ip()),
        format!("--advertise-address={}", address.ip()),
        format!("--secure-port={}", address.port()),
        format!("--cert-dir={}", directory.display()),
        format!("--tls-cert-file={}", files.certificate.display()),
        format!("--tls-private-key-file={}", files.key.display()),
        format!("--token-auth-file={}", files.tokens.display()),
        "--authorization-mode=RBAC".to_owned(),
        format!("--service-account-key-file={}", files.accounts_public.display()),
        format!("--service-account-signing-key-file={}", files.accounts.display()),
        "--service-account-issuer=https://localhost".to_owned(),
        format!("--service-cluster-ip-range={RANGE}"),
        // Nobody makes service accounts, and nobody reaches the API server by a Service.
        "--disable-admission-plugins=ServiceAccount".to_owned(),
        "--endpoint-reconciler-type=none".to_owned(),
    ]
}

pub(super) fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

fn spawn(assets: &Path, program: &str, arguments: Vec<String>, directory: &Path) -> Child {
    let log = std::fs::File::create(directory.join(format!("{program}.log"))).unwrap();
    let mut command = Command::new(assets.join(program));
    // What it reaches is on this machine.
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"] {
        command.env_remove(name);
    }
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
    command.spawn().unwrap_or_else(|error| panic!("KUBEBUILDER_ASSETS has no `{program}` to run: {error}"))
}

impl Real {
    pub(super) async fn start(assets: &Path) -> Real {
        let directory = tempfile::tempdir().unwrap();
        let files = Files::write(directory.path());
        let (store, peer, address) = (free_address(), free_address(), free_address());
        let processes = vec![
            spawn(assets, "etcd", etcd(directory.path(), store, peer), directory.path()),
            spawn(
                assets,
                "kube-apiserver",
                kube_apiserver(&files, directory.path(), address, store),
                directory.path(),
            ),
        ];
        let mut real = Real {
            address,
            authority: files.authority,
            processes,
            services: Mutex::default(),
            _directory: directory,
        };
        let since = Instant::now();
        while !matches!(real.request("GET", "/readyz", "", None), Ok(text) if text == "ok") {
            let ended = real.processes.iter_mut().any(|process| process.try_wait().unwrap().is_some());
            if ended || since.elapsed() > PATIENCE {
                let log = std::fs::read_to_string(real._directory.path().join("kube-apiserver.log"));
                panic!("the API server is not ready: {}", log.unwrap_or_default());
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        // What a controller makes elsewhere.
        real.put(&json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default"}}));
        real
    }

    /// As the administrator; the answer's text, or the API server's refusal. Tests ask from where nothing can be awaited.
    fn request(
        &self,
        method: &str,
        path: &str,
        content: &str,
        body: Option<&Value>,
    ) -> Result<String, String> {
        let request = hyper::Request::builder().method(method).uri(path).header("content-type", content);
        let request = request.body(body.map_or_else(Vec::new, |body| body.to_string().into_bytes())).unwrap();
        let mut config =
            kube::Config::new(format!("https://localhost:{}", self.address.port()).parse().unwrap());
        config.root_cert =
            Some(vec![CertificateDer::from_pem_slice(self.authority.as_bytes()).unwrap().to_vec()]);
        config.auth_info.token = Some(ADMIN.to_owned().into());
        let asking = move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let client = kube::Client::try_from(config).map_err(|error| error.to_string())?;
                client.request_text(request).await.map_err(|error| error.to_string())
            })
        };
        std::thread::spawn(asking).join().unwrap()
    }

    fn get(&self, path: &str) -> Option<Value> {
        serde_json::from_str(&self.request("GET", path, "", None).ok()?).ok()
    }

    /// Plural and whether it is in a namespace, of a kind that is served.
    fn resource(&self, api_version: &str, kind: &str) -> Option<(String, bool)> {
        let root = if api_version.contains('/') { "apis" } else { "api" };
        let list = self.get(&format!("/{root}/{api_version}"))?;
        let found = list["resources"].as_array()?.iter().find(|resource| {
            resource["kind"] == kind && resource["name"].as_str().is_some_and(|name| !name.contains('/'))
        })?;
        Some((found["name"].as_str()?.to_owned(), found["namespaced"] == true))
    }

    fn version(&self, group: &str) -> Option<String> {
        if group.is_empty() {
            return Some("v1".to_owned());
        }
        Some(self.get(&format!("/apis/{group}"))?["preferredVersion"]["groupVersion"].as_str()?.to_owned())
    }

    fn path(&self, group: &str, plural: &str, namespace: &str, name: &str) -> Option<String> {
        let root = if group.is_empty() { "api" } else { "apis" };
        let version = self.version(group)?;
        let inside = if namespace.is_empty() { String::new() } else { format!("/namespaces/{namespace}") };
        let name = if name.is_empty() { String::new() } else { format!("/{name}") };
        Some(format!("/{root}/{version}{inside}/{plural}{name}"))
    }

    pub(super) fn put(&self, object: &Value) -> Value {
        let text = |at: &Value| at.as_str().unwrap_or_default().to_owned();
        let (api_version, kind) = (text(&object["apiVersion"]), text(&object["kind"]));
        let (plural, namespaced) =
            self.resource(&api_version, &kind).unwrap_or_else(|| panic!("no such kind: {object}"));
        let root = if api_version.contains('/') { "apis" } else { "api" };
        let (namespace, name) = (text(&object["metadata"]["namespace"]), text(&object["metadata"]["name"]));
        let inside = if namespaced { format!("/namespaces/{namespace}") } else { String::new() };
        let path = format!("/{root}/{api_version}{inside}/{plural}/{name}?fieldManager=test&force=true");
        // Another writer may hold what an object was read with.
        let mut object = object.clone();
        for field in ["managedFields", "resourceVersion", "uid", "generation", "creationTimestamp"] {
            object["metadata"].as_object_mut().unwrap().shift_remove(field);
        }
        let stored = self.request("PATCH", &path, "application/apply-patch+yaml", Some(&object));
        let stored =
            serde_json::from_str(&stored.unwrap_or_else(|error| panic!("{error}: {object}"))).unwrap();
        if kind == "CustomResourceDefinition" {
            self.await_definition(&object);
        }
        stored
    }

    /// A definition is served a moment after it is stored.
    fn await_definition(&self, definition: &Value) {
        let spec = &definition["spec"];
        let (group, plural) = (spec["group"].as_str().unwrap(), spec["names"]["plural"].as_str().unwrap());
        let since = Instant::now();
        loop {
            let served = self.path(group, plural, "", "").and_then(|path| self.get(&path));
            let known = self.knows(group, spec["names"]["kind"].as_str().unwrap());
            if known && served.is_some_and(|list| list["items"].is_array()) {
                return;
            }
            assert!(since.elapsed() < PATIENCE, "{plural}.{group} is not served");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    pub(super) fn remove(&self, group: &str, plural: &str, namespace: &str, name: &str) {
        let path = self.path(group, plural, namespace, name).unwrap();
        self.request("DELETE", &path, "application/json", None).unwrap();
    }

    /// Lets a Service lead to addresses.
    pub(super) fn serve(&self, service: &str, addresses: &[SocketAddr]) {
        let mut services = self.services.lock().unwrap();
        let proxy = services.entry(service.to_owned()).or_insert_with(|| {
            let proxy = Proxy::start();
            let (namespace, name) = service.split_once('/').unwrap();
            let spec = json!({"clusterIP": proxy.address, "ports": [{"port": PORT, "protocol": "TCP"}]});
            self.put(&json!({"apiVersion": "v1", "kind": "Service",
                "metadata": {"name": name, "namespace": namespace}, "spec": spec}));
            proxy
        });
        proxy.lead_to(addresses);
    }

    pub(super) fn knows(&self, group: &str, kind: &str) -> bool {
        self.version(group).is_some_and(|version| self.resource(&version, kind).is_some())
    }

    pub(super) fn object(&self, group: &str, plural: &str, namespace: &str, name: &str) -> Option<Value> {
        self.get(&self.path(group, plural, namespace, name)?)
    }

    pub(super) fn objects(&self, group: &str, plural: &str) -> Vec<Value> {
        let list = self.path(group, plural, "", "").and_then(|path| self.get(&path));
        list.and_then(|list| list["items"].as_array().cloned()).unwrap_or_default()
    }

    /// Roles and bindings of a user.
    pub(super) fn grant(&self, user: &str, grants: Vec<Grant>) {
        assert!(USERS.contains(&user), "no such user: {user}");
        let group = "rbac.authorization.k8s.io";
        for (number, Grant { namespace, rules }) in grants.into_iter().enumerate() {
            let name = format!("{user}-{number}");
            let (role, metadata) = match &namespace {
                None => ("ClusterRole", json!({"name": name})),
                Some(namespace) => {
                    let object =
                        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}});
                    if self.object("", "namespaces", "", namespace).is_none() {
                        self.put(&object);
                    }
                    ("Role", json!({"name": name, "namespace": namespace}))
                }
            };
            let api_version = format!("{group}/v1");
            self.put(&json!({"apiVersion": api_version, "kind": role, "metadata": metadata, "rules": rules}));
            self.put(&json!({
                "apiVersion": api_version, "kind": format!("{role}Binding"), "metadata": metadata,
                "roleRef": {"apiGroup": group, "kind": role, "name": name},
                "subjects": [{"apiGroup": group, "kind": "User", "name": user}],
            }));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_listens_beyond_this_machine() {
        let directory = tempfile::tempdir().unwrap();
        let files = Files::write(directory.path());
        let address = |port: u16| SocketAddr::from(([127, 0, 0, 1], port));
        let mut arguments = etcd(directory.path(), address(1), address(2));
        arguments.extend(kube_apiserver(&files, directory.path(), address(3), address(1)));
        for argument in &arguments {
            let (flag, value) = argument.split_once('=').unwrap_or((argument, ""));
            if flag.ends_with("-urls") || flag.ends_with("-address") || flag.ends_with("-servers") {
                assert!(value.contains("127.0.0.1"), "{argument}");
            }
            if flag.ends_with("-file") {
                assert!(Path::new(value).is_file(), "{argument}");
            }
        }
        let tokens = std::fs::read_to_string(&files.tokens).unwrap();
        assert!(tokens.starts_with("admin,admin,admin,system:masters\n") && tokens.lines().count() == 5);
        let leaf = std::fs::read(&files.certificate).unwrap();
        let leaf = CertificateDer::from_pem_slice(&leaf).unwrap();
        let issuer = CertificateDer::from_pem_slice(files.authority.as_bytes()).unwrap();
        let (_, leaf) = x509_parser::parse_x509_certificate(&leaf).unwrap();
        let (_, issuer) = x509_parser::parse_x509_certificate(&issuer).unwrap();
        assert_eq!(leaf.issuer(), issuer.subject());
    }
}
