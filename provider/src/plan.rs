//! Planning: what a resource will be, given what it is and what is configured. Pure, for any kind.

use schemas::{Field, Kind, Presence, Record, Shape, States, Value, codec};

/// What a change comes to.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Planned {
    /// The resource afterwards; unknown where only the change can tell.
    pub(crate) record: Record,
    /// Fields whose change needs a new resource.
    pub(crate) replaces: Vec<&'static str>,
    /// Whether there is anything to do.
    pub(crate) changes: bool,
}

/// Plans `config` on top of `prior`; `None` plans a new resource.
///
/// A field stays written as it is where the configuration means the same, so that an empty plan is empty to the
/// letter: `1h` for `3600`, or the `""` that older states hold where the configuration has nothing.
pub(crate) fn plan(kind: &Kind, prior: Option<&Record>, config: &Record) -> Planned {
    let mut record: Record =
        kind.fields().map(|field| (field.name.to_owned(), field_plan(kind, field, prior, config))).collect();
    let mut replaces: Vec<_> = prior
        .map(|prior| {
            kind.fields()
                .filter(|field| field.replaces && differs(kind, field, prior, &record))
                .map(|f| f.name)
                .collect()
        })
        .unwrap_or_default();
    if let Some(prior) = prior {
        replaces.extend(kind.behavior.replaces(kind, prior, &record));
    }
    let changes = prior.is_none_or(|prior| {
        !replaces.is_empty()
            || kind.fields().any(|field| field.is_configurable() && differs(kind, field, prior, &record))
    });
    plan_outputs(kind, prior, changes, &mut record);
    kind.behavior.foresee(kind, prior, &mut record);
    plan_id(kind, prior, &mut record);
    Planned { record, replaces, changes }
}

fn differs(kind: &Kind, field: &Field, prior: &Record, planned: &Record) -> bool {
    let (before, after) = (prior.get(field.name), planned.get(field.name));
    // An explicit zero where the state has null means the same; without the legacy flag Terraform has to see it.
    before != after && (kind.states == States::Modern || !kind.same(field, before, after))
}

fn field_plan(kind: &Kind, field: &Field, prior: Option<&Record>, config: &Record) -> Value {
    let configured = config.get(field.name);
    let before = prior.map(|prior| prior.get(field.name));
    if field.is_write_only() {
        return Value::Null;
    }
    if field.presence == Presence::Output {
        return before.cloned().unwrap_or(Value::Unknown);
    }
    if !is_absent(field, configured) {
        return match before {
            Some(before) if !before.is_null() && kind.same(field, before, configured) => before.clone(),
            _ => configured.clone(),
        };
    }
    absent_plan(kind, field, before)
}

/// An absent nested block is an empty list to Terraform.
fn is_absent(field: &Field, configured: &Value) -> bool {
    let no_block =
        matches!(field.shape, Shape::Block { .. }) && configured.as_list().is_some_and(<[Value]>::is_empty);
    configured.is_null() || no_block
}

fn absent_plan(kind: &Kind, field: &Field, before: Option<&Value>) -> Value {
    match (field.presence, before) {
        (Presence::Filled, Some(before)) => before.clone(),
        (_, Some(before)) if field.inherited => before.clone(),
        (Presence::Filled, None) => field.default.map_or(Value::Unknown, Value::from),
        // Where the plan must be what is configured, an old `0` becomes null again.
        (_, Some(before)) if kind.states == States::Legacy && kind.same(field, before, &Value::Null) => {
            before.clone()
        }
        _ if field.default.is_some() && kind.states == States::Legacy => codec::absent(field),
        _ => Value::Null,
    }
}

/// Outputs of a changing resource: the older SDK keeps them, and Terraform lets it; elsewhere they are open.
fn plan_outputs(kind: &Kind, prior: Option<&Record>, changes: bool, record: &mut Record) {
    if prior.is_none() || !changes || kind.states == States::Legacy {
        return;
    }
    for field in kind.fields().filter(|field| field.presence == Presence::Output) {
        record.set(field.name, Value::Unknown);
    }
}

/// The id of a new object is left open even where it follows from its keys: configurations give it to ephemeral
/// resources (`mount_id`) so that those wait until the object is there.
fn plan_id(kind: &Kind, prior: Option<&Record>, record: &mut Record) {
    let Some(prior) = prior else {
        record.set("id", Value::Unknown);
        return;
    };
    let moved = kind.id_of(prior) != kind.id_of(record);
    let foreseen = kind.id_of(record).map_or(Value::Unknown, Value::from);
    record.set("id", if moved { foreseen } else { prior.get("id").clone() });
}

