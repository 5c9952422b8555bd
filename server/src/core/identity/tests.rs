//! What must hold of identities, whatever is done with them.

use std::sync::Arc;

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::core::pipeline::Incoming;
use crate::core::request::{Authorization, ClientToken, MfaCredentials, Operation};
use crate::core::state::Core;
use crate::core::testing::{self, HandClock};
use crate::engines::totp::{Algorithm, StoredKey};

/// A development server in memory, whose clock is moved by hand.
pub(super) struct Bench {
    pub(super) core: Arc<Core>,
    clock: HandClock,
}

/// A request, by default of the root token to the root namespace.
pub(super) struct Ask<'a> {
    pub(super) operation: Operation,
    pub(super) namespace: &'a str,
    pub(super) token: &'a str,
    pub(super) mfa: &'a str,
    /// The token is in `Authorization`.
    pub(super) is_bearer: bool,
}

pub(super) const ROOT: Ask<'static> =
    Ask { operation: Operation::Update, namespace: "", token: "root", mfa: "", is_bearer: false };

impl Bench {
    async fn new() -> Self {
        let clock = HandClock::at(1_800_000_000);
        Self { core: testing::server(clock.clock()).await, clock }
    }

    pub(super) async fn ask(&self, ask: Ask<'_>, path: &str, body: Value) -> (u16, Value) {
        let mut mfa = MfaCredentials::default();
        mfa.add(ask.mfa).expect("a good header");
        let incoming = Incoming {
            namespace: ask.namespace.to_owned(),
            client_token: ClientToken::new(ask.token),
            authorization: if ask.is_bearer { Authorization::Bearer } else { Authorization::None },
            mfa,
            ..testing::incoming(ask.operation, path, body)
        };
        testing::answer(&self.core, incoming).await
    }

    /// POST by the root token.
    pub(super) async fn write(&self, path: &str, body: Value) -> Value {
        let (status, answer) = self.ask(ROOT, path, body).await;
        assert!(status < 300, "{path}: {status} {answer}");
        answer
    }

    pub(super) async fn read(&self, path: &str) -> (u16, Value) {
        self.ask(Ask { operation: Operation::Read, ..ROOT }, path, json!({})).await
    }

    /// A user `name` of userpass who has logged in: token and entity.
    pub(super) async fn user(&self, name: &str) -> (String, String) {
        self.write(&format!("auth/userpass/users/{name}"), json!({"password": "pw"})).await;
        let (_, answer) = self.log_in(name, "").await;
        (text(&answer, "/auth/client_token"), text(&answer, "/auth/entity_id"))
    }

    async fn log_in(&self, name: &str, mfa: &str) -> (u16, Value) {
        let path = format!("auth/userpass/login/{name}");
        self.ask(Ask { token: "", mfa, ..ROOT }, &path, json!({"password": "pw"})).await
    }

    async fn policies_of(&self, token: &str) -> Vec<String> {
        let ask = Ask { operation: Operation::Read, token, ..ROOT };
        let (_, answer) = self.ask(ask, "auth/token/lookup-self", json!({})).await;
        let policies = answer["data"]["identity_policies"].as_array().cloned().unwrap_or_default();
        policies.iter().filter_map(|name| name.as_str().map(str::to_owned)).collect()
    }

    pub(super) fn pass(&self, seconds: i64) {
        self.clock.pass(seconds);
    }

    fn step(&self) -> u64 {
        self.clock.second().unsigned_abs() / 30
    }
}

