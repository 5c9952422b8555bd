//! `locals` blocks.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use hcl_edit::Span as _;
use hcl_edit::structure::Attribute;
use schemas::Diagnostic;

use super::fields::unsaid;
use super::index::Index;
use super::orders::{no_blocks, no_labels};
use super::{Loader, View};
use crate::Address;
use crate::hcl::source::SourceFile;
use crate::hcl::{Evaluator, Faults, variables_in};
use crate::value::Val;

/// Values of `local.*`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Locals {
    pub(crate) values: BTreeMap<String, Val>,
    /// The objects that each names.
    pub(crate) uses: BTreeMap<String, BTreeSet<Address>>,
    /// Locals and variables with something wrong.
    pub(crate) broken: BTreeSet<String>,
}

/// An attribute of a `locals` block.
struct Local<'a> {
    file: &'a SourceFile,
    attribute: &'a Attribute,
    needs: BTreeSet<String>,
}

/// Evaluates all locals, each after those that it needs. Without `index`, objects are not known yet.
pub(super) fn read(loader: &Loader<'_>, index: Option<&Index>, found: &mut Vec<Diagnostic>) -> Locals {
    let declared = declarations(loader, found);
    let mut locals = Locals { broken: loader.variables.broken.clone(), ..Locals::default() };
    for name in in_order(&declared, &mut locals.broken, found) {
        let Some(local) = declared.get(&name) else { continue };
        evaluate(loader, index, (&name, local), &mut locals, found);
    }
    locals
}

fn evaluate(
    loader: &Loader<'_>,
    index: Option<&Index>,
    (name, local): (&str, &Local<'_>),
    locals: &mut Locals,
    found: &mut Vec<Diagnostic>,
) {
    let (uses, root) = (RefCell::new(BTreeSet::new()), Address::root());
    let view = View { locals, index, each: None, at: &root, uses: &uses };
    let outcome =
        Evaluator::new(loader.scope(local.file, &view), &loader.budget).value(&local.attribute.value);
    match outcome {
        Ok(value) => {
            locals.values.insert(name.to_owned(), value);
            locals.uses.insert(name.to_owned(), uses.into_inner());
        }
        Err(Faults(faults)) => {
            locals.broken.insert(format!("local.{name}"));
            let Faults(faults) = unsaid(local.file, local.attribute, Faults(faults));
            found.extend(faults);
        }
    }
}

fn declarations<'a>(loader: &Loader<'a>, found: &mut Vec<Diagnostic>) -> BTreeMap<String, Local<'a>> {
    let mut declared: BTreeMap<String, Local<'a>> = BTreeMap::new();
    let blocks = loader
        .parsed
        .iter()
        .flat_map(|parsed| parsed.body.get_blocks("locals").map(|block| (parsed.file, block)));
    for (file, block) in blocks {
        found.extend(no_labels(file, block).err());
        found.extend(no_blocks(file, block).err());
        for attribute in block.body.attributes() {
            let name = attribute.key.to_string();
            if let Some(first) = declared.get(&name) {
                let line = first.file.span(first.attribute.key.span().unwrap_or_default());
                let twice = Diagnostic::error(format!("local `{name}` is declared twice"))
                    .because(format!("first in {}, line {}", line.file, line.line))
                    .at_span(&file.name, attribute.key.span().unwrap_or_default());
                found.push(twice);
                continue;
            }
            let needs = variables_in(&attribute.value, "local");
            declared.insert(name, Local { file, attribute, needs });
        }
    }
    declared
}

/// The names, each after those that it needs. Names in a circle are left out and reported.
fn in_order(
    declared: &BTreeMap<String, Local<'_>>,
    broken: &mut BTreeSet<String>,
    found: &mut Vec<Diagnostic>,
) -> Vec<String> {
    let mut waiting: BTreeMap<&String, BTreeSet<&String>> = declared
        .iter()
        .map(|(name, local)| (name, local.needs.iter().filter(|need| declared.contains_key(*need)).collect()))
        .collect();
    let mut order = Vec::new();
    loop {
        let ready: Vec<&String> =
            waiting.iter().filter(|(_, needs)| needs.is_empty()).map(|(n, _)| *n).collect();
        if ready.is_empty() {
            break;
        }
        for name in ready {
            waiting.remove(name);
            for needs in waiting.values_mut() {
                needs.remove(name);
            }
            order.push(name.clone());
        }
    }
    if let Some(circle) = circle(&waiting) {
        let local = &declared[circle[0]];
        let names = circle.iter().chain(circle.first()).map(|name| format!("local.{name}"));
        let text = format!("locals need each other: {}", names.collect::<Vec<_>>().join(" → "));
        found.push(
            Diagnostic::error(text).at_span(&local.file.name, local.attribute.key.span().unwrap_or_default()),
        );
    }
    broken.extend(waiting.keys().map(|name| format!("local.{name}")));
    order
}

/// A circle among names that wait for each other.
pub(super) fn circle<'a, T: Ord>(waiting: &BTreeMap<&'a T, BTreeSet<&'a T>>) -> Option<Vec<&'a T>> {
    let mut path: Vec<&T> = vec![*waiting.keys().next()?];
    loop {
        let next = waiting.get(path.last()?)?.iter().find(|need| waiting.contains_key(*need))?;
        if let Some(start) = path.iter().position(|name| name == next) {
            return Some(path.split_off(start));
        }
        path.push(next);
    }
}
