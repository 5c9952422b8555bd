//! `variable` blocks and the values that the command line, files and the environment give.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use hcl_edit::Span as _;
use hcl_edit::expr::Expression;
use hcl_edit::structure::{Attribute, Block};
use schemas::{Diagnostic, Secret, Value};

use super::fields::unsaid;
use super::orders::no_blocks;
use super::types::Type;
use super::{Options, Parsed, VARIABLE_PREFIX};
use crate::Address;
use crate::hcl::source::{SourceFile, Span, read_code};
use crate::hcl::{Budget, Evaluator, Faults, Scope, plain_value};
use crate::nearest::hint_for;
use crate::value::{Late, SecretRef, Val};

/// Variables with their values.
#[derive(Default)]
pub(crate) struct Variables {
    pub(crate) values: BTreeMap<String, Val>,
    /// `var.x` whose value is wrong or missing.
    pub(crate) broken: BTreeSet<String>,
    /// Values of sensitive ones.
    pub(crate) secrets: BTreeMap<String, Secret>,
    /// The sensitive ones.
    pub(crate) sensitive: BTreeMap<String, Sensitive>,
    /// Files with values of which something is wrong, to be shown: names alone, with stars for all else.
    pub(crate) files: Vec<SourceFile>,
}

/// A sensitive variable: what has to be known to give it its value once more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sensitive {
    /// Its type, as it is written.
    pub kind: String,
    /// True if the value is the default, which stands in the configuration.
    pub from_default: bool,
    /// Where it is declared.
    pub span: Span,
}

/// A `variable` block.
struct Variable<'a> {
    name: String,
    file: &'a SourceFile,
    block: &'a Block,
    kind: Type,
    sensitive: bool,
    nullable: bool,
    /// False if a part of it could not be read.
    is_whole: bool,
}

/// A value that was given for a variable.
enum Given {
    /// As text of the command line or the environment.
    Text(String),
    /// As a value of a file.
    Value(Val),
}

pub(super) fn read(
    parsed: &[Parsed<'_>],
    options: &Options,
    budget: &Budget,
    found: &mut Vec<Diagnostic>,
) -> Variables {
    let declared = declarations(parsed, found);
    let (mut given, files) = given(options, budget, found);
    refuse_unknown(&declared, options, found);
    let files = files.iter().filter_map(|file| refuse_strangers(&declared, file, found)).collect();
    let mut variables = Variables { files, ..Variables::default() };
    for variable in declared.values() {
        let given = given.remove(&variable.name);
        let from_default = given.is_none();
        match value(variable, given, budget) {
            Ok(value) => variables.take(variable, value, from_default),
            Err(Faults(faults)) => {
                variables.broken.insert(format!("var.{}", variable.name));
                found.extend(faults);
            }
        }
    }
    variables
}

impl Variables {
    fn take(&mut self, variable: &Variable<'_>, value: Val, from_default: bool) {
        let name = variable.name.clone();
        if !variable.sensitive || value == Val::Null {
            self.values.insert(name, value);
            return;
        }
        if let Some(plain) = plain_value(&value) {
            self.secrets.insert(name.clone(), Secret::new(plain));
        }
        let span = variable.file.span(variable.block.ident.span().unwrap_or_default());
        let kind = variable.type_text();
        self.sensitive.insert(name.clone(), Sensitive { kind, from_default, span });
        self.values.insert(name.clone(), Val::late(Late::Secret(SecretRef::Variable(name))));
    }
}

impl Variable<'_> {
    /// Its type as it is written.
    fn type_text(&self) -> String {
        let range = self.block.body.get_attribute("type").and_then(|attribute| attribute.value.span());
        let text = range.and_then(|range| self.file.text.get(range));
        text.unwrap_or("any").to_owned()
    }
}

