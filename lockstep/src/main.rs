//! `lockstep`: keeps a Vault-compatible server in step with code.

mod apply;
mod configuration;
mod drift;
mod environment;
mod flags;
mod pid_file;
mod plan;
mod server;
mod signals;
mod validate;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "lockstep", version, about = "Keeps a Vault-compatible server in step with code")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    #[command(after_help = flags::SERVER)]
    Plan(plan::Command),
    #[command(after_help = format!("{}\n\n{}", flags::SAVED_PLANS, flags::SERVER))]
    Apply(apply::Command),
    #[command(after_help = flags::SERVER)]
    Drift(drift::Command),
    Server(server::Command),
    Validate(validate::Command),
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = match Arguments::try_parse_from(flags::normalized(std::env::args_os())) {
        Ok(arguments) => arguments,
        Err(error) => return flags::refuse(&error),
    };
    let exit = match arguments.command {
        Command::Plan(command) => command.run().await,
        Command::Apply(command) => command.run().await,
        Command::Drift(command) => command.run().await,
        Command::Server(command) => command.run().await,
        Command::Validate(command) => command.run(),
    };
    ExitCode::from(exit as u8)
}
