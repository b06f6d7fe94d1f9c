use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};

use super::*;

const DAY: Duration = Duration::from_secs(86_400);

fn start() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_790_000_000)
}

fn names() -> Vec<String> {
    vec!["hook.mw.svc".to_owned(), "hook.mw.svc.cluster.local".to_owned()]
}

/// Whether an API server that has this bundle would talk to who serves this certificate.
fn trusted(bundle: &str, certificate: &str, now: SystemTime) -> Result<(), String> {
    let mut roots = RootCertStore::empty();
    for authority in CertificateDer::pem_slice_iter(bundle.as_bytes()) {
        roots.add(authority.unwrap()).unwrap();
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
    let leaf = CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap();
    let name = ServerName::try_from("hook.mw.svc").unwrap();
    let now = UnixTime::since_unix_epoch(now.duration_since(UNIX_EPOCH).unwrap());
    verifier.verify_server_cert(&leaf, &[], &name, &[], now).map(|_| ()).map_err(|error| error.to_string())
}

/// Ten years, a look each day; the configuration is a day behind, and a replica two days behind serves what it read then.
#[test]
fn nothing_is_served_that_is_not_trusted_yet_or_any_more() {
    let lives = Lives { settle: DAY, ..Lives::default() };
    let mut material = next(None, &names(), Published::No, lives, start()).unwrap().unwrap();
    let mut published: Vec<(SystemTime, String)> = vec![(start(), material.bundle())];
    let mut served: Vec<String> = vec![material.pair().0.to_owned()];
    let (mut authorities, mut certificates) = (BTreeSet::new(), BTreeSet::new());
    for day in 1..3650_u32 {
        let now = start() + DAY * day;
        let known = material.next_authority().map_or(Published::No, |next| {
            let since = published.iter().rev().take_while(|(_, bundle)| bundle.contains(&next.pem)).last();
            since.map_or(Published::No, |(since, _)| Published::For(now.duration_since(*since).unwrap()))
        });
        if let Some(changed) = next(Some(&material), &names(), known, lives, now).unwrap() {
            material = changed;
        }
        // What the API server reads today was written yesterday.
        let (_, bundle) = published.last().unwrap();
        for certificate in served.iter().rev().take(2).chain([&material.pair().0.to_owned()]) {
            trusted(bundle, certificate, now).unwrap_or_else(|error| panic!("day {day}: {error}"));
        }
        published.push((now, material.bundle()));
        served.push(material.pair().0.to_owned());
        authorities.insert(material.authority().digest);
        certificates.insert(material.pair().0.to_owned());
    }
    assert!((6..=8).contains(&authorities.len()), "{} authorities in ten years", authorities.len());
    assert!((58..=70).contains(&certificates.len()), "{} certificates in ten years", certificates.len());
}

#[test]
fn an_authority_that_nobody_published_signs_nothing() {
    let lives = Lives::default();
    let first = next(None, &names(), Published::No, lives, start()).unwrap().unwrap();
    let late = start() + AUTHORITY_LIFE * 7 / 10;
    let both = next(Some(&first), &names(), Published::No, lives, late).unwrap().unwrap();
    assert_eq!((both.authorities().len(), both.authority()), (2, first.authority()));
    for published in [Published::No, Published::For(Duration::ZERO), Published::Unknown] {
        assert_eq!(next(Some(&both), &names(), published, lives, late).unwrap(), None, "{published:?}");
    }
    let over = next(Some(&both), &names(), Published::For(SETTLE), lives, late).unwrap().unwrap();
    assert_eq!(over.authority(), both.next_authority().unwrap());
    assert_eq!((over.authorities().len(), over.next_authority()), (2, None));
    assert!(!over.write().contains_key(NEXT_KEY), "the old key is forgotten");
    // Nobody here can see what others publish; they have had months.
    let last = start() + AUTHORITY_LIFE * 17 / 20;
    assert!(next(Some(&both), &names(), Published::Unknown, lives, last).unwrap().is_some());
}

#[test]
fn a_secret_holds_all_of_it() {
    let lives = Lives::default();
    let first = next(None, &names(), Published::No, lives, start()).unwrap().unwrap();
    let late = start() + AUTHORITY_LIFE * 7 / 10;
    let both = next(Some(&first), &names(), Published::No, lives, late).unwrap().unwrap();
    for material in [&first, &both] {
        assert_eq!(Material::read(&material.write()).unwrap(), *material);
    }
    for part in [CA_CERTIFICATES, CA_KEY, CERTIFICATE, KEY] {
        let mut data = both.write();
        data.insert(part.to_owned(), b"-----BEGIN NOTHING-----".to_vec());
        assert!(Material::read(&data).is_err(), "{part}");
        data.remove(part);
        assert_eq!(Material::read(&data).unwrap_err().to_string(), format!("`{part}` is missing"));
    }
}

#[test]
fn another_name_needs_another_certificate() {
    let first = next(None, &names(), Published::No, Lives::default(), start()).unwrap().unwrap();
    let mut more = names();
    more.reverse();
    assert_eq!(next(Some(&first), &more, Published::No, Lives::default(), start()).unwrap(), None);
    more.push("10.0.0.1".to_owned());
    let renewed = next(Some(&first), &more, Published::No, Lives::default(), start()).unwrap().unwrap();
    assert_eq!(renewed.authority(), first.authority());
    assert_eq!(next(Some(&renewed), &more, Published::No, Lives::default(), start()).unwrap(), None);
}

#[test]
fn what_nobody_kept_is_made_anew() {
    let first = next(None, &names(), Published::No, Lives::default(), start()).unwrap().unwrap();
    let now = start() + AUTHORITY_LIFE + DAY;
    let anew = next(Some(&first), &names(), Published::No, Lives::default(), now).unwrap().unwrap();
    assert_ne!(anew.authority(), first.authority());
    assert!(trusted(&anew.bundle(), anew.pair().0, now).is_ok());
}
