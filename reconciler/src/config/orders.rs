//! `removed` blocks: what is to happen to objects that are not declared (any more).

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
        for block in parsed.body.get_blocks("removed").filter(|block| parsed.is_whole(block)) {
            removed(parsed.file, block, index, desired).unwrap_or_else(|error| found.push(error));
        }
    }
}

fn removed(file: &SourceFile, block: &Block, index: &Index, desired: &mut Desired) -> Result<(), Diagnostic> {
    only(file, block, &["from", "type"])?;
    let given = literal_type(file, block)?;
    let from = address(file, block, "from", given, index)?;
    let span = file.span(block.ident.span().unwrap_or_default());
    let at = |found: Diagnostic| found.at_span(&span.file, span.range.clone());
    if desired.objects.contains_key(&from) {
        return Err(at(Diagnostic::error(format!("`{from}` is both declared and removed"))));
    }
    let kind = kind_at(&from, given, index).map_err(at)?;
    let mut fields = keys(kind, &from);
    let type_field = from.last().and_then(|last| blocks::type_field(&last.block));
    if let (Some(field), Some(of_type)) = (type_field, given) {
        fields.insert(field.to_owned(), of_type.into());
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

/// The attribute `type`, which stands there as it is: nothing is evaluated here.
fn literal_type<'a>(file: &SourceFile, block: &'a Block) -> Result<Option<&'a str>, Diagnostic> {
    let Some(attribute) = block.body.get_attribute("type") else { return Ok(None) };
    attribute.value.as_str().map(Some).ok_or_else(|| {
        let range = attribute.value.span().unwrap_or_default();
        Diagnostic::error("`type` must be plain text here, such as `\"kv\"`").at_span(&file.name, range)
    })
}

/// That `block` has no blocks in it: nobody would read them.
pub(super) fn no_blocks(file: &SourceFile, block: &Block) -> Result<(), Diagnostic> {
    let Some(inner) = block.body.blocks().next() else { return Ok(()) };
    let text = format!("a block `{}` has no block `{}`", block.ident.as_str(), inner.ident.as_str());
    Err(Diagnostic::error(text).at_span(&file.name, inner.ident.span().unwrap_or_default()))
}

/// That `block` has no label: nobody would read it.
pub(super) fn no_labels(file: &SourceFile, block: &Block) -> Result<(), Diagnostic> {
    let Some(label) = block.labels.first() else { return Ok(()) };
    let name = block.ident.as_str();
    let found =
        Diagnostic::error(format!("a block `{name}` has no label")).hint(format!("write `{name} {{`"));
    Err(found.at_span(&file.name, label.span().unwrap_or_default()))
}

pub(super) fn only(file: &SourceFile, block: &Block, names: &[&'static str]) -> Result<(), Diagnostic> {
    no_labels(file, block)?;
    no_blocks(file, block)?;
    let unknown = block.body.attributes().find(|attribute| !names.contains(&attribute.key.as_str()));
    let Some(attribute) = unknown else { return Ok(()) };
    let text = format!("a block `{}` has no `{}`", block.ident.as_str(), attribute.key.as_str());
    let found = Diagnostic::error(text).at_span(&file.name, attribute.key.span().unwrap_or_default());
    Err(hint_for(found, attribute.key.as_str(), names.iter().copied()))
}

/// The address that the attribute `name` gives: a name as in references, from the root. `of_type` is what is said of
/// the type of the container that it stands in.
pub(super) fn address(
    file: &SourceFile,
    block: &Block,
    name: &str,
    of_type: Option<&str>,
    index: &Index,
) -> Result<Address, Diagnostic> {
    let Some(attribute) = block.body.get_attribute(name) else {
        let range = block.ident.span().unwrap_or_default();
        return Err(Diagnostic::error(format!("`{name}` is missing")).at_span(&file.name, range));
    };
    parse(&attribute.value).map(|address| normal(&address, of_type, index)).ok_or_else(|| {
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

/// Labels as the server has them: what kind an object is decides which letter case and slashes count.
fn normal(address: &Address, of_type: Option<&str>, index: &Index) -> Address {
    address.steps().iter().fold(Address::root(), |parent, step| {
        let container = container_block(&parent);
        let of_type = index.type_of(&parent).or(of_type).unwrap_or_default();
        let kind = blocks::kind_of(&step.block, container, of_type);
        let kind = kind.or_else(|| blocks::any_kind_of(&step.block, container));
        let label = kind.map_or_else(|| step.label.clone(), |kind| blocks::normal_label(kind, &step.label));
        parent.join(&step.block, &label)
    })
}
