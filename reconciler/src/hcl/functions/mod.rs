//! Functions: the usual ones of Terraform that need nothing but their arguments and files, and the sources of
//! secrets.

mod arguments;
mod collection;
mod encoding;
mod files;
mod format;
mod numeric;
mod secrets;
mod text;

use hcl_edit::expr::FuncCall;

pub(crate) use arguments::{Arguments, Fault};

use super::evaluate::Evaluator;
use super::faults::{Eval, Faults};
use crate::value::{Late, Val};

/// A function.
pub(super) struct Function {
    name: &'static str,
    /// Fewest arguments.
    least: usize,
    /// Most arguments.
    most: usize,
    late: WhenLate,
    body: Body,
}

/// What a function does with values known only while applying.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum WhenLate {
    /// It is called while applying.
    Waits,
    /// It only moves elements about, so they may be late; a collection that is late itself makes it wait.
    Moves,
    /// It has to be known now.
    Refuses,
    /// It is called while applying, and never for a secret.
    Shows,
}

#[derive(Clone, Copy)]
pub(super) enum Body {
    /// A function of its arguments alone.
    Pure(fn(&Arguments) -> Result<Val, Fault>),
    /// One that reads files next to the configuration.
    Files(fn(&Evaluator<'_>, &Arguments) -> Result<Val, Fault>),
}

/// No limit on the number of arguments.
pub(super) const ANY: usize = usize::MAX;

pub(super) const fn pure(
    name: &'static str,
    (least, most): (usize, usize),
    late: WhenLate,
    body: fn(&Arguments) -> Result<Val, Fault>,
) -> Function {
    Function { name, least, most, late, body: Body::Pure(body) }
}

fn table() -> impl Iterator<Item = &'static Function> {
    [
        text::FUNCTIONS,
        collection::FUNCTIONS,
        numeric::FUNCTIONS,
        encoding::FUNCTIONS,
        files::FUNCTIONS,
        secrets::FUNCTIONS,
    ]
    .into_iter()
    .flatten()
}

fn find(name: &str) -> Option<&'static Function> {
    table().find(|function| function.name == name)
}

/// True if there is a function `name`.
pub(super) fn exists(name: &str) -> bool {
    find(name).is_some()
}

/// Names of all functions.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    table().map(|function| function.name).filter(|name| !name.starts_with("secret_")).chain(["try", "can"])
}

/// The function's name as the user wrote it.
pub(super) fn shown(name: &str) -> String {
    match name.strip_prefix("secret_") {
        Some(source) => format!("`secret.{source}`"),
        None => format!("`{name}`"),
    }
}

/// Calls `name`. If it has to wait for a late value, what is left of the call is the result.
pub(super) fn apply(evaluator: &Evaluator<'_>, name: &str, arguments: Vec<Val>) -> Result<Val, Fault> {
    let function = find(name).ok_or_else(|| Fault::new("there is no such function"))?;
    count(function, arguments.len())?;
    let late = |value: &Val| match function.late {
        WhenLate::Moves => matches!(value, Val::Late(_)) && value.is_late(),
        WhenLate::Waits | WhenLate::Refuses | WhenLate::Shows => value.is_late(),
    };
    let secret = arguments.iter().position(Val::is_secret).filter(|_| function.late == WhenLate::Shows);
    if let Some(index) = secret {
        return Err(Fault::new("a secret stays a secret")
            .of(index)
            .hint("it is for text that stands in the configuration itself"));
    }
    let waits_for = arguments.iter().position(late);
    match (waits_for, function.late, function.body) {
        (Some(index), WhenLate::Refuses, _) => {
            Err(Fault::new(format!("this is {}", arguments[index].describe()))
                .of(index)
                .hint("it has to be known now"))
        }
        (Some(_), _, _) => Ok(Val::late(Late::Call { name: name.to_owned(), arguments })),
        (None, WhenLate::Waits, Body::Pure(body)) if arguments.iter().any(Val::has_open) => {
            marked(name, body, arguments)
        }
        (None, _, Body::Pure(body)) => body(&Arguments(arguments)),
        (None, _, Body::Files(body)) => body(evaluator, &Arguments(arguments)),
    }
}

/// A function of values of which some are marked as fit to be seen: so is what it gives, if nothing else went in.
fn marked(name: &str, body: fn(&Arguments) -> Result<Val, Fault>, arguments: Vec<Val>) -> Result<Val, Fault> {
    let call = Late::Call { name: name.to_owned(), arguments };
    let has_clear = call.parts().any(Val::has_clear);
    match call {
        Late::Call { arguments, .. } if !has_clear => body(&Arguments(arguments)).map(|value| value.open()),
        call => Ok(Val::late(call)),
    }
}

/// Calls `name` while applying, when all values are known.
///
/// # Errors
/// What is wrong, without any argument's content.
pub(crate) fn apply_late(name: &str, arguments: Vec<Val>) -> Result<Val, String> {
    match find(name).map(|function| function.body) {
        Some(Body::Pure(body)) => body(&Arguments(arguments)).map_err(|fault| fault.text),
        _ => Err(format!("`{name}` cannot be called while applying")),
    }
}

fn count(function: &Function, given: usize) -> Result<(), Fault> {
    let Function { least, most, .. } = *function;
    if (least..=most).contains(&given) {
        return Ok(());
    }
    let wanted = match (least, most) {
        (least, ANY) => format!("at least {least}"),
        (least, most) if least == most => least.to_string(),
        (least, most) => format!("{least} to {most}"),
    };
    Err(Fault::new(format!("it takes {wanted} arguments, and {given} are given")))
}

/// `try` and `can`, which evaluate their arguments themselves.
pub(super) fn lazy(evaluator: &Evaluator<'_>, call: &FuncCall) -> Option<Eval<Val>> {
    let mut outcomes = call.args.iter().map(|argument| evaluator.value(argument));
    match call.name.name.as_str() {
        "try" => {
            let mut last = Err(Faults::default());
            for outcome in outcomes {
                last = outcome;
                if last.is_ok() {
                    break;
                }
            }
            let empty = || evaluator.fault_at(call, "`try` needs an argument");
            Some(if call.args.is_empty() { Err(empty()) } else { last })
        }
        "can" => Some(Ok(Val::Bool(outcomes.all(|outcome| outcome.is_ok())))),
        _ => None,
    }
}
