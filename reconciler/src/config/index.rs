//! The objects of a configuration by name: what references find.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use hcl_edit::Span as _;
use hcl_edit::expr::Expression;
use hcl_edit::structure::{Attribute, Block, Body};
use schemas::{Diagnostic, Kind};

use super::blocks::{self, DIRECTIVES, container_block};
use super::locals::Locals;
use super::{Loader, View};
use crate::Address;
use crate::address::NAMESPACE;
use crate::hcl::source::SourceFile;
use crate::hcl::{Evaluator, Faults, Objects, text_of};
use crate::nearest::{hint_for, nearest};
use crate::value::{Late, Val};

/// The objects of a configuration by the names that its files give them.
#[derive(Default)]
pub(crate) struct Index {
    /// By container, block and label.
    names: BTreeMap<(Address, String, String), Named>,
    /// The kinds of all objects.
    kinds: BTreeMap<Address, &'static Kind>,
    /// The types of mounts and auth methods.
    types: BTreeMap<Address, String>,
}

/// What a name stands for.
enum Named {
    One(Address),
    Each(BTreeMap<String, Address>),
}

/// One object of one block.
pub(crate) struct Site<'a> {
    pub(super) file: &'a SourceFile,
    pub(super) block: &'a Block,
    pub(super) kind: &'static Kind,
    pub(super) address: Address,
    /// `each.key` and `each.value`, also of the containers.
    pub(super) each: Option<(String, Val)>,
}

/// Finds all objects. What is wrong with their names is reported; what is wrong with their fields is not looked
/// at yet.
pub(super) fn build<'a>(
    loader: &Loader<'a>,
    locals: &Locals,
    found: &mut Vec<Diagnostic>,
) -> (Index, Vec<Site<'a>>) {
    let mut builder =
        Builder { loader, locals, index: Index::default(), sites: Vec::new(), found: Vec::new() };
    for parsed in loader.parsed {
        builder.body(parsed.file, &parsed.body, &Address::root(), None);
    }
    found.extend(builder.found);
    (builder.index, builder.sites)
}

struct Builder<'b, 'a> {
    loader: &'b Loader<'a>,
    locals: &'b Locals,
    index: Index,
    sites: Vec<Site<'a>>,
    found: Vec<Diagnostic>,
}

type Each = Option<(String, Val)>;

