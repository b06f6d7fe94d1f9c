//! Push events of code hosts: who sent them, and whether they are about a push.
//!
//! Nothing in an event is believed but that something was pushed: what it was is read from the repository. So an event
//! that is sent again does no harm, and its body is not kept.
//!
//! - GitHub: `X-Hub-Signature-256: sha256=<hex>`, HMAC-SHA256 of the body by the secret (docs.github.com, "Validating
//!   webhook deliveries"); Gitea, Forgejo and Bitbucket send the same.
//! - Gitea, Forgejo, Gogs: `X-Gitea-Signature`, `X-Forgejo-Signature`, `X-Gogs-Signature`, the same without `sha256=`.
//! - GitLab: `X-Gitlab-Token`, the secret itself (docs.gitlab.com, "Webhooks", secret token).

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Headers with a signature of the body.
const SIGNATURES: [&str; 4] =
    ["x-hub-signature-256", "x-gitea-signature", "x-forgejo-signature", "x-gogs-signature"];

/// The header with GitLab's token.
const TOKEN: &str = "x-gitlab-token";

/// Headers with the kind of an event.
const KINDS: [&str; 5] =
    ["x-github-event", "x-gitea-event", "x-forgejo-event", "x-gogs-event", "x-gitlab-event"];

/// What all hosts call a push, of a branch or a tag; a system hook of GitLab says only that it is one.
const PUSHES: [&str; 4] = ["push", "Push Hook", "Tag Push Hook", "System Hook"];

/// Fewer bytes can be guessed.
const SHORTEST_SECRET: usize = 16;

/// Secrets that senders may use: more than one while they change.
#[derive(Clone)]
pub struct Secrets(Vec<String>);

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Secrets({})", self.0.len())
    }
}

/// Why secrets were refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// There is none.
    #[error("there is no secret in it")]
    None,
    /// One is too short.
    #[error("a secret of fewer than 16 bytes can be guessed")]
    Short,
}

impl Secrets {
    /// One secret a line.
    ///
    /// # Errors
    /// There is none, or one is too short.
    pub fn parse(text: &str) -> Result<Secrets, SecretError> {
        let secrets: Vec<String> =
            text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect();
        if secrets.is_empty() {
            return Err(SecretError::None);
        }
        if secrets.iter().any(|secret| secret.len() < SHORTEST_SECRET) {
            return Err(SecretError::Short);
        }
        Ok(Secrets(secrets))
    }
}

/// A body while it comes in.
#[derive(Debug)]
pub(super) struct Body {
    /// What has to come out, for signed bodies.
    signature: Option<Vec<u8>>,
    macs: Vec<Hmac<Sha256>>,
    /// Whether the token is right, for those without a signature.
    token: bool,
}

/// Headers, by lower-case name.
pub(super) trait Headers {
    /// The value, if it is text.
    fn header(&self, name: &str) -> Option<&str>;
}

/// Whether the event is about a push; nothing that says of what kind it is counts as one, since it is authenticated.
pub(super) fn is_push(headers: &impl Headers) -> bool {
    let kinds: Vec<&str> = KINDS.iter().filter_map(|name| headers.header(name)).collect();
    kinds.is_empty() || kinds.iter().any(|kind| PUSHES.contains(kind))
}

impl Body {
    /// Nothing if the headers claim no authenticity at all.
    pub(super) fn new(headers: &impl Headers, secrets: &Secrets) -> Option<Body> {
        let mac = |secret: &String| Hmac::<Sha256>::new_from_slice(secret.as_bytes()).ok();
        let macs: Vec<Hmac<Sha256>> = secrets.0.iter().filter_map(mac).collect();
        if let Some(signature) = SIGNATURES.iter().find_map(|name| headers.header(name)) {
            let hex = signature.strip_prefix("sha256=").unwrap_or(signature);
            return Some(Body { signature: Some(decode(hex)?), macs, token: false });
        }
        let token = headers.header(TOKEN)?;
        Some(Body {
            signature: None,
            macs: Vec::new(),
            token: secrets.0.iter().any(|secret| same(secret, token)),
        })
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.macs.iter_mut().for_each(|mac| mac.update(bytes));
    }

