//! What must hold of tokens, whatever is done with them.

use std::sync::Arc;

use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::policies::{Choice, choose};
use crate::core::clearing::AT_ONCE;
use crate::core::inline::InlineLogin;
use crate::core::lease::SecretLease;
use crate::core::pipeline::Incoming;
use crate::core::request::{ClientToken, Operation};
use crate::core::state::Core;
use crate::core::testing::{self, HandClock};
use crate::core::token::Surroundings as _;

/// A development server in memory, whose clock is moved by hand.
struct Bench {
    core: Arc<Core>,
    clock: HandClock,
}

impl Bench {
    async fn new() -> Self {
        let clock = HandClock::at(1_800_000_000);
        Self { core: testing::server(clock.clock()).await, clock }
    }

    async fn call_in(&self, namespace: &str, token: &str, path: &str, body: Value) -> (u16, Value) {
        self.run(Operation::Update, namespace, token, path, body).await
    }

    async fn delete(&self, path: &str) -> u16 {
        self.run(Operation::Delete, "", "root", path, json!({})).await.0
    }

    async fn read(&self, namespace: &str, token: &str, path: &str) -> u16 {
        self.run(Operation::Read, namespace, token, path, json!({})).await.0
    }

    /// Writes the policy `name`, which allows to read `path`.
    async fn may_read(&self, namespace: &str, name: &str, path: &str) {
        let policy = format!("path \"{path}\" {{ capabilities = [\"read\"] }}");
        let path = format!("sys/policies/acl/{name}");
        let (status, answer) = self.call_in(namespace, "root", &path, json!({"policy": policy})).await;
        assert_eq!(status, 204, "{answer}");
    }

    /// Logs a user of the root namespace in; answers the token and the id of the entity.
    async fn log_in(&self) -> (String, String) {
        self.call("root", "sys/auth/userpass", json!({"type": "userpass"})).await;
        let user = json!({"password": "p", "token_no_default_policy": true});
        self.call("root", "auth/userpass/users/ada", user).await;
        let (status, answer) = self.call("", "auth/userpass/login/ada", json!({"password": "p"})).await;
        assert_eq!(status, 200, "{answer}");
        let text = |name: &str| answer["auth"][name].as_str().expect("a text").to_owned();
        (text("client_token"), text("entity_id"))
    }

    async fn run(
        &self,
        operation: Operation,
        namespace: &str,
        token: &str,
        path: &str,
        body: Value,
    ) -> (u16, Value) {
        let incoming = Incoming {
            namespace: namespace.to_owned(),
            client_token: ClientToken::new(token),
            ..testing::incoming(operation, path, body)
        };
        testing::answer(&self.core, incoming).await
    }

    async fn call(&self, token: &str, path: &str, body: Value) -> (u16, Value) {
        self.call_in("", token, path, body).await
    }

    /// Reads `path` with the login of `user`, whose password is `pw`, in place of a token.
    async fn read_as(&self, user: &str, path: &str) -> u16 {
        let password = serde_json::value::to_raw_value("pw").expect("JSON");
        let login = InlineLogin {
            path: format!("auth/userpass/login/{user}"),
            operation: Operation::Update,
            namespace: String::new(),
            parameters: [("password".to_owned(), password)].into(),
            mfa: crate::core::request::MfaCredentials::default(),
        };
        let incoming = Incoming {
            client_token: ClientToken::default(),
            login: Some(Box::new(login)),
            ..testing::incoming(Operation::Read, path, json!({}))
        };
        self.core.serve(incoming).await.status.as_u16()
    }

    async fn create(&self, parent: &str, body: Value) -> String {
        let (status, answer) = self.call(parent, "auth/token/create", body).await;
        assert_eq!(status, 200, "{answer}");
        answer["auth"]["client_token"].as_str().expect("a token").to_owned()
    }

    async fn is_usable(&self, token: &str) -> bool {
        self.call(token, "auth/token/renew-self", json!({"increment": 1})).await.0 != 403
    }

    async fn pass(&self, seconds: i64) {
        self.clock.pass(seconds);
        self.core.expire_due().await;
    }
}

