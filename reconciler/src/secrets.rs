//! Fetching secrets, late: after the plan was approved and before the first write.

use std::collections::{BTreeMap, BTreeSet};

use schemas::{Diagnostic, Request, Secret, Value};

use crate::server::Look;
use crate::value::SecretRef;

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
                    Diagnostic::error(format!("the secret `{reference}` cannot be had")).because(cause),
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
        SecretRef::Env(name) => match std::env::var(name) {
            Ok(text) if !text.is_empty() => Ok(text.into()),
            Ok(_) => Err(format!("the environment variable `{name}` is empty")),
            Err(std::env::VarError::NotPresent) => {
                Err(format!("the environment variable `{name}` is not set"))
            }
            Err(std::env::VarError::NotUnicode(_)) => {
                Err(format!("the environment variable `{name}` is no text"))
            }
        },
        SecretRef::File(path) => match std::fs::read_to_string(path) {
            Ok(text) => Ok(without_newline(&text)),
            Err(error) => Err(format!("the file `{path}` cannot be read: {error}")),
        },
        SecretRef::Exec(command) => run(command).await,
        SecretRef::Kv { path, field } => kv(path, field, server).await,
        SecretRef::Variable(name) => {
            let value = variables.get(name).map(|secret| secret.expose().clone());
            value.ok_or_else(|| format!("the variable `{name}` has no value in this run"))
        }
        SecretRef::Literal(literal) => Ok(literal.value().expose().clone()),
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
async fn kv(path: &str, field: &str, server: &impl Look) -> Result<Value, String> {
    let say = |error: client::Error| error.to_diagnostic().to_string();
    let mount =
        server.look("", &Request::get(format!("sys/internal/ui/mounts/{path}"))).await.map_err(say)?;
    let engine = mount.data().at("path").as_str().unwrap_or_default().to_owned();
    let versioned = mount.data().at("options.version").as_str() == Some("2");
    let path = match path.strip_prefix(&engine) {
        Some(name) if versioned => format!("{engine}data/{name}"),
        _ => path.to_owned(),
    };
    let answer = server.look("", &Request::get(path.as_str())).await.map_err(say)?;
    if !answer.is_success() {
        return Err(format!("reading `{path}` was answered with status {}", answer.status));
    }
    let data = if versioned { answer.data().at("data") } else { answer.data() };
    match data.as_map().and_then(|entries| entries.get(field)) {
        Some(value) if !value.is_null() => Ok(value.expose().clone()),
        _ => Err(format!("`{path}` has no field `{field}`")),
    }
}
