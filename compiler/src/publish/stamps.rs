//! What the file system said of files whose bytes are known, so that they need not be read again. Git's index does the
//! same (git: `Documentation/technical/racy-git.adoc`).
//!
//! A mark vouches for the bytes while device, inode, size, change time and modification time are those that were seen.
//! Programs can set a modification time, but not a change time. A file that changed twice within one tick of the file
//! system's clock has one change time with two contents; so a file that changed just before it was looked at gets no
//! mark, and is read the next time.

use std::collections::BTreeMap;
use std::fs::{self, Metadata};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::disk::in_parts;
use super::error::{PublishError, io_at};
use super::journal;
use super::manifest::{Digest, META_DIR, manifest_path};
use super::path::RelativePath;
use super::place::{Found, Places, look, out_exists};

/// The files of an output directory as they were written or read last, and how they are known again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamps {
    files: BTreeMap<RelativePath, Stamp>,
    manifest: Option<Stamp>,
}

/// The digest of a file, and what the file system says of it while it has that digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Stamp(Digest, Option<Mark>);

/// Device, inode, size in bytes, change time and modification time in nanoseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Mark(u64, u64, u64, i64, i64);

/// Nanoseconds between two ticks of a file system's clock, at most: 10 ms in Linux; the 2 s of FAT where times have whole
/// seconds only.
const TICK: i64 = 20_000_000;
const COARSE_TICK: i64 = 2_000_000_000;

impl Stamp {
    /// The stamp of a file that holds the bytes of that digest.
    pub(super) fn new(meta: &Metadata, digest: Digest) -> Stamp {
        Stamp(digest, Mark::of(meta).filter(|mark| mark.is_settled()))
    }

    /// The digest of the file's bytes, if the file is surely the one that was seen.
    fn vouch(self, meta: &Metadata) -> Option<Digest> {
        let Stamp(digest, mark) = self;
        mark.filter(|mark| Mark::of(meta) == Some(*mark)).map(|_| digest)
    }
}

impl Mark {
    #[cfg(unix)]
    fn of(meta: &Metadata) -> Option<Mark> {
        use std::os::unix::fs::MetadataExt;
        let time = |seconds: i64, rest: i64| seconds.checked_mul(1_000_000_000)?.checked_add(rest);
        let changed = time(meta.ctime(), meta.ctime_nsec())?;
        let modified = time(meta.mtime(), meta.mtime_nsec())?;
        Some(Mark(meta.dev(), meta.ino(), meta.size(), changed, modified))
    }

    /// Without change times nothing can be vouched for.
    #[cfg(not(unix))]
    fn of(_: &Metadata) -> Option<Mark> {
        None
    }

    /// Whether at most the change time is another one.
    fn is_but_linked(self, meta: &Metadata) -> bool {
        let Mark(device, inode, size, _, modified) = self;
        Mark::of(meta).is_some_and(|Mark(d, i, s, _, m)| (d, i, s, m) == (device, inode, size, modified))
    }

    /// Whether a further change would have another change time.
    fn is_settled(self) -> bool {
        let Mark(.., changed, _) = self;
        let tick = if changed % 1_000_000_000 == 0 { COARSE_TICK } else { TICK };
        let now = SystemTime::now().duration_since(UNIX_EPOCH).ok();
        let now = now.and_then(|now| i64::try_from(now.as_nanos()).ok());
        now.zip(changed.checked_add(tick)).is_some_and(|(now, settled)| settled < now)
    }
}

impl Stamps {
    /// The digest of the bytes of a file that was looked at, if they are known.
    pub(super) fn vouch(&self, path: &RelativePath, meta: &Metadata) -> Option<Digest> {
        self.files.get(path)?.vouch(meta)
    }

    /// Whether a file of `out` surely holds the bytes of that digest, as far as can be told without reading it.
    #[must_use]
    pub fn vouch_for(&self, out: &Path, path: &str, digest: Digest) -> bool {
        let known = self.files.get_key_value(path);
        known.is_some_and(|(path, stamp)| match look(&path.under(out)) {
            Ok(Found::File(meta)) => stamp.vouch(&meta) == Some(digest),
            _ => false,
        })
    }

