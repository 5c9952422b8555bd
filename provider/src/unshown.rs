//! Parts of objects, such as of a mount's `tune`, that a state leaves empty although the server has something there.
//!
//! Of such an object the configuration sets a part, and nobody compares the rest. A state alone does not tell an empty
//! text that was configured from one that nobody set: older states have both as `""`. So what was seen of parts that
//! the state has empty goes along in the private data, and a plan, which knows the configuration, takes it from there
//! where the part is configured.

use schemas::kind::{Part, fields};
use schemas::{Diagnostic, Field, Kind, Presence, Record, Shape, Value, codec, compare, json};

/// Under which name the private data has them.
const UNSHOWN: &str = "unshown";

/// The objects of which a part is configured, and their parts.
fn objects(kind: &Kind) -> impl Iterator<Item = (&'static Field, &'static [Part])> {
    kind.fields().filter_map(|field| match field.shape {
        Shape::List(Shape::Object(parts)) if field.is_configurable() && !field.is_hidden() => {
            Some((field, *parts))
        }
        _ => None,
    })
}

/// The parts that may be empty: of others the server always has a value of its own.
fn may_be_empty(parts: &'static [Part]) -> impl Iterator<Item = &'static Field> {
    fields(parts).filter(|part| part.presence != Presence::Filled && !part.is_hidden())
}

fn object<'a>(record: &'a Record, field: &Field) -> Option<&'a Value> {
    record.get(field.name).as_list().and_then(<[Value]>::first)
}

fn says_nothing(part: &Field, value: &Value) -> bool {
    compare::same(part, value, &Value::Null)
}

/// `prior` such that a read shows what the server has of parts that are empty there.
pub(crate) fn asked(kind: &Kind, prior: &Record) -> Record {
    let mut asked = prior.clone();
    for (field, parts) in objects(kind) {
        let Some(mut known) = object(prior, field).cloned() else { continue };
        for part in may_be_empty(parts).filter(|part| known.at(part.name).is_null()).collect::<Vec<_>>() {
            known.put(part.name, codec::absent(part));
        }
        asked.set(field.name, Value::List(vec![known]));
    }
    asked
}

/// What `read` shows of an object that was asked for so, as a state that had it as `prior` shows it; and the rest.
pub(crate) fn parted(kind: &Kind, prior: &Record, mut read: Record) -> (Record, Value) {
    let mut unshown = Value::map([]);
    for (field, parts) in objects(kind) {
        let (Some(before), Some(mut shown)) = (object(prior, field), object(&read, field).cloned()) else {
            continue;
        };
        for part in may_be_empty(parts).filter(|part| says_nothing(part, before.at(part.name))) {
            let live = shown.at(part.name).clone();
            if says_nothing(part, &live) {
                shown.put(part.name, before.at(part.name).clone());
            } else {
                // Such that a plan that empties it is a change of the state.
                shown.put(part.name, Value::Null);
                unshown.put(&format!("{}.{}", field.name, part.name), live);
            }
        }
        read.set(field.name, Value::List(vec![shown]));
    }
    (read, unshown)
}

/// `prior` with what was seen of parts that it leaves empty and `config` sets.
pub(crate) fn completed(kind: &Kind, prior: Record, config: &Record, private: &[u8]) -> Record {
    let unshown = of_private(private).at(UNSHOWN).clone();
    let mut completed = prior;
    for (field, parts) in objects(kind) {
        let (Some(configured), Some(mut known)) = (object(config, field), object(&completed, field).cloned())
        else {
            continue;
        };
        for part in may_be_empty(parts).filter(|part| !configured.at(part.name).is_null()) {
            let live = unshown.at(field.name).at(part.name);
            if !live.is_null() {
                known.put(part.name, live.clone());
            }
        }
        completed.set(field.name, Value::List(vec![known]));
    }
    completed
}

/// Warnings of parts that `config` sets to nothing while the server has something there, which goes: a plan shows the
/// change from an empty part of the state to nothing as none, and Terraform then hides all that there is to see.
pub(crate) fn warnings(kind: &Kind, config: &Record, private: &[u8]) -> Vec<Diagnostic> {
    let unshown = of_private(private).at(UNSHOWN).clone();
    let mut warnings = Vec::new();
    for (field, parts) in objects(kind) {
        let Some(configured) = object(config, field) else { continue };
        for part in may_be_empty(parts) {
            let (wanted, live) = (configured.at(part.name), unshown.at(field.name).at(part.name));
            if !wanted.is_null() && says_nothing(part, wanted) && !live.is_null() {
                warnings.push(emptied(field, part, live));
            }
        }
    }
    warnings
}

fn emptied(field: &Field, part: &Field, live: &Value) -> Diagnostic {
    let name = format!("{}.{}", field.name, part.name);
    Diagnostic::warning(format!("`{name}` is emptied, which the plan does not show"))
        .because(format!(
            "the configuration has nothing there, and the server has `{}`, set by somebody else",
            json::render(live)
        ))
        .hint(format!(
            "to keep it, leave `{name}` out of the configuration, or set it to what the server has"
        ))
        .at_field(field.name)
}

