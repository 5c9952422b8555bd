//! The fields of a block: attributes, and the blocks that hold further ones.

use std::cell::RefCell;
use std::collections::BTreeMap;

use hcl_edit::Span as _;
use hcl_edit::structure::{Attribute, Block, Body};
use schemas::acl::AclPolicy;
use schemas::kind::{Part, fields};
use schemas::{Diagnostic, Field, Kind, Shape, Text};

use super::open::Open;
use super::orders::no_labels;
use crate::hcl::source::{SourceFile, Span};
use crate::hcl::{Evaluator, Faults, to_shape};
use crate::nearest::hint_for;
use crate::value::Val;

/// Attributes of every block that are no fields.
const COMMON: [&str; 2] = ["for_each", "depends_on"];

/// Fields with their values and places.
#[derive(Default)]
pub(super) struct Fields {
    pub(super) values: BTreeMap<String, Val>,
    pub(super) places: BTreeMap<String, Span>,
    /// True if something was wrong with one.
    pub(super) broken: bool,
}

/// Reads the fields of one block.
pub(super) struct Reader<'a, 'f> {
    pub(super) evaluator: Evaluator<'a>,
    pub(super) file: &'a SourceFile,
    pub(super) kind: &'static Kind,
    pub(super) open: &'a RefCell<Open>,
    pub(super) found: &'f mut Vec<Diagnostic>,
    pub(super) fields: Fields,
}

/// True if a block `name` within an object of `kind` holds fields of it.
pub(super) fn is_part(kind: &Kind, name: &str) -> bool {
    nested(kind, name).is_some() || further(kind, name)
}

/// True if `name` is an endpoint of `kind` whose fields stand in a block.
fn further(kind: &Kind, name: &str) -> bool {
    kind.endpoints.iter().skip(1).any(|endpoint| endpoint.name == name)
}

/// The fields of the nested block `name`, if it is a field itself.
fn nested(kind: &Kind, name: &str) -> Option<(&'static Field, &'static [Part])> {
    let field = kind.field(name)?;
    parts_of(&field.shape).map(|parts| (field, parts))
}

fn parts_of(shape: &Shape) -> Option<&'static [Part]> {
    match shape {
        Shape::Block { parts, .. } | Shape::Object(parts) | Shape::List(Shape::Object(parts)) => Some(parts),
        _ => None,
    }
}

/// True if a block of that shape is an element of a list.
fn takes_blocks(shape: &Shape) -> bool {
    matches!(shape, Shape::Block { .. } | Shape::List(Shape::Object(_)))
}

/// True if `field` or a part of it is hidden.
fn may_hold_secret(field: &Field) -> bool {
    let has_hidden = |parts| fields(parts).any(may_hold_secret);
    field.is_hidden() || parts_of(&field.shape).is_some_and(has_hidden)
}

/// `faults` of the value of `attribute` without the values that they name.
pub(super) fn unsaid(file: &SourceFile, attribute: &Attribute, Faults(faults): Faults) -> Faults {
    let range = attribute.value.span().unwrap_or_default();
    let unsaid = |found| file.unsaid(range.clone(), found, &super::blocks::begins_part);
    Faults(faults.into_iter().map(unsaid).collect())
}

impl Reader<'_, '_> {
    /// Reads the body of the object's own block.
    pub(super) fn body(&mut self, body: &Body, is_child: impl Fn(&str) -> bool) {
        for attribute in body.attributes().filter(|attribute| !COMMON.contains(&attribute.key.as_str())) {
            self.attribute(attribute, None);
        }
        let mut rules = Vec::new();
        for block in body.blocks() {
            let name = block.ident.as_str();
            match nested(self.kind, name) {
                Some((field, parts)) => self.nested(block, field, parts),
                None if further(self.kind, name) => self.endpoint(block),
                None if name == "path" && self.policy_field().is_some() => rules.push(block),
                None if is_child(name) => {}
                None => self.unknown_block(block, &is_child),
            }
        }
        if !rules.is_empty() {
            self.policy(&rules);
        }
    }

    fn complain(&mut self, range: Option<std::ops::Range<usize>>, found: Diagnostic) {
        self.found.push(found.at_span(&self.file.name, range.unwrap_or_default()));
        self.fields.broken = true;
    }

