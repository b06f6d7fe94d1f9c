//! `meshwright init`: intent to begin with.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, bail};

use super::{Outcome, terminal};
use crate::schema;

/// Write a small intent that renders as it is
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Directory to write it into; made if it does not exist
    dir: PathBuf,
}

/// The files: path and text.
const FILES: &[(&str, &str)] = &[
    ("mesh.yaml", include_str!("init/mesh.yaml")),
    ("networks.yaml", include_str!("init/networks.yaml")),
    ("clusters/east.yaml", include_str!("init/east.yaml")),
    ("clusters/west.yaml", include_str!("init/west.yaml")),
];

pub(super) fn run(args: &Args) -> anyhow::Result<Outcome> {
    let schemas = schema::files().into_iter().map(|(name, text)| (format!(".schema/{name}"), text));
    let files: Vec<(String, String)> =
        FILES.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).chain(schemas).collect();
    if let Some((path, _)) = files.iter().find(|(path, _)| args.dir.join(path).symlink_metadata().is_ok()) {
        bail!("`{}` is there already: nothing was written", args.dir.join(path).display());
    }
    for (path, text) in &files {
        let path = args.dir.join(path);
        let make = || -> std::io::Result<()> {
            if let Some(parent) = path.parent() {
                std::fs::create_dir_all(parent)?;
            }
            OpenOptions::new().write(true).create_new(true).open(&path)?.write_all(text.as_bytes())
        };
        make().with_context(|| format!("cannot write `{}`", path.display()))?;
    }
    let dir = args.dir.display();
    terminal::say(&format!(
        "wrote a mesh of two clusters into {dir}\n  judge it:  meshwright check {dir}\n  render it: meshwright render {dir} -o {dir}/rendered\n"
    ));
    Ok(Outcome::Clean)
}
