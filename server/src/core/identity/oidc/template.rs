//! Templates of claims: JSON in which names in double braces stand for something of an entity, or for a moment.
//!
//! A value takes its place as JSON, quoted and escaped, so that whoever may write metadata of an entity adds no claim.
//! Names of single groups are refused altogether, as the API refuses them: what they stand for would not be quoted.

use jiff::{SignedDuration, Timestamp};
use schemas::acl::{Piece, pieces};
use serde_json::{Map, Value, json};

use super::claims::RESERVED;
use crate::core::error::Error;
use crate::core::identity::{Entity, EntityAlias};
use crate::core::input::go_seconds;
use crate::core::{go_base64, go_json};

/// Claims by name.
pub(super) type Claims = Map<String, Value>;

const MISSING: &str = "no value could be found for one of the template directives";

/// The template that is meant by `text`, which may be base64 of it.
///
/// # Errors
/// 400 if it is no template of a JSON object, or claims what is the server's to say.
pub(super) fn accept(text: &str, now: Timestamp) -> Result<String, Error> {
    let template = match go_base64::decode(text).map(String::from_utf8) {
        Err(_) => text.to_owned(),
        Ok(Ok(decoded)) => decoded,
        Ok(Err(error)) => return Err(no_json(&go_json::problem(error.as_bytes()))),
    };
    if template.is_empty() {
        return Ok(template);
    }
    let claims = claims(&template, Some(&Entity::default()), now).map_err(|problem| match problem {
        Problem::Template(problem) => Error::invalid(format!("error parsing template: {problem}")),
        Problem::Json(problem) => no_json(&problem),
    })?;
    match claims.keys().find(|name| RESERVED.contains(&name.as_str())) {
        None => Ok(template),
        Some(name) => {
            let reserved = RESERVED.join(", ");
            Err(Error::invalid(format!("top level key {name:?} not allowed. Restricted keys: {reserved}")))
        }
    }
}

fn no_json(problem: &str) -> Error {
    Error::invalid(format!("error parsing template JSON: {problem}"))
}

/// Why a template has no claims.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Problem {
    /// A name in it stands for nothing.
    Template(String),
    /// What is filled in is no JSON object.
    Json(String),
}

/// The claims of `template` for `entity`; `None` where nobody is behind the token.
///
/// # Errors
/// What is wrong with the template.
pub(super) fn claims(template: &str, entity: Option<&Entity>, now: Timestamp) -> Result<Claims, Problem> {
    let filled = fill(template, entity, now).map_err(Problem::Template)?;
    match serde_json::from_str(&filled) {
        Ok(Value::Object(claims)) => Ok(claims),
        Ok(Value::Null) => Ok(Claims::new()),
        _ => Err(Problem::Json(go_json::problem(filled.as_bytes()))),
    }
}

fn fill(template: &str, entity: Option<&Entity>, now: Timestamp) -> Result<String, String> {
    let mut filled = String::with_capacity(template.len());
    for piece in pieces(template).map_err(|_| "unbalanced templating characters".to_owned())? {
        match piece {
            Piece::Text(text) => filled.push_str(text),
            Piece::Name(name) => filled.push_str(&value(name, entity, now)?.to_string()),
        }
    }
    Ok(filled)
}

/// What `name` stands for.
fn value(name: &str, entity: Option<&Entity>, now: Timestamp) -> Result<Value, String> {
    if let Some(name) = name.strip_prefix("identity.entity.") {
        let none = "string contains entity template directives but no entity was provided";
        return of_entity(name, entity.ok_or(none)?);
    }
    if name.starts_with("identity.groups.") {
        return Err("string contains groups template directives but no groups were provided".to_owned());
    }
    match name.strip_prefix("time.") {
        Some(name) => moment(name, now).map(Value::from),
        None => Err(MISSING.to_owned()),
    }
}

fn of_entity(name: &str, entity: &Entity) -> Result<Value, String> {
    let of_groups = |texts: Vec<&str>| if texts.is_empty() { Value::Null } else { json!(texts) };
    match name {
        "id" => return Ok(json!(entity.id)),
        "name" => return Ok(json!(entity.name)),
        "metadata" => return Ok(json!(entity.metadata)),
        "groups.names" => return Ok(of_groups(entity.groups.iter().map(|group| &*group.name).collect())),
        "groups.ids" => return Ok(of_groups(entity.groups.iter().map(|group| &*group.id).collect())),
        _ => {}
    }
    if let Some(key) = name.strip_prefix("metadata.") {
        return Ok(json!(entity.metadata.get(key).map_or("", String::as_str)));
    }
    let selector = name.strip_prefix("aliases.").ok_or(MISSING)?;
    let (accessor, name) = selector.split_once('.').ok_or("invalid alias selector")?;
    let alias = entity.aliases.iter().find(|alias| alias.mount_accessor == accessor);
    of_alias(name, alias.unwrap_or(&EntityAlias::default()))
}

