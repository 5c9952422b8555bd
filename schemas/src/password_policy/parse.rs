//! Text to password policy.

use crate::acl::PolicyError;
use crate::acl::error::{Findings, peer_list};
use crate::acl::hcl1::{self, Item, Literal, LiteralKind, Node, Object, Span};
use crate::number::based_integer;

use super::{CharsetRule, PasswordPolicy};

const LENGTHS: std::ops::RangeInclusive<i64> = 4..=100;

/// Our words, OpenBao's words, and where.
struct Wrong {
    span: Span,
    message: String,
    peer_text: String,
}

impl PasswordPolicy {
    /// Reads a policy, HCL or JSON.
    ///
    /// # Errors
    /// What is wrong with the text, OpenBao's words for it included. Unknown keys are none of it, as there.
    pub fn parse(source: &str) -> Result<Self, PolicyError> {
        let invalid = |inner: &str| peer_list(&[format!("invalid password policy: {inner}")]);
        let root = hcl1::parse(source).map_err(|error| {
            let mut error = PolicyError::syntax(error, "");
            error.peer_text = invalid(&format!("unable to decode: {}", error.peer_text));
            error.findings.iter_mut().for_each(|finding| finding.hint = Some(HINT.to_owned()));
            error
        })?;
        let mut findings = Findings::new(source);
        let read = read(&root);
        for wrong in read.as_ref().err().into_iter() {
            findings.add(wrong.span, wrong.message.clone(), Some(HINT.to_owned()), invalid(&wrong.peer_text));
        }
        let Ok((length, rules)) = read else { return Err(findings.into_error("")) };
        let complaints = complaints(length, &rules);
        for complaint in &complaints {
            findings.add(Span::default(), complaint.clone(), None, invalid(&peer_list(&complaints)));
        }
        if !LENGTHS.contains(&length) {
            let peer_text = "passwords must be between 4 and 100 characters".to_owned();
            findings.add(Span::default(), peer_text.clone(), None, peer_list(&[peer_text]));
        }
        findings.into_result("")?;
        Ok(Self { length: usize::try_from(length).unwrap_or_default(), rules })
    }
}

const HINT: &str = "write `length = 20` and `rule \"charset\" { charset = \"abc\" min-chars = 1 }`";

fn read(root: &Object) -> Result<(i64, Vec<CharsetRule>), Wrong> {
    let decoding = |wrong: Wrong| wrong.within("failed to decode configuration: ");
    let length = field(root, "length").map_or(Ok(0), |item| integer(item, "length")).map_err(decoding)?;
    let mut rules = Vec::new();
    for item in root.named("rule") {
        rules.push(rule(item)?);
    }
    Ok((length, rules))
}

impl Wrong {
    fn new(item: &Item, message: String, peer_text: String) -> Self {
        Self { span: item.value.span(), message, peer_text }
    }

    fn decoding(item: &Item, expected: &str, peer_text: &str) -> Self {
        let message = format!("`{}` must be {expected}", item.name());
        Self::new(item, message, format!("decoding failed due to the following error(s):\n\n{peer_text}"))
    }

    fn within(mut self, context: &str) -> Self {
        self.peer_text.insert_str(0, context);
        self
    }
}

/// The last attribute of that name, whatever its case.
fn field<'o>(object: &'o Object, name: &str) -> Option<&'o Item> {
    object.items.iter().rev().find(|item| item.name().eq_ignore_ascii_case(name) && item.keys.len() == 1)
}

/// The Go type OpenBao decodes a value to.
fn peer_type(node: &Node) -> &'static str {
    match node {
        Node::Literal(Literal { kind: LiteralKind::Number, .. }) => "int",
        Node::Literal(Literal { kind: LiteralKind::Float, .. }) => "float64",
        Node::Literal(Literal { kind: LiteralKind::Bool, .. }) => "bool",
        Node::Literal(_) => "string",
        Node::List { .. } => "[]interface {}",
        Node::Object(..) => "[]map[string]interface {}",
    }
}

