//! `cargo xtask bench`: figures to be read, not thresholds to be held.

mod provider;
mod proxy;
mod reconciler;
mod server;

use std::path::PathBuf;

use clap::Args;

use crate::shell::{self, Done};

#[derive(Args)]
pub(crate) struct Options {
    /// Requests of each measurement of a server
    #[arg(long, default_value_t = 5000)]
    requests: usize,
    /// Measurements of each server, alternating; ratios are medians of them
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Connections that send at the same time
    #[arg(long, default_value_t = 4)]
    connections: usize,
    /// Policies and roles that the reconciler plans
    #[arg(long, default_value_t = 1000)]
    objects: usize,
    /// Measure debug builds: quick to build, and good only for trying this command
    #[arg(long)]
    debug: bool,
}

/// Measures and prints.
pub(crate) fn run(options: &Options) -> Done {
    let binaries = build(options.debug)?;
    provider::measure(&binaries)?;
    server::measure(&binaries, options)?;
    reconciler::measure(&binaries, options.objects)
}

fn build(debug: bool) -> Result<PathBuf, String> {
    let mut arguments = vec!["build", "--workspace", "--bins"];
    if !debug {
        arguments.push("--release");
    }
    shell::run(&mut shell::cargo(&arguments))?;
    Ok(shell::target().join(if debug { "debug" } else { "release" }))
}

/// The middle one of some figures.
fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}

/// A file of the system about a process.
fn read_proc(id: u32, file: &str) -> Result<String, String> {
    let path = format!("/proc/{id}/{file}");
    std::fs::read_to_string(&path).map_err(|error| format!("`{path}`: {error} (the figures need Linux)"))
}
