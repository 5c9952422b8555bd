//! Configuration files to what is desired.

mod blocks;
mod fields;
mod forms;
mod index;
pub(crate) mod literals;
mod locals;
mod moves;
mod numbers;
mod object;
mod open;
mod orders;
pub(crate) mod paths;
mod rules;
mod types;
mod variables;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::PathBuf;

use hcl_edit::Span as _;
use hcl_edit::structure::{Block, Body};
use schemas::{Diagnostic, Kind, Place, Secret};

use crate::Address;
use crate::hcl::source::{Reading, SourceFile, Sources, Span, read};
use crate::hcl::{Budget, Scope};
use crate::value::{SecretRef, Val};
pub(crate) use blocks::{is_container, keys_of, type_field, type_of};
use index::Index;
use locals::Locals;
use open::Open;
use variables::Variables;
#[cfg(test)]
pub(crate) use variables::alone as evaluate_alone;
pub use variables::{Sensitive, values};

/// What is declared.
#[derive(Clone, Debug, Default)]
pub struct Desired {
    /// The objects, by address.
    pub objects: BTreeMap<Address, Declared>,
    /// Where their fields stand.
    pub places: Places,
    /// Objects that must not be there any more.
    pub removed: BTreeMap<Address, Removed>,
    /// Objects that were elsewhere: new address to the old ones, the latest first.
    pub moved: BTreeMap<Address, Vec<Address>>,
}

/// Where the fields of objects stand, by address and name.
pub type Places = BTreeMap<Address, BTreeMap<String, Span>>;

/// An object as it is declared.
#[derive(Clone, Debug)]
pub struct Declared {
    /// Its kind.
    pub kind: &'static Kind,
    /// Its fields, keys included.
    pub fields: BTreeMap<String, Val>,
    /// Where it is declared.
    pub span: Option<Span>,
    /// The objects it names or stands in.
    pub needs: BTreeSet<Address>,
}

/// An object that must not be there any more.
#[derive(Clone, Debug)]
pub struct Removed {
    /// Its kind.
    pub kind: &'static Kind,
    /// Its keys.
    pub fields: BTreeMap<String, Val>,
    /// The objects it stands in, or whose path it lies below.
    pub needs: BTreeSet<Address>,
    /// Where that is said.
    pub span: Option<Span>,
}

impl Desired {
    /// Where the object at `address` may have been before it moved, or what holds it did; the latest place first.
    pub(crate) fn earlier(&self, address: &Address) -> Vec<Address> {
        let holders = std::iter::once(address.clone()).chain(address.containers());
        let moved = holders.into_iter().find_map(|holder| {
            let sources = self.moved.get(&holder)?;
            Some(sources.iter().map(|from| address.rebased(&holder, from)).collect())
        });
        moved.unwrap_or_else(|| self.earlier_paths(address).unwrap_or_default())
    }

    /// The same for an object that names its path in full.
    fn earlier_paths(&self, address: &Address) -> Option<Vec<Address>> {
        let (to, sources) = self.moved.iter().find(|(to, _)| paths::lies_below(address, to))?;
        sources.iter().map(|from| paths::rebased(address, to, from)).collect()
    }
}

/// What the command line and the environment say about a configuration.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Values of variables, as `-var name=value` gives them; the last of a name wins.
    pub variables: Vec<(String, String)>,
    /// Files with values of variables.
    pub variable_files: Vec<PathBuf>,
    /// Values of variables from the environment, the prefix taken off.
    pub environment: Vec<(String, String)>,
    /// Let literals stand in fields that hold secrets.
    pub allow_literal_secrets: bool,
}