    /// Whether the sender knew a secret. Comparing takes the same time wherever they differ.
    pub(super) fn authentic(self) -> bool {
        match self.signature {
            Some(signature) => self.macs.into_iter().any(|mac| mac.verify_slice(&signature).is_ok()),
            None => self.token,
        }
    }
}

/// Compares by MACs, whose comparison takes the same time wherever the texts differ.
fn same(secret: &str, token: &str) -> bool {
    let mac = |text: &str| {
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).ok()?;
        mac.update(text.as_bytes());
        Some(mac)
    };
    let (Some(wanted), Some(given)) = (mac(secret), mac(token)) else { return false };
    given.verify(&wanted.finalize().into_bytes()).is_ok()
}

fn decode(hex: &str) -> Option<Vec<u8>> {
    let (pairs, []) = hex.as_bytes().as_chunks::<2>() else { return None };
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    impl Headers for BTreeMap<&str, &str> {
        fn header(&self, name: &str) -> Option<&str> {
            self.get(name).copied()
        }
    }

    fn authentic(secrets: &str, headers: &[(&'static str, &'static str)], body: &[u8]) -> Option<bool> {
        let headers: BTreeMap<&str, &str> = headers.iter().copied().collect();
        let mut check = Body::new(&headers, &Secrets::parse(secrets).unwrap())?;
        body.chunks(5).for_each(|chunk| check.update(chunk));
        Some(check.authentic())
    }

    // The example of docs.github.com, "Validating webhook deliveries".
    const SECRET: &str = "It's a Secret to Everybody";
    const SIGNATURE: &str = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
    const GITHUB: &str = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";

    #[test]
    fn signatures_of_the_hosts() {
        let body = b"Hello, World!";
        assert_eq!(authentic(SECRET, &[("x-hub-signature-256", GITHUB)], body), Some(true));
        assert_eq!(authentic(SECRET, &[("x-gitea-signature", SIGNATURE)], body), Some(true));
        assert_eq!(authentic(SECRET, &[("x-forgejo-signature", SIGNATURE)], body), Some(true));
        assert_eq!(authentic(SECRET, &[("x-hub-signature-256", GITHUB)], b"Hello, World?"), Some(false));
        let other = "another secret of some length";
        assert_eq!(authentic(other, &[("x-hub-signature-256", GITHUB)], body), Some(false));
        let both = format!("{other}\n{SECRET}\n");
        assert_eq!(
            authentic(&both, &[("x-hub-signature-256", GITHUB)], body),
            Some(true),
            "while they change"
        );
        for bad in ["", "sha256=", "sha256=zz", "sha256=75", "sha1=00", "757107"] {
            let answer = authentic(SECRET, &[("x-hub-signature-256", bad)], body);
            assert!(!answer.unwrap_or(false), "{bad}");
        }
        // A wrong signature is not saved by a right token.
        let mixed = [("x-hub-signature-256", "sha256=00"), ("x-gitlab-token", SECRET)];
        assert_eq!(authentic(SECRET, &mixed, body), Some(false));
    }

    #[test]
    fn tokens_of_gitlab() {
        assert_eq!(authentic(SECRET, &[("x-gitlab-token", SECRET)], b"{}"), Some(true));
        assert_eq!(authentic(SECRET, &[("x-gitlab-token", "it's a secret")], b"{}"), Some(false));
        assert_eq!(authentic(SECRET, &[("x-gitlab-token", "")], b"{}"), Some(false));
        assert_eq!(authentic(SECRET, &[], b"{}"), None);
    }

    #[test]
    fn only_pushes_count() {
        let push = |headers: &[(&'static str, &'static str)]| {
            is_push(&headers.iter().copied().collect::<BTreeMap<_, _>>())
        };
        assert!(push(&[("x-github-event", "push")]) && push(&[("x-gitlab-event", "Push Hook")]) && push(&[]));
        assert!(!push(&[("x-github-event", "ping")]) && !push(&[("x-gitlab-event", "Note Hook")]));
    }

    #[test]
    fn secrets_cannot_be_guessed_or_seen() {
        assert_eq!(Secrets::parse("\n \n").map(|_| ()), Err(SecretError::None));
        assert_eq!(Secrets::parse("short").map(|_| ()), Err(SecretError::Short));
        assert_eq!(format!("{:?}", Secrets::parse(SECRET).unwrap()), "Secrets(1)");
    }
}
