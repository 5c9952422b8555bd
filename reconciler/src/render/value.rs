//! Values as text.

use schemas::{Value, json};

/// Longest text that is shown on one line, in characters.
const MAX_INLINE: usize = 200;

/// A value as it stands in a plan: never a secret.
pub(crate) fn inline(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Unknown => "(known after apply)".to_owned(),
        Value::Secret(_) => "(secret)".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => quoted(text),
        Value::List(items) => format!("[{}]", items.iter().map(inline).collect::<Vec<_>>().join(", ")),
        Value::Map(entries) if entries.is_empty() => "{}".to_owned(),
        Value::Map(entries) => {
            let shown = entries.iter().filter(|(_, value)| !matches!(value, Value::Null));
            let entries = shown.map(|(key, value)| format!("{} = {}", name(key), inline(value)));
            format!("{{ {} }}", entries.collect::<Vec<_>>().join(", "))
        }
    }
}

/// A key as HCL has it.
fn name(key: &str) -> String {
    let is_plain = key.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-')
        && key.chars().next().is_some_and(|c| c.is_alphabetic() || c == '_');
    if is_plain { key.to_owned() } else { quoted(key) }
}

fn quoted(text: &str) -> String {
    let cut: String = text.chars().take(MAX_INLINE).collect();
    let rest = text.chars().count().saturating_sub(MAX_INLINE);
    let shown = json::render(&cut.into());
    if rest == 0 { shown } else { format!("{shown} … ({rest} more characters)") }
}

/// `value` for machines: secrets are `{"secret": true}`, what is not known yet is `{"unknown": true}`.
pub(crate) fn public(value: &Value) -> Value {
    let mark = |name: &str| Value::Map([(name.to_owned(), Value::Bool(true))].into());
    match value {
        Value::Secret(_) => mark("secret"),
        Value::Unknown => mark("unknown"),
        Value::List(items) => Value::List(items.iter().map(public).collect()),
        Value::Map(entries) => {
            Value::Map(entries.iter().map(|(key, value)| (key.clone(), public(value))).collect())
        }
        value => value.clone(),
    }
}

/// JSON on several lines, with a newline at the end.
pub(crate) fn pretty(value: &Value) -> String {
    let mut text = String::new();
    write(&mut text, value, 0);
    text.push('\n');
    text
}

fn write(out: &mut String, value: &Value, depth: usize) {
    match value {
        Value::List(items) if !items.is_empty() => {
            block(out, ['[', ']'], depth, items.iter(), |out, item| write(out, item, depth + 1));
        }
        Value::Map(entries) if !entries.is_empty() => {
            block(out, ['{', '}'], depth, entries.iter(), |out, (key, value)| {
                out.push_str(&json::render(&key.as_str().into()));
                out.push_str(": ");
                write(out, value, depth + 1);
            });
        }
        value => out.push_str(&json::render(value)),
    }
}

fn block<T>(
    out: &mut String,
    [open, close]: [char; 2],
    depth: usize,
    items: impl Iterator<Item = T>,
    mut each: impl FnMut(&mut String, T),
) {
    out.push(open);
    for (index, item) in items.enumerate() {
        out.push_str(if index == 0 { "\n" } else { ",\n" });
        out.push_str(&"  ".repeat(depth + 1));
        each(out, item);
    }
    out.push('\n');
    out.push_str(&"  ".repeat(depth));
    out.push(close);
}
