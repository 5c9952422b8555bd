//! Mounts of both sorts, secrets engines and auth methods: what is tuned, and what is moved.

use std::time::Duration;

use crate::behavior::{self, Operation, Step};
use crate::kind::Field;
use crate::{Answer, Diagnostic, Kind, Listed, Method, Record, Request, Value};

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
    let [from, to] = [prior, desired].map(|record| record.text("path").trim_matches('/'));
    if from == to {
        return behavior::follow_table(kind, &Operation::Update { prior, desired }, answers);
    }
    match relocate(&format!("{prefix}{from}"), &format!("{prefix}{to}"), answers) {
        Ok(rest) => behavior::follow_table(kind, &Operation::Update { prior, desired }, rest),
        Err(step) => *step,
    }
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
