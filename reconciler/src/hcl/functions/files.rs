//! Functions that read files next to the configuration.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use schemas::said_of_file;

use super::WhenLate::{Moves, Refuses, Waits};
use super::{Arguments, Body, Fault, Function, pure};
use crate::Address;
use crate::hcl::evaluate::{Bound, Evaluator};
use crate::hcl::scan::scan;
use crate::hcl::source::{SourceFile, read_file};
use crate::hcl::{Faults, Scope, template};
use crate::value::Val;

pub(super) static FUNCTIONS: &[Function] = &[
    pure("basename", (1, 1), Waits, |a| Ok(part(&a.text(0)?, Path::file_name).into())),
    pure("dirname", (1, 1), Waits, |a| {
        let parent = part(&a.text(0)?, |path| path.parent().map(Path::as_os_str));
        Ok(if parent.is_empty() { "." } else { &parent }.into())
    }),
    Function { name: "file", least: 1, most: 1, late: Refuses, body: Body::Files(file) },
    Function { name: "filebase64", least: 1, most: 1, late: Refuses, body: Body::Files(filebase64) },
    Function { name: "fileexists", least: 1, most: 1, late: Refuses, body: Body::Files(fileexists) },
    Function { name: "templatefile", least: 2, most: 2, late: Moves, body: Body::Files(templatefile) },
];

fn part(path: &str, of: fn(&Path) -> Option<&std::ffi::OsStr>) -> String {
    of(Path::new(path)).map(|part| part.to_string_lossy().into_owned()).unwrap_or_default()
}

/// The path as seen from the configuration file.
pub(super) fn located(evaluator: &Evaluator<'_>, arguments: &Arguments) -> Result<PathBuf, Fault> {
    Ok(evaluator.scope.file.folder().join(arguments.text(0)?))
}

fn read(evaluator: &Evaluator<'_>, arguments: &Arguments) -> Result<SourceFile, Fault> {
    let path = located(evaluator, arguments)?;
    read_file(&path).map_err(|error| {
        let reason = if error.detail.is_empty() { String::new() } else { format!(": {}", error.detail) };
        Fault::new(format!("{}{reason}", error.summary))
            .of(0)
            .hint("paths begin at the folder of the configuration file")
    })
}

fn file(evaluator: &Evaluator<'_>, arguments: &Arguments) -> Result<Val, Fault> {
    Ok(Val::String(read(evaluator, arguments)?.text.to_string()))
}

fn filebase64(evaluator: &Evaluator<'_>, arguments: &Arguments) -> Result<Val, Fault> {
    let path = located(evaluator, arguments)?;
    let bytes = std::fs::read(&path).map_err(|error| {
        let why = said_of_file(&error);
        Fault::new(format!("`{}` cannot be read: {why}", path.display())).of(0)
    })?;
    Ok(base64::engine::general_purpose::STANDARD.encode(bytes).into())
}

fn fileexists(evaluator: &Evaluator<'_>, arguments: &Arguments) -> Result<Val, Fault> {
    Ok(Val::Bool(located(evaluator, arguments)?.is_file()))
}

fn templatefile(evaluator: &Evaluator<'_>, arguments: &Arguments) -> Result<Val, Fault> {
    if evaluator.scope.in_template {
        return Err(Fault::new("a template file cannot include another"));
    }
    let source = read(evaluator, arguments)?;
    let names = arguments.map(1)?;
    let text = hcl_edit::parser::parse_template(&scan_template(&source.text)).map_err(|error| {
        let (line, column) = (error.location().line(), error.location().column());
        Fault::new(format!("`{}`, line {line}, column {column}: {}", source.name, error.message())).of(0)
    })?;
    let (nothing, sound) = (BTreeMap::new(), BTreeSet::new());
    let unused = BTreeMap::<String, BTreeSet<Address>>::new();
    let scope = Scope {
        file: &source,
        variables: &nothing,
        locals: &nothing,
        each: None,
        in_template: true,
        broken: &sound,
        local_uses: &unused,
        ..evaluator.scope
    };
    let rendered = bind(evaluator, scope, &mut names.iter(), None, &text);
    rendered.map_err(|Faults(found)| first(&source, &found))
}

/// A template file is text on the outside.
fn scan_template(text: &str) -> String {
    let wrapped = format!("<<LOCKSTEP_TEMPLATE_FILE\n{text}");
    scan(&wrapped).text.split_once('\n').map(|(_, text)| text.to_owned()).unwrap_or_default()
}

fn bind(
    evaluator: &Evaluator<'_>,
    scope: Scope<'_>,
    names: &mut std::collections::btree_map::Iter<'_, String, Val>,
    outer: Option<&Bound<'_>>,
    text: &hcl_edit::template::Template,
) -> Result<Val, Faults> {
    match (names.next(), outer) {
        (Some((name, value)), outer) => {
            let bound = Bound { name, value: value.clone(), outer };
            bind(evaluator, scope, names, Some(&bound), text)
        }
        (None, Some(bound)) => template::render_text(&evaluator.inside(scope, bound), text),
        (None, None) => template::render_text(&evaluator.elsewhere(scope), text),
    }
}

fn first(source: &SourceFile, found: &[schemas::Diagnostic]) -> Fault {
    let Some(found) = found.first() else { return Fault::new("the template cannot be rendered") };
    let line = match &found.place {
        Some(schemas::Place::Span { range, .. }) => source.span(range.clone()).line,
        _ => 1,
    };
    Fault::new(format!("`{}`, line {line}: {}", source.name, found.summary)).of(0)
}
