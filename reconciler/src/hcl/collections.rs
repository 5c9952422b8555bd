//! `for` expressions and elements of collections.

use std::collections::BTreeMap;

use hcl_edit::expr::ForExpr;
use schemas::Diagnostic;

use super::evaluate::{Evaluator, late_hint};
use super::faults::Eval;
use super::template::entries_of;
use super::{operators, text_of};
use crate::nearest::hint_for;
use crate::value::{Late, Val};

/// The keys and values of a collection; the value itself if it is none.
pub(super) fn entries(value: Val) -> Result<Vec<(Val, Val)>, Val> {
    match value {
        Val::List(items) => {
            Ok(items.into_iter().enumerate().map(|(index, item)| (number(index), item)).collect())
        }
        Val::Map(entries) => Ok(entries.into_iter().map(|(key, value)| (Val::String(key), value)).collect()),
        other => Err(other),
    }
}

/// A whole number as a value.
pub(super) fn number(index: usize) -> Val {
    Val::Number(i64::try_from(index).unwrap_or(i64::MAX).into())
}

/// `[for …]` and `{for …}`.
pub(super) fn for_each(evaluator: &Evaluator<'_>, each: &ForExpr) -> Eval<Val> {
    let items = entries_of(evaluator, &each.intro.collection_expr)?;
    let mut list = Vec::new();
    let mut pairs = Vec::new();
    for (key, value) in items {
        let mut names = vec![(each.intro.value_var.as_str(), &value)];
        if let Some(name) = &each.intro.key_var {
            names.push((name.as_str(), &key));
        }
        match evaluator.with(&names, |inner| round(inner, each)) {
            Ok(Some((Some(key), value))) => pairs.push((key, value)),
            Ok(Some((None, value))) => list.push(value),
            Ok(None) => {}
            // One round's faults are enough: the others are the same with other values.
            Err(faults) => return Err(faults),
        }
    }
    match &each.key_expr {
        None => Ok(Val::List(list)),
        Some(_) if each.grouping => Ok(grouped(pairs)),
        Some(key) => unique(pairs).map_err(|text| evaluator.fault(key, text)),
    }
}

/// One round: the key if the result is a map, and the value; `None` if `if` leaves it out.
fn round(evaluator: &Evaluator<'_>, each: &ForExpr) -> Eval<Option<(Option<String>, Val)>> {
    if let Some(condition) = &each.cond {
        let value = evaluator.value(&condition.expr)?;
        match operators::truth(&value) {
            Some(true) => {}
            Some(false) => return Ok(None),
            None => return Err(evaluator.unfit(&condition.expr, "the condition", "true or false", &value)),
        }
    }
    let value = evaluator.value(&each.value_expr)?;
    let Some(key_expression) = &each.key_expr else { return Ok(Some((None, value))) };
    let key = evaluator.value(key_expression)?;
    let text = text_of(&key).ok_or_else(|| evaluator.unfit(key_expression, "a key", "text", &key))?;
    Ok(Some((Some(text), value)))
}

fn grouped(pairs: Vec<(String, Val)>) -> Val {
    let mut groups: BTreeMap<String, Vec<Val>> = BTreeMap::new();
    for (key, value) in pairs {
        groups.entry(key).or_default().push(value);
    }
    Val::Map(groups.into_iter().map(|(key, items)| (key, Val::List(items))).collect())
}

fn unique(pairs: Vec<(String, Val)>) -> Result<Val, String> {
    let mut entries = BTreeMap::new();
    for (key, value) in pairs {
        if entries.contains_key(&key) {
            return Err(format!("two elements have the key `{key}`; `...` after the value would group them"));
        }
        entries.insert(key, value);
    }
    Ok(Val::Map(entries))
}

/// The element of `value` at `key`.
pub(super) fn element(value: Val, key: Val) -> Result<Val, Diagnostic> {
    match (value, key) {
        (value @ Val::Late(_), key) => Ok(Val::late(Late::Element { of: value, key })),
        (Val::Map(entries), key) => {
            let Some(name) = text_of(&key) else { return Err(wrong_key("a map", "text", &key)) };
            entries.get(&name).cloned().ok_or_else(|| {
                let found = Diagnostic::error(format!("there is no element `{name}`"));
                hint_for(found, &name, entries.keys().map(String::as_str))
            })
        }
        (Val::List(items), key) => {
            let index = operators::number(&key).and_then(|number| number.as_i64());
            let Some(index) = index else { return Err(wrong_key("a list", "a whole number", &key)) };
            let item = usize::try_from(index).ok().and_then(|index| items.get(index)).cloned();
            item.ok_or_else(|| {
                Diagnostic::error(format!("there is no element {index}; the list has {}", items.len()))
            })
        }
        (other, key) => {
            let name = text_of(&key).unwrap_or_default();
            Err(Diagnostic::error(format!("`{name}` cannot be taken from {}", other.describe())))
        }
    }
}

fn wrong_key(of: &str, wanted: &str, key: &Val) -> Diagnostic {
    let found =
        Diagnostic::error(format!("the key of {of} must be {wanted}, and this is {}", key.describe()));
    late_hint(found, key)
}
