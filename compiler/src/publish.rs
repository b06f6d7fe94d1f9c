//! Bringing an output directory to a rendered tree, all or nothing.
//!
//! [`publish`] does everything that a `render` does; [`plan`] alone is what `render --check` needs: it reads and
//! never writes. Whenever the process ends, it is the old tree or the new one:
//!
//! - **Where there is no output directory yet**, the tree is written to a sibling, `.<name>.meshwright-new`, which
//!   is then renamed.
//! - **Where there is one**, the new tree is made in the same sibling, with links to the files that do not change and to
//!   those of others, and the two directories are exchanged, which is one step of the file system. The sibling, now the old
//!   tree, is removed. What a killed process leaves of it, the next writer removes ([`recover`]).
//! - **Where it cannot be exchanged** (a Git repository's own directory, a mount point, the working directory, a
//!   file system that has no such step), the changed files are first written
//!   to `.meshwright/staging` and synced, with a journal that lists every rename and removal. Renaming the
//!   journal to `.meshwright/journal.json` decides: before that, the tree is the old one and the staging is waste;
//!   from then on it is the new one, of which some renames may be outstanding. [`recover`] does these, as often as
//!   it takes, and every writer calls it first. A reader that must not write sees [`Changes::unfinished`].
//!
//! The manifest, `.meshwright/manifest.json`, says which files are owned. Only they are replaced or removed; any
//! other file that is in the way is refused and named. A file is taken over without a word when it has the
//! rendered bytes already. Directories that become empty are removed. The lock, `.meshwright/lock`, is there
//! while something is written.
//!
//! A caller that keeps [`Stamps`] between two writes of a directory saves reading the files that it knows to be as they
//! were: [`publish_known`], [`plan_known`].
//!
//! Out of scope: a process of the same user that swaps directories for links *while* files are written. Links
//! that are there beforehand are refused.

mod apply;
mod disk;
mod error;
mod exchange;
mod fresh;
mod guard;
mod journal;
mod lock;
mod manifest;
mod path;
mod place;
mod plan;
mod sibling;
mod stamps;
mod tree;

#[cfg(test)]
mod kill_tests;
#[cfg(test)]
mod tests;

pub use apply::{apply, publish, publish_from, publish_known};
pub(crate) use error::list;
pub use error::{ContentError, PublishError};
pub use guard::Shrinkage;
pub(crate) use guard::check as check_shrinkage;
pub use journal::{Recovery, recover};
pub use manifest::{Digest, MANIFEST_FILE, META_DIR, Manifest, SOURCE_FILE, is_rendered_tree};
pub use path::{PathError, RelativePath};
pub(crate) use plan::manifest;
pub use plan::{Changes, Options, plan, plan_known};
pub use stamps::Stamps;
pub use tree::{Content, Tree, TreeError};
