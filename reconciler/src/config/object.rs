//! One object: its fields evaluated and checked.

use std::cell::RefCell;
use std::collections::BTreeSet;

use hcl_edit::Span as _;
use schemas::{Diagnostic, Place};

use super::fields::{Fields, Reader};
use super::index::{Index, Site};
use super::locals::Locals;
use super::{Declared, Desired, Loader, View, blocks, literals, numbers};
use crate::Address;
use crate::address::NAMESPACE;
use crate::hcl::source::Span;
use crate::hcl::{Evaluator, Faults};
use crate::late::{Nothing, resolve_all};
use crate::value::{Late, LiteralSecret, SecretRef, Val};

/// Reads the object at `site` into `desired`.
pub(super) fn read(
    loader: &Loader<'_>,
    locals: &Locals,
    index: &Index,
    site: &Site<'_>,
    desired: &mut Desired,
    found: &mut Vec<Diagnostic>,
) {
    let uses = RefCell::new(BTreeSet::new());
    let each = site.each.as_ref().map(|(key, value)| (key.as_str(), value));
    let view = View { locals, index: Some(index), each, at: &site.address, uses: &uses };
    let evaluator = Evaluator::new(loader.scope(site.file, &view), &loader.budget);
    depends_on(&evaluator, site, found);
    let mut fields = read_fields(loader, evaluator, site, found);
    place_secrets(loader, site, &mut fields);
    for (name, value) in blocks::keys_of(site.kind, &site.address) {
        fields.values.insert(name.to_owned(), value);
    }
    let span = site.file.span(site.block.ident.span().unwrap_or_default());
    guard_secrets(loader, site, &mut fields, &span, found);
    check_numbers(site, &fields, &span, found);
    fields.broken |= is_untyped(site) || !loader.is_whole(site.file, site.block);
    check(site, &fields, &span, found);
    let needs = needs(&site.address, uses.into_inner());
    desired.places.entry(site.address.clone()).or_default().extend(fields.places);
    let declared = Declared { kind: site.kind, fields: fields.values, span: Some(span), needs };
    insert(desired, site, declared, found);
}

/// True for a mount or an auth method without a type, which is reported already.
fn is_untyped(site: &Site<'_>) -> bool {
    let type_field = blocks::type_field(site.block.ident.as_str());
    type_field.is_some_and(|field| site.block.body.get_attribute(field).is_none())
}

/// `depends_on` only names objects; the scope takes note of them.
fn depends_on(evaluator: &Evaluator<'_>, site: &Site<'_>, found: &mut Vec<Diagnostic>) {
    let Some(attribute) = site.block.body.get_attribute("depends_on") else { return };
    match evaluator.value(&attribute.value) {
        Ok(Val::List(items)) if items.iter().all(names_objects) => {}
        Ok(_) => {
            let range = attribute.value.span().unwrap_or_default();
            let wrong = Diagnostic::error("`depends_on` must be a list of objects, such as `[policy.app]`");
            found.push(wrong.at_span(&site.file.name, range));
        }
        Err(Faults(faults)) => found.extend(faults),
    }
}

/// True for an object, and for all those of one block.
fn names_objects(value: &Val) -> bool {
    match value {
        Val::Object(_) => true,
        Val::Map(entries) => entries.values().all(names_objects),
        _ => false,
    }
}

fn read_fields(
    loader: &Loader<'_>,
    evaluator: Evaluator<'_>,
    site: &Site<'_>,
    found: &mut Vec<Diagnostic>,
) -> Fields {
    let children = match site.block.ident.as_str() {
        name if blocks::is_container(name) => blocks::names_within(name),
        _ => Vec::new(),
    };
    let (file, kind, fields) = (site.file, site.kind, Fields::default());
    let mut reader = Reader { evaluator, file, kind, open: &loader.open, found, fields };
    reader.body(&site.block.body, |name| children.contains(&name));
    reader.fields
}

/// Secrets of the server are read in the namespace of the object that names them, be it by way of a local.
fn place_secrets(loader: &Loader<'_>, site: &Site<'_>, fields: &mut Fields) {
    let namespace = site.address.namespace();
    for value in fields.values.values_mut().filter(|value| value.is_secret()) {
        let mut places = loader.secrets.borrow_mut();
        for secret in value.secrets() {
            if let Some(place) = places.get(&secret).cloned() {
                places.entry(secret.named_in(&namespace)).or_insert(place);
            }
        }
        *value = value.named_in(&namespace);
    }
}

fn needs(address: &Address, mut uses: BTreeSet<Address>) -> BTreeSet<Address> {
    uses.extend(address.containers());
    uses.remove(address);
    // What an object holds comes after it, even if it names it.
    uses.retain(|used| !used.is_within(address));
    uses
}

