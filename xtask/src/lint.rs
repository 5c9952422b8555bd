//! `cargo xtask lint`

use std::fs;
use std::path::{Path, PathBuf};

use crate::shell::{self, Done};

/// Formatting first: it takes a second.
pub(crate) fn run() -> Done {
    shell::run(&mut shell::cargo(&["fmt", "--all", "--check"]))?;
    formatted()?;
    shell::run(&mut shell::cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))
}

/// `cargo fmt` follows `mod` lines, and finds no file whose line a macro writes: so every source file is checked by
/// its name.
fn formatted() -> Done {
    let files = sources(&shell::workspace())?;
    println!("$ rustfmt --check --edition 2024 ({} files)", files.len());
    let mut check = shell::command("rustfmt");
    let status = shell::status(check.args(["--check", "--edition", "2024"]).args(&files))?;
    if status.success() {
        Ok(())
    } else {
        Err("not every source file is formatted; run `rustfmt` on them".into())
    }
}

/// The `.rs` files below `folder`, without hidden and built ones, in order.
fn sources(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let failed = |error| format!("`{}` cannot be read: {error}", folder.display());
    let mut entries: Vec<_> =
        fs::read_dir(folder).and_then(Iterator::collect::<Result<_, _>>).map_err(failed)?;
    entries.sort_by_key(fs::DirEntry::path);
    let mut found = Vec::new();
    for entry in entries {
        let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
        let is_folder = entry.file_type().map_err(failed)?.is_dir();
        if is_folder && name != "target" && !name.starts_with('.') {
            found.extend(sources(&path)?);
        } else if !is_folder && path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    Ok(found)
}
