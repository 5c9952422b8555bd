//! What a role makes of the claims of a token.

use std::collections::BTreeMap;

use serde_json::Value;

use super::signed::Claims;
use crate::core::glob::fits;

/// The claim called `name`; a name that begins with `/` is a JSON pointer. Null is as good as absent.
pub(super) fn claim<'a>(claims: &'a Claims, name: &str) -> Option<&'a Value> {
    let value = match name.strip_prefix('/') {
        None => claims.get(name),
        Some(rest) => {
            let (head, tail) = rest.split_once('/').map_or((rest, None), |(head, tail)| (head, Some(tail)));
            let first = claims.get(&head.replace("~1", "/").replace("~0", "~"));
            match tail {
                Some(tail) => first.and_then(|value| value.pointer(&format!("/{tail}"))),
                None => first,
            }
        }
    };
    value.filter(|value| !value.is_null())
}

/// A single value, or those of a list. `None` for objects.
pub(super) fn values(value: &Value) -> Option<Vec<&Value>> {
    match value {
        Value::Array(items) => Some(items.iter().collect()),
        Value::String(_) | Value::Bool(_) | Value::Number(_) => Some(vec![value]),
        Value::Null | Value::Object(_) => None,
    }
}

/// Whether every bound claim has one of its values.
///
/// # Errors
/// Which one has not.
pub(super) fn check_bound(
    bound: &BTreeMap<String, Value>,
    is_glob: bool,
    claims: &Claims,
) -> Result<(), String> {
    for (name, expected) in bound {
        let actual = claim(claims, name).ok_or_else(|| format!("claim \"{name}\" is missing"))?;
        let actual = values(actual)
            .ok_or_else(|| format!("received claim is not a string, bool, int or list: claim \"{name}\""))?;
        let expected = values(expected)
            .ok_or_else(|| format!("bound claim is not a string, bool, int or list: claim \"{name}\""))?;
        let is_met =
            expected.iter().any(|expected| actual.iter().any(|actual| matches(expected, actual, is_glob)));
        if !is_met {
            return Err(format!("claim \"{name}\" does not match any associated bound claim values"));
        }
    }
    Ok(())
}

fn matches(expected: &Value, actual: &Value, is_glob: bool) -> bool {
    match (expected, actual) {
        (Value::String(pattern), Value::String(text)) if is_glob => fits(pattern, text),
        _ if is_glob => false,
        (Value::Number(one), Value::Number(other)) if one.is_f64() || other.is_f64() => {
            one.as_f64() == other.as_f64()
        }
        _ => expected == actual,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(bound: Value, is_glob: bool, claims: Value, problem: &str) {
        let bound = serde_json::from_value(bound).expect("an object");
        let claims = serde_json::from_value(claims).expect("an object");
        let result = check_bound(&bound, is_glob, &claims);
        assert_eq!(result.err().unwrap_or_default(), problem, "{bound:?} {claims:?}");
    }

    fn unmet(name: &str) -> String {
        format!("claim \"{name}\" does not match any associated bound claim values")
    }

    #[test]
    fn one_value_of_each_bound_claim_has_to_be_there() {
        check(json!({"p": ["a", "b"]}), false, json!({"p": "b"}), "");
        check(json!({"p": "b"}), false, json!({"p": ["a", "b"]}), "");
        check(json!({"p": "b"}), false, json!({"p": "c"}), &unmet("p"));
        check(json!({"p": "b", "q": 1}), false, json!({"p": "b"}), "claim \"q\" is missing");
        check(json!({"q": null}), false, json!({"q": null}), "claim \"q\" is missing");
        check(json!({"/u/x~1y": "v"}), false, json!({"u": {"x/y": "v"}}), "");
    }

    #[test]
    fn values_are_of_the_same_kind() {
        check(json!({"n": 5}), false, json!({"n": 5.0}), "");
        check(json!({"n": 5}), false, json!({"n": 5.9}), &unmet("n"));
        check(json!({"n": 5}), false, json!({"n": "5"}), &unmet("n"));
        check(json!({"b": true}), false, json!({"b": "true"}), &unmet("b"));
        check(
            json!({"o": "x"}),
            false,
            json!({"o": {}}),
            "received claim is not a string, bool, int or list: claim \"o\"",
        );
    }

    #[test]
    fn a_star_stands_for_anything() {
        check(json!({"p": "a*b"}), true, json!({"p": "axxb"}), "");
        check(json!({"p": "a*b"}), true, json!({"p": "ab"}), "");
        check(json!({"p": "a*b"}), true, json!({"p": "axxbc"}), &unmet("p"));
        check(json!({"p": "*x*"}), true, json!({"p": ["q", "1x1"]}), "");
        check(json!({"p": "a*b*b"}), true, json!({"p": "ab"}), &unmet("p"));
        check(json!({"p": "*"}), true, json!({"p": 5}), &unmet("p"));
        check(json!({"p": "a*b"}), false, json!({"p": "axb"}), &unmet("p"));
    }
}
