use std::collections::{BTreeSet, VecDeque};

use crate::behavior::follow_table;
use crate::shape::Set;
use crate::{Answer, Behavior, Kind, Method, Operation, Record, Request, Step, Value};

/// The namespaces in a namespace.
#[derive(schemas::Kind)]
#[kind(name = "namespaces", class = Data, behavior = Walk)]
#[kind(read = "LIST sys/namespaces")]
pub struct Namespaces {
    /// Also those in the namespaces found, and so on.
    #[kind(local, default = false)]
    pub recursive: Option<bool>,
    /// Paths in the namespace that was asked.
    #[kind(output, api = "keys")]
    pub paths: Option<Set<String>>,
    /// Paths with those of their parents.
    #[kind(local, output)]
    pub paths_fq: Option<Set<String>>,
}

/// One LIST for each namespace. A namespace below the one that is asked is named in the request's path, so that
/// all requests of one object go to one namespace.
struct Walk;

impl Behavior for Walk {
    fn next(&self, kind: &Kind, operation: &Operation<'_>, answers: &[Answer]) -> Step {
        let Operation::Read { prior } = operation else { return follow_table(kind, operation, answers) };
        let mut found = BTreeSet::new();
        let mut open = VecDeque::from([String::new()]);
        for answer in answers {
            let Some(parent) = open.pop_front() else { break };
            let Some(children) = children(answer) else { return Step::Refused };
            for child in children {
                let path = join(&parent, &child);
                if prior.flag("recursive") {
                    open.push_back(path.clone());
                }
                found.insert(path);
            }
        }
        match open.front() {
            Some(parent) => Step::Call(Request::new(Method::List, join(parent, "sys/namespaces"))),
            None => Step::Done(done(prior, &found)),
        }
    }
}

fn join(parent: &str, child: &str) -> String {
    if parent.is_empty() { child.to_owned() } else { format!("{parent}/{child}") }
}

/// A namespace without children is answered as 404 without a word.
fn children(answer: &Answer) -> Option<Vec<String>> {
    if !answer.is_success() {
        return (answer.status == 404 && answer.errors().is_empty()).then(Vec::new);
    }
    let keys = answer.data().at("keys").as_list().unwrap_or_default().iter();
    Some(keys.filter_map(|key| Some(key.as_str()?.trim_matches('/').to_owned())).collect())
}

fn done(config: &Record, found: &BTreeSet<String>) -> Record {
    let namespace = config.text("namespace").trim_matches('/');
    let list =
        |each: &dyn Fn(&String) -> String| Value::List(found.iter().map(|path| each(path).into()).collect());
    config
        .clone()
        .with("id", super::data_namespace::normal(namespace))
        .with("paths", list(&String::clone))
        .with("paths_fq", list(&|path| join(namespace, path)))
}
