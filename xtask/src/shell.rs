//! Folders, and commands that the tasks run.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

/// What a task answers: nothing, or what went wrong, for people.
pub(crate) type Done = Result<(), String>;

/// The workspace folder.
pub(crate) fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the crate is a folder of the workspace")
        .to_path_buf()
}

/// The target folder.
pub(crate) fn target() -> PathBuf {
    let set = env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    workspace().join(set.unwrap_or_else(|| PathBuf::from("target")))
}

/// A command in the workspace folder.
pub(crate) fn command(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(program);
    command.current_dir(workspace());
    command
}

/// A `cargo` command in the workspace folder.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let mut command = command(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments);
    command
}

/// Runs a command, showing its output.
///
/// # Errors
/// When it ends with another exit code than 0.
pub(crate) fn run(command: &mut Command) -> Done {
    println!("$ {}", shown(command));
    let status = status(command)?;
    if status.success() { Ok(()) } else { Err(format!("`{}` ended with {status}", shown(command))) }
}

/// Runs a command, showing its output, and answers how it ended.
///
/// # Errors
/// When it cannot be started.
pub(crate) fn status(command: &mut Command) -> Result<ExitStatus, String> {
    command.status().map_err(|error| format!("`{}` cannot be started: {error}", shown(command)))
}

/// The first program with this name on the PATH.
pub(crate) fn on_path(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|folder| folder.join(name)).find(|candidate| candidate.is_file())
}

/// The command line, programs by name alone.
pub(crate) fn shown(command: &Command) -> String {
    let program =
        Path::new(command.get_program()).file_name().unwrap_or_default().to_string_lossy().into_owned();
    let arguments = command.get_args().map(|argument| argument.to_string_lossy().into_owned());
    std::iter::once(program).chain(arguments).collect::<Vec<_>>().join(" ")
}

/// Prefixes of variables that say which server a client talks to, and as whom.
const CLIENT_VARIABLES: &[&str] = &["BAO_", "TERRAFORM_VAULT_", "TF_", "TFC_", "VAULT_"];

/// `command` without the settings of the user's own clients: what is shown must not happen on their server.
pub(crate) fn isolated(command: &mut Command) -> &mut Command {
    for (name, _) in std::env::vars_os() {
        let is_theirs =
            name.to_str().is_some_and(|name| CLIENT_VARIABLES.iter().any(|prefix| name.starts_with(prefix)));
        if is_theirs {
            command.env_remove(&name);
        }
    }
    command
}