fn declarations<'a>(parsed: &'a [Parsed<'_>], found: &mut Vec<Diagnostic>) -> BTreeMap<String, Variable<'a>> {
    let mut declared: BTreeMap<String, Variable<'a>> = BTreeMap::new();
    for parsed in parsed {
        let file = parsed.file;
        for block in parsed.body.get_blocks("variable") {
            let range = block.ident.span().unwrap_or_default();
            let [label] = block.labels.as_slice() else {
                let wrong =
                    Diagnostic::error("a variable has one label, its name").at_span(&file.name, range);
                found.push(wrong.hint("write `variable \"name\" {`"));
                continue;
            };
            let variable = declaration(parsed, block, label.as_str(), found);
            if let Some(first) = declared.get(&variable.name) {
                let line = first.file.span(first.block.ident.span().unwrap_or_default());
                let text = format!("variable `{}` is declared twice", variable.name);
                let because = format!("first in {}, line {}", line.file, line.line);
                found.push(Diagnostic::error(text).because(because).at_span(&file.name, range));
                continue;
            }
            declared.insert(variable.name.clone(), variable);
        }
    }
    declared
}

fn declaration<'a>(
    parsed: &'a Parsed<'_>,
    block: &'a Block,
    name: &str,
    found: &mut Vec<Diagnostic>,
) -> Variable<'a> {
    let file = parsed.file;
    found.extend(no_blocks(file, block).err());
    let known = ["type", "default", "sensitive", "description", "nullable"];
    for attribute in block.body.attributes().filter(|attribute| !known.contains(&attribute.key.as_str())) {
        let text = format!("a variable has no `{}`", attribute.key.as_str());
        let unknown = Diagnostic::error(text).at_span(&file.name, attribute.key.span().unwrap_or_default());
        found.push(hint_for(unknown, attribute.key.as_str(), known));
    }
    let kind = block.body.get_attribute("type").map_or(Some(Type::Any), |attribute| {
        let kind = Type::parse(&attribute.value);
        if kind.is_none() {
            let wrong = Diagnostic::error("this is no type")
                .at_span(&file.name, attribute.value.span().unwrap_or_default())
                .hint("types are `string`, `number`, `bool`, `any`, `list(…)`, `set(…)`, `map(…)`, `object({…})` and `tuple([…])`");
            found.push(wrong);
        }
        kind
    });
    let mut flag = |name: &str| {
        flag(file, block, name).unwrap_or_else(|error| {
            found.push(error);
            None
        })
    };
    let (sensitive, nullable) = (flag("sensitive"), flag("nullable"));
    Variable {
        name: name.to_owned(),
        file,
        block,
        kind: kind.unwrap_or(Type::Any),
        sensitive: sensitive.unwrap_or_default(),
        nullable: nullable.unwrap_or(true),
        is_whole: parsed.is_whole(block),
    }
}

/// The truth value that stands there as it is: nothing is evaluated here.
fn flag(file: &SourceFile, block: &Block, name: &str) -> Result<Option<bool>, Diagnostic> {
    let Some(attribute) = block.body.get_attribute(name) else { return Ok(None) };
    attribute.value.as_bool().map(Some).ok_or_else(|| {
        let found = Diagnostic::error(format!("`{name}` of a variable must be `true` or `false`"));
        found.at_span(&file.name, attribute.value.span().unwrap_or_default())
    })
}

/// Evaluates where no name means anything.
pub(crate) fn alone(file: &SourceFile, expression: &Expression, budget: &Budget) -> Result<Val, Faults> {
    let (nothing, nowhere) = (BTreeMap::new(), Address::root());
    let (broken, uses, local_uses) = (BTreeSet::new(), RefCell::new(BTreeSet::new()), BTreeMap::new());
    let secrets = RefCell::new(BTreeMap::new());
    let scope = Scope {
        file,
        variables: &nothing,
        broken: &broken,
        locals: &nothing,
        each: None,
        at: &nowhere,
        objects: Some(&NoObjects),
        uses: &uses,
        secrets: &secrets,
        in_template: false,
        local_uses: &local_uses,
    };
    Evaluator::new(scope, budget).value(expression)
}

/// No object can be named.
struct NoObjects;

impl crate::hcl::Objects for NoObjects {
    fn find(&self, _scope: &Address, _words: &[String]) -> Option<(Val, usize)> {
        None
    }

    fn is_block(&self, _word: &str) -> bool {
        false
    }

    fn field(&self, _address: &Address, _field: &str) -> Result<Val, Vec<&'static str>> {
        Err(Vec::new())
    }

    fn suggestions(&self, _scope: &Address) -> Vec<String> {
        Vec::new()
    }
}

/// A file with values, and the names in it.
struct ValueFile {
    file: SourceFile,
    names: Vec<(String, Range<usize>)>,
}

/// Values by name; those that count more replace others: environment, then files, then the command line.
fn given(
    options: &Options,
    budget: &Budget,
    found: &mut Vec<Diagnostic>,
) -> (BTreeMap<String, Given>, Vec<ValueFile>) {
    let (mut given, mut files) = (BTreeMap::new(), Vec::new());
    for (name, text) in &options.environment {
        given.insert(name.clone(), Given::Text(text.clone()));
    }
    for path in &options.variable_files {
        match values_of_file(path, budget) {
            Ok((file, values)) => {
                files.push(file);
                given.extend(values.into_iter().map(|(name, value)| (name, Given::Value(value))));
            }
            Err(Faults(faults)) => found.extend(faults),
        }
    }
    for (name, text) in &options.variables {
        given.insert(name.clone(), Given::Text(text.clone()));
    }
    (given, files)
}

