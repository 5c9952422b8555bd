//! Functions on text.

use regex::Regex;

use super::WhenLate::{Moves, Waits};
use super::{ANY, Arguments, Fault, Function, format, pure};
use crate::hcl::collections::number;
use crate::value::Val;

pub(super) static FUNCTIONS: &[Function] = &[
    pure("chomp", (1, 1), Waits, |a| Ok(a.text(0)?.trim_end_matches(['\n', '\r']).into())),
    pure("endswith", (2, 2), Waits, |a| Ok(a.text(0)?.ends_with(&a.text(1)?).into())),
    pure("format", (1, ANY), Waits, |a| Ok(format::format(&a.text(0)?, &a.0[1..])?.into())),
    pure("formatlist", (1, ANY), Waits, format::formatlist),
    pure("indent", (2, 2), Waits, indent),
    pure("join", (2, 2), Waits, |a| Ok(a.texts(1)?.join(&a.text(0)?).into())),
    pure("lower", (1, 1), Waits, |a| Ok(a.text(0)?.to_lowercase().into())),
    pure("regex", (2, 2), Waits, regex),
    pure("regexall", (2, 2), Waits, regexall),
    pure("replace", (3, 3), Waits, replace),
    pure("split", (2, 2), Waits, split),
    pure("startswith", (2, 2), Waits, |a| Ok(a.text(0)?.starts_with(&a.text(1)?).into())),
    pure("strcontains", (2, 2), Waits, |a| Ok(a.text(0)?.contains(&a.text(1)?).into())),
    pure("strrev", (1, 1), Waits, |a| Ok(a.text(0)?.chars().rev().collect::<String>().into())),
    pure("substr", (3, 3), Waits, substr),
    pure("title", (1, 1), Waits, |a| Ok(title(&a.text(0)?).into())),
    pure("tostring", (1, 1), Waits, |a| {
        if *a.value(0) == Val::Null { Ok(Val::Null) } else { Ok(a.text(0)?.into()) }
    }),
    pure("trim", (2, 2), Waits, |a| Ok(a.text(0)?.trim_matches(|c| chars(a).contains(c)).into())),
    pure("trimprefix", (2, 2), Waits, |a| {
        let text = a.text(0)?;
        Ok(text.strip_prefix(&a.text(1)?).unwrap_or(&text).into())
    }),
    pure("trimspace", (1, 1), Waits, |a| Ok(a.text(0)?.trim().into())),
    pure("trimsuffix", (2, 2), Waits, |a| {
        let text = a.text(0)?;
        Ok(text.strip_suffix(&a.text(1)?).unwrap_or(&text).into())
    }),
    pure("upper", (1, 1), Waits, |a| Ok(a.text(0)?.to_uppercase().into())),
    pure("length", (1, 1), Moves, length),
];

fn chars(arguments: &Arguments) -> String {
    arguments.text(1).unwrap_or_default()
}

fn length(arguments: &Arguments) -> Result<Val, Fault> {
    match arguments.value(0) {
        Val::List(items) => Ok(number(items.len())),
        Val::Map(entries) => Ok(number(entries.len())),
        _ => Ok(number(arguments.text(0)?.chars().count())),
    }
}

fn indent(arguments: &Arguments) -> Result<Val, Fault> {
    let spaces = usize::try_from(arguments.whole(0)?).ok().filter(|spaces| *spaces <= 1000);
    let spaces = spaces.ok_or_else(|| Fault::new("the indentation must be 0 to 1000").of(0))?;
    Ok(arguments.text(1)?.replace('\n', &format!("\n{}", " ".repeat(spaces))).into())
}

fn split(arguments: &Arguments) -> Result<Val, Fault> {
    let (separator, text) = (arguments.text(0)?, arguments.text(1)?);
    if separator.is_empty() {
        return Ok(Val::List(text.chars().map(|c| c.to_string().into()).collect()));
    }
    Ok(Val::List(text.split(separator.as_str()).map(Val::from).collect()))
}

fn substr(arguments: &Arguments) -> Result<Val, Fault> {
    let characters: Vec<char> = arguments.text(0)?.chars().collect();
    let (offset, length) = (arguments.whole(1)?, arguments.whole(2)?);
    let total = i64::try_from(characters.len()).unwrap_or(i64::MAX);
    let start = if offset < 0 { total.saturating_add(offset).max(0) } else { offset.min(total) };
    let end = if length < 0 { total } else { start.saturating_add(length).min(total) };
    let part = usize::try_from(start).ok().zip(usize::try_from(end).ok());
    let part = part.and_then(|(start, end)| characters.get(start..end));
    Ok(part.map(|part| part.iter().collect::<String>()).unwrap_or_default().into())
}

fn title(text: &str) -> String {
    let mut at_start = true;
    let raised = text.chars().flat_map(|c| {
        let raise = at_start && c.is_alphabetic();
        at_start = !c.is_alphanumeric() && c != '_' && c != '\'';
        if raise { c.to_uppercase().collect::<Vec<_>>() } else { vec![c] }
    });
    raised.collect()
}

/// A pattern between slashes is a regular expression.
fn replace(arguments: &Arguments) -> Result<Val, Fault> {
    let (text, from, to) = (arguments.text(0)?, arguments.text(1)?, arguments.text(2)?);
    let pattern =
        from.strip_prefix('/').and_then(|rest| rest.strip_suffix('/')).filter(|rest| !rest.is_empty());
    match pattern {
        Some(pattern) => Ok(compile(pattern, 1)?.replace_all(&text, to.as_str()).into_owned().into()),
        None => Ok(text.replace(&from, &to).into()),
    }
}

fn compile(pattern: &str, argument: usize) -> Result<Regex, Fault> {
    Regex::new(pattern).map_err(|_| Fault::new("this is no valid regular expression").of(argument))
}

fn regex(arguments: &Arguments) -> Result<Val, Fault> {
    let pattern = compile(&arguments.text(0)?, 0)?;
    let text = arguments.text(1)?;
    let found =
        pattern.captures(&text).ok_or_else(|| Fault::new("the pattern does not occur in the text").of(1))?;
    Ok(captured(&pattern, &found))
}

fn regexall(arguments: &Arguments) -> Result<Val, Fault> {
    let pattern = compile(&arguments.text(0)?, 0)?;
    let text = arguments.text(1)?;
    Ok(Val::List(pattern.captures_iter(&text).map(|found| captured(&pattern, &found)).collect()))
}

/// The whole match, the list of its groups, or the map of its named groups.
fn captured(pattern: &Regex, found: &regex::Captures<'_>) -> Val {
    let group = |index: usize| found.get(index).map_or(Val::Null, |part| part.as_str().into());
    if pattern.captures_len() == 1 {
        return group(0);
    }
    let named: Vec<_> =
        pattern.capture_names().enumerate().filter_map(|(i, name)| Some((i, name?))).collect();
    if named.is_empty() {
        return Val::List((1..pattern.captures_len()).map(group).collect());
    }
    Val::Map(named.into_iter().map(|(index, name)| (name.to_owned(), group(index))).collect())
}
