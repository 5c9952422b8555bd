//! Functions on lists, sets and maps.

use std::collections::BTreeMap;

use super::WhenLate::{Moves, Waits};
use super::{ANY, Arguments, Fault, Function, pure};
use crate::hcl::collections::{element as at_key, number};
use crate::hcl::operators::{equal, truth};
use crate::hcl::text_of;
use crate::value::Val;

/// Most elements of a range, a product or a list of pieces.
const MAX_ELEMENTS: usize = 1_000_000;

pub(super) static FUNCTIONS: &[Function] = &[
    pure("alltrue", (1, 1), Waits, |a| Ok(a.list(0)?.iter().all(|v| truth(v) == Some(true)).into())),
    pure("anytrue", (1, 1), Waits, |a| Ok(a.list(0)?.iter().any(|v| truth(v) == Some(true)).into())),
    pure("chunklist", (2, 2), Moves, chunklist),
    pure("coalesce", (1, ANY), Moves, coalesce),
    pure("coalescelist", (1, ANY), Moves, coalescelist),
    pure("compact", (1, 1), Waits, |a| {
        Ok(Val::List(
            a.list(0)?.iter().filter(|v| !matches!(v, Val::Null) && **v != Val::from("")).cloned().collect(),
        ))
    }),
    pure("concat", (0, ANY), Moves, concat),
    pure("contains", (2, 2), Waits, |a| Ok(a.list(0)?.iter().any(|v| equal(v, a.value(1))).into())),
    pure("distinct", (1, 1), Moves, |a| Ok(Val::List(distinct(a.list(0)?)))),
    pure("element", (2, 2), Moves, element),
    pure("flatten", (1, 1), Moves, |a| Ok(Val::List(flat(a.list(0)?)))),
    pure("index", (2, 2), Waits, |a| {
        let found = a.list(0)?.iter().position(|value| equal(value, a.value(1)));
        found.map(number).ok_or_else(|| Fault::new("the list has no such element").of(1))
    }),
    pure("keys", (1, 1), Moves, |a| Ok(Val::List(a.map(0)?.keys().map(|key| key.as_str().into()).collect()))),
    pure("lookup", (2, 3), Moves, lookup),
    pure("merge", (0, ANY), Moves, merge),
    pure("one", (1, 1), Moves, |a| match a.list(0)? {
        [] => Ok(Val::Null),
        [single] => Ok(single.clone()),
        items => Err(Fault::new(format!("the list has {} elements, not one", items.len())).of(0)),
    }),
    pure("range", (1, 3), Waits, range),
    pure("reverse", (1, 1), Moves, |a| Ok(Val::List(a.list(0)?.iter().rev().cloned().collect()))),
    pure("setintersection", (1, ANY), Waits, |a| {
        sets(a, |set, other| set.retain(|v| other.iter().any(|o| equal(v, o))))
    }),
    pure("setproduct", (1, ANY), Moves, setproduct),
    pure("setsubtract", (2, 2), Waits, |a| {
        sets(a, |set, other| set.retain(|v| !other.iter().any(|o| equal(v, o))))
    }),
    pure("setunion", (1, ANY), Waits, |a| sets(a, |set, other| set.extend(other.iter().cloned()))),
    pure("slice", (3, 3), Moves, slice),
    pure("sort", (1, 1), Waits, |a| {
        let mut texts = a.texts(0)?;
        texts.sort();
        Ok(Val::List(texts.into_iter().map(Val::String).collect()))
    }),
    pure("tolist", (1, 1), Moves, |a| Ok(Val::List(a.list(0)?.to_vec()))),
    pure("tomap", (1, 1), Moves, |a| Ok(Val::Map(a.map(0)?.clone()))),
    pure("toset", (1, 1), Moves, |a| Ok(Val::List(sorted(distinct(a.list(0)?))))),
    pure("transpose", (1, 1), Waits, transpose),
    pure("values", (1, 1), Moves, |a| Ok(Val::List(a.map(0)?.values().cloned().collect()))),
    pure("zipmap", (2, 2), Moves, zipmap),
];

fn distinct(items: &[Val]) -> Vec<Val> {
    let mut seen = std::collections::BTreeSet::new();
    let mut kept: Vec<Val> = Vec::new();
    for item in items {
        let fresh = match text_of(item) {
            Some(text) => seen.insert(text),
            None => !kept.contains(item),
        };
        if fresh {
            kept.push(item.clone());
        }
    }
    kept
}

/// A set's elements have no order of their own; by text is as good as any.
fn sorted(mut items: Vec<Val>) -> Vec<Val> {
    items.sort_by_key(text_of);
    items
}

fn flat(items: &[Val]) -> Vec<Val> {
    let pieces = items.iter().flat_map(|item| match item {
        Val::List(inner) => flat(inner),
        single => vec![single.clone()],
    });
    pieces.collect()
}

fn concat(arguments: &Arguments) -> Result<Val, Fault> {
    let mut items = Vec::new();
    for index in 0..arguments.len() {
        items.extend_from_slice(arguments.list(index)?);
    }
    Ok(Val::List(items))
}

fn merge(arguments: &Arguments) -> Result<Val, Fault> {
    let mut merged = BTreeMap::new();
    for index in (0..arguments.len()).filter(|index| *arguments.value(*index) != Val::Null) {
        merged.extend(arguments.map(index)?.clone());
    }
    Ok(Val::Map(merged))
}

