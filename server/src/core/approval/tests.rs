use std::sync::Arc;

use futures::future::join_all;
use serde_json::{Value, json};

use crate::barrier::Barrier;
use crate::core::pipeline::Incoming;
use crate::core::request::{ClientToken, Operation};
use crate::core::state::Core;
use crate::core::testing::{HandClock, answer, ask, ask_with, closed_server, incoming, read};
use crate::storage::InmemStorage;

/// A server with secrets at `kv/`, where the policy `app` asks for approvals, and people.
struct Bench {
    barrier: Arc<Barrier>,
    core: Arc<Core>,
    clock: HandClock,
}

/// A request that waits.
#[derive(Clone)]
struct Waiting {
    token: String,
    accessor: String,
}

const START: i64 = 1_800_000_000;

const INVALID: &str = "wrapping token is not valid or does not exist";

fn rule(path: &str, group: &str) -> String {
    format!(
        "path \"{path}\" {{ capabilities = [\"create\", \"read\", \"update\", \"list\", \"sudo\"] control_group = {{ {group} }} }}"
    )
}

fn factor(name: &str, controls: &str, groups: &str, approvals: u64) -> String {
    format!(
        "factor \"{name}\" {{ controlled_capabilities = [{controls}] identity {{ group_names = [{groups}] approvals = {approvals} }} }}"
    )
}

const ALL: &str = "\"create\", \"read\", \"update\", \"list\"";

impl Bench {
    /// Ann asks; Bob and Cid are in the group `ops`, Cid and Dan in `sec`.
    async fn new(approvals: u64) -> Self {
        let clock = HandClock::at(START);
        let barrier = Barrier::new(Arc::new(InmemStorage::new()));
        let core = closed_server(&barrier, clock.clock());
        core.initialize_dev(Some("root")).await.expect("a fresh storage");
        let bench = Self { barrier, core, clock };
        bench.write("sys/mounts/kv", json!({"type": "kv"})).await;
        bench.write("kv/a", json!({"n": 1})).await;
        bench.app(&rule("kv/*", &factor("ops", ALL, "\"ops\"", approvals))).await;
        let approver = "path \"sys/control-group/*\" { capabilities = [\"update\"] }";
        bench.write("sys/policies/acl/approver", json!({"policy": approver})).await;
        bench.write("sys/auth/userpass", json!({"type": "userpass"})).await;
        bench
    }

    async fn write(&self, path: &str, body: Value) -> Value {
        let (status, answer) = ask(&self.core, Operation::Update, path, body).await;
        assert!(matches!(status, 200 | 204), "{path}: {status} {answer}");
        answer
    }

    async fn app(&self, policy: &str) {
        self.write("sys/policies/acl/app", json!({"policy": policy})).await;
    }

    /// The token of the user `name`, and their identity.
    async fn person(&self, name: &str) -> (String, String) {
        let path = format!("auth/userpass/users/{name}");
        self.write(&path, json!({"password": "correct horse", "token_policies": ["app", "approver"]})).await;
        let password = json!({"password": "correct horse"});
        let answer = self.write(&format!("auth/userpass/login/{name}"), password).await;
        let text = |field: &str| answer["auth"][field].as_str().expect("a text").to_owned();
        (text("client_token"), text("entity_id"))
    }

    /// People with these names, all of them in the group `ops`: their tokens.
    async fn ops<const N: usize>(&self, names: [&str; N]) -> [String; N] {
        let people = join_all(names.map(|name| self.person(name))).await;
        let (tokens, members): (Vec<String>, Vec<String>) = people.into_iter().unzip();
        self.write("identity/group", json!({"name": "ops", "member_entity_ids": members})).await;
        tokens.try_into().expect("as many")
    }

    async fn ask(&self, token: &str, operation: Operation, path: &str, body: Value) -> Waiting {
        let (status, answer) = ask_with(&self.core, token, operation, path, body).await;
        assert_eq!(status, 200, "{path}: {answer}");
        let text = |field: &str| answer["wrap_info"][field].as_str().expect("it waits").to_owned();
        Waiting { token: text("token"), accessor: text("accessor") }
    }

