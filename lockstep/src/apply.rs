//! `lockstep apply`: doing what a plan says.

use std::collections::BTreeMap;
use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};

use client::Client;
use reconciler::saved::{self, NotApplied, Saved};
use reconciler::{Exit, Plan, Sources, apply, apply_until, config, exit, render};
use schemas::{Diagnostic, Place, said_of_file};

use crate::configuration::{self, Bar, Choice, Comparison, Configuration, complain, fail};
use crate::signals;

/// Make the server as declared
#[derive(clap::Args, Debug)]
pub(crate) struct Command {
    #[command(flatten)]
    configuration: Configuration,
    #[command(flatten)]
    comparison: Comparison,
    #[command(flatten)]
    choice: Choice,
    /// Do not ask
    #[arg(long)]
    auto_approve: bool,
}

type Variables = BTreeMap<String, schemas::Secret>;

impl Command {
    pub(crate) async fn run(self) -> Exit {
        let outcome = match self.saved_plan() {
            Some(path) => self.apply_saved(&path).await,
            None => self.apply_declared().await,
        };
        outcome.unwrap_or_else(|exit| exit)
    }

    /// The one path, if it is a plan: a file of any name but that of a declaration.
    fn saved_plan(&self) -> Option<PathBuf> {
        let [path] = self.configuration.paths.as_slice() else { return None };
        let has = |wanted: &str| path.extension().is_some_and(|extension| extension == wanted);
        (has("json") || (path.is_file() && !has("hcl"))).then(|| path.clone())
    }

    async fn apply_declared(&self) -> Result<Exit, Exit> {
        let loaded = self.configuration.load()?;
        let may_ask = std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
        if !self.auto_approve && !may_ask {
            let text = Diagnostic::error("nobody is there to approve the plan")
                .because("this is no terminal")
                .hint("approve it beforehand with `-auto-approve`, or apply a plan saved with `lockstep plan -out plan.json`");
            return Err(fail(&text));
        }
        let client = configuration::client()?;
        let plan = self.comparison.plan(&client, &loaded, &self.choice.policy()).await?;
        configuration::show(&render::plan(&plan, configuration::style()));
        let planned = exit::of_plan(&plan);
        if planned == Exit::Blocked {
            configuration::say("Nothing was done, since something is blocked.");
        }
        if planned != Exit::Changes {
            return Ok(planned);
        }
        if !self.auto_approve {
            self.approved()?;
            let bar = Bar::new("looking again");
            let changed = apply::stale(&plan, &client, &|done, all| bar.at(done, all)).await;
            drop(bar);
            let changed = changed.map_err(|error| fail(&error.to_diagnostic()))?;
            if !changed.is_empty() {
                let what =
                    |address| Diagnostic::error(format!("`{address}` was changed since the plan was made"));
                return Err(stale(changed.iter().map(what).collect()));
            }
        }
        let place = |found| (loaded.located(found), loaded.sources.clone());
        execute(&plan, &client, &loaded.secrets, place).await
    }

    /// Asks. Only `yes` is yes.
    fn approved(&self) -> Result<(), Exit> {
        let _ = write!(std::io::stderr(), "\nDo this? Only `yes` is taken as approval: ");
        let _ = std::io::stderr().flush();
        let mut answer = String::new();
        let read = std::io::stdin().read_line(&mut answer);
        if read.is_ok() && answer.trim() == "yes" {
            return Ok(());
        }
        configuration::say("Nothing was done.");
        Err(Exit::Error)
    }

    /// A saved plan is done as it is, or not at all.
    fn refuse_decided(&self) -> Result<(), Exit> {
        let flags =
            self.choice.decided().chain(self.comparison.decided()).chain(self.configuration.decided());
        let flags: Vec<String> = flags.map(|flag| format!("`{flag}`")).collect();
        if flags.is_empty() {
            return Ok(());
        }
        let text = Diagnostic::error(format!("a saved plan cannot be applied with {}", flags.join(", ")))
            .because("what it does was decided when it was made")
            .hint("give these flags to `lockstep plan -out`");
        Err(fail(&text))
    }

