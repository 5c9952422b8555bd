//! The project's own commands, run as `cargo xtask COMMAND`.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command talks to the person who runs it")]

mod background;
mod bench;
mod demo;
mod fuzz;
mod generate;
mod http;
mod lint;
mod oracle;
mod shell;
mod test;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "The project's own commands")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Measure the provider, the server against OpenBao, and the reconciler
    Bench(bench::Options),
    /// Show the whole way through: plan, apply, drift, and a Terraform configuration
    Demo,
    /// Feed the server's parsers and ids with bytes that look for the ways nobody thought of
    Fuzz(fuzz::Options),
    /// Write the generated files, or compare them
    Generate(generate::Options),
    /// Write where functions stand in the executable, after a look at which of them a server runs
    Layout,
    /// Formatting and lints, warnings denied
    Lint,
    /// Let many clients work on our server for a while: only expected answers, flat memory
    Soak(bench::soak::Options),
    /// Build everything and run every test, on our server and on OpenBao
    Test(test::Options),
}

fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Bench(options) => bench::run(&options),
        Command::Demo => demo::run(),
        Command::Fuzz(options) => fuzz::run(&options),
        Command::Generate(options) => generate::run(&options),
        Command::Layout => bench::layout::run(),
        Command::Lint => lint::run(),
        Command::Soak(options) => bench::soak::run(&options),
        Command::Test(options) => test::run(&options),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("error: {problem}");
            ExitCode::FAILURE
        }
    }
}
