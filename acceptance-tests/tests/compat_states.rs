//! Replaced below.
fn main() {}
