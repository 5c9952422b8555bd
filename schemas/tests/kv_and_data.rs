//! Key/value, generic, data source and ephemeral kinds: against recorded states and answers, then trap by trap.

#[allow(dead_code, unused_imports, reason = "every test crate looks in one of two ways")]
mod recorded;

use proptest::prelude::*;
use recorded::{Case, Instance};
use schemas::{Answer, Class, Kind, Operation, Record, Request, Step, Value, json, kinds};

fn kind(class: Class, name: &str) -> &'static Kind {
    kinds::find(class, name).expect("a kind of that name")
}

fn record(text: &str) -> Record {
    let value = json::parse(text).expect("valid JSON in a test");
    Record::from(value.as_map().expect("an object").clone())
}

fn answer(status: u16, body: &str) -> Answer {
    let body = if body.is_empty() { Value::Null } else { json::parse(body).expect("valid JSON in a test") };
    Answer { status, body }
}

/// Lets `kind` talk until the end; `reply` is the server.
fn talk(
    kind: &Kind,
    operation: &Operation<'_>,
    mut reply: impl FnMut(usize, &Request) -> Answer,
) -> (Vec<Request>, Step) {
    let (mut requests, mut answers) = (Vec::new(), Vec::new());
    loop {
        match kind.next(operation, &answers) {
            Step::Call(request) | Step::CallAfter(_, request) => {
                answers.push(reply(requests.len(), &request));
                requests.push(request);
            }
            end => return (requests, end),
        }
        assert!(requests.len() < 60, "{kind:?} never comes to an end");
    }
}

// ---- what was recorded

const CASES: [&str; 8] =
    ["approle", "auth_mounts", "ephemeral_more", "generic", "kv2", "kv2_subkeys", "namespaces", "policies"];

/// Kinds of this family that stand in the recorded states.
const SEEN: [(Class, &str); 13] = [
    (Class::Resource, "generic_endpoint"),
    (Class::Resource, "generic_secret"),
    (Class::Resource, "kv_secret_backend_v2"),
    (Class::Resource, "kv_secret_v2"),
    (Class::Data, "approle_auth_backend_role_id"),
    (Class::Data, "auth_backend"),
    (Class::Data, "auth_backends"),
    (Class::Data, "generic_secret"),
    (Class::Data, "kv_secret_subkeys_v2"),
    (Class::Data, "kv_secret_v2"),
    (Class::Data, "kv_secrets_list_v2"),
    (Class::Data, "namespace"),
    (Class::Data, "policy_document"),
];

/// The case as it was at first, or after its update, if it has one.
fn in_state(case: Case, states: &str) -> Option<Case> {
    if states == FIRST { Some(case) } else { case.updated.map(|updated| *updated) }
}

const FIRST: &str = "terraform.tfstate";

fn instances(states: &str) -> impl Iterator<Item = (Case, &'static Kind, Instance)> {
    let cases = CASES.into_iter().filter_map(move |name| in_state(Case::load(name), states));
    cases.flat_map(|case| {
        let mine = |instance: &Instance| {
            let listed = SEEN.iter().chain(&[(Class::Data, "namespaces")]);
            listed.copied().find(|seen| *seen == (instance.class, instance.name.as_str()))
        };
        let instances = case.instances.clone();
        let found =
            instances.into_iter().filter_map(move |i| mine(&i).map(|(class, name)| (kind(class, name), i)));
        found.map(move |(kind, instance)| (case.clone(), kind, instance)).collect::<Vec<_>>()
    })
}

/// The fields that a configuration may set.
fn configured(kind: &Kind, state: &Record) -> Record {
    let fields = kind.fields().filter(|field| field.is_configurable());
    fields.map(|field| (field.name.to_owned(), state.get(field.name).clone())).collect()
}

/// Text of every attribute, so that a difference names it.
fn attributes(kind: &Kind, record: &Record) -> Vec<String> {
    let id = match record.get("id").as_str() {
        Some(id) => Some(id.to_owned()),
        None => kind.id_of(record),
    };
    // States of the incumbent lack what it does not offer.
    let fields =
        kind.fields().filter(|field| field.name != "lease_start_time" && !field.openbao).map(|field| {
            let mut value = record.get(field.name).expose().clone();
            // The incumbent gives them as they come; ours are in order.
            if let ("auth_backends", "paths" | "accessors", Value::List(items)) =
                (kind.name, field.name, &mut value)
            {
                items.sort_by_key(json::render);
            }
            format!("{} = {}", field.name, json::render(&value))
        });
    fields.chain([format!("id = {id:?}")]).collect()
}

#[track_caller]
fn check_same(what: &str, kind: &Kind, expected: &Record, end: &Step) {
    let (Step::Done(found) | Step::Unseen(found)) = end else { panic!("{what}: {end:?}") };
    assert_eq!(attributes(kind, found), attributes(kind, expected), "{what}");
}

