//! The `meshwright-webhook` program.
fn main() {}