/// A configuration that was read.
#[derive(Debug, Default)]
pub struct Loaded {
    /// What is declared. Incomplete if there are errors.
    pub desired: Desired,
    /// The files, for showing errors.
    pub sources: Sources,
    /// What is wrong.
    pub diagnostics: Vec<Diagnostic>,
    /// Values of sensitive variables.
    pub secrets: BTreeMap<String, Secret>,
    /// The sensitive variables.
    pub sensitive: BTreeMap<String, Sensitive>,
    /// Where secrets are named first.
    pub secret_places: BTreeMap<SecretRef, Span>,
}

impl Loaded {
    /// True if nothing can be done with it.
    pub fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(Diagnostic::is_error)
    }

    /// Findings about secrets with the places where these are named.
    pub fn located(&self, found: Vec<Diagnostic>) -> Vec<Diagnostic> {
        let place = |name: &str| {
            self.secret_places
                .iter()
                .find(|(reference, _)| reference.to_string() == name)
                .map(|(_, span)| span)
        };
        let locate = |found: Diagnostic| match &found.place {
            Some(Place::Field(name)) => match place(name).cloned() {
                Some(span) => found.at_span(&span.file, span.range),
                None => found,
            },
            _ => found,
        };
        found.into_iter().map(locate).collect()
    }
}

/// A parsed file.
pub(crate) struct Parsed<'a> {
    pub(crate) file: &'a SourceFile,
    pub(crate) body: Body,
    /// What was left out, since its syntax is wrong.
    pub(crate) gaps: Vec<Range<usize>>,
}

impl Parsed<'_> {
    /// True if nothing of `block`, which is in this file, was left out.
    pub(crate) fn is_whole(&self, block: &Block) -> bool {
        let span = block.span().unwrap_or_default();
        !self.gaps.iter().any(|gap| gap.start < span.end && span.start < gap.end)
    }
}

/// Prefix of environment variables that give values of variables.
pub const VARIABLE_PREFIX: &str = "LOCKSTEP_VAR_";

/// Reads the files and folders `paths`. Does not stop at an error: all that can be found is in the result.
pub fn load(paths: &[PathBuf], options: &Options) -> Loaded {
    let (sources, diagnostics) = read(paths);
    from_sources(sources, diagnostics, options)
}

/// Reads one text, as if it were a file called `name`.
pub fn load_text(name: &str, text: &str, options: &Options) -> Loaded {
    let mut sources = Sources::default();
    sources.add(SourceFile { name: name.into(), text: text.into() });
    from_sources(sources, Vec::new(), options)
}

fn from_sources(sources: Sources, mut diagnostics: Vec<Diagnostic>, options: &Options) -> Loaded {
    let (mut parsed, mut literals) = (Vec::new(), Vec::new());
    for file in sources.files() {
        let Reading { body, errors, gaps, literals: found } = file.parse(&blocks::begins_part);
        diagnostics.extend(errors);
        parsed.push(Parsed { file, body, gaps });
        literals.push((file, found));
    }
    let unread = !diagnostics.is_empty();
    let mut loader = Loader::new(&parsed, options);
    let desired = loader.desired();
    // With a part of a file missing, every reference into it would be reported besides.
    let names_nothing = |text: &str| {
        text.ends_with("is not declared")
            || NO_SUCH_NAME.into_iter().any(|beginning| text.starts_with(beginning))
    };
    let follows = |found: &Diagnostic| unread && names_nothing(&found.summary);
    diagnostics.extend(loader.diagnostics.into_iter().filter(|found| !follows(found)));
    let mut shown = sources.clone();
    for (file, literals) in literals {
        shown.show(loader.open.borrow().masked(file, literals));
    }
    let mut shown = shown.masked(&loader.hidden.into_inner());
    loader.variables.files.into_iter().for_each(|file| shown.add(file));
    in_reading_order(&mut diagnostics, &shown);
    let Variables { secrets, sensitive, .. } = loader.variables;
    let mut secret_places = loader.secrets.into_inner();
    for (name, variable) in &sensitive {
        secret_places.insert(SecretRef::Variable(name.clone()), variable.span.clone());
    }
    Loaded { desired, sources: shown, diagnostics, secrets, sensitive, secret_places }
}