type Values = Vec<(String, Val)>;

fn values_of_file(path: &std::path::Path, budget: &Budget) -> Result<(ValueFile, Values), Faults> {
    let file = read_code(path)?;
    if path.extension().is_some_and(|extension| extension == "json") {
        let wrong =
            |cause: &str| Diagnostic::error(format!("`{}` holds no values", file.name)).because(cause);
        let value = schemas::json::parse(&file.text).map_err(|error| wrong(&error))?;
        let Val::Map(entries) = Val::from(&value) else { return Err(wrong("it is no JSON object").into()) };
        let place = |name: &String| file.find_text(0..file.text.len(), name).unwrap_or_default();
        let names = entries.keys().map(|name| (name.clone(), place(name))).collect();
        return Ok((ValueFile { file, names }, entries.into_iter().collect()));
    }
    // The text may hold secrets, so an error shows no part of it.
    let plain = |found: Diagnostic| Diagnostic::error(format!("`{}`: {}", file.name, found.summary));
    let plain = |Faults(found): Faults| Faults(found.into_iter().map(plain).collect());
    let body = file.parse_whole().map_err(plain)?;
    if let Some(block) = body.blocks().next() {
        let text = format!(
            "`{}`: a file of values holds no blocks, and there is one on line {}",
            file.name,
            file.span(block.ident.span().unwrap_or_default()).line
        );
        return Err(Diagnostic::error(text).hint("a value is `name = value`").into());
    }
    let values = body.attributes().map(|attribute| value_of_attribute(&file, attribute, budget));
    let values = values.collect::<Result<_, Faults>>().map_err(plain)?;
    let keys = body.attributes().map(|attribute| &attribute.key);
    let names = keys.map(|key| (key.to_string(), key.span().unwrap_or_default())).collect();
    Ok((ValueFile { file, names }, values))
}

/// Reports names of `given` that are not declared. The result is the file as it may be shown, if there is any.
fn refuse_strangers(
    declared: &BTreeMap<String, Variable<'_>>,
    given: &ValueFile,
    found: &mut Vec<Diagnostic>,
) -> Option<SourceFile> {
    let strangers: Vec<_> = given.names.iter().filter(|(name, _)| !declared.contains_key(name)).collect();
    for (name, range) in &strangers {
        let unknown = Diagnostic::error(format!("there is no variable `{name}`"))
            .because("a value for it stands in a file of values")
            .at_span(&given.file.name, range.clone());
        found.push(hint_for(unknown, name, declared.keys().map(String::as_str)));
    }
    (!strangers.is_empty())
        .then(|| given.file.masked_but(&strangers.iter().map(|(_, r)| r.clone()).collect::<Vec<_>>()))
}

/// Values of the sensitive variables of a saved plan, whose types are `kinds`: from the environment, files and the
/// command line, as they are given for planning. Of those that have none there is none in the result.
///
/// # Errors
/// What is wrong with a file or a value; never its content. A value that the plan does not need, since it would change
/// nothing; but for those of the environment, which is there for other plans, too.
pub fn values(
    kinds: &BTreeMap<String, String>,
    options: &Options,
) -> Result<BTreeMap<String, Secret>, Vec<Diagnostic>> {
    let (budget, mut found) = (Budget::new(), Vec::new());
    let (mut given, files) = given(options, &budget, &mut found);
    refuse_unneeded(kinds, options, &files, &mut found);
    let mut values = BTreeMap::new();
    for (name, kind) in kinds {
        let Some(given) = given.remove(name) else { continue };
        match one_value(name, kind, given, &budget) {
            Ok(value) => drop(values.insert(name.clone(), Secret::new(value))),
            Err(Faults(faults)) => found.extend(faults),
        }
    }
    if found.is_empty() { Ok(values) } else { Err(found) }
}