    fn fail(&mut self, Faults(faults): Faults) {
        self.found.extend(faults);
        self.fields.broken = true;
    }

    /// A field of the object. `block` is the endpoint's block that it stands in.
    fn attribute(&mut self, attribute: &Attribute, block: Option<&str>) {
        let name = attribute.key.as_str();
        let Some(field) = self.kind.field(name).filter(|field| belongs(self.kind, field, block)) else {
            return self.unknown(attribute, block);
        };
        if let Some(reason) = field.deprecated {
            let text = format!("`{name}` is deprecated: {reason}");
            let range = attribute.key.span().unwrap_or_default();
            self.found.push(Diagnostic::warning(text).at_span(&self.file.name, range));
        }
        if let Some(value) = self.value(attribute, may_hold_secret(field)) {
            if matches!(value, Val::Map(_)) && takes_blocks(&field.shape) {
                let found = Diagnostic::error(format!("`{name}` is no attribute, but a block"));
                let found = found.hint(format!("write `{name} {{`, and each attribute on a line of its own"));
                return self.complain(attribute.key.span(), found);
            }
            self.set(field.name, to_shape(&field.shape, value), attribute.span());
        }
    }

    /// The value of an attribute; one that `is_hidden` is not told of.
    fn value(&mut self, attribute: &Attribute, is_hidden: bool) -> Option<Val> {
        if !is_hidden {
            self.open.borrow_mut().add(self.file, attribute);
        }
        match self.evaluator.value(&attribute.value) {
            Ok(value) => return Some(value),
            Err(faults) if is_hidden => self.fail(unsaid(self.file, attribute, faults)),
            Err(faults) => self.fail(faults),
        }
        None
    }

    fn set(&mut self, name: &str, value: Val, range: Option<std::ops::Range<usize>>) {
        self.fields.places.insert(name.to_owned(), self.file.span(range.unwrap_or_default()));
        self.fields.values.insert(name.to_owned(), value);
    }

    fn unknown(&mut self, attribute: &Attribute, block: Option<&str>) {
        let name = attribute.key.as_str();
        let kind = self.kind;
        let place =
            block.map_or_else(|| block_name(kind), |block| format!("{} block `{block}`", block_name(kind)));
        let found = Diagnostic::error(format!("{place} has no field `{name}`"));
        let found = match kind.field(name).and_then(|field| field.at) {
            Some(at) if further(kind, at) => found.hint(format!("it stands in a block `{at}`")),
            Some(_) => found.hint("it stands outside of this block"),
            None => {
                let near =
                    kind.fields().filter(|field| field.is_configurable() && belongs(kind, field, block));
                hint_for(found, name, near.map(|field| field.name))
            }
        };
        self.complain(attribute.key.span(), found);
    }

    /// A block of this sort has no label.
    fn unlabelled(&mut self, block: &Block) {
        if let Err(found) = no_labels(self.file, block) {
            self.fail(found.into());
        }
    }

    fn endpoint(&mut self, block: &Block) {
        self.unlabelled(block);
        for attribute in block.body.attributes() {
            self.attribute(attribute, Some(block.ident.as_str()));
        }
        for inner in block.body.blocks() {
            match nested(self.kind, inner.ident.as_str()) {
                Some((field, parts)) if belongs(self.kind, field, Some(block.ident.as_str())) => {
                    self.nested(inner, field, parts);
                }
                _ => self.unknown_block(inner, &|_| false),
            }
        }
    }

    fn unknown_block(&mut self, block: &Block, is_child: &dyn Fn(&str) -> bool) {
        let name = block.ident.as_str();
        if let Some(found) = super::blocks::act_called(name).filter(|_| self.kind.field(name).is_none()) {
            return self.complain(block.ident.span(), found);
        }
        let found = Diagnostic::error(format!("{} has no block `{name}`", block_name(self.kind)));
        let fields =
            self.kind.fields().filter(|field| parts_of(&field.shape).is_some()).map(|field| field.name);
        let endpoints = self.kind.endpoints.iter().skip(1).map(|endpoint| endpoint.name);
        let children: Vec<&str> =
            super::blocks::kinds().map(|(_, block)| block.name).filter(|name| is_child(name)).collect();
        let found = match self.kind.field(name) {
            Some(_) => found.hint(format!("it is an attribute: `{name} = …`")),
            None => hint_for(found, name, fields.chain(endpoints).chain(children)),
        };
        self.complain(block.ident.span(), found);
    }

