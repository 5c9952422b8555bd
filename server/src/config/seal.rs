//! The seal that a namespace asks for: one block `seal "shamir" { … }`, in HCL or JSON.

use std::path::Path;

use super::document::{self, Document, Node, Value};
use super::{Problems, section};

/// What the block says of a seal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ShamirStanza {
    /// Shares to hand out; 0 if it does not say.
    pub(crate) shares: i64,
    /// Of them needed to unseal; 0 if it does not say.
    pub(crate) threshold: i64,
}

/// Reads the only block of `text`.
///
/// # Errors
/// If it is no document, has another number of such blocks, or the block asks for anything but shares.
pub(crate) fn parse_seal(text: &str) -> Result<ShamirStanza, String> {
    let mut problems = Problems::default();
    let document = document::parse(Path::new("seal"), text, &mut problems);
    if let Some(problem) = problems.iter().next() {
        let hint = if problem.hint.is_empty() { String::new() } else { format!("\nhint: {}", problem.hint) };
        return Err(format!("unable to parse seal config: {}{hint}", problem.message));
    }
    let stanzas = document.map(|document| stanzas(&document)).unwrap_or_default();
    let [(kind, settings)] = stanzas.as_slice() else {
        return Err("seal config must contain exactly one seal stanza".to_owned());
    };
    if kind != "shamir" {
        return Err("namespaces currently only support shamir seals".to_owned());
    }
    let number = |name| match settings.iter().rev().find(|(key, _)| key == name) {
        None => Ok(0),
        // Of both it is said in the same words.
        Some((_, node)) => section::read_integer(&node.value)
            .ok_or_else(|| "value of shares parameter must be integer".to_owned()),
    };
    Ok(ShamirStanza { shares: number("shares")?, threshold: number("threshold")? })
}

/// Kind and settings of each block.
fn stanzas(document: &Document) -> Vec<(String, Vec<(String, Node)>)> {
    let blocks = document.entries.iter().filter(|(name, _)| name == "seal" || name == "kms");
    blocks.flat_map(|(_, node)| tables(node)).flat_map(labelled).collect()
}

/// The tables that a value is, or that it lists.
fn tables(node: &Node) -> Vec<Vec<(String, Node)>> {
    match &node.value {
        Value::Table(entries) => vec![entries.clone()],
        Value::List(items) => items.iter().flat_map(tables).collect(),
        _ => Vec::new(),
    }
}

/// The blocks that `table` has by kind. A block without a kind has none that there is.
fn labelled(table: Vec<(String, Node)>) -> Vec<(String, Vec<(String, Node)>)> {
    let is_by_kind = table.iter().all(|(_, node)| matches!(node.value, Value::Table(_) | Value::List(_)));
    if table.is_empty() || !is_by_kind {
        return vec![(String::new(), table)];
    }
    let of_kind = |(kind, node): (String, Node)| {
        tables(&node).into_iter().map(move |settings| (kind.clone(), settings)).collect::<Vec<_>>()
    };
    table.into_iter().flat_map(of_kind).collect()
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
        check("seal \"shamir\" {\n  shares = \"3\"\n  disabled = true\n}\n", Ok((3, 0)));
        check("kms \"shamir\" {}", Ok((0, 0)));
        check(r#"{"seal":{"shamir":{"shares":2,"threshold":2}}}"#, Ok((2, 2)));
        check(r#"{"seal":[{"shamir":[{"shares":"2","threshold":"2"}]}]}"#, Ok((2, 2)));
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
        let one_line = parse_seal("seal \"shamir\" { shares = 2 threshold = 2 }").expect_err("no HCL");
        assert!(one_line.starts_with("unable to parse seal config: "), "{one_line}");
        assert!(one_line.ends_with("hint: in HCL each setting stands on a line of its own"), "{one_line}");
    }
}