fn of_alias(name: &str, alias: &EntityAlias) -> Result<Value, String> {
    let text = |text: Option<&String>| json!(text.map_or("", String::as_str));
    match (name, name.split_once('.')) {
        ("id", _) => Ok(json!(alias.id)),
        ("name", _) => Ok(json!(alias.name)),
        ("metadata", _) => Ok(json!(alias.metadata)),
        ("custom_metadata", _) => Ok(json!(alias.custom_metadata)),
        (_, Some(("metadata", key))) => Ok(text(alias.metadata.get(key))),
        (_, Some(("custom_metadata", key))) => Ok(text(alias.custom_metadata.get(key))),
        _ => Err(MISSING.to_owned()),
    }
}

/// `now`, `now.plus.1h` or `now.minus.90`, in seconds since 1970.
fn moment(name: &str, now: Timestamp) -> Result<i64, String> {
    let mut parts = name.splitn(3, '.');
    let (selector, operator, operand) = (parts.next().unwrap_or_default(), parts.next(), parts.next());
    if selector != "now" {
        return Err(format!("invalid time selector {selector:?}"));
    }
    let Some(operator) = operator else { return Ok(now.as_second()) };
    let operand = operand.ok_or("missing time operand")?;
    let seconds = go_seconds(operand).map_err(|problem| format!("invalid duration: {problem}"))?;
    let distance = SignedDuration::from_secs(seconds);
    let moved = match operator {
        "plus" => now.checked_add(distance),
        "minus" => now.checked_sub(distance),
        _ => return Err(format!("invalid time operator {operator:?}")),
    };
    moved.map(Timestamp::as_second).map_err(|_| "invalid duration: out of range".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::identity::Group;

    fn entity(value: &str) -> Entity {
        let metadata = [("color".to_owned(), value.to_owned())];
        let alias = EntityAlias {
            name: value.to_owned(),
            mount_accessor: "up".to_owned(),
            metadata: metadata.clone().into(),
            ..EntityAlias::default()
        };
        let group = Group { name: value.to_owned(), ..Group::default() };
        Entity {
            name: value.to_owned(),
            metadata: metadata.into(),
            aliases: vec![alias],
            groups: vec![group],
            ..Entity::default()
        }
    }

    #[track_caller]
    fn check(template: &str, expected: Value) {
        let now = Timestamp::from_second(1000).expect("a moment");
        let claims = claims(template, Some(&entity("green")), now).expect("a good template");
        assert_eq!(Value::Object(claims), expected);
    }

    #[test]
    fn names_stand_for_json() {
        check(
            r#"{"a": {{identity.entity.name}}, "b": {{ identity.entity.metadata }}, "c": {{identity.entity.groups.names}}}"#,
            json!({"a": "green", "b": {"color": "green"}, "c": ["green"]}),
        );
        check(
            r#"{"a": {{identity.entity.aliases.up.name}}, "b": {{identity.entity.aliases.no.metadata.x}}}"#,
            json!({"a": "green", "b": ""}),
        );
        check(r#"{"a": {{time.now}}, "b": {{time.now.minus.1m}}}"#, json!({"a": 1000, "b": 940}));
    }

    #[test]
    fn what_an_entity_says_of_itself_adds_no_claim() {
        let names = [
            "name",
            "metadata.color",
            "metadata",
            "groups.names",
            "aliases.up.name",
            "aliases.up.metadata",
            "aliases.up.metadata.color",
        ];
        for evil in [r#"x", "admin": "yes"#, "\",\"admin\":true,\"\u{0}\n", r#"\"#, "{{identity.entity.id}}"]
        {
            for name in names {
                let template = format!(r#"{{"a": {{{{identity.entity.{name}}}}}}}"#);
                let claims =
                    claims(&template, Some(&entity(evil)), Timestamp::UNIX_EPOCH).expect("a good template");
                assert_eq!(claims.keys().collect::<Vec<_>>(), ["a"], "{evil} in {name}");
                assert!(claims["a"].to_string().contains(json!(evil).to_string().trim_matches('"')));
            }
        }
    }

    #[test]
    fn single_groups_are_refused() {
        let refused = |template: &str| accept(template, Timestamp::UNIX_EPOCH).is_err();
        assert!(refused(r#"{"a": "{{identity.groups.names.team.metadata.x}}"}"#));
        assert!(refused(r#"{"sub": {{identity.entity.name}}}"#), "reserved");
    }
}
