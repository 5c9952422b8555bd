//! A mount of one engine over memory, for the tests of engines; and whole servers.

use std::sync::Arc;

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
use crate::storage::{Batch, InmemStorage};

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
        let barrier = Barrier::new(Arc::new(InmemStorage::new()));
        let root = RootKey::generate();
        barrier.initialize(&root, Batch::new()).await.expect("a fresh barrier");
        barrier.unseal(&root).await.expect("the root key that it was made with");
        let entry = entry();
        let mount = Mount { entry, namespace: Namespace::root() };
        let now = "2026-01-02T03:04:05Z".parse().expect("a timestamp");
        let core = Core::new(Arc::clone(&barrier), settings(), Clock::from_fn(move || now));
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
        Ok(response)
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
            path: ApiPath::parse(&format!("test/{path}")).expect("a good path"),
            operation,
            parameters,
            wrap_ttl: None,
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

/// A server over `barrier`, as after a start.
pub(crate) fn core_over(barrier: &Arc<Barrier>) -> Arc<Core> {
    Core::new(Arc::clone(barrier), settings(), Clock::system())
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
    let incoming = Incoming {
        id: uuid::Uuid::new_v4().to_string(),
        namespace: String::new(),
        path: ApiPath::parse(path).expect("a good path"),
        operation,
        parameters: serde_json::from_value(body).expect("an object"),
        wrap_ttl: None,
        client: [127, 0, 0, 1].into(),
        headers: http::HeaderMap::new(),
        client_token: ClientToken::new(token),
        authorization: Authorization::None,
        mfa: MfaCredentials::default(),
        login: None,
    };
    let reply = core.serve(incoming).await;
    (reply.status.as_u16(), serde_json::from_slice(&reply.body).unwrap_or_default())
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
