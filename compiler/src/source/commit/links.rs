//! Where symbolic links of a commit lead to, in the commit.

use std::collections::BTreeMap;

/// Links that lead to links before it is a loop: Linux gives up at 40 too (path_resolution(7)).
const MOST_HOPS: usize = 40;

/// The links below the intent root: path in the repository, to the target as it was written.
pub(super) struct Links<'a>(BTreeMap<&'a [u8], &'a [u8]>);

/// Where a link ends.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// At a path of the repository, which need not exist.
    Inside(Vec<u8>),
    /// Out of the repository, at whatever lies on the machine.
    Outside,
    /// Nowhere.
    Loop,
}

impl<'a> FromIterator<(&'a [u8], &'a [u8])> for Links<'a> {
    fn from_iter<I: IntoIterator<Item = (&'a [u8], &'a [u8])>>(links: I) -> Links<'a> {
        Links(links.into_iter().collect())
    }
}

impl Links<'_> {
    /// Follows the link at `path` to its end, as the kernel does: `..` is the parent of where a link led to.
    pub(super) fn resolve(&self, path: &[u8]) -> Target {
        let mut left: Vec<&[u8]> = parts(path);
        let mut at: Vec<&[u8]> = Vec::new();
        let mut hops = 0;
        while let Some(part) = left.pop() {
            if part == b".." {
                if at.pop().is_none() {
                    return Target::Outside;
                }
                continue;
            }
            at.push(part);
            if let Some(target) = self.0.get(at.join(&b'/').as_slice()) {
                hops += 1;
                if hops > MOST_HOPS {
                    return Target::Loop;
                }
                if target.starts_with(b"/") {
                    return Target::Outside;
                }
                at.pop();
                left.extend(parts(target));
            }
        }
        Target::Inside(at.join(&b'/'))
    }
}

/// The parts of a path, the first one last.
fn parts(path: &[u8]) -> Vec<&[u8]> {
    let parts = path.split(|byte| *byte == b'/').filter(|part| !part.is_empty() && *part != b".");
    parts.rev().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_followed_as_the_kernel_does() {
        let links: Links<'_> = [
            (&b"a/x"[..], &b"../b"[..]),
            (b"b/y", b"./z/../w"),
            (b"loop", b"loop"),
            (b"etc", b"/etc"),
            (b"up", b"../out"),
            (b"many", b"a/x/y"),
        ]
        .into_iter()
        .collect();
        let inside = |path: &str| Target::Inside(path.as_bytes().to_vec());
        assert_eq!(links.resolve(b"a/x"), inside("b"));
        assert_eq!(links.resolve(b"a/x/../c"), inside("c"), "the parent of b, not of a/x");
        assert_eq!(links.resolve(b"many"), inside("b/w"));
        assert_eq!(links.resolve(b"loop"), Target::Loop);
        assert_eq!(links.resolve(b"etc"), Target::Outside);
        assert_eq!(links.resolve(b"up"), Target::Outside);
    }
}
