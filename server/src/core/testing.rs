//! What tests begin with: a server that nobody reaches, and a mount of one engine over memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::clock::Clock;
use super::context::Context;
use super::engine::{AnyEngine, Engine};
use super::error::Error;
use super::input::{self, Input};
use super::limits::TtlLimits;
use super::mount::{Mount, MountClass, MountConfig, MountEntry};
use super::namespace::Namespace;
use super::path::ApiPath;
use super::pipeline::Incoming;
use super::request::{Authorization, ClientToken, MfaCredentials, Operation, Parameters, Request};
use super::response::Response;
use super::state::{Core, Settings};
use super::token::TokenEntry;
use crate::barrier::{Barrier, RootKey, Transaction};
use crate::storage::{Batch, FaultyStorage, InmemStorage, Storage};

/// Storage in memory that stops where a test wants to look.
pub(crate) type HeldStorage = FaultyStorage<InmemStorage>;

/// A clock that is moved by hand.
#[derive(Clone, Debug)]
pub(crate) struct HandClock(Arc<AtomicI64>);

impl HandClock {
    /// A clock that shows `second`, since 1970.
    pub(crate) fn at(second: i64) -> Self {
        Self(Arc::new(AtomicI64::new(second)))
    }

    /// What the server reads it with.
    pub(crate) fn clock(&self) -> Clock {
        let second = Arc::clone(&self.0);
        Clock::from_fn(move || {
            Timestamp::from_second(second.load(Ordering::Relaxed)).expect("a time of this age")
        })
    }

    /// What it shows.
    pub(crate) fn second(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Lets it show `second`.
    pub(crate) fn set(&self, second: i64) {
        self.0.store(second, Ordering::Relaxed);
    }

    /// Lets time pass.
    pub(crate) fn pass(&self, seconds: i64) {
        self.0.fetch_add(seconds, Ordering::Relaxed);
    }
}

/// An unsealed barrier over memory.
pub(crate) async fn barrier() -> Arc<Barrier> {
    let barrier = Barrier::new(Arc::new(InmemStorage::new()));
    let root = RootKey::generate();
    barrier.initialize(&root, Batch::new()).await.expect("a fresh barrier");
    barrier.unseal(&root).await.expect("the root key that it was made with");
    barrier
}

/// A server over `barrier` that is not open yet.
pub(crate) fn closed_server(barrier: &Arc<Barrier>, clock: Clock) -> Arc<Core> {
    Core::new(Arc::clone(barrier), settings(), clock)
}

/// A development server over `storage`, whose root token is `root`.
pub(crate) async fn server_over(storage: Arc<dyn Storage>, clock: Clock) -> Arc<Core> {
    let core = closed_server(&Barrier::new(storage), clock);
    core.initialize_dev(Some("root")).await.expect("a fresh storage");
    core
}

/// A development server over memory, whose root token is `root`.
pub(crate) async fn server(clock: Clock) -> Arc<Core> {
    server_over(Arc::new(InmemStorage::new()), clock).await
}

/// A request of the root token in the root namespace.
pub(crate) fn incoming(operation: Operation, path: &str, body: Value) -> Incoming {
    Incoming {
        id: uuid::Uuid::new_v4().to_string(),
        namespace: String::new(),
        path: ApiPath::parse(path).expect("a good path"),
        operation,
        parameters: serde_json::from_value(body).expect("an object"),
        wrap_ttl: None,
        wrap_signed: false,
        client: [127, 0, 0, 1].into(),
        headers: http::HeaderMap::new(),
        client_token: ClientToken::new("root"),
        authorization: Authorization::None,
        mfa: MfaCredentials::default(),
        login: None,
    }
}

/// Status and body that `incoming` is answered; null for no body.
pub(crate) async fn answer(core: &Arc<Core>, incoming: Incoming) -> (u16, Value) {
    let reply = core.serve(incoming).await;
    let body = match reply.body.len() {
        0 => Value::Null,
        _ => serde_json::from_slice(&reply.body).expect("JSON"),
    };
    (reply.status.as_u16(), body)
}

/// What a write of the root token is answered.
pub(crate) async fn write(core: &Arc<Core>, path: &str, body: Value) -> u16 {
    ask(core, Operation::Update, path, body).await.0
}

/// What a read of the root token is answered.
pub(crate) async fn read(core: &Arc<Core>, path: &str) -> (u16, Value) {
    ask(core, Operation::Read, path, json!({})).await
}

/// How many secrets were written, one after the other, into the mount `kv` of version 1 while `change` changed it: as
/// many as were acknowledged. The names are `w0` and on.
pub(crate) async fn written_during(core: &Arc<Core>, change: impl Future<Output = ()>) -> usize {
    let writer = Arc::clone(core);
    let writing = tokio::spawn(async move {
        let mut written = 0;
        // What is there no more, or takes other bodies by now, refuses them.
        while write(&writer, &format!("kv/w{written}"), json!({"n": written})).await == 204 {
            written += 1;
        }
        written
    });
    while read(core, "kv/w5").await.0 != 200 {
        tokio::task::yield_now().await;
    }
    change.await;
    let written = writing.await.expect("no panic");
    core.clear_leftovers().await.expect("unsealed");
    written
}

/// A mount of `engine` at `test/`, a root token, and a clock that stands still until it is moved.
pub(crate) struct Harness {
    engine: Arc<dyn AnyEngine>,
    barrier: Arc<Barrier>,
    core: Arc<Core>,
    /// Change it to test options or limits.
    pub(crate) mount: Mount,
    /// Change it to test other tokens.
    pub(crate) token: TokenEntry,
    /// Change it to let time pass.
    pub(crate) now: Timestamp,
}

impl Harness {
    /// An unsealed barrier with `engine` mounted at `test/`.
    pub(crate) async fn new<E: Engine>(engine: E) -> Self {
        let barrier = barrier().await;
        let entry = entry();
        let mount = Mount { entry, namespace: Namespace::root() };
        let now = "2026-01-02T03:04:05Z".parse().expect("a timestamp");
        let core = closed_server(&barrier, Clock::from_fn(move || now));
        Self { engine: Arc::new(engine), barrier, core, mount, token: root_token(now), now }
    }

