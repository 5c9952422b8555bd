//! Names of policies that are filled in from the claims of a token: `team-{{.group}}`.

use std::borrow::Cow;

use http::StatusCode;
use schemas::text_template::{Filling, Problem, TextTemplate};
use serde_json::Value;

use super::signed::Claims;
use crate::core::error::Error;

/// Refuses names that are no templates, or ask for what is not built.
pub(super) fn check(policies: &[String]) -> Result<(), Error> {
    for (index, policy) in policies.iter().enumerate() {
        let template = TextTemplate::parse(policy).map_err(|problem| refused(index, problem))?;
        if let Some(letter) = template.names().find_map(bad_letter) {
            let problem = format!("bad character U+{:04X} '{letter}'", u32::from(letter));
            return Err(refused(index, Problem::Unreadable(problem)));
        }
        if let Some(name) = template.names().find(|name| name.split('.').skip(1).any(str::is_empty)) {
            return Err(refused(index, Problem::NotBuilt(name.to_owned())));
        }
    }
    Ok(())
}

/// What no name of a claim has, the dots between names of claims apart.
fn bad_letter(name: &str) -> Option<char> {
    name.chars().find(|letter| !letter.is_alphanumeric() && !matches!(letter, '_' | '.'))
}

fn refused(index: usize, problem: Problem) -> Error {
    let place = format!("failed to parse template policy [{index}]");
    match problem {
        Problem::Unreadable(why) => Error::counted(
            StatusCode::INTERNAL_SERVER_ERROR,
            format!("{place}: unable to parse template: template: template:1: {why}"),
        ),
        Problem::NotBuilt(name) => Error::not_implemented(format!("`{name}` in a template of a policy")),
        Problem::Inapplicable(why) => Error::invalid(format!("{place}: {why}")),
    }
}

/// `policies` for a token with `claims`. Those that come to nothing are left out.
pub(super) fn fill(policies: &[String], claims: &Claims) -> Result<Vec<String>, Error> {
    let mut filled: Vec<String> = Vec::with_capacity(policies.len());
    for (index, policy) in policies.iter().enumerate() {
        let failed = |why| {
            let text = format!("failed to template policy [{index}]: unable to apply template: {why}");
            Error::with_status(StatusCode::INTERNAL_SERVER_ERROR, text)
        };
        let template = TextTemplate::parse(policy).map_err(|problem| refused(index, problem))?;
        let name = template.render(&|name| filling(claims, name)).map_err(failed)?;
        if !name.is_empty() && !filled.contains(&name) {
            filled.push(name);
        }
    }
    Ok(filled)
}

/// What the claim `name` of the form `.claim.part` is.
fn filling<'a>(claims: &'a Claims, name: &'a str) -> Result<Filling<'a>, String> {
    let missing = |part| format!("map has no entry for key \"{part}\"");
    let mut parts = name.split('.').skip(1);
    let first = parts.next().unwrap_or_default();
    let mut value = claims.get(first).ok_or_else(|| missing(first))?;
    for part in parts {
        value = match value {
            Value::Object(map) => map.get(part).ok_or_else(|| missing(part))?,
            Value::Null => return Err(format!("nil pointer evaluating interface {{}}.{part}")),
            _ => return Err(format!("can't evaluate field {part} in type interface {{}}")),
        };
    }
    Ok(match value {
        Value::String(text) => Filling::Text(Cow::Borrowed(text)),
        Value::Null => Filling::Other { shown: "<no value>".to_owned(), kind: "nil" },
        other => Filling::Other { shown: shown(other), kind: kind(other) },
    })
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "nil",
        Value::Bool(_) => "bool",
        Value::Number(_) => "float64",
        Value::String(_) => "string",
        Value::Array(_) => "[]interface {}",
        Value::Object(_) => "map[string]interface {}",
    }
}

/// As the peers write a value.
fn shown(value: &Value) -> String {
    match value {
        Value::Null => "<nil>".to_owned(),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) => number.as_f64().map_or_else(|| number.to_string(), float),
        Value::String(text) => text.clone(),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(shown).collect();
            format!("[{}]", items.join(" "))
        }
        Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_by_key(|(name, _)| *name);
            let entries: Vec<String> =
                entries.into_iter().map(|(name, value)| format!("{name}:{}", shown(value))).collect();
            format!("map[{}]", entries.join(" "))
        }
    }
}

