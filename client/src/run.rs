//! Driving the conversation of a kind: the one place where requests are sent until a kind is done.

use std::time::Duration;

use schemas::{Answer, Diagnostic, Kind, Operation, Record, Request, Step};

use crate::error::Refusal;
use crate::mask::Masks;
use crate::{Client, Error};

/// Longest time that one conversation spends waiting: for a moved mount, say, or for a namespace that is deleted with
/// all it holds. What makes progress, such as a walk through all namespaces, may take as many requests as it needs.
const MAX_WAIT: Duration = Duration::from_secs(600);

/// Most times that a request is sent again at once: a conversation that asks the same for ever is a mistake of ours.
const MAX_REPEATS: usize = 10;

/// How a conversation ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// With the object as it is now.
    Object(Record),
    /// With what is known of an object that nobody looked at: it is not to be read, or cannot be.
    Unseen(Record),
    /// There is no such object (any more).
    Gone,
}

/// A conversation that ended badly.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The first thing that went wrong.
    pub error: Error,
    /// What the conversation has done on the server before that.
    pub effect: Effect,
}

/// What is known of what a conversation that ended badly has done on the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effect {
    /// Nothing: whatever stands at the object's path is somebody else's.
    Nothing,
    /// A write was sent, and nobody said what became of it.
    Unknown,
    /// The server took a write.
    Something,
}

impl Failure {
    /// The failure as a diagnostic: what failed, why, what to do.
    pub fn to_diagnostic(&self) -> Diagnostic {
        const HINT: &str = "nobody knows what became of a write, so it may have been done; plan again";
        match (self.effect, &self.error) {
            // Somebody is there, so hints about the address would mislead.
            (Effect::Unknown, Error::Unreachable { address, cause, .. }) => {
                let text = format!("the server at `{address}` did not answer a write");
                Diagnostic::error(text).because(cause.clone()).hint(HINT)
            }
            (Effect::Unknown, error) => error.to_diagnostic().hint(HINT),
            (Effect::Nothing | Effect::Something, error) => error.to_diagnostic(),
        }
    }
}

/// Somebody who carries requests to a server and brings the answers.
pub trait Transport: Sync {
    /// Sends `request` to `namespace`, which is relative to the transport's own.
    fn carry(&self, namespace: &str, request: &Request)
    -> impl Future<Output = Result<Answer, Error>> + Send;

    /// The absolute path of the namespace that all others are relative to; empty for the root.
    fn own_namespace(&self) -> String;

    /// The absolute namespace that the token lives in, as far as it is known; empty for the root.
    fn token_namespace(&self) -> Option<String> {
        None
    }
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
    let effect = conversation.effect;
    let ended = driven.and_then(|()| {
        // A policy that is missing has to name the absolute path.
        let absolute = crate::join_namespaces(&transport.own_namespace(), namespace);
        conversation.end(&absolute, transport.token_namespace())
    });
    ended.map_err(|error| Failure { error, effect })
}