    async fn approve(&self, token: &str, waiting: &Waiting) -> (u16, Value) {
        let body = json!({"accessor": waiting.accessor});
        ask_with(&self.core, token, Operation::Update, "sys/control-group/authorize", body).await
    }

    async fn unwrap(&self, waiting: &Waiting) -> (u16, Value) {
        unwrap(&self.core, waiting).await
    }
}

async fn unwrap(core: &Arc<Core>, waiting: &Waiting) -> (u16, Value) {
    ask_with(core, "", Operation::Update, "sys/wrapping/unwrap", json!({"token": waiting.token})).await
}

fn invalid() -> (u16, Value) {
    (400, json!({"errors": [INVALID]}))
}

#[tokio::test]
async fn a_request_waits_over_restarts_and_runs_once() {
    let bench = Bench::new(1).await;
    let [ann, bob] = bench.ops(["ann", "bob"]).await;
    let waiting = bench.ask(&ann, Operation::Update, "kv/new", json!({"n": 1.50})).await;
    assert_eq!(bench.unwrap(&waiting).await, invalid());
    assert_eq!(read(&bench.core, "kv/new").await.0, 404);
    let restarted = || async {
        let core = closed_server(&bench.barrier, bench.clock.clock());
        core.open().await.expect("unsealed");
        core
    };
    let core = restarted().await;
    let accessor = json!({"accessor": waiting.accessor});
    let authorize =
        ask_with(&core, &bob, Operation::Update, "sys/control-group/authorize", accessor.clone()).await;
    assert_eq!((authorize.0, &authorize.1["data"]), (200, &json!({"approved": true})));
    let core = restarted().await;
    let shown = ask(&core, Operation::Update, "sys/control-group/request", accessor).await.1;
    assert_eq!(shown["data"]["request_operation"], "create");
    assert_eq!(shown["data"]["authorizations"][0]["entity_name"], "userpass-bob");
    assert_eq!(unwrap(&core, &waiting).await, (204, Value::Null));
    assert_eq!(read(&core, "kv/new").await.1["data"], json!({"n": 1.50}));
    assert_eq!(unwrap(&core, &waiting).await, invalid());
}

#[tokio::test]
async fn of_many_at_once_one_runs_the_request() {
    let bench = Bench::new(1).await;
    let [ann, bob] = bench.ops(["ann", "bob"]).await;
    bench.write("sys/mounts/kv2", json!({"type": "kv-v2"})).await;
    bench.write("sys/namespaces/team", json!({})).await;
    let group = factor("ops", ALL, "\"ops\"", 1);
    bench.app(&format!("{}\n{}", rule("kv2/*", &group), rule("sys/*", &group))).await;
    // In a transaction of its own, with others in one, and not in any.
    for (path, body) in [
        ("kv2/data/a", json!({"data": {"n": 1}})),
        ("sys/mounts/other", json!({"type": "kv"})),
        ("sys/namespaces/team/seal", json!({})),
    ] {
        let waiting = bench.ask(&ann, Operation::Update, path, body).await;
        assert_eq!(bench.approve(&bob, &waiting).await.0, 200, "{path}");
        let answers = join_all((0..8).map(|_| bench.unwrap(&waiting))).await;
        let ran = answers.iter().filter(|answer| **answer != invalid()).count();
        assert_eq!(ran, 1, "{path}: {answers:?}");
    }
    let (_, versions) = read(&bench.core, "kv2/metadata/a").await;
    assert_eq!(versions["data"]["current_version"], 1, "{versions}");
    assert_eq!(read(&bench.core, "sys/mounts/other").await.0, 200);
}

#[tokio::test]
async fn approvals_given_at_the_same_time_all_count_and_each_approver_counts_once() {
    let bench = Bench::new(3).await;
    let [ann, bob, cid, dan] = bench.ops(["ann", "bob", "cid", "dan"]).await;
    let waiting = bench.ask(&ann, Operation::Read, "kv/a", json!({})).await;
    let approvers = [&bob, &cid, &dan, &bob, &cid, &dan, &ann, &"root".to_owned()];
    let mut statuses: Vec<u16> =
        join_all(approvers.map(|token| bench.approve(token, &waiting))).await.iter().map(|a| a.0).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 200, 200, 400, 400, 400, 403, 403]);
    assert_eq!(bench.unwrap(&waiting).await.1["data"], json!({"n": 1}));
}