    /// A nested block, which is an element of a list of objects.
    fn nested(&mut self, block: &Block, field: &'static Field, parts: &'static [Part]) {
        self.unlabelled(block);
        let Some(entries) = self.entries(&block.body, parts, field.name, field.is_hidden()) else { return };
        let element = Val::Map(entries);
        let value = match self.fields.values.remove(field.name) {
            Some(Val::List(mut items)) => {
                items.push(element);
                Val::List(items)
            }
            _ => Val::List(vec![element]),
        };
        self.set(field.name, to_shape(&field.shape, value), block.ident.span());
    }

    fn entries(
        &mut self,
        body: &Body,
        parts: &'static [Part],
        path: &str,
        is_hidden: bool,
    ) -> Option<BTreeMap<String, Val>> {
        let mut entries = BTreeMap::new();
        let before = self.found.len();
        for attribute in body.attributes() {
            let name = attribute.key.as_str();
            let Some(field) = fields(parts).find(|field| field.name == name) else {
                let found = Diagnostic::error(format!("block `{path}` has no field `{name}`"));
                let found = hint_for(found, name, fields(parts).map(|field| field.name));
                self.complain(attribute.key.span(), found);
                continue;
            };
            let value = self.value(attribute, is_hidden || may_hold_secret(field));
            entries.extend(value.map(|value| (name.to_owned(), value)));
        }
        for block in body.blocks() {
            self.inner(block, parts, path, (is_hidden, &mut entries));
        }
        (self.found.len() == before).then_some(entries)
    }

    fn inner(
        &mut self,
        block: &Block,
        parts: &'static [Part],
        path: &str,
        (is_hidden, entries): (bool, &mut BTreeMap<String, Val>),
    ) {
        let name = block.ident.as_str();
        let field = fields(parts).find(|field| field.name == name);
        let Some((field, inner)) = field.and_then(|field| Some((field, parts_of(&field.shape)?))) else {
            let found = Diagnostic::error(format!("block `{path}` has no block `{name}`"));
            let found = match field {
                Some(_) => found.hint(format!("it is an attribute: `{name} = …`")),
                None => hint_for(found, name, fields(parts).map(|field| field.name)),
            };
            return self.complain(block.ident.span(), found);
        };
        self.unlabelled(block);
        let is_hidden = is_hidden || field.is_hidden();
        let Some(element) = self.entries(&block.body, inner, &format!("{path}.{name}"), is_hidden) else {
            return;
        };
        let slot = entries.entry(name.to_owned()).or_insert_with(|| Val::List(Vec::new()));
        if let Val::List(items) = slot {
            items.push(Val::Map(element));
        }
    }

