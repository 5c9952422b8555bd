//! `cargo xtask generate`

use clap::Args;

use crate::shell::Done;

#[derive(Args)]
pub(crate) struct Options {
    /// Compare with what is committed, and write nothing
    #[arg(long)]
    check: bool,
}

/// Writes or compares the generated files.
pub(crate) fn run(options: &Options) -> Done {
    let _ = options.check;
    Err("nothing is generated yet".to_owned())
}