/// The shortest digits that are this number; with an exponent below 0.0001 and from a million on.
fn float(number: f64) -> String {
    let scientific = format!("{number:e}");
    let Some((digits, exponent)) = scientific.split_once('e') else { return scientific };
    let exponent: i32 = exponent.parse().unwrap_or_default();
    if (-4..6).contains(&exponent) {
        return number.to_string();
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.abs())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn claims() -> Claims {
        let claims = json!({
            "group": "Dev", "n": 5, "f": 1.5, "big": 12_345_678_901_u64, "list": ["x", "y"], "empty": "",
            "nothing": null, "obj": {"k": "v", "deep": {"z": "q"}}, "flag": true, "million": 1_000_000,
            "small": 0.000_012_34, "just": 123_456, "tenth": 0.1,
        });
        serde_json::from_value(claims).expect("an object")
    }

    #[track_caller]
    fn check_filled(policy: &str, expected: &[&str]) {
        check(&[policy.to_owned()]).unwrap_or_else(|error| panic!("{policy}: {error}"));
        let filled = fill(&[policy.to_owned()], &claims());
        assert_eq!(filled.unwrap_or_else(|error| panic!("{policy}: {error}")), expected, "{policy}");
    }

    #[track_caller]
    fn check_unfilled(policy: &str, expected: &str) {
        check(&[policy.to_owned()]).unwrap_or_else(|error| panic!("{policy}: {error}"));
        let error = fill(&[policy.to_owned()], &claims()).expect_err(policy);
        assert_eq!((error.status().as_u16(), error.to_string().contains(expected)), (500, true), "{error}");
    }

    // As OpenBao 2.7.2 answers.
    #[test]
    fn claims_make_the_name() {
        check_filled("team-{{.group}}", &["team-Dev"]);
        check_filled("{{.n}}-{{.f}}-{{.flag}}", &["5-1.5-true"]);
        check_filled("{{.big}} {{.million}} {{.small}}", &["1.2345678901e+10 1e+06 1.234e-05"]);
        check_filled("{{.just}} {{.tenth}}", &["123456 0.1"]);
        check_filled("{{.list}}", &["[x y]"]);
        check_filled("{{.obj}}{{.obj.deep.z}}", &["map[deep:map[z:q] k:v]q"]);
        check_filled("x{{.nothing}}", &["x<no value>"]);
        check_filled("{{.empty}}", &[]);
        check_filled("{{ .group | lowercase | truncate 2 }}", &["de"]);
        check_filled("a}}b", &["a}}b"]);
    }

    #[test]
    fn a_claim_that_is_missing_or_of_another_kind_lets_nobody_in() {
        check_unfilled(
            "{{.missing}}",
            "failed to template policy [0]: unable to apply template: template: template:1:2: executing \
             \"template\" at <.missing>: map has no entry for key \"missing\"",
        );
        check_unfilled(
            "{{.obj.missing}}",
            "template:1:6: executing \"template\" at <.obj.missing>: map has no entry",
        );
        check_unfilled(
            "{{.group.x}}",
            "template:1:8: executing \"template\" at <.group.x>: can't evaluate field x",
        );
        check_unfilled("a\n{{.n | lowercase}}", "template:2:2: executing \"template\" at <.n>: wrong type");
    }

    #[test]
    fn equal_names_count_once() {
        let policies = ["{{.group}}", "b", "{{ .group }}"].map(str::to_owned);
        assert_eq!(fill(&policies, &claims()).expect("good claims"), ["Dev", "b"]);
    }

    #[test]
    fn what_is_no_template_is_refused_and_what_is_not_built_says_so() {
        for (policy, status) in [
            ("{{.group", 500),
            ("{{nofunc .group}}", 500),
            ("{{.a-b}}", 500),
            ("{{}}", 500),
            ("{{.}}", 501),
            ("{{if .flag}}yes{{end}}", 501),
            ("{{index .list 0}}", 501),
            ("{{.group | sha256}}", 501),
            ("{{3}}", 400),
        ] {
            assert_eq!(check(&[policy.to_owned()]).expect_err(policy).status(), status, "{policy}");
        }
    }
}
