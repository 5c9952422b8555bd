//! What the kinds of the key/value engine share: how free JSON is shown in fields of fixed type.

use crate::compare::is_kept;
use crate::{Diagnostic, Record, Request, Secret, Value, json};

/// The entries of `data` as texts: text as it is, anything else as its JSON. This is how a map of strings
/// shows a document. Null where there is no document.
pub(super) fn texts(data: &Value) -> Value {
    let Some(entries) = data.as_map() else { return Value::Null };
    let text = |value: &Value| value.as_str().map_or_else(|| escaped(value), str::to_owned);
    Value::Map(entries.iter().map(|(key, value)| (key.clone(), text(value).into())).collect())
}

/// `data` as one line of JSON with sorted keys, `<`, `>`, `&` and two line separators escaped: letter for letter
/// what `jsonencode` of Terraform and the states of the incumbent have.
pub(super) fn escaped(data: &Value) -> String {
    // None of these stands outside of a string in JSON.
    let escapes = [
        ('<', "\\u003c"),
        ('>', "\\u003e"),
        ('&', "\\u0026"),
        ('\u{2028}', "\\u2028"),
        ('\u{2029}', "\\u2029"),
    ];
    escapes.iter().fold(json::render(data), |text, (from, to)| text.replace(*from, to))
}

/// The text of [`escaped`], wrapped.
pub(super) fn document(data: &Value) -> Value {
    hidden(escaped(data).into())
}

/// `value`, wrapped.
pub(super) fn hidden(value: Value) -> Value {
    if value.is_null() { value } else { Secret::new(value).into() }
}

/// The JSON object in field `name`, wrapped. `None` where the field is not set.
///
/// # Errors
/// What is wrong with the document; nothing of its content.
pub(super) fn object(name: &str, record: &Record) -> Result<Option<Value>, Diagnostic> {
    let Some(text) = record.get(name).as_str() else { return Ok(None) };
    let wrong = |why: String| Diagnostic::error(format!("`{name}` is not valid")).because(why).at_field(name);
    match json::parse(text).map_err(wrong)? {
        value @ Value::Map(_) => Ok(Some(hidden(value))),
        _ => Err(wrong("it must be a JSON object, such as the result of `jsonencode({ … })`".to_owned())),
    }
}

/// What is wrong with the JSON object in field `name`, if it is known already.
pub(super) fn check_object(name: &str, config: &Record) -> Option<Diagnostic> {
    let text = config.get(name).as_str()?;
    // Bad syntax is reported by the shape of the field.
    json::parse(text).ok()?;
    object(name, config).err()
}

/// `planned` with its JSON in field `name` written as states hold it, unless it is as it was.
pub(super) fn foresee_document(name: &str, prior: Option<&Record>, planned: &mut Record) {
    if prior.is_some_and(|prior| prior.get(name) == planned.get(name)) {
        return;
    }
    if let Ok(Some(data)) = object(name, planned) {
        planned.set(name, document(&data));
    }
}

/// How the document in field `name` stands in the record: as before if `live` is the same, else as it is live.
pub(super) fn settled_document(name: &str, known: &Record, live: &Value) -> Value {
    let before = object(name, known).ok().flatten();
    let same = before.is_some_and(|before| is_kept(&before, live));
    if same { hidden(known.get(name).expose().clone()) } else { document(live) }
}

/// A GET of `path`, of version `version` of the secret if it names one.
pub(super) fn get_version(path: String, version: &Value) -> Request {
    let request = Request::get(path);
    match version.as_i64().filter(|version| *version > 0) {
        Some(version) => request.with_query("version", version.to_string()),
        None => request,
    }
}