    /// Takes these for the files of the directory.
    pub(super) fn set(&mut self, files: impl IntoIterator<Item = (RelativePath, Stamp)>) {
        self.files = files.into_iter().collect();
    }

    /// Adds the files that were written.
    pub(super) fn add(&mut self, out: &Path, written: &[(&RelativePath, Digest)]) {
        let look_again = |(path, digest): &(&RelativePath, Digest)| {
            let stamp = match look(&path.under(out)) {
                Ok(Found::File(meta)) => Stamp::new(&meta, *digest),
                _ => Stamp(*digest, None),
            };
            ((*path).clone(), stamp)
        };
        let parts = in_parts(written, |part| part.iter().map(look_again).collect::<Vec<_>>());
        self.files.extend(parts.into_iter().flatten());
    }

    /// Says that the files of `out` were given further names, or lost them, which counts as a change: each is known again
    /// while everything else is as it was.
    pub(super) fn linked_anew(&mut self, out: &Path) {
        let look_again = |part: &[(&RelativePath, &Stamp)]| -> Vec<Stamp> {
            let anew = |(path, Stamp(digest, mark)): &(&RelativePath, &Stamp)| match look(&path.under(out)) {
                Ok(Found::File(meta)) if mark.is_some_and(|mark| mark.is_but_linked(&meta)) => {
                    Stamp::new(&meta, *digest)
                }
                _ => Stamp(*digest, None),
            };
            part.iter().map(anew).collect()
        };
        let files: Vec<(&RelativePath, &Stamp)> = self.files.iter().collect();
        let anew = in_parts(&files, look_again).concat();
        self.files.values_mut().zip(anew).for_each(|(stamp, anew)| *stamp = anew);
    }

    /// Notes the manifest of all that.
    pub(super) fn seal(&mut self, out: &Path, manifest: &[u8]) {
        let digest = Digest::of(manifest);
        self.manifest = Some(match look(&manifest_path(out)) {
            Ok(Found::File(meta)) => Stamp::new(&meta, digest),
            _ => Stamp(digest, None),
        });
    }

    /// How many files there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.files.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// Whether `out` holds what was noted last, every file and the manifest, and no write was interrupted. Only files that
    /// cannot be told by looking at them are read.
    ///
    /// # Errors
    /// As [`super::plan`]: links, files that cannot be read.
    pub fn hold(&mut self, out: &Path) -> Result<bool, PublishError> {
        let Some(manifest) = self.manifest else { return Ok(false) };
        if !out_exists(out)? || journal::is_present(out)? {
            return Ok(false);
        }
        let staging = out.join(META_DIR).join("staging");
        if !matches!(look(&staging)?, Found::Nothing) {
            return Ok(false);
        }
        let Some(manifest) = again(&manifest_path(out), look(&manifest_path(out))?, manifest)? else {
            return Ok(false);
        };
        let files: Vec<(&RelativePath, Stamp)> =
            self.files.iter().map(|(path, stamp)| (path, *stamp)).collect();
        let parts = in_parts(&files, |part| {
            let mut places = Places::below(out);
            let mut stamps = Vec::new();
            for (path, stamp) in part {
                match again(&path.under(out), places.look(path)?, *stamp)? {
                    None => return Ok(None),
                    Some(new) if new != *stamp => stamps.push(((*path).clone(), new)),
                    Some(_) => {}
                }
            }
            Ok(Some(stamps))
        });
        let mut renewed = Vec::new();
        for part in parts {
            let part: Result<Option<Vec<_>>, PublishError> = part;
            match part? {
                Some(stamps) => renewed.extend(stamps),
                None => return Ok(false),
            }
        }
        self.files.extend(renewed);
        self.manifest = Some(manifest);
        Ok(true)
    }
}

