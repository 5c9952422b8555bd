//! What is asked of a server: looking, and writing. Whoever holds a [`Look`] alone cannot write.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use client::{Client, Error, Failure, Origins, Outcome, ReadClient, Refusal, Transport, converse};
use schemas::kinds::KINDS;
use schemas::{Answer, Diagnostic, Kind, Operation, Record, Request, Value};
use tokio::sync::OnceCell;

/// Somebody who can look at a server.
pub trait Look: Sync {
    /// Sends a request that changes nothing.
    fn look(&self, namespace: &str, request: &Request) -> impl Future<Output = Result<Answer, Error>> + Send;

    /// The absolute path of the namespace that all others are relative to; empty for the root.
    fn own_namespace(&self) -> String;

    /// The absolute namespace that the token lives in, as far as it is known; empty for the root.
    fn token_namespace(&self) -> Option<String> {
        None
    }

    /// Where address, token and namespace come from, for hints about them.
    fn origins(&self) -> Origins;
}

/// Somebody who can write to a server.
pub trait Write: Look {
    /// Sends any request.
    fn write(&self, namespace: &str, request: &Request)
    -> impl Future<Output = Result<Answer, Error>> + Send;
}

impl Look for ReadClient<'_> {
    async fn look(&self, namespace: &str, request: &Request) -> Result<Answer, Error> {
        self.send(namespace, request).await
    }

    fn origins(&self) -> Origins {
        ReadClient::origins(self).clone()
    }

    fn own_namespace(&self) -> String {
        self.namespace()
    }

    fn token_namespace(&self) -> Option<String> {
        self.token_namespace()
    }
}

impl Look for Client {
    async fn look(&self, namespace: &str, request: &Request) -> Result<Answer, Error> {
        self.reader().send(namespace, request).await
    }

    fn origins(&self) -> Origins {
        Client::origins(self).clone()
    }

    fn own_namespace(&self) -> String {
        self.namespace()
    }

    fn token_namespace(&self) -> Option<String> {
        self.token_namespace()
    }
}

impl Write for Client {
    async fn write(&self, namespace: &str, request: &Request) -> Result<Answer, Error> {
        self.send(namespace, request).await
    }
}

/// Which server it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// Its address.
    pub address: String,
    /// The namespace that all others are relative to, as an absolute path; empty for the root.
    pub namespace: String,
    /// The identifier of its cluster; empty if it does not say.
    pub cluster: String,
    /// Its version as it says it; empty if it does not.
    pub version: String,
}

impl Identity {
    /// Asks the server at `address`.
    ///
    /// # Errors
    /// When nobody answers, or somebody who is no such server.
    pub async fn ask(server: &impl Look, address: &str) -> Result<Self, Error> {
        let request = Request::get("sys/seal-status");
        let no_server = |error: Error| no_such_server(&error, &server.origins());
        let answer = match server.look("", &request).await {
            Err(error @ Error::Answer { .. }) => return Err(no_server(error)),
            answer => answer?,
        };
        let namespace = server.own_namespace();
        if !answer.is_success() {
            return Err(no_server(Error::Refused(Box::new(Refusal::new(&request, &namespace, &answer)))));
        }
        if answer.body.at("sealed").as_bool().is_none() {
            let cause = "it does not say whether the server is sealed, so this is no such server".to_owned();
            return Err(no_server(Error::Answer { request: "GET sys/seal-status".to_owned(), cause }));
        }
        if answer.body.at("sealed").as_bool() == Some(true) {
            return Err(sealed(address, answer.body.at("initialized").as_bool() != Some(false)));
        }
        let text = |name: &str| answer.body.at(name).as_str().unwrap_or_default().to_owned();
        let (cluster, version) = (text("cluster_id"), text("version"));
        Ok(Self { address: address.to_owned(), namespace, cluster, version })
    }
}

/// What a server answers to everybody was answered otherwise: `error`.
fn no_such_server(error: &Error, origins: &Origins) -> Error {
    let hint =
        format!("check the address ({}): every server says whether it is sealed", origins.address.names());
    Error::Said(Box::new(error.to_diagnostic().hint(hint)))
}

fn sealed(address: &str, is_initialized: bool) -> Error {
    let found = match is_initialized {
        true => Diagnostic::error(format!("the server at `{address}` is sealed"))
            .hint("unseal it, such as with `bao operator unseal`"),
        false => Diagnostic::error(format!("the server at `{address}` is not initialized"))
            .hint("initialize and unseal it, such as with `bao operator init` and `bao operator unseal`"),
    };
    Error::Said(Box::new(found))
}

/// Somebody who looks, as one who can hold a conversation.
struct Looking<'a, S>(&'a S);

impl<S: Look> Transport for Looking<'_, S> {
    async fn carry(&self, namespace: &str, request: &Request) -> Result<Answer, Error> {
        self.0.look(namespace, request).await
    }

    fn own_namespace(&self) -> String {
        self.0.own_namespace()
    }

    fn token_namespace(&self) -> Option<String> {
        self.0.token_namespace()
    }
}