/// Reports values that a saved plan, which needs those of `kinds`, does not take.
fn refuse_unneeded(
    kinds: &BTreeMap<String, String>,
    options: &Options,
    files: &[ValueFile],
    found: &mut Vec<Diagnostic>,
) {
    let flags = options.variables.iter().map(|(name, _)| (name, format!("`-var {name}=…`")));
    let entries = files.iter().flat_map(|file| {
        file.names
            .iter()
            .map(|(name, _)| (name, format!("a value of `{name}`, which stands in `{}`", file.file.name)))
    });
    for (name, what) in flags.chain(entries).filter(|(name, _)| !kinds.contains_key(*name)) {
        let unneeded = Diagnostic::error(format!("a saved plan cannot be applied with {what}"))
            .because(
                "values of variables were decided when it was made, but for those of secrets that it needs",
            )
            .hint("give this value to `lockstep plan -out`");
        found.push(hint_for(unneeded, name, kinds.keys().map(String::as_str)));
    }
}

fn one_value(name: &str, kind: &str, given: Given, budget: &Budget) -> Result<Value, Faults> {
    let wrong =
        |what: String| Faults::from(Diagnostic::error(format!("the value of variable `{name}` {what}")));
    let parsed = hcl_edit::parser::parse_expr(kind).ok().and_then(|kind| Type::parse(&kind));
    let kind = parsed.ok_or_else(|| wrong("has no type in the plan".to_owned()))?;
    let value = match given {
        Given::Value(value) => value,
        Given::Text(text) if kind.is_text() => Val::String(text),
        Given::Text(text) => {
            expression(name, &text, budget).map_err(|what| wrong(format!("is no expression: {what}")))?
        }
    };
    let fitted = kind.fit(value).map_err(|expected| wrong(format!("must be {expected}")))?;
    plain_value(&fitted).ok_or_else(|| wrong("is not known".to_owned()))
}

/// The value of the expression `text`, or what is wrong with it.
fn expression(name: &str, text: &str, budget: &Budget) -> Result<Val, String> {
    let parsed = hcl_edit::parser::parse_expr(text).map_err(|error| error.message().to_owned())?;
    let file = SourceFile { name: name.into(), text: text.into() };
    let first = |Faults(found): Faults| found.first().map(|found| found.summary.clone()).unwrap_or_default();
    alone(&file, &parsed, budget).map_err(first)
}

fn value_of_attribute(
    file: &SourceFile,
    attribute: &Attribute,
    budget: &Budget,
) -> Result<(String, Val), Faults> {
    Ok((attribute.key.to_string(), alone(file, &attribute.value, budget)?))
}

fn refuse_unknown(declared: &BTreeMap<String, Variable<'_>>, options: &Options, found: &mut Vec<Diagnostic>) {
    for (name, _) in options.variables.iter().filter(|(name, _)| !declared.contains_key(name)) {
        let unknown = Diagnostic::error(format!("`-var {name}=…` is for a variable that is not declared"));
        found.push(hint_for(unknown, name, declared.keys().map(String::as_str)));
    }
}

fn value(variable: &Variable<'_>, given: Option<Given>, budget: &Budget) -> Result<Val, Faults> {
    let range = || variable.block.ident.span().unwrap_or_default();
    let (value, from_default) = match (given, variable.block.body.get_attribute("default")) {
        (Some(Given::Text(text)), _) => (of_text(variable, &text, budget)?, false),
        (Some(Given::Value(value)), _) => (value, false),
        (None, Some(default)) => {
            let value = alone(variable.file, &default.value, budget);
            (value.map_err(|faults| unsaid(variable.file, default, faults))?, true)
        }
        (None, None) if !variable.is_whole => return Err(Faults::default()),
        (None, None) => {
            let name = &variable.name;
            let missing = Diagnostic::error(format!("variable `{name}` has no value"))
                .at_span(&variable.file.name, range())
                .hint(format!("give it with `-var {name}=…`, `-var-file`, or `{VARIABLE_PREFIX}{name}` in the environment"));
            return Err(missing.into());
        }
    };
    let wrong = |what: &str| {
        let source = if from_default { "the default" } else { "the value" };
        let text = format!("{source} of variable `{}` must {what}", variable.name);
        Faults::from(Diagnostic::error(text).at_span(&variable.file.name, range()))
    };
    if value == Val::Null && !variable.nullable {
        return Err(wrong("not be null"));
    }
    variable.kind.fit(value).map_err(|expected| wrong(&format!("be {expected}")))
}

/// A value of the command line: as it stands where text is wanted, else an expression.
fn of_text(variable: &Variable<'_>, text: &str, budget: &Budget) -> Result<Val, Faults> {
    if variable.kind.is_text() {
        return Ok(Val::String(text.to_owned()));
    }
    expression(&variable.name, text, budget).map_err(|what| {
        let text = format!("the value of variable `{}` is no expression: {what}", variable.name);
        let range = variable.block.ident.span().unwrap_or_default();
        Diagnostic::error(text).at_span(&variable.file.name, range).into()
    })
}