fn coalesce(arguments: &Arguments) -> Result<Val, Fault> {
    let found = arguments.0.iter().find(|value| !matches!(value, Val::Null) && **value != Val::from(""));
    found.cloned().ok_or_else(|| Fault::new("all arguments are null or empty"))
}

fn coalescelist(arguments: &Arguments) -> Result<Val, Fault> {
    for index in 0..arguments.len() {
        if !arguments.list(index)?.is_empty() {
            return Ok(arguments.value(index).clone());
        }
    }
    Err(Fault::new("all lists are empty"))
}

fn element(arguments: &Arguments) -> Result<Val, Fault> {
    let items = arguments.list(0)?;
    if items.is_empty() {
        return Err(Fault::new("the list is empty").of(0));
    }
    let length = i64::try_from(items.len()).unwrap_or(i64::MAX);
    let index = usize::try_from(arguments.whole(1)?.rem_euclid(length)).unwrap_or_default();
    Ok(items[index].clone())
}

fn lookup(arguments: &Arguments) -> Result<Val, Fault> {
    let map = arguments.map(0)?;
    match (map.get(&arguments.text(1)?), arguments.0.get(2)) {
        (Some(value), _) => Ok(value.clone()),
        (None, Some(default)) => Ok(default.clone()),
        (None, None) => at_key(arguments.value(0).clone(), arguments.value(1).clone())
            .map_err(|found| Fault::new(found.summary).of(1)),
    }
}

fn chunklist(arguments: &Arguments) -> Result<Val, Fault> {
    let size = usize::try_from(arguments.whole(1)?).ok().filter(|size| *size > 0);
    let size = size.ok_or_else(|| Fault::new("the size must be at least 1").of(1))?;
    Ok(Val::List(arguments.list(0)?.chunks(size).map(|chunk| Val::List(chunk.to_vec())).collect()))
}

fn slice(arguments: &Arguments) -> Result<Val, Fault> {
    let items = arguments.list(0)?;
    let bounds = usize::try_from(arguments.whole(1)?).ok().zip(usize::try_from(arguments.whole(2)?).ok());
    let part = bounds.and_then(|(start, end)| items.get(start..end));
    part.map(|part| Val::List(part.to_vec()))
        .ok_or_else(|| Fault::new(format!("these are no bounds in a list of {}", items.len())).of(1))
}

fn range(arguments: &Arguments) -> Result<Val, Fault> {
    let (start, end) = match arguments.len() {
        1 => (0, arguments.whole(0)?),
        _ => (arguments.whole(0)?, arguments.whole(1)?),
    };
    let step = match arguments.len() {
        3 => arguments.whole(2)?,
        _ if end < start => -1,
        _ => 1,
    };
    if step == 0 {
        return Err(Fault::new("the step must not be 0").of(2));
    }
    let mut items = Vec::new();
    let mut next = start;
    while (step > 0 && next < end) || (step < 0 && next > end) {
        if items.len() >= MAX_ELEMENTS {
            return Err(Fault::new(format!("the range has more than {MAX_ELEMENTS} elements")));
        }
        items.push(Val::Number(next.into()));
        next = next.saturating_add(step);
    }
    Ok(Val::List(items))
}

fn sets(arguments: &Arguments, with: fn(&mut Vec<Val>, &[Val])) -> Result<Val, Fault> {
    let mut set = arguments.list(0)?.to_vec();
    for index in 1..arguments.len() {
        with(&mut set, arguments.list(index)?);
    }
    Ok(Val::List(sorted(distinct(&set))))
}

fn setproduct(arguments: &Arguments) -> Result<Val, Fault> {
    let mut rows: Vec<Vec<Val>> = vec![Vec::new()];
    for index in 0..arguments.len() {
        let items = arguments.list(index)?;
        if rows.len().saturating_mul(items.len()) > MAX_ELEMENTS {
            return Err(Fault::new(format!("the product has more than {MAX_ELEMENTS} elements")));
        }
        let extended = rows.iter().flat_map(|row| {
            items.iter().map(move |item| row.iter().cloned().chain([item.clone()]).collect())
        });
        rows = extended.collect();
    }
    Ok(Val::List(rows.into_iter().map(Val::List).collect()))
}

fn transpose(arguments: &Arguments) -> Result<Val, Fault> {
    let mut turned: BTreeMap<String, Vec<Val>> = BTreeMap::new();
    for (key, value) in arguments.map(0)? {
        let Val::List(items) = value else {
            return Err(Fault::new("the map must hold lists of texts").of(0));
        };
        for item in items {
            let text = text_of(item).ok_or_else(|| Fault::new("the map must hold lists of texts").of(0))?;
            turned.entry(text).or_default().push(key.as_str().into());
        }
    }
    Ok(Val::Map(turned.into_iter().map(|(key, items)| (key, Val::List(items))).collect()))
}

fn zipmap(arguments: &Arguments) -> Result<Val, Fault> {
    let (keys, values) = (arguments.texts(0)?, arguments.list(1)?);
    if keys.len() != values.len() {
        return Err(Fault::new(format!("{} keys cannot name {} values", keys.len(), values.len())));
    }
    Ok(Val::Map(keys.into_iter().zip(values.iter().cloned()).collect()))
}
