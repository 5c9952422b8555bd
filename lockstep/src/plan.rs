//! `lockstep plan`: what would have to be done.

use std::path::PathBuf;

use reconciler::{Exit, exit, render, saved};
use schemas::Diagnostic;

use crate::configuration::{self, Choice, Configuration};

/// Show what would have to be done so that the server is as declared
#[derive(clap::Args, Debug)]
pub(crate) struct Command {
    #[command(flatten)]
    configuration: Configuration,
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
        let plan = self.configuration.plan(&client, &loaded, &self.choice.policy()).await?;
        if let Some(path) = &self.out {
            let text = saved::encode(&plan).map_err(|error| configuration::fail(&error))?;
            write_private(path, &text).map_err(|error| {
                let text = format!("the plan cannot be written to `{}`", path.display());
                configuration::fail(&Diagnostic::error(text).because(error.to_string()))
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

/// Writes a file that its owner alone may read: a plan has no secrets, and is nobody's business all the same.
fn write_private(path: &std::path::Path, text: &str) -> std::io::Result<()> {
    use std::io::Write as _;
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    options.open(path)?.write_all(text.as_bytes())
}
