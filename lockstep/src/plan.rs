//! `lockstep plan`: what would have to be done.

use std::path::PathBuf;

use reconciler::{Exit, exit, render, saved, secrets};
use schemas::{Diagnostic, said_of_file};

use crate::configuration::{self, Choice, Comparison, Configuration};

/// Show what would have to be done so that the server is as declared
#[derive(clap::Args, Debug)]
pub(crate) struct Command {
    #[command(flatten)]
    configuration: Configuration,
    #[command(flatten)]
    comparison: Comparison,
    #[command(flatten)]
    choice: Choice,
    /// Save the plan, for `lockstep apply FILE`
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Command {
    pub(crate) async fn run(self) -> Exit {
        self.plan().await.unwrap_or_else(|exit| exit)
    }

    async fn plan(self) -> Result<Exit, Exit> {
        let loaded = self.configuration.load()?;
        let client = configuration::client()?;
        let plan = self.comparison.plan(&client, &loaded, &self.choice.policy()).await?;
        configuration::complain(&secrets::absent(&plan, &loaded), &loaded.sources);
        if let Some(path) = &self.out {
            let text = saved::save(&plan, &loaded).map_err(|unsaved| {
                configuration::complain(&unsaved.found, &unsaved.sources);
                Exit::Error
            })?;
            configuration::write_private(path, &text).map_err(|error| {
                let text = format!("the plan cannot be written to `{}`", path.display());
                configuration::fail(
                    &Diagnostic::error(text)
                        .because(said_of_file(&error))
                        .hint("name a file in a folder that is there"),
                )
            })?;
        }
        configuration::show(&match self.json {
            true => render::plan_json(&plan),
            false => render::plan(&plan, configuration::style()),
        });
        if let (Some(path), true) = (&self.out, plan.writes()) {
            configuration::say(&format!("Saved. To do exactly this: lockstep apply {}", path.display()));
        }
        Ok(exit::of_plan(&plan))
    }
}
