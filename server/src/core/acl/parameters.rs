//! Rules about the data of a request.

use schemas::acl::{ParameterValue, Parameters, PathRule};
use serde_json::{Map, Value};

use super::DeniedReason;

const LIMIT: &str = "limit";

/// Whether `rule` looks at the data of a request. Of a list `limit` is looked at in any case, which is in its query.
pub(super) fn are_of_interest(rule: &PathRule) -> bool {
    let has_any = |parameters: &Option<Parameters>| parameters.as_ref().is_some_and(|all| !all.is_empty());
    !rule.required_parameters.is_empty()
        || has_any(&rule.denied_parameters)
        || has_any(&rule.allowed_parameters)
}

/// Required, denied and allowed parameters, in that order. A request without data only needs to have what
/// is required.
pub(super) fn check(rule: &PathRule, data: Option<&Map<String, Value>>) -> Result<(), DeniedReason> {
    let has = |name: &String| data.is_some_and(|data| data.contains_key(&schemas::lower_case(name)));
    if !rule.required_parameters.iter().all(has) {
        return Err(DeniedReason::RequiredParameter);
    }
    let Some(data) = data.filter(|data| !data.is_empty()) else { return Ok(()) };
    if rule.denied_parameters.as_ref().is_some_and(|denied| denies(denied, data)) {
        return Err(DeniedReason::DeniedParameter);
    }
    match &rule.allowed_parameters {
        Some(allowed) if !allowed.is_empty() && !allows(allowed, data) => {
            Err(DeniedReason::AllowedParameters)
        }
        _ => Ok(()),
    }
}

fn denies(denied: &Parameters, data: &Map<String, Value>) -> bool {
    let denies = |(name, value): (&String, &Value)| {
        denied.get(&schemas::lower_case(name)).is_some_and(|values| listed(value, values))
    };
    denied.contains_key("*") || data.iter().any(denies)
}

fn allows(allowed: &Parameters, data: &Map<String, Value>) -> bool {
    let others = allowed.contains_key("*");
    data.iter().all(|(name, value)| match allowed.get(&schemas::lower_case(name)) {
        // A lone `*` lets every parameter pass, one of that name included.
        _ if others && allowed.len() == 1 => true,
        Some(values) => listed(value, values),
        None => others,
    })
}

/// Whether the value is in the list; an empty list has every value.
fn listed(value: &Value, values: &[ParameterValue]) -> bool {
    values.is_empty() || values.iter().any(|listed| equal(value, listed))
}

/// Strings match with `*` at either end, lists and objects as a whole. Numbers never match: the peer
/// compares two representations of them that are never equal.
fn equal(value: &Value, listed: &ParameterValue) -> bool {
    match (value, listed) {
        (Value::String(text), ParameterValue::String(pattern)) => globbed(text, pattern),
        _ => identical(value, listed),
    }
}

fn identical(value: &Value, listed: &ParameterValue) -> bool {
    match (value, listed) {
        (Value::String(a), ParameterValue::String(b)) => a == b,
        (Value::Bool(a), ParameterValue::Bool(b)) => a == b,
        (Value::Array(a), ParameterValue::List(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| identical(a, b))
        }
        (Value::Object(a), ParameterValue::Map(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| identical(a, b)))
        }
        _ => false,
    }
}

/// `*x*` contains, `*x` ends, `x*` begins; a lone `*` is the character.
fn globbed(text: &str, pattern: &str) -> bool {
    if pattern.len() < 2 {
        return text == pattern;
    }
    match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
        (Some(rest), Some(_)) => text.contains(&rest[..rest.len() - 1]),
        (Some(end), None) => text.ends_with(end),
        (None, Some(start)) => text.starts_with(start),
        (None, None) => text == pattern,
    }
}

/// The value `limit` must take, or a refusal.
pub(super) fn limit(rule: &PathRule, data: Option<&Map<String, Value>>) -> Result<Option<i64>, DeniedReason> {
    let asked = data.and_then(|data| data.get(LIMIT));
    let most = asked.and_then(Value::as_str) == Some("max");
    let Some(limit) = rule.pagination_limit else { return Ok(most.then_some(0)) };
    if most {
        return Ok(Some(limit));
    }
    let Some(asked) = asked else {
        let required = rule.required_parameters.iter().any(|name| schemas::lower_case(name) == LIMIT);
        return if required { Err(DeniedReason::PaginationLimit) } else { Ok(Some(limit)) };
    };
    match number(asked) {
        Some(0) => Ok(Some(limit)),
        Some(asked) if (1..=limit).contains(&asked) => Ok(None),
        _ => Err(DeniedReason::PaginationLimit),
    }
}

fn number(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64(),
        Value::String(text) if text.is_empty() => Some(0),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}
