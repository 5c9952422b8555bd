//! `lockstep drift`: how the server differs from what is declared. It cannot write.

use reconciler::{Address, Exit, Policy, exit, render};

use crate::configuration::{self, Comparison, Configuration, address};

/// Show how the server differs from what is declared; changes nothing
#[derive(clap::Args, Debug)]
pub(crate) struct Command {
    #[command(flatten)]
    configuration: Configuration,
    #[command(flatten)]
    comparison: Comparison,
    /// Look at this object alone, with what it holds and needs
    #[arg(long = "target", value_name = "ADDRESS", value_parser = address)]
    targets: Vec<Address>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Command {
    pub(crate) async fn run(self) -> Exit {
        self.drift().await.unwrap_or_else(|exit| exit)
    }

    async fn drift(self) -> Result<Exit, Exit> {
        let loaded = self.configuration.load()?;
        let client = configuration::client()?;
        let policy = Policy { targets: self.targets.clone(), ..Policy::default() };
        let found = self.comparison.plan(&client, &loaded, &policy).await?;
        configuration::show(&match self.json {
            true => render::drift_json(&found),
            false => render::drift(&found, configuration::style()),
        });
        Ok(exit::of_drift(&found))
    }
}