pub(super) fn text(value: &Value, pointer: &str) -> String {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// Logins of userpass that need a passcode: the method's id and the key of user `name`.
async fn with_mfa(bench: &Bench, name: &str) -> (String, StoredKey) {
    let (_, entity) = bench.user(name).await;
    let method =
        bench.write("identity/mfa/method/totp", json!({"issuer": "Lock", "method_name": "phone"})).await;
    let method = text(&method, "/data/method_id");
    let key = new_secret(bench, &method, &entity).await;
    let body = json!({"mfa_method_ids": [method], "auth_method_types": ["userpass"]});
    bench.write("identity/mfa/login-enforcement/all", body).await;
    (method, key)
}

/// The secret that `admin-generate` makes for `entity`, which has none.
async fn new_secret(bench: &Bench, method: &str, entity: &str) -> StoredKey {
    let body = json!({"method_id": method, "entity_id": entity});
    let made = bench.write("identity/mfa/method/totp/admin-generate", body).await;
    let url = text(&made, "/data/url");
    StoredKey {
        key: url.rsplit_once("secret=").expect("a secret").1.to_owned(),
        issuer: String::new(),
        account_name: String::new(),
        period: 30,
        algorithm: Algorithm::Sha1,
        digits: 6,
        skew: 1,
    }
}

pub(super) async fn bench() -> Bench {
    let bench = Bench::new().await;
    bench.write("sys/auth/userpass", json!({"type": "userpass"})).await;
    bench
}

async fn validate(bench: &Bench, login: &str, method: &str, passcode: &str) -> (u16, Value) {
    let body = json!({"mfa_request_id": login, "mfa_payload": {method: [passcode]}});
    bench.ask(Ask { token: "", ..ROOT }, "sys/mfa/validate", body).await
}

#[tokio::test]
async fn a_login_is_proved_by_a_passcode_once() {
    let bench = bench().await;
    let (method, key) = with_mfa(&bench, "ada").await;
    let (_, answer) = bench.log_in("ada", "").await;
    assert_eq!(answer["auth"]["client_token"], "");
    let login = text(&answer, "/auth/mfa_requirement/mfa_request_id");
    let code = key.code(bench.step());
    let (status, answer) = validate(&bench, &login, &method, &code).await;
    assert_eq!(status, 200, "{answer}");
    assert!(!text(&answer, "/auth/client_token").is_empty());
    assert_eq!(validate(&bench, &login, &method, &code).await.0, 400, "the login waits no more");
    let (_, answer) = bench.log_in("ada", "").await;
    let login = text(&answer, "/auth/mfa_requirement/mfa_request_id");
    assert_eq!(validate(&bench, &login, &method, &code).await.0, 403, "the passcode is used up");
    bench.pass(300);
    assert_eq!(validate(&bench, &login, &method, &key.code(bench.step())).await.0, 400, "too late");
}

#[tokio::test]
async fn a_login_is_proved_to_no_other_mount_at_its_path() {
    let bench = bench().await;
    let (method, key) = with_mfa(&bench, "ada").await;
    let (_, answer) = bench.log_in("ada", "").await;
    let login = text(&answer, "/auth/mfa_requirement/mfa_request_id");
    let delete = Ask { operation: Operation::Delete, ..ROOT };
    assert_eq!(bench.ask(delete, "sys/auth/userpass", json!({})).await.0, 204);
    bench.write("sys/auth/userpass", json!({"type": "userpass"})).await;
    let (status, answer) = validate(&bench, &login, &method, &key.code(bench.step())).await;
    assert_eq!(status, 500, "{answer}");
}

#[tokio::test]
async fn a_header_proves_a_login_at_once() {
    let bench = bench().await;
    let (method, key) = with_mfa(&bench, "ada").await;
    let header = |code: String| format!("{method}:{code}");
    assert_eq!(bench.log_in("ada", &header("000000".to_owned())).await.0, 403);
    let code = key.code(bench.step());
    let (status, answer) = bench.log_in("ada", &header(code.clone())).await;
    assert_eq!(status, 200);
    assert!(!text(&answer, "/auth/client_token").is_empty());
    assert_eq!(bench.log_in("ada", &header(code)).await.0, 403, "the passcode is used up");
    let by_name = format!("phone:passcode={}", key.code(bench.step() + 1));
    assert_eq!(bench.log_in("ada", &by_name).await.0, 200);
}

#[tokio::test]
async fn wrong_passcodes_are_counted() {
    let bench = bench().await;
    let (method, key) = with_mfa(&bench, "ada").await;
    for _ in 0..5 {
        assert_eq!(bench.log_in("ada", &format!("{method}:abcdef")).await.0, 403);
    }
    let right = |bench: &Bench| format!("{method}:{}", key.code(bench.step()));
    assert_eq!(bench.log_in("ada", &right(&bench)).await.0, 403, "even the right one waits now");
    bench.pass(30);
    assert_eq!(bench.log_in("ada", &right(&bench)).await.0, 200);
}

#[tokio::test]
async fn a_passcode_that_is_repeated_is_no_attempt() {
    let bench = bench().await;
    let (method, key) = with_mfa(&bench, "ada").await;
    let header = |code: String| format!("{method}:{code}");
    let code = key.code(bench.step());
    assert_eq!(bench.log_in("ada", &header(code.clone())).await.0, 200);
    for _ in 0..9 {
        assert_eq!(bench.log_in("ada", &header(code.clone())).await.0, 403);
    }
    assert_eq!(bench.log_in("ada", &header(key.code(bench.step() + 1))).await.0, 200);
}

#[tokio::test]
async fn a_new_secret_proves_a_login_at_once() {
    let bench = bench().await;
    let (method, old) = with_mfa(&bench, "ada").await;
    let header = |code: String| format!("{method}:{code}");
    let code = old.code(bench.step());
    let (_, answer) = bench.log_in("ada", &header(code.clone())).await;
    let entity = text(&answer, "/auth/entity_id");
    let body = json!({"method_id": method, "entity_id": entity});
    bench.write("identity/mfa/method/totp/admin-destroy", body).await;
    let new = new_secret(&bench, &method, &entity).await;
    assert_eq!(bench.log_in("ada", &header(code)).await.0, 403, "the passcode is of the secret before");
    let code = new.code(bench.step());
    assert_eq!(bench.log_in("ada", &header(code.clone())).await.0, 200);
    assert_eq!(bench.log_in("ada", &header(code)).await.0, 403, "the passcode is used up");
}

#[tokio::test]
async fn a_secret_that_is_merged_takes_with_it_what_it_has_used() {
    let bench = bench().await;
    let (method, key) = with_mfa(&bench, "ada").await;
    let header = format!("{method}:{}", key.code(bench.step()));
    let (_, answer) = bench.log_in("ada", &header).await;
    let source = text(&answer, "/auth/entity_id");
    let made = bench.write("identity/entity", json!({"name": "grace"})).await;
    let target = text(&made, "/data/id");
    bench.write("identity/entity/merge", json!({"from_entity_ids": [source], "to_entity_id": target})).await;
    assert_eq!(bench.log_in("ada", &header).await.0, 403, "the passcode is used up");
    let next = format!("{method}:{}", key.code(bench.step() + 1));
    let (status, answer) = bench.log_in("ada", &next).await;
    assert_eq!((status, text(&answer, "/auth/entity_id")), (200, target));
}

#[tokio::test]
async fn two_requests_with_one_passcode_make_one_token() {
    let bench = bench().await;
    let (method, key) = with_mfa(&bench, "ada").await;
    let header = format!("{method}:{}", key.code(bench.step()));
    let both = futures::future::join(bench.log_in("ada", &header), bench.log_in("ada", &header)).await;
    let mut statuses = [both.0.0, both.1.0];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 403]);
}

