//! Texts that claim to be tokens, accessors or leases.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::LazyLock;

use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};

use crate::barrier::Barrier;
use crate::core::clock::Clock;
use crate::core::limits::TtlLimits;
use crate::core::path::ApiPath;
use crate::core::pipeline::Incoming;
use crate::core::request::{ClientToken, Operation};
use crate::core::state::{Core, Settings};
use crate::storage::InmemStorage;

/// A whole server in memory, with two namespaces that must not know of each other.
struct World {
    runtime: Runtime,
    core: Arc<Core>,
    mine: Side,
    theirs: Side,
}

/// What there is in one namespace.
struct Side {
    namespace: &'static str,
    /// May do everything in its namespace.
    token: String,
    accessor: String,
    /// A batch token.
    batch: String,
    /// A wrapping token.
    wrapping: String,
    /// The lease of a login.
    lease: String,
}

static WORLD: LazyLock<World> = LazyLock::new(World::new);

/// Bytes below 40 stand for pieces of real ids, the others for themselves. The text that they make is used as a token,
/// an accessor and a lease id, in three namespaces, by a token that may do everything in one of them. No text but
/// a real token lets anybody in, and nothing of the other namespace is seen or ends.
pub fn ids(bytes: &[u8]) {
    let text = WORLD.text(bytes);
    // Without a token to look up, one's own is meant.
    if text.is_empty() || text.len() > 4096 {
        return;
    }
    WORLD.check_as_token(&text);
    WORLD.check_as_id(&text);
    WORLD.check_alive(&WORLD.mine);
    WORLD.check_alive(&WORLD.theirs);
}

impl World {
    fn new() -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        let (core, mine, theirs) = runtime.block_on(async {
            let core = Core::new(Barrier::new(Arc::new(InmemStorage::new())), settings(), Clock::system());
            let root = core.initialize_dev(None).await.expect("a fresh server").root_token;
            let mine = Side::new(&core, root.expose(), "mine").await;
            let theirs = Side::new(&core, root.expose(), "theirs").await;
            (core, mine, theirs)
        });
        Self { runtime, core, mine, theirs }
    }

    /// The text that `bytes` make.
    fn text(&self, bytes: &[u8]) -> String {
        let (mine, theirs) = (self.mine.ids(), self.theirs.ids());
        let suffix = |id: &str| id.rsplit_once('.').map_or(String::new(), |(_, suffix)| format!(".{suffix}"));
        let bare = |id: &str| id.rsplit_once('.').map_or(id.to_owned(), |(bare, _)| bare.to_owned());
        let mut pieces: Vec<String> = Vec::new();
        for id in mine.iter().chain(&theirs) {
            pieces.extend([(*id).to_owned(), bare(id), suffix(id)]);
        }
        pieces.extend(["s.", "b.", ".root", ".", "/", "root"].map(str::to_owned));
        let mut text = Vec::new();
        for byte in bytes {
            match pieces.get(usize::from(*byte)) {
                Some(piece) => text.extend_from_slice(piece.as_bytes()),
                None => text.push(*byte),
            }
        }
        String::from_utf8_lossy(&text).into_owned()
    }

    fn check_as_token(&self, text: &str) {
        // Whoever holds a wrapping token may use it up.
        if [&self.mine.wrapping, &self.theirs.wrapping].contains(&&text.to_owned()) {
            return;
        }
        for namespace in ["", self.mine.namespace, self.theirs.namespace] {
            let (status, body) =
                self.ask(text, namespace, Operation::Read, "auth/token/lookup-self", json!({}));
            let side = [&self.mine, &self.theirs].into_iter().find(|side| side.tokens().contains(&text));
            let Some(side) = side else {
                assert!(status >= 400, "`{text}`, which is no token, was let in");
                continue;
            };
            let space = body["data"]["namespace_path"].as_str().unwrap_or_default();
            assert!(status >= 400 || space == format!("{}/", side.namespace), "a token of another namespace");
        }
    }

    /// What is mine may be seen. Nothing else.
    fn check_as_id(&self, text: &str) {
        let is_mine = self.mine.ids().iter().any(|id| text.trim_end_matches('/').ends_with(id));
        let asked = [
            ("auth/token/lookup", json!({"token": text})),
            ("auth/token/lookup-accessor", json!({"accessor": text})),
            ("sys/leases/lookup", json!({"lease_id": text})),
            ("sys/wrapping/lookup", json!({"token": text})),
            ("auth/token/renew-accessor", json!({"accessor": text})),
            ("sys/leases/renew", json!({"lease_id": text})),
        ];
        for namespace in ["", self.mine.namespace, self.theirs.namespace] {
            for (path, body) in &asked {
                let (status, _) =
                    self.ask(&self.mine.token, namespace, Operation::Update, path, body.clone());
                let is_open = *path == "sys/wrapping/lookup" && self.theirs.wrapping == text;
                assert!(
                    status >= 400 || is_mine || is_open,
                    "`{path}` in `{namespace}` answered {status} for `{text}`"
                );
            }
            if !is_mine {
                self.revoke(text, namespace);
            }
        }
    }

    /// Asks for the end of what `text` names: it may be answered, but nothing of theirs ends.
    fn revoke(&self, text: &str, namespace: &str) {
        let asked = [
            ("auth/token/revoke", json!({"token": text})),
            ("auth/token/revoke-orphan", json!({"token": text})),
            ("auth/token/revoke-accessor", json!({"accessor": text})),
            ("sys/leases/revoke", json!({"lease_id": text})),
        ];
        for (path, body) in asked {
            self.ask(&self.mine.token, namespace, Operation::Update, path, body);
        }
    }

    fn check_alive(&self, side: &Side) {
        let look = |token: &str| {
            self.ask(token, side.namespace, Operation::Read, "auth/token/lookup-self", json!({})).0
        };
        assert_eq!(look(&side.token), 200, "a token has ended");
        assert_eq!(look(&side.batch), 200, "a batch token has ended");
        let asked = json!({"token": side.wrapping});
        let (status, _) = self.ask("", side.namespace, Operation::Update, "sys/wrapping/lookup", asked);
        assert_eq!(status, 200, "a wrapping token has ended");
        let asked = json!({"lease_id": side.lease});
        let (status, _) =
            self.ask(&side.token, side.namespace, Operation::Update, "sys/leases/lookup", asked);
        assert_eq!(status, 200, "a lease has ended");
    }

    fn ask(
        &self,
        token: &str,
        namespace: &str,
        operation: Operation,
        path: &str,
        body: Value,
    ) -> (u16, Value) {
        self.runtime.block_on(ask(&self.core, token, namespace, operation, path, body))
    }
}