/// Beginnings of what is said of variables and locals that are not declared.
const NO_SUCH_NAME: [&str; 2] = ["there is no variable `", "there is no local `"];

/// Sorts findings by where they are; those without a place come first.
fn in_reading_order(diagnostics: &mut [Diagnostic], sources: &Sources) {
    let position = |name: &str| sources.files().iter().position(|file| &*file.name == name);
    diagnostics.sort_by_key(|diagnostic| match &diagnostic.place {
        Some(Place::Span { file, range }) => Some((position(file), range.start)),
        _ => None,
    });
}

/// What is known while reading.
pub(crate) struct Loader<'a> {
    pub(crate) parsed: &'a [Parsed<'a>],
    pub(crate) options: &'a Options,
    pub(crate) budget: Budget,
    pub(crate) variables: Variables,
    pub(crate) diagnostics: Vec<Diagnostic>,
    /// Where secrets are named first.
    pub(crate) secrets: RefCell<BTreeMap<SecretRef, Span>>,
    /// Where secrets stand in clear, which must not be shown.
    pub(crate) hidden: RefCell<Vec<Span>>,
    /// Where no secrets stand.
    pub(crate) open: RefCell<Open>,
}

impl<'a> Loader<'a> {
    fn new(parsed: &'a [Parsed<'a>], options: &'a Options) -> Self {
        let mut diagnostics = Vec::new();
        let budget = Budget::new();
        let variables = variables::read(parsed, options, &budget, &mut diagnostics);
        let (secrets, hidden, open) = (RefCell::default(), RefCell::default(), RefCell::default());
        Self { parsed, options, budget, variables, diagnostics, secrets, hidden, open }
    }

    fn desired(&mut self) -> Desired {
        self.parsed.iter().for_each(|parsed| self.open.borrow_mut().directives(parsed));
        // The names of objects may depend on locals, and locals on objects: so locals are looked at twice.
        let early = locals::read(self, None, &mut Vec::new());
        let mut found = Vec::new();
        let (index, sites) = index::build(self, &early, &mut found);
        let locals = locals::read(self, Some(&index), &mut found);
        let mut desired = Desired::default();
        for site in &sites {
            object::read(self, &locals, &index, site, &mut desired, &mut found);
        }
        orders::read(self, &index, &mut desired, &mut found);
        moves::read(self, &index, &mut desired, &mut found);
        paths::order(&mut desired);
        rules::check_cycles(&desired, &mut found);
        rules::check_same(&desired, &mut found);
        self.diagnostics.extend(found);
        desired
    }

    /// True if nothing of `block` in `file` was left out because of its syntax.
    pub(crate) fn is_whole(&self, file: &SourceFile, block: &Block) -> bool {
        let parsed = self.parsed.iter().find(|parsed| parsed.file.name == file.name);
        parsed.is_none_or(|parsed| parsed.is_whole(block))
    }

    /// The scope of an expression in `file`.
    pub(crate) fn scope<'b>(&'b self, file: &'b SourceFile, view: &View<'b>) -> Scope<'b> {
        Scope {
            file,
            variables: &self.variables.values,
            broken: &view.locals.broken,
            locals: &view.locals.values,
            each: view.each,
            at: view.at,
            objects: view.index.map(|index| index as &dyn crate::hcl::Objects),
            uses: view.uses,
            secrets: &self.secrets,
            in_template: false,
            local_uses: &view.locals.uses,
        }
    }
}

/// What an expression sees besides variables.
#[derive(Clone, Copy)]
pub(crate) struct View<'b> {
    pub(crate) locals: &'b Locals,
    pub(crate) index: Option<&'b Index>,
    pub(crate) each: Option<(&'b str, &'b Val)>,
    pub(crate) at: &'b Address,
    pub(crate) uses: &'b std::cell::RefCell<BTreeSet<Address>>,
}
