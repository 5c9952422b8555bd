//! What the tables cannot say: moves, renewals, wrapped things, deletions that take their time. A conversation is
//! written down as its requests; the answers are given.

use schemas::kinds::find;
use schemas::{Answer, Class, Kind, Operation, Record, Step, Value, json};

fn kind(name: &str) -> &'static Kind {
    find(Class::Resource, name).expect("is declared")
}

/// A record from JSON.
fn record(text: &str) -> Record {
    let Value::Map(fields) = json::parse(text).expect("JSON") else { panic!("an object: {text}") };
    fields.into()
}

/// An answer from `200 {…}`.
fn answer(text: &str) -> Answer {
    let (status, body) = text.split_once(' ').unwrap_or((text, "null"));
    Answer { status: status.parse().expect("a status"), body: json::parse(body).expect("JSON") }
}

/// The conversation: one line a request, the last for its end.
fn conversation(kind: &Kind, operation: &Operation<'_>, answers: &[&str]) -> Vec<String> {
    let answers: Vec<Answer> = answers.iter().map(|text| answer(text)).collect();
    (0..=answers.len()).map(|count| line(&kind.next(operation, &answers[..count]))).collect()
}

fn line(step: &Step) -> String {
    match step {
        Step::Call(request) => {
            let body =
                request.body.as_ref().map(|body| format!(" {}", json::render(body))).unwrap_or_default();
            let wrap =
                request.wrap_ttl.as_ref().map(|ttl| format!(" (wrapped for {ttl})")).unwrap_or_default();
            format!("{} {}{body}{wrap}", request.method.as_str(), request.path)
        }
        Step::CallAfter(_, request) => format!("later: {} {}", request.method.as_str(), request.path),
        Step::Done(_) => "done".to_owned(),
        Step::Unseen(_) => "unseen".to_owned(),
        Step::Gone => "gone".to_owned(),
        Step::Refused => "refused".to_owned(),
        Step::Failed(diagnostic) => format!("failed: {}", diagnostic.summary),
    }
}

#[track_caller]
fn check(kind: &Kind, operation: &Operation<'_>, answers: &[&str], expected: &[&str]) {
    assert_eq!(conversation(kind, operation, answers), expected);
}

#[track_caller]
fn done(kind: &Kind, operation: &Operation<'_>, answers: &[&str]) -> Record {
    let answers: Vec<Answer> = answers.iter().map(|text| answer(text)).collect();
    match kind.next(operation, &answers) {
        Step::Done(record) => record,
        step => panic!("{}", line(&step)),
    }
}

const MOUNTED: &str =
    r#"200 {"data": {"type": "kv", "options": {}, "config": {"default_lease_ttl": 0, "max_lease_ttl": 0}}}"#;

