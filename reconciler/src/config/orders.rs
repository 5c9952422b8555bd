//! `removed` and `moved` blocks: what is to happen to objects that are not declared (any more).

use std::collections::BTreeMap;

use hcl_edit::Span as _;
use hcl_edit::expr::{Expression, TraversalOperator};
use hcl_edit::structure::Block;
use schemas::{Diagnostic, Kind, Operation, Step};

use super::blocks::{self, container_block};
use super::index::Index;
use super::{Desired, Loader, Removed};
use crate::Address;
use crate::address::NAMESPACE;
use crate::hcl::source::SourceFile;
use crate::late::{Nothing, resolve_all};
use crate::nearest::hint_for;
use crate::value::Val;

/// Reads all orders into `desired`.
pub(super) fn read(loader: &Loader<'_>, index: &Index, desired: &mut Desired, found: &mut Vec<Diagnostic>) {
    for parsed in loader.parsed {
        for block in parsed.body.get_blocks("removed") {
            removed(parsed.file, block, index, desired).unwrap_or_else(|error| found.push(error));
        }
        for block in parsed.body.get_blocks("moved") {
            moved(parsed.file, block, index, desired).unwrap_or_else(|error| found.push(error));
        }
    }
}

fn removed(file: &SourceFile, block: &Block, index: &Index, desired: &mut Desired) -> Result<(), Diagnostic> {
    only(file, block, &["from", "type"])?;
    let from = address(file, block, "from")?;
    let span = file.span(block.ident.span().unwrap_or_default());
    let at = |found: Diagnostic| found.at_span(&span.file, span.range.clone());
    if desired.objects.contains_key(&from) {
        return Err(at(Diagnostic::error(format!("`{from}` is both declared and removed"))));
    }
    let given = block.body.get_attribute("type").and_then(|attribute| attribute.value.as_str());
    let kind = kind_at(&from, given, index).map_err(at)?;
    let mut fields = keys(kind, &from);
    if let (true, Some(of_type)) = (kind.field("type").is_some(), given) {
        fields.insert("type".to_owned(), of_type.into());
    }
    if cannot_be_deleted(kind, &fields) {
        let found = Diagnostic::error(format!("`{from}` cannot be removed"));
        let cause = "the server has no way to delete it alone; it goes with what holds it";
        return Err(at(found.because(cause).hint("take this block away")));
    }
    let needs = from.containers().collect();
    desired.removed.insert(from, Removed { kind, fields, needs, span: Some(span.clone()) });
    Ok(())
}

/// True if the server is never asked to delete such an object.
fn cannot_be_deleted(kind: &Kind, fields: &BTreeMap<String, Val>) -> bool {
    let known = resolve_all(fields, &Nothing);
    known.is_ok_and(|prior| matches!(kind.next(&Operation::Delete { prior: &prior }, &[]), Step::Gone))
}

fn keys(kind: &Kind, address: &Address) -> BTreeMap<String, Val> {
    blocks::keys_of(kind, address).into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// The kind of an object that is not declared.
fn kind_at(address: &Address, given: Option<&str>, index: &Index) -> Result<&'static Kind, Diagnostic> {
    let (Some(parent), Some(step)) = (address.parent(), address.last()) else {
        return Err(Diagnostic::error("an object must be named"));
    };
    let container = container_block(&parent);
    let of_type = if container == NAMESPACE { given } else { given.or_else(|| index.type_of(&parent)) };
    let names = blocks::names_within(container);
    if !names.contains(&step.block.as_str()) {
        let found = Diagnostic::error(format!("there is no block `{}` within `{container}`", step.block));
        return Err(hint_for(found, &step.block, names));
    }
    blocks::kind_of(&step.block, container, of_type.unwrap_or_default()).ok_or_else(|| {
        Diagnostic::error(format!("`{address}`: the type of `{parent}` is not known"))
            .hint("say it in the block: `type = \"jwt\"`")
    })
}

fn moved(file: &SourceFile, block: &Block, index: &Index, desired: &mut Desired) -> Result<(), Diagnostic> {
    only(file, block, &["from", "to"])?;
    let (from, to) = (address(file, block, "from")?, address(file, block, "to")?);
    let at = |found: Diagnostic| found.at_span(&file.name, block.ident.span().unwrap_or_default());
    let Some(kind) = index.kind(&to) else {
        return Err(at(Diagnostic::error(format!("`{to}` is not declared"))));
    };
    if desired.objects.contains_key(&from) {
        return Err(at(Diagnostic::error(format!("`{from}` is declared, so it cannot have moved"))));
    }
    let movable =
        blocks::label_field(kind).is_some_and(|field| !field.replaces) && from.parent() == to.parent();
    if !movable {
        let text = format!("`{from}` cannot be moved to `{to}`");
        let found = Diagnostic::error(text)
            .because("the server can move mounts and auth methods alone, within a namespace");
        return Err(at(found.hint(format!("use a block `removed` with `from = {from}`"))));
    }
    desired.moved.insert(to, from);
    Ok(())
}

fn only(file: &SourceFile, block: &Block, names: &[&'static str]) -> Result<(), Diagnostic> {
    let unknown = block.body.attributes().find(|attribute| !names.contains(&attribute.key.as_str()));
    let Some(attribute) = unknown else { return Ok(()) };
    let text = format!("a block `{}` has no `{}`", block.ident.as_str(), attribute.key.as_str());
    let found = Diagnostic::error(text).at_span(&file.name, attribute.key.span().unwrap_or_default());
    Err(hint_for(found, attribute.key.as_str(), names.iter().copied()))
}

/// The address that the attribute `name` gives: a name as in references, from the root.
fn address(file: &SourceFile, block: &Block, name: &str) -> Result<Address, Diagnostic> {
    let Some(attribute) = block.body.get_attribute(name) else {
        let range = block.ident.span().unwrap_or_default();
        return Err(Diagnostic::error(format!("`{name}` is missing")).at_span(&file.name, range));
    };
    parse(&attribute.value).map(|address| normal(&address)).ok_or_else(|| {
        Diagnostic::error(format!("`{name}` must name an object, such as `policy.app` or `auth.ci.role.web`"))
            .at_span(&file.name, attribute.value.span().unwrap_or_default())
    })
}

fn parse(expression: &Expression) -> Option<Address> {
    if let Expression::String(text) = expression {
        return Address::parse(text.value());
    }
    let traversal = expression.as_traversal()?;
    let mut words = vec![traversal.expr.as_variable()?.to_string()];
    for operator in &traversal.operators {
        words.push(match operator.value() {
            TraversalOperator::GetAttr(name) => name.to_string(),
            TraversalOperator::Index(Expression::String(text)) => text.value().clone(),
            _ => return None,
        });
    }
    let steps = words.chunks(2).map(|pair| (pair[0].as_str(), pair.get(1).map_or("", String::as_str)));
    Some(steps.fold(Address::root(), |address, (block, label)| address.join(block, label)))
}

/// Labels as the server has them.
fn normal(address: &Address) -> Address {
    address.steps().iter().fold(Address::root(), |parent, step| {
        let kind = blocks::kind_of(&step.block, container_block(&parent), "");
        let label = kind.map_or_else(|| step.label.clone(), |kind| blocks::normal_label(kind, &step.label));
        parent.join(&step.block, &label)
    })
}
