//! Tells the linker where functions stand in the executable.

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=layout.ld");
    let is = |name: &str, value: &str| env::var(name).is_ok_and(|found| found == value);
    // mold takes no such scripts. Without one the server does the same, in more memory.
    let names_mold = |name: &str| env::var(name).is_ok_and(|found| found.contains("mold"));
    let is_mold = names_mold("CARGO_ENCODED_RUSTFLAGS") || names_mold("RUSTC_LINKER");
    if is("CARGO_CFG_TARGET_OS", "linux") && is("PROFILE", "release") && !is_mold {
        println!("cargo::rustc-link-arg-bins=-T");
        println!("cargo::rustc-link-arg-bins={}/layout.ld", env!("CARGO_MANIFEST_DIR"));
    }
}
