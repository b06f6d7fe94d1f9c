//! The `meshwright` program.
fn main() {}
