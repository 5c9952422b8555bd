//! `cargo xtask lint`

use crate::shell::{self, Done};

/// Formatting first: it takes a second.
pub(crate) fn run() -> Done {
    shell::run(&mut shell::cargo(&["fmt", "--all", "--check"]))?;
    shell::run(&mut shell::cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))
}
