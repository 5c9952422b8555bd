//! Plans and drift for programs: JSON from the same model.

use schemas::Value;

use super::value::{pretty, public};
use crate::exit::{Exit, of_drift, of_plan};
use crate::plan::{Action, Plan, Step};

fn count(number: usize) -> Value {
    i64::try_from(number).unwrap_or(i64::MAX).into()
}

const ACTIONS: [Action; 9] = [
    Action::Create,
    Action::Update,
    Action::Replace,
    Action::Delete,
    Action::Move,
    Action::None,
    Action::Unverifiable,
    Action::Blocked,
    Action::Unknown,
];

/// `plan` as JSON.
pub fn plan_json(plan: &Plan) -> String {
    document("lockstep-plan-report/1", plan, of_plan(plan), |step| {
        let changes = step.changes.iter().map(|change| {
            Value::map([
                ("after", public(&change.after)),
                ("before", public(&change.before)),
                ("field", change.field.as_str().into()),
                ("replaces", change.replaces.into()),
            ])
        });
        ("changes", Value::List(changes.collect()))
    })
}

/// Drift as JSON.
pub fn drift_json(plan: &Plan) -> String {
    document("lockstep-drift-report/1", plan, of_drift(plan), |step| {
        let fields = step.changes.iter().map(|change| {
            Value::map([
                ("declared", public(&change.after)),
                ("field", change.field.as_str().into()),
                ("live", public(&change.before)),
            ])
        });
        ("fields", Value::List(fields.collect()))
    })
}

fn document(format: &str, plan: &Plan, exit: Exit, each: impl Fn(&Step) -> (&'static str, Value)) -> String {
    let is_drift = format.contains("drift");
    let objects = plan.steps.iter().map(|step| object(step, is_drift, each(step)));
    let objects = objects.collect::<Vec<_>>();
    let summary = ACTIONS.map(|action| {
        let name = if is_drift { class(action) } else { action.as_str() };
        (name.to_owned(), count(plan.count(action)))
    });
    pretty(&Value::map([
        ("exit_code", i64::from(exit as u8).into()),
        ("format", format.into()),
        ("objects", Value::List(objects)),
        (
            "server",
            Value::map([
                ("address", plan.server.address.as_str().into()),
                ("cluster", plan.server.cluster.as_str().into()),
                ("namespace", plan.server.namespace.as_str().into()),
                ("version", plan.server.version.as_str().into()),
            ]),
        ),
        ("summary", Value::Map(summary.into_iter().collect())),
    ]))
}

fn object(step: &Step, is_drift: bool, (name, details): (&str, Value)) -> Value {
    let reason = step.reason.as_ref().map_or(Value::Null, |reason| reason.to_string().into());
    let place = step
        .span
        .as_ref()
        .map_or(Value::Null, |span| Value::map([("file", (&*span.file).into()), ("line", count(span.line))]));
    let (key, word) = if is_drift { ("class", class(step.action)) } else { ("action", step.action.as_str()) };
    Value::map([
        ("address", step.address.to_string().into()),
        (key, word.into()),
        ("kind", step.kind.name.into()),
        ("namespace", step.address.namespace().into()),
        ("place", place),
        ("reason", reason),
        (
            "unverifiable",
            Value::List(step.unverifiable.iter().map(|unseen| unseen.field.as_str().into()).collect()),
        ),
        ("unverifiable_because", because(step)),
        (name, details),
    ])
}

/// Why fields are not compared, by name.
fn because(step: &Step) -> Value {
    let why = step.unverifiable.iter().map(|unseen| (unseen.field.clone(), unseen.why.as_str().into()));
    Value::Map(why.collect())
}

/// What an action means as a finding.
fn class(action: Action) -> &'static str {
    match action {
        Action::Create => "missing",
        Action::Update => "changed",
        Action::Replace => "replaced",
        Action::Delete => "unwanted",
        Action::Move => "unmoved",
        Action::None => "in_sync",
        Action::Unverifiable => "unverifiable",
        Action::Blocked => "blocked",
        Action::Unknown => "unknown",
    }
}
