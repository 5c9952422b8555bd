//! Documents inside fields: what is wrong with one, and when two mean the same.

use std::net::IpAddr;

use crate::acl::{AclPolicy, PolicyError};
use crate::kind::Text;
use crate::password_policy::PasswordPolicy;
use crate::{Diagnostic, acl};

/// Whether `a` and `b` mean the same.
pub(crate) fn same(rule: Text, a: &str, b: &str) -> bool {
    match rule {
        Text::AclPolicy => AclPolicy::same(a, b),
        Text::PasswordPolicy => PasswordPolicy::same(a, b),
        Text::Plain | Text::Whole | Text::Name | Text::Path | Text::TokenType | Text::Network | Text::Pem => {
            canonical(rule, a) == canonical(rule, b)
        }
    }
}

/// One form of texts that mean the same, as far as the text alone tells: policies are compared by [`same`].
pub(crate) fn canonical(rule: Text, text: &str) -> String {
    match rule {
        Text::Plain | Text::Whole => text.to_owned(),
        Text::Name => lower_case(text.trim()),
        Text::Path => text.trim_matches('/').to_owned(),
        Text::TokenType if text.is_empty() => "default".to_owned(),
        Text::TokenType => text.strip_prefix("default-").unwrap_or(text).to_owned(),
        Text::Network => network(text.trim()),
        Text::Pem | Text::AclPolicy | Text::PasswordPolicy => text.trim().to_owned(),
    }
}

/// `text` in lower case as servers have it: each letter for itself, so that it stays one letter. `İ` is `i`, and `Σ` is
/// `σ` at the end of a word, too.
pub fn lower_case(text: &str) -> String {
    text.chars().filter_map(|letter| letter.to_lowercase().next()).collect()
}

/// One form of a network: a single address without a length, and IPv4 as such where it stands in IPv6.
fn network(text: &str) -> String {
    let (address, length) =
        text.split_once('/').map_or((text, None), |(address, length)| (address, Some(length)));
    let (Ok(written), Ok(length)) = (address.parse::<IpAddr>(), length.map(str::parse::<u8>).transpose())
    else {
        return text.to_owned();
    };
    let address = written.to_canonical();
    let is_mapped = written != address;
    let length = length.map(|length| if is_mapped { mapped_length(length) } else { length });
    let full = if address.is_ipv4() { 32 } else { 128 };
    match length.filter(|length| *length != full) {
        Some(length) => format!("{address}/{length}"),
        None => address.to_string(),
    }
}

/// The length that the server takes for that of `::ffff:192.0.2.0/…`: one that fits IPv4 is meant so, and one that
/// leaves a part of the address in front of IPv4 open counts as the single address.
fn mapped_length(length: u8) -> u8 {
    match length {
        0..=32 => length,
        33..=95 => 32,
        _ => length - 96,
    }
}

/// What of `path` servers, and proxies before them, would clean away, and so take it for another one: a secret called
/// `a//b` would be written over the one called `a/b`. (A slash at the end stands, as in a LIST.)
pub fn odd_part(path: &str) -> Option<String> {
    let mut parts = path.strip_suffix('/').unwrap_or(path).split('/');
    match parts.find(|part| matches!(*part, "" | "." | ".."))? {
        "" => Some("an empty part".to_owned()),
        part => Some(format!("the part `{part}`")),
    }
}

/// What is wrong with `text` where it becomes a part of a path. Slashes at the ends do not count there.
pub(crate) fn check_path(text: &str) -> Vec<Diagnostic> {
    let path = text.trim_matches('/');
    let odd = if path.is_empty() { None } else { odd_part(path) };
    odd.map(|what| ambiguous(text, &what)).into_iter().collect()
}

/// Says that `path` has `what`.
pub fn ambiguous(path: &str, what: &str) -> Diagnostic {
    Diagnostic::error(format!("the path `{path}` has {what}"))
        .because("servers would take it for another path")
        .hint("write it without `//`, `.` and `..`, and without a slash at its start")
}

/// What is wrong with `text`.
pub(crate) fn check(rule: Text, text: &str) -> Vec<Diagnostic> {
    match rule {
        Text::AclPolicy => findings(AclPolicy::parse(text).err()),
        Text::PasswordPolicy => findings(PasswordPolicy::parse(text).err()),
        Text::Path if text.trim_matches('/').is_empty() => {
            vec![Diagnostic::error(format!("`{text}` is not a path"))]
        }
        Text::Path => check_path(text),
        Text::Plain | Text::Whole | Text::Name | Text::TokenType | Text::Network | Text::Pem => Vec::new(),
    }
}

fn findings(error: Option<PolicyError>) -> Vec<Diagnostic> {
    error.into_iter().flat_map(|error| error.findings).map(diagnostic).collect()
}

fn diagnostic(finding: acl::Finding) -> Diagnostic {
    let place = format!("line {}, column {}", finding.line, finding.column);
    let diagnostic = Diagnostic::error(finding.message).because(place);
    match finding.hint {
        Some(hint) => diagnostic.hint(hint),
        None => diagnostic,
    }
}