/// A token of the model: its parent, if it has one that lives.
struct Known {
    token: String,
    parent: Option<usize>,
    is_alive: bool,
    ends_at: i64,
}

/// One thing that may happen; numbers choose among the tokens there are.
#[derive(Clone, Debug)]
enum Step {
    Create { by: usize, is_orphan: bool, ttl: i64 },
    Revoke(usize),
    RevokeOrphan(usize),
    Pass(i64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..20usize, prop::bool::weighted(0.2), 10..200i64)
            .prop_map(|(by, is_orphan, ttl)| Step::Create { by, is_orphan, ttl }),
        2 => (0..20usize).prop_map(Step::Revoke),
        1 => (0..20usize).prop_map(Step::RevokeOrphan),
        1 => (1..60i64).prop_map(Step::Pass),
    ]
}

/// The tokens as they should be.
#[derive(Default)]
struct Model {
    tokens: Vec<Known>,
    now: i64,
}

impl Model {
    fn end(&mut self, index: usize) {
        self.tokens[index].is_alive = false;
        for child in 0..self.tokens.len() {
            if self.tokens[child].parent == Some(index) && self.tokens[child].is_alive {
                self.end(child);
            }
        }
    }

    fn end_orphaning(&mut self, index: usize) {
        self.tokens[index].is_alive = false;
        for child in &mut self.tokens {
            if child.parent == Some(index) {
                child.parent = None;
            }
        }
    }

    fn pass(&mut self, seconds: i64) {
        self.now += seconds;
        for index in 0..self.tokens.len() {
            if self.tokens[index].is_alive && self.tokens[index].ends_at < self.now {
                self.end(index);
            }
        }
    }
}

async fn run(bench: &Bench, model: &mut Model, step: &Step) {
    let chosen = |index: usize, model: &Model| index % model.tokens.len().max(1);
    match *step {
        Step::Create { by, is_orphan, ttl } => create(bench, model, by, is_orphan, ttl).await,
        Step::Pass(seconds) => {
            // Time is even and lifetimes are odd: no token ends at just this second, where the task may come later.
            bench.pass(seconds * 2).await;
            model.pass(seconds * 2);
        }
        _ if model.tokens.is_empty() => {}
        Step::Revoke(index) => {
            let index = chosen(index, model);
            bench.call("root", "auth/token/revoke", json!({"token": model.tokens[index].token})).await;
            if model.tokens[index].is_alive {
                model.end(index);
            }
        }
        Step::RevokeOrphan(index) => {
            let index = chosen(index, model);
            bench.call("root", "auth/token/revoke-orphan", json!({"token": model.tokens[index].token})).await;
            if model.tokens[index].is_alive {
                model.end_orphaning(index);
            }
        }
    }
}

async fn create(bench: &Bench, model: &mut Model, by: usize, is_orphan: bool, ttl: i64) {
    let parent = Some(by).filter(|by| *by < model.tokens.len() && model.tokens[*by].is_alive);
    let text = parent.map_or("root".to_owned(), |index| model.tokens[index].token.clone());
    let seconds = ttl * 2 + 1;
    let body = json!({"policies": ["maker"], "ttl": seconds, "no_parent": is_orphan});
    let token = bench.create(&text, body).await;
    let parent = parent.filter(|_| !is_orphan);
    model.tokens.push(Known { token, parent, is_alive: true, ends_at: model.now + seconds });
}

const MAKER: &str = r#"path "auth/token/create" { capabilities = ["update", "sudo"] }"#;

async fn check_tree(steps: Vec<Step>) {
    let bench = Bench::new().await;
    let (status, _) = bench.call("root", "sys/policies/acl/maker", json!({"policy": MAKER})).await;
    assert!(status < 300);
    let mut model = Model::default();
    for step in &steps {
        run(&bench, &mut model, step).await;
        for known in &model.tokens {
            let is_found = lookup(&bench, &known.token).await;
            assert_eq!(is_found, known.is_alive, "after {step:?} of {steps:?}");
        }
    }
}

async fn lookup(bench: &Bench, token: &str) -> bool {
    bench.call("root", "auth/token/lookup", json!({"token": token})).await.0 == 200
}

