//! Authorities, certificate and keys, and how a Secret holds them.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, SystemTime};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use sha2::{Digest, Sha256};
use x509_parser::extensions::GeneralName;

use super::Lives;
use crate::metrics::unix_seconds;

/// The certificate of the server, PEM.
pub const CERTIFICATE: &str = "tls.crt";
/// Its key, PEM.
pub const KEY: &str = "tls.key";
/// All authorities, PEM: the one that signs, then those that will or did.
pub const CA_CERTIFICATES: &str = "ca.crt";
/// The key of the first, PEM.
pub const CA_KEY: &str = "ca.key";
/// The key of the second, PEM, while it is to take over.
pub const NEXT_KEY: &str = "next-ca.key";

/// Why material cannot be used or made.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    /// A part that is missing.
    #[error("`{0}` is missing")]
    Missing(&'static str),
    /// A part that cannot be read.
    #[error("`{0}` cannot be read")]
    Malformed(&'static str),
    /// A certificate that cannot be made.
    #[error("a certificate cannot be made: {0}")]
    Make(#[from] rcgen::Error),
}

/// A certificate, as far as anybody here looks at it.
#[derive(Clone, PartialEq, Eq)]
pub struct Authority {
    /// PEM.
    pub pem: String,
    /// Of the certificate.
    pub digest: [u8; 32],
    from: i64,
    until: i64,
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authority")
            .field("from", &self.from)
            .field("until", &self.until)
            .finish_non_exhaustive()
    }
}

impl Authority {
    fn read(der: &CertificateDer<'_>, what: &'static str) -> Result<Authority, AuthorityError> {
        let (_, parsed) =
            x509_parser::parse_x509_certificate(der).map_err(|_| AuthorityError::Malformed(what))?;
        let validity = parsed.validity();
        Ok(Authority {
            pem: pem(der),
            digest: Sha256::digest(der).into(),
            from: validity.not_before.timestamp(),
            until: validity.not_after.timestamp(),
        })
    }

    /// The authorities in a PEM bundle.
    ///
    /// # Errors
    /// When it is not PEM, or holds something else.
    pub fn bundle(text: &[u8]) -> Result<Vec<Authority>, AuthorityError> {
        let what = CA_CERTIFICATES;
        CertificateDer::pem_slice_iter(text)
            .map(|der| {
                der.map_err(|_| AuthorityError::Malformed(what)).and_then(|der| Authority::read(&der, what))
            })
            .collect()
    }

    /// Whether it is out of its time.
    #[must_use]
    pub fn expired(&self, now: SystemTime) -> bool {
        unix_seconds(now) >= self.until
    }

    /// The part of its life that is over, from 0 to 1.
    #[must_use]
    pub fn lived(&self, now: SystemTime) -> f64 {
        let (lived, life) =
            (unix_seconds(now).saturating_sub(self.from), self.until.saturating_sub(self.from));
        // Seconds of some years: both are far below 2^53.
        if life <= 0 { 1.0 } else { (lived as f64 / life as f64).clamp(0.0, 1.0) }
    }

    /// End of its validity, in seconds since 1970.
    #[must_use]
    pub fn until(&self) -> i64 {
        self.until
    }
}

fn pem(der: &[u8]) -> String {
    let lines = pem::EncodeConfig::new().set_line_ending(pem::LineEnding::LF);
    pem::encode_config(&pem::Pem::new("CERTIFICATE", der), lines)
}

/// Everything that replicas share.
#[derive(Clone, PartialEq, Eq)]
pub struct Material {
    /// The first signs; there is one.
    authorities: Vec<Authority>,
    key: String,
    next_key: Option<String>,
    certificate: Authority,
    certificate_key: String,
    names: Vec<String>,
}

impl fmt::Debug for Material {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Material")
            .field("authorities", &self.authorities)
            .field("certificate", &self.certificate)
            .field("names", &self.names)
            .finish_non_exhaustive()
    }
}