#[cfg(test)]
mod properties;

#[cfg(test)]
mod tests {
    use super::*;
    use schemas::{Class, json, kinds};

    fn record(text: &str) -> Record {
        json::parse(text).expect("valid JSON").as_map().cloned().expect("an object").into()
    }

    fn kind(name: &str) -> &'static Kind {
        kinds::find(Class::Resource, name).expect("a kind of that name")
    }

    /// Plans `config` on `prior` and compares what changes, as `field: before -> after` lines.
    #[track_caller]
    fn check(name: &str, prior: &str, config: &str, expected: &[&str]) {
        let (prior, config) = (record(prior), record(config));
        let planned = plan(kind(name), Some(&prior), &config);
        let changed: Vec<_> = planned
            .record
            .iter()
            .filter(|(field, after)| prior.get(field) != *after)
            .map(|(field, after)| {
                let marker = if planned.replaces.contains(&field) { " !" } else { "" };
                format!("{field}: {:?} -> {after:?}{marker}", prior.get(field))
            })
            .collect();
        assert_eq!(changed, expected);
        assert_eq!(planned.changes, !expected.is_empty());
    }

    const ROLE: &str = r#"{
        "id": "auth/approle/role/web", "backend": "approle", "role_name": "web", "role_id": "r-1",
        "bind_secret_id": true, "local_secret_ids": false, "secret_id_ttl": 0, "token_ttl": 3600,
        "token_no_default_policy": false, "token_type": "default", "token_policies": ["a", "b"]
    }"#;

    #[test]
    fn zero_values_of_older_states_are_what_an_absent_configuration_means() {
        check(
            "approle_auth_backend_role",
            ROLE,
            r#"{"role_name": "web", "token_ttl": 3600, "token_policies": ["b", "a"]}"#,
            &[],
        );
    }

    #[test]
    fn a_removed_argument_is_planned_away() {
        check(
            "approle_auth_backend_role",
            ROLE,
            r#"{"role_name": "web", "token_policies": ["a"]}"#,
            &[r#"token_policies: ["a", "b"] -> ["a"]"#, "token_ttl: 3600 -> null"],
        );
    }

    #[test]
    fn what_the_server_picks_stays_when_the_configuration_is_silent() {
        check(
            "approle_auth_backend_role",
            ROLE,
            r#"{"role_name": "web", "token_ttl": 3600, "token_policies": ["a", "b"], "role_id": "r-2"}"#,
            &[r#"role_id: "r-1" -> "r-2""#],
        );
    }

    #[test]
    fn another_name_is_another_role() {
        check(
            "approle_auth_backend_role",
            ROLE,
            r#"{"role_name": "api", "token_ttl": 3600, "token_policies": ["a", "b"]}"#,
            &[r#"id: "auth/approle/role/web" -> "auth/approle/role/api""#, r#"role_name: "web" -> "api" !"#],
        );
    }

    #[test]
    fn what_a_secret_id_has_from_its_role_makes_no_new_one() {
        check(
            "approle_auth_backend_role_secret_id",
            r#"{"id": "i", "backend": "approle", "role_name": "web", "accessor": "a", "secret_id": "s",
                "num_uses": 5, "ttl": 600, "metadata": "{}"}"#,
            r#"{"role_name": "web"}"#,
            &[],
        );
    }

    #[test]
    fn outputs_of_a_new_object_are_open_and_its_defaults_are_not() {
        let planned =
            plan(kind("approle_auth_backend_role"), None, &record(r#"{"role_name": "web"}"#)).record;
        assert_eq!(planned.get("role_id"), &Value::Unknown);
        assert_eq!(planned.get("bind_secret_id"), &Value::Bool(true));
        assert_eq!(planned.get("id"), &Value::Unknown);
    }

    #[test]
    fn an_unknown_argument_is_planned_as_unknown() {
        let config = record(r#"{"role_name": "web"}"#).with("token_policies", Value::Unknown);
        let planned = plan(kind("approle_auth_backend_role"), Some(&record(ROLE)), &config);
        assert_eq!(planned.record.get("token_policies"), &Value::Unknown);
        assert!(planned.changes);
    }
}
