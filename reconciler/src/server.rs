//! What is asked of a server: looking, and writing. Whoever holds a [`Look`] alone cannot write.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use client::{Client, Error, ReadClient, Refusal};
use schemas::{Answer, Diagnostic, Kind, Method, Operation, Record, Request, Step, Value};
use tokio::sync::OnceCell;

/// Somebody who can look at a server.
pub trait Look: Sync {
    /// Sends a request that changes nothing.
    fn look(&self, namespace: &str, request: &Request) -> impl Future<Output = Result<Answer, Error>> + Send;

    /// The absolute path of the namespace that all others are relative to; empty for the root.
    fn own_namespace(&self) -> String;
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

    fn own_namespace(&self) -> String {
        self.namespace()
    }
}

impl Look for Client {
    async fn look(&self, namespace: &str, request: &Request) -> Result<Answer, Error> {
        self.reader().send(namespace, request).await
    }

    fn own_namespace(&self) -> String {
        self.namespace()
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
        let answer = server.look("", &request).await?;
        let namespace = server.own_namespace();
        if !answer.is_success() {
            return Err(refusal(&namespace, Some(&(answer, request))));
        }
        if answer.body.at("sealed").as_bool().is_none() {
            let cause = "it does not say whether the server is sealed, so this is no such server".to_owned();
            return Err(Error::Answer { request: "GET sys/seal-status".to_owned(), cause });
        }
        let text = |name: &str| answer.body.at(name).as_str().unwrap_or_default().to_owned();
        let (cluster, version) = (text("cluster_id"), text("version"));
        Ok(Self { address: address.to_owned(), namespace, cluster, version })
    }
}

/// Most requests that one conversation may take.
const MAX_REQUESTS: usize = 200;

/// The object of `kind` whose keys are in `known`; `None` if there is none.
pub(crate) async fn read(
    server: &impl Look,
    kind: &Kind,
    namespace: &str,
    known: &Record,
) -> Result<Option<Record>, Error> {
    let operation = Operation::Read { prior: known };
    let mut answers = Vec::new();
    loop {
        match next(kind, &absolute(server, namespace), &operation, &answers)? {
            Next::Ask(pause, request) => {
                tokio::time::sleep(pause).await;
                answers.push((server.look(namespace, &request).await?, request));
            }
            Next::End(record) => return Ok(record),
        }
    }
}

/// Does `operation`; the object as it is afterwards, `None` if it is gone.
pub(crate) async fn run(
    server: &impl Write,
    kind: &Kind,
    namespace: &str,
    operation: &Operation<'_>,
) -> Result<Option<Record>, Error> {
    let mut answers = Vec::new();
    loop {
        match next(kind, &absolute(server, namespace), operation, &answers)? {
            Next::Ask(pause, request) => {
                tokio::time::sleep(pause).await;
                answers.push((server.write(namespace, &request).await?, request));
            }
            Next::End(record) => return Ok(record),
        }
    }
}

/// The absolute path of `namespace`: what a policy that is missing has to name.
fn absolute(server: &impl Look, namespace: &str) -> String {
    client::join_namespaces(&server.own_namespace(), namespace)
}

/// What comes next in a conversation.
enum Next {
    Ask(Duration, Request),
    End(Option<Record>),
}

fn next(
    kind: &Kind,
    namespace: &str,
    operation: &Operation<'_>,
    heard: &[(Answer, Request)],
) -> Result<Next, Error> {
    if heard.len() >= MAX_REQUESTS {
        let text = format!("`{}` still wants to ask after {MAX_REQUESTS} requests", kind.name);
        return Err(Error::Said(Box::new(Diagnostic::error(text))));
    }
    let answers: Vec<Answer> = heard.iter().map(|(answer, _)| answer.clone()).collect();
    match kind.next(operation, &answers) {
        Step::Call(request) => Ok(Next::Ask(Duration::ZERO, request)),
        Step::CallAfter(pause, request) => Ok(Next::Ask(pause, request)),
        Step::Done(record) => Ok(Next::End(Some(record))),
        Step::Gone => Ok(Next::End(None)),
        Step::Failed(diagnostic) => Err(Error::Said(Box::new(diagnostic))),
        Step::Refused => Err(refusal(namespace, heard.last())),
    }
}

fn refusal(namespace: &str, last: Option<&(Answer, Request)>) -> Error {
    let Some((answer, request)) = last else {
        return Error::Said(Box::new(Diagnostic::error("a conversation ended before it began")));
    };
    Error::Refused(Box::new(Refusal {
        status: answer.status,
        method: request.method.as_str(),
        path: request.path.clone(),
        namespace: namespace.to_owned(),
        errors: answer.errors().into_iter().map(str::to_owned).collect(),
    }))
}

/// All mounts of a namespace, once they were looked at; `None` if that was refused.
type Table = Arc<OnceCell<Option<Value>>>;

/// Answers looks at single mounts from one look at all of them.
pub(crate) struct Batched<'a, S> {
    server: &'a S,
    tables: Mutex<BTreeMap<(String, &'static str), Table>>,
}

/// Paths of single mounts, the table that has them all, and what is said of one that is not there.
const TABLES: [(&str, &str, &str); 3] = [
    ("sys/mounts/auth/", "sys/auth", "No auth engine at"),
    ("sys/auth/", "sys/auth", "No auth engine at"),
    ("sys/mounts/", "sys/mounts", "No secret engine mount at"),
];

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
    fn own_namespace(&self) -> String {
        self.server.own_namespace()
    }

    async fn look(&self, namespace: &str, request: &Request) -> Result<Answer, Error> {
        let single = TABLES.into_iter().find_map(|(prefix, table, missing)| {
            let name = request.path.strip_prefix(prefix).filter(|name| !name.ends_with("/tune"))?;
            Some((name.trim_end_matches('/'), table, missing))
        });
        let Some((name, table, missing)) = single.filter(|_| request.method == Method::Get) else {
            return self.server.look(namespace, request).await;
        };
        // Who may not see the table may still see the one.
        let Some(table) = self.table(namespace, table).await? else {
            return self.server.look(namespace, request).await;
        };
        let entry = table.as_map().and_then(|mounts| mounts.get(&format!("{name}/"))).cloned();
        Ok(match entry {
            Some(entry) => Answer { status: 200, body: Value::Map([("data".to_owned(), entry)].into()) },
            None => {
                let errors = Value::List(vec![format!("{missing} {name}/").into()]);
                Answer { status: 400, body: Value::Map([("errors".to_owned(), errors)].into()) }
            }
        })
    }
}