async fn drive(
    transport: &impl Transport,
    conversation: &mut Conversation<'_>,
    namespace: &str,
) -> Result<(), Error> {
    while let Some((pause, request)) = conversation.next()? {
        tokio::time::sleep(pause).await;
        match transport.carry(namespace, &request).await {
            Ok(answer) => conversation.hear(request, answer),
            Err(error) => {
                conversation.hear_nothing(&request, &error);
                return Err(error);
            }
        }
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

    fn token_namespace(&self) -> Option<String> {
        Client::token_namespace(self)
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
    effect: Effect,
    /// What servers may repeat of the requests and nobody may see.
    masks: Masks,
    /// How long it has waited so far.
    waited: Duration,
    /// How often the last request was sent again without waiting.
    repeats: usize,
}

impl<'a> Conversation<'a> {
    fn new(kind: &'a Kind, operation: &'a Operation<'a>) -> Self {
        Self {
            kind,
            operation,
            answers: Vec::new(),
            last: None,
            end: None,
            effect: Effect::Nothing,
            masks: Masks::default(),
            waited: Duration::ZERO,
            repeats: 0,
        }
    }

    /// The next request and how long to wait before it; `None` when the conversation is over.
    fn next(&mut self) -> Result<Option<(Duration, Request)>, Error> {
        let (pause, request) = match self.kind.next(self.operation, &self.answers) {
            Step::Call(request) => (Duration::ZERO, request),
            Step::CallAfter(pause, request) => (pause, request),
            end => {
                self.end = Some(end);
                return Ok(None);
            }
        };
        self.waited += pause;
        let is_repeated = pause.is_zero() && self.last.as_ref() == Some(&request);
        self.repeats = if is_repeated { self.repeats + 1 } else { 0 };
        if self.waited > MAX_WAIT || self.repeats > MAX_REPEATS {
            return Err(Error::Said(Box::new(self.endless(&request))));
        }
        Ok(Some((pause, request)))
    }

    fn endless(&self, request: &Request) -> Diagnostic {
        let (method, path) = (request.method.as_str(), &request.path);
        if self.waited > MAX_WAIT {
            let minutes = MAX_WAIT.as_secs() / 60;
            return Diagnostic::error(format!("the server is not done after {minutes} minutes"))
                .because(format!("{method} {path} still says that it is under way"))
                .hint("what was begun goes on in the server; look again later");
        }
        Diagnostic::error(format!("`{}` asks the same for ever: {method} {path}", self.kind.name))
    }

    fn hear(&mut self, request: Request, answer: Answer) {
        let effect = match answer.status {
            _ if request.reads => Effect::Nothing,
            _ if answer.leaves_open() => Effect::Unknown,
            _ if answer.is_success() => Effect::Something,
            _ => Effect::Nothing,
        };
        self.effect = self.effect.max(effect);
        self.masks.add(&request);
        self.last = Some(request);
        self.answers.push(answer);
    }

    /// `request` has no answer.
    fn hear_nothing(&mut self, request: &Request, error: &Error) {
        if !request.reads && error.may_have_arrived() {
            self.effect = self.effect.max(Effect::Unknown);
        }
    }

    fn end(self, namespace: &str, home: Option<String>) -> Result<Outcome, Error> {
        match self.end {
            Some(Step::Done(record)) => Ok(Outcome::Object(record)),
            Some(Step::Unseen(record)) => Ok(Outcome::Unseen(record)),
            Some(Step::Gone) => Ok(Outcome::Gone),
            Some(Step::Failed(diagnostic)) => Err(Error::Said(Box::new(self.masks.hide_in(diagnostic)))),
            _ => Err(match (self.last, self.answers.last()) {
                (Some(request), Some(answer)) => {
                    Error::Refused(Box::new(Refusal::new(&request, namespace, answer).to_token_of(home)))
                }
                _ => Error::Said(Box::new(Diagnostic::error("a conversation ended before it began"))),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use schemas::{Class, Method, Value, json, kinds};

    /// What a server of one answer for each request says to all of `operation`.
    #[track_caller]
    fn check(
        class: Class,
        name: &str,
        operation: &Operation<'_>,
        answer: impl Fn(usize, &Request) -> Answer,
    ) -> Result<(usize, Outcome), String> {
        let kind = kinds::find(class, name).expect("a kind");
        let mut conversation = Conversation::new(kind, operation);
        let mut asked = 0;
        while let Some((_, request)) = conversation.next().map_err(|error| error.to_string())? {
            let said = answer(asked, &request);
            conversation.hear(request, said);
            asked += 1;
        }
        conversation.end("", None).map(|outcome| (asked, outcome)).map_err(|error| error.to_string())
    }

    fn answer(status: u16, body: &str) -> Answer {
        Answer { status, body: json::parse(body).expect("valid JSON") }
    }

    #[test]
    fn a_walk_through_many_namespaces_comes_to_its_end() {
        let config = Record::new().with("recursive", true);
        let names: Vec<Value> = (0..500).map(|index| format!("ns{index}/").into()).collect();
        let all = Record::new().with("keys", names).into_value();
        let body = Record::new().with("data", all).into_value();
        let walked = check(Class::Data, "namespaces", &Operation::Read { prior: &config }, |_, request| {
            assert_eq!(request.method, Method::List);
            let is_first = request.path == "sys/namespaces";
            if is_first {
                Answer { status: 200, body: body.clone() }
            } else {
                answer(404, r#"{"errors": []}"#)
            }
        });
        assert_eq!(walked.expect("all namespaces").0, 501);
    }

    #[test]
    fn a_deletion_may_take_minutes_and_not_for_ever() {
        let prior = Record::new().with("path", "team");
        let delete = Operation::Delete { prior: &prior };
        let gone_after = |looks: usize| {
            check(Class::Resource, "namespace", &delete, move |asked, _| match asked < looks {
                true => answer(200, r#"{"data": {}}"#),
                false => answer(404, r#"{"errors": []}"#),
            })
        };
        assert_eq!(gone_after(1000), Ok((1001, Outcome::Gone)));
        let endless = gone_after(usize::MAX).unwrap_err();
        assert!(
            endless.starts_with("the server is not done after 10 minutes: GET sys/namespaces/team"),
            "{endless}"
        );
    }
}