fn insert(desired: &mut Desired, site: &Site<'_>, declared: Declared, found: &mut Vec<Diagnostic>) {
    let Some(first) = desired.objects.get_mut(&site.address) else {
        desired.objects.insert(site.address.clone(), declared);
        return;
    };
    // A namespace may be spread over several blocks and files; its own fields stand in one of them.
    let says_nothing = |object: &Declared| object.fields.len() <= 1;
    if site.kind.name == NAMESPACE && (says_nothing(first) || says_nothing(&declared)) {
        first.needs.extend(declared.needs.iter().cloned());
        first.fields.extend(declared.fields);
        return;
    }
    let span = site.file.span(site.block.ident.span().unwrap_or_default());
    let mut twice =
        Diagnostic::error(format!("`{}` is declared twice", site.address)).at_span(&span.file, span.range);
    if let Some(first) = &first.span {
        twice = twice.because(format!("first in {}, line {}", first.file, first.line));
    }
    found.push(twice);
}

/// What to do with text that is no secret.
const MARK: &str = "text that is no secret is marked: `nonsensitive(\"…\")`";

/// Refuses literals where secrets belong; or, if they are allowed, makes secrets of them.
fn guard_secrets(
    loader: &Loader<'_>,
    site: &Site<'_>,
    fields: &mut Fields,
    span: &Span,
    found: &mut Vec<Diagnostic>,
) {
    for field in site.kind.fields() {
        let Some(value) = fields.values.get_mut(field.name) else { continue };
        let place = fields.places.get(field.name).unwrap_or(span);
        if !literals::holds_secret(field, value) {
            continue;
        }
        if !loader.options.allow_literal_secrets {
            let text = format!("`{}` holds a secret in clear", field.name);
            let hint = "take it from elsewhere: `secret.env(\"NAME\")`, `secret.file(\"path\")`, `secret.kv(\"mount/path\", \"field\")`";
            // The line itself is shown with stars in place of the secret.
            let hidden = site.file.shown_range(place.range.clone());
            loader.hidden.borrow_mut().push(site.file.span(hidden));
            let range = site.file.value_range(place.range.clone());
            let found_here = Diagnostic::error(text).hint(hint).hint(MARK);
            found.push(found_here.at_span(&place.file, range));
            fields.broken = true;
            continue;
        }
        // One line makes all instances of a `for_each`, so the place alone would not tell their secrets apart.
        let place = format!("{}:{}#{}#{}", place.file, place.line, site.address, field.name);
        let secret =
            |plain| Val::late(Late::Secret(SecretRef::Literal(LiteralSecret::new(place.clone(), plain))));
        *value = match crate::hcl::plain_value(value) {
            Some(plain) => secret(plain),
            None => {
                literals::sealed(value, &|text| secret(crate::hcl::plain_value(text).unwrap_or_default()))
            }
        };
    }
}

/// Refuses numbers that would not arrive as they are. They are not shown, since they may be secret.
fn check_numbers(site: &Site<'_>, fields: &Fields, span: &Span, found: &mut Vec<Diagnostic>) {
    for field in site.kind.fields() {
        let Some(cause) = fields.values.get(field.name).and_then(|value| numbers::fault(field, value)) else {
            continue;
        };
        let diagnostic = Diagnostic::error(format!("`{}` holds a number that is out of range", field.name))
            .because(cause)
            .hint("write it as text, in quotes")
            .at_field(field.name);
        found.push(placed(diagnostic, fields, span));
    }
}

/// What the kind's table says is wrong.
fn check(site: &Site<'_>, fields: &Fields, span: &Span, found: &mut Vec<Diagnostic>) {
    match resolve_all(&fields.values, &Nothing) {
        Ok(record) => {
            let mut wrong = schemas::check::check(site.kind, &record);
            // What seems to be missing may be what could not be read.
            wrong.retain(|found| {
                !fields.broken || field_of(found).is_some_and(|field| fields.places.contains_key(field))
            });
            found.extend(wrong.into_iter().map(|diagnostic| placed(diagnostic, fields, span)));
        }
        Err((field, error)) => {
            let diagnostic = Diagnostic::error(format!("`{field}`: {error}")).at_field(field);
            found.push(placed(diagnostic, fields, span));
        }
    }
}

/// Puts a diagnostic about a field where the field stands.
fn placed(diagnostic: Diagnostic, fields: &Fields, span: &Span) -> Diagnostic {
    let field = field_of(&diagnostic).unwrap_or_default();
    let place = fields.places.get(field).unwrap_or(span).clone();
    diagnostic.at_span(&place.file, place.range)
}

/// The field that a diagnostic is about.
fn field_of(diagnostic: &Diagnostic) -> Option<&str> {
    match &diagnostic.place {
        Some(Place::Field(path)) => path.split(['.', '[']).next(),
        _ => None,
    }
}
