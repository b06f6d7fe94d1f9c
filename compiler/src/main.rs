//! The `meshwright` program.

use std::process::ExitCode;

/// Threads that build trees of small values at once are what the C library's allocator is slow at.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    meshwright::cli::run()
}
