//! The `meshwright` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    meshwright::cli::run()
}