fn names() -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec(prop::sample::select(vec!["a", "B", "c ", "default", "root", "Root", "d"]), 0..5)
        .prop_map(|names| names.into_iter().map(str::to_owned).collect())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Revoking or outliving a parent leaves no descendant usable, and nothing else is touched.
    #[test]
    fn no_descendant_outlives_its_parent(steps in prop::collection::vec(step(), 1..16)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(check_tree(steps));
    }
}

proptest! {
    /// Without `sudo` a child has no policy that its parent lacks.
    #[test]
    fn no_child_outranks_its_parent(wanted in names(), parent in names(), no_default: bool) {
        let choice = Choice {
            wanted: &wanted,
            no_default,
            parent: &parent,
            is_sudo: false,
            is_from_outside: false,
            role: None,
        };
        if let Ok(policies) = choose(&choice) {
            let parent = super::sanitize_policies(&parent, false);
            prop_assert!(policies.iter().all(|name| parent.contains(name)), "{policies:?} of {parent:?}");
        }
    }
}

#[tokio::test]
async fn no_token_acts_outside_of_its_namespace() {
    let bench = Bench::new().await;
    for name in ["one", "two"] {
        assert_eq!(bench.call("root", &format!("sys/namespaces/{name}"), json!({})).await.0, 200);
    }
    let body = json!({"policies": ["default"]});
    let (_, answer) = bench.call_in("one", "root", "auth/token/create", body).await;
    let token = answer["auth"]["client_token"].as_str().expect("a token");
    let accessor = answer["auth"]["accessor"].as_str().expect("an accessor");
    assert!(
        token.rsplit_once('.').is_some_and(|(_, suffix)| accessor.ends_with(suffix)),
        "a suffix for both"
    );
    for namespace in ["", "two"] {
        let (status, _) =
            bench.call_in(namespace, token, "sys/capabilities-self", json!({"path": "x"})).await;
        assert_eq!(status, 403, "in {namespace:?}");
    }
    let accessor = json!({"accessor": accessor, "paths": ["x"]});
    // Who may act in the namespace above has no leave to act in this one.
    for (namespace, refused) in [("two", 400), ("", 500)] {
        for path in ["auth/token/lookup-accessor", "auth/token/renew-accessor", "sys/capabilities-accessor"] {
            let (status, _) = bench.call_in(namespace, "root", path, accessor.clone()).await;
            assert_eq!(status, refused, "{path} in {namespace:?}");
        }
        bench.call_in(namespace, "root", "auth/token/revoke-accessor", accessor.clone()).await;
    }
    assert_eq!(bench.call_in("one", "root", "auth/token/lookup-accessor", accessor).await.0, 200, "it lives");
}

#[tokio::test]
async fn no_name_of_a_policy_stands_for_two() {
    let bench = Bench::new().await;
    bench.may_read("", "team-a", "sys/policies/acl/team-a").await;
    bench.may_read("", "zadmin", "sys/policies/acl/zadmin").await;
    let create =
        |policies: Value| bench.create("root", json!({"policies": policies, "no_default_policy": true}));
    let legitimate = create(json!(["team-a", "zadmin"])).await;
    let (user, entity) = bench.log_in().await;
    let path = format!("identity/entity/id/{entity}");
    bench.call("root", &path, json!({"policies": ["team-a", "zadmin"]})).await;
    for token in [&legitimate, &user] {
        assert_eq!(bench.read("", token, "sys/policies/acl/zadmin").await, 200);
    }
    for name in
        ["team-a\nzadmin", "team-a\0zadmin", "\0team-a\nzadmin", "6:team-a6:zadmin", "0:2:6:team-a6:zadmin"]
    {
        let sly = create(json!([name])).await;
        assert_eq!(bench.read("", &sly, "sys/policies/acl/zadmin").await, 403, "{name:?}");
    }
}

#[tokio::test]
async fn rights_end_with_their_policy() {
    let bench = Bench::new().await;
    let path = "sys/policies/acl/default";
    let policy = format!("path \"{path}\" {{ capabilities = [\"read\"] }}");
    bench.call("root", "sys/policies/acl/brief", json!({"policy": policy, "ttl": "60s"})).await;
    let body = json!({"policies": ["brief"], "no_default_policy": true, "ttl": "1h"});
    let token = bench.create("root", body).await;
    assert_eq!(bench.read("", &token, path).await, 200);
    bench.pass(59).await;
    assert_eq!(bench.read("", &token, path).await, 200);
    bench.pass(1).await;
    assert_eq!(bench.read("", &token, path).await, 403);
}

