//! cert-manager's `Certificate`, as far as it makes istiod's signing certificate: the secret `cacerts`
//! (cert-manager/cert-manager: `pkg/apis/certmanager/v1/types_certificate.go`; istio/istio@1.31:
//! `pilot/pkg/bootstrap/istio_ca.go` takes the form of a TLS secret).

use super::{Kind, Mark, Reach, certificates};
use crate::claim::{At, CertificateFault, Claims, Fact};

/// `cert-manager.io/Certificate`.
pub(super) struct Certificate;

impl Kind for Certificate {
    fn group(&self) -> &'static str {
        "cert-manager.io"
    }

    fn kind(&self) -> &'static str {
        "Certificate"
    }

    fn plural(&self) -> &'static str {
        "certificates"
    }

    fn reach(&self) -> Reach {
        Reach::Marked(&[Mark::Expression(
            "has(self.spec) && has(self.spec.secretName) && self.spec.secretName == 'cacerts'",
        )])
    }

    fn claims(&self, object: &At<'_>, claims: &mut Claims) {
        let Some(spec) = object.get("spec") else { return };
        let Some(secret) = spec.get("secretName") else { return };
        if secret.str() != Some(certificates::SECRET) {
            return;
        }
        let namespace = claims.namespace.clone().unwrap_or_default();
        if let Some(duration) = spec.get("duration")
            && let Some(hours) = duration.str().and_then(hours)
        {
            claims.add(
                Fact::CertificateLifetime { namespace, is_root: false },
                &duration,
                format!("{hours}h"),
            );
        }
        // It is no authority unless it says so.
        if spec.text_of("isCA").as_deref() != Some("true") {
            let name = spec.text_of("commonName").or_else(|| object.text_at(&["metadata", "name"]));
            let at = spec.get("isCA").unwrap_or(secret);
            claims.add(Fact::CertificateFault(CertificateFault::NoAuthority), &at, name.unwrap_or_default());
        }
    }
}

/// A duration as Go writes it (`time.ParseDuration`), such as `8760h0m0s`, in hours rounded down.
fn hours(text: &str) -> Option<u64> {
    const UNITS: [(&str, f64); 7] =
        [("ns", 1e-9), ("us", 1e-6), ("µs", 1e-6), ("ms", 1e-3), ("h", 3600.0), ("m", 60.0), ("s", 1.0)];
    let mut rest = text.trim().trim_start_matches('+');
    let mut seconds = 0.0_f64;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, after) = rest.split_at_checked(end)?;
        let (unit, size) = UNITS.iter().find(|(unit, _)| after.starts_with(unit))?;
        seconds += number.parse::<f64>().ok()? * size;
        rest = after.get(unit.len()..)?;
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a float cast saturates")]
    let hours = (seconds / 3600.0).floor() as u64;
    Some(hours)
}

#[cfg(test)]
mod tests {
    use super::hours;

    #[test]
    fn durations_are_read_as_go_reads_them() {
        let read = [
            ("8760h", Some(8760)),
            ("8760h0m0s", Some(8760)),
            ("87600h59m59.9s", Some(87600)),
            ("90m", Some(1)),
            ("3600000ms", Some(1)),
            ("1.5h30m", Some(2)),
            ("", None),
            ("1y", None),
            ("12", None),
            ("h", None),
        ];
        for (text, expected) in read {
            assert_eq!(hours(text), expected, "{text}");
        }
    }
}
