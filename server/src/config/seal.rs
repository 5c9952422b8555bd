//! The seal that a namespace asks for: one block `seal "shamir" { … }`, in HCL or JSON.

use std::collections::BTreeMap;

use schemas::acl::hcl1::{self, Item, Literal, LiteralKind, Node, Object};
use schemas::{based_integer, duration};

use crate::core::go_text;

/// What the block says of a seal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ShamirStanza {
    /// Shares to hand out; 0 if it does not say.
    pub(crate) shares: i64,
    /// Of them needed to unseal; 0 if it does not say.
    pub(crate) threshold: i64,
}

/// Blocks of one name that are read.
const MOST_BLOCKS: usize = 3;

/// Reads the only block of `text`.
///
/// # Errors
/// If it is no document, has another number of such blocks, or the block asks for anything but shares.
pub(crate) fn parse_seal(text: &str) -> Result<ShamirStanza, String> {
    let unable = |problem: String| format!("unable to parse seal config: {problem}");
    let document = hcl1::parse(text).map_err(|error| unable(error.text))?;
    let mut stanzas = Vec::new();
    for block in ["seal", "kms"] {
        let read = stanzas_of(&document, block);
        stanzas.extend(read.map_err(|problem| unable(format!("error parsing '{block}': {problem}")))?);
    }
    let [Stanza { kind, settings }] = stanzas.as_slice() else {
        return Err("seal config must contain exactly one seal stanza".to_owned());
    };
    if kind != "shamir" {
        return Err("namespaces currently only support shamir seals".to_owned());
    }
    let number = |name| match settings.get(name).map(String::as_str) {
        None | Some("") => Ok(0),
        // Of both it is said in the same words.
        Some(text) => text.parse().map_err(|_| "value of shares parameter must be integer".to_owned()),
    };
    Ok(ShamirStanza { shares: number("shares")?, threshold: number("threshold")? })
}

/// One block.
struct Stanza {
    /// What sort of seal it is of, in lower case.
    kind: String,
    settings: BTreeMap<String, String>,
}

/// The blocks of one name, in any case.
fn stanzas_of(document: &Object, block: &str) -> Result<Vec<Stanza>, String> {
    let items = document.items.iter().filter(|item| item.name().eq_ignore_ascii_case(block));
    let items: Vec<&Item> = items.collect();
    if items.len() > MOST_BLOCKS {
        return Err(format!("only two or less \"{block}\" blocks are permitted"));
    }
    items.into_iter().map(|item| stanza(block, item)).collect()
}

fn stanza(block: &str, item: &Item) -> Result<Stanza, String> {
    let kind = item.keys.get(1).map_or(block, |key| &key.text);
    let at = |problem: String| format!("{block}.{kind}: {problem}");
    let Node::Object(object, _) = &item.value else {
        let (place, found) = (item.value.place(), item.value.peer_type());
        return Err(at(format!("At {place}: root: not an object type for map ({found})")));
    };
    let mut settings = BTreeMap::new();
    for item in &object.items {
        let (name, value) = (item.name(), &item.value);
        match name {
            // Of a seal whose shares people enter they change nothing.
            "purpose" => {}
            "disabled" => boolean(value).map(drop).map_err(at)?,
            // That of these the colon is missing is not our doing.
            "health_check_enabled" => {
                boolean(value).map(drop).map_err(|problem| format!("{block}.{kind} {problem}"))?;
            }
            "health_check_timeout" | "health_check_interval" | "health_check_interval_unhealthy" => {
                require_time(name, value).map_err(|problem| format!("{block}.{kind} {problem}"))?;
            }
            _ => drop(settings.insert(name.to_owned(), text(value).map_err(at)?)),
        }
    }
    Ok(Stanza { kind: kind.to_lowercase(), settings })
}