#[test]
fn a_mount_is_moved_and_then_tuned() {
    let prior = record(r#"{"path": "a/b/", "type": "kv", "description": "old"}"#);
    let desired = record(r#"{"path": "c", "type": "kv", "description": "new"}"#);
    check(
        kind("mount"),
        &Operation::Update { prior: &prior, desired: &desired },
        &[
            r#"200 {"data": {"migration_id": "7"}}"#,
            r#"200 {"data": {"migration_info": {"status": "in-progress"}}}"#,
            r#"200 {"data": {"migration_info": {"status": "success"}}}"#,
            "204",
            &MOUNTED.replace("\"type\"", "\"description\": \"new\", \"type\""),
        ],
        &[
            r#"POST sys/remount {"from":"a/b","to":"c"}"#,
            "GET sys/remount/status/7",
            "later: GET sys/remount/status/7",
            r#"POST sys/mounts/c/tune {"description":"new"}"#,
            "GET sys/mounts/c",
            "done",
        ],
    );
}

#[test]
fn a_move_that_fails_is_an_error() {
    let (prior, desired) = (record(r#"{"path": "a", "type": "x"}"#), record(r#"{"path": "b", "type": "x"}"#));
    let update = Operation::Update { prior: &prior, desired: &desired };
    let failure = r#"200 {"data": {"migration_info": {"status": "failure"}}}"#;
    check(
        kind("auth_backend"),
        &update,
        &[r#"200 {"data": {"migration_id": "7"}}"#, failure],
        &[
            r#"POST sys/remount {"from":"auth/a","to":"auth/b"}"#,
            "GET sys/remount/status/7",
            "failed: the mount `auth/a` was not moved to `auth/b`",
        ],
    );
    check(kind("mount"), &update, &["400"], &[r#"POST sys/remount {"from":"a","to":"b"}"#, "refused"]);
}

#[test]
fn a_slash_at_the_end_of_a_path_moves_nothing() {
    let (prior, desired) =
        (record(r#"{"path": "a/", "type": "kv"}"#), record(r#"{"path": "a", "type": "kv"}"#));
    let update = Operation::Update { prior: &prior, desired: &desired };
    check(kind("mount"), &update, &[MOUNTED], &["GET sys/mounts/a", "done"]);
}

#[test]
fn a_mount_that_may_not_be_moved_is_replaced() {
    let planned = |flag: bool| Record::new().with("path", "b").with("disable_remount", flag);
    let prior = Record::new().with("path", "a");
    let replaces =
        |planned: &Record| kind("auth_backend").behavior.replaces(kind("auth_backend"), &prior, planned);
    assert_eq!(replaces(&planned(true)), ["path"]);
    assert!(replaces(&planned(false)).is_empty());
    assert!(replaces(&planned(true).with("path", "a/")).is_empty());
}

#[test]
fn kv_v2_is_kv_of_version_2() {
    let prior = record(r#"{"path": "a", "type": "kv-v2", "options": null}"#);
    let live = r#"200 {"data": {"type": "kv", "options": {"version": "2"}, "config": {}}}"#;
    let read = Operation::Read { prior: &prior };
    let shown = done(kind("mount"), &read, &[live]);
    assert_eq!((shown.text("type"), shown.get("options")), ("kv-v2", &Value::Null));
    let downgraded = done(kind("mount"), &read, &[&live.replace(r#""version": "2""#, r#""version": "1""#)]);
    assert_eq!(downgraded.text("type"), "kv");
}

#[test]
fn another_way_to_write_the_type_is_no_replacement() {
    let engine = |text: &str| record(text);
    let (short, long) = (
        engine(r#"{"path": "a", "type": "kv-v2"}"#),
        engine(r#"{"path": "a", "type": "kv", "options": {"version": "2"}}"#),
    );
    let (plain, other) =
        (engine(r#"{"path": "a", "type": "kv"}"#), engine(r#"{"path": "a", "type": "pki"}"#));
    let replaces = |prior: &Record, planned: &Record| {
        !kind("mount").behavior.replaces(kind("mount"), prior, planned).is_empty()
    };
    assert!(!replaces(&short, &long) && !replaces(&long, &short) && !replaces(&plain, &short));
    assert!(replaces(&short, &plain) && replaces(&plain, &other) && replaces(&short, &other));
    let lines = conversation(kind("mount"), &Operation::Update { prior: &plain, desired: &short }, &[]);
    assert_eq!(lines, [r#"POST sys/mounts/a/tune {"options":{"version":"2"}}"#]);
}

#[test]
fn what_is_not_known_yet_does_not_cost_an_engine() {
    let live = record(r#"{"path": "a", "type": "kv-v2", "options": null}"#);
    let planned = record(r#"{"path": "a", "type": "kv"}"#);
    let version = Record::new().with("version", Value::Unknown).into_value();
    let open = [
        planned.clone().with("options", Value::Unknown),
        planned.clone().with("options", version),
        planned.clone().with("type", Value::Unknown),
    ];
    for planned in open {
        let replaces = kind("mount").behavior.replaces(kind("mount"), &live, &planned);
        assert!(replaces.is_empty(), "{planned:?}");
    }
    let other = record(r#"{"path": "a", "type": "pki"}"#);
    check(
        kind("mount"),
        &Operation::Update { prior: &live, desired: &other },
        &[],
        &["failed: the mounted engine `kv` cannot become an engine `pki`"],
    );
}

#[test]
fn a_name_that_servers_would_take_for_another_is_refused_at_plan() {
    let found = |name: &str, config: &str| -> Vec<String> {
        schemas::check::check(kind(name), &record(config)).into_iter().map(|found| found.summary).collect()
    };
    let secret = r#"{"mount": "kv", "name": "x/../y", "data_json": "{}"}"#;
    assert_eq!(found("kv_secret_v2", secret), ["the path `x/../y` has the part `..`"]);
    let policy = r#"{"name": "a//b", "policy": ""}"#;
    assert_eq!(found("policy", policy), ["the path `a//b` has an empty part"]);
    let endpoint = r#"{"path": "sys/./x", "data_json": "{}"}"#;
    assert_eq!(found("generic_endpoint", endpoint), ["the path `sys/./x` has the part `.`"]);
    let inner = r#"{"path": "a", "namespace": "b/../c"}"#;
    assert_eq!(found("namespace", inner), ["the path `b/../c` has the part `..`"]);
    assert!(found("kv_secret_v2", &secret.replace("x/../y", "/x..y/...z/")).is_empty());
}

#[test]
fn what_a_mounted_engine_does_not_take_any_more_is_said() {
    let prior = record(r#"{"path": "a", "type": "kv", "force_no_cache": false}"#);
    let desired = record(r#"{"path": "a", "type": "kv", "force_no_cache": true}"#);
    check(
        kind("mount"),
        &Operation::Update { prior: &prior, desired: &desired },
        &[],
        &["failed: `force_no_cache` of a mounted engine cannot be changed"],
    );
}

#[test]
fn a_parameter_that_the_server_drops_is_a_failed_write() {
    let desired = record(r#"{"path": "a", "type": "kv", "allowed_managed_keys": ["k"]}"#);
    check(
        kind("mount"),
        &Operation::Create { desired: &desired },
        &["204", MOUNTED],
        &[
            r#"POST sys/mounts/a {"config":{"allowed_managed_keys":["k"]},"type":"kv"}"#,
            "GET sys/mounts/a",
            "failed: the server did not keep `allowed_managed_keys`",
        ],
    );
    let warned = r#"200 {"warnings": ["Endpoint ignored these unrecognized parameters: [b]"]}"#;
    let desired = record(r#"{"role_name": "r"}"#);
    let step =
        conversation(kind("token_auth_backend_role"), &Operation::Create { desired: &desired }, &[warned]);
    assert_eq!(step[1], "failed: the server ignored a part of what was written");
}

#[test]
fn an_auth_method_is_named_as_its_type() {
    let desired = record(r#"{"path": null, "type": "userpass", "tune": null}"#);
    let mounted = r#"200 {"data": {"accessor": "x", "type": "userpass"}}"#;
    let tuned = r#"200 {"data": {"default_lease_ttl": 2764800, "max_lease_ttl": 3600, "token_type": "default-service"}}"#;
    let create = Operation::Create { desired: &desired };
    check(
        kind("auth_backend"),
        &create,
        &["204", mounted, tuned],
        &[
            r#"POST sys/auth/userpass {"type":"userpass"}"#,
            "GET sys/mounts/auth/userpass",
            "GET sys/mounts/auth/userpass/tune",
            "done",
        ],
    );
    let shown = done(kind("auth_backend"), &create, &["204", mounted, tuned]);
    let tune = &shown.get("tune").as_list().expect("a block")[0];
    assert_eq!(
        json::render(tune),
        r#"{"allowed_response_headers":[],"audit_non_hmac_request_keys":[],"audit_non_hmac_response_keys":[],"default_lease_ttl":"768h","listing_visibility":"","max_lease_ttl":"1h","passthrough_request_headers":[],"token_type":"default-service"}"#
    );
}

#[test]
fn a_lifetime_that_was_taken_off_is_seen_although_the_tuning_shows_what_is_in_force() {
    let mounted = r#"200 {"data": {"accessor": "x", "type": "userpass", "config": {"default_lease_ttl": 0, "max_lease_ttl": 3600}}}"#;
    let tuned = r#"200 {"data": {"default_lease_ttl": 2764800, "max_lease_ttl": 3600}}"#;
    let shown = |accessor: &str| {
        let declared = r#"{"path": "a", "type": "userpass", "tune": [{"default_lease_ttl": "768h", "max_lease_ttl": "1h"}]}"#;
        let prior = record(declared).with("accessor", accessor);
        let shown = done(kind("auth_backend"), &Operation::Read { prior: &prior }, &[mounted, tuned]);
        let tune = shown.get("tune").as_list().expect("a block")[0].clone();
        ["default_lease_ttl", "max_lease_ttl"].map(|name| json::render(tune.at(name)))
    };
    assert_eq!(shown(""), ["\"0s\"", "\"1h\""].map(str::to_owned));
    // A state may have it from the server, which the incumbent asks for what is in force.
    assert_eq!(shown("x"), ["\"768h\"", "\"1h\""].map(str::to_owned));
}

#[test]
fn what_is_declared_empty_in_tune_is_compared_and_what_is_not_declared_is_not() {
    let mounted = r#"200 {"data": {"accessor": "x", "type": "userpass", "config": {"default_lease_ttl": 0, "max_lease_ttl": 3600,
        "user_lockout_config": {"lockout_threshold": 3, "lockout_duration": 60, "lockout_disable": true}}}}"#;
    let tuned = r#"200 {"data": {"listing_visibility": "unauth", "passthrough_request_headers": ["X-A"], "max_lease_ttl": 3600,
        "token_type": "default-service", "user_lockout_threshold": 3, "user_lockout_duration": 60, "user_lockout_disable": true}}"#;
    let shown = |tune: &str, lockout: &str| {
        let prior = record(&format!(
            r#"{{"path": "a", "type": "userpass", "tune": [{tune}], "user_lockout": [{lockout}]}}"#
        ));
        let read = done(kind("auth_backend"), &Operation::Read { prior: &prior }, &[mounted, tuned]);
        let part = |field: &str, name: &str| read.get(field).as_list().expect("a block")[0].at(name).clone();
        let tune = ["listing_visibility", "passthrough_request_headers", "max_lease_ttl", "token_type"]
            .map(|name| part("tune", name));
        let lockout = ["threshold", "duration", "disable"].map(|name| part("user_lockout", name));
        json::render(&Value::List([tune.to_vec(), lockout.to_vec()].concat()))
    };
    let empty = r#"{"listing_visibility": "", "passthrough_request_headers": [], "max_lease_ttl": "0s", "token_type": ""}"#;
    assert_eq!(
        shown(empty, r#"{"threshold": 0, "duration": "0s", "disable": false}"#),
        r#"["unauth",["X-A"],"1h","",3,"1m",true]"#
    );
    // Elsewhere they stay as they are: of a text that nobody set, states have an empty one, as far as that is so.
    assert_eq!(
        shown(r#"{"default_lease_ttl": "0s"}"#, r#"{"counter_reset_duration": "0s"}"#),
        r#"[null,null,"","",null,null,null]"#
    );
}

#[test]
fn options_that_are_gone_are_emptied_and_a_version_stays() {
    for (name, path, version) in
        [("mount", "sys/mounts/a", true), ("auth_backend", "sys/mounts/auth/a", false)]
    {
        let with = |options: &str| record(&format!(r#"{{"path": "a", "type": "kv", "options": {options}}}"#));
        let tuned = |prior: &str, desired: &str| {
            let (prior, desired) = (with(prior), with(desired));
            conversation(kind(name), &Operation::Update { prior: &prior, desired: &desired }, &[]).concat()
        };
        let expected = |options: &str| format!(r#"POST {path}/tune {{"options":{options}}}"#);
        assert_eq!(tuned(r#"{"a": "1", "b": "2"}"#, r#"{"b": "3"}"#), expected(r#"{"a":"","b":"3"}"#));
        assert_eq!(tuned(r#"{"a.b": "1"}"#, "{}"), expected(r#"{"a.b":""}"#));
        if version {
            assert_eq!(tuned(r#"{"a": "1"}"#, "null"), expected(r#"{"a":""}"#));
            assert_eq!(tuned(r#"{"version": "1", "a": "1"}"#, "{}"), expected(r#"{"a":""}"#));
        }
        let field = kind(name).field("options").expect("options");
        let same = |a: &str, b: &str| kind(name).same(field, with(a).get("options"), with(b).get("options"));
        assert!(same(r#"{"a": ""}"#, "{}") && same(r#"{"version": "1"}"#, "null"));
        assert!(!same(r#"{"version": "2"}"#, "{}") && !same(r#"{"a": "1"}"#, r#"{"a": "2"}"#));
    }
}

#[test]
fn the_id_of_a_role_is_read_where_it_is_asked_for() {
    let role = kind("approle_auth_backend_role");
    let known = record(r#"{"backend": "b", "role_name": "r"}"#);
    let answers = [r#"200 {"data": {"token_ttl": 0}}"#, r#"200 {"data": {"role_id": "x"}}"#];
    let read = |known: &Record, count: usize| {
        conversation(role, &Operation::Read { prior: known }, &answers[..count])
    };
    assert_eq!(read(&known, 1), ["GET auth/b/role/r", "done"]);
    let asked = role.asked_in_full(&known);
    assert_eq!(read(&asked, 2), ["GET auth/b/role/r", "GET auth/b/role/r/role-id", "done"]);
    assert_eq!(done(role, &Operation::Read { prior: &asked }, &answers).text("role_id"), "x");
    let desired = known.clone().with("token_ttl", Value::Null);
    let made = conversation(role, &Operation::Create { desired: &desired }, &["204", answers[0], answers[1]]);
    assert_eq!(made[1..], ["GET auth/b/role/r", "GET auth/b/role/r/role-id", "done"]);
}

#[test]
fn a_part_of_tune_that_is_gone_is_reset() {
    let prior =
        record(r#"{"path": "a", "type": "x", "tune": [{"default_lease_ttl": "1h", "token_type": "batch"}]}"#);
    let desired = record(r#"{"path": "a", "type": "x", "tune": [{"listing_visibility": "hidden"}]}"#);
    let lines =
        conversation(kind("auth_backend"), &Operation::Update { prior: &prior, desired: &desired }, &[]);
    let body = r#"{"default_lease_ttl":"0s","listing_visibility":"hidden","token_type":""}"#;
    assert_eq!(lines, [format!("POST sys/mounts/auth/a/tune {body}")]);
}

#[test]
fn a_described_mount_is_not_tuned_to_the_systems_defaults() {
    let prior = record(
        r#"{"path": "a", "type": "x", "description": "old", "tune": [{"default_lease_ttl": "768h"}]}"#,
    );
    let desired = prior.clone().with("description", "new");
    let lines =
        conversation(kind("auth_backend"), &Operation::Update { prior: &prior, desired: &desired }, &[]);
    assert_eq!(lines, [r#"POST sys/mounts/auth/a/tune {"description":"new"}"#]);
}

#[test]
fn a_namespace_is_gone_when_a_look_finds_nothing() {
    let prior = record(r#"{"path": "a/"}"#);
    check(
        kind("namespace"),
        &Operation::Delete { prior: &prior },
        &["200", r#"200 {"data": {"tainted": true}}"#, "404"],
        &["DELETE sys/namespaces/a", "GET sys/namespaces/a", "later: GET sys/namespaces/a", "gone"],
    );
}

#[test]
fn metadata_that_is_gone_is_patched_away() {
    let prior = record(r#"{"path": "a", "custom_metadata": {"b": "1", "c": "2"}}"#);
    let desired = record(r#"{"path": "a", "custom_metadata": {"c": "3"}}"#);
    let lines = conversation(kind("namespace"), &Operation::Update { prior: &prior, desired: &desired }, &[]);
    assert_eq!(lines, [r#"PATCH sys/namespaces/a {"custom_metadata":{"b":null,"c":"3"}}"#]);
}

#[test]
fn the_full_path_of_a_namespace_is_known_at_plan() {
    let mut planned = record(r#"{"namespace": "a/b", "path": "c"}"#);
    kind("namespace").behavior.foresee(kind("namespace"), None, &mut planned);
    assert_eq!(
        (planned.text("path_fq"), kind("namespace").id_of(&planned).as_deref()),
        ("a/b/c", Some("a/b/c/"))
    );
    let mut open = planned.with("namespace", Value::Unknown);
    kind("namespace").behavior.foresee(kind("namespace"), None, &mut open);
    assert_eq!(open.get("path_fq"), &Value::Unknown);
}

#[test]
fn a_policy_that_is_there_is_not_overwritten() {
    let desired = record(r#"{"name": "p", "policy": "path \"a\" {}"}"#);
    let create = Operation::Create { desired: &desired };
    let there = r#"200 {"data": {"name": "p", "policy": "path \"b\" {}"}}"#;
    check(
        kind("policy"),
        &create,
        &[there],
        &["GET sys/policies/acl/p", "failed: a policy `p` exists already"],
    );
    let bold = desired.clone().with("allow_overwrite", true);
    let lines = conversation(kind("policy"), &Operation::Create { desired: &bold }, &[there]);
    assert_eq!(lines[1], r#"POST sys/policies/acl/p {"policy":"path \"a\" {}"}"#);
}

const LOOKUP: &str = r#"200 {"data": {"accessor": "A", "display_name": "token-x", "policies": ["default", "p"], "orphan": false,
    "renewable": true, "ttl": 50, "num_uses": 0, "meta": null, "issue_time": "2026-01-01T00:00:00.5Z",
    "expire_time": "2026-01-01T01:00:00.5Z"}}"#;

#[test]
fn the_lifetime_of_a_policy_is_what_it_has_between_its_last_write_and_its_end() {
    let prior = record(r#"{"name": "p", "policy": "", "ttl": "1h"}"#);
    let shown = |end: &str| {
        let answer = format!(
            r#"200 {{"data": {{"policy": "", "modified": "2026-01-01T00:00:00Z", "expiration": "{end}"}}}}"#
        );
        let read = done(kind("policy"), &Operation::Read { prior: &prior }, &[&answer]);
        ["ttl", "expiration"].map(|name| json::render(read.get(name)))
    };
    assert_eq!(shown("2026-01-01T01:00:00.5Z"), ["\"1h\"", "null"]);
    assert_eq!(shown("2026-01-01T02:00:00Z"), ["\"\"", "\"2026-01-01T02:00:00Z\""]);
    assert_eq!(shown(""), ["\"\"", "\"\""]);
}

#[test]
fn what_is_tuned_stands_in_one_block() {
    let check =
        |config: &str| kind("auth_backend").behavior.check(kind("auth_backend"), &record(config)).len();
    assert_eq!(check(r#"{"tune": [{"token_type": "batch"}], "user_lockout": [{"threshold": 3}]}"#), 0);
    assert_eq!(check(r#"{"tune": [{}, {}]}"#), 1);
    assert_eq!(check(r#"{"user_lockout": [{"threshold": 3}, {"disable": true}]}"#), 1);
}

#[test]
fn a_token_is_renewed_when_its_time_runs_short() {
    let prior = record(r#"{"id": "A", "policies": ["P"], "renew_min_lease": 60, "renew_increment": 600}"#);
    check(
        kind("token"),
        &Operation::Read { prior: &prior },
        &[LOOKUP, "200", &LOOKUP.replace("50", "600")],
        &[
            r#"POST auth/token/lookup-accessor {"accessor":"A"}"#,
            r#"POST auth/token/renew-accessor {"accessor":"A","increment":600}"#,
            r#"POST auth/token/lookup-accessor {"accessor":"A"}"#,
            "done",
        ],
    );
    let long = prior.with("renew_min_lease", 50);
    check(
        kind("token"),
        &Operation::Read { prior: &long },
        &[LOOKUP],
        &[r#"POST auth/token/lookup-accessor {"accessor":"A"}"#, "done"],
    );
}

#[test]
fn a_token_that_cannot_be_renewed_is_reported() {
    let prior = record(r#"{"id": "A", "renew_min_lease": 60}"#);
    let lines = conversation(kind("token"), &Operation::Read { prior: &prior }, &[LOOKUP, "403"]);
    assert_eq!(lines[2], "refused");
}

#[test]
fn a_dead_token_is_gone_and_a_forbidden_one_is_not() {
    let prior = record(r#"{"id": "A", "accessor": "A"}"#);
    let dead = r#"400 {"errors": ["1 error occurred:\n\t* invalid accessor\n\n"]}"#;
    let forbidden = r#"403 {"errors": ["1 error occurred:\n\t* permission denied\n\n"]}"#;
    for name in ["token", "approle_auth_backend_login"] {
        let end = |answer| conversation(kind(name), &Operation::Read { prior: &prior }, &[answer])[1].clone();
        assert_eq!((end(dead).as_str(), end(forbidden).as_str()), ("gone", "refused"), "{name}");
    }
}

#[test]
fn policies_that_the_server_rewrites_are_no_drift() {
    let prior = record(r#"{"id": "A", "display_name": "x", "policies": ["P", "default"], "num_uses": 5}"#);
    let read = Operation::Read { prior: &prior };
    let shown = done(kind("token"), &read, &[LOOKUP]);
    assert_eq!((shown.get("policies"), shown.get("num_uses")), (prior.get("policies"), &Value::from(5)));
    let shown = done(kind("token"), &read, &[&LOOKUP.replace("\"p\"", "\"q\"")]);
    assert_eq!(json::render(shown.get("policies")), r#"["default","q"]"#);
    assert_eq!(
        (shown.text("lease_started"), shown.get("lease_duration")),
        ("2026-01-01T00:00:00Z", &3600.into())
    );
}

#[test]
fn a_wrapped_token_is_kept_by_the_accessor_of_what_is_in_it() {
    let desired =
        record(r#"{"policies": ["p"], "role_name": "r", "wrapping_ttl": "5m", "display_name": "x"}"#);
    let create = Operation::Create { desired: &desired };
    let wrapped = r#"200 {"wrap_info": {"token": "w", "accessor": "W", "wrapped_accessor": "A"}}"#;
    let lines = conversation(kind("token"), &create, &[wrapped]);
    assert_eq!(
        lines[0],
        r#"POST auth/token/create/r {"display_name":"x","policies":["p"]} (wrapped for 5m)"#
    );
    let shown = done(kind("token"), &create, &[wrapped, LOOKUP]);
    assert_eq!(
        (shown.text("id"), shown.text("wrapped_token"), shown.get("client_token")),
        ("A", "w", &Value::Null)
    );
    assert!(!format!("{shown:?}").contains("\"w\""), "{shown:?}");
}

#[test]
fn a_secret_id_is_gone_with_its_role() {
    let prior = record(
        r#"{"id": "backend=b::role=r::accessor=A", "backend": "b", "role_name": "r", "accessor": "A"}"#,
    );
    let none = r#"500 {"errors": ["1 error occurred:\n\t* role \"r\" does not exist\n\n"]}"#;
    let path = "auth/b/role/r/secret-id-accessor";
    let body = r#"{"secret_id_accessor":"A"}"#;
    check(
        kind("approle_auth_backend_role_secret_id"),
        &Operation::Read { prior: &prior },
        &[none],
        &[&format!("POST {path}/lookup {body}"), "gone"],
    );
    check(
        kind("approle_auth_backend_role_secret_id"),
        &Operation::Delete { prior: &prior },
        &[none],
        &[&format!("POST {path}/destroy {body}"), "gone"],
    );
    let broken = r#"500 {"errors": ["internal error"]}"#;
    let lines = conversation(
        kind("approle_auth_backend_role_secret_id"),
        &Operation::Read { prior: &prior },
        &[broken],
    );
    assert_eq!(lines[1], "refused");
}

#[test]
fn a_token_type_that_the_server_adjusts_is_no_drift() {
    let read = |configured: &str, live: &str| {
        let prior = Record::new().with("backend", "b").with("role_name", "r").with("token_type", configured);
        let role = format!(r#"200 {{"data": {{"token_type": "{live}"}}}}"#);
        let read = Operation::Read { prior: &prior };
        done(kind("approle_auth_backend_role"), &read, &[&role, r#"200 {"data": {"role_id": "x"}}"#])
            .text("token_type")
            .to_owned()
    };
    assert_eq!(
        (read("default-service", "service"), read("", "default")),
        ("default-service".to_owned(), String::new())
    );
    assert_eq!(read("service", "batch"), "batch");
}

#[test]
fn a_removed_claim_binding_is_cleared_and_commas_part_values() {
    let prior = record(
        r#"{"backend": "jwt", "role_name": "r", "user_claim": "sub", "groups_claim": "g", "bound_claims": {"a": "x,y"}}"#,
    );
    let desired =
        record(r#"{"backend": "jwt", "role_name": "r", "user_claim": "sub", "bound_claims": {"a": "x, z"}}"#);
    let lines = conversation(
        kind("jwt_auth_backend_role"),
        &Operation::Update { prior: &prior, desired: &desired },
        &[],
    );
    assert_eq!(
        lines,
        [r#"POST auth/jwt/role/r {"bound_claims":{"a":["x","z"]},"groups_claim":"","user_claim":"sub"}"#]
    );
    let live =
        r#"200 {"data": {"user_claim": "sub", "groups_claim": "g", "bound_claims": {"a": ["x", "y"]}}}"#;
    let shown = done(kind("jwt_auth_backend_role"), &Operation::Read { prior: &prior }, &[live]);
    assert_eq!(json::render(shown.get("bound_claims")), r#"{"a":"x,y"}"#);
}

/// What a JWT role shows of one claim that the server has as `live`, when the configuration has `text`.
#[track_caller]
fn check_claim(text: &str, is_whole: bool, live: &str, expected: &str) {
    let prior = record(r#"{"backend": "jwt", "role_name": "r", "user_claim": "sub"}"#)
        .with("bound_claims", Value::Map([("a".to_owned(), text.into())].into()))
        .with("disable_bound_claims_parsing", is_whole);
    let answer = format!(r#"200 {{"data": {{"user_claim": "sub", "bound_claims": {{"a": {live}}}}}}}"#);
    let shown = done(kind("jwt_auth_backend_role"), &Operation::Read { prior: &prior }, &[&answer]);
    assert_eq!(shown.get("bound_claims").at("a").as_str(), Some(expected), "{text} against {live}");
}

#[test]
fn claims_are_compared_as_sets_of_values() {
    for (text, live) in [
        ("x, y", r#"["y", "x", "x"]"#),
        ("x", r#""x""#),
        (r#"["x,y", 5]"#, r#"[5, "x,y"]"#),
        ("[true]", "true"),
        ("", r#"[""]"#),
    ] {
        check_claim(text, false, live, text);
    }
    check_claim("true", false, "true", "[true]");
    check_claim("5", false, "[5]", "[5]");
    check_claim("x,y", false, r#"["x,y"]"#, r#"["x,y"]"#);
    check_claim("x,y", false, r#""x,y""#, r#"["x,y"]"#);
    check_claim("x,5", false, r#"["x", 5]"#, r#"["x",5]"#);
    check_claim("", false, "[]", "[]");
    check_claim("z", false, r#"["x", "y"]"#, "x,y");
    check_claim("x,y", true, r#"["x,y"]"#, "x,y");
    check_claim("x,y", true, r#"["x", "y"]"#, r#"["x","y"]"#);
    check_claim(r#"["x"]"#, true, r#"["x"]"#, "x");
    check_claim("[5]", true, "[5]", " [5]");
}

#[test]
fn another_reading_of_commas_writes_the_claims_again() {
    let role = |is_whole: bool| {
        record(r#"{"backend": "jwt", "role_name": "r", "user_claim": "sub", "bound_claims": {"a": "x,y"}}"#)
            .with("disable_bound_claims_parsing", is_whole)
    };
    for (is_whole, values) in [(true, r#"["x,y"]"#), (false, r#"["x","y"]"#)] {
        let operation = Operation::Update { prior: &role(!is_whole), desired: &role(is_whole) };
        let body = format!(r#"POST auth/jwt/role/r {{"bound_claims":{{"a":{values}}},"user_claim":"sub"}}"#);
        assert_eq!(conversation(kind("jwt_auth_backend_role"), &operation, &[]), [body]);
    }
}

#[test]
fn a_client_without_a_declared_secret_is_warned_of() {
    let found = |config: &str| {
        let found = schemas::check::check(kind("jwt_auth_backend"), &record(config));
        found.iter().map(|found| (found.is_error(), found.summary.clone())).collect::<Vec<_>>()
    };
    let warning = (false, "`oidc_client_id` is set, and no client secret".to_owned());
    assert_eq!(found(r#"{"oidc_client_id": "a", "default_role": "r"}"#), [warning]);
    assert_eq!(found(r#"{"oidc_client_id": "a", "oidc_client_secret": "s"}"#), []);
    assert_eq!(found(r#"{"oidc_client_id": "a", "oidc_client_secret_wo": "s"}"#), []);
    assert_eq!(found(r#"{"default_role": "r"}"#), []);
}

#[test]
fn a_write_only_secret_goes_along_where_a_write_would_lose_it() {
    let prior = record(r#"{"path": "jwt", "type": "oidc", "oidc_client_id": "a", "default_role": "x"}"#);
    let desired = record(
        r#"{"path": "jwt", "type": "oidc", "oidc_client_id": "a", "default_role": "y", "oidc_client_secret_wo": "s",
        "provider_config": {"fetch_groups": "true", "depth": "2", "provider": "gsuite"}}"#,
    );
    let lines =
        conversation(kind("jwt_auth_backend"), &Operation::Update { prior: &prior, desired: &desired }, &[]);
    assert_eq!(
        lines,
        [
            r#"POST auth/jwt/config {"default_role":"y","oidc_client_id":"a","oidc_client_secret":"s","provider_config":{"depth":2,"fetch_groups":true,"provider":"gsuite"}}"#
        ]
    );
}

#[test]
fn a_password_is_sent_when_its_version_changes() {
    let prior = record(r#"{"mount": "u", "username": "a", "password_wo_version": 1, "token_ttl": 60}"#);
    let desired = |version: i64, ttl: i64| {
        Record::new()
            .with("mount", "u")
            .with("username", "a")
            .with("password_wo", "s")
            .with("password_wo_version", version)
            .with("token_ttl", ttl)
    };
    let lines = |desired: &Record| {
        conversation(kind("userpass_auth_backend_user"), &Operation::Update { prior: &prior, desired }, &[])
    };
    assert_eq!(lines(&desired(2, 60)), [r#"POST auth/u/users/a {"password":"s","token_ttl":60}"#]);
    assert_eq!(lines(&desired(1, 90)), [r#"POST auth/u/users/a {"token_ttl":90}"#]);
    assert_eq!(lines(&desired(1, 60)), ["GET auth/u/users/a"]);
}

/// Reads an object of which `prior` is known, where the server has `live` (the body of the answer).
#[track_caller]
fn check_read_leaves(name: &str, prior: &str, live: &str, field: &str) {
    let prior = record(prior);
    let shown = done(kind(name), &Operation::Read { prior: &prior }, &[live]);
    assert_eq!(shown.get(field), prior.get(field), "{name}");
}

#[test]
fn what_the_server_writes_otherwise_is_no_drift() {
    check_read_leaves(
        "token_auth_backend_role",
        r#"{"role_name": "r", "token_bound_cidrs": ["10.0.0.1/32", "10.1.2.3/8", "2001:DB8::1/128"]}"#,
        r#"200 {"data": {"token_bound_cidrs": ["10.1.2.3/8", "2001:db8::1", "10.0.0.1"]}}"#,
        "token_bound_cidrs",
    );
    check_read_leaves(
        "userpass_auth_backend_user",
        r#"{"mount": "a", "username": "r", "token_policies": ["a ", " b"]}"#,
        r#"200 {"data": {"token_policies": ["a", "b"]}}"#,
        "token_policies",
    );
    check_read_leaves(
        "token",
        r#"{"id": "acc", "display_name": ""}"#,
        r#"200 {"data": {"display_name": "token"}}"#,
        "display_name",
    );
    check_read_leaves(
        "token",
        r#"{"id": "acc", "policies": []}"#,
        r#"200 {"data": {"policies": ["root"]}}"#,
        "policies",
    );
}

/// What OpenBao answers.
#[test]
fn an_ipv4_network_in_the_form_of_ipv6_is_that_network() {
    let written = ["4", "4/128", "0/120", "4/32", "4/24", "4/33", "4/95", "4/96", "4/97", "0/0120"];
    let answered = ["4", "4", "0/24", "4", "4/24", "4", "4", "4/0", "4/1", "0/24"];
    for (written, live) in written.iter().zip(answered) {
        check_read_leaves(
            "token_auth_backend_role",
            &format!(r#"{{"role_name": "r", "token_bound_cidrs": ["::ffff:1.2.3.{written}"]}}"#),
            &format!(r#"200 {{"data": {{"token_bound_cidrs": ["1.2.3.{live}"]}}}}"#),
            "token_bound_cidrs",
        );
    }
}

#[test]
fn other_networks_and_policies_are_drift() {
    let read = |name: &str, field: &str, prior: &str, live: &str| {
        let shown = done(kind(name), &Operation::Read { prior: &record(prior) }, &[live]);
        json::render(shown.get(field))
    };
    let networks = |live: &str| {
        let prior = r#"{"role_name": "r", "token_bound_cidrs": ["10.0.0.1/32"]}"#;
        let live = format!(r#"200 {{"data": {{"token_bound_cidrs": ["{live}"]}}}}"#);
        read("token_auth_backend_role", "token_bound_cidrs", prior, &live)
    };
    assert_eq!(networks("10.0.0.1/31"), r#"["10.0.0.1/31"]"#);
    assert_eq!(networks("10.0.0.2"), r#"["10.0.0.2"]"#);
    let policies = r#"200 {"data": {"policies": ["b"]}}"#;
    assert_eq!(read("token", "policies", r#"{"id": "acc", "policies": ["a"]}"#, policies), r#"["b"]"#);
}

#[test]
fn capital_letters_make_another_token_role_and_the_same_approle() {
    let same = |kind_name: &str| {
        let kind = kind(kind_name);
        let field = kind.field("role_name").expect("is declared");
        kind.same(field, &"Web".into(), &"web".into())
    };
    assert!(!same("token_auth_backend_role"));
    assert!(same("approle_auth_backend_role"));
    assert!(same("jwt_auth_backend_role"));
}

#[test]
fn a_versioned_engine_is_not_said_to_be_plain_again() {
    let prior = record(r#"{"path": "a", "type": "kv", "options": {"version": "2"}}"#);
    let refused = ["failed: an engine `kv` of version 2 does not become version 1 again"];
    for options in ["{}", "null", r#"{"version": "1"}"#] {
        let desired = record(&format!(r#"{{"path": "a", "type": "kv", "options": {options}}}"#));
        check(kind("mount"), &Operation::Update { prior: &prior, desired: &desired }, &[], &refused);
    }
    let desired = record(r#"{"path": "a", "type": "kv-v2"}"#);
    let lines = conversation(kind("mount"), &Operation::Update { prior: &prior, desired: &desired }, &[]);
    assert!(!lines[0].starts_with("failed"), "{lines:?}");
}
