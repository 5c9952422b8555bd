//! `lockstep plan`: what would have to be done.

use std::path::PathBuf;

use reconciler::value::{SecretRef, Val};
use reconciler::{Exit, Loaded, Plan, exit, render, saved};
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
            self.guard_variables(&plan, &loaded).map_err(|error| configuration::fail(&error))?;
            let text = saved::encode(&plan).map_err(|error| configuration::fail(&error))?;
            configuration::write_private(path, &text).map_err(|error| {
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

    /// Sensitive variables are given again when a saved plan is applied, where nothing but their text is known.
    fn guard_variables(&self, plan: &Plan, loaded: &Loaded) -> Result<(), Diagnostic> {
        let given = self.configuration.texts();
        let values = plan.steps.iter().flat_map(|step| step.fields.values());
        let names = values.flat_map(Val::secrets).filter_map(|secret| match secret {
            SecretRef::Variable(name) => Some(name),
            _ => None,
        });
        let is_other = |name: &String| {
            let text = given.get(name).map(|secret| secret.expose());
            text != loaded.secrets.get(name).map(|secret| secret.expose())
        };
        let Some(name) = names.into_iter().find(is_other) else { return Ok(()) };
        let text = format!("a plan with the sensitive variable `{name}` cannot be saved");
        Err(Diagnostic::error(text)
            .because("its value is in no plan, and to give it again it must be text of the environment or of `-var`")
            .hint("give it so, without a file, a default or a type other than `string`; or apply without saving the plan"))
    }
}
