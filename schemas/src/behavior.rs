//! What is done with an object, as a pure function of the answers so far.
//!
//! An [`Operation`] is a conversation with the server. [`Kind::next`] gets all answers up to now and says what
//! comes next: another request, or the end. It does no I/O, so one code path serves the Terraform provider, the
//! reconciler, and tests that hold no server. The default follows the kind's table; kinds that are not a set of
//! fields at some endpoints (a token, a login, a two-part secret) bring their own [`Behavior`].

use std::time::Duration;

use crate::codec;
use crate::compare;
use crate::kind::{Call, Endpoint, Field, Kind, Part, States, fields};
use crate::{Answer, Diagnostic, Presence, Record, Request, Shape, Value};

/// What to do with an object.
#[derive(Clone, Copy, Debug)]
pub enum Operation<'a> {
    /// Make it.
    Create {
        /// The object as configured, write-only values included.
        desired: &'a Record,
    },
    /// Look at it. Also: read a data source.
    Read {
        /// What is known: at least the keys. What is unknown is asked for ([`Kind::asked_in_full`]).
        prior: &'a Record,
    },
    /// Change it.
    Update {
        /// As it was read last.
        prior: &'a Record,
        /// As configured.
        desired: &'a Record,
    },
    /// Remove it.
    Delete {
        /// As it was read last.
        prior: &'a Record,
    },
    /// Open an ephemeral object.
    Open {
        /// As configured.
        config: &'a Record,
    },
    /// Close an ephemeral object.
    Close {
        /// As it was opened.
        opened: &'a Record,
    },
}

/// What comes next in a conversation.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Send this.
    Call(Request),
    /// Wait that long, then send this.
    CallAfter(Duration, Request),
    /// The end: the object as it is now.
    Done(Record),
    /// The end: what is known of an object that nobody looked at, since it is not to be read or the server shows
    /// nothing at its path. Whether it is there is not known.
    Unseen(Record),
    /// The end: there is no such object (any more).
    Gone,
    /// The end: the last answer is an error.
    Refused,
    /// The end: something else is wrong.
    Failed(Diagnostic),
}

/// What a kind does otherwise than its table says. Every method has the table's answer as its default.
pub trait Behavior: Send + Sync {
    /// The next step of `operation`, given all `answers` so far.
    fn next(&self, kind: &Kind, operation: &Operation<'_>, answers: &[Answer]) -> Step {
        follow_table(kind, operation, answers)
    }

    /// Whether the server makes no difference between two values.
    fn same(&self, field: &Field, a: &Value, b: &Value) -> bool {
        compare::same(field, a, b)
    }

    /// What is wrong with a configuration, beyond what the table can say. Values may be unknown.
    fn check(&self, _kind: &Kind, _config: &Record) -> Vec<Diagnostic> {
        Vec::new()
    }

    /// Fills in what is known of `planned` before apply: outputs that follow from other fields. `prior` is
    /// `None` for a new object.
    fn foresee(&self, _kind: &Kind, _prior: Option<&Record>, _planned: &mut Record) {}

    /// Names of fields whose change from `prior` to `planned` needs a new object, beyond what the table says.
    fn replaces(&self, _kind: &Kind, _prior: &Record, _planned: &Record) -> Vec<&'static str> {
        Vec::new()
    }

    /// Why `prior` cannot become `planned`, neither in place nor as a new object. Values may be unknown.
    fn refuses(&self, _kind: &Kind, _prior: &Record, _planned: &Record) -> Option<Diagnostic> {
        None
    }

    /// The object's address, from an import id. The default tries the kind's templates.
    fn import(&self, kind: &Kind, id: &str) -> Option<Record> {
        kind.imports.iter().find_map(|template| template.parse(id))
    }

    /// Where a declared object is in the API: what two kinds of declaration have in common if they mean the same
    /// object. The default is the path that a new one is written to.
    fn spots(&self, kind: &Kind, declared: &Record) -> Vec<Spot> {
        let call = kind.primary().and_then(|endpoint| endpoint.create);
        call.and_then(|call| call.path.render(declared).ok()).map(Spot::Path).into_iter().collect()
    }

    /// Names of objects that every server has and that cannot be deleted.
    fn built_in(&self) -> &'static [&'static str] {
        &[]
    }

    /// Whether `live` is the type that the configuration calls `declared`, for kinds whose objects have a type.
    fn is_of_type(&self, declared: &str, live: &str) -> bool {
        declared == live
    }

    /// The one request that shows all objects of this kind in whole, if `request` asks for one of them.
    fn listed(&self, _request: &Request) -> Option<Listed> {
        None
    }
}