#[tokio::test]
async fn many_logins_at_once_make_one_entity() {
    let bench = bench().await;
    bench.write("auth/userpass/users/ada", json!({"password": "pw"})).await;
    let logins = futures::future::join_all((0..8).map(|_| bench.log_in("ada", ""))).await;
    let mut entities: Vec<String> =
        logins.iter().map(|(_, answer)| text(answer, "/auth/entity_id")).collect();
    entities.dedup();
    assert_eq!(entities.len(), 1, "{entities:?}");
}

#[tokio::test]
async fn a_change_counts_at_the_next_request() {
    let bench = bench().await;
    let (token, entity) = bench.user("ada").await;
    let group = bench.write("identity/group", json!({"name": "crew", "member_entity_ids": [entity]})).await;
    let group = text(&group, "/data/id");
    for round in 0..20 {
        let wanted = format!("p{round}");
        let path = match round % 2 {
            0 => format!("identity/group/id/{group}"),
            _ => format!("identity/entity/id/{entity}"),
        };
        bench.write(&path, json!({"policies": [wanted]})).await;
        assert!(bench.policies_of(&token).await.contains(&wanted), "round {round}");
    }
}

/// What may be done with an id, and the status that says: nothing there.
fn acts(entity: &str, alias: &str, group: &str, method: &str) -> Vec<(Operation, String, Value)> {
    let update = |path: String, body: Value| (Operation::Update, path, body);
    vec![
        (Operation::Read, format!("identity/entity/id/{entity}"), json!({})),
        update(format!("identity/entity/id/{entity}"), json!({"policies": ["stolen"]})),
        update("identity/entity".to_owned(), json!({"id": entity, "policies": ["stolen"]})),
        (Operation::Delete, format!("identity/entity/id/{entity}"), json!({})),
        update("identity/entity/batch-delete".to_owned(), json!({"entity_ids": [entity]})),
        update("identity/entity/merge".to_owned(), json!({"to_entity_id": entity, "from_entity_ids": ["x"]})),
        update("identity/group".to_owned(), json!({"member_entity_ids": [entity], "policies": ["stolen"]})),
        update("identity/group".to_owned(), json!({"member_group_ids": [group], "policies": ["stolen"]})),
        (Operation::Read, format!("identity/entity-alias/id/{alias}"), json!({})),
        update(format!("identity/entity-alias/id/{alias}"), json!({"name": "stolen"})),
        (Operation::Delete, format!("identity/entity-alias/id/{alias}"), json!({})),
        (Operation::Read, format!("identity/group/id/{group}"), json!({})),
        update(format!("identity/group/id/{group}"), json!({"policies": ["stolen"]})),
        (Operation::Delete, format!("identity/group/id/{group}"), json!({})),
        update("identity/lookup/entity".to_owned(), json!({"id": entity})),
        update("identity/lookup/entity".to_owned(), json!({"alias_id": alias})),
        update("identity/lookup/group".to_owned(), json!({"id": group})),
        update(
            "identity/mfa/method/totp/admin-generate".to_owned(),
            json!({"method_id": method, "entity_id": entity}),
        ),
        (Operation::Delete, format!("identity/mfa/method/totp/{method}"), json!({})),
        update(
            "identity/mfa/login-enforcement/theirs".to_owned(),
            json!({"mfa_method_ids": [method], "identity_entity_ids": [entity]}),
        ),
    ]
}

