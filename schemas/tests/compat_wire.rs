//! Every recorded resource of `hashicorp/vault` 5.11, held against our conversations: reading it leaves its state
//! as it is (that is what makes a plan empty), creating and changing it sends bodies of the same meaning, and
//! deleting it asks for the same. No server: answers are the recorded ones.

#[allow(dead_code, reason = "every test crate looks in one of two ways")]
mod recorded;

use std::collections::{BTreeMap, BTreeSet};

use recorded::{Case, Exchange, Instance, Phase};
use schemas::kinds::find;
use schemas::{
    Class, Field, Kind, Operation, Record, Request, Shape, States, Step, Value, codec, duration, json,
};

/// What a state shows otherwise after our create or update, and why that is no matter.
///
/// Each has the same meaning to a plan; a read keeps what the state has.
const SHOWN_OTHERWISE: &[(&str, &str, &str)] = &[
    (
        "approle_auth_backend_login",
        "lease_duration",
        "theirs is 0: they read a field that lookups do not have",
    ),
    ("approle_auth_backend_login", "metadata", "theirs is empty: they read a field that lookups do not have"),
    ("jwt_auth_backend", "description", "theirs is null where other text fields are empty"),
    ("mount", "plugin_version", "theirs is null where other text fields are empty"),
];

/// What was asked and answered, and the object in the end.
type Conversation = (Vec<(Request, Exchange)>, Option<Record>);

/// Runs a conversation with recorded answers. `Err`: why it could not go on.
fn converse(
    kind: &Kind,
    operation: &Operation<'_>,
    namespace: &str,
    phase: &mut Phase<'_>,
) -> Result<Conversation, String> {
    let mut exchanges: Vec<(Request, Exchange)> = Vec::new();
    for _ in 0..40 {
        let answers: Vec<_> = exchanges.iter().map(|(_, exchange)| exchange.answer.clone()).collect();
        match kind.next(operation, &answers) {
            Step::Call(request) | Step::CallAfter(_, request) => {
                let exchange = phase.answer(&request, namespace).ok_or_else(|| {
                    let body = request.body.as_ref().map(json::render).unwrap_or_default();
                    format!("no recorded {} {} {body}", request.method.as_str(), request.path)
                })?;
                exchanges.push((request, exchange));
            }
            Step::Done(record) | Step::Unseen(record) => return Ok((exchanges, Some(record))),
            Step::Gone => return Ok((exchanges, None)),
            step => return Err(format!("{step:?}")),
        }
    }
    Err("the conversation does not end".to_owned())
}