/// Where an object is in the API.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Spot {
    /// It is written to this path.
    Path(String),
    /// It is the secret at this path of a key/value engine: without `data/`.
    Secret(String),
    /// It is written to this path if nothing says that the engine there has versions.
    Plain(String),
}

impl Spot {
    /// The path.
    pub fn path(&self) -> &str {
        let (Self::Path(path) | Self::Secret(path) | Self::Plain(path)) = self;
        path
    }

    /// The same in `namespace`.
    #[must_use]
    pub fn within(self, namespace: &str) -> Self {
        let join = |path: String| if namespace.is_empty() { path } else { format!("{namespace}/{path}") };
        match self {
            Self::Path(path) => Self::Path(join(path)),
            Self::Secret(path) => Self::Secret(join(path)),
            Self::Plain(path) => Self::Plain(join(path)),
        }
    }
}

/// Where an object stands in the answer that shows all of its kind.
#[derive(Clone, Debug, PartialEq)]
pub struct Listed {
    /// Path of that answer: `sys/mounts`.
    pub table: &'static str,
    /// The object's name in its `data`.
    pub entry: String,
    /// What the server answers of an object that is not there.
    pub missing: Answer,
}

/// The behavior of a kind that its table describes fully.
pub struct ByTable;

impl Behavior for ByTable {}

impl Kind {
    /// The next step of `operation`, given all `answers` so far.
    pub fn next(&self, operation: &Operation<'_>, answers: &[Answer]) -> Step {
        let step = self.behavior.next(self, operation, answers);
        match (step, operation) {
            (
                Step::Done(record),
                Operation::Create { desired: written } | Operation::Update { desired: written, .. },
            ) => match dropped(self, written, &record) {
                Some(field) => Step::Failed(lost(field)),
                None => Step::Done(record),
            },
            (step, _) => step,
        }
    }

    /// Whether the server makes no difference between two values of `field`.
    pub fn same(&self, field: &Field, a: &Value, b: &Value) -> bool {
        self.behavior.same(field, a, b)
    }

    /// The fields that answers show, and that the object which was `read` after a write has otherwise than `written`.
    ///
    /// For those who have just seen the difference and mean to end it. Terraform is told only of what was dropped
    /// ([`Kind::next`]): an object whose making ended in an error is destroyed and made anew.
    pub fn differing(&self, written: &Record, read: &Record) -> Vec<&'static Field> {
        let is_shown = |field: &&Field| {
            let is_told = field.is_configurable() && field.readable && !field.is_write_only();
            is_told && !field.key && field.at.is_some()
        };
        let differs = |field: &&Field| {
            let wanted = written.get(field.name);
            !wanted.is_null() && !wanted.has_unknown() && !self.same(field, wanted, read.get(field.name))
        };
        self.fields().filter(is_shown).filter(differs).collect()
    }

    /// Terraform's `id` of an object, if the type has one and the fields in it are set.
    pub fn id_of(&self, record: &Record) -> Option<String> {
        self.id.and_then(|template| template.render_verbatim(record).ok())
    }
}

/// A field that was written, and of which the object as read afterwards says nothing.
///
/// Not every endpoint warns about parameters that it does not know.
fn dropped(kind: &Kind, written: &Record, read: &Record) -> Option<&'static Field> {
    let says_nothing =
        |field: &Field, record: &Record| kind.same(field, record.get(field.name), &Value::Null);
    let mut fields = kind.differing(written, read).into_iter();
    fields.find(|field| says_nothing(field, read) && !says_nothing(field, written))
}

fn lost(field: &Field) -> Diagnostic {
    Diagnostic::error(format!("the server did not keep `{}`", field.name))
        .because("it was written, and the object as read afterwards does not have it")
        .hint("this server or its version does not know the parameter; remove it from the configuration")
        .at_field(field.name)
}

