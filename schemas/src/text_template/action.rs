//! What stands between `{{` and `}}`.

use super::value::{Mapping, Value};
use super::{MOST_COMMANDS, Problem, inapplicable, too_long, unreadable};

/// What the peers know besides, and is not built.
const OTHERS: [&str; 43] = [
    "and",
    "block",
    "break",
    "call",
    "continue",
    "decode_base64",
    "decode_hex",
    "define",
    "else",
    "end",
    "eq",
    "ge",
    "glob",
    "gt",
    "hex",
    "html",
    "if",
    "index",
    "js",
    "le",
    "len",
    "lt",
    "ne",
    "nil",
    "not",
    "or",
    "print",
    "printf",
    "println",
    "random",
    "range",
    "sha256",
    "slice",
    "template",
    "timestamp",
    "truncate_sha256",
    "unix_time",
    "unix_time_millis",
    "urlquery",
    "uuid",
    "true",
    "with",
    "false",
];

/// An action, and what follows it.
pub(super) struct Action<'t> {
    /// What it comes to; `None` for a remark.
    pub(super) value: Option<Value>,
    /// Of how many commands it is made.
    pub(super) commands: usize,
    /// Whether the blanks before it are left out.
    pub(super) trims_before: bool,
    /// The template after it.
    pub(super) rest: &'t str,
}

impl<'t> Action<'t> {
    /// Reads the action at the beginning of `text`, which follows `{{`.
    pub(super) fn read(text: &'t str) -> Result<Self, Problem> {
        let trimmed = text.strip_prefix('-').filter(|text| text.starts_with(char::is_whitespace));
        let (trims_before, text) = (trimmed.is_some(), trimmed.unwrap_or(text));
        if let Some(rest) = text.trim_start().strip_prefix("/*") {
            let (_, rest) = rest.split_once("*/").ok_or_else(|| unreadable("unclosed comment"))?;
            return Ok(Self { value: None, commands: 0, trims_before, rest: closed(rest)? });
        }
        let (words, rest) = words(text);
        let words = words?;
        let commands: Vec<_> = words.split(|word| *word == Word::Pipe).collect();
        // A value is as deep as there are commands.
        if commands.len() > MOST_COMMANDS {
            return Err(too_long());
        }
        let value = pipe(&commands)?;
        Ok(Self { value: Some(value), commands: commands.len(), trims_before, rest: closed(rest)? })
    }
}

/// What follows the `}}` at the beginning of `text`, without blanks if it says so.
fn closed(text: &str) -> Result<&str, Problem> {
    let text = text.trim_start();
    if let Some(rest) = text.strip_prefix("-}}") {
        return Ok(rest.trim_start());
    }
    text.strip_prefix("}}").ok_or_else(|| unreadable("unclosed action"))
}

/// A word of an action.
#[derive(Debug, PartialEq, Eq)]
enum Word<'t> {
    Pipe,
    Text(String),
    Number(usize),
    /// A name, and how much of the template begins with it.
    Name {
        name: &'t str,
        left: usize,
    },
}

/// The words up to the end of the action, and what is left of the text there.
fn words(text: &str) -> (Result<Vec<Word<'_>>, Problem>, &str) {
    let mut words = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() && !rest.starts_with("}}") && !rest.starts_with("-}}") {
        match word(rest) {
            Ok((word, after)) => {
                words.push(word);
                rest = after.trim_start();
            }
            Err(problem) => return (Err(problem), rest),
        }
    }
    (Ok(words), rest)
}

fn word(text: &str) -> Result<(Word<'_>, &str), Problem> {
    let unterminated = || unreadable("unterminated quoted string");
    if let Some(rest) = text.strip_prefix('|') {
        return Ok((Word::Pipe, rest));
    }
    if let Some(rest) = text.strip_prefix('`') {
        let (raw, rest) = rest.split_once('`').ok_or_else(unterminated)?;
        return Ok((Word::Text(raw.to_owned()), rest));
    }
    if text.starts_with('"') {
        let (quoted, rest) = quoted(text).ok_or_else(unterminated)?;
        // Escapes of Go that JSON does not know are refused.
        let plain = serde_json::from_str(quoted).map_err(|_| unreadable("invalid syntax"))?;
        return Ok((Word::Text(plain), rest));
    }
    let end = text.find(|letter: char| letter.is_whitespace() || "|}`\"".contains(letter));
    let (name, rest) = text.split_at(end.unwrap_or(text.len()).max(1));
    match name.parse() {
        Ok(number) => Ok((Word::Number(number), rest)),
        Err(_) => Ok((Word::Name { name, left: text.len() }, rest)),
    }
}