    async fn apply_saved(&self, path: &Path) -> Result<Exit, Exit> {
        self.refuse_decided()?;
        let saved = read(path)?;
        // Values of sensitive variables are in no plan: they are given again.
        let variables = config::values(saved.variables(), &self.configuration.options());
        let variables = variables.map_err(|found| {
            complain(&found, &Sources::default());
            Exit::Error
        })?;
        let places = saved.places().clone();
        let client = configuration::client()?;
        let bar = Bar::new("looking again");
        let checked = saved.check(&client, client.address(), &|done, all| bar.at(done, all)).await;
        drop(bar);
        let plan = match checked {
            Ok(plan) => plan,
            Err(NotApplied::Stale(changed)) => return Err(stale(changed)),
            Err(NotApplied::Error(error)) => return Err(fail(&error.to_diagnostic())),
        };
        let planned = exit::of_plan(&plan);
        if planned != Exit::Changes {
            configuration::show(&render::plan(&plan, configuration::style()));
            return Ok(planned);
        }
        execute(&plan, &client, &variables, |found| (named(found, &places), Sources::default())).await
    }
}

fn read(path: &Path) -> Result<Saved, Exit> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        let text = format!("the plan `{}` cannot be read", path.display());
        let found = Diagnostic::error(text).because(said_of_file(&error));
        fail(&found.hint("name the file that `lockstep plan -out=FILE` wrote"))
    })?;
    saved::decode(&text).map_err(|error| fail(&error))
}

/// Findings about secrets, with where the configuration named them.
fn named(found: Vec<Diagnostic>, places: &BTreeMap<String, String>) -> Vec<Diagnostic> {
    let name = |found: Diagnostic| match &found.place {
        Some(Place::Field(secret)) => match places.get(secret) {
            Some(place) => found.hint(format!("it is named in {place}")),
            None => found,
        },
        _ => found,
    };
    found.into_iter().map(name).collect()
}

/// The most of what changed that is named.
const MOST_NAMED: usize = 10;

fn stale(changed: Vec<Diagnostic>) -> Exit {
    fail(&one_of_all(changed));
    Exit::Stale
}

/// One error for all that changed, since it is one fact that nothing can be done about but to plan again.
fn one_of_all(changed: Vec<Diagnostic>) -> Diagnostic {
    let rest = changed.len().saturating_sub(MOST_NAMED);
    let much = format!("{} things are not as they were when it was made:", changed.len());
    let mut lines = if changed.len() == 1 { Vec::new() } else { vec![much] };
    let said = |found: &Diagnostic| Diagnostic { hints: Vec::new(), ..found.clone() }.to_string();
    lines.extend(changed.iter().take(MOST_NAMED).map(said));
    lines.extend((rest > 0).then(|| format!("and {rest} more")));
    let found = Diagnostic::error("the plan is stale, and nothing was written").because(lines.join("\n"));
    let mut hints: Vec<String> = changed.into_iter().take(MOST_NAMED).flat_map(|found| found.hints).collect();
    hints.dedup();
    hints.into_iter().fold(found, Diagnostic::hint).hint("plan again")
}

/// Does it. `place` gives findings their places, and the files that these are in.
async fn execute(
    plan: &Plan,
    client: &Client,
    variables: &Variables,
    place: impl FnOnce(Vec<Diagnostic>) -> (Vec<Diagnostic>, Sources),
) -> Result<Exit, Exit> {
    let bar = Bar::new("applying");
    let stopped = signals::stop(&bar).map_err(|error| {
        fail(
            &Diagnostic::error("nothing was written, since signals cannot be waited for")
                .because(error.to_string()),
        )
    })?;
    let journal = apply_until(plan, client, variables, &|done, all| bar.at(done, all), &stopped).await;
    bar.hide();
    let journal = journal.map_err(|found| {
        let (mut found, sources) = place(found);
        found.push(Diagnostic::error("nothing was written, since not all values can be had"));
        complain(&found, &sources);
        Exit::Error
    })?;
    configuration::show(&render::journal(&journal, configuration::style()));
    Ok(exit::of_apply(plan, &journal))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(count: usize) -> Vec<Diagnostic> {
        (0..count).map(|index| Diagnostic::error(format!("`policy.p{index}` was changed"))).collect()
    }

    #[test]
    fn a_stale_plan_is_one_error_that_names_ten_of_what_changed() {
        let many = one_of_all(changed(18));
        assert!(many.detail.starts_with("18 things are not as they were when it was made:\n`policy.p0` was"));
        assert!(many.detail.ends_with("`policy.p9` was changed\nand 8 more"), "{many}");
        assert_eq!(many.hints, ["plan again"]);
        assert!(!one_of_all(changed(10)).detail.contains("more"));
    }

    #[test]
    fn hints_of_what_changed_are_kept() {
        let other = Diagnostic::error("the plan was made in `a`, and is applied in `b`").hint("set it");
        let one = one_of_all(vec![other]);
        assert_eq!(one.hints, ["set it", "plan again"]);
        assert_eq!(one.detail, "the plan was made in `a`, and is applied in `b`");
    }
}
