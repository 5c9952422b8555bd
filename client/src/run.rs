//! Driving the conversation of a kind: the one place where requests are sent until a kind is done.

use schemas::{Answer, Diagnostic, Kind, Operation, Record, Request, Step};

use crate::error::Refusal;
use crate::mask::Masks;
use crate::{Client, Error};

/// Most requests that one conversation may take: a bound on loops, such as waiting for a moved mount.
const MAX_STEPS: usize = 200;

/// How a conversation ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// With the object as it is now.
    Object(Record),
    /// There is no such object (any more).
    Gone,
}

/// A conversation that ended badly.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The first thing that went wrong.
    pub error: Error,
    /// Whether the server had taken a write of this conversation before that. Without, whatever stands at the
    /// object's path is somebody else's.
    pub wrote: bool,
}

/// Somebody who carries requests to a server and brings the answers.
pub trait Transport: Sync {
    /// Sends `request` to `namespace`, which is relative to the transport's own.
    fn carry(&self, namespace: &str, request: &Request)
    -> impl Future<Output = Result<Answer, Error>> + Send;

    /// The absolute path of the namespace that all others are relative to; empty for the root.
    fn own_namespace(&self) -> String;
}

/// Does `operation` with an object of `kind` in `namespace` (relative to the transport's own).
///
/// # Errors
/// The first thing that went wrong. What was done before that is done.
pub async fn converse(
    transport: &impl Transport,
    kind: &Kind,
    namespace: &str,
    operation: &Operation<'_>,
) -> Result<Outcome, Failure> {
    let mut conversation = Conversation::new(kind, operation);
    let driven = drive(transport, &mut conversation, namespace).await;
    let wrote = conversation.wrote;
    let ended = driven.and_then(|()| {
        // A policy that is missing has to name the absolute path.
        conversation.end(&crate::join_namespaces(&transport.own_namespace(), namespace))
    });
    ended.map_err(|error| Failure { error, wrote })
}

async fn drive(
    transport: &impl Transport,
    conversation: &mut Conversation<'_>,
    namespace: &str,
) -> Result<(), Error> {
    while let Some((pause, request)) = conversation.next()? {
        tokio::time::sleep(pause).await;
        let answer = transport.carry(namespace, &request).await?;
        conversation.hear(request, answer);
    }
    Ok(())
}

impl Transport for Client {
    async fn carry(&self, namespace: &str, request: &Request) -> Result<Answer, Error> {
        self.send(namespace, request).await
    }

    fn own_namespace(&self) -> String {
        self.namespace()
    }
}

impl Client {
    /// Does `operation` with an object of `kind` in `namespace` (relative to the client's own).
    ///
    /// # Errors
    /// The first thing that went wrong. What was done before that is done.
    pub async fn run(
        &self,
        kind: &Kind,
        namespace: &str,
        operation: &Operation<'_>,
    ) -> Result<Outcome, Failure> {
        converse(self, kind, namespace, operation).await
    }
}

/// A conversation under way.
struct Conversation<'a> {
    kind: &'a Kind,
    operation: &'a Operation<'a>,
    answers: Vec<Answer>,
    last: Option<Request>,
    end: Option<Step>,
    wrote: bool,
    /// What servers may repeat of the requests and nobody may see.
    masks: Masks,
}

impl<'a> Conversation<'a> {
    fn new(kind: &'a Kind, operation: &'a Operation<'a>) -> Self {
        Self {
            kind,
            operation,
            answers: Vec::new(),
            last: None,
            end: None,
            wrote: false,
            masks: Masks::default(),
        }
    }

    /// The next request and how long to wait before it; `None` when the conversation is over.
    fn next(&mut self) -> Result<Option<(std::time::Duration, Request)>, Error> {
        if self.answers.len() >= MAX_STEPS {
            let text = format!("`{}` still wants to ask after {MAX_STEPS} requests", self.kind.name);
            return Err(Error::Said(Box::new(Diagnostic::error(text))));
        }
        match self.kind.next(self.operation, &self.answers) {
            Step::Call(request) => Ok(Some((std::time::Duration::ZERO, request))),
            Step::CallAfter(pause, request) => Ok(Some((pause, request))),
            end => {
                self.end = Some(end);
                Ok(None)
            }
        }
    }

    fn hear(&mut self, request: Request, answer: Answer) {
        self.wrote |= !request.reads && answer.is_success();
        self.masks.add(&request);
        self.last = Some(request);
        self.answers.push(answer);
    }

    fn end(self, namespace: &str) -> Result<Outcome, Error> {
        match self.end {
            Some(Step::Done(record)) => Ok(Outcome::Object(record)),
            Some(Step::Gone) => Ok(Outcome::Gone),
            Some(Step::Failed(diagnostic)) => Err(Error::Said(Box::new(self.masks.hide_in(diagnostic)))),
            _ => Err(match (self.last, self.answers.last()) {
                (Some(request), Some(answer)) => {
                    Error::Refused(Box::new(Refusal::new(&request, namespace, answer)))
                }
                _ => Error::Said(Box::new(Diagnostic::error("a conversation ended before it began"))),
            }),
        }
    }
}