#[tokio::test]
async fn each_factor_is_met_by_its_own_groups() {
    let bench = Bench::new(1).await;
    let [ann, bob, cid] = bench.ops(["ann", "bob", "cid"]).await;
    let (dan, dan_id) = bench.person("dan").await;
    let sec = bench.write("identity/group", json!({"name": "sec", "member_entity_ids": [dan_id]})).await;
    let sec = sec["data"]["id"].as_str().expect("an id");
    bench.write("identity/group", json!({"name": "above", "member_group_ids": [sec]})).await;
    let group =
        [factor("two", ALL, "\"ops\"", 2), factor("sec", "\"read\"", "\"x\", \"above\"", 1)].join(" ");
    bench.app(&rule("kv/*", &group)).await;
    let waiting = bench.ask(&ann, Operation::Read, "kv/a", json!({})).await;
    for (approver, is_enough) in [(&bob, false), (&dan, false), (&cid, true)] {
        let (status, verdict) = bench.approve(approver, &waiting).await;
        assert_eq!((status, &verdict["data"]["approved"]), (200, &json!(is_enough)));
    }
    assert_eq!(bench.unwrap(&waiting).await.0, 200);
    // The other factor does not control writes.
    let waiting = bench.ask(&ann, Operation::Update, "kv/a", json!({"n": 2})).await;
    for approver in [&bob, &cid] {
        assert_eq!(bench.approve(approver, &waiting).await.0, 200);
    }
    assert_eq!(bench.unwrap(&waiting).await.0, 204);
}

#[tokio::test]
async fn what_has_ended_meanwhile_runs_nothing() {
    let bench = Bench::new(1).await;
    let [ann, bob] = bench.ops(["ann", "bob"]).await;
    let tokens = || async {
        let body = json!({"policies": ["app"], "ttl": 60, "no_parent": true});
        let answer = bench.write("auth/token/create", body).await;
        answer["auth"]["client_token"].as_str().expect("a token").to_owned()
    };
    for end in ["revoked", "expired", "disabled"] {
        let token = if end == "disabled" { ann.clone() } else { tokens().await };
        let waiting = bench.ask(&token, Operation::Update, "kv/x", json!({"n": 1})).await;
        assert_eq!(bench.approve(&bob, &waiting).await.0, 200);
        match end {
            "revoked" => drop(bench.write("auth/token/revoke", json!({"token": token})).await),
            "expired" => bench.clock.pass(61),
            _ => {
                let (_, id) = bench.person("ann").await;
                bench.write(&format!("identity/entity/id/{id}"), json!({"disabled": true})).await;
            }
        }
        assert_eq!(bench.unwrap(&waiting).await.0, 403, "{end}");
        assert_eq!(read(&bench.core, "kv/x").await.0, 404, "{end}");
    }
}

#[tokio::test]
async fn what_is_approved_is_no_more_than_what_was_shown() {
    let bench = Bench::new(1).await;
    let [ann, bob] = bench.ops(["ann", "bob"]).await;
    let denied = || async {
        let waiting = bench.ask(&ann, Operation::Update, "kv/b", json!({"n": 1})).await;
        assert_eq!(bench.approve(&bob, &waiting).await.0, 200);
        waiting
    };
    let before = rule("kv/*", &factor("ops", ALL, "\"ops\"", 1));
    for after in [
        rule("kv/*", &factor("ops", ALL, "\"ops\"", 2)),
        rule("kv/*", &factor("ops", ALL, "\"sec\"", 1)),
        format!("{before}\n{}", rule("kv/*", &factor("more", ALL, "\"sec\"", 1))),
        "path \"kv/*\" { capabilities = [\"read\"] }".to_owned(),
        String::from("# nothing"),
    ] {
        bench.app(&before).await;
        let waiting = denied().await;
        bench.app(&after).await;
        assert_eq!(bench.unwrap(&waiting).await.0, 403, "{after}");
        assert_eq!(read(&bench.core, "kv/b").await.0, 404, "{after}");
    }
    // To create was approved; to write over what somebody else has put there was not.
    let group =
        [factor("new", "\"create\"", "\"ops\"", 1), factor("old", "\"update\"", "\"sec\"", 1)].join(" ");
    bench.app(&rule("kv/*", &group)).await;
    let waiting = denied().await;
    bench.write("kv/b", json!({"n": 2})).await;
    assert_eq!(bench.unwrap(&waiting).await.0, 403);
    assert_eq!(read(&bench.core, "kv/b").await.1["data"], json!({"n": 2}));
    // A rule that asks for nothing any more lets it pass.
    bench.app("path \"kv/*\" { capabilities = [\"update\"] }").await;
    assert_eq!(bench.unwrap(&waiting).await.0, 204);
}