impl Material {
    /// An authority and a certificate.
    pub(super) fn new(names: &[String], lives: Lives, now: SystemTime) -> Result<Material, AuthorityError> {
        let (authority, key) = authority(lives.authority, now)?;
        let (certificate, certificate_key, names) =
            certificate(&authority, &key, names, lives.certificate, now)?;
        Ok(Material {
            authorities: vec![authority],
            key,
            next_key: None,
            certificate,
            certificate_key,
            names,
        })
    }

    /// From the data of a Secret.
    ///
    /// # Errors
    /// When a part is missing or cannot be read.
    pub fn read(data: &BTreeMap<String, Vec<u8>>) -> Result<Material, AuthorityError> {
        let text = |part: &'static str| {
            let bytes =
                data.get(part).filter(|bytes| !bytes.is_empty()).ok_or(AuthorityError::Missing(part))?;
            String::from_utf8(bytes.clone()).map_err(|_| AuthorityError::Malformed(part))
        };
        let key = |part: &'static str, text: String| match KeyPair::from_pem(&text) {
            Ok(_) => Ok(text),
            Err(_) => Err(AuthorityError::Malformed(part)),
        };
        let authorities = Authority::bundle(text(CA_CERTIFICATES)?.as_bytes())?;
        if authorities.is_empty() {
            return Err(AuthorityError::Missing(CA_CERTIFICATES));
        }
        let next_key = match data.contains_key(NEXT_KEY) && authorities.len() > 1 {
            true => Some(key(NEXT_KEY, text(NEXT_KEY)?)?),
            false => None,
        };
        let der = CertificateDer::from_pem_slice(text(CERTIFICATE)?.as_bytes())
            .map_err(|_| AuthorityError::Malformed(CERTIFICATE))?;
        Ok(Material {
            key: key(CA_KEY, text(CA_KEY)?)?,
            next_key,
            certificate_key: key(KEY, text(KEY)?)?,
            names: names_of(&der)?,
            certificate: Authority::read(&der, CERTIFICATE)?,
            authorities,
        })
    }

    /// As the data of a Secret.
    #[must_use]
    pub fn write(&self) -> BTreeMap<String, Vec<u8>> {
        let mut data = BTreeMap::from([
            (CA_CERTIFICATES.to_owned(), self.bundle().into_bytes()),
            (CA_KEY.to_owned(), self.key.clone().into_bytes()),
            (CERTIFICATE.to_owned(), self.certificate.pem.clone().into_bytes()),
            (KEY.to_owned(), self.certificate_key.clone().into_bytes()),
        ]);
        if let Some(next) = &self.next_key {
            data.insert(NEXT_KEY.to_owned(), next.clone().into_bytes());
        }
        data
    }

    /// All authorities, the one that signs first.
    #[must_use]
    pub fn authorities(&self) -> &[Authority] {
        &self.authorities
    }

    /// All authorities, PEM: what is to be published.
    #[must_use]
    pub fn bundle(&self) -> String {
        self.authorities.iter().map(|authority| authority.pem.as_str()).collect()
    }

    /// The authority that signs.
    ///
    /// There always is one: [`Material::read`] and `Material::new` see to it.
    #[must_use]
    pub fn authority(&self) -> &Authority {
        self.authorities.first().unwrap_or(&self.certificate)
    }

    /// The authority that is to take over.
    #[must_use]
    pub fn next_authority(&self) -> Option<&Authority> {
        self.authorities.get(1).filter(|_| self.next_key.is_some())
    }

    pub(super) fn has_next(&self) -> bool {
        self.next_authority().is_some()
    }

    /// Certificate and key of the server, PEM.
    #[must_use]
    pub fn pair(&self) -> (&str, &str) {
        (&self.certificate.pem, &self.certificate_key)
    }

    pub(super) fn certificate_lived(&self, now: SystemTime) -> f64 {
        self.certificate.lived(now)
    }

    pub(super) fn is_for(&self, names: &[String]) -> bool {
        let mut wanted = names.to_vec();
        wanted.sort_unstable();
        wanted.dedup();
        wanted == self.names
    }

    pub(super) fn without_expired(&self, now: SystemTime) -> Option<Material> {
        let kept: Vec<Authority> =
            self.authorities.iter().filter(|authority| !authority.expired(now)).cloned().collect();
        (kept.len() < self.authorities.len()).then(|| Material { authorities: kept, ..self.clone() })
    }

    pub(super) fn with_next(&self, lives: Lives, now: SystemTime) -> Result<Material, AuthorityError> {
        let (next, key) = authority(lives.authority, now)?;
        let mut material = self.clone();
        material.authorities.insert(1, next);
        material.next_key = Some(key);
        Ok(material)
    }

    /// The next authority signs from now on; the old one is still trusted.
    pub(super) fn taken_over(
        &self,
        names: &[String],
        lives: Lives,
        now: SystemTime,
    ) -> Result<Material, AuthorityError> {
        let mut material = self.clone();
        if let Some(key) = material.next_key.take() {
            material.key = key;
            material.authorities.swap(0, 1);
        }
        material.renewed(names, lives, now)
    }

    pub(super) fn renewed(
        &self,
        names: &[String],
        lives: Lives,
        now: SystemTime,
    ) -> Result<Material, AuthorityError> {
        let (certificate, certificate_key, names) =
            certificate(self.authority(), &self.key, names, lives.certificate, now)?;
        Ok(Material { certificate, certificate_key, names, ..self.clone() })
    }
}

