//! What holds for the plan of every kind, whatever is in its fields.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use schemas::{Class, Number, Part, Text, kinds};

use super::*;
use crate::convert;

const CASES: u32 = 48;

/// Any value of that shape, as a state holds it.
fn any_value(shape: Shape) -> BoxedStrategy<Value> {
    let many = |inner: &Shape| prop::collection::vec(any_value(*inner), 0..3).prop_map(Value::List);
    match shape {
        Shape::Bool => any::<bool>().prop_map(Value::from).boxed(),
        Shape::Integer => any::<i64>().prop_map(Value::from).boxed(),
        Shape::Seconds => prop_oneof![Just(0_i64), 1..100_000_i64].prop_map(Value::from).boxed(),
        Shape::Duration => prop_oneof!["", "[1-9][0-9]{0,3}s", "[1-9]h"].prop_map(Value::from).boxed(),
        Shape::Json => {
            prop_oneof!["", r#"\{"[a-z]{1,3}": ?[0-9]{1,3}\}"#, "null"].prop_map(Value::from).boxed()
        }
        Shape::Text(rule) => any_text(rule),
        Shape::List(inner) | Shape::Set(inner) => many(inner).boxed(),
        Shape::Map(inner) => {
            prop::collection::btree_map("[a-z]{1,4}", any_value(*inner), 0..3).prop_map(Value::Map).boxed()
        }
        Shape::Object(parts) => any_object(parts),
        Shape::Block { parts, max } => {
            let most = if max == 0 { 2 } else { max as usize };
            prop::collection::vec(any_object(parts), 0..=most).prop_map(Value::List).boxed()
        }
    }
}

fn any_text(rule: Text) -> BoxedStrategy<Value> {
    let text = match rule {
        Text::AclPolicy => prop_oneof![Just(""), Just(r#"path "a" { capabilities = ["read"] }"#), Just("}{")]
            .prop_map(str::to_owned)
            .boxed(),
        _ => prop_oneof!["", "[a-zA-Z0-9/_. -]{1,12}", "\\PC{0,6}"].boxed(),
    };
    text.prop_map(Value::from).boxed()
}

fn any_object(parts: &'static [Part]) -> BoxedStrategy<Value> {
    any_fields(parts).prop_map(|fields| Value::Map(fields.into_iter().collect())).boxed()
}

/// Fields as a state holds them: those that must be set are, and what is never stored is not.
fn any_fields(parts: &'static [Part]) -> BoxedStrategy<Vec<(String, Value)>> {
    let field = |field: &'static Field| {
        let value = match (field.presence, field.shape) {
            _ if field.is_write_only() => Just(Value::Null).boxed(),
            (Presence::Required, Shape::Text(_)) => "[a-z]{1,8}".prop_map(Value::from).boxed(),
            (Presence::Required, shape) | (_, shape @ Shape::Block { .. }) => any_value(shape),
            (_, shape) => prop_oneof![Just(Value::Null), any_value(shape)].boxed(),
        };
        value.prop_map(|value| (field.name.to_owned(), value)).boxed()
    };
    schemas::kind::fields(parts).map(field).collect::<Vec<_>>().boxed()
}

/// Any state of `kind`, after a way through Terraform, which sorts sets.
fn any_state(kind: &'static Kind) -> BoxedStrategy<Record> {
    let with_id = |fields: Vec<(String, Value)>| {
        let record: Record = fields.into_iter().collect();
        if record.has("id") { record } else { record.with("id", "some-id") }
    };
    any_fields(kind.parts)
        .prop_map(move |fields| convert::record(kind, &convert::object(kind, &with_id(fields))))
        .boxed()
}

/// The configuration that a state could come from.
fn configuration(kind: &Kind, state: &Record) -> Record {
    let configurable = kind.fields().filter(|field| field.is_configurable() && !field.is_write_only());
    configurable.map(|field| (field.name.to_owned(), state.get(field.name).clone())).collect()
}

fn resources() -> impl Iterator<Item = &'static Kind> {
    kinds::KINDS.iter().copied().filter(|kind| kind.class == Class::Resource)
}

/// Runs `property` with random values of `strategy`. The seed is fixed: a failure repeats.
fn check<T: std::fmt::Debug>(strategy: impl Strategy<Value = T>, property: impl Fn(T) -> Result<(), String>) {
    let config = Config { cases: CASES, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(
        config,
        proptest::test_runner::TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha),
    );
    let outcome = runner.run(&strategy, |value| property(value).map_err(TestCaseError::fail));
    if let Err(error) = outcome {
        panic!("{error}");
    }
}

#[test]
fn a_configuration_equal_to_the_state_changes_nothing() {
    for kind in resources() {
        check(any_state(kind), |state| {
            let planned = plan(kind, Some(&state), &configuration(kind, &state));
            if planned.changes || !planned.replaces.is_empty() {
                return Err(format!("{kind:?}: {:?}\n{:?}", planned.replaces, planned.record));
            }
            Ok(())
        });
    }
}

/// Terraform refuses a plan that is open where the configuration is not, but for what the provider may fill in.
#[test]
fn only_what_the_provider_fills_in_is_left_open() {
    for kind in resources() {
        check((any_state(kind), any_state(kind), any::<bool>()), |(prior, wanted, is_new)| {
            let prior = (!is_new).then_some(&prior);
            let planned = plan(kind, prior, &configuration(kind, &wanted)).record;
            let is_filled = |field: &&Field| matches!(field.presence, Presence::Output | Presence::Filled);
            let open = kind
                .fields()
                .filter(|field| planned.get(field.name).has_unknown())
                .find(|field| !is_filled(field) && field.default.is_none());
            open.map_or(Ok(()), |field| Err(format!("{kind:?}: {}", field.name)))
        });
    }
}

/// Terraform's rule for types without the legacy flag: a plan says what the configuration says, or what was there.
#[test]
fn a_plan_of_a_modern_kind_says_what_is_configured() {
    for kind in resources().filter(|kind| kind.states == States::Modern) {
        let fields = || kind.fields().filter(|field| field.presence == Presence::Required || is_plain(field));
        check((any_state(kind), any_state(kind)), |(prior, wanted)| {
            let config = configuration(kind, &wanted);
            let planned = plan(kind, Some(&prior), &config).record;
            let is_said = |field: &&Field| {
                let (configured, planned) = (config.get(field.name), planned.get(field.name));
                let is_kept = !configured.is_null() && planned == prior.get(field.name);
                planned == configured || is_kept || field.is_write_only()
            };
            let other = fields().find(|field| !is_said(field));
            other.map_or(Ok(()), |field| {
                Err(format!("{kind:?}: {}: {:?}", field.name, planned.get(field.name)))
            })
        });
    }
}

fn is_plain(field: &Field) -> bool {
    field.presence == Presence::Optional && field.default.is_none()
}

#[test]
fn an_object_becomes_a_record_and_the_same_object() {
    for kind in kinds::KINDS {
        check(any_state(kind), |record| {
            let object = convert::object(kind, &record);
            let again = convert::object(kind, &convert::record(kind, &object));
            if object == again { Ok(()) } else { Err(format!("{kind:?}: {object:?}\n{again:?}")) }
        });
    }
}

/// What is sent and never stored, whoever hands the record over.
#[test]
fn a_write_only_value_is_in_no_object() {
    for kind in resources() {
        let hidden = || kind.fields().filter(|field| field.is_write_only());
        let record = hidden().fold(Record::new(), |record, field| record.with(field.name, "hunter2"));
        let object = convert::object(kind, &record);
        for field in hidden() {
            assert_eq!(
                object.attribute(field.name),
                &tf_provider_sdk::Value::Null,
                "{kind:?}: {}",
                field.name
            );
        }
    }
}

/// Answers of a server may hold anything; nothing of it may end the process.
#[test]
fn values_of_a_wrong_shape_become_null_or_are_converted() {
    let odd = || {
        prop_oneof![
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "\\PC{0,6}".prop_map(Value::from),
            "-?[0-9]{1,30}(\\.[0-9]{1,5})?"
                .prop_map(|text| { text.parse::<Number>().map_or(Value::Null, Value::Number) }),
            Just(Value::List(vec![Value::Null, Value::from("a")])),
            Just(Value::Map([("a".to_owned(), Value::List(Vec::new()))].into())),
        ]
        .boxed()
    };
    for kind in kinds::KINDS {
        let fields: Vec<_> =
            kind.fields().map(|field| odd().prop_map(|v| (field.name.to_owned(), v))).collect();
        check(fields, |fields| {
            let record = fields.into_iter().collect::<Record>().with("id", "some-id");
            let object = convert::object(kind, &record);
            plan(kind, Some(&record), &configuration(kind, &record));
            let again = convert::object(kind, &convert::record(kind, &object));
            if object == again { Ok(()) } else { Err(format!("{kind:?}: {object:?}\n{again:?}")) }
        });
    }
}