#[tokio::test]
async fn two_rules_on_a_path_both_ask_for_their_approvals() {
    let bench = Bench::new(1).await;
    let [ann, bob] = bench.ops(["ann", "bob"]).await;
    let (dan, dan_id) = bench.person("dan").await;
    bench.write("identity/group", json!({"name": "sec", "member_entity_ids": [dan_id]})).await;
    let twice = [
        rule("kv/*", &factor("ops", ALL, "\"ops\"", 1)),
        rule("kv/*", &factor("sec", "\"read\"", "\"sec\"", 1)),
    ];
    bench.app(&twice.join("\n")).await;
    let waiting = bench.ask(&ann, Operation::Read, "kv/a", json!({})).await;
    assert_eq!(bench.approve(&bob, &waiting).await.1["data"], json!({"approved": false}));
    assert_eq!(bench.approve(&dan, &waiting).await.1["data"], json!({"approved": true}));
    assert_eq!(bench.unwrap(&waiting).await.0, 200);
}

#[tokio::test]
async fn groups_of_the_namespace_of_the_policy_are_meant_and_the_request_stays_where_it_was() {
    let bench = Bench::new(1).await;
    let [ann, bob] = bench.ops(["ann", "bob"]).await;
    bench.write("sys/namespaces/team", json!({})).await;
    bench.write("team/sys/mounts/kv", json!({"type": "kv"})).await;
    bench.write("team/sys/auth/userpass", json!({"type": "userpass"})).await;
    let approver = "path \"sys/control-group/*\" { capabilities = [\"update\"] }";
    bench.write("team/sys/policies/acl/approver", json!({"policy": approver})).await;
    bench.write("sys/policies/acl/approver", json!({"policy": approver.replace("sys/", "team/sys/")})).await;
    let user = json!({"password": "correct horse", "token_policies": ["approver"]});
    bench.write("team/auth/userpass/users/eve", user).await;
    let eve = bench.write("team/auth/userpass/login/eve", json!({"password": "correct horse"})).await;
    let text = |field: &str| eve["auth"][field].as_str().expect("a text").to_owned();
    let members = json!({"name": "ops", "member_entity_ids": [text("entity_id")]});
    bench.write("team/identity/group", members).await;
    bench.app(&rule("team/kv/*", &factor("ops", ALL, "\"ops\"", 1))).await;
    let authorize = async |token: &str, waiting: &Waiting| {
        let (path, body) = ("team/sys/control-group/authorize", json!({"accessor": waiting.accessor}));
        ask_with(&bench.core, token, Operation::Update, path, body).await.0
    };
    let waiting = bench.ask(&ann, Operation::Update, "team/kv/a/x", json!({"n": 1})).await;
    assert_eq!(authorize(&text("client_token"), &waiting).await, 403, "a group that is only called alike");
    assert_eq!(authorize(&bob, &waiting).await, 200);
    assert_eq!(bench.unwrap(&waiting).await.0, 204);
    assert_eq!(read(&bench.core, "team/kv/a/x").await.1["data"], json!({"n": 1}));
    let waiting = bench.ask(&ann, Operation::Update, "team/kv/a/x", json!({"n": 2})).await;
    assert_eq!(authorize(&bob, &waiting).await, 200);
    // With the mount goes what waits for it, before the path leads into another namespace.
    assert_eq!(ask(&bench.core, Operation::Delete, "team/sys/mounts/kv", json!({})).await.0, 204);
    bench.write("team/sys/namespaces/kv", json!({})).await;
    bench.write("team/kv/sys/mounts/a", json!({"type": "kv"})).await;
    assert_eq!(bench.unwrap(&waiting).await, invalid());
    assert_eq!(read(&bench.core, "team/kv/a/x").await.0, 404);
}