/// The quoted text at the beginning of `text`, its quotes included.
fn quoted(text: &str) -> Option<(&str, &str)> {
    let mut escaped = false;
    let end = text.char_indices().skip(1).find(|(_, letter)| {
        let is_end = *letter == '"' && !escaped;
        escaped = *letter == '\\' && !escaped;
        is_end
    });
    end.map(|(end, _)| text.split_at(end + 1))
}

/// The value of commands in a row, each of which takes the one before as its last argument.
fn pipe(commands: &[&[Word<'_>]]) -> Result<Value, Problem> {
    let mut value = None;
    for command in commands {
        value = Some(run(command, value)?);
    }
    value.ok_or_else(|| unreadable("missing value for command"))
}

fn run(command: &[Word<'_>], piped: Option<Value>) -> Result<Value, Problem> {
    let (first, arguments) = command.split_first().ok_or_else(|| unreadable("missing value for command"))?;
    match first {
        Word::Name { name, .. } if !name.starts_with('.') => call(name, arguments, piped),
        first if arguments.is_empty() && piped.is_none() => operand(first),
        _ => Err(inapplicable("what is no function has arguments")),
    }
}

fn operand(word: &Word<'_>) -> Result<Value, Problem> {
    match word {
        Word::Text(text) => Ok(Value::Text(text.clone())),
        Word::Number(number) => Err(inapplicable(&format!("the number {number} is no text"))),
        Word::Name { name, left } => Ok(Value::Field { name: (*name).to_owned(), left: *left }),
        Word::Pipe => Err(unreadable("missing value for command")),
    }
}

fn call(name: &str, arguments: &[Word<'_>], piped: Option<Value>) -> Result<Value, Problem> {
    let by = match name {
        "replace" => return replace(arguments, piped),
        "truncate" => return truncate(arguments, piped),
        "uppercase" => Mapping::Uppercase,
        "lowercase" => Mapping::Lowercase,
        "base64" => Mapping::Base64,
        name if OTHERS.contains(&name) || name.starts_with('$') => {
            return Err(Problem::NotBuilt(name.to_owned()));
        }
        _ => return Err(unreadable(&format!("function {name:?} not defined"))),
    };
    let [of] = values(name, arguments, piped)?;
    Ok(Value::Mapped { by, of: Box::new(of) })
}

fn replace(arguments: &[Word<'_>], piped: Option<Value>) -> Result<Value, Problem> {
    let [find, by, of] = values("replace", arguments, piped)?.map(Box::new);
    Ok(Value::Replaced { find, by, of })
}

fn truncate(arguments: &[Word<'_>], piped: Option<Value>) -> Result<Value, Problem> {
    let [Word::Number(length), rest @ ..] = arguments else {
        return Err(inapplicable("truncate needs an integer first"));
    };
    if *length == 0 {
        return Err(inapplicable("error calling truncate: max length must be > 0 but was 0"));
    }
    let [of] = values("truncate", rest, piped)?;
    Ok(Value::Truncated { length: *length, of: Box::new(of) })
}

/// The arguments of a function that takes `N` texts.
fn values<const N: usize>(
    name: &str,
    arguments: &[Word<'_>],
    piped: Option<Value>,
) -> Result<[Value; N], Problem> {
    let mut values = arguments.iter().map(operand).collect::<Result<Vec<_>, _>>()?;
    values.extend(piped);
    let got = values.len();
    values
        .try_into()
        .map_err(|_| inapplicable(&format!("wrong number of args for {name}: want {N} got {got}")))
}