/// The stamp of a file that still has the bytes it had.
fn again(path: &Path, found: Found, stamp: Stamp) -> Result<Option<Stamp>, PublishError> {
    let Found::File(meta) = found else { return Ok(None) };
    if stamp.vouch(&meta).is_some() {
        return Ok(Some(stamp));
    }
    let Stamp(digest, _) = stamp;
    let bytes = fs::read(path).map_err(io_at("read", path))?;
    Ok((Digest::of(&bytes) == digest).then(|| Stamp::new(&meta, digest)))
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::super::{Options, RelativePath, Tree, publish_known};
    use super::*;

    fn written(out: &Path, texts: &[(&str, &str)]) -> Stamps {
        let mut tree = Tree::new();
        for (path, text) in texts {
            tree.insert(RelativePath::new(*path).unwrap(), text.as_bytes().to_vec()).unwrap();
        }
        let mut stamps = Stamps::default();
        publish_known(out, &tree, &Options::default(), &mut stamps).unwrap();
        stamps
    }

    const FILES: [(&str, &str); 3] =
        [("PLAN.md", "plan"), ("clusters/a/x.yaml", "x: 1"), ("clusters/a/y.yaml", "y")];

    #[test]
    fn an_untouched_directory_holds() {
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("out");
        let mut stamps = written(&out, &FILES);
        assert_eq!(stamps.len(), 3);
        assert!(stamps.hold(&out).unwrap());
        let as_text = serde_json::to_string(&stamps).unwrap();
        let mut read: Stamps = serde_json::from_str(&as_text).unwrap();
        assert_eq!(read, stamps);
        assert!(read.hold(&out).unwrap());
        // Somebody else's files do not matter.
        fs::write(out.join("clusters/a/other.yaml"), "").unwrap();
        assert!(read.hold(&out).unwrap());
        // A touched file with the same bytes is read again and holds.
        fs::write(out.join("PLAN.md"), "plan").unwrap();
        assert!(read.hold(&out).unwrap());
    }

    #[test]
    fn any_change_is_seen() {
        let change: [fn(&Path); 9] = [
            |out| fs::write(out.join("clusters/a/x.yaml"), "x: 2").unwrap(),
            |out| fs::write(out.join("PLAN.md"), "longer plan").unwrap(),
            |out| fs::remove_file(out.join("clusters/a/y.yaml")).unwrap(),
            |out| fs::write(out.join(".meshwright/manifest.json"), "{}").unwrap(),
            |out| fs::remove_file(out.join(".meshwright/manifest.json")).unwrap(),
            |out| fs::write(out.join(".meshwright/journal.json"), "{}").unwrap(),
            |out| fs::create_dir(out.join(".meshwright/staging")).unwrap(),
            |out| fs::remove_dir_all(out).unwrap(),
            |out| {
                // The size and the modification time are as before.
                let path = out.join("clusters/a/x.yaml");
                let modified = fs::metadata(&path).unwrap().modified().unwrap();
                fs::write(&path, "x: 3").unwrap();
                let file = fs::File::options().write(true).open(&path).unwrap();
                file.set_modified(modified).unwrap();
            },
        ];
        for (number, change) in change.into_iter().enumerate() {
            let dir = tempfile::tempdir().unwrap();
            let out = dir.path().join("out");
            let mut stamps = written(&out, &FILES);
            std::thread::sleep(std::time::Duration::from_millis(25));
            assert!(stamps.hold(&out).unwrap());
            change(&out);
            assert!(!stamps.hold(&out).unwrap(), "change {number}");
        }
    }

    #[test]
    fn a_link_is_refused_as_ever() {
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("out");
        let mut stamps = written(&out, &FILES);
        fs::rename(out.join("clusters"), dir.path().join("away")).unwrap();
        std::os::unix::fs::symlink(dir.path().join("away"), out.join("clusters")).unwrap();
        assert!(matches!(stamps.hold(&out), Err(PublishError::Symlink { .. })));
    }

    #[test]
    fn a_file_that_changed_just_now_has_no_mark() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x");
        fs::write(&path, "x").unwrap();
        let digest = Digest::of(b"x");
        let stamp = Stamp::new(&fs::metadata(&path).unwrap(), digest);
        std::thread::sleep(std::time::Duration::from_millis(25));
        let later = Stamp::new(&fs::metadata(&path).unwrap(), digest);
        assert_eq!(stamp.vouch(&fs::metadata(&path).unwrap()), None);
        assert_eq!(later.vouch(&fs::metadata(&path).unwrap()), Some(digest));
    }
}