/// Everything of a namespace's identities that the API shows.
async fn shown(bench: &Bench, namespace: &str, paths: &[String]) -> Vec<(u16, Value)> {
    let mut all = Vec::new();
    for path in paths {
        let ask = Ask { operation: Operation::Read, namespace, ..ROOT };
        let (status, answer) = bench.ask(ask, path, json!({})).await;
        all.push((status, answer["data"].clone()));
    }
    all
}

#[tokio::test]
async fn no_id_of_one_namespace_acts_in_another() {
    let bench = bench().await;
    for name in ["one", "two"] {
        bench.write(&format!("sys/namespaces/{name}"), json!({})).await;
    }
    let one = |path: &'static str, body: Value| {
        let bench = &bench;
        async move {
            let (status, answer) = bench.ask(Ask { namespace: "one", ..ROOT }, path, body).await;
            assert!(status < 300, "{path}: {status} {answer}");
            answer
        }
    };
    one("sys/auth/userpass", json!({"type": "userpass"})).await;
    let ask = Ask { operation: Operation::Read, namespace: "one", ..ROOT };
    let accessor = text(&bench.ask(ask, "sys/auth/userpass", json!({})).await.1, "/data/accessor");
    let body = json!({"name": "ada", "mount_accessor": accessor});
    let alias = one("identity/entity-alias", body).await;
    let (alias, entity) = (text(&alias, "/data/id"), text(&alias, "/data/canonical_id"));
    let group = one("identity/group", json!({"name": "crew", "member_entity_ids": [entity]})).await;
    let group = text(&group, "/data/id");
    let method = text(&one("identity/mfa/method/totp", json!({"issuer": "I"})).await, "/data/method_id");
    let paths = [
        format!("identity/entity/id/{entity}"),
        format!("identity/entity-alias/id/{alias}"),
        format!("identity/group/id/{group}"),
        format!("identity/mfa/method/totp/{method}"),
    ];
    let before = shown(&bench, "one", &paths).await;
    assert!(before.iter().all(|(status, _)| *status == 200), "{before:?}");
    for namespace in ["", "two"] {
        for (operation, path, body) in acts(&entity, &alias, &group, &method) {
            let ask = Ask { operation, namespace, ..ROOT };
            let (status, answer) = bench.ask(ask, &path, body).await;
            let shows = answer["data"].is_object();
            assert!(!shows, "{namespace} {operation:?} {path}: {status} {answer}");
        }
    }
    assert_eq!(shown(&bench, "one", &paths).await, before);
}