#[tokio::test]
async fn an_identity_is_worth_nothing_in_another_namespace() {
    let bench = Bench::new().await;
    assert_eq!(bench.call("root", "sys/namespaces/one", json!({})).await.0, 200);
    let (user, entity) = bench.log_in().await;
    let maker = "path \"one/auth/token/create\" { capabilities = [\"update\", \"sudo\"] }";
    bench.call("root", "sys/policies/acl/admin", json!({"policy": maker})).await;
    bench.call("root", &format!("identity/entity/id/{entity}"), json!({"policies": ["admin"]})).await;
    let path = "sys/policies/acl/default";
    bench.may_read("one", "admin", path).await;
    for kind in ["service", "batch"] {
        let body = json!({"policies": ["default"], "type": kind});
        let (status, answer) = bench.call_in("one", &user, "auth/token/create", body).await;
        assert_eq!(status, 200, "{answer}");
        let token = answer["auth"]["client_token"].as_str().expect("a token");
        for path in [path, "auth/token/lookup-self", "sys/internal/ui/resultant-acl"] {
            assert_eq!(bench.read("one", token, path).await, 403, "{kind} {path}");
        }
    }
}

#[tokio::test]
async fn a_token_is_no_better_without_its_identity_where_none_is_needed() {
    let bench = Bench::new().await;
    let (user, entity) = bench.log_in().await;
    let entity = format!("identity/entity/id/{entity}");
    let paths =
        ["sys/internal/ui/mounts", "sys/internal/ui/mounts/secret/a", "sys/internal/ui/resultant-acl"];
    bench.may_read("", "reader", "secret/data/*").await;
    bench.may_read("", "asker", "sys/internal/ui/resultant-acl").await;
    bench.call("root", &entity, json!({"policies": ["reader", "asker"]})).await;
    for path in paths {
        assert_eq!(bench.read("", &user, path).await, 200, "the rights are the entity's: {path}");
    }
    bench.call("root", &entity, json!({"disabled": true})).await;
    for path in paths {
        assert_eq!(bench.read("", &user, path).await, 403, "disabled: {path}");
    }
    let capabilities = json!({"token": user, "paths": ["secret/data/a"]});
    assert_eq!(bench.call("root", "sys/capabilities", capabilities).await.0, 400);
    assert_eq!(bench.delete(&entity).await, 204);
    for path in paths {
        assert_eq!(bench.read("", &user, path).await, 403, "deleted: {path}");
    }
}

#[tokio::test]
async fn uses_of_a_batch_token_are_not_counted() {
    let bench = Bench::new().await;
    let role =
        json!({"token_type": "default-batch", "token_num_uses": 2, "renewable": false, "orphan": true});
    assert_eq!(bench.call("root", "auth/token/roles/batch", role).await.0, 204);
    let (status, answer) =
        bench.call("root", "auth/token/create/batch", json!({"policies": ["default"]})).await;
    assert_eq!((status, &answer["auth"]["num_uses"]), (200, &json!(2)), "{answer}");
    let token = answer["auth"]["client_token"].as_str().expect("a token");
    for _ in 0..4 {
        assert_eq!(bench.read("", token, "auth/token/lookup-self").await, 200);
    }
}

#[tokio::test]
async fn a_use_counts_even_if_the_request_is_denied_and_the_last_one_revokes() {
    let bench = Bench::new().await;
    let token = bench.create("root", json!({"policies": ["default"], "num_uses": 2})).await;
    assert_eq!(bench.call(&token, "sys/mounts/x", json!({})).await.0, 403);
    assert!(bench.is_usable(&token).await, "the last use");
    assert!(!bench.is_usable(&token).await);
}