/// All instances of kinds that are declared, by case.
fn each(mut check: impl FnMut(&Case, &'static Kind, &Instance) -> Vec<String>) -> usize {
    let (mut count, mut wrong) = (0, Vec::new());
    for case in recorded::steady() {
        for instance in case.instances.iter().filter(|instance| instance.class == Class::Resource) {
            let Some(kind) = find(Class::Resource, &instance.name) else { continue };
            let title = format!("{} {}", case.name, instance.address);
            wrong.extend(check(&case, kind, instance).into_iter().map(|what| format!("{title}: {what}")));
            count += 1;
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    count
}

#[test]
fn reading_leaves_a_recorded_state_as_it_is() {
    let count = each(|case, kind, instance| {
        let prior = instance.record(kind);
        let read =
            converse(kind, &Operation::Read { prior: &prior }, instance.namespace(), &mut case.phase("plan"));
        match read {
            Ok((exchanges, Some(record))) => {
                let writes = exchanges.iter().filter(|(request, _)| !request.reads);
                let mut wrong: Vec<_> =
                    writes.map(|(request, _)| format!("a read wrote {}", request.path)).collect();
                wrong.extend(differences(kind, &instance.record(kind), &record, &[]));
                wrong.extend(wrong_id(kind, instance, &record));
                wrong
            }
            Ok((_, None)) => vec!["is gone".to_owned()],
            Err(error) => vec![error],
        }
    });
    assert!(count > 50, "{count} instances");
}

#[test]
fn creating_sends_what_was_recorded_and_ends_in_the_recorded_state() {
    let count = each(|case, kind, instance| {
        let desired = instance.desired(kind, &case.configuration);
        if is_partly_known(&desired) {
            return Vec::new();
        }
        let mut phase = case.phase("apply");
        match converse(kind, &Operation::Create { desired: &desired }, instance.namespace(), &mut phase) {
            Ok((exchanges, Some(record))) => {
                let mut wrong: Vec<_> =
                    exchanges.iter().flat_map(|(request, exchange)| same_body(request, exchange)).collect();
                wrong.extend(differences(kind, &instance.record(kind), &record, SHOWN_OTHERWISE));
                wrong
            }
            Ok((_, None)) => vec!["is gone".to_owned()],
            Err(error) => vec![error],
        }
    });
    assert!(count > 50, "{count} instances");
}

#[test]
fn changing_sends_at_least_what_was_recorded_and_ends_in_the_recorded_state() {
    let mut changed = 0;
    each(|case, kind, instance| {
        let Some(after) = case.updated.as_ref().and_then(|updated| updated.find(instance)) else {
            return Vec::new();
        };
        let (prior, expected) = (instance.record(kind), after.record(kind));
        let desired = after.desired(kind, &case.updated.as_ref().expect("was found in it").configuration);
        let replaced = kind
            .fields()
            .filter(|field| field.replaces)
            .any(|field| prior.get(field.name) != expected.get(field.name));
        if replaced || prior == expected || is_partly_known(&desired) {
            return Vec::new();
        }
        changed += 1;
        let update = Operation::Update { prior: &prior, desired: &desired };
        match converse(kind, &update, instance.namespace(), &mut case.phase("update")) {
            Ok((exchanges, Some(record))) => {
                let mut wrong: Vec<_> =
                    exchanges.iter().flat_map(|(request, exchange)| holds_body(request, exchange)).collect();
                wrong.extend(differences_of_meaning(kind, &expected, &record));
                wrong
            }
            Ok((_, None)) => vec!["is gone".to_owned()],
            Err(error) => vec![error],
        }
    });
    assert!(changed > 8, "{changed} changes");
}

#[test]
fn deleting_asks_for_what_was_recorded() {
    let count = each(|case, kind, instance| {
        // An update may have moved it, or replaced it: then its end stands there.
        let last = case.updated.as_ref().and_then(|updated| updated.find(instance)).unwrap_or(instance);
        let end = |instance: &Instance, phase: &str| {
            let prior = instance.record(kind);
            converse(kind, &Operation::Delete { prior: &prior }, instance.namespace(), &mut case.phase(phase))
        };
        match end(last, "destroy").or_else(|_| end(instance, "update")) {
            Ok((_, None)) => Vec::new(),
            Ok((_, Some(_))) => vec!["is still there".to_owned()],
            Err(error) => vec![error],
        }
    });
    assert!(count > 50, "{count} instances");
}

/// True if a write-only value is an expression: it stands nowhere but in the configuration.
fn is_partly_known(desired: &Record) -> bool {
    desired.iter().any(|(_, value)| value.has_unknown())
}

fn wrong_id(kind: &Kind, instance: &Instance, record: &Record) -> Option<String> {
    let (theirs, ours) = (instance.id(), kind.id_of(record));
    (theirs.is_some() && theirs != ours).then(|| format!("id: theirs {theirs:?}, ours {ours:?}"))
}

/// Fields in which `ours` differs from the recorded state.
fn differences(kind: &Kind, theirs: &Record, ours: &Record, otherwise: &[(&str, &str, &str)]) -> Vec<String> {
    let listed = |field: &Field| {
        otherwise.iter().any(|(name, attribute, _)| (*name, *attribute) == (kind.name, field.name))
    };
    // States of the incumbent lack what it does not offer; that nothing of it is sent, the bodies show.
    let not_offered = not_offered(kind);
    let fields = kind.fields().filter(|field| !listed(field) && !not_offered.contains(field.name));
    fields
        .filter_map(|field| {
            let [theirs, ours] = [theirs, ours].map(|record| {
                let value = without(&not_offered, field.name, record.get(field.name));
                json::render(&sorted(&field.shape, &value))
            });
            // Tokens are masked in the recorded answers.
            let is_same = theirs == ours || ours == "\"(token)\"";
            (!is_same).then(|| format!("{}: theirs {theirs}, ours {ours}", field.name))
        })
        .collect()
}

/// What the incumbent does not offer of `kind`: attributes, and those of blocks as `block.attribute`.
fn not_offered(kind: &Kind) -> BTreeSet<&'static str> {
    let name = format!("resource {}", kind.terraform_name());
    let lines =
        include_str!("compat_differences.tsv").lines().map(|line| line.split('\t').collect::<Vec<_>>());
    lines.filter(|line| line[0] == name && line[2] == "exists").map(|line| line[1]).collect()
}

/// `value` of the block `name`, without the attributes that are `not_offered`.
fn without(not_offered: &BTreeSet<&str>, name: &str, value: &Value) -> Value {
    let Value::List(items) = value else { return value.clone() };
    let stays = |key: &String| !not_offered.contains(format!("{name}.{key}").as_str());
    let item = |item: &Value| match item {
        Value::Map(entries) => {
            let entries = entries.iter().filter(|(key, _)| stays(key));
            Value::Map(entries.map(|(key, value)| (key.clone(), value.clone())).collect())
        }
        other => other.clone(),
    };
    Value::List(items.iter().map(item).collect())
}

/// The same, but for values that say the same: their refresh before an update shows empty values where their apply
/// showed null.
fn differences_of_meaning(kind: &Kind, theirs: &Record, ours: &Record) -> Vec<String> {
    let same = |field: &&Field| kind.same(field, theirs.get(field.name), ours.get(field.name));
    let theirs = kind
        .fields()
        .filter(same)
        .fold(theirs.clone(), |theirs, field| theirs.with(field.name, ours.get(field.name).clone()));
    differences(kind, &theirs, ours, SHOWN_OTHERWISE)
}

fn sorted(shape: &Shape, value: &Value) -> Value {
    match (shape, value.expose()) {
        (Shape::Set(_), Value::List(items)) => {
            let by_text: BTreeMap<_, _> =
                items.iter().map(|item| (json::render(item), item.clone())).collect();
            Value::List(by_text.into_values().collect())
        }
        (_, value) => value.clone(),
    }
}

/// What the bodies of a request and its recorded twin say differently.
fn same_body(request: &Request, exchange: &Exchange) -> Option<String> {
    let (ours, theirs) = (request.body.as_ref().unwrap_or(&Value::Null), exchange.body());
    let is_same = meaning(ours) == meaning(theirs) || (is_nothing(ours) && is_nothing(theirs));
    (!is_same).then(|| format!("{}: theirs {theirs:?}, ours {ours:?}", request.path))
}

/// What the recorded body has that ours lacks. They send only what changes, where we send the whole object:
/// some endpoints replace it.
fn holds_body(request: &Request, exchange: &Exchange) -> Option<String> {
    let missing = missing(exchange.body(), request.body.as_ref().unwrap_or(&Value::Null))?;
    Some(format!("{} {missing}", request.path))
}

fn missing(theirs: &Value, ours: &Value) -> Option<String> {
    let Some(entries) = theirs.as_map() else {
        let lacks = !is_nothing(theirs) && meaning(theirs) != meaning(ours);
        return lacks.then(|| format!("theirs {theirs:?}, ours {ours:?}"));
    };
    let ours = ours.as_map().cloned().unwrap_or_default();
    let in_entry =
        |(name, theirs): (&String, &Value)| missing(theirs, ours.get(name).unwrap_or(&Value::Null));
    entries.iter().find_map(|entry| in_entry(entry).map(|what| format!("{}: {what}", entry.0)))
}

/// A form of a body in which these rules hold:
/// - the order of items and keys does not matter: most are sets;
/// - null, empty and zero values say nothing: they name the server's default;
/// - a duration is its seconds: `3600`, `"3600s"`, `"1h"`;
/// - a list may be one text with commas, and a truth value or number a text.
fn meaning(value: &Value) -> String {
    match value.expose() {
        Value::Map(entries) => {
            let said = entries.iter().filter(|(_, value)| !is_nothing(value));
            format!("{:?}", said.map(|(key, value)| (key, meaning(value))).collect::<BTreeMap<_, _>>())
        }
        Value::List(items) => {
            let mut items: Vec<_> = items.iter().map(meaning).collect();
            items.sort();
            items.join(",")
        }
        Value::String(text) => {
            duration::seconds(text).map_or_else(|_| text.clone(), |seconds| seconds.to_string())
        }
        value => json::render(value),
    }
}

fn is_nothing(value: &Value) -> bool {
    match value.expose() {
        Value::Null => true,
        Value::List(items) => items.iter().all(is_nothing),
        Value::Map(entries) => entries.values().all(is_nothing),
        Value::Bool(value) => !value,
        Value::Number(number) => number.as_i64() == Some(0),
        Value::String(text) => text.is_empty() || matches!(text.as_str(), "0" | "0s" | "{}"),
        Value::Unknown | Value::Secret(_) => false,
    }
}

#[test]
fn a_drifted_answer_changes_the_state() {
    let case = recorded::steady().into_iter().find(|case| case.name == "mounts").expect("is recorded");
    let instance =
        case.instances.iter().find(|instance| instance.address == "mount.full").expect("is recorded");
    let kind = find(Class::Resource, "mount").expect("is declared");
    let (prior, mut phase) = (instance.record(kind), case.phase("plan"));
    let read = Operation::Read { prior: &prior };
    let (mut exchanges, _) = converse(kind, &read, "", &mut phase).expect("is recorded");
    exchanges[0].1.answer.body.put("data.config.max_lease_ttl", 7.into());
    let Step::Done(record) = kind.next(&read, &[exchanges[0].1.answer.clone()]) else {
        panic!("one read is enough")
    };
    assert_eq!(differences(kind, &prior, &record, &[]), ["max_lease_ttl_seconds: theirs 86400, ours 7"]);
    assert_eq!(
        (kind.states, codec::absent(kind.field("description").expect("is declared"))),
        (States::Legacy, "".into())
    );
}