fn check_reads(states: &str, phase: &str) -> Vec<(Class, &'static str)> {
    let mut seen = Vec::new();
    for (case, kind, instance) in instances(states) {
        let what = format!("{} {states} {}", case.name, instance.address);
        let prior = match kind.class {
            Class::Data => configured(kind, &instance.state),
            _ => instance.state.clone(),
        };
        // Its state shows the version that was read; its configuration names none.
        let prior = if instance.address == "kv_secret_v2.latest" {
            prior.with("version", Value::Null)
        } else {
            prior
        };
        let (requests, end) = talk(kind, &Operation::Read { prior: &prior }, |_, request| {
            case.answer(&[phase, "apply"], instance.namespace(), request)
        });
        check_same(&what, kind, &instance.state, &end);
        assert!(requests.iter().all(|request| request.reads), "{what} writes: {requests:?}");
        seen.push((kind.class, kind.name));
    }
    seen
}

#[test]
fn a_recorded_state_is_read_as_it_was_written() {
    let seen = check_reads("terraform.tfstate", "plan");
    for kind in SEEN {
        assert!(seen.contains(&kind), "{kind:?} stands in no recorded state");
    }
}

#[test]
fn a_recorded_state_is_read_as_it_was_written_after_an_update() {
    assert!(check_reads("update/terraform.tfstate", "update_plan").len() > 10);
}

/// The body as the server understands it: `cas` beside `data` is ignored there, and numbers may be text.
fn meaning(request: &Request) -> (String, Option<Value>) {
    let body = request.body.clone().map(|mut body| {
        if let Value::Map(entries) = &mut body
            && entries.contains_key("options")
        {
            entries.remove("cas");
        }
        if let Some(cas) = body.at("options.cas").as_str().and_then(|cas| cas.parse::<i64>().ok()) {
            body.put("options.cas", cas.into());
        }
        body
    });
    (request.path.clone(), body)
}

fn rendered(requests: &[Request]) -> Vec<(String, String)> {
    let writes = requests.iter().filter(|request| !request.reads).map(meaning);
    // A write of nothing is left out by ours.
    let writes = writes.map(|(path, body)| (path, body.map(|body| json::render(&body)).unwrap_or_default()));
    writes.filter(|(_, body)| body != "{}").collect()
}

#[test]
fn creation_sends_what_the_incumbent_sends_and_ends_in_its_state() {
    let mut created = 0;
    for (case, kind, instance) in
        instances("terraform.tfstate").filter(|(_, kind, _)| kind.class == Class::Resource)
    {
        let what = format!("{} {}", case.name, instance.address);
        let theirs = case.writes("apply", instance.namespace(), &instance.paths());
        let mut desired = configured(kind, &instance.state);
        if !desired.get("data_json_wo_version").is_null() {
            let sent = theirs[0].body.clone().unwrap_or_default();
            desired.set("data_json_wo", json::render(sent.at("data")));
        }
        let (requests, end) = talk(kind, &Operation::Create { desired: &desired }, |_, request| {
            case.answer(&["apply"], instance.namespace(), request)
        });
        assert_eq!(rendered(&requests), rendered(&theirs), "{what}");
        check_same(&what, kind, &instance.state, &end);
        created += 1;
    }
    assert!(created > 15, "{created}");
}