/// Clocks differ: what is valid now was valid a little earlier.
fn validity(params: &mut CertificateParams, life: Duration, now: SystemTime) {
    let skew = Duration::from_secs(3600).min(life / 10);
    params.not_before = now.checked_sub(skew).unwrap_or(now).into();
    params.not_after = (now + life).into();
}

fn authority(life: Duration, now: SystemTime) -> Result<(Authority, String), AuthorityError> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new(Vec::<String>::new())?;
    // A name of its own: two authorities of one name are told apart by their keys alone, which not every reader does.
    let digest = Sha256::digest(key.serialize_der());
    let id: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    params.distinguished_name.push(DnType::CommonName, format!("meshwright-webhook-ca-{id}"));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.use_authority_key_identifier_extension = true;
    validity(&mut params, life, now);
    let certificate = params.self_signed(&key)?;
    Ok((Authority::read(certificate.der(), CA_CERTIFICATES)?, key.serialize_pem()))
}

fn certificate(
    authority: &Authority,
    authority_key: &str,
    names: &[String],
    life: Duration,
    now: SystemTime,
) -> Result<(Authority, String, Vec<String>), AuthorityError> {
    let issuer = Issuer::from_ca_cert_pem(&authority.pem, KeyPair::from_pem(authority_key)?)?;
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name.push(DnType::CommonName, "meshwright-webhook");
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    validity(&mut params, life, now);
    let key = KeyPair::generate()?;
    let certificate = params.signed_by(&key, &issuer)?;
    let names = names_of(certificate.der())?;
    Ok((Authority::read(certificate.der(), CERTIFICATE)?, key.serialize_pem(), names))
}

/// The names and addresses that a certificate is for, in order.
fn names_of(der: &CertificateDer<'_>) -> Result<Vec<String>, AuthorityError> {
    let malformed = || AuthorityError::Malformed(CERTIFICATE);
    let (_, parsed) = x509_parser::parse_x509_certificate(der).map_err(|_| malformed())?;
    let extension = parsed.subject_alternative_name().map_err(|_| malformed())?;
    let mut names = Vec::new();
    for name in extension.iter().flat_map(|extension| &extension.value.general_names) {
        match name {
            GeneralName::DNSName(name) => names.push((*name).to_owned()),
            GeneralName::IPAddress(bytes) => {
                let v4 = <[u8; 4]>::try_from(*bytes).map(std::net::IpAddr::from);
                let v6 = || <[u8; 16]>::try_from(*bytes).map(std::net::IpAddr::from);
                names.extend(v4.or_else(|_| v6()).ok().map(|address| address.to_string()));
            }
            _ => {}
        }
    }
    names.sort_unstable();
    names.dedup();
    Ok(names)
}
