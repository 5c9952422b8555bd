//! Where the programs under test and their peers are.

use std::env;
use std::path::{Path, PathBuf};

/// Names the programs that this run does without, separated by commas (`openbao`, `terraform`).
pub const WITHOUT: &str = "LOCKSTEP_WITHOUT";

/// Whether `cargo xtask test --without NAME` was asked for.
#[must_use]
pub fn without(name: &str) -> bool {
    env::var(WITHOUT).is_ok_and(|names| names.split(',').any(|each| each == name))
}

/// The workspace folder.
#[must_use]
pub fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the crate is a folder of the workspace")
        .to_path_buf()
}

/// The folder of this crate, which holds the cases.
#[must_use]
pub fn cases() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// OpenBao's `bao`: `LOCKSTEP_BAO`, the one that `cargo xtask test` installed, or the one on the PATH.
///
/// # Errors
/// When there is none.
pub fn bao() -> Result<PathBuf, String> {
    let installed = built_folder()?.parent().map(|target| target.join("venv/bin/bao"));
    from_environment("LOCKSTEP_BAO")
        .or(installed.filter(|path| path.is_file()))
        .or_else(|| on_path("bao"))
        .ok_or_else(|| {
            missing("OpenBao (`bao`)", "`cargo xtask test` installs it, `--without openbao` leaves it out")
        })
}

/// `terraform`: `LOCKSTEP_TERRAFORM`, or the one on the PATH.
///
/// # Errors
/// When there is none.
pub fn terraform() -> Result<PathBuf, String> {
    from_environment("LOCKSTEP_TERRAFORM").or_else(|| on_path("terraform")).ok_or_else(|| {
        missing(
            "`terraform`",
            "install Terraform 1.11 or newer, or run `cargo xtask test --without terraform`",
        )
    })
}

/// Our binary with this name, from the folder `LOCKSTEP_PROGRAMS` or the one that this workspace builds into.
///
/// # Errors
/// When it is not built.
pub fn ours(name: &str) -> Result<PathBuf, String> {
    let folder = from_environment("LOCKSTEP_PROGRAMS").map_or_else(built_folder, Ok)?;
    let path = folder.join(name);
    if path.is_file() {
        return Ok(path);
    }
    Err(missing(
        &format!("`{}`", path.display()),
        "run `cargo build --workspace --bins`, or `cargo xtask test`",
    ))
}

/// The folder that the workspace's binaries are built into (`target/debug`), next to this test's own.
///
/// # Errors
/// When the running program is not where cargo puts tests.
pub fn built_folder() -> Result<PathBuf, String> {
    let own = env::current_exe().map_err(|error| format!("the path of the running test: {error}"))?;
    let folder = own.parent().and_then(Path::parent);
    folder.map(Path::to_path_buf).ok_or_else(|| format!("`{}` is not in a target folder", own.display()))
}

fn from_environment(variable: &str) -> Option<PathBuf> {
    env::var_os(variable).map(PathBuf::from)
}

fn on_path(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|folder| folder.join(name)).find(|candidate| candidate.is_file())
}

fn missing(what: &str, hint: &str) -> String {
    format!("{what} is missing\nhint: {hint}")
}