/// The default of [`Behavior::next`].
pub fn follow_table(kind: &Kind, operation: &Operation<'_>, answers: &[Answer]) -> Step {
    match operation {
        Operation::Create { desired } => converse(kind, desired, creation(kind, desired), answers),
        Operation::Update { prior, desired } => {
            converse(kind, desired, alteration(kind, prior, desired), answers)
        }
        Operation::Read { prior } => read_on(kind, prior, answers),
        Operation::Delete { prior } => deletion(kind, prior, answers),
        Operation::Open { .. } | Operation::Close { .. } => Step::Failed(Diagnostic::error(format!(
            "`{}` is not an ephemeral resource",
            kind.terraform_name()
        ))),
    }
}

/// Makes all `writes`, then reads every endpoint, then is done.
fn converse(
    kind: &Kind,
    known: &Record,
    writes: Vec<Result<Request, Diagnostic>>,
    answers: &[Answer],
) -> Step {
    let (written, read) = answers.split_at(answers.len().min(writes.len()));
    let writes_nothing = writes.is_empty();
    if let Some(step) = written.iter().find_map(verdict_of_write) {
        return step;
    }
    if let Some(write) = writes.into_iter().nth(answers.len()) {
        return write.map_or_else(Step::Failed, Step::Call);
    }
    // What is written is shown in full.
    let endpoints = kind.endpoints.iter();
    if writes_nothing {
        return read_endpoints(kind, endpoints, known, read);
    }
    read_endpoints(kind, endpoints, &known.clone().without_nulls(), read)
}

/// Reads endpoint after endpoint, those that are asked for; `answers` are those of the reads alone.
pub fn read_on(kind: &Kind, known: &Record, answers: &[Answer]) -> Step {
    let asked = kind.endpoints.iter().filter(|endpoint| kind.is_asked(endpoint, known));
    read_endpoints(kind, asked, known, answers)
}

fn read_endpoints<'a>(
    kind: &Kind,
    endpoints: impl Iterator<Item = &'a Endpoint>,
    known: &Record,
    answers: &[Answer],
) -> Step {
    let readable: Vec<_> = endpoints.filter_map(|at| Some((at, at.read?))).collect();
    for (index, answer) in answers.iter().enumerate() {
        if answer.says_gone() && index == 0 {
            return Step::Gone;
        }
        if !answer.is_success() && !answer.says_gone() {
            return Step::Refused;
        }
    }
    match readable.get(answers.len()) {
        Some((_, call)) => request(call, known, None).map_or_else(Step::Failed, Step::Call),
        None => Step::Done(settle_all(kind, known, readable.iter().map(|(at, _)| *at).zip(answers))),
    }
}

fn creation(kind: &Kind, desired: &Record) -> Vec<Result<Request, Diagnostic>> {
    let writes = kind.endpoints.iter().enumerate().filter_map(|(index, endpoint)| {
        let call = endpoint.create?;
        let body = codec::create_body(kind, endpoint, desired);
        let is_needed = index == 0 || !is_empty(&body);
        is_needed.then(|| request(&call, desired, Some(body)))
    });
    writes.collect()
}

fn alteration(kind: &Kind, prior: &Record, desired: &Record) -> Vec<Result<Request, Diagnostic>> {
    let writes = kind.endpoints.iter().filter_map(|endpoint| {
        let call = endpoint.update?;
        let body = codec::update_body(kind, endpoint, prior, desired)?;
        Some(request(&call, desired, Some(body)))
    });
    writes.collect()
}

fn deletion(kind: &Kind, prior: &Record, answers: &[Answer]) -> Step {
    if answers.iter().any(|answer| !answer.is_success() && !answer.says_gone()) {
        return Step::Refused;
    }
    let calls: Vec<_> = kind.endpoints.iter().rev().filter_map(|endpoint| endpoint.delete).collect();
    match calls.get(answers.len()) {
        Some(call) => request(call, prior, None).map_or_else(Step::Failed, Step::Call),
        None => Step::Gone,
    }
}

fn request(call: &Call, record: &Record, body: Option<Value>) -> Result<Request, Diagnostic> {
    let path = call.path.render(record).map_err(|field| {
        Diagnostic::error(format!("`{field}` is not set"))
            .because(format!("it is part of the path `{}`", call.path.0))
    })?;
    Ok(Request { body, ..Request::new(call.method, path) })
}

/// What the answer to a write means, if it is not simply good.
///
/// A parameter that the server ignored is a failed write: what was declared is not there.
pub fn verdict_of_write(answer: &Answer) -> Option<Step> {
    if !answer.is_success() {
        return Some(Step::Refused);
    }
    let ignored = answer.warnings().into_iter().find(|text| text.contains("ignored these unrecognized"))?;
    Some(Step::Failed(
        Diagnostic::error("the server ignored a part of what was written")
            .because(ignored.to_owned())
            .hint("this server or its version does not know the parameter; remove it from the configuration"),
    ))
}