#[tokio::test]
async fn of_many_at_a_time_as_many_succeed_as_there_are_uses() {
    let bench = Bench::new().await;
    let token = bench.create("root", json!({"policies": ["default"], "num_uses": 3})).await;
    let looks = (0..12).map(|_| bench.call(&token, "auth/token/renew-self", json!({})));
    let answers = futures::future::join_all(looks).await;
    assert_eq!(answers.iter().filter(|(status, _)| *status != 403).count(), 3);
}

#[tokio::test]
async fn what_was_wrapped_is_answered_once() {
    let bench = Bench::new().await;
    let transaction = bench.core.barrier.begin();
    let namespace = crate::core::namespace::Namespace::root();
    let parcel = crate::core::wrapping::Parcel {
        namespace: &namespace,
        path: "secret/a",
        display_name: String::new(),
        ttl: std::time::Duration::from_secs(60),
        kept: crate::core::wrapping::Kept::Answer(r#"{"data":{"a":1}}"#.to_owned()),
        status: None,
        accessor: String::new(),
    };
    let info = bench.core.tokens.wrap(&transaction, parcel, bench.core.clock.now()).await.expect("wrapped");
    transaction.commit().await.expect("committed");
    let asks = (0..8).map(|_| bench.call("root", "sys/wrapping/unwrap", json!({"token": info.token})));
    let answers = futures::future::join_all(asks).await;
    let given: Vec<_> = answers.iter().filter(|(status, _)| *status == 200).collect();
    assert_eq!(given.len(), 1, "{answers:?}");
    assert_eq!(given[0].1, json!({"data": {"a": 1}}));
}

#[tokio::test]
async fn a_token_is_watched_once_and_only_while_it_lives() {
    let bench = Bench::new().await;
    let watched = || bench.core.tokens.leases().watched();
    let token = bench.create("root", json!({"policies": ["default"], "ttl": 3600})).await;
    assert_eq!(watched(), 1);
    for increment in [600, 1200] {
        bench.pass(1).await;
        let (status, _) = bench.call(&token, "auth/token/renew-self", json!({"increment": increment})).await;
        assert_eq!((status, watched()), (200, 1));
    }
    assert_eq!(bench.call("root", "auth/token/revoke", json!({"token": token})).await.0, 204);
    assert_eq!(watched(), 0);
}

#[tokio::test]
async fn leases_are_watched_again_after_a_restart() {
    let bench = Bench::new().await;
    bench.call("root", "sys/policies/acl/maker", json!({"policy": MAKER})).await;
    let token = bench.create("root", json!({"policies": ["maker"], "ttl": 60})).await;
    let child = bench.create(&token, json!({"ttl": 3600})).await;
    bench.core.tokens.leases().close();
    bench.core.restore_leases(bench.core.namespaces()).await.expect("restored");
    bench.pass(62).await;
    assert!(!lookup(&bench, &token).await);
    assert!(!lookup(&bench, &child).await, "it has ended with its parent");
}

/// Of a token of the root namespace that is named in one below, all that its own namespace asks for is asked for.
#[tokio::test]
async fn a_token_of_root_is_reached_from_below_by_who_may_reach_it_at_once() {
    let bench = Bench::new().await;
    bench.call("root", "sys/namespaces/team", json!({})).await;
    let group = "control_group = { factor \"ops\" { controlled_capabilities = [\"update\"] \
                 identity { group_names = [\"ops\"] approvals = 1 } } }";
    let with = |name: &str, more: &str| {
        format!("path \"auth/token/{name}\" {{ capabilities = [\"update\"] {more} }}\n")
    };
    let below = "path \"team/auth/token/*\" { capabilities = [\"update\", \"sudo\"] }";
    let rules = [
        with("revoke", group),
        with("lookup", "denied_parameters = { token = [] }"),
        with("revoke-orphan", ""),
        below.to_owned(),
    ];
    bench.call("root", "sys/policies/acl/helper", json!({"policy": rules.concat()})).await;
    let helper = bench.create("root", json!({"policies": ["helper"]})).await;
    let token = bench.create("root", json!({"policies": ["default"]})).await;
    for path in ["auth/token/revoke", "auth/token/lookup", "auth/token/revoke-orphan"] {
        let (status, answer) = bench.call_in("team", &helper, path, json!({"token": token})).await;
        assert_eq!(status, 403, "{path}: {answer}");
        assert!(bench.is_usable(&token).await, "{path}");
    }
    assert_eq!(bench.call_in("team", "root", "auth/token/revoke", json!({"token": token})).await.0, 204);
    assert!(!bench.is_usable(&token).await);
}

#[tokio::test]
async fn leases_that_cannot_be_revoked_are_told_with_mount_and_reason() {
    let bench = Bench::new().await;
    bench.call("root", "sys/mounts/kv", json!({"type": "kv"})).await;
    bench.call("root", "sys/namespaces/team", json!({})).await;
    let transaction = bench.core.barrier.begin();
    for (namespace, path, second) in [("", "kv/a", 20), ("", "gone/a", 10), ("team/", "kv/a", 5)] {
        let space = bench.core.open_topology().expect("unsealed");
        let namespace = Arc::clone(&space.space(namespace).expect("the namespace").namespace);
        let lease = SecretLease {
            path: path.to_owned(),
            expires_at: Timestamp::from_second(second).expect("a moment"),
            revoke_error: "the database is away".to_owned(),
            ..SecretLease::default()
        };
        let id = format!("{path}/1");
        bench.core.tokens.leases().write_secret(&transaction, &namespace, &id, &lease).expect("a record");
    }
    transaction.commit().await.expect("no conflict");
    let ask = async |path: &str, body: Value| {
        let (status, answer) = bench.run(Operation::Read, "", "root", path, body).await;
        assert_eq!(status, 200, "{answer}");
        answer
    };
    let all = json!({"type": "irrevocable"});
    let accessor = ask("sys/mounts/kv", json!({})).await["data"]["accessor"].clone();
    let of_none = json!("mount-accessor-not-found");
    let lease =
        |id: &str, mount: &Value| json!({"lease_id": id, "mount_id": mount, "error": "the database is away"});
    let expected = [lease("gone/a/1", &of_none), lease("kv/a/1", &accessor)];
    assert_eq!(ask("sys/leases", all.clone()).await["data"], json!({"lease_count": 2, "leases": expected}));
    let first = ask("sys/leases", json!({"type": "irrevocable", "limit": "1"})).await;
    assert_eq!(first["data"], json!({"lease_count": 1, "leases": expected[..1]}));
    assert!(first["warnings"][0].as_str().is_some_and(|warning| warning.contains("there are 2")));
    let below = json!({"type": "irrevocable", "include_child_namespaces": true});
    assert_eq!(ask("sys/leases", below.clone()).await["data"]["leases"][0], lease("kv/a/1", &of_none));
    assert_eq!(ask("sys/leases/count", all).await["data"]["lease_count"], 2);
    let counts = ask("sys/leases/count", below).await;
    assert_eq!(counts["data"]["counts"]["mount-accessor-not-found"], 2);
}

#[tokio::test]
async fn a_child_ends_with_its_parent_even_before_it_is_revoked() {
    let bench = Bench::new().await;
    bench.call("root", "sys/policies/acl/maker", json!({"policy": MAKER})).await;
    let token = bench.create("root", json!({"policies": ["maker"], "ttl": 60})).await;
    let child = bench.create(&token, json!({"ttl": 3600})).await;
    assert!(bench.is_usable(&child).await);
    bench.clock.pass(61);
    assert!(!bench.is_usable(&child).await);
}

#[tokio::test]
async fn what_is_known_of_the_tokens_above_ends_with_any_change_of_them() {
    let bench = Bench::new().await;
    bench.call("root", "sys/policies/acl/maker", json!({"policy": MAKER})).await;
    let mut line = vec![bench.create("root", json!({"policies": ["maker"], "ttl": 600})).await];
    for index in 0..20 {
        line.push(bench.create(&line[index], json!({"ttl": 300 + index})).await);
    }
    assert!(lookup(&bench, &line[20]).await);
    assert!(lookup(&bench, &line[20]).await, "as it is known now");
    bench.call(&line[3], "auth/token/renew-self", json!({"increment": 60})).await;
    assert!(lookup(&bench, &line[20]).await);
    bench.clock.pass(61);
    assert!(!lookup(&bench, &line[20]).await, "the fourth has ended");
    assert!(lookup(&bench, &line[2]).await);
    assert_eq!(bench.call("root", "auth/token/revoke-orphan", json!({"token": line[0]})).await.0, 204);
    assert!(lookup(&bench, &line[2]).await, "its parent has none now");
    assert_eq!(bench.call("root", "auth/token/revoke", json!({"token": line[1]})).await.0, 204);
    assert!(!lookup(&bench, &line[2]).await);
}

#[tokio::test]
async fn a_write_into_a_mount_that_goes_leaves_nothing_behind() {
    let bench = Bench::new().await;
    for _ in 0..20 {
        assert_eq!(bench.call("root", "sys/mounts/kv", json!({"type": "kv"})).await.0, 204);
        let topology = bench.core.open_topology().expect("open");
        let space = topology.space("").expect("the root");
        let prefix = space.mount("kv/").expect("mounted").prefix.clone();
        let writes = (0..8).map(|_| bench.call("root", "kv/a", json!({"a": 1})));
        let writes = futures::future::join_all(writes);
        let (_, status) = tokio::join!(writes, bench.delete("sys/mounts/kv"));
        assert_eq!(status, 204);
        let transaction = bench.core.barrier.begin();
        assert_eq!(transaction.scan_keys(&prefix).await.expect("unsealed"), Vec::<String>::new());
    }
}

/// Keys of the storage that begin with `prefix`.
async fn keys(bench: &Bench, prefix: &str) -> Vec<String> {
    bench.core.barrier.scan_keys(prefix, None, usize::MAX).await.expect("unsealed")
}

#[tokio::test]
async fn a_large_tree_ends_at_once_and_is_cleared_away_later() {
    let bench = Bench::new().await;
    bench.call("root", "sys/policies/acl/maker", json!({"policy": MAKER})).await;
    let before = keys(&bench, "sys/").await;
    let parent = bench.create("root", json!({"policies": ["maker"], "ttl": 3600})).await;
    let mut children = Vec::new();
    for _ in 0..AT_ONCE {
        children.push(bench.create(&parent, json!({"policies": ["maker"], "ttl": 3600})).await);
    }
    let grandchildren = [bench.create(&children[0], json!({"ttl": 3600})).await];
    let last = bench.create(&parent, json!({"ttl": 3600})).await;
    let (_, answer) = bench.call("root", "auth/token/lookup", json!({"token": last})).await;
    let accessor = answer["data"]["accessor"].clone();
    assert_eq!(bench.call("root", "auth/token/revoke", json!({"token": parent})).await.0, 204);
    for token in children.iter().chain(&grandchildren).chain([&last]) {
        assert!(!bench.is_usable(token).await);
    }
    let (status, _) = bench.call("root", "auth/token/lookup-accessor", json!({"accessor": accessor})).await;
    assert_eq!(status, 400);
    assert!(keys(&bench, "sys/token/id/").await.len() > AT_ONCE, "all of it in one commit is too much");
    bench.core.clear_leftovers().await.expect("unsealed");
    assert_eq!(keys(&bench, "sys/").await, before);
    assert_eq!(keys(&bench, "core/leftovers/").await, Vec::<String>::new());
}

#[tokio::test]
async fn a_large_engine_is_gone_at_once_and_is_cleared_away_later() {
    let bench = Bench::new().await;
    let mount = json!({"type": "kv"});
    assert_eq!(bench.call("root", "sys/mounts/kv", mount.clone()).await.0, 204);
    for number in 0..=AT_ONCE {
        bench.call("root", &format!("kv/{number}"), json!({"a": 1})).await;
    }
    let stored = keys(&bench, "logical/").await.len();
    assert_eq!(bench.delete("sys/mounts/kv").await, 204);
    assert_eq!(bench.call("root", "sys/mounts/kv", mount).await.0, 204);
    let (status, _) = bench.run(Operation::Read, "", "root", "kv/0", json!({})).await;
    assert_eq!(status, 404, "another engine at the same path has secrets of its own");
    bench.core.clear_leftovers().await.expect("unsealed");
    assert_eq!(keys(&bench, "logical/").await.len(), stored - AT_ONCE - 1);
}

#[tokio::test]
async fn a_large_namespace_is_gone_at_once_and_is_cleared_away_later() {
    let bench = Bench::new().await;
    assert_eq!(bench.call("root", "sys/namespaces/team", json!({})).await.0, 200);
    bench.call_in("team", "root", "sys/mounts/kv", json!({"type": "kv"})).await;
    for number in 0..=AT_ONCE {
        bench.call_in("team", "root", &format!("kv/{number}"), json!({"a": 1})).await;
    }
    let (_, answer) = bench.call_in("team", "root", "auth/token/create", json!({"ttl": 3600})).await;
    let token = answer["auth"]["client_token"].as_str().expect("a token").to_owned();
    assert_eq!(bench.delete("sys/namespaces/team").await, 200);
    assert!(!bench.is_usable(&token).await);
    assert_eq!(bench.call_in("team", "root", "kv/1", json!({"a": 2})).await.0, 404);
    assert!(!keys(&bench, "namespaces/").await.is_empty());
    bench.core.clear_leftovers().await.expect("unsealed");
    assert_eq!(keys(&bench, "namespaces/").await, Vec::<String>::new());
}

#[tokio::test]
async fn a_login_for_one_request_leaves_nothing_but_its_entity() {
    let bench = Bench::new().await;
    for (path, body) in [
        ("sys/auth/userpass", json!({"type": "userpass"})),
        ("auth/userpass/users/ada", json!({"password": "pw"})),
        ("auth/userpass/users/once", json!({"password": "pw", "token_num_uses": 1})),
        ("auth/userpass/users/batch", json!({"password": "pw", "token_type": "batch"})),
    ] {
        assert!(bench.call("root", path, body).await.0 < 300, "{path}");
    }
    for user in ["ada", "once", "batch"] {
        let before = keys(&bench, "").await;
        assert_eq!(bench.read_as(user, "sys/internal/ui/resultant-acl").await, 200, "{user}");
        let after = keys(&bench, "").await;
        let is_of_identity = |key: &&String| key.contains("identity");
        let left: Vec<&String> = after.iter().filter(|key| !before.contains(key)).collect();
        assert!(left.iter().all(is_of_identity), "{user}: {left:?}");
        assert_eq!(bench.read_as(user, "sys/internal/ui/resultant-acl").await, 200, "{user}");
        assert_eq!(keys(&bench, "").await, after, "{user}");
    }
    assert_eq!(bench.read_as("nobody", "sys/internal/ui/resultant-acl").await, 400);
}

#[tokio::test]
async fn a_value_that_no_rule_can_name_is_written_and_passes_no_rule_that_names_values() {
    let bench = Bench::new().await;
    bench.call("root", "sys/mounts/kv", json!({"type": "kv"})).await;
    let policy = r#"path "kv/free" { capabilities = ["create", "update"] }
        path "kv/denied" { capabilities = ["create", "update"] denied_parameters = { "a" = ["x"] } }
        path "kv/allowed" { capabilities = ["create", "update"] allowed_parameters = { "a" = ["x"] } }"#;
    bench.call("root", "sys/policies/acl/writer", json!({"policy": policy})).await;
    let token = bench.create("root", json!({"policies": ["writer"]})).await;
    let deep = format!("{}{}", "[".repeat(500), "]".repeat(500));
    for value in [deep.as_str(), "1e999", r#"{"b":-1e999}"#] {
        for (path, expected) in [("kv/free", 204), ("kv/denied", 204), ("kv/allowed", 403)] {
            let value = serde_json::value::RawValue::from_string(value.to_owned()).expect("JSON");
            let incoming = Incoming {
                client_token: ClientToken::new(&token),
                parameters: [("a".to_owned(), value)].into(),
                ..testing::incoming(Operation::Update, path, json!({}))
            };
            assert_eq!(testing::answer(&bench.core, incoming).await.0, expected, "{path}");
        }
    }
    let metadata = serde_json::value::RawValue::from_string(deep).expect("JSON");
    let incoming = Incoming {
        parameters: [("custom_metadata".to_owned(), metadata)].into(),
        ..testing::incoming(Operation::Update, "sys/namespaces/team", json!({}))
    };
    assert_eq!(testing::answer(&bench.core, incoming).await.0, 400);
}
