//! `format`: the verbs of Go that make sense here.

use schemas::json;

use super::{Arguments, Fault};
use crate::hcl::{operators, plain_value, text_of};
use crate::value::Val;

/// Widest field.
const MAX_WIDTH: usize = 1024;

/// One verb: `%-10.2f`.
struct Verb {
    left: bool,
    plus: bool,
    zeros: bool,
    width: usize,
    precision: Option<usize>,
    letter: char,
}

/// `pattern` with its verbs replaced by `values`.
pub(super) fn format(pattern: &str, values: &[Val]) -> Result<String, Fault> {
    let mut out = String::new();
    let mut rest = pattern;
    let mut next = 0;
    while let Some((before, after)) = rest.split_once('%') {
        out.push_str(before);
        let (verb, after) = verb(after)?;
        rest = after;
        if verb.letter == '%' {
            out.push('%');
            continue;
        }
        let value = values.get(next).ok_or_else(|| Fault::new("there are more verbs than values").of(0))?;
        next += 1;
        out.push_str(&padded(&verb, &rendered(&verb, value).ok_or_else(|| unfit(&verb, value, next))?));
    }
    out.push_str(rest);
    if next < values.len() {
        return Err(Fault::new("there are more values than verbs").of(next + 1));
    }
    Ok(out)
}

fn unfit(verb: &Verb, value: &Val, argument: usize) -> Fault {
    Fault::new(format!("`%{}` cannot show {}", verb.letter, value.describe())).of(argument)
}

fn verb(text: &str) -> Result<(Verb, &str), Fault> {
    let flags = text.len() - text.trim_start_matches(['-', '+', '0', ' ', '#']).len();
    let (flags, rest) = text.split_at(flags);
    let digits = |text: &str| text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (width, mut rest) = rest.split_at(digits(rest));
    let mut precision = None;
    if let Some(after) = rest.strip_prefix('.') {
        let (number, after) = after.split_at(digits(after));
        precision = Some(number.parse().unwrap_or(0).min(MAX_WIDTH));
        rest = after;
    }
    let letter = rest.chars().next().ok_or_else(|| Fault::new("`%` at the end has no verb").of(0))?;
    let verb = Verb {
        left: flags.contains('-'),
        plus: flags.contains('+'),
        zeros: flags.contains('0'),
        width: width.parse().unwrap_or(0).min(MAX_WIDTH),
        precision,
        letter,
    };
    Ok((verb, &rest[letter.len_utf8()..]))
}

fn rendered(verb: &Verb, value: &Val) -> Option<String> {
    let whole = || operators::number(value)?.as_i64();
    match verb.letter {
        's' => text_of(value).map(|text| cut(verb, text)),
        'v' => text_of(value).or_else(|| Some(json::render(&plain_value(value)?))),
        'q' => Some(json::render(&text_of(value)?.into())),
        't' => operators::truth(value).map(|value| value.to_string()),
        'd' => whole().map(|number| signed(verb, number.to_string())),
        'b' => whole().map(|number| format!("{number:b}")),
        'o' => whole().map(|number| format!("{number:o}")),
        'x' => whole().map(|number| format!("{number:x}")),
        'X' => whole().map(|number| format!("{number:X}")),
        'f' | 'g' | 'e' => float(verb, value),
        _ => None,
    }
}

fn cut(verb: &Verb, text: String) -> String {
    match verb.precision {
        Some(length) => text.chars().take(length).collect(),
        None => text,
    }
}

fn signed(verb: &Verb, text: String) -> String {
    if verb.plus && !text.starts_with('-') { format!("+{text}") } else { text }
}

fn float(verb: &Verb, value: &Val) -> Option<String> {
    let number = operators::number(value)?;
    let text = match (verb.letter, verb.precision) {
        ('f', precision) => number
            .decimal()
            .with_scale_round(i64::try_from(precision.unwrap_or(6)).ok()?, bigdecimal::RoundingMode::HalfEven)
            .to_plain_string(),
        ('e', precision) => format!("{:.*e}", precision.unwrap_or(6), number.to_f64()),
        _ => number.to_string(),
    };
    Some(signed(verb, text))
}

fn padded(verb: &Verb, text: &str) -> String {
    let missing = verb.width.saturating_sub(text.chars().count());
    match (verb.left, verb.zeros && !matches!(verb.letter, 's' | 'v' | 'q' | 't')) {
        (true, _) => format!("{text}{}", " ".repeat(missing)),
        (false, true) => {
            let (sign, digits) = text.split_at(usize::from(text.starts_with(['-', '+'])));
            format!("{sign}{}{digits}", "0".repeat(missing))
        }
        (false, false) => format!("{}{text}", " ".repeat(missing)),
    }
}

/// `format` for each element of the lists among the values.
pub(super) fn formatlist(arguments: &Arguments) -> Result<Val, Fault> {
    let pattern = arguments.text(0)?;
    let values = &arguments.0[1..];
    let lengths: Vec<usize> = values
        .iter()
        .filter_map(|value| match value {
            Val::List(items) => Some(items.len()),
            _ => None,
        })
        .collect();
    let length = lengths.first().copied().unwrap_or(1);
    if lengths.iter().any(|other| *other != length) {
        return Err(Fault::new("the lists have different lengths"));
    }
    let row = |index: usize| {
        let row: Vec<Val> = values
            .iter()
            .map(|value| match value {
                Val::List(items) => items[index].clone(),
                single => single.clone(),
            })
            .collect();
        format(&pattern, &row).map(Val::from)
    };
    (0..length).map(row).collect::<Result<Vec<_>, _>>().map(Val::List)
}
