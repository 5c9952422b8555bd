//! `lockstep validate`: what is wrong with a configuration. It asks no server.

use reconciler::Exit;

use crate::configuration::{self, Configuration};

/// Check a configuration without asking a server
#[derive(clap::Args, Debug)]
pub(crate) struct Command {
    #[command(flatten)]
    configuration: Configuration,
}

impl Command {
    pub(crate) fn run(self) -> Exit {
        match self.configuration.load() {
            Ok(loaded) => {
                let count = match loaded.desired.objects.len() {
                    1 => "1 object".to_owned(),
                    count => format!("{count} objects"),
                };
                configuration::show(&format!("The configuration is valid: it declares {count}.\n"));
                Exit::Done
            }
            Err(exit) => exit,
        }
    }
}
