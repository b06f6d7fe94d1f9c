//! The `meshwright-webhook` program: the place where admission will be served. It has no behaviour yet; policies and the
//! MeshDeclaration that it will judge by live in `meshwright-policies`.

use std::io::Write;
use std::process::ExitCode;

fn main() -> ExitCode {
    let text = concat!("meshwright-webhook ", env!("CARGO_PKG_VERSION"), " does not serve admission yet\n");
    let _unheard = std::io::stderr().write_all(text.as_bytes());
    ExitCode::from(2)
}