impl Side {
    async fn new(core: &Arc<Core>, root: &str, namespace: &'static str) -> Self {
        let post = async |token: &str, space: &str, path: &str, body: Value| {
            let (status, answer) = ask(core, token, space, Operation::Update, path, body).await;
            assert!(status < 300, "{path}: {status} {answer}");
            answer
        };
        post(root, "", &format!("sys/namespaces/{namespace}"), json!({})).await;
        let everything =
            r#"path "*" { capabilities = ["create", "read", "update", "delete", "list", "sudo"] }"#;
        post(root, namespace, "sys/policies/acl/everything", json!({"policy": everything})).await;
        let created =
            post(root, namespace, "auth/token/create", json!({"policies": ["everything"], "ttl": "700h"}))
                .await;
        let token = text(&created, "/auth/client_token");
        let batch = json!({"type": "batch", "policies": ["everything"], "ttl": "700h"});
        let batch = post(root, namespace, "auth/token/create", batch).await;
        let path = format!("{namespace}/sys/wrapping/wrap");
        let wrapping = wrap(core, &token, &path).await;
        post(&token, namespace, "sys/auth/userpass", json!({"type": "userpass"})).await;
        post(&token, namespace, "auth/userpass/users/u", json!({"password": "p"})).await;
        let login = post("", namespace, "auth/userpass/login/u", json!({"password": "p"})).await;
        assert!(!text(&login, "/auth/client_token").is_empty());
        let (_, leases) = ask(
            core,
            &token,
            namespace,
            Operation::List,
            "sys/leases/lookup/auth/userpass/login/u/",
            json!({}),
        )
        .await;
        let lease = text(&leases, "/data/keys/0");
        Self {
            namespace,
            accessor: text(&created, "/auth/accessor"),
            token,
            batch: text(&batch, "/auth/client_token"),
            wrapping,
            lease: format!("auth/userpass/login/u/{lease}"),
        }
    }

    fn ids(&self) -> [&str; 5] {
        [&self.token, &self.accessor, &self.batch, &self.wrapping, &self.lease]
    }

    fn tokens(&self) -> [&str; 2] {
        [&self.token, &self.batch]
    }
}

fn text(answer: &Value, pointer: &str) -> String {
    let text = answer.pointer(pointer).and_then(Value::as_str);
    text.unwrap_or_else(|| panic!("no text at {pointer}")).to_owned()
}

fn incoming(token: &str, namespace: &str, operation: Operation, path: &str, body: &Value) -> Incoming {
    Incoming {
        id: String::new(),
        namespace: namespace.to_owned(),
        path: ApiPath::parse(path).expect("a good path"),
        operation,
        parameters: serde_json::from_value(body.clone()).expect("a JSON object"),
        wrap_ttl: None,
        wrap_signed: false,
        client: Ipv4Addr::LOCALHOST.into(),
        headers: http::HeaderMap::new(),
        client_token: ClientToken::new(token),
        authorization: crate::core::request::Authorization::None,
        mfa: crate::core::request::MfaCredentials::default(),
        login: None,
    }
}

async fn ask(
    core: &Arc<Core>,
    token: &str,
    namespace: &str,
    operation: Operation,
    path: &str,
    body: Value,
) -> (u16, Value) {
    let reply = core.serve(incoming(token, namespace, operation, path, &body)).await;
    (reply.status.as_u16(), serde_json::from_slice(&reply.body).unwrap_or_default())
}

async fn wrap(core: &Arc<Core>, token: &str, path: &str) -> String {
    let mut asked = incoming(token, "", Operation::Update, path, &json!({"a": "b"}));
    asked.wrap_ttl = Some(std::time::Duration::from_secs(700 * 3600));
    let reply = core.serve(asked).await;
    text(&serde_json::from_slice(&reply.body).expect("JSON"), "/wrap_info/token")
}

fn settings() -> Settings {
    Settings {
        api_addr: "http://127.0.0.1:8200".to_owned(),
        cluster_addr: String::new(),
        cluster_name: "fuzz".to_owned(),
        limits: TtlLimits::SYSTEM,
        listeners: Vec::new(),
        is_dev: true,
    }
}
