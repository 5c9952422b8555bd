//! Typed values out of the tree, with OpenBao's words for what does not fit.

use std::collections::BTreeMap;

use super::ParameterValue;
use super::hcl1::{Item, Key, Literal, LiteralKind, Node, Object};
use super::rule::Parameters;
use crate::duration;
use crate::number::based_integer;

/// A mistake without its place: what we say and what OpenBao says.
pub(super) struct Mismatch {
    pub(super) message: String,
    pub(super) peer_text: String,
}

pub(super) type Decoded<T> = Result<T, Mismatch>;

/// The name OpenBao decodes an attribute under.
fn field_name(item: &Item) -> &str {
    match item.name() {
        "capabilities" => "Capabilities",
        "policy" => "Policy",
        other => other,
    }
}

fn mismatch<T>(item: &Item, expected: &str, peer_text: String) -> Decoded<T> {
    Err(Mismatch { message: format!("`{}` must be {expected}", item.name()), peer_text })
}

/// The text of a string or a number.
fn literal_text(literal: &Literal) -> Option<&str> {
    matches!(literal.kind, LiteralKind::String | LiteralKind::Number | LiteralKind::Null)
        .then_some(literal.text.as_str())
}

/// A string; numbers count as their text.
pub(super) fn string(item: &Item) -> Decoded<String> {
    match &item.value {
        Node::Literal(literal) if literal_text(literal).is_some() => Ok(literal.text.clone()),
        Node::Object(..) => {
            let text = format!("At -: root.{}: unknown type for string *ast.ObjectList", field_name(item));
            mismatch(item, "a string", text)
        }
        node => {
            let (place, kind) = (node.place(), node.peer_type());
            mismatch(
                item,
                "a string",
                format!("At {place}: root.{}: unknown type for string {kind}", field_name(item)),
            )
        }
    }
}

/// A list of strings; numbers count as their text.
pub(super) fn strings(item: &Item) -> Decoded<Vec<String>> {
    if item.keys.len() > 1 {
        // A label would be lost.
        let (place, name) = (item.value.place(), field_name(item));
        let text = format!("At {place}: root.{name}[0]: unknown type for string *ast.ObjectItem");
        return mismatch(item, "a list of strings", text);
    }
    let items = elements(item)?;
    let mut strings = Vec::with_capacity(items.len());
    for (index, node) in items.iter().enumerate() {
        match node {
            Node::Literal(literal) if literal_text(literal).is_some() => strings.push(literal.text.clone()),
            node => {
                let (place, kind, name) = (node.place(), node.peer_type(), field_name(item));
                let text = format!("At {place}: root.{name}[{index}]: unknown type for string {kind}");
                return mismatch(item, "a list of strings", text);
            }
        }
    }
    Ok(strings)
}

fn elements(item: &Item) -> Decoded<&[Node]> {
    match &item.value {
        Node::List { items, .. } => Ok(items),
        Node::Object(object, _) if object.items.is_empty() => Ok(&[]),
        node => {
            let text = format!("At {}: unknown slice type: {}", node.place(), node.peer_type());
            mismatch(item, "a list, such as `[\"read\"]`", text)
        }
    }
}

/// A whole number, or one in a string.
pub(super) fn integer(item: &Item) -> Decoded<i64> {
    let node = &item.value;
    match node {
        Node::Literal(literal) if matches!(literal.kind, LiteralKind::Number | LiteralKind::String) => {
            based_integer(&literal.text).map_err(|cause| Mismatch {
                message: format!("`{}` must be a whole number, not `{}`", item.name(), literal.text),
                peer_text: format!("strconv.ParseInt: parsing {:?}: {cause}", literal.text),
            })
        }
        _ => {
            let (place, kind) = (node.place(), node.peer_type());
            mismatch(item, "a whole number", format!("At {place}: root.{}: unknown type {kind}", item.name()))
        }
    }
}

/// `true` or `false`.
pub(super) fn boolean(item: &Item) -> Decoded<bool> {
    match &item.value {
        Node::Literal(literal) if literal.kind == LiteralKind::Bool => Ok(literal.text == "true"),
        node => {
            let (place, kind) = (node.place(), node.peer_type());
            mismatch(
                item,
                "`true` or `false`",
                format!("At {place}: root.{}: unknown type {kind}", item.name()),
            )
        }
    }
}

