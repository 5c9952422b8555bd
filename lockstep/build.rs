//! Tells the linker where functions stand in the executable.

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=layout.ld");
    let is = |name: &str, value: &str| env::var(name).is_ok_and(|found| found == value);
    // mold takes no such scripts. Without it the server does the same, in more memory.
    let is_mold = env::var("CARGO_ENCODED_RUSTFLAGS").is_ok_and(|flags| flags.contains("mold"));
    if is("CARGO_CFG_TARGET_OS", "linux") && is("PROFILE", "release") && !is_mold {
        println!("cargo::rustc-link-arg-bins=-Wl,-T,{}/layout.ld", env!("CARGO_MANIFEST_DIR"));
    }
}
