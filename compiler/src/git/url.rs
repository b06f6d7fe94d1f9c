//! URLs of repositories as Git takes them, and what of them may be shown.

/// Whether a text names a repository elsewhere: `scheme://...`, or `user@host:path` as ssh writes it. Everything else is
/// a path (gitremote-helpers(7), git-fetch(1) "GIT URLS").
#[must_use]
pub fn is_url(text: &str) -> bool {
    if let Some((scheme, _)) = text.split_once("://") {
        return !scheme.is_empty()
            && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    }
    match text.split_once(':') {
        // `C:\path` is a path on Windows; `./a:b` is one everywhere.
        Some((host, _)) => host.len() > 1 && !host.contains(['/', '\\']) && !host.starts_with('.'),
        None => false,
    }
}

/// A URL without user information, query and fragment: safe to log, to store and to commit.
#[must_use]
pub fn redacted(url: &str) -> String {
    let url = redact_all(url);
    let shown = url.split(['?', '#']).next().unwrap_or(&url);
    crate::diagnostic::visible(shown, usize::MAX)
}

/// A text in which no URL has user information.
pub(super) fn redact_all(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + "://".len());
        shown.push_str(before);
        let end = after.find(|c: char| c == '/' || c.is_whitespace() || "'\"`<>".contains(c));
        let authority = after.get(..end.unwrap_or(after.len())).unwrap_or_default();
        // A password may hold an `@` of its own: what counts is the last.
        rest = authority.rfind('@').and_then(|at| after.get(at + 1..)).unwrap_or(after);
    }
    shown.push_str(rest);
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_and_paths_are_told_apart() {
        for url in
            ["https://a/b", "file:///a", "git@github.com:a/b.git", "host:a", "ssh://h/x", "git+ssh://h/x"]
        {
            assert!(is_url(url), "{url}");
        }
        for path in ["", ".", "a/b", "/a:b", "./a:b", "C:\\a", "../a", "rendered", "a/b://c", "://"] {
            assert!(!is_url(path), "{path}");
        }
    }

    #[test]
    fn nobody_sees_what_is_before_the_at() {
        for (url, shown) in [
            ("https://user:pass@host/r.git", "https://host/r.git"),
            ("https://token@host/r.git?x=secret#y", "https://host/r.git"),
            ("https://a:p@ss@host:8443/r", "https://host:8443/r"),
            ("https://host/a@b", "https://host/a@b"),
            ("git@github.com:a/b.git", "git@github.com:a/b.git"),
            ("/srv/git/a.git", "/srv/git/a.git"),
        ] {
            assert_eq!(redacted(url), shown);
        }
        let text = "cannot push to 'https://u:p@h/x' or https://t@h2/y";
        assert_eq!(redact_all(text), "cannot push to 'https://h/x' or https://h2/y");
    }
}