/// A group of the property: its policies, and which entities are in it.
#[derive(Clone, Debug)]
struct Crew {
    policy: usize,
    members: Vec<usize>,
}

fn crews() -> impl Strategy<Value = Vec<Crew>> {
    let crew = (0..6usize, prop::collection::vec(0..3usize, 0..3));
    prop::collection::vec(crew.prop_map(|(policy, members)| Crew { policy, members }), 0..4)
}

/// Policies of the tokens of three users before and after the second is merged into the first.
async fn merge(own: &[Vec<usize>], crews: &[Crew]) -> (Vec<Vec<String>>, Vec<Vec<String>>) {
    let bench = bench().await;
    let mut users = Vec::new();
    for (index, policies) in own.iter().enumerate() {
        let user = bench.user(&format!("user{index}")).await;
        let policies: Vec<String> = policies.iter().map(|policy| format!("own{policy}")).collect();
        bench.write(&format!("identity/entity/id/{}", user.1), json!({"policies": policies})).await;
        users.push(user);
    }
    for crew in crews {
        let members: Vec<&String> = crew.members.iter().map(|index| &users[*index].1).collect();
        let body = json!({"member_entity_ids": members, "policies": [format!("crew{}", crew.policy)]});
        bench.write("identity/group", body).await;
    }
    let policies = async || {
        let mut all = Vec::new();
        for (token, _) in &users {
            all.push(bench.policies_of(token).await);
        }
        all
    };
    let before = policies().await;
    let aliases = bench.read(&format!("identity/entity/id/{}", users[0].1)).await.1;
    let keep = text(&aliases, "/data/aliases/0/id");
    let body = json!({
        "to_entity_id": users[0].1, "from_entity_ids": [users[1].1], "conflicting_alias_ids_to_keep": [keep],
    });
    bench.write("identity/entity/merge", body).await;
    (before, policies().await)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn a_merge_never_widens_rights_beyond_the_union(
        own in prop::collection::vec(prop::collection::vec(0..4usize, 0..3), 3),
        crews in crews(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let (before, after) = runtime.block_on(merge(&own, &crews));
        for policy in after[..2].iter().flatten() {
            prop_assert!(before[..2].concat().contains(policy), "{policy}: {before:?}");
        }
        prop_assert_eq!(&after[0], &after[1], "both tokens are of one entity");
        prop_assert_eq!(&after[2], &before[2]);
    }
}