impl<'a> Builder<'_, 'a> {
    fn body(&mut self, file: &'a SourceFile, body: &'a Body, within: &Address, each: Option<&(String, Val)>) {
        let is_root = *within == Address::root();
        if is_root {
            for attribute in body.attributes() {
                let text = format!("`{}` means nothing at the top of a file", attribute.key.as_str());
                self.complain(
                    file,
                    attribute.key.span(),
                    Diagnostic::error(text).hint("put it into a block"),
                );
            }
        }
        for block in body.blocks().filter(|block| !(is_root && DIRECTIVES.contains(&block.ident.as_str()))) {
            self.block(file, block, within, each);
        }
    }

    fn complain(&mut self, file: &SourceFile, range: Option<std::ops::Range<usize>>, found: Diagnostic) {
        self.found.push(found.at_span(&file.name, range.unwrap_or_default()));
    }

    fn block(
        &mut self,
        file: &'a SourceFile,
        block: &'a Block,
        within: &Address,
        each: Option<&(String, Val)>,
    ) {
        let name = block.ident.as_str();
        let container = container_block(within).to_owned();
        let names = blocks::names_within(&container);
        if !names.contains(&name) {
            // Within a mount or an auth method it may hold fields: those are looked at later.
            if container == NAMESPACE {
                self.unknown_block(file, block, &names, *within == Address::root());
            }
            return;
        }
        let holds_fields =
            self.index.kinds.get(within).is_some_and(|kind| super::fields::is_part(kind, name));
        if holds_fields {
            return;
        }
        match self.instances(file, block, each) {
            Ok(None) => self.instance(file, block, within, each.cloned(), None),
            Ok(Some(instances)) => {
                let label = block.labels.first().map(|label| label.as_str().to_owned()).unwrap_or_default();
                let entry = (within.clone(), name.to_owned(), label);
                let fresh = Named::Each(BTreeMap::new());
                let taken = match self.index.names.entry(entry).or_insert(fresh) {
                    Named::One(_) => true,
                    // A namespace may be spread over several blocks and files.
                    Named::Each(known) => !known.is_empty() && name != NAMESPACE,
                };
                if taken {
                    self.taken(file, block);
                }
                for (key, value) in instances {
                    self.instance(file, block, within, Some((key.clone(), value)), Some(&key));
                }
            }
            Err(Faults(faults)) => self.found.extend(faults),
        }
    }

    /// Says that another block has the same label, so that nobody could tell which of them a reference means.
    fn taken(&mut self, file: &SourceFile, block: &Block) {
        let name = block.ident.as_str();
        let label = block.labels.first().map(|label| label.as_str()).unwrap_or_default();
        let found = Diagnostic::error(format!("another `{name}` has the label `{label}` already"))
            .because("the label is what references name, and they would not tell these two apart");
        self.complain(file, block.ident.span(), found.hint("give this one another label"));
    }

    fn unknown_block(&mut self, file: &SourceFile, block: &Block, names: &[&'static str], is_root: bool) {
        let name = block.ident.as_str();
        if let Some(found) = blocks::act_called(name) {
            return self.complain(file, block.ident.span(), found);
        }
        let mut found = Diagnostic::error(format!("there is no block `{name}` here"));
        let places: BTreeSet<&str> =
            blocks::kinds().filter(|(_, block)| block.name == name).map(|(_, block)| block.within).collect();
        if places.is_empty() {
            let directives = DIRECTIVES.into_iter().filter(|_| is_root);
            found = hint_for(found, name, names.iter().copied().chain(directives));
        } else {
            let places =
                places.into_iter().map(|place| format!("`{place}`")).collect::<Vec<_>>().join(" or ");
            found = found.hint(format!("it stands within a block {places}"));
        }
        self.complain(file, block.ident.span(), found);
    }

    /// The keys and values of `for_each`; `None` if there is none.
    fn instances(
        &self,
        file: &SourceFile,
        block: &Block,
        each: Option<&(String, Val)>,
    ) -> Result<Option<Vec<(String, Val)>>, Faults> {
        let Some(attribute) = block.body.get_attribute("for_each") else { return Ok(None) };
        let value = self.evaluate(file, &attribute.value, each)?;
        let wrong = |text: &str| {
            let range = attribute.value.span().unwrap_or_default();
            Faults::from(Diagnostic::error(text).at_span(&file.name, range))
        };
        match value {
            Val::Map(entries) => Ok(Some(entries.into_iter().collect())),
            Val::List(items) => {
                let pairs = items.into_iter().map(|item| Some((text_of(&item)?, item)));
                let pairs: Option<BTreeMap<_, _>> = pairs.collect();
                let wrong = || {
                    wrong("`for_each` needs a map or a list of texts, and this is a list of something else")
                };
                pairs.map(|pairs| Some(pairs.into_iter().collect())).ok_or_else(wrong)
            }
            value if value.is_secret() => Err(wrong("`for_each` must not depend on a secret")),
            Val::Late(_) => Err(wrong("`for_each` must not depend on other objects")),
            other => {
                Err(wrong(&format!("`for_each` needs a map or a list, and this is {}", other.describe())))
            }
        }
    }

    fn evaluate(
        &self,
        file: &SourceFile,
        expression: &Expression,
        each: Option<&(String, Val)>,
    ) -> Result<Val, Faults> {
        let (uses, at) = (RefCell::new(BTreeSet::new()), Address::root());
        let each = each.map(|(key, value)| (key.as_str(), value));
        let view = View { locals: self.locals, index: None, each, at: &at, uses: &uses };
        Evaluator::new(self.loader.scope(file, &view), &self.loader.budget).value(expression)
    }

    /// One object. `key` is its key among those of the same block.
    fn instance(
        &mut self,
        file: &'a SourceFile,
        block: &'a Block,
        within: &Address,
        each: Each,
        key: Option<&str>,
    ) {
        let Some((kind, of_type)) = self.kind(file, block, within, each.as_ref()) else { return };
        let Some((label, name)) = self.label(file, block, kind, each.as_ref(), key) else { return };
        let address = within.join(block.ident.as_str(), &blocks::normal_label(kind, &name));
        let entry = (within.clone(), block.ident.to_string(), label);
        match (self.index.names.get_mut(&entry), key) {
            (Some(Named::Each(instances)), Some(key)) => {
                drop(instances.insert(key.to_owned(), address.clone()))
            }
            (None, _) => drop(self.index.names.insert(entry, Named::One(address.clone()))),
            // The same object twice is reported when it is read.
            (Some(Named::One(known)), None) if *known == address => {}
            (Some(_), None) => self.taken(file, block),
            (Some(Named::One(_)), Some(_)) => {}
        }
        self.index.kinds.insert(address.clone(), kind);
        if let Some(of_type) = of_type {
            self.index.types.insert(address.clone(), of_type);
        }
        if blocks::is_container(block.ident.as_str()) {
            self.body(file, &block.body, &address, each.as_ref());
        }
        self.sites.push(Site { file, block, kind, address, each });
    }

    /// The kind of a block, and its type if it is a mount or an auth method.
    fn kind(
        &mut self,
        file: &SourceFile,
        block: &Block,
        within: &Address,
        each: Option<&(String, Val)>,
    ) -> Option<(&'static Kind, Option<String>)> {
        let (name, container) = (block.ident.as_str(), container_block(within).to_owned());
        if container != NAMESPACE {
            // Nothing can be said of what stands in a container of no type.
            let of_type = self.index.types.get(within).cloned()?;
            let kind = blocks::kind_of(name, &container, &of_type);
            if kind.is_none() {
                let types = blocks::types_with(name, &container).join("`, `");
                let text = format!("{container} of type `{of_type}` has no block `{name}`");
                let found = Diagnostic::error(text).hint(format!("types that have it are `{types}`"));
                let found = match nearest(&of_type, &blocks::types_with(name, &container)) {
                    Some(near) => {
                        found.hint(format!("was `{near}` meant, where `{of_type}` is given as the type?"))
                    }
                    None => found,
                };
                self.complain(file, block.ident.span(), found);
            }
            return kind.map(|kind| (kind, None));
        }
        let Some(type_field) = blocks::type_field(name) else {
            return blocks::kind_of(name, NAMESPACE, "").map(|kind| (kind, None));
        };
        let Some(attribute) = block.body.get_attribute(type_field) else {
            // It may be what could not be read.
            if self.loader.is_whole(file, block) {
                let found = Diagnostic::error(format!("this {name} has no `{type_field}`"));
                let types = blocks::types_of(name).into_iter().take(2);
                let types: Vec<_> = types.map(|of_type| format!("`{type_field} = \"{of_type}\"`")).collect();
                let hint = format!("say what it is, such as {}", types.join(" or "));
                self.complain(file, block.ident.span(), found.hint(hint));
            }
            // Its other fields are looked at all the same.
            let fields: Vec<&str> = block.body.attributes().map(|attribute| attribute.key.as_str()).collect();
            return blocks::likely_kind(name, &fields).map(|kind| (kind, None));
        };
        let of_type = self.text(file, attribute, each)?;
        blocks::kind_of(name, NAMESPACE, &of_type).map(|kind| (kind, Some(of_type)))
    }

    /// The text of an attribute that has to be known before anything else is.
    fn text(
        &mut self,
        file: &SourceFile,
        attribute: &Attribute,
        each: Option<&(String, Val)>,
    ) -> Option<String> {
        self.loader.open.borrow_mut().add(file, attribute);
        if let Some(word) = bare_word(&attribute.value) {
            let name = attribute.key.as_str();
            let found = Diagnostic::error(format!("`{word}` is a name, and `{name}` must be text"));
            let found = found.hint(format!("text needs quotes: `{name} = \"{word}\"`"));
            self.complain(file, attribute.value.span(), found);
            return None;
        }
        match self.evaluate(file, &attribute.value, each) {
            Ok(value) => {
                let text = text_of(&value);
                if text.is_none() {
                    let what = match value.is_late() {
                        true => "must not depend on other objects or secrets".to_owned(),
                        false => format!("must be text, and this is {}", value.describe()),
                    };
                    let found = Diagnostic::error(format!("`{}` {what}", attribute.key.as_str()));
                    self.complain(file, attribute.value.span(), found);
                }
                text
            }
            Err(Faults(faults)) => {
                self.found.extend(faults);
                None
            }
        }
    }

    /// The label of a block, and the name that its object has in the API.
    fn label(
        &mut self,
        file: &SourceFile,
        block: &Block,
        kind: &'static Kind,
        each: Option<&(String, Val)>,
        key: Option<&str>,
    ) -> Option<(String, String)> {
        let wanted = usize::from(blocks::label_field(kind).is_some());
        if block.labels.len() != wanted {
            let block_name = block.ident.as_str();
            let found = match wanted {
                0 => Diagnostic::error(format!("`{block_name}` has no label"))
                    .hint(format!("write `{block_name} {{`")),
                _ => Diagnostic::error(format!("`{block_name}` has one label, its name"))
                    .hint(format!("write `{block_name} \"name\" {{`")),
            };
            self.complain(file, block.ident.span(), found);
            return None;
        }
        let label = block.labels.first().map(|label| label.as_str().to_owned()).unwrap_or_default();
        let name_field = blocks::label_field(kind).and_then(|field| block.body.get_attribute(field.name));
        let name = match (name_field, key) {
            (Some(attribute), _) => self.text(file, attribute, each)?,
            (None, Some(key)) => key.to_owned(),
            (None, None) => label.clone(),
        };
        let is_bad = wanted == 1
            && (name.trim_matches('/').is_empty()
                || (kind.name == NAMESPACE && name.trim_matches('/').contains('/')));
        if is_bad {
            let found = Diagnostic::error(format!("`{name}` is no name of a {}", block.ident.as_str()));
            let found = if kind.name == NAMESPACE {
                found.hint("put a namespace block into a namespace block")
            } else {
                found
            };
            self.complain(file, block.labels.first().and_then(|label| label.span()), found);
            return None;
        }
        Some((label, name))
    }
}

