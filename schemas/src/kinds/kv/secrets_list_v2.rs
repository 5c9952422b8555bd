use crate::behavior::follow_table;
use crate::kinds::exchange::path;
use crate::kinds::kv::hidden;
use crate::shape::{List, MountPath, Sensitive};
use crate::{Answer, Behavior, Diagnostic, Kind, Method, Operation, Record, Request, Step, Value};

/// The names of the secrets in a folder of a key/value engine of version 2.
#[derive(schemas::Kind)]
#[kind(name = "kv_secrets_list_v2", class = Data, id = "{path}", behavior = ListNames)]
#[kind(read = "LIST {mount}/metadata/{name}")]
pub struct KvSecretsListV2 {
    /// Path of the engine.
    #[kind(key)]
    pub mount: MountPath,
    /// Folder to list. Absent: the whole engine's first level.
    #[kind(key)]
    pub name: Option<String>,
    /// Path that was listed.
    #[kind(local, output)]
    pub path: Option<String>,
    /// Names of secrets, and of folders with a slash at the end.
    #[kind(output, api = "keys")]
    pub names: Option<Sensitive<List<String>>>,
}

struct ListNames;

impl Behavior for ListNames {
    fn next(&self, kind: &Kind, operation: &Operation<'_>, answers: &[Answer]) -> Step {
        match (operation, answers) {
            (Operation::Read { prior }, []) => request(prior).map_or_else(Step::Failed, Step::Call),
            (Operation::Read { prior }, [answer, ..]) => done(prior, answer),
            _ => follow_table(kind, operation, answers),
        }
    }
}

fn request(config: &Record) -> Result<Request, Diagnostic> {
    let whole = config.text("name").is_empty();
    let template = if whole { "{mount}/metadata" } else { "{mount}/metadata/{name}" };
    Ok(Request::new(Method::List, path(template, config)?))
}

fn done(config: &Record, answer: &Answer) -> Step {
    // A list of nothing is answered as 404 without a word; a path that does not exist has one.
    let is_empty = answer.status == 404 && answer.errors().is_empty();
    if !answer.is_success() && !is_empty {
        return Step::Refused;
    }
    let names = answer.data().at("keys").as_list().unwrap_or_default().to_vec();
    let path = format!("{}/metadata/{}", config.text("mount"), config.text("name"));
    Step::Done(config.clone().with("path", path).with("names", hidden(Value::List(names))))
}
