//! What `git` prints, read: pure functions over text.

use std::collections::BTreeMap;

use gix::ObjectId;

/// Refs of a remote.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RemoteRefs {
    ids: BTreeMap<String, ObjectId>,
    head: Option<String>,
}

impl RemoteRefs {
    /// What a ref points to; nothing if there is none. A tag of its own is not peeled.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<ObjectId> {
        self.ids.get(name).copied()
    }

    /// The branch that the remote's `HEAD` is: `refs/heads/main`.
    #[must_use]
    pub fn head(&self) -> Option<&str> {
        self.head.as_deref()
    }
}

/// Reads `git ls-remote --symref`. Git matches names by their end, so others than the named ones may be there.
pub(super) fn parse(text: &str, names: &[&str]) -> RemoteRefs {
    let mut refs = RemoteRefs::default();
    for line in text.lines() {
        let Some((what, name)) = line.split_once('\t') else { continue };
        if let Some(target) = what.strip_prefix("ref: ") {
            if name == "HEAD" {
                refs.head = Some(target.to_owned());
            }
        } else if names.contains(&name)
            && let Ok(id) = ObjectId::from_hex(what.as_bytes())
        {
            refs.ids.insert(name.to_owned(), id);
        }
    }
    refs
}

/// Major and minor of `git version 2.47.3`, `git version 2.39.5 (Apple Git-154)`.
pub(super) fn version(text: &str) -> Option<(u32, u32)> {
    let mut parts = text.strip_prefix("git version ")?.split(['.', ' ', '-']);
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

/// Name and address of `A U Thor <a@example.com> 1790000000 +0000`.
pub(super) fn identity(text: &str) -> Option<(String, String)> {
    let (name, rest) = text.split_once(" <")?;
    let (email, _) = rest.split_once('>')?;
    (!name.is_empty() && !email.is_empty()).then(|| (name.to_owned(), email.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0123456789012345678901234567890123456789";

    #[test]
    fn only_named_refs_are_taken() {
        let text = format!(
            "ref: refs/heads/main\tHEAD\n{ID}\tHEAD\n{ID}\trefs/heads/main\n{ID}\trefs/remotes/x/refs/heads/main\nwarning\n"
        );
        let refs = parse(&text, &["HEAD", "refs/heads/main", "refs/heads/rendered"]);
        assert_eq!(refs.head(), Some("refs/heads/main"));
        assert_eq!(refs.get("refs/heads/main").map(|id| id.to_string()).as_deref(), Some(ID));
        assert_eq!(refs.get("refs/heads/rendered"), None);
        assert_eq!(refs.get("refs/remotes/x/refs/heads/main"), None);
        assert_eq!(parse("", &["HEAD"]), RemoteRefs::default());
    }

    #[test]
    fn versions_of_all_vendors() {
        assert_eq!(version("git version 2.47.3"), Some((2, 47)));
        assert_eq!(version("git version 2.39.5 (Apple Git-154)"), Some((2, 39)));
        assert_eq!(version("git version 2.50.0.windows.1"), Some((2, 50)));
        assert_eq!(version("hub 1"), None);
    }

    #[test]
    fn identities() {
        let identity = |text| identity(text).map(|(name, email)| format!("{name}|{email}"));
        assert_eq!(identity("A U Thor <a@example.com> 1 +0000").as_deref(), Some("A U Thor|a@example.com"));
        assert_eq!(identity("<> 1 +0000"), None);
    }
}