    /// The field that holds an ACL policy.
    fn policy_field(&self) -> Option<&'static Field> {
        self.kind.fields().find(|field| matches!(field.shape, Shape::Text(Text::AclPolicy)))
    }

    /// `path` blocks to the text of a policy.
    fn policy(&mut self, rules: &[&Block]) {
        let Some(field) = self.policy_field() else { return };
        if self.fields.values.contains_key(field.name) {
            let found = Diagnostic::error(format!("`{}` and `path` blocks exclude each other", field.name));
            return self.complain(rules.first().and_then(|rule| rule.ident.span()), found);
        }
        // All rules are looked at, even after one that is wrong.
        let texts: Vec<Option<String>> = rules.iter().map(|rule| self.rule(rule)).collect();
        let Some(texts) = texts.into_iter().collect::<Option<Vec<String>>>() else { return };
        let text = texts.concat();
        let policy = AclPolicy::parse(&text).map_or_else(|_| text.clone(), |policy| policy.to_string());
        let span = rules.first().and_then(|rule| rule.ident.span());
        self.set(field.name, policy.into(), span);
    }

    /// One `path` block as HCL of the policy language.
    fn rule(&mut self, rule: &Block) -> Option<String> {
        let [label] = rule.labels.as_slice() else {
            let wrong = Diagnostic::error("`path` has one label, the path").hint("write `path \"kv/*\" {`");
            self.complain(rule.ident.span(), wrong);
            return None;
        };
        let mut text = format!("path {} {{\n", acl_text(label.as_str()));
        let mut written = Vec::new();
        for attribute in rule.body.attributes() {
            self.open.borrow_mut().add(self.file, attribute);
            match self.evaluator.value(&attribute.value) {
                Ok(value) => match acl_value(&value) {
                    Some(value) => {
                        written.push((text.len(), attribute));
                        text.push_str(&format!("  {} = {value}\n", attribute.key.as_str()));
                    }
                    None => {
                        let what = format!("a rule cannot hold {}", value.describe());
                        let found =
                            Diagnostic::error(what).hint("write the policy as text: `policy = <<EOT`");
                        self.complain(attribute.value.span(), found);
                    }
                },
                Err(faults) => self.fail(faults),
            }
        }
        if let Some(block) = rule.body.blocks().next() {
            let name = block.ident.as_str();
            let found = Diagnostic::error(format!("a rule has no block `{name}`"));
            self.complain(block.ident.span(), found.hint(format!("it is an attribute: `{name} = {{ … }}`")));
            return None;
        }
        text.push_str("}\n");
        let Err(errors) = AclPolicy::parse(&text) else { return Some(text) };
        for error in errors.findings {
            let mut found = Diagnostic::error(error.message);
            found.hints.extend(error.hint);
            let attribute = written.iter().rfind(|(start, _)| *start <= error.span.start);
            let word = text.get(error.span.start..error.span.end).unwrap_or_default();
            let range = attribute.and_then(|(_, attribute)| match word.starts_with(attribute.key.as_str()) {
                true => attribute.key.span(),
                false => self.word(attribute, word),
            });
            self.complain(range.or_else(|| rule.ident.span()), found);
        }
        None
    }

    /// Where `word` stands in `attribute`; all of its value if it is not there, as with a variable.
    fn word(&self, attribute: &Attribute, word: &str) -> Option<std::ops::Range<usize>> {
        let value = attribute.value.span()?;
        let at = self.file.text.get(value.clone())?.find(word).filter(|_| !word.is_empty());
        Some(at.map_or(value.clone(), |at| value.start + at..value.start + at + word.len()))
    }
}

fn acl_text(text: &str) -> String {
    schemas::json::render(&text.into()).replace("${", "\\u0024{")
}

fn acl_value(value: &Val) -> Option<String> {
    Some(match value {
        Val::Bool(value) => value.to_string(),
        Val::Number(number) => number.to_string(),
        Val::String(text) => acl_text(text),
        Val::Object(_) => acl_text(&crate::hcl::text_of(value)?),
        Val::List(items) => {
            format!("[{}]", items.iter().map(acl_value).collect::<Option<Vec<_>>>()?.join(", "))
        }
        Val::Map(entries) => {
            let lines = entries
                .iter()
                .map(|(key, value)| Some(format!("{} = {}\n", acl_text(key), acl_value(value)?)));
            format!("{{\n{}}}", lines.collect::<Option<String>>()?)
        }
        Val::Null | Val::Late(_) => return None,
    })
}

/// True if `field` is written there: fields of the main endpoint directly, others in the block of theirs.
fn belongs(kind: &Kind, field: &Field, block: Option<&str>) -> bool {
    let own = field.at.filter(|at| further(kind, at));
    match (block, own) {
        (Some(block), Some(at)) => block == at,
        (Some(_), None) => false,
        (None, None) => true,
        // A field with an endpoint of its own, or a block that is one, needs no block around it.
        (None, Some(at)) => at == field.name || only_field(kind, at) || parts_of(&field.shape).is_some(),
    }
}

/// True if the endpoint carries one field alone.
fn only_field(kind: &Kind, endpoint: &str) -> bool {
    kind.fields().filter(|field| field.at == Some(endpoint)).count() == 1
}

fn block_name(kind: &Kind) -> String {
    format!("`{}`", kind.block.map_or(kind.name, |block| block.name))
}
