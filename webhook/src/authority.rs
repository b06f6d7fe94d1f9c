//! The program's own authority: what it holds, and when what becomes of it. No I/O and no clock.
//!
//! All replicas serve one certificate, from one Secret. Its authorities are published in the webhook's configuration
//! before anything that they signed is served:
//!
//! 1. At two thirds of an authority's life, the next one is made and published beside it. It signs nothing yet.
//! 2. When every API server has had the time to read both, the next one takes over, and signs a new certificate.
//! 3. The old one stays published until it expires; its key is forgotten at once.
//!
//! A certificate is renewed at two thirds of its own life by the authority that is there.

pub mod keeper;
mod material;

use std::time::{Duration, SystemTime};

pub use material::{
    Authority, AuthorityError, CA_CERTIFICATES, CA_KEY, CERTIFICATE, KEY, Material, NEXT_KEY,
};

/// Life of an authority.
pub const AUTHORITY_LIFE: Duration = Duration::from_secs(2 * 365 * 86_400);
/// Life of a certificate.
pub const CERTIFICATE_LIFE: Duration = Duration::from_secs(90 * 86_400);
/// How long after its publication an authority is known to every API server: they learn of a changed configuration
/// within seconds, by a watch.
pub const SETTLE: Duration = Duration::from_secs(60);

/// Lives, and the time that publication takes; tests have shorter ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lives {
    /// Of an authority.
    pub authority: Duration,
    /// Of a certificate.
    pub certificate: Duration,
    /// From publication to knowledge.
    pub settle: Duration,
}

impl Default for Lives {
    fn default() -> Lives {
        Lives { authority: AUTHORITY_LIFE, certificate: CERTIFICATE_LIFE, settle: SETTLE }
    }
}

/// What is known of the publication of the next authority.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Published {
    /// It is not in the configuration.
    No,
    /// It has been there for that long.
    For(Duration),
    /// Others publish it, and nobody here can see it.
    Unknown,
}

/// What becomes of the material at a moment: nothing when it stays as it is.
///
/// # Errors
/// When a certificate cannot be made, of a name that none can have.
pub fn next(
    material: Option<&Material>,
    names: &[String],
    published: Published,
    lives: Lives,
    now: SystemTime,
) -> Result<Option<Material>, AuthorityError> {
    let Some(material) = material else {
        return Material::new(names, lives, now).map(Some);
    };
    if material.authority().expired(now) {
        // Nobody kept it for a third of its life. What follows cannot be trusted before it is published anyway.
        return Material::new(names, lives, now).map(Some);
    }
    let authority = material.authority();
    let mut changed = material.without_expired(now);
    if material.has_next() {
        let may_take_over = match published {
            Published::No => false,
            Published::For(time) => time >= lives.settle,
            // Whoever publishes it had half of the time that was left.
            Published::Unknown => authority.lived(now) >= 5.0 / 6.0,
        };
        if may_take_over {
            return material.taken_over(names, lives, now).map(Some);
        }
    } else if authority.lived(now) >= 2.0 / 3.0 {
        changed = Some(changed.as_ref().unwrap_or(material).with_next(lives, now)?);
    }
    let current = changed.as_ref().unwrap_or(material);
    if current.certificate_lived(now) >= 2.0 / 3.0 || !current.is_for(names) {
        changed = Some(current.renewed(names, lives, now)?);
    }
    Ok(changed)
}

#[cfg(test)]
mod tests;
