//! Which kind a block stands for.

use std::collections::BTreeMap;

use schemas::kinds::KINDS;
use schemas::{Class, Diagnostic, Field, Kind, compare};

use crate::Address;
use crate::address::NAMESPACE;
use crate::value::Val;

/// Blocks of a file that make no objects.
pub(super) const DIRECTIVES: [&str; 4] = ["variable", "locals", "removed", "moved"];

/// All kinds that stand in HCL.
pub(crate) fn kinds() -> impl Iterator<Item = (&'static Kind, &'static schemas::Block)> {
    let resources = KINDS.iter().copied().filter(|kind| kind.class == Class::Resource);
    resources.filter_map(|kind| Some((kind, kind.block.as_ref()?)))
}

/// True if blocks `name` hold others.
pub(crate) fn is_container(name: &str) -> bool {
    kinds().any(|(_, block)| block.within == name)
}

/// The field that says which type of container a block `name` is, if there are several.
pub(crate) fn type_field(name: &str) -> Option<&'static str> {
    kinds().map(|(_, block)| block).find(|b| b.name == name && !b.typed_by.is_empty()).map(|b| b.typed_by)
}

/// The type that `fields` give the container `address`; `None` if it is none, or all are alike.
pub(crate) fn type_of<'a>(address: &Address, fields: &'a BTreeMap<String, Val>) -> Option<&'a str> {
    match fields.get(type_field(&address.last()?.block)?)? {
        Val::String(of_type) => Some(of_type),
        _ => None,
    }
}

/// What comes before the label of a block `name` in the paths that its object serves.
pub(super) fn served_prefix(name: &str) -> Option<&'static str> {
    kinds().find_map(|(_, block)| block.serves.filter(|_| block.name == name))
}

/// True if the label of a block `name` is a whole path of the API.
pub(super) fn names_a_path(name: &str) -> bool {
    kinds().filter(|(_, block)| block.name == name).any(|(kind, block)| {
        let call = kind.primary().and_then(|endpoint| endpoint.read);
        call.is_some_and(|call| call.path.0 == format!("{{{}}}", block.label))
    })
}

/// True if the server can give an object of a block `name` within `container` another name.
pub(super) fn is_movable(name: &str, container: &str) -> bool {
    let fits = |block: &schemas::Block| block.name == name && block.within == container;
    kinds().any(|(kind, block)| fits(block) && label_field(kind).is_some_and(|field| !field.replaces))
}

/// Names of the blocks that may stand within `container`.
pub(super) fn names_within(container: &str) -> Vec<&'static str> {
    let mut names: Vec<&str> =
        kinds().filter(|(_, block)| block.within == container).map(|(_, b)| b.name).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// The kind of block `name` within a `container` block; `of_type` is the container's type for leaves, else the
/// object's own.
pub(crate) fn kind_of(name: &str, container: &str, of_type: &str) -> Option<&'static Kind> {
    let fits = |block: &schemas::Block| block.name == name && block.within == container;
    let exact = kinds().find(|(_, block)| fits(block) && block.types.contains(&of_type));
    exact.or_else(|| kinds().find(|(_, block)| fits(block) && block.types.is_empty())).map(|(kind, _)| kind)
}

/// Some kind of block `name` within a `container` block of whatever type.
pub(super) fn any_kind_of(name: &str, container: &str) -> Option<&'static Kind> {
    kinds().find(|(_, block)| block.name == name && block.within == container).map(|(kind, _)| kind)
}

/// The kind of a container block `name` without a type: the one that has most of its `fields`.
pub(super) fn likely_kind(name: &str, fields: &[&str]) -> Option<&'static Kind> {
    let fits = |block: &schemas::Block| block.name == name && block.within == NAMESPACE;
    let known = |kind: &Kind| fields.iter().filter(|field| kind.field(field).is_some()).count();
    let candidates = kinds().filter(|(_, block)| fits(block));
    candidates.max_by_key(|(kind, block)| (known(kind), block.types.is_empty())).map(|(kind, _)| kind)
}

/// The types of containers that have blocks called `name`.
pub(super) fn types_with(name: &str, container: &str) -> Vec<&'static str> {
    let fits = |block: &&schemas::Block| block.name == name && block.within == container;
    kinds().map(|(_, block)| block).filter(fits).flat_map(|block| block.types.iter().copied()).collect()
}

/// The types of container blocks `container` of which something is known, by name.
pub(super) fn types_of(container: &str) -> Vec<&'static str> {
    let within = kinds().map(|(_, block)| block).filter(|block| block.within == container);
    let mut types: Vec<&str> = within.flat_map(|block| block.types.iter().copied()).collect();
    types.sort_unstable();
    types.dedup();
    types
}

/// True if `name` is a block that makes objects, anywhere.
pub(super) fn is_block(name: &str) -> bool {
    kinds().any(|(_, block)| block.name == name)
}

/// True if `name` is a block that files are made of.
pub(super) fn begins_part(name: &str) -> bool {
    DIRECTIVES.contains(&name) || is_block(name)
}

/// Why a block `name` cannot be: what it is called by is done, and not declared.
pub(super) fn act_called(name: &str) -> Option<Diagnostic> {
    let resources = KINDS.iter().filter(|kind| kind.class == Class::Resource);
    let called = |kind: &Kind, act: &schemas::Act| {
        [act.name, kind.name].contains(&name) || kind.terraform_name() == name
    };
    let act = resources.filter_map(|kind| kind.act.as_ref().filter(|act| called(kind, act))).next()?;
    let cause = "each time it is done it gives something new, and no file of states remembers what it gave before: \
                 a plan could not tell whether it is done already";
    let found = Diagnostic::error(format!("`{name}` is an act, and no object that can be declared"));
    Some(found.because(cause).hint(act.instead))
}

/// The block's name of what holds `address`.
pub(crate) fn container_block(address: &Address) -> &str {
    match address.last() {
        Some(step) => &step.block,
        None => NAMESPACE,
    }
}

/// The field that a block's label gives.
pub(super) fn label_field(kind: &Kind) -> Option<&'static Field> {
    kind.block.and_then(|block| kind.field(block.label))
}

/// A label as the server has it.
pub(crate) fn normal_label(kind: &Kind, label: &str) -> String {
    let canonical = label_field(kind).map(|field| compare::canonical(field, &label.into()));
    canonical.and_then(|text| text.as_str().map(str::to_owned)).unwrap_or_else(|| label.to_owned())
}

/// The fields that the address of an object of `kind` gives.
pub(crate) fn keys_of(kind: &Kind, address: &Address) -> Vec<(&'static str, Val)> {
    let Some(block) = kind.block else { return Vec::new() };
    let label = address.last().map(|step| step.label.clone()).unwrap_or_default();
    let container = address.parent().and_then(|parent| parent.last().map(|step| step.label.clone()));
    let given = [(block.label, Some(label)), (block.container, container)];
    given
        .into_iter()
        .filter(|(name, _)| !name.is_empty())
        .map(|(name, v)| (name, v.unwrap_or_default().into()))
        .collect()
}