#[tokio::test]
async fn a_token_that_could_not_run_the_request_is_told_so_at_once() {
    let bench = Bench::new(1).await;
    let [bob] = bench.ops(["bob"]).await;
    for (uses, asked) in [(1, 400), (2, 200)] {
        let body = json!({"policies": ["app"], "num_uses": uses});
        let answer = bench.write("auth/token/create", body).await;
        let token = answer["auth"]["client_token"].as_str().expect("a token");
        let (status, answer) = ask_with(&bench.core, token, Operation::Read, "kv/a", json!({})).await;
        assert_eq!(status, asked, "{answer}");
        if status == 200 {
            let text = |field: &str| answer["wrap_info"][field].as_str().expect("it waits").to_owned();
            let waiting = Waiting { token: text("token"), accessor: text("accessor") };
            assert_eq!(bench.approve(&bob, &waiting).await.0, 200);
            assert_eq!(bench.unwrap(&waiting).await.0, 200);
            assert_eq!(ask_with(&bench.core, token, Operation::Read, "kv/a", json!({})).await.0, 403);
        }
    }
}

#[tokio::test]
async fn the_answer_is_wrapped_as_the_request_asked() {
    let bench = Bench::new(1).await;
    let [ann, bob] = bench.ops(["ann", "bob"]).await;
    let request = || Incoming {
        wrap_ttl: Some(std::time::Duration::from_secs(60)),
        client_token: ClientToken::new(&*ann),
        ..incoming(Operation::Read, "kv/a", json!({}))
    };
    let (_, info) = answer(&bench.core, request()).await;
    let text = |info: &Value, field: &str| info["wrap_info"][field].as_str().expect("a text").to_owned();
    let waiting = Waiting { token: text(&info, "token"), accessor: text(&info, "accessor") };
    assert_eq!(info["wrap_info"]["ttl"], 60, "the rule names none");
    assert_eq!(bench.approve(&bob, &waiting).await.0, 200);
    let (status, wrapped) = bench.unwrap(&waiting).await;
    assert_eq!(status, 200);
    let again = Waiting { token: text(&wrapped, "token"), accessor: String::new() };
    let body = json!({"token": again.token});
    let (_, inside) = ask(&bench.core, Operation::Update, "sys/wrapping/unwrap", body).await;
    assert_eq!(inside["data"], json!({"n": 1}));
    // What needs no approval is wrapped as ever.
    bench.app(&rule("kv/*", &factor("ops", "\"update\"", "\"ops\"", 1))).await;
    let (_, info) = answer(&bench.core, request()).await;
    let body = json!({"token": text(&info, "token")});
    assert_eq!(
        ask(&bench.core, Operation::Update, "sys/wrapping/unwrap", body).await.1["data"],
        json!({"n": 1})
    );
}

#[tokio::test]
async fn what_waits_is_gone_with_its_wrapping_token_and_holds_no_token() {
    let bench = Bench::new(1).await;
    let [ann] = bench.ops(["ann"]).await;
    let before = bench.barrier.scan_keys("", None, usize::MAX).await.expect("unsealed");
    let waiting = bench.ask(&ann, Operation::Update, "kv/x", json!({"n": 1})).await;
    let with = bench.barrier.scan_keys("", None, usize::MAX).await.expect("unsealed");
    assert!(with.len() > before.len());
    for key in &with {
        let Ok(Some(value)) = bench.barrier.get(key).await else { continue };
        for token in [&ann, &waiting.token] {
            let secret = token.trim_start_matches("s.").as_bytes();
            assert!(!value.windows(secret.len()).any(|part| part == secret), "{key}");
        }
    }
    bench.write("auth/token/revoke", json!({"token": waiting.token})).await;
    bench.core.clear_leftovers().await.expect("unsealed");
    let after = bench.barrier.scan_keys("", None, usize::MAX).await.expect("unsealed");
    assert_eq!(after, before);
}

