//! What the generic kinds share: which version a key/value engine has, and picking fields of an answer.

use crate::kinds::kv::{escaped, texts};
use crate::{Answer, Diagnostic, Request, Step, Value};

/// What is mounted where a secret stands.
pub(super) enum Engine {
    /// Version 1, or anything else that has its objects at their own paths.
    Plain,
    /// Version 2, at this path without slash at the end.
    Versioned(String),
}

impl Engine {
    /// The request whose answer tells it.
    fn question(path: &str) -> Request {
        Request::get(format!("sys/internal/ui/mounts/{path}"))
    }

    /// What the answer tells; `None` for one that tells nothing. A server that does not know the question, or
    /// refuses to answer it, as it does where nothing is mounted, is taken to have a plain engine there: the next
    /// request shows.
    fn from_answer(answer: &Answer) -> Option<Self> {
        match answer.status {
            403 | 404 => return Some(Self::Plain),
            _ if !answer.is_success() => return None,
            _ => {}
        }
        let version = answer.data().at("options.version");
        let mount = answer.data().at("path").as_str().map(|path| path.trim_matches('/').to_owned());
        let is_second = version.as_str() == Some("2") || version.as_i64() == Some(2);
        Some(mount.filter(|_| is_second).map_or(Self::Plain, Self::Versioned))
    }

    /// The path of the secret `path`; `part` is `data` or `metadata` in a versioned engine.
    pub(super) fn path(&self, part: &str, path: &str) -> String {
        let path = path.trim_matches('/');
        match self {
            Self::Plain => path.to_owned(),
            Self::Versioned(mount) => {
                let name = path.strip_prefix(mount.as_str()).unwrap_or(path).trim_matches('/');
                let part = format!("{mount}/{part}");
                if name.is_empty() { part } else { format!("{part}/{name}") }
            }
        }
    }

    /// The secret in the answer to its reading. Null: the version is gone.
    pub(super) fn data<'a>(&self, answer: &'a Answer) -> &'a Value {
        match self {
            Self::Plain => answer.data(),
            Self::Versioned(_) => answer.data().at("data"),
        }
    }
}

/// Asks for the engine at `path`, then goes on with `rest`, which gets the answers after that one.
pub(super) fn with_engine(
    path: &str,
    answers: &[Answer],
    rest: impl FnOnce(&Engine, &[Answer]) -> Step,
) -> Step {
    let Some((first, others)) = answers.split_first() else {
        return Step::Call(Engine::question(path.trim_matches('/')));
    };
    let Some(engine) = Engine::from_answer(first) else { return Step::Refused };
    match rest(&engine, others) {
        Step::Gone if first.status == 403 && !tells(others) => Step::Failed(hidden_engine(path)),
        step => step,
    }
}

/// Whether the answer to the request itself says what the refused question about the engine does not.
fn tells(answers: &[Answer]) -> bool {
    answers.last().is_some_and(|answer| answer.is_success() || answer.says_no_mount())
}

fn hidden_engine(path: &str) -> Diagnostic {
    Diagnostic::error(format!("it cannot be told whether the secret `{path}` is there"))
        .because("the server finds nothing at the path, and does not say to this token which engine is mounted there")
        .hint("let a policy of the token grant something on a path of that engine")
}

/// The entries `fields` of `find`, as a map of texts and as JSON.
pub(super) fn pick<'a>(fields: &Value, find: impl Fn(&str) -> Option<&'a Value>) -> (Value, Value) {
    let mut picked = Value::map([]);
    for name in fields.as_list().unwrap_or_default().iter().filter_map(Value::as_str) {
        if let (Some(value), Value::Map(entries)) = (find(name), &mut picked) {
            entries.insert(name.to_owned(), value.clone());
        }
    }
    (texts(&picked), escaped(&picked).into())
}
