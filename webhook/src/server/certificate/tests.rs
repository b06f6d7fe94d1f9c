use rcgen::{CertificateParams, KeyPair};

use super::*;

/// Certificate and key, PEM, valid for some days from now on; negative for the past.
fn pem(name: &str, from: i64, until: i64) -> (String, String) {
    let at = |days: i64| {
        let time = Duration::from_secs(days.unsigned_abs() * 86_400);
        if days < 0 { SystemTime::now() - time } else { SystemTime::now() + time }
    };
    let mut params = CertificateParams::new([name.to_owned()]).unwrap();
    params.not_before = at(from).into();
    params.not_after = at(until).into();
    let key = KeyPair::generate().unwrap();
    (params.self_signed(&key).unwrap().pem(), key.serialize_pem())
}

fn refused(chain: &str, key: &str) -> String {
    Pair::read(chain.as_bytes(), key.as_bytes(), SystemTime::now()).unwrap_err().to_string()
}

#[test]
fn what_cannot_be_served_is_refused_with_its_reason() {
    let (chain, key) = pem("a", -1, 1);
    let (_, other) = pem("a", -1, 1);
    assert!(Pair::read(chain.as_bytes(), key.as_bytes(), SystemTime::now()).is_ok());
    assert!(refused(&chain, &other).starts_with("certificate and key do not go together"));
    assert_eq!(refused("", &key), "there is no certificate");
    assert!(refused(&chain, "").starts_with("the key is not PEM"));
    assert!(refused(&chain[..chain.len() / 2], &key).contains("certificate"));
    let (chain, key) = pem("a", -3, -2);
    assert_eq!(refused(&chain, &key), "the certificate has expired");
    let (chain, key) = pem("a", 2, 3);
    assert_eq!(refused(&chain, &key), "the certificate is not valid yet");
}

struct Mount {
    directory: tempfile::TempDir,
    version: usize,
}

impl Mount {
    /// As Kubernetes mounts a Secret.
    fn new(pair: &(String, String)) -> Mount {
        let mut mount = Mount { directory: tempfile::tempdir().unwrap(), version: 0 };
        for file in ["tls.crt", "tls.key"] {
            let link = mount.directory.path().join(file);
            std::os::unix::fs::symlink(format!("..data/{file}"), link).unwrap();
        }
        mount.swap(pair);
        mount
    }

    fn swap(&mut self, pair: &(String, String)) {
        self.version += 1;
        let at = self.directory.path();
        let version = format!("..v{}", self.version);
        std::fs::create_dir(at.join(&version)).unwrap();
        std::fs::write(at.join(&version).join("tls.crt"), &pair.0).unwrap();
        std::fs::write(at.join(&version).join("tls.key"), &pair.1).unwrap();
        std::os::unix::fs::symlink(&version, at.join("..data_tmp")).unwrap();
        std::fs::rename(at.join("..data_tmp"), at.join("..data")).unwrap();
    }

    fn open(&self, metrics: &Arc<Metrics>) -> Arc<Certificates> {
        let file = |name| self.directory.path().join(name);
        let source = CertificateSource::Files { certificate: file("tls.crt"), key: file("tls.key") };
        Arc::new(Certificates::open(source, Arc::clone(metrics)).unwrap())
    }
}

fn leaf(certificates: &Certificates) -> Vec<u8> {
    certificates.current().key.cert[0].to_vec()
}

#[tokio::test]
async fn a_mounted_secret_is_followed() {
    let mut mount = Mount::new(&pem("a", -1, 1));
    let certificates = mount.open(&Arc::default());
    let _watch = certificates.watch(Duration::from_secs(3600));
    tokio::time::sleep(Duration::from_millis(200)).await;
    for _ in 0..2 {
        let before = leaf(&certificates);
        mount.swap(&pem("a", -1, 1));
        for _ in 0..200 {
            if leaf(&certificates) != before {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert_ne!(leaf(&certificates), before);
    }
}

#[test]
fn a_bad_pair_keeps_the_old_one_and_is_counted_once() {
    let good = pem("a", -1, 1);
    let metrics = Arc::new(Metrics::new());
    let mut mount = Mount::new(&good);
    let certificates = mount.open(&metrics);
    let before = leaf(&certificates);
    mount.swap(&(good.0.clone(), pem("b", -1, 1).1));
    certificates.reload(SystemTime::now());
    certificates.reload(SystemTime::now());
    assert_eq!(leaf(&certificates), before);
    assert_eq!(metrics.certificate_refused.get(), 1);
    let refused = ResultLabels { result: "refused" };
    assert_eq!(metrics.certificate_reloads.get_or_create(&refused).get(), 1);
    mount.swap(&good);
    certificates.reload(SystemTime::now());
    assert_eq!(metrics.certificate_refused.get(), 0);
    mount.swap(&pem("c", -1, 1));
    certificates.reload(SystemTime::now());
    assert_ne!(leaf(&certificates), before);
}

#[test]
fn a_self_signed_certificate_is_renewed_in_time() {
    let source = CertificateSource::SelfSigned(vec!["localhost".to_owned(), "127.0.0.1".to_owned()]);
    let certificates = Arc::new(Certificates::open(source, Arc::default()).unwrap());
    let (before, now) = (leaf(&certificates), SystemTime::now());
    certificates.reload(now + Duration::from_secs(30 * 86_400));
    assert_eq!(leaf(&certificates), before);
    assert_eq!(certificates.out_of_time(now + Duration::from_secs(91 * 86_400)), Some("has expired"));
    certificates.reload(now + Duration::from_secs(61 * 86_400));
    assert_ne!(leaf(&certificates), before);
    assert_eq!(certificates.out_of_time(now + Duration::from_secs(91 * 86_400)), None);
}
