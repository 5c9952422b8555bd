//! Which fields of a plan may hold a secret: not only those that the tables say, but every field that one goes into.

use std::collections::BTreeSet;

use schemas::{Secret, Value};

use crate::Address;
use crate::outputs::Output;
use crate::plan::Step;
use crate::value::Val;

/// Fields whose values must not be shown, neither as they are nor as they will be.
#[derive(Debug)]
pub(crate) struct Hidden(BTreeSet<Output>);

impl Hidden {
    /// Those of `steps`: hidden by their kind, and with a secret in them, be it by way of fields of other objects.
    pub(crate) fn of(steps: &[Step]) -> Self {
        let by_kind = steps.iter().flat_map(|step| {
            let fields = step.kind.fields().filter(|field| field.is_hidden());
            fields.map(|field| (step.address.clone(), field.name.to_owned()))
        });
        let mut hidden = Self(by_kind.collect());
        loop {
            let before = hidden.0.len();
            for step in steps {
                let takes = step.fields.iter().filter(|(_, value)| hidden.goes_into(value));
                let found: Vec<_> = takes.map(|(name, _)| (step.address.clone(), name.clone())).collect();
                hidden.0.extend(found);
            }
            if hidden.0.len() == before {
                return hidden;
            }
        }
    }

    /// True if `field` of the object at `address` must not be shown.
    pub(crate) fn has(&self, address: &Address, field: &str) -> bool {
        self.0.contains(&(address.clone(), field.to_owned()))
    }

    fn goes_into(&self, value: &Val) -> bool {
        value.is_secret() || self.is_taken_by(value)
    }

    fn is_taken_by(&self, value: &Val) -> bool {
        value.outputs().iter().any(|output| self.0.contains(output))
    }
}

/// `steps` without what may be a secret that was changed since, or one that comes by way of another object.
pub(crate) fn conceal(mut steps: Vec<Step>) -> Vec<Step> {
    let hidden = Hidden::of(&steps);
    for Step { address, changes, fields, .. } in &mut steps {
        for change in changes {
            if hidden.has(address, &change.field) || change.after.has_secret() {
                wrap(&mut change.before);
            }
            if fields.get(&change.field).is_some_and(|value| hidden.is_taken_by(value)) {
                wrap(&mut change.after);
            }
        }
    }
    steps
}

fn wrap(value: &mut Value) {
    if !value.is_null() {
        *value = Secret::new(std::mem::take(value)).into();
    }
}
