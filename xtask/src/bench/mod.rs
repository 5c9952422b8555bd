//! `cargo xtask bench`: figures to be read, not thresholds to be held.

mod provider;
mod proxy;
mod reconciler;
mod server;

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::shell::{self, Done};

pub(crate) use server::{layout, soak};

#[derive(Args)]
pub(crate) struct Options {
    /// Measure debug builds: quick to build, and good only for trying this command
    #[arg(long, global = true)]
    debug: bool,
    /// Measure what is built already
    #[arg(long, global = true)]
    no_build: bool,
    #[command(subcommand)]
    subject: Option<Subject>,
}

/// What is measured; without it everything, the server by a few workloads only.
#[derive(Subcommand)]
enum Subject {
    /// Start to handshake, and memory
    Provider,
    /// A plan of many objects
    Reconciler {
        /// Policies and roles that the reconciler plans
        #[arg(long, default_value_t = OBJECTS)]
        objects: usize,
    },
    /// Processor time, latency, syncs and memory beside OpenBao's
    Server(server::Options),
}

const OBJECTS: usize = 1000;

/// Measures and prints.
pub(crate) fn run(options: &Options) -> Done {
    let folder = shell::target().join(if options.debug { "debug" } else { "release" });
    if !options.no_build {
        build(options.debug)?;
        if !options.debug {
            return again(folder.join("xtask"));
        }
    }
    match &options.subject {
        Some(Subject::Provider) => provider::measure(&folder),
        Some(Subject::Reconciler { objects }) => reconciler::measure(&folder, *objects),
        Some(Subject::Server(options)) => server::measure(&folder, options),
        None => {
            provider::measure(&folder)?;
            server::measure(&folder, &server::Options::brief())?;
            reconciler::measure(&folder, OBJECTS)
        }
    }
}

fn build(debug: bool) -> Done {
    let mut arguments = vec!["build", "--workspace", "--bins"];
    if !debug {
        arguments.push("--release");
    }
    shell::run(&mut shell::cargo(&arguments))
}

/// Runs this command again as a release build: the load is made on the same processors as what it measures.
fn again(program: PathBuf) -> Done {
    let mut command = shell::command(program);
    command.args(std::env::args_os().skip(1)).arg("--no-build");
    match shell::status(&mut command)?.success() {
        true => Ok(()),
        false => Err("the measurement failed".to_owned()),
    }
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