#[tokio::test]
async fn a_list_that_waits_keeps_the_limit_of_its_rule() {
    let bench = Bench::new(1).await;
    let [ann, bob] = bench.ops(["ann", "bob"]).await;
    bench.write("sys/mounts/kv2", json!({"type": "kv-v2"})).await;
    for key in ["a", "b"] {
        bench.write(&format!("kv2/data/{key}"), json!({"data": {}})).await;
    }
    let group = rule("kv2/*", &factor("ops", ALL, "\"ops\"", 1));
    bench.app(&group.replace("control_group", "pagination_limit = 1 control_group")).await;
    let (status, _) =
        ask_with(&bench.core, &ann, Operation::List, "kv2/metadata/", json!({"limit": 2})).await;
    assert_eq!(status, 403);
    for (asked, keys) in [(json!({}), json!(["a"])), (json!({"after": "a"}), json!(["b"]))] {
        let waiting = bench.ask(&ann, Operation::List, "kv2/metadata/", asked).await;
        assert_eq!(bench.approve(&bob, &waiting).await.0, 200);
        assert_eq!(bench.unwrap(&waiting).await.1["data"]["keys"], keys);
    }
}

/// The entity of a login token.
async fn entity_of(bench: &Bench, token: &str) -> String {
    let (_, own) = ask_with(&bench.core, token, Operation::Read, "auth/token/lookup-self", json!({})).await;
    own["data"]["entity_id"].as_str().expect("an entity").to_owned()
}

#[tokio::test]
async fn who_were_merged_are_one() {
    let bench = Bench::new(2).await;
    let [ann, bob, cid, eve] = bench.ops(["ann", "bob", "cid", "eve"]).await;
    let merge = async |from: &str, to: &str| {
        let (from, to) = (entity_of(&bench, from).await, entity_of(&bench, to).await);
        let (_, entity) = read(&bench.core, &format!("identity/entity/id/{from}")).await;
        let kept = &entity["data"]["aliases"][0]["id"];
        let merge =
            json!({"from_entity_ids": from, "to_entity_id": to, "conflicting_alias_ids_to_keep": kept});
        bench.write("identity/entity/merge", merge).await;
    };
    let waiting = bench.ask(&ann, Operation::Read, "kv/a", json!({})).await;
    assert_eq!(bench.approve(&bob, &waiting).await.0, 200);
    merge(&bob, &cid).await;
    // With either token it is the same person.
    for token in [&bob, &cid] {
        assert_eq!(bench.approve(token, &waiting).await.0, 400);
    }
    assert_eq!(bench.unwrap(&waiting).await, invalid());
    assert_eq!(bench.approve(&eve, &waiting).await.1["data"], json!({"approved": true}));
    // Nor may somebody approve who has become the one who asks.
    merge(&ann, &eve).await;
    assert_eq!(bench.unwrap(&waiting).await, invalid());
    for token in [&ann, &eve] {
        assert_eq!(bench.approve(token, &waiting).await.0, 403);
    }
}

