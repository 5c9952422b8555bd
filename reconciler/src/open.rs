//! What of a field that holds secrets is marked as fit to be seen.

use schemas::{Secret, Value, compare, json};

use crate::plan::{Action, Change, Step};
use crate::value::{Late, Val};

/// The step with what is marked shown, and compared where the server shows the rest.
pub(crate) fn reveal(mut step: Step) -> Step {
    for change in &mut step.changes {
        let declared = step.fields.get(&change.field).filter(|value| value.has_open());
        if let (Value::Secret(_), Some(value)) = (&change.after, declared) {
            change.after = outline(value);
        }
    }
    let (fields, live) = (&step.fields, step.live.as_ref());
    let differs = |name: &String| {
        let outline = fields.get(name).filter(|value| value.has_open()).map(outline)?;
        let is = document(live?.get(name))?;
        contradicts(&outline, &is).then_some(outline)
    };
    let differing: Vec<_> = step
        .unverifiable
        .iter()
        .filter_map(|unseen| Some((unseen.field.clone(), differs(&unseen.field)?)))
        .collect();
    for (field, after) in differing {
        step.unverifiable.retain(|unseen| unseen.field != field);
        let before = Secret::new(Value::Unknown).into();
        step.changes.push(Change { field, before, after, replaces: false });
    }
    if step.action == Action::Unverifiable && !step.changes.is_empty() {
        step.action = Action::Update;
    }
    step
}

/// `value` with what is marked in clear, and everything else hidden.
fn outline(value: &Val) -> Value {
    match value {
        Val::Map(entries) => {
            Value::Map(entries.iter().map(|(name, value)| (name.clone(), outline(value))).collect())
        }
        Val::List(items) => Value::List(items.iter().map(outline).collect()),
        Val::Late(late) => match &**late {
            Late::Open(value) => crate::hcl::plain_value(value).map_or(Value::Unknown, parsed),
            Late::Call { name, arguments } if name == "jsonencode" => {
                arguments.first().map_or(Value::Null, outline)
            }
            _ => Secret::new(Value::Unknown).into(),
        },
        _ => Secret::new(Value::Unknown).into(),
    }
}

/// A whole document that is marked is shown as what it says.
fn parsed(value: Value) -> Value {
    let document = value.as_str().and_then(|text| json::parse(text).ok());
    document.filter(|document| document.as_map().is_some()).unwrap_or(value)
}

/// What the server shows, as a tree.
fn document(live: &Value) -> Option<Value> {
    match live.expose() {
        Value::Null | Value::Unknown => None,
        Value::String(text) => Some(json::parse(text).unwrap_or_else(|_| text.as_str().into())),
        value => Some(value.clone()),
    }
}

/// True if a marked value is another one in `live`.
fn contradicts(outline: &Value, live: &Value) -> bool {
    match (outline, live.expose()) {
        (Value::Secret(_) | Value::Unknown, _) => false,
        (Value::Map(wanted), Value::Map(live)) => wanted.iter().any(|(name, value)| {
            live.get(name).map_or(!matches!(value, Value::Secret(_)), |live| contradicts(value, live))
        }),
        (Value::List(wanted), Value::List(live)) => {
            wanted.len() != live.len()
                || wanted.iter().zip(live).any(|(value, live)| contradicts(value, live))
        }
        (wanted, live) => !compare::is_kept(wanted, live),
    }
}