    /// Runs one request and commits it.
    pub(crate) async fn call(
        &self,
        operation: Operation,
        path: &str,
        parameters: Value,
    ) -> Result<Response, Error> {
        self.commit(&self.request(operation, path, parameters), path).await
    }

    /// As [`call`](Harness::call), with parameters as a client has written them.
    pub(crate) async fn call_text(
        &self,
        operation: Operation,
        path: &str,
        parameters: &str,
    ) -> Result<Response, Error> {
        let mut request = self.request(operation, path, json!({}));
        request.parameters = serde_json::from_str(parameters).expect("parameters are a JSON object");
        self.commit(&request, path).await
    }

    async fn commit(&self, request: &Request, path: &str) -> Result<Response, Error> {
        let transaction = self.barrier.begin();
        let response = self.run(request, path, &transaction).await?;
        transaction.commit().await?;
        response.told()
    }

    /// Keys of the mount's storage that begin with `prefix`.
    pub(crate) async fn stored_keys(&self, prefix: &str) -> Vec<String> {
        let transaction = self.barrier.begin();
        let view = transaction.view(self.mount.storage_prefix());
        view.scan_keys(prefix).await.expect("an unsealed barrier")
    }

    /// GET; answers `data`.
    pub(crate) async fn read(&self, path: &str) -> Result<Value, Error> {
        Ok(data(&self.call(Operation::Read, path, json!({})).await?))
    }

    /// POST; answers `data`, null for none.
    pub(crate) async fn write(&self, path: &str, parameters: Value) -> Result<Value, Error> {
        Ok(data(&self.call(Operation::Update, path, parameters).await?))
    }

    /// LIST; answers the keys.
    pub(crate) async fn list(&self, path: &str) -> Result<Value, Error> {
        Ok(data(&self.call(Operation::List, path, json!({})).await?)["keys"].clone())
    }

    /// DELETE.
    pub(crate) async fn delete(&self, path: &str) -> Result<(), Error> {
        self.call(Operation::Delete, path, json!({})).await.map(|_| ())
    }

    async fn run(&self, request: &Request, path: &str, transaction: &Transaction) -> Result<Response, Error> {
        let prefix = self.mount.storage_prefix();
        let mut request = request.clone();
        let found = self.engine.find(path, request.operation).ok_or_else(Error::unsupported_path)?;
        let mut captures = found.captures;
        let input = match found.info.fields {
            Some(table) => input::decode(table, &request.parameters, &mut captures)?,
            None => Input::default(),
        };
        let warnings = input.warnings();
        if request.operation == Operation::Update && found.info.has_existence_check {
            let mut cx = self.context(&request, path, transaction, &prefix);
            cx.captures = captures.clone();
            if !self.engine.exists(found.index, &cx).await? {
                request.operation = Operation::Create;
            }
        }
        let mut cx = self.context(&request, path, transaction, &prefix);
        cx.captures = captures;
        cx.input = input.record;
        let mut response = self.engine.handle(found.index, request.operation, &cx).await?;
        if !response.is_empty() {
            response.warnings.extend(warnings);
        }
        Ok(response)
    }