/// Somebody who writes, as one who can hold a conversation.
struct Writing<'a, S>(&'a S);

impl<S: Write> Transport for Writing<'_, S> {
    async fn carry(&self, namespace: &str, request: &Request) -> Result<Answer, Error> {
        self.0.write(namespace, request).await
    }

    fn own_namespace(&self) -> String {
        self.0.own_namespace()
    }

    fn token_namespace(&self) -> Option<String> {
        self.0.token_namespace()
    }
}

/// The object of `kind` whose keys are in `known`.
pub(crate) async fn read(
    server: &impl Look,
    kind: &Kind,
    namespace: &str,
    known: &Record,
) -> Result<Outcome, Error> {
    let outcome = converse(&Looking(server), kind, namespace, &Operation::Read { prior: known }).await;
    outcome.map_err(|failure| failure.error)
}

/// Does `operation`; the object as it is afterwards, `None` if it is gone.
pub(crate) async fn run(
    server: &impl Write,
    kind: &Kind,
    namespace: &str,
    operation: &Operation<'_>,
) -> Result<Option<Record>, Failure> {
    converse(&Writing(server), kind, namespace, operation).await.map(ended)
}

fn ended(outcome: Outcome) -> Option<Record> {
    match outcome {
        Outcome::Object(record) | Outcome::Unseen(record) => Some(record),
        Outcome::Gone => None,
    }
}

/// All objects of some kind in a namespace, once they were looked at; `None` if that was refused.
type Table = Arc<OnceCell<Option<Value>>>;

/// Answers looks at single objects from one look at all of them, where the API has such a look.
pub(crate) struct Batched<'a, S> {
    server: &'a S,
    tables: Mutex<BTreeMap<(String, &'static str), Table>>,
}

impl<'a, S: Look> Batched<'a, S> {
    pub(crate) fn new(server: &'a S) -> Self {
        Self { server, tables: Mutex::new(BTreeMap::new()) }
    }

    async fn table(&self, namespace: &str, path: &'static str) -> Result<Option<Value>, Error> {
        let cell = {
            let mut tables = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
            tables.entry((namespace.to_owned(), path)).or_default().clone()
        };
        let ask = || async {
            let answer = self.server.look(namespace, &Request::get(path)).await?;
            Ok(answer.is_success().then(|| answer.data().clone()))
        };
        cell.get_or_try_init(ask).await.cloned()
    }
}

impl<S: Look> Look for Batched<'_, S> {
    fn origins(&self) -> Origins {
        self.server.origins()
    }

    fn own_namespace(&self) -> String {
        self.server.own_namespace()
    }

    fn token_namespace(&self) -> Option<String> {
        self.server.token_namespace()
    }

    async fn look(&self, namespace: &str, request: &Request) -> Result<Answer, Error> {
        let listed = KINDS.iter().find_map(|kind| kind.behavior.listed(request));
        let Some(listed) = listed else { return self.server.look(namespace, request).await };
        // Who may not see the table may still see the one.
        let Some(table) = self.table(namespace, listed.table).await? else {
            return self.server.look(namespace, request).await;
        };
        let entry = table.as_map().and_then(|entries| entries.get(&listed.entry)).cloned();
        Ok(entry.map_or(listed.missing, |entry| Answer {
            status: 200,
            body: Value::Map([("data".to_owned(), entry)].into()),
        }))
    }
}

#[cfg(test)]
mod tests {
    use schemas::json;

    use super::*;

    /// Says of itself what the body says.
    struct Saying(u16, &'static str);

    impl Look for Saying {
        async fn look(&self, _namespace: &str, _request: &Request) -> Result<Answer, Error> {
            Ok(Answer { status: self.0, body: json::parse(self.1).expect("JSON") })
        }

        fn own_namespace(&self) -> String {
            String::new()
        }

        fn origins(&self) -> Origins {
            Origins::default()
        }
    }

    async fn error_of(status: u16, body: &'static str) -> String {
        let asked = Identity::ask(&Saying(status, body), "http://server").await;
        asked.expect_err("no server to work with").to_string()
    }

    #[tokio::test]
    async fn a_sealed_server_is_one_error_and_not_one_for_each_object() {
        let sealed = error_of(200, r#"{"sealed": true, "initialized": true}"#).await;
        assert!(sealed.starts_with("the server at `http://server` is sealed\nhint: unseal it"), "{sealed}");
        let new = error_of(200, r#"{"sealed": true, "initialized": false}"#).await;
        assert!(new.starts_with("the server at `http://server` is not initialized\nhint: "), "{new}");
    }

    #[tokio::test]
    async fn who_answers_and_is_no_such_server_is_a_matter_of_the_address() {
        let other = error_of(404, "{}").await;
        assert!(other.contains("hint: check the address (`BAO_ADDR` or `VAULT_ADDR`)"), "{other}");
        let other = error_of(200, "{}").await;
        assert!(other.contains("hint: check the address (`BAO_ADDR` or `VAULT_ADDR`)"), "{other}");
    }
}