/// The private data `before` with `unshown` in it; `None` if it stays as it is.
pub(crate) fn private(before: &[u8], unshown: Value) -> Option<Vec<u8>> {
    let mut data = of_private(before);
    let is_empty = unshown.as_map().is_none_or(std::collections::BTreeMap::is_empty);
    if is_empty && data.at(UNSHOWN).is_null() {
        return None;
    }
    data.put(UNSHOWN, unshown);
    Some(json::render(&data).into_bytes())
}

fn of_private(data: &[u8]) -> Value {
    let parsed = std::str::from_utf8(data).ok().and_then(|text| json::parse(text).ok());
    parsed.filter(|value| value.as_map().is_some()).unwrap_or_else(|| Value::map([]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use schemas::{Class, kinds};

    fn record(text: &str) -> Record {
        json::parse(text).expect("valid JSON").as_map().cloned().expect("an object").into()
    }

    /// Reads `read` onto the state `prior`, and plans `config`: the part of the state and of the plan, and whether there
    /// is a change.
    fn check(prior: &str, read: &str, config: &str) -> String {
        let kind = kinds::find(Class::Resource, "auth_backend").expect("a kind");
        let with = |tune: &str| record(&format!(r#"{{"path": "a", "type": "x", "tune": [{tune}]}}"#));
        let (prior, config) = (with(prior), with(config));
        let (state, unshown) = parted(kind, &prior, with(read));
        let private = private(br#"{"schema_version": "1"}"#, unshown).unwrap_or_default();
        let planned =
            crate::plan::plan(kind, Some(&completed(kind, state.clone(), &config, &private)), &config);
        let part = |record: &Record| {
            let tune = record.get("tune").as_list().expect("a block");
            json::render(tune[0].at("listing_visibility"))
        };
        format!("{} {} {}", part(&state), part(&planned.record), planned.changes)
    }

    const OPEN: &str = r#"{"listing_visibility": "unauth"}"#;
    const EMPTY: &str = r#"{"listing_visibility": ""}"#;

    #[test]
    fn what_is_configured_as_empty_and_is_not_is_a_change() {
        assert_eq!(check(EMPTY, OPEN, EMPTY), r#"null "" true"#);
        assert_eq!(check("{}", OPEN, EMPTY), r#"null "" true"#);
        assert_eq!(check(EMPTY, EMPTY, EMPTY), r#""" "" false"#);
    }

    #[test]
    fn what_a_plan_empties_unseen_is_told() {
        let kind = kinds::find(Class::Resource, "auth_backend").expect("a kind");
        let with = |tune: &str| record(&format!(r#"{{"path": "a", "type": "x", "tune": [{tune}]}}"#));
        let told = |prior: &str, read: &str, config: &str| {
            let (_, unshown) = parted(kind, &with(prior), with(read));
            let private = private(b"", unshown).unwrap_or_default();
            let warnings = warnings(kind, &with(config), &private);
            warnings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
        };
        let expected = "`tune.listing_visibility` is emptied, which the plan does not show: the configuration has \
                        nothing there, and the server has `\"unauth\"`, set by somebody else\n\
                        hint: to keep it, leave `tune.listing_visibility` out of the configuration, or set it to what \
                        the server has";
        assert_eq!(told(EMPTY, OPEN, EMPTY), expected);
        assert_eq!(told("{}", OPEN, EMPTY), expected);
        // What is shown: nothing at all, or that a part is set or no longer configured.
        for [prior, read, config] in [
            [EMPTY, EMPTY, EMPTY],
            [EMPTY, OPEN, "{}"],
            [EMPTY, OPEN, r#"{"listing_visibility": "hidden"}"#],
            [OPEN, OPEN, "{}"],
            [OPEN, OPEN, EMPTY],
        ] {
            assert_eq!(told(prior, read, config), "", "{prior} {read} {config}");
        }
    }

    #[test]
    fn what_is_not_configured_is_no_change_whatever_the_server_has() {
        assert_eq!(check(EMPTY, OPEN, "{}"), "null null false");
        assert_eq!(check("{}", OPEN, "{}"), "null null false");
        assert_eq!(check(EMPTY, EMPTY, "{}"), r#""" "" false"#);
    }

    #[test]
    fn what_was_configured_and_is_no_longer_is_a_change() {
        assert_eq!(check(OPEN, OPEN, "{}"), r#""unauth" null true"#);
    }

    #[test]
    fn private_data_of_others_is_kept() {
        let unshown = || Value::map([("tune", Value::map([("a", "b".into())]))]);
        let others = br#"{"schema_version":"1"}"#;
        let mixed = private(others, unshown()).expect("something to put by");
        assert_eq!(String::from_utf8_lossy(&mixed), r#"{"schema_version":"1","unshown":{"tune":{"a":"b"}}}"#);
        assert_eq!(private(others, Value::Null), None);
        let cleared = private(&mixed, Value::Null).expect("something to take away");
        assert!(of_private(&cleared).at(UNSHOWN).is_null());
    }
}