fn is_empty(body: &Value) -> bool {
    body.as_map()
        .is_none_or(|entries| entries.values().all(|value| value.as_map().is_some_and(|map| map.is_empty())))
}

fn settle_all<'a>(
    kind: &Kind,
    known: &Record,
    answers: impl Iterator<Item = (&'a Endpoint, &'a Answer)>,
) -> Record {
    let mut record = known.clone();
    for (endpoint, answer) in answers {
        settle_endpoint(kind, endpoint, answer.data(), &mut record);
    }
    strip_write_only(kind, &mut record);
    record
}

/// Puts what `data` says of the fields of `endpoint` into `record`.
pub fn settle_endpoint(kind: &Kind, endpoint: &Endpoint, data: &Value, record: &mut Record) {
    let data = data.at(endpoint.answer);
    for field in kind.fields().filter(|field| field.at == Some(endpoint.name) && field.readable && !field.key)
    {
        let live =
            if field.api.is_empty() { codec::decode(&field.shape, data) } else { codec::read(field, data) };
        let prior = record.get(field.name);
        let stays = record.has(field.name) && kind.same(field, prior, &live);
        record.set(field.name, if stays { prior.clone() } else { settle(kind, field, prior, live) });
    }
}

/// Removes values that must not be stored.
pub fn strip_write_only(kind: &Kind, record: &mut Record) {
    for field in kind.fields().filter(|field| field.is_write_only()) {
        record.set(field.name, Value::Null);
    }
}

/// How a state shows a field whose value was `prior` and is `live` in the server: as before where that means
/// the same, so that a way of writing (`1h`, `3600`) is no drift; else as the server has it.
pub fn settle(kind: &Kind, field: &Field, prior: &Value, live: Value) -> Value {
    let unchanged = !prior.is_null() && kind.same(field, prior, &live);
    if unchanged {
        return prior.clone();
    }
    if let Shape::List(Shape::Object(parts)) = field.shape {
        return settle_object(kind, parts, prior, live);
    }
    let shows_zero = match field.presence {
        Presence::Optional => kind.same(field, &Value::Null, &live),
        Presence::Filled => live.is_null() && kind.states == States::Legacy,
        Presence::Required | Presence::Output => false,
    };
    if !shows_zero {
        return live;
    }
    if field.presence == Presence::Filled {
        return codec::absent(field);
    }
    match (kind.states, field.shape) {
        (States::Modern, _) if field.default.is_none() => Value::Null,
        (States::Legacy, Shape::List(_) | Shape::Set(_) | Shape::Map(_) | Shape::Block { .. }) => Value::Null,
        _ => codec::absent(field),
    }
}

/// How a state shows an object of which the configuration may set a part, such as a mount's `tune`: without a
/// configuration as the server has it; else what is configured, and nothing of the rest.
fn settle_object(kind: &Kind, parts: &'static [Part], prior: &Value, live: Value) -> Value {
    let first = |list: &Value| list.as_list().and_then(|items| items.first().cloned());
    let (prior, Some(live)) = (first(prior), first(&live)) else { return live };
    let shown = fields(parts).map(|field| {
        let live = live.at(field.name).clone();
        let value = match &prior {
            None if live.is_null() => codec::absent(field),
            None => live,
            Some(prior) => settle_part(kind, field, prior.at(field.name), live),
        };
        (field.name.to_owned(), value)
    });
    Value::List(vec![Value::Map(shown.collect())])
}

fn settle_part(kind: &Kind, field: &Field, prior: &Value, live: Value) -> Value {
    let is_text = matches!(field.shape, Shape::Text(_) | Shape::Duration);
    let says_nothing = |value: &Value| compare::same(field, value, &Value::Null);
    // Where the server always has a value of its own, nothing is to be compared with an empty one.
    let is_servers = field.presence == Presence::Filled;
    if prior.is_null() {
        let is_empty_text = is_text && kind.states == States::Legacy && (is_servers || says_nothing(&live));
        return if is_empty_text { codec::absent(field) } else { Value::Null };
    }
    let stays = (is_servers && says_nothing(prior)) || compare::same(field, prior, &live);
    if stays { prior.clone() } else { live }
}