/// `value` as text. What is none is not shown: it may hold a secret.
fn text(value: &Node) -> Result<String, String> {
    let Node::Literal(literal) = value else { return Err(unconvertible(value, "string")) };
    Ok(match literal.kind {
        LiteralKind::Number => integer(literal)?.to_string(),
        LiteralKind::Float => literal.text.parse::<f64>().map_err(|error| error.to_string())?.to_string(),
        LiteralKind::Bool => if literal.text == "true" { "1" } else { "0" }.to_owned(),
        LiteralKind::String => literal.text.clone(),
        LiteralKind::Null => String::new(),
    })
}

fn integer(literal: &Literal) -> Result<i64, String> {
    based_integer(&literal.text)
        .map_err(|cause| format!("strconv.ParseInt: parsing {:?}: {cause}", literal.text))
}

fn boolean(value: &Node) -> Result<bool, String> {
    let Node::Literal(literal) = value else { return Err(unconvertible(value, "bool")) };
    match (literal.kind, &*literal.text) {
        (LiteralKind::Number, _) => Ok(integer(literal)? != 0),
        (LiteralKind::Float | LiteralKind::Null, text) => {
            Ok(text.parse::<f64>().is_ok_and(|number| number != 0.0))
        }
        (_, "") => Ok(false),
        (_, text) => go_text::boolean(text).ok_or_else(|| {
            format!("cannot parse '' as bool: strconv.ParseBool: parsing {text:?}: invalid syntax")
        }),
    }
}

/// Refuses what is no time that passes.
fn require_time(name: &str, value: &Node) -> Result<(), String> {
    let length = match value {
        Node::Literal(literal) if literal.kind == LiteralKind::Number => i128::from(integer(literal)?),
        Node::Literal(literal) if literal.kind == LiteralKind::String => {
            duration::nanoseconds(&literal.text)?
        }
        _ => return Err("could not parse duration from input".to_owned()),
    };
    if length > 0 { Ok(()) } else { Err(format!("{name} cannot be less or equal to zero")) }
}

fn unconvertible(value: &Node, expected: &str) -> String {
    let found =
        if matches!(value, Node::List { .. }) { "[]interface {}" } else { "[]map[string]interface {}" };
    format!("'' expected type '{expected}', got unconvertible type '{found}'")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Result<(i64, i64), &str>) {
        let read = parse_seal(text).map(|stanza| (stanza.shares, stanza.threshold));
        assert_eq!(read, expected.map_err(str::to_owned), "{text}");
    }

    #[test]
    fn the_block_is_hcl_or_json() {
        check("seal \"shamir\" {\n  shares = 3\n  threshold = 2\n}", Ok((3, 2)));
        check("seal \"shamir\" { shares = 2 threshold = 2 }", Ok((2, 2)));
        check("seal \"shamir\" {\n  shares = 0x3\n  disabled = true\n}\n", Ok((3, 0)));
        check("KMS \"Shamir\" {}", Ok((0, 0)));
        check(r#"{"seal":{"shamir":{"shares":2,"threshold":2}}}"#, Ok((2, 2)));
    }

    #[test]
    fn anything_but_one_block_of_shares_is_refused() {
        let one = Err("seal config must contain exactly one seal stanza");
        check("", one);
        check("shamir {}", one);
        check("seal \"shamir\" {}\nseal \"shamir\" {}", one);
        check(r#"{"seal":{"shamir":{},"awskms":{}}}"#, one);
        let kind = Err("namespaces currently only support shamir seals");
        check("seal \"awskms\" {}", kind);
        check("seal {\n  shares = 2\n}", kind);
        check("seal \"shamir\" {\n  shares = \"x\"\n}", Err("value of shares parameter must be integer"));
        check(
            "seal \"x\"",
            Err(
                "unable to parse seal config: At 1:9: key 'seal \"x\"' expected start of object ('{') or assignment ('=')",
            ),
        );
    }

    #[test]
    fn a_value_that_is_no_setting_is_not_shown() {
        check(
            "seal \"transit\" {\n  token = [\"hush\"]\n}",
            Err(
                "unable to parse seal config: error parsing 'seal': seal.transit: '' expected type 'string', got unconvertible type '[]interface {}'",
            ),
        );
    }
}
