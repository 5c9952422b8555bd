//! `cargo xtask generate`

use std::fs;
use std::path::Path;

use clap::Args;

use crate::shell::{self, Done};

#[derive(Args)]
pub(crate) struct Options {
    /// Compare with what is committed, and write nothing
    #[arg(long)]
    check: bool,
}

/// Writes or compares the generated files.
pub(crate) fn run(options: &Options) -> Done {
    let mut stale = Vec::new();
    for (name, text) in schemas::json_schema::generated() {
        let path = shell::workspace().join(&name);
        if fs::read_to_string(&path).is_ok_and(|found| found == text) {
            continue;
        }
        if !options.check {
            write(&path, &text)?;
            println!("wrote {name}");
        }
        stale.push(name);
    }
    if options.check && !stale.is_empty() {
        return Err(format!("not as generated: {}\nhint: cargo xtask generate", stale.join(", ")));
    }
    Ok(())
}

fn write(path: &Path, text: &str) -> Done {
    let problem = |error| format!("`{}`: {error}", path.display());
    path.parent().map_or(Ok(()), fs::create_dir_all).map_err(problem)?;
    fs::write(path, text).map_err(problem)
}