fn integer(item: &Item, name: &str) -> Result<i64, Wrong> {
    let value = match &item.value {
        Node::Literal(literal) if literal.kind == LiteralKind::Number => based_integer(&literal.text).ok(),
        // A fraction is cut off, as by the peer.
        Node::Literal(literal) if literal.kind == LiteralKind::Float => {
            literal.text.parse::<f64>().ok().map(|value| value as i64)
        }
        _ => None,
    };
    value.ok_or_else(|| {
        let got = peer_type(&item.value);
        let text = format!("'{name}' expected type 'int', got unconvertible type '{got}'");
        Wrong::decoding(item, "a whole number", &text)
    })
}

fn rule(item: &Item) -> Result<CharsetRule, Wrong> {
    let Node::Object(object, _) = &item.value else {
        let got = peer_type(&item.value);
        let text = format!("unable to retrieve rules: '' source data must be an array or slice, got {got}");
        return Err(Wrong::new(item, "`rule` must be a block".to_owned(), text));
    };
    match item.keys.get(1) {
        Some(kind) if item.keys.len() == 2 => charset(item, &kind.text, object),
        Some(kind) => charset(item, &kind.text, &Object { items: Vec::new(), position: None }),
        None => unlabeled(item, object),
    }
}

/// `rule { charset { … } }`, which JSON may give.
fn unlabeled(item: &Item, object: &Object) -> Result<CharsetRule, Wrong> {
    let info = "unable to parse rules: unable to get rule info: ";
    let Some(inner) = object.items.first() else {
        return Err(Wrong::new(item, "`rule` is empty".to_owned(), format!("{info}rule is empty")));
    };
    match &inner.value {
        Node::Object(object, _) => charset(item, inner.name(), object),
        node => {
            let why = format!("'' source data must be an array or slice, got {}", peer_type(node));
            let message = "`rule` needs a type: `rule \"charset\" { … }`".to_owned();
            Err(Wrong::new(item, message, format!("{info}unable to get rule data: {why}")))
        }
    }
}

fn charset(item: &Item, kind: &str, object: &Object) -> Result<CharsetRule, Wrong> {
    let context = format!("unable to parse rules: unable to parse rule {kind}: ");
    if kind != "charset" {
        let message = format!("unknown rule type `{kind}`; the only one is `charset`");
        return Err(Wrong::new(item, message, format!("{context}unrecognized rule type {kind}")));
    }
    let decoding = |wrong: Wrong| wrong.within("failed to parse charset restriction: ").within(&context);
    let charset = field(object, "charset").map_or(Ok(String::new()), characters).map_err(decoding)?;
    let min_chars =
        field(object, "min-chars").map_or(Ok(0), |item| integer(item, "min-chars")).map_err(decoding)?;
    Ok(CharsetRule { charset, min_chars })
}

fn characters(item: &Item) -> Result<String, Wrong> {
    let text = match &item.value {
        Node::Literal(literal) if literal.kind == LiteralKind::String => return Ok(literal.text.clone()),
        Node::List { items, .. } => {
            let line = |(index, node): (usize, &Node)| {
                let got = peer_type(node);
                format!("'charset[{index}]' expected type 'int32', got unconvertible type '{got}'")
            };
            items.iter().enumerate().map(line).collect::<Vec<_>>().join("\n")
        }
        node => format!("'charset' source data must be an array or slice, got {}", peer_type(node)),
    };
    Err(Wrong::decoding(item, "a string", &text))
}

/// What keeps the rules from making a password.
fn complaints(length: i64, rules: &[CharsetRule]) -> Vec<String> {
    let mut complaints = Vec::new();
    let least: i64 = rules.iter().map(|rule| rule.min_chars).fold(0, i64::saturating_add);
    if length <= 0 {
        complaints.push("length must be > 0".to_owned());
    } else if length < least {
        complaints
            .push(format!("specified rules require at least {least} characters but {length} is specified"));
    }
    if rules.iter().all(|rule| rule.charset.is_empty()) {
        complaints.push("no charset specified".to_owned());
    } else if !rules.iter().flat_map(|rule| rule.charset.chars()).all(printable) {
        complaints.push("non-printable character in charset".to_owned());
    }
    complaints
}

/// Visible, or the plain space. Characters that only steer layout are not.
fn printable(character: char) -> bool {
    let steering = matches!(character, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e000}'..='\u{f8ff}' | '\u{fff0}'..='\u{fffb}');
    character == ' ' || !(character.is_control() || character.is_whitespace() || steering)
}