#[tokio::test]
async fn what_was_approved_has_one_answer_also_if_that_is_an_error() {
    let bench = Bench::new(1).await;
    let [ann, bob] = bench.ops(["ann", "bob"]).await;
    let waiting = bench.ask(&ann, Operation::Read, "kv/later", json!({})).await;
    assert_eq!(bench.approve(&bob, &waiting).await.0, 200);
    assert_eq!(bench.unwrap(&waiting).await.0, 404);
    bench.write("kv/later", json!({"n": 1})).await;
    assert_eq!(bench.unwrap(&waiting).await, invalid());
    // What changes mounts, too.
    bench.app(&rule("sys/mounts/*", &factor("ops", ALL, "\"ops\"", 1))).await;
    let waiting = bench.ask(&ann, Operation::Update, "sys/mounts/kv", json!({"type": "kv"})).await;
    assert_eq!(bench.approve(&bob, &waiting).await.0, 200);
    assert_eq!(bench.unwrap(&waiting).await.0, 400, "it is mounted already");
    assert_eq!(bench.unwrap(&waiting).await, invalid());
    assert_eq!(read(&bench.core, "kv/a").await.0, 200);
    // A field of a wrong type is told at once.
    let wrong = json!({"type": ["x"]});
    assert_eq!(ask_with(&bench.core, &ann, Operation::Update, "sys/mounts/new", wrong).await.0, 400);
}

#[tokio::test]
async fn who_unwraps_may_have_the_answer_wrapped_again() {
    let bench = Bench::new(1).await;
    let [ann, bob] = bench.ops(["ann", "bob"]).await;
    let waiting = bench.ask(&ann, Operation::Read, "kv/a", json!({})).await;
    assert_eq!(bench.approve(&bob, &waiting).await.0, 200);
    let unwrap = Incoming {
        wrap_ttl: Some(std::time::Duration::from_secs(60)),
        client_token: ClientToken::default(),
        ..incoming(Operation::Update, "sys/wrapping/unwrap", json!({"token": waiting.token}))
    };
    let (status, again) = answer(&bench.core, unwrap).await;
    assert_eq!((status, &again["wrap_info"]["ttl"], &again["data"]), (200, &json!(60), &Value::Null));
    let inner = bench.write("sys/wrapping/unwrap", json!({"token": again["wrap_info"]["token"]})).await;
    assert_eq!(inner["data"], json!({"n": 1}));
}

#[tokio::test]
async fn nobody_waits_longer_than_a_day_that_the_rule_does_not_grant() {
    let bench = Bench::new(1).await;
    let [ann] = bench.ops(["ann"]).await;
    for (asked, granted) in [(60, 60), (1_000_000, 24 * 3600)] {
        let request = Incoming {
            wrap_ttl: Some(std::time::Duration::from_secs(asked)),
            client_token: ClientToken::new(&*ann),
            ..incoming(Operation::Read, "kv/a", json!({}))
        };
        assert_eq!(answer(&bench.core, request).await.1["wrap_info"]["ttl"], granted);
    }
    bench.app(&rule("kv/*", &format!("ttl = \"0.4s\" {}", factor("ops", ALL, "\"ops\"", 1)))).await;
    let (_, info) = ask_with(&bench.core, &ann, Operation::Read, "kv/a", json!({})).await;
    assert_eq!(info["wrap_info"]["ttl"], 1);
}

#[tokio::test]
async fn a_namespace_is_not_told_who_of_another_has_asked_or_approved() {
    let bench = Bench::new(1).await;
    let [ann, bob] = bench.ops(["ann", "bob"]).await;
    bench.write("sys/namespaces/team", json!({})).await;
    bench.write("team/sys/mounts/kv", json!({"type": "kv"})).await;
    bench.write("team/kv/a", json!({"n": 1})).await;
    bench.app(&rule("team/kv/*", &factor("ops", ALL, "\"ops\"", 1))).await;
    let waiting = bench.ask(&ann, Operation::Read, "team/kv/a", json!({})).await;
    let accessor = json!({"accessor": waiting.accessor});
    let approver = "path \"team/sys/control-group/*\" { capabilities = [\"update\"] }";
    bench.write("sys/policies/acl/approver", json!({"policy": approver})).await;
    let approved =
        ask_with(&bench.core, &bob, Operation::Update, "team/sys/control-group/authorize", accessor.clone());
    assert_eq!(approved.await.0, 200);
    let shown =
        ask(&bench.core, Operation::Update, "team/sys/control-group/request", accessor.clone()).await.1;
    assert_eq!(shown["data"]["approved"], json!(true));
    assert_eq!(
        (&shown["data"]["request_entity"], &shown["data"]["authorizations"]),
        (&json!({}), &json!([]))
    );
}