/// A duration in nanoseconds: seconds as a number, or text like `"90s"`. It may be negative.
pub(super) fn duration(item: &Item) -> Decoded<i128> {
    let fail = |peer_text: String| Mismatch {
        message: format!("`{}` must be a duration: seconds, or text such as \"90s\"", item.name()),
        peer_text,
    };
    let Node::Literal(literal) = &item.value else {
        return Err(fail("could not parse duration from input".to_owned()));
    };
    let in_range = |nanoseconds: i128| match i64::try_from(nanoseconds) {
        Ok(_) => Ok(nanoseconds),
        Err(_) => Err(fail(duration::OVERFLOW.to_owned())),
    };
    match literal.kind {
        LiteralKind::String => duration::nanoseconds(&literal.text).map_err(fail).and_then(in_range),
        LiteralKind::Number => match based_integer(&literal.text) {
            Ok(seconds) => in_range(i128::from(seconds) * 1_000_000_000),
            Err(cause) => Err(fail(format!("strconv.ParseInt: parsing {:?}: {cause}", literal.text))),
        },
        LiteralKind::Float => {
            let seconds: f64 = literal.text.parse().unwrap_or_default();
            Ok((seconds * 1e9) as i128)
        }
        LiteralKind::Bool | LiteralKind::Null => Err(fail("could not parse duration from input".to_owned())),
    }
}

/// An object of lists, merged into what an earlier attribute of the same name gave.
pub(super) fn parameters(item: &Item, raw: &mut Parameters) -> Decoded<()> {
    let Node::Object(object, _) = &item.value else {
        let (place, kind) = (item.value.place(), item.value.peer_type());
        let text = format!("At {place}: root.{}: not an object type for map ({kind})", item.name());
        return mismatch(item, "an object of lists, such as `{ \"ttl\" = [\"1h\"] }`", text);
    };
    // A block with a label, or an object in an object of JSON.
    if let Some(label) = item.keys.get(1) {
        let values = raw.entry(label.text.clone()).or_default();
        require_no_label(item, &item.keys[2..], &label.text, values.len())?;
        values.push(value(&item.value));
        return Ok(());
    }
    for inner in &object.items {
        let values = raw.entry(inner.name().to_owned()).or_default();
        require_no_label(item, &inner.keys[1..], inner.name(), values.len())?;
        match &inner.value {
            // It is a list of itself, an empty one too: what it holds is the one value.
            block @ Node::Object(..) => values.push(value(block)),
            _ => values.extend(elements(inner)?.iter().map(value)),
        }
    }
    Ok(())
}

/// Refuses a value that has a name more, which would be lost.
fn require_no_label(item: &Item, labels: &[Key], name: &str, place: usize) -> Decoded<()> {
    if labels.is_empty() {
        return Ok(());
    }
    let text = format!("root.{}.{name}[{place}]: cannot decode into interface: *ast.ObjectItem", item.name());
    mismatch(item, "an object of lists, such as `{ \"ttl\" = [\"1h\"] }`", text)
}

fn value(node: &Node) -> ParameterValue {
    match node {
        Node::Literal(literal) => match literal.kind {
            LiteralKind::Bool => ParameterValue::Bool(literal.text == "true"),
            LiteralKind::Number | LiteralKind::Float => ParameterValue::Number(literal.text.clone()),
            LiteralKind::String => ParameterValue::String(literal.text.clone()),
            LiteralKind::Null => ParameterValue::Null,
        },
        Node::List { items, .. } => ParameterValue::List(items.iter().map(value).collect()),
        Node::Object(object, _) => ParameterValue::Map(entries(object)),
    }
}

fn entries(object: &Object) -> BTreeMap<String, ParameterValue> {
    let inner = |node: &Node| match node {
        Node::Object(object, _) => ParameterValue::Block(entries(object)),
        _ => value(node),
    };
    object.items.iter().map(|item| (item.name().to_owned(), inner(&item.value))).collect()
}
