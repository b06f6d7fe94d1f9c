//! istiod's signing certificate: the secret `cacerts`, in the form of Istio's guide or of a TLS secret (istio/istio@1.31:
//! `pilot/pkg/bootstrap/istio_ca.go`). Keys are counted, never read.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use sha2::{Digest, Sha256};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::ParsedExtension;
use x509_parser::pem::Pem;

use super::secret;
use crate::claim::{At, CertificateFault, Claims, Fact};

/// Its name.
pub(super) const SECRET: &str = "cacerts";

/// Field of the root, of the signing certificate and of its chain.
const PLUGGED_IN: [&str; 3] = ["root-cert.pem", "ca-cert.pem", "cert-chain.pem"];
/// The same in a TLS secret, where the chain follows the certificate.
const TLS: [&str; 3] = ["ca.crt", "tls.crt", "tls.crt"];

pub(super) fn claims(object: &At<'_>, namespace: &str, claims: &mut Claims) {
    let mut keys = Vec::new();
    let mut found: BTreeMap<String, Vec<Pem>> = BTreeMap::new();
    let [root, signing, chain] = names(object);
    secret::texts(object, |key, text, at| {
        keys.push(key.to_owned());
        if ![root, signing, chain].contains(&key) {
            return;
        }
        let Some(pems) = text.map(|text| pems(&text)).filter(|pems| !pems.is_empty()) else { return };
        let own = if key == root { pems.as_slice() } else { pems.get(..1).unwrap_or_default() };
        let prints: Vec<String> = own.iter().map(|pem| fingerprint(&pem.contents)).collect();
        let namespace = namespace.to_owned();
        if key == root {
            claims.add(Fact::RootCertificate { namespace }, at, prints.join(","));
        } else if key == signing {
            claims.add(Fact::SigningCertificate { namespace }, at, prints.join(","));
        }
        found.insert(key.to_owned(), pems);
    });
    keys.sort();
    for map in ["data", "stringData"] {
        object.with(&[map], |at| {
            if at.entries().next().is_some() {
                claims.add(Fact::CaKeys { namespace: namespace.to_owned() }, at, keys.join(","));
            }
        });
    }
    let parsed = |key: &str| -> Vec<X509Certificate<'_>> {
        found.get(key).into_iter().flatten().filter_map(|pem| pem.parse_x509().ok()).collect()
    };
    let (roots, own, chain) = (parsed(root), parsed(signing), parsed(chain));
    for (key, longest) in [(root, longest(&roots)), (signing, longest(own.get(..1).unwrap_or_default()))] {
        let Some(hours) = longest else { continue };
        secret::each(object, key, |at| {
            let fact = Fact::CertificateLifetime { namespace: namespace.to_owned(), is_root: key == root };
            claims.add(fact, at, format!("{hours}h"));
        });
    }
    let Some(own) = own.first().filter(|_| !roots.is_empty()) else { return };
    for fault in faults(own, &roots, &chain) {
        secret::each(object, signing, |at| {
            claims.add(Fact::CertificateFault(fault), at, own.subject().to_string());
        });
    }
}

/// Which fields the secret has: istiod takes the TLS form when `tls.crt` is there.
fn names(object: &At<'_>) -> [&'static str; 3] {
    let has = |key: &str| ["data", "stringData"].iter().any(|map| object.with(&[map, key], |_| ()).is_some());
    if has("tls.crt") { TLS } else { PLUGGED_IN }
}

/// The certificates in a text; nothing when it is no PEM at all.
fn pems(text: &[u8]) -> Vec<Pem> {
    Pem::iter_from_buffer(text).filter_map(Result::ok).filter(|pem| pem.label == "CERTIFICATE").collect()
}

/// SHA-256 of the certificate's DER, in lower-case hex.
fn fingerprint(der: &[u8]) -> String {
    Sha256::digest(der).iter().fold(String::new(), |mut text, byte| {
        let _infallible = write!(text, "{byte:02x}");
        text
    })
}

fn faults(
    own: &X509Certificate<'_>,
    roots: &[X509Certificate<'_>],
    chain: &[X509Certificate<'_>],
) -> Vec<CertificateFault> {
    let mut faults = Vec::new();
    if !own.is_ca() {
        faults.push(CertificateFault::NoAuthority);
    }
    match anchor(own, roots, chain) {
        None => faults.push(CertificateFault::AnotherIssuer),
        Some(root) if own.validity().not_after > root.validity().not_after => {
            faults.push(CertificateFault::OutlivesRoot);
        }
        Some(_) => {}
    }
    faults
}

/// The longest lifetime among certificates, in hours rounded down: tools begin it a minute early, for clocks that differ.
fn longest(certificates: &[X509Certificate<'_>]) -> Option<i64> {
    let seconds = |certificate: &X509Certificate<'_>| {
        let validity = certificate.validity();
        validity.not_after.timestamp().saturating_sub(validity.not_before.timestamp())
    };
    certificates.iter().map(seconds).max().and_then(|seconds| seconds.checked_div(3600))
}

/// The root that it leads to, directly or through the chain.
fn anchor<'a, 'b>(
    own: &X509Certificate<'_>,
    roots: &'a [X509Certificate<'b>],
    chain: &[X509Certificate<'_>],
) -> Option<&'a X509Certificate<'b>> {
    let mut pending = vec![own];
    let mut seen = 0;
    while let Some(certificate) = pending.get(seen) {
        let same = |root: &&X509Certificate<'_>| {
            root.tbs_certificate.as_ref() == certificate.tbs_certificate.as_ref()
        };
        if let Some(root) = roots.iter().find(|root| same(root) || may_have_issued(root, certificate)) {
            return Some(root);
        }
        let above: Vec<_> = chain
            .iter()
            .filter(|upper| may_have_issued(upper, certificate))
            .filter(|upper| !pending.iter().any(|known| known.raw_serial() == upper.raw_serial()))
            .collect();
        pending.extend(above);
        seen = seen.saturating_add(1);
    }
    None
}

/// By name, and by key where both say which. Signatures are not verified: whoever could sign one would not get the name or
/// the key wrong.
fn may_have_issued(upper: &X509Certificate<'_>, lower: &X509Certificate<'_>) -> bool {
    let named = upper.subject().as_raw() == lower.issuer().as_raw();
    let keys = (subject_key(upper), authority_key(lower));
    named && !matches!(keys, (Some(upper), Some(lower)) if upper != lower)
}

fn subject_key<'a>(certificate: &'a X509Certificate<'_>) -> Option<&'a [u8]> {
    certificate.iter_extensions().find_map(|extension| match extension.parsed_extension() {
        ParsedExtension::SubjectKeyIdentifier(key) => Some(key.0),
        _ => None,
    })
}

fn authority_key<'a>(certificate: &'a X509Certificate<'_>) -> Option<&'a [u8]> {
    certificate.iter_extensions().find_map(|extension| match extension.parsed_extension() {
        ParsedExtension::AuthorityKeyIdentifier(key) => key.key_identifier.as_ref().map(|key| key.0),
        _ => None,
    })
}
