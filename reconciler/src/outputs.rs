//! Fields of other objects that a plan takes values from. All of them have to be within reach before the first write.

use std::collections::{BTreeMap, BTreeSet};

use schemas::Diagnostic;

use crate::Address;
use crate::apply::looked_for;
use crate::config::paths;
use crate::hcl::plain_value;
use crate::plan::{Action, Plan, Step};
use crate::value::Val;

/// An object and one of its fields.
pub(crate) type Output = (Address, String);

/// What objects with these fields take from others.
pub(crate) fn of_all<'a>(objects: impl Iterator<Item = &'a BTreeMap<String, Val>>) -> BTreeSet<Output> {
    objects.flat_map(BTreeMap::values).flat_map(Val::outputs).collect()
}

/// What `step` takes from other objects.
fn taken(step: &Step) -> BTreeSet<Output> {
    step.fields.values().flat_map(Val::outputs).collect()
}

/// The steps whose values have to be known when they are done.
fn takers(plan: &Plan) -> impl Iterator<Item = &Step> {
    plan.steps.iter().filter(|step| step.action.writes() && step.action != Action::Delete)
}

fn step_of<'a>(plan: &'a Plan, address: &Address) -> Option<&'a Step> {
    plan.steps.iter().find(|step| step.address == *address)
}

/// What the steps of `plan` take from objects that it does not write itself.
pub(crate) fn of_unwritten(plan: &Plan) -> BTreeSet<Output> {
    let is_unwritten = |address: &Address| !step_of(plan, address).is_some_and(|step| step.action.writes());
    takers(plan).flat_map(taken).filter(|(address, _)| is_unwritten(address)).collect()
}

/// What a plan relies on without writing it: the values that it takes, and which objects hold those that it writes.
pub(crate) fn relied_on(plan: &Plan) -> BTreeSet<Output> {
    let mut found = of_unwritten(plan);
    let steps: BTreeMap<&Address, &Step> = plan.steps.iter().map(|step| (&step.address, step)).collect();
    for step in plan.steps.iter().filter(|step| step.action.writes()) {
        let serving = step.needs.iter().filter(|need| paths::lies_below(&step.address, need)).cloned();
        let holders = looked_for(step).containers().chain(step.address.containers()).chain(serving);
        // What could not be read when the plan was made says nothing about a change.
        let unwritten = holders
            .filter_map(|holder| steps.get(&holder))
            .filter(|holder| !holder.action.writes() && holder.action != Action::Unknown);
        for holder in unwritten {
            let fields = holder.kind.fields().filter(|field| field.identity);
            found.extend(fields.map(|field| (holder.address.clone(), field.name.to_owned())));
        }
    }
    found
}

/// Says of each value that `plan` takes from another object and that cannot be had why.
pub(crate) fn check(plan: &Plan) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for step in takers(plan) {
        for (address, field) in taken(step) {
            if let Err(cause) = check_one(plan, step, (&address, &field)) {
                let text = format!("`{}`: `{field}` of `{address}` cannot be had", step.address);
                found.push(at_step(Diagnostic::error(text).because(cause), step));
            }
        }
    }
    found
}

fn at_step(found: Diagnostic, step: &Step) -> Diagnostic {
    match &step.span {
        Some(span) => found.at_span(&span.file, span.range.clone()),
        None => found,
    }
}

fn check_one(plan: &Plan, step: &Step, (address, field): (&Address, &str)) -> Result<(), &'static str> {
    let giver = step_of(plan, address).ok_or("that object is not in this plan")?;
    let is_seen = giver.live.as_ref().is_some_and(|live| !live.get(field).is_null());
    let is_declared = giver.fields.get(field).and_then(plain_value).is_some_and(|value| !value.is_null());
    if is_declared || (is_seen && !giver.action.makes_anew()) {
        return Ok(());
    }
    match giver.action {
        Action::Delete => return Err("that object is deleted"),
        action if !action.writes() => return Err("the server shows no value of it"),
        _ => {}
    }
    if !step.needs.contains(address) {
        return Err("that object is written at the same time or later");
    }
    let Some(known) = giver.kind.field(field) else { return Err("there is no such field") };
    let is_shown = known.readable && !known.is_write_only();
    let becomes = giver.action.makes_anew()
        || !known.is_configurable()
        || giver.fields.get(field).is_some_and(|value| *value != Val::Null);
    match (is_shown, becomes) {
        (true, true) => Ok(()),
        (false, _) => Err("the server does not show it"),
        (true, false) => Err("the server shows no value of it, and the plan gives it none"),
    }
}

impl Action {
    /// True if there is a new object afterwards.
    fn makes_anew(self) -> bool {
        matches!(self, Action::Create | Action::Replace)
    }
}
