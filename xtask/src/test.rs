//! `cargo xtask test`

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::oracle;
use crate::shell::{self, Done};

#[derive(Args)]
pub(crate) struct Options {
    /// Leave out the tests that need this program; without it, a missing program is a failure
    #[arg(long, value_enum)]
    without: Vec<Peer>,
    /// Passed on to the tests: a part of their names, or options of the test harness
    #[arg(last = true)]
    filter: Vec<String>,
}

/// A program that is not ours.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Peer {
    Openbao,
    Terraform,
}

impl Peer {
    fn name(self) -> &'static str {
        match self {
            Self::Openbao => "openbao",
            Self::Terraform => "terraform",
        }
    }
}

/// Finds the peers, builds everything, and runs `cargo test`.
pub(crate) fn run(options: &Options) -> Done {
    let peers = peers(&options.without)?;
    // Tests of one crate run the binaries of others, which `cargo test` alone does not build.
    shell::run(&mut shell::cargo(&["build", "--workspace", "--bins"]))?;
    let mut tests = shell::cargo(&["test", "--workspace", "--no-fail-fast"]);
    if !options.filter.is_empty() {
        tests.arg("--").args(&options.filter);
    }
    let without: Vec<&str> = options.without.iter().map(|peer| peer.name()).collect();
    tests.envs(peers).env("LOCKSTEP_WITHOUT", without.join(","));
    shell::run(&mut tests)
}

/// Environment that tells the tests where the peers are.
fn peers(without: &[Peer]) -> Result<Vec<(&'static str, PathBuf)>, String> {
    let mut found = Vec::new();
    if !without.contains(&Peer::Terraform) {
        let terraform = shell::on_path("terraform").ok_or(
            "`terraform` is not on the PATH\n\
             hint: install Terraform 1.11 or newer, or leave its tests out with `--without terraform`",
        )?;
        found.push(("LOCKSTEP_TERRAFORM", terraform));
    }
    if !without.contains(&Peer::Openbao) {
        found.push(("LOCKSTEP_BAO", oracle::bao()?));
    }
    Ok(found)
}
