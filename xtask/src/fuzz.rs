//! `cargo xtask fuzz`: the fuzz targets, on the stable toolchain.
//!
//! libFuzzer needs coverage counters in the code. `cargo fuzz` gets them with nightly flags; the same instrumentation
//! is a stable `-C` option of the compiler, only the address sanitizer is not, and the server has no unsafe code of
//! its own that would need it.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::shell::{self, Done};

/// The targets, each a file in `fuzz/targets/` and a folder in `fuzz/seeds/`.
const TARGETS: [&str; 4] = ["body", "ids", "path", "policy"];

/// What makes the compiler count which ways the code was gone.
const COVERAGE: &str = "--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
                        -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
                        -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares \
                        -Ccodegen-units=1";

#[derive(Args)]
pub(crate) struct Options {
    /// Targets to run; all if none is named
    #[arg(value_parser = TARGETS)]
    targets: Vec<String>,
    /// How long to run each of them
    #[arg(long, default_value_t = 10)]
    minutes: u64,
}

/// Builds the targets and runs them one after the other. What is found stays in `target/fuzz/found/`.
pub(crate) fn run(options: &Options) -> Done {
    let folder = shell::target().join("fuzz");
    let binaries = build(&folder)?;
    let named = options.targets.iter().map(String::as_str);
    let targets: Vec<&str> = if options.targets.is_empty() { TARGETS.to_vec() } else { named.collect() };
    for target in targets {
        run_one(target, &binaries, &folder, options.minutes)?;
    }
    Ok(())
}

fn build(folder: &Path) -> Result<PathBuf, String> {
    let host = host()?;
    let manifest = shell::workspace().join("fuzz/Cargo.toml");
    // With a target of its own, build scripts and macros are built without the counters.
    let mut cargo = shell::cargo(&["build", "--release", "--bins", "--target", &host, "--manifest-path"]);
    cargo.arg(manifest).arg("--target-dir").arg(folder).env("RUSTFLAGS", COVERAGE);
    shell::run(&mut cargo)?;
    Ok(folder.join(host).join("release"))
}

/// The triple of this machine.
fn host() -> Result<String, String> {
    let output = shell::command("rustc").arg("-vV").output().map_err(|error| format!("`rustc`: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).ok_or_else(|| "`rustc -vV` does not name its host".to_owned())
}

fn run_one(target: &str, binaries: &Path, folder: &Path, minutes: u64) -> Done {
    let (corpus, found) = (folder.join("corpus").join(target), folder.join("found").join(target));
    for folder in [&corpus, &found] {
        std::fs::create_dir_all(folder).map_err(|error| format!("`{}`: {error}", folder.display()))?;
    }
    let mut command = shell::command(binaries.join(target));
    command.arg(&corpus).arg(shell::workspace().join("fuzz/seeds").join(target));
    command
        .arg(format!("-max_total_time={}", minutes * 60))
        .arg(format!("-artifact_prefix={}/", found.display()));
    command.args(["-timeout=10", "-rss_limit_mb=2048", "-print_final_stats=1"]);
    shell::run(&mut command)
}
