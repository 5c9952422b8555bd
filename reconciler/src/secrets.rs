//! Fetching secrets, late: after the plan was approved and before the first write.

use std::collections::{BTreeMap, BTreeSet};

use client::Outcome;
use schemas::{Diagnostic, Secret, Value, kinds, said_of_file};

use crate::config::{Loaded, VARIABLE_PREFIX};
use crate::plan::{Action, Plan};
use crate::server::{Look, read};
use crate::value::{SecretRef, Val};

/// Secrets by where they come from.
#[derive(Debug, Default)]
pub(crate) struct Secrets(BTreeMap<SecretRef, Secret>);

impl Secrets {
    pub(crate) fn get(&self, reference: &SecretRef) -> Option<Value> {
        self.0.get(reference).map(|secret| secret.expose().clone())
    }

    /// Fetches what can be had of `wanted`, and says of the others why they cannot.
    pub(crate) async fn fetch_some(
        wanted: BTreeSet<SecretRef>,
        variables: &BTreeMap<String, Secret>,
        server: &impl Look,
    ) -> (Self, Vec<Diagnostic>) {
        let (mut fetched, mut found) = (BTreeMap::new(), Vec::new());
        for reference in wanted {
            match fetch(&reference, variables, server).await {
                Ok(value) => drop(fetched.insert(reference, Secret::new(value))),
                Err(cause) => found.push(
                    Diagnostic::error(format!("the secret `{reference}` cannot be had"))
                        .because(cause)
                        .at_field(reference.to_string()),
                ),
            }
        }
        (Self(fetched), found)
    }
}

async fn fetch(
    reference: &SecretRef,
    variables: &BTreeMap<String, Secret>,
    server: &impl Look,
) -> Result<Value, String> {
    match reference {
        SecretRef::Env(_) | SecretRef::File(_) => {
            local(reference).unwrap_or_else(|| Err("it is not local".to_owned()))
        }
        SecretRef::Exec(command) => run(command).await,
        SecretRef::Kv { namespace, path, field } => kv(namespace, path, field, server).await,
        SecretRef::Variable(name) => {
            let value = variables.get(name).map(|secret| secret.expose().clone());
            value.ok_or_else(|| {
                format!("the variable `{name}` has no value in this run; give it with `-var {name}=…`, `-var-file`, or `{VARIABLE_PREFIX}{name}` in the environment")
            })
        }
        SecretRef::Literal(literal) => Ok(literal.value().expose().clone()),
    }
}

/// Warns of the secrets that applying `plan` needs and that are not at hand now: nothing is wrong yet, since
/// planning needs none. Commands are not run, and the server is not asked.
pub fn absent(plan: &Plan, loaded: &Loaded) -> Vec<Diagnostic> {
    let steps = plan.steps.iter().filter(|step| step.action.writes() && step.action != Action::Delete);
    let wanted: BTreeSet<SecretRef> =
        steps.flat_map(|step| step.fields.values()).flat_map(Val::secrets).collect();
    let warn = |reference: &SecretRef| {
        let cause = local(reference)?.err()?;
        let text = format!("the secret `{reference}` is not at hand");
        Some(
            Diagnostic::warning(text)
                .because(format!("{cause}; applying needs it"))
                .at_field(reference.to_string()),
        )
    };
    loaded.located(wanted.iter().filter_map(warn).collect())
}

/// A secret that is had without asking anybody; `None` for one that is not.
fn local(reference: &SecretRef) -> Option<Result<Value, String>> {
    match reference {
        SecretRef::Env(name) => Some(environment(name)),
        SecretRef::File(path) => Some(match std::fs::read_to_string(path) {
            Ok(text) => Ok(without_newline(&text)),
            Err(error) => Err(format!("the file `{path}` cannot be read: {}", said_of_file(&error))),
        }),
        _ => None,
    }
}

fn environment(name: &str) -> Result<Value, String> {
    match std::env::var(name) {
        Ok(text) if !text.is_empty() => Ok(text.into()),
        Ok(_) => Err(format!("the environment variable `{name}` is empty")),
        Err(std::env::VarError::NotPresent) => Err(format!("the environment variable `{name}` is not set")),
        Err(std::env::VarError::NotUnicode(_)) => {
            Err(format!("the environment variable `{name}` is no text"))
        }
    }
}

/// Editors and commands end text with a newline that is no part of a secret.
fn without_newline(text: &str) -> Value {
    text.strip_suffix('\n').map_or(text, |text| text.strip_suffix('\r').unwrap_or(text)).into()
}

async fn run(command: &[String]) -> Result<Value, String> {
    let (program, arguments) = command.split_first().ok_or("there is no command")?;
    let output = tokio::process::Command::new(program)
        .args(arguments)
        .stdin(std::process::Stdio::null())
        .stderr(std::process::Stdio::inherit())
        .output()
        .await
        .map_err(|error| format!("`{program}` cannot be run: {error}"))?;
    if !output.status.success() {
        return Err(format!("`{program}` ended with {}", output.status));
    }
    let text = String::from_utf8(output.stdout)
        .map_err(|_| format!("`{program}` wrote something that is no text"))?;
    Ok(without_newline(&text))
}

/// Reads a field of a secret, in a key/value engine of either version.
async fn kv(namespace: &str, path: &str, field: &str, server: &impl Look) -> Result<Value, String> {
    let (kind, known) = kinds::secret_at(path);
    match read(server, kind, namespace, &known).await.map_err(|error| error.to_diagnostic().to_string())? {
        Outcome::Object(record) | Outcome::Unseen(record) => kinds::field_of_secret(&record, field)
            .map(|value| value.expose().clone())
            .ok_or_else(|| format!("`{path}` has no field `{field}`")),
        Outcome::Gone => Err(format!("there is no secret at `{path}`")),
    }
}