#[test]
fn an_update_sends_what_the_incumbent_sends_and_nothing_where_nothing_changes() {
    let case = Case::load("kv2");
    let after = case.updated.as_ref().expect("recorded");
    let mut changed = Vec::new();
    for before in case.instances.iter().filter(|i| i.class == Class::Resource && i.name.starts_with("kv_")) {
        let kind = kind(Class::Resource, &before.name);
        let now = after.instances.iter().find(|now| now.address == before.address).expect("still there");
        let theirs = case.writes("update", "", &now.paths());
        let mut desired = now.state.clone();
        if !desired.get("data_json_wo_version").is_null() {
            desired.set("data_json_wo", r#"{"hidden":"no"}"#);
        }
        let operation = Operation::Update { prior: &before.state, desired: &desired };
        let (requests, end) =
            talk(kind, &operation, |_, request| case.answer(&["update", "update_plan", "plan"], "", request));
        assert_eq!(rendered(&requests), rendered(&theirs), "{}", before.address);
        check_same(&before.address, kind, &now.state, &end);
        changed.extend((!rendered(&requests).is_empty()).then(|| before.address.clone()));
    }
    let expected =
        ["kv_secret_backend_v2.cfg", "kv_secret_v2.bare", "kv_secret_v2.each[two]", "kv_secret_v2.wo"];
    assert_eq!(changed, expected);
}

#[test]
fn destruction_deletes_what_the_incumbent_deletes() {
    for (case, kind, instance) in
        instances("terraform.tfstate").filter(|(_, kind, _)| kind.class == Class::Resource)
    {
        let theirs = case.deletions("destroy", &instance.paths());
        let (requests, end) = talk(kind, &Operation::Delete { prior: &instance.state }, |_, request| {
            case.answer(&["destroy", "plan", "apply"], instance.namespace(), request)
        });
        let ours: Vec<_> = requests.iter().filter(|request| !request.reads).map(|r| r.path.clone()).collect();
        assert_eq!(ours, theirs, "{} {}", case.name, instance.address);
        assert_eq!(end, Step::Gone, "{} {}", case.name, instance.address);
    }
}

#[test]
fn a_recorded_id_is_imported_with_its_data() {
    let mut imported = 0;
    for (case, kind, instance) in
        instances("terraform.tfstate").filter(|(_, kind, _)| kind.class == Class::Resource)
    {
        let known = kind.behavior.import(kind, instance.state.text("id")).expect("an import id");
        let blind =
            instance.state.flag("disable_read") || !instance.state.get("data_json_wo_version").is_null();
        if blind {
            continue;
        }
        let (_, end) = talk(kind, &Operation::Read { prior: &kind.asked_in_full(&known) }, |_, request| {
            case.answer(&["plan"], instance.namespace(), request)
        });
        let Step::Done(found) = end else { panic!("{}: {end:?}", instance.address) };
        // What the server does not tell again: how to write, how to delete, which part was declared.
        let told = kind.fields().filter(|field| field.at.is_some() && field.readable || field.key);
        for field in told.filter(|_| !instance.state.flag("ignore_absent_fields")) {
            let (ours, theirs) = (found.get(field.name), instance.state.get(field.name));
            assert!(kind.same(field, ours, theirs), "{} {}", instance.address, field.name);
        }
        assert_eq!(kind.id_of(&found).as_deref(), Some(instance.state.text("id")));
        imported += 1;
    }
    assert!(imported > 10, "{imported}");
}

#[test]
fn the_recorded_policy_document_is_rendered_byte_by_byte() {
    let case = Case::load("policies");
    let recorded = case.instances.iter().find(|i| i.name == "policy_document").expect("recorded");
    let kind = kind(Class::Data, "policy_document");
    let config = configured(kind, &recorded.state);
    let Step::Done(made) = kind.next(&Operation::Read { prior: &config }, &[]) else { panic!("it asks") };
    assert_eq!(made.text("hcl"), recorded.state.text("hcl"));
    assert_eq!(made.text("id"), "4167497419");
}

// ---- trap by trap

/// A conversation as text: a line a request, then the end. Answers are `status body`.
fn transcript(kind: &Kind, operation: &Operation<'_>, replies: &[&str]) -> String {
    let (requests, end) = talk(kind, operation, |index, request| {
        let reply = replies
            .get(index)
            .unwrap_or_else(|| panic!("no reply to {} {}", request.method.as_str(), request.path));
        let (status, body) = reply.split_once(' ').unwrap_or((reply, ""));
        answer(status.parse().expect("a status"), body)
    });
    let mut lines: Vec<_> = requests.iter().map(line).collect();
    lines.push(match end {
        Step::Done(_) => "done".to_owned(),
        Step::Unseen(_) => "unseen".to_owned(),
        Step::Failed(error) => format!("failed: {error}"),
        end => format!("{end:?}").to_lowercase(),
    });
    lines.join("\n")
}

fn line(request: &Request) -> String {
    let query: String = request.query.iter().map(|(name, value)| format!("?{name}={value}")).collect();
    let body = request.body.as_ref().map(|body| format!(" {}", json::render(body))).unwrap_or_default();
    let wrapped = request.wrap_ttl.as_ref().map(|ttl| format!(" (wrapped for {ttl})")).unwrap_or_default();
    format!("{} {}{query}{body}{wrapped}", request.method.as_str(), request.path)
}

#[track_caller]
fn done(kind: &Kind, operation: &Operation<'_>, replies: &[&str]) -> Record {
    let (_, end) = talk(kind, operation, |index, _| {
        let (status, body) = replies[index].split_once(' ').unwrap_or((replies[index], ""));
        answer(status.parse().expect("a status"), body)
    });
    match end {
        Step::Done(record) | Step::Unseen(record) => record,
        end => panic!("{end:?}"),
    }
}

const WRITTEN: &str = r#"200 {"data":{"version":1}}"#;
const METADATA: &str = r#"200 {"data":{"cas_required":false,"custom_metadata":null,"delete_version_after":"0s","max_versions":0}}"#;

fn live(data: &str) -> String {
    format!(r#"200 {{"data":{{"data":{data},"metadata":{{"custom_metadata":null,"version":1}}}}}}"#)
}

fn secret(fields: &str) -> Record {
    record(&format!(r#"{{"mount":"kv","name":"app"{fields}}}"#))
}

#[test]
fn data_changed_behind_our_back_is_seen() {
    let kind = kind(Class::Resource, "kv_secret_v2");
    let prior = secret(r#","path":"kv/data/app","data_json":"{\"a\": 1}""#);
    let same = done(kind, &Operation::Read { prior: &prior }, &[&live(r#"{"a":1}"#), METADATA]);
    assert_eq!(same.text("data_json"), r#"{"a": 1}"#, "layout is no drift");
    let other = done(kind, &Operation::Read { prior: &prior }, &[&live(r#"{"a":2,"b":"<"}"#), METADATA]);
    assert_eq!(other.text("data_json"), r#"{"a":2,"b":"\u003c"}"#);
    assert!(!format!("{other:?}").contains("u003c"), "the data is shown: {other:?}");
    let expected =
        "PUT kv/data/app {\"data\":{\"a\":1},\"options\":{}}\nGET kv/data/app\nGET kv/metadata/app\ndone";
    let mend = Operation::Update { prior: &other, desired: &prior };
    assert_eq!(transcript(kind, &mend, &[WRITTEN, &live(r#"{"a":1}"#), METADATA]), expected);
}

#[test]
fn generic_data_changed_behind_our_back_is_seen() {
    let prior = record(r#"{"path":"kv/app","data_json":"{\"a\":1}"}"#);
    let engine = r#"200 {"data":{"path":"kv/","options":{"version":"2"}}}"#;
    let secret = kind(Class::Resource, "generic_secret");
    let found = done(secret, &Operation::Read { prior: &prior }, &[engine, &live(r#"{"a":2}"#)]);
    assert_eq!(found.text("data_json"), r#"{"a":2}"#);
    let endpoint = kind(Class::Resource, "generic_endpoint");
    let found = done(endpoint, &Operation::Read { prior: &prior }, &[r#"200 {"data":{"a":2,"b":3}}"#]);
    assert_eq!(found.text("data_json"), r#"{"a":2,"b":3}"#);
    let some = prior.with("ignore_absent_fields", true);
    let found = done(endpoint, &Operation::Read { prior: &some }, &[r#"200 {"data":{"a":1,"b":3}}"#]);
    assert_eq!(found.text("data_json"), r#"{"a":1}"#);
}

#[test]
fn a_plain_engine_is_one_that_the_server_does_not_tell_of() {
    let kind = kind(Class::Resource, "generic_secret");
    let desired = record(r#"{"path":"kv/app","data_json":"{\"a\":1}"}"#);
    let create = Operation::Create { desired: &desired };
    let expected = "GET sys/internal/ui/mounts/kv/app\nPUT kv/app {\"a\":1}\nGET kv/app\ndone";
    for refusal in ["403 {\"errors\":[]}", "404 {\"errors\":[]}"] {
        assert_eq!(transcript(kind, &create, &[refusal, "204", r#"200 {"data":{"a":1}}"#]), expected);
    }
    assert_eq!(transcript(kind, &create, &["500 {}"]), "GET sys/internal/ui/mounts/kv/app\nrefused");
}

#[test]
fn a_secret_is_not_gone_because_its_engine_is_hidden() {
    let kind = kind(Class::Resource, "generic_secret");
    let prior = record(r#"{"path":"kv/app","data_json":"{\"a\":1}"}"#);
    let hidden = r#"403 {"errors":["preflight capability check returned 403"]}"#;
    let outcome = |operation: &Operation<'_>, answers: &[&str]| {
        let said = transcript(kind, operation, answers);
        let end = said.lines().find(|line| line.starts_with("failed")).or_else(|| said.lines().last());
        end.and_then(|end| end.split(": the server").next()).unwrap_or_default().to_owned()
    };
    let (read, delete) = (Operation::Read { prior: &prior }, Operation::Delete { prior: &prior });
    let unknown = "failed: it cannot be told whether the secret `kv/app` is there";
    for operation in [&read, &delete] {
        assert_eq!(outcome(operation, &[hidden, r#"404 {"errors":[]}"#]), unknown);
        // Where nothing is mounted, the question is refused to everybody.
        let unmounted = r#"404 {"errors":["no handler for route \"kv/app\". route entry not found."]}"#;
        assert_eq!(outcome(operation, &[hidden, unmounted]), "gone");
        // A server that does not know the question.
        assert_eq!(outcome(operation, &["404 {}", r#"404 {"errors":[]}"#]), "gone");
    }
    assert_eq!(outcome(&delete, &[hidden, "204"]), "gone");
}

#[test]
fn a_path_that_a_versioned_engine_does_not_have_is_not_gone() {
    let prior = record(r#"{"path":"kv/app","data_json":"{\"a\":1}"}"#);
    let invalid = r#"404 {"data":null,"warnings":["Invalid path for a versioned K/V secrets engine. See the API docs"]}"#;
    let endpoint = kind(Class::Resource, "generic_endpoint");
    let secret = kind(Class::Resource, "generic_secret");
    for operation in [Operation::Read { prior: &prior }, Operation::Delete { prior: &prior }] {
        assert!(transcript(endpoint, &operation, &[invalid]).ends_with("\nrefused"));
        assert!(transcript(secret, &operation, &["404 {}", invalid]).ends_with("\nrefused"));
    }
}

#[test]
fn custom_metadata_changes_without_a_new_version() {
    let kind = kind(Class::Resource, "kv_secret_v2");
    let prior = secret(
        r#","path":"kv/data/app","data_json_wo_version":1,"custom_metadata":[{"data":{"a":"1","b":"2"},"max_versions":3}]"#,
    );
    let desired = prior.clone().with("custom_metadata", record(r#"{"x":[{"data":{"a":"1"}}]}"#).take("x"));
    let change = Operation::Update { prior: &prior, desired: &desired };
    let body =
        r#"{"cas_required":false,"custom_metadata":{"a":"1"},"delete_version_after":0,"max_versions":0}"#;
    let expected = format!("PUT kv/metadata/app {body}\nGET kv/data/app\nGET kv/metadata/app\ndone");
    let changed = METADATA.replace(r#""custom_metadata":null"#, r#""custom_metadata":{"a":"1"}"#);
    assert_eq!(transcript(kind, &change, &["204", &live("{}"), &changed]), expected);
    // What the server shows otherwise ends the conversation well, and is told of who asks.
    let read = done(kind, &change, &["204", &live("{}"), METADATA]);
    let differing: Vec<_> = kind.differing(&desired, &read).iter().map(|field| field.name).collect();
    assert_eq!(differing, ["custom_metadata"]);
}

#[test]
fn a_write_of_metadata_names_the_version_it_expects() {
    let kind = kind(Class::Resource, "kv_secret_v2");
    let before = r#","path":"kv/data/app","data_json_wo_version":1,"metadata_cas":1,"custom_metadata":[{"metadata_cas_required":true}]"#;
    let prior = secret(before);
    let desired =
        prior.clone().with("metadata_cas", 2).with("custom_metadata", record(r#"{"x":[{}]}"#).take("x"));
    let change = Operation::Update { prior: &prior, desired: &desired };
    let body = r#"{"cas_required":false,"custom_metadata":{},"delete_version_after":0,"max_versions":0,"metadata_cas":2,"metadata_cas_required":false}"#;
    let expected = format!("PUT kv/metadata/app {body}\nGET kv/data/app\nGET kv/metadata/app\ndone");
    assert_eq!(transcript(kind, &change, &["204", &live("{}"), METADATA]), expected);
}

#[test]
fn metadata_that_nobody_declares_is_left_alone() {
    let kind = kind(Class::Resource, "kv_secret_v2");
    let prior = secret(r#","path":"kv/data/app","data_json":"{}","custom_metadata":[{"max_versions":3}]"#);
    let field = kind.field("custom_metadata").expect("a field");
    let block = |versions: &str| record(&format!(r#"{{"x":[{{"max_versions":{versions}}}]}}"#)).take("x");
    for absent in [Value::Null, Value::List(Vec::new())] {
        assert!(kind.same(field, &absent, &block("3")), "undeclared metadata is planned");
    }
    assert!(!kind.same(field, &block("2"), &block("3")));
    let desired = prior.clone().with("custom_metadata", Value::Null);
    let change = Operation::Update { prior: &prior, desired: &desired };
    let expected = "GET kv/data/app\nGET kv/metadata/app\ndone";
    assert_eq!(transcript(kind, &change, &[&live("{}"), METADATA]), expected);
}

#[test]
fn cas_goes_into_the_options() {
    let kind = kind(Class::Resource, "kv_secret_v2");
    let desired = secret(r#","cas":7,"options":{"x":"y"},"data_json":"{}","disable_read":true"#);
    let expected = "PUT kv/data/app {\"data\":{},\"options\":{\"cas\":7,\"x\":\"y\"}}\nunseen";
    assert_eq!(transcript(kind, &Operation::Create { desired: &desired }, &[WRITTEN]), expected);
}

#[test]
fn write_only_data_is_never_in_the_record() {
    let kind = kind(Class::Resource, "kv_secret_v2");
    for version in ["", r#","data_json_wo_version":1"#] {
        let desired = secret(&format!(r#","data_json_wo":"{{\"k\":\"hunter2\"}}"{version}"#));
        let replies = [WRITTEN, &live(r#"{"k":"hunter2"}"#), METADATA];
        let created = done(kind, &Operation::Create { desired: &desired }, &replies);
        let read = done(kind, &Operation::Read { prior: &created }, &replies[1..]);
        for record in [created, read] {
            assert!(!json::render(&record.clone().into_value()).contains("hunter2"), "{version}");
            assert!(record.get("data_json").is_null());
        }
    }
}

#[test]
fn an_engine_that_makes_itself_versioned_is_waited_for() {
    let kind = kind(Class::Resource, "kv_secret_v2");
    let busy = r#"400 {"errors":["Upgrading from non-versioned to versioned data. This backend will be unavailable"]}"#;
    let desired = secret(r#","data_json":"{}""#);
    let create = Operation::Create { desired: &desired };
    let write = "PUT kv/data/app {\"data\":{},\"options\":{}}";
    let reads = "GET kv/data/app\nGET kv/metadata/app\ndone";
    let said = transcript(kind, &create, &[busy, busy, WRITTEN, busy, &live("{}"), METADATA]);
    assert_eq!(said, format!("{write}\n{write}\n{write}\nGET kv/data/app\n{reads}"));
    let said = transcript(kind, &create, &[busy; 60]);
    assert!(said.ends_with("refused") && said.lines().count() > 30, "it waits for ever: {said}");
}

#[test]
fn a_deleted_version_is_gone() {
    let kind = kind(Class::Resource, "kv_secret_v2");
    let prior = secret("");
    let deleted =
        r#"404 {"data":{"data":null,"metadata":{"deletion_time":"2026-01-01T00:00:00Z","version":1}}}"#;
    assert_eq!(transcript(kind, &Operation::Read { prior: &prior }, &[deleted]), "GET kv/data/app\ngone");
}

#[test]
fn a_parameter_that_the_server_ignores_is_a_failed_write() {
    let kind = kind(Class::Resource, "generic_endpoint");
    let desired = record(r#"{"path":"a/b","data_json":"{\"x\":1}"}"#);
    let warned = r#"200 {"warnings":["Endpoint ignored these unrecognized parameters: [x]"]}"#;
    let said = transcript(kind, &Operation::Create { desired: &desired }, &[warned]);
    assert!(said.contains("failed: the server ignored a part"), "{said}");
}

#[test]
fn a_path_that_takes_writes_only_is_not_seen() {
    let kind = kind(Class::Resource, "generic_endpoint");
    let prior = record(r#"{"path":"a/b","data_json":"{\"x\":1}"}"#);
    let read = Operation::Read { prior: &prior };
    let unsupported = r#"{"errors":["1 error occurred:\n\t* unsupported operation\n\n"]}"#;
    assert_eq!(transcript(kind, &read, &[&format!("405 {unsupported}")]), "GET a/b\nunseen");
    assert_eq!(transcript(kind, &read, &[r#"404 {"errors":["unsupported path"]}"#]), "GET a/b\nunseen");
    assert_eq!(transcript(kind, &read, &[r#"404 {"errors":[]}"#]), "GET a/b\ngone");
    assert_eq!(transcript(kind, &read, &[r#"403 {"errors":["permission denied"]}"#]), "GET a/b\nrefused");
    let kept = prior.with("disable_delete", true);
    assert_eq!(transcript(kind, &Operation::Delete { prior: &kept }, &[]), "gone");
}

#[test]
fn what_is_not_to_be_read_is_not_seen_and_keeps_its_state() {
    for (name, address) in [
        ("kv_secret_v2", r#""mount":"kv","name":"app""#),
        ("generic_secret", r#""path":"kv/app""#),
        ("generic_endpoint", r#""path":"a/b""#),
    ] {
        let kind = kind(Class::Resource, name);
        let prior = record(&format!(r#"{{{address},"data_json":"{{\"x\":1}}","disable_read":true}}"#));
        let Step::Unseen(kept) = kind.next(&Operation::Read { prior: &prior }, &[]) else {
            panic!("{name} was seen, or asks")
        };
        assert_eq!(kept.text("data_json"), r#"{"x":1}"#, "{name}");
    }
}

#[test]
fn documents_that_are_no_objects_are_named_without_their_content() {
    for name in ["kv_secret_v2", "generic_secret", "generic_endpoint"] {
        let kind = kind(Class::Resource, name);
        let config = record(r#"{"mount":"kv","name":"app","path":"p","data_json":"[\"hunter2\"]"}"#);
        let found = kind.behavior.check(kind, &config);
        let texts: Vec<_> = found.iter().map(ToString::to_string).collect();
        assert!(texts.len() == 1 && texts[0].contains("JSON object"), "{name}: {texts:?}");
        assert!(!texts[0].contains("hunter2"), "{texts:?}");
    }
    let kv = kind(Class::Resource, "kv_secret_v2");
    assert_eq!(kv.behavior.check(kv, &secret("")).len(), 1, "no data at all");
}

#[test]
fn planned_data_stands_as_states_have_it() {
    let kind = kind(Class::Resource, "kv_secret_v2");
    let mut planned = secret(r#","data_json":"{\"b\" : 1,\"a\":\"<\"}""#);
    kind.behavior.foresee(kind, None, &mut planned);
    assert_eq!(planned.text("data_json"), r#"{"a":"\u003c","b":1}"#);
    assert_eq!(planned.text("path"), "kv/data/app");
    assert_eq!(planned.get("metadata"), &Value::Unknown);
    let prior = planned.clone().with("metadata", record("{}").into_value());
    let mut unchanged = prior.clone();
    kind.behavior.foresee(kind, Some(&prior), &mut unchanged);
    assert_eq!(unchanged, prior);
}

#[test]
fn namespaces_are_walked_in_the_namespace_that_was_asked() {
    let kind = kind(Class::Data, "namespaces");
    let config = record(r#"{"namespace":"top","recursive":true}"#);
    let read = Operation::Read { prior: &config };
    let replies = [
        r#"200 {"data":{"keys":["a/","b/"]}}"#,
        r#"200 {"data":{"keys":["c/"]}}"#,
        "404 {\"errors\":[]}",
        "404 {\"errors\":[]}",
    ];
    let expected =
        "LIST sys/namespaces\nLIST a/sys/namespaces\nLIST b/sys/namespaces\nLIST a/c/sys/namespaces\ndone";
    assert_eq!(transcript(kind, &read, &replies), expected);
    let found = done(kind, &read, &replies);
    assert_eq!(json::render(found.get("paths")), r#"["a","a/c","b"]"#);
    assert_eq!(json::render(found.get("paths_fq")), r#"["top/a","top/a/c","top/b"]"#);
    assert_eq!(found.text("id"), "top/");
    assert_eq!(transcript(kind, &read, &["403 {}"]), "LIST sys/namespaces\nrefused");
}

#[test]
fn the_current_namespace_is_known_without_asking() {
    let kind = kind(Class::Data, "namespace");
    for (config, id, path) in [("{}", "/", ""), (r#"{"namespace":"a/b"}"#, "a/b/", "a/b")] {
        let found = done(kind, &Operation::Read { prior: &record(config) }, &[]);
        assert_eq!((found.text("id"), found.text("path_fq"), found.text("path")), (id, path, ""));
    }
}

#[test]
fn an_empty_folder_is_an_empty_list_and_a_missing_engine_is_not() {
    let kind = kind(Class::Data, "kv_secrets_list_v2");
    let config = record(r#"{"mount":"kv/"}"#);
    let read = Operation::Read { prior: &config };
    let empty = done(kind, &read, &["404 {\"errors\":[]}"]);
    assert_eq!(json::render(empty.get("names")), "[]");
    assert_eq!(kind.id_of(&empty).as_deref(), Some("kv//metadata/"));
    let missing = r#"404 {"errors":["no handler for route \"kv/metadata/\". route entry not found."]}"#;
    assert_eq!(transcript(kind, &read, &[missing]), "LIST kv/metadata\nrefused");
}

#[test]
fn subkeys_of_a_version_down_to_a_depth() {
    let kind = kind(Class::Data, "kv_secret_subkeys_v2");
    let config = secret(r#","version":2,"depth":1"#);
    let replies = [r#"200 {"data":{"subkeys":{"a":null}}}"#];
    let expected = "GET kv/subkeys/app?version=2?depth=1\ndone";
    assert_eq!(transcript(kind, &Operation::Read { prior: &config }, &replies), expected);
}

// ---- ephemerals

#[test]
fn an_opened_secret_keeps_its_types() {
    let kind = kind(Class::Ephemeral, "kv_secret_v2");
    let config = secret(r#","version":3"#);
    let open = Operation::Open { config: &config };
    let reply = live(r#"{"big":12345678901234567890,"on":true,"s":"x","deep":{"l":[1]}}"#);
    assert_eq!(transcript(kind, &open, &[&reply]), "GET kv/data/app?version=3\ndone");
    let opened = done(kind, &open, &[&reply]);
    assert_eq!(
        opened.text("data_json"),
        r#"{"big":12345678901234567890,"deep":{"l":[1]},"on":true,"s":"x"}"#
    );
    let texts = r#"{"big":"12345678901234567890","deep":"{\"l\":[1]}","on":"true","s":"x"}"#;
    assert_eq!(json::render(opened.get("data")), texts);
    assert_eq!(transcript(kind, &Operation::Close { opened: &opened }, &[]), "gone");
}

#[test]
fn a_secret_that_is_not_there_yet_is_said_to_be_so() {
    let kind = kind(Class::Ephemeral, "kv_secret_v2");
    let config = secret("");
    let said = transcript(kind, &Operation::Open { config: &config }, &["404 {\"errors\":[]}"]);
    assert!(said.contains("failed: there is no secret at `kv/data/app` yet"), "{said}");
    assert!(said.contains("hint: ") && said.contains("`mount_id`"), "{said}");
}

#[test]
fn a_login_is_revoked_at_the_end() {
    let kind = kind(Class::Ephemeral, "userpass_auth_login");
    let config = record(r#"{"mount":"userpass","username":"ola","password":"hunter2"}"#);
    let open = Operation::Open { config: &config };
    let token = r#"200 {"auth":{"client_token":"s.x","accessor":"acc","policies":["default"],"lease_duration":60,"renewable":true}}"#;
    let expected = "PUT auth/userpass/login/ola {\"password\":\"hunter2\"}\ndone";
    assert_eq!(transcript(kind, &open, &[token]), expected);
    let opened = done(kind, &open, &[token]);
    let close = Operation::Close { opened: &opened };
    let expected = "POST auth/token/revoke-accessor {\"accessor\":\"acc\"}\ngone";
    assert_eq!(transcript(kind, &close, &["204"]), expected);
    assert_eq!(
        transcript(kind, &close, &[r#"400 {"errors":["1 error occurred:\n\t* invalid accessor\n\n"]}"#]),
        expected
    );
    let refused = transcript(kind, &close, &[r#"403 {"errors":["permission denied"]}"#]);
    assert!(refused.ends_with("refused"), "{refused}");
    let factor = r#"200 {"auth":{"client_token":"","mfa_requirement":{"mfa_request_id":"x"}}}"#;
    assert!(transcript(kind, &open, &[factor]).contains("second factor"));
    let (requests, _) = talk(kind, &open, |_, _| answer(403, "{}"));
    assert!(!format!("{requests:?}").contains("hunter2"), "{requests:?}");
}

#[test]
fn a_secret_id_outlives_the_run() {
    let kind = kind(Class::Ephemeral, "approle_auth_backend_role_secret_id");
    let config =
        record(r#"{"backend":"approle","role_name":"r","cidr_list":["10.0.0.0/8","::1/128"],"ttl":600}"#);
    let open = Operation::Open { config: &config };
    let made = r#"200 {"data":{"secret_id":"sid","secret_id_accessor":"acc"}}"#;
    let expected =
        "PUT auth/approle/role/r/secret-id {\"cidr_list\":\"10.0.0.0/8,::1/128\",\"ttl\":600}\ndone";
    assert_eq!(transcript(kind, &open, &[made]), expected);
    let opened = done(kind, &open, &[made]);
    assert_eq!((opened.text("secret_id"), opened.text("accessor")), ("sid", "acc"));
    assert_eq!(transcript(kind, &Operation::Close { opened: &opened }, &[]), "gone");
}

#[test]
fn fields_of_an_answer_are_found_where_they_stand() {
    let kind = kind(Class::Ephemeral, "generic_endpoint");
    let fields = r#""write_fields":["token","policies","lease_duration","none"]"#;
    let config =
        record(&format!(r#"{{"path":"auth/x/login/y","data_json":"{{}}","path_wrap_ttl":"60s",{fields}}}"#));
    let open = Operation::Open { config: &config };
    let reply = r#"200 {"lease_duration":5,"auth":{"client_token":"s.x","policies":["a"]},"data":null}"#;
    assert_eq!(transcript(kind, &open, &[reply]), "PUT auth/x/login/y {} (wrapped for 60s)\ndone");
    let opened = done(kind, &open, &[reply]);
    let expected = r#"{"lease_duration":"5","policies":"[\"a\"]","token":"s.x"}"#;
    assert_eq!(json::render(opened.get("write_data")), expected);
    assert_eq!(opened.text("write_data_json"), r#"{"lease_duration":5,"policies":["a"],"token":"s.x"}"#);
    let wrapped = done(kind, &open, &[r#"200 {"wrap_info":{"token":"w.x","ttl":60}}"#]);
    assert!(json::render(wrapped.get("write_data")).contains("w.x"));
    assert_eq!(done(kind, &open, &["204"]).text("write_data_json"), "null");
}

/// What the incumbent sends while it opens and closes, and what it was answered.
#[test]
fn ephemerals_send_what_the_incumbent_sends() {
    let case = Case::load("ephemeral_more");
    let check = |name: &str, config: &str, path: &str| {
        let (requests, end) =
            talk(kind(Class::Ephemeral, name), &Operation::Open { config: &record(config) }, |_, request| {
                case.answer(&["apply"], "", request)
            });
        assert_eq!(
            rendered(&requests),
            rendered(&case.writes("apply", "", &[path.to_owned()])[..1]),
            "{name}"
        );
        assert!(matches!(end, Step::Done(_)), "{name}: {end:?}");
    };
    check(
        "userpass_auth_login",
        r#"{"mount":"eph-users","username":"eph","password":"eph-pw"}"#,
        "auth/eph-users/login/eph",
    );
    check(
        "approle_auth_backend_role_secret_id",
        r#"{"backend":"eph-roles","role_name":"eph","ttl":600,"num_uses":2,"metadata":"{\"from\":\"plan\"}"}"#,
        "auth/eph-roles/role/eph/secret-id",
    );
    check(
        "generic_endpoint",
        r#"{"path":"sys/tools/random/16","data_json":"{\"format\":\"base64\"}","write_fields":["random_bytes"]}"#,
        "sys/tools/random/16",
    );
}

// ---- exactness

fn tree() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        any::<bool>().prop_map(|value| value.to_string()),
        "-?[1-9][0-9]{0,40}".prop_map(|digits| digits),
        "-?[1-9][0-9]{0,10}\\.[0-9]{0,20}[1-9]".prop_map(|digits| digits),
        any::<String>().prop_map(|text| json::render(&text.into())),
    ];
    leaf.prop_recursive(4, 24, 6, |inner| {
        let key = any::<String>().prop_map(|text| json::render(&text.into()));
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(|items| format!("[{}]", items.join(", "))),
            prop::collection::vec((key, inner), 0..5).prop_map(|entries| {
                let entries: Vec<_> =
                    entries.into_iter().map(|(key, value)| format!("{key} : {value}")).collect();
                format!("{{{}}}", entries.join(","))
            }),
        ]
    })
}

proptest! {
    #[test]
    fn data_survives_the_way_to_the_server_and_back(value in tree()) {
        let kind = kind(Class::Resource, "kv_secret_v2");
        let text = format!("{{\"it\" : {value}}}");
        let desired = Record::new().with("mount", "kv").with("name", "app").with("data_json", text.as_str());
        let Step::Call(write) = kind.next(&Operation::Create { desired: &desired }, &[]) else { panic!() };
        let body = json::parse(&json::render(&write.body.expect("a body"))).expect("what was rendered");
        prop_assert_eq!(body.at("data"), &json::parse(&text).expect("what was generated"));
        let read = [WRITTEN.to_owned(), live(&json::render(body.at("data"))), METADATA.to_owned()];
        let replies: Vec<_> = read.iter().map(String::as_str).collect();
        let created = done(kind, &Operation::Create { desired: &desired }, &replies);
        prop_assert_eq!(created.text("data_json"), text.as_str());
        let address = Record::new().with("mount", "kv").with("name", "app");
        let imported = done(kind, &Operation::Read { prior: &address }, &replies[1..]);
        prop_assert_eq!(&json::parse(imported.text("data_json")).expect("JSON"), body.at("data"));
    }
}

#[test]
fn numbers_that_the_server_keeps_as_doubles_are_no_drift() {
    let shown = |configured: &str, live: &str| {
        let prior =
            record(r#"{"mount": "kv", "name": "a", "path": "kv/data/a"}"#).with("data_json", configured);
        let answers =
            [format!(r#"{{"data": {{"data": {live}, "metadata": {{}}}}}}"#), r#"{"data": {}}"#.to_owned()];
        let kind = kind(Class::Resource, "kv_secret_v2");
        let (_, end) =
            talk(kind, &Operation::Read { prior: &prior }, |index, _| answer(200, &answers[index]));
        let Step::Done(record) = end else { panic!("{end:?}") };
        record.text("data_json").to_owned()
    };
    let exact = r#"{"a":[{"n":12345678901234567890}]}"#;
    let nearest = r#"{"a":[{"n":12345678901234567000}]}"#;
    let other = r#"{"a":[{"n":12345678901234567891}]}"#;
    assert_eq!([shown(exact, exact), shown(exact, nearest), shown(exact, other)], [exact, exact, other]);
    assert_eq!(shown(nearest, exact), exact);
    assert_eq!(shown(r#"{"a":1}"#, r#"{"a":1,"b":2}"#), r#"{"a":1,"b":2}"#);
    assert_eq!(shown(r#"{"a":1,"b":2}"#, r#"{"a":1}"#), r#"{"a":1}"#);
}