/// A word without quotes: `kv`, or `kv-v2`, which is one name too.
fn bare_word(expression: &Expression) -> Option<String> {
    expression.as_variable().map(ToString::to_string)
}

impl Index {
    /// The kind of a declared object.
    pub(super) fn kind(&self, address: &Address) -> Option<&'static Kind> {
        self.kinds.get(address).copied()
    }

    /// The type of a declared mount or auth method.
    pub(super) fn type_of(&self, address: &Address) -> Option<&str> {
        self.types.get(address).map(String::as_str)
    }

    /// Follows `words` from `from` as far as they name objects.
    fn follow(&self, from: &Address, words: &[String]) -> Option<(Val, usize)> {
        let (block, after) = words.split_first()?;
        let with_label = after.first().and_then(|label| {
            let named = self.names.get(&(from.clone(), block.clone(), label.clone()))?;
            Some((named, 2))
        });
        let without = || Some((self.names.get(&(from.clone(), block.clone(), String::new()))?, 1));
        let (named, taken) = with_label.or_else(without)?;
        let (address, taken) = match named {
            Named::One(address) => (address, taken),
            Named::Each(instances) => match words.get(taken).and_then(|key| instances.get(key)) {
                Some(address) => (address, taken + 1),
                None => {
                    let all =
                        instances.iter().map(|(key, address)| (key.clone(), Val::Object(address.clone())));
                    return Some((Val::Map(all.collect()), taken));
                }
            },
        };
        match self.follow(address, &words[taken..]) {
            Some((value, more)) => Some((value, taken + more)),
            None => Some((Val::Object(address.clone()), taken)),
        }
    }

    fn places<'a>(&self, scope: &'a Address) -> impl Iterator<Item = Address> + 'a {
        std::iter::once(scope.clone()).chain(scope.containers()).chain([Address::root()])
    }
}

