//! Mounts of both sorts, secrets engines and auth methods: what is tuned, and what is moved.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::behavior::{self, Operation, Step};
use crate::compare;
use crate::kind::Field;
use crate::{Answer, Diagnostic, Kind, Listed, Method, Record, Request, Secret, Value};

/// Between two looks at a move that is under way.
const MOVE_PAUSE: Duration = Duration::from_millis(200);

/// Moves the mount if its path changes, then does what the table says. `prefix` is `auth/` for auth methods.
pub(crate) fn update(
    kind: &Kind,
    prefix: &str,
    prior: &Record,
    desired: &Record,
    answers: &[Answer],
) -> Step {
    let desired = &with_emptied_options(prior, desired);
    let [from, to] = [prior, desired].map(|record| record.text("path").trim_matches('/'));
    if from == to {
        return behavior::follow_table(kind, &Operation::Update { prior, desired }, answers);
    }
    match relocate(&format!("{prefix}{from}"), &format!("{prefix}{to}"), answers) {
        Ok(rest) => behavior::follow_table(kind, &Operation::Update { prior, desired }, rest),
        Err(step) => *step,
    }
}

/// The option of `kv` that an engine always has.
const VERSION: &str = "version";

/// The options that are gone as empty texts: the server keeps those that a tune does not name. A version it does not
/// take away.
fn with_emptied_options(prior: &Record, desired: &Record) -> Record {
    let wanted = desired.get("options");
    let mut options = wanted.as_map().cloned().unwrap_or_default();
    let before = prior.get("options").as_map().into_iter().flat_map(BTreeMap::keys);
    let gone: Vec<&String> = before.filter(|name| *name != VERSION && !options.contains_key(*name)).collect();
    if gone.is_empty() || wanted.has_unknown() {
        return desired.clone();
    }
    options.extend(gone.into_iter().map(|name| (name.clone(), "".into())));
    let options = Value::Map(options);
    let is_secret = matches!(wanted, Value::Secret(_));
    desired.clone().with("options", if is_secret { Secret::new(options).into() } else { options })
}

/// Whether the server makes no difference between two values of a mount's field. An empty option is none, and an engine
/// `kv` whose version nobody gave has version 1.
pub(crate) fn same(field: &Field, a: &Value, b: &Value) -> bool {
    let [a, b] =
        [a, b].map(|value| if field.name == "options" { told_options(value) } else { value.clone() });
    compare::same(field, &a, &b)
}

/// The options that tell something.
fn told_options(options: &Value) -> Value {
    let Some(entries) = options.as_map() else { return options.clone() };
    let is_nothing = |name: &str, text: &str| text.is_empty() || (name == VERSION && text == "1");
    let tells = |(name, value): &(&String, &Value)| value.as_str().is_none_or(|text| !is_nothing(name, text));
    Value::Map(entries.iter().filter(tells).map(|(name, value)| (name.clone(), value.clone())).collect())
}

/// A mount that may not be moved is replaced instead.
pub(crate) fn replaces(kind: &Kind, prior: &Record, planned: &Record) -> Vec<&'static str> {
    let path = kind.field("path").filter(|path| !kind.same(path, prior.get("path"), planned.get("path")));
    path.filter(|_| planned.flag("disable_remount")).map(|path: &Field| path.name).into_iter().collect()
}

/// The answers that come after the move; or what the move still needs.
fn relocate<'a>(from: &str, to: &str, answers: &'a [Answer]) -> Result<&'a [Answer], Box<Step>> {
    let Some((moved, looks)) = answers.split_first() else {
        let body = Record::new().with("from", from).with("to", to);
        return Err(Box::new(Step::Call(Request::post("sys/remount", body))));
    };
    if !moved.is_success() {
        return Err(Box::new(Step::Refused));
    }
    let id = moved.data().at("migration_id").as_str().unwrap_or_default();
    if id.is_empty() {
        return Ok(looks);
    }
    let look = Request::get(format!("sys/remount/status/{id}"));
    for (index, answer) in looks.iter().enumerate() {
        if !answer.is_success() {
            return Err(Box::new(Step::Refused));
        }
        match answer.data().at("migration_info.status").as_str() {
            Some("success") => return Ok(&looks[index + 1..]),
            Some("in-progress") => {}
            status => return Err(Box::new(Step::Failed(stuck(from, to, status)))),
        }
    }
    Err(Box::new(if looks.is_empty() { Step::Call(look) } else { Step::CallAfter(MOVE_PAUSE, look) }))
}

/// Where the mount that a GET of `<prefix><name>` asks for stands in `table`.
pub(crate) fn listed(request: &Request, prefix: &str, table: &'static str, engine: &str) -> Option<Listed> {
    let name = request.path.strip_prefix(prefix).filter(|name| !name.ends_with("/tune"))?;
    let entry = format!("{}/", name.trim_end_matches('/'));
    let errors = Value::List(vec![format!("No {engine} at {entry}").into()]);
    let missing = Answer { status: 400, body: Record::new().with("errors", errors).into_value() };
    (request.method == Method::Get).then_some(Listed { table, entry, missing })
}

fn stuck(from: &str, to: &str, status: Option<&str>) -> Diagnostic {
    Diagnostic::error(format!("the mount `{from}` was not moved to `{to}`"))
        .because(format!("the server reports the status `{}`", status.unwrap_or("none")))
        .hint("the server's log says why")
}