    fn request(&self, operation: Operation, path: &str, parameters: Value) -> Request {
        let parameters: Parameters =
            serde_json::from_value(parameters).expect("parameters are a JSON object");
        Request {
            id: "3f2b0f6e-0000-4000-8000-000000000000".to_owned(),
            namespace: Namespace::root(),
            namespace_in_path: false,
            path: ApiPath::parse(&format!("test/{path}")).expect("a good path"),
            operation,
            parameters,
            wrap_ttl: None,
            wrap_signed: false,
            client: [127, 0, 0, 1].into(),
            headers: http::HeaderMap::new(),
            client_token: ClientToken::default(),
            authorization: Authorization::None,
            mfa: MfaCredentials::default(),
            inline: crate::core::request::Inline::No,
            token: Some(Arc::new(self.token.clone())),
            entity: None,
        }
    }

    fn context<'a>(
        &'a self,
        request: &'a Request,
        path: &'a str,
        transaction: &'a Transaction,
        prefix: &'a str,
    ) -> Context<'a> {
        Context {
            core: &self.core,
            request,
            mount: &self.mount,
            path,
            captures: Vec::new(),
            input: schemas::Record::new(),
            transaction,
            next: None,
            is_repeated: false,
            prefix,
            limits: TtlLimits::SYSTEM.of_mount(&self.mount.entry.config),
            now: self.now,
        }
    }
}

/// `data` of `response`; null for none.
pub(crate) fn data(response: &Response) -> Value {
    response.data.as_ref().map_or(Value::Null, |raw| serde_json::from_str(raw.get()).expect("data is JSON"))
}

/// Status and body of what `core` answers to a request with the token `root`.
pub(crate) async fn ask(core: &Arc<Core>, operation: Operation, path: &str, body: Value) -> (u16, Value) {
    ask_with(core, "root", operation, path, body).await
}

/// As [`ask`], with another token; empty for none.
pub(crate) async fn ask_with(
    core: &Arc<Core>,
    token: &str,
    operation: Operation,
    path: &str,
    body: Value,
) -> (u16, Value) {
    let client_token = ClientToken::new(token);
    answer(core, Incoming { client_token, ..incoming(operation, path, body) }).await
}

fn settings() -> Settings {
    Settings {
        api_addr: "http://127.0.0.1:8200".to_owned(),
        cluster_addr: String::new(),
        cluster_name: "test".to_owned(),
        limits: TtlLimits::SYSTEM,
        listeners: Vec::new(),
        is_dev: true,
    }
}

fn entry() -> MountEntry {
    MountEntry {
        class: MountClass::Secret,
        path: "test/".to_owned(),
        kind: "test".to_owned(),
        description: String::new(),
        accessor: "test_00000000".to_owned(),
        uuid: "00000000-0000-4000-8000-000000000000".to_owned(),
        config: MountConfig::default(),
        plugin_version: String::new(),
        options: None,
        local: false,
        seal_wrap: false,
        external_entropy_access: false,
        tainted: false,
        upgrading: false,
    }
}

fn root_token(now: Timestamp) -> TokenEntry {
    TokenEntry {
        id: "id".to_owned(),
        accessor: "accessor".to_owned(),
        namespace: "root".to_owned(),
        policies: vec!["root".to_owned()],
        path: "auth/token/root".to_owned(),
        display_name: "root".to_owned(),
        cubbyhole_id: "cubbyhole".to_owned(),
        created_at: now,
        ..TokenEntry::default()
    }
}

mod tests {
    use super::*;
    use crate::engines::cubbyhole::Cubbyhole;

    #[tokio::test]
    async fn a_secret_is_there_after_it_was_written() {
        let harness = Harness::new(Cubbyhole).await;
        harness.write("a/b", json!({"n": 1})).await.expect("written");
        assert_eq!(harness.read("a/b").await.expect("there"), json!({"n": 1}));
        assert_eq!(harness.list("a/").await.expect("listed"), json!(["b"]));
        harness.delete("a/b").await.expect("deleted");
        assert_eq!(harness.read("a/b").await.expect_err("gone").status(), 404);
    }
}