impl Objects for Index {
    /// Names are looked up in the block itself, then in what holds it, up to its namespace; names that begin with
    /// `namespace` in the namespaces around it as well.
    fn find(&self, scope: &Address, words: &[String]) -> Option<(Val, usize)> {
        let own = scope.namespace_address();
        let is_far = words.first().is_some_and(|word| word == NAMESPACE);
        let own = if container_block(scope) == NAMESPACE { scope.clone() } else { own };
        self.places(scope)
            .filter(|place| is_far || place.is_within(&own))
            .find_map(|place| self.follow(&place, words))
    }

    fn is_block(&self, word: &str) -> bool {
        blocks::is_block(word)
    }

    fn field(&self, address: &Address, field: &str) -> Result<Val, Vec<&'static str>> {
        let Some(kind) = self.kind(address) else { return Err(Vec::new()) };
        let Some(known) = kind.field(field) else {
            return Err(kind.fields().map(|field| field.name).collect());
        };
        let keys = blocks::keys_of(kind, address);
        match keys.into_iter().find(|(name, _)| *name == known.name) {
            Some((_, value)) => Ok(value),
            None => Ok(Val::late(Late::Output { address: address.clone(), field: field.to_owned() })),
        }
    }

    fn suggestions(&self, scope: &Address) -> Vec<String> {
        let places: BTreeSet<Address> = self.places(scope).collect();
        let near = self.names.keys().filter(|(place, ..)| places.contains(place));
        near.map(|(_, block, label)| format!("{block}.{label}").trim_end_matches('.').to_owned()).collect()
    }
}
