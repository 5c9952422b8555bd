//! Plans in files: what is to be done, and fingerprints of what it was decided on.
//!
//! A file holds no secret: where one belongs it names the source, and a fingerprint tells little of it
//! ([`crate::fingerprint`]).

use std::collections::{BTreeMap, BTreeSet};

use schemas::{Class, Diagnostic, Record, Value, json, kinds};

use crate::apply::{look_again, looked_for};
use crate::config::{Loaded, VARIABLE_PREFIX, literals};
use crate::fingerprint::{Salt, Substance, of_value};
use crate::hidden::Hidden;
use crate::inventory::{Live, Progress};
use crate::outputs::{self, Output};
use crate::plan::{Action, Plan, Step, Unseen, Why};
use crate::render::value::public;
use crate::server::{Identity, Write};
use crate::value::{Late, SecretRef, Val};
use crate::{Address, Sources, Span};

/// The format, in the file's `format`.
const FORMAT: &str = "lockstep-plan/4";

/// A plan as it was saved.
#[derive(Clone, Debug)]
pub struct Saved {
    /// Hash of all that it says.
    pub id: String,
    /// The plan. Its steps do not know yet what is there.
    plan: Plan,
    /// What was there, by address.
    fingerprints: BTreeMap<Address, Option<String>>,
    /// What was seen in fields of objects that it does not write, and relies on.
    outputs: BTreeMap<Output, Option<String>>,
    /// What the fingerprints are salted with.
    salt: Salt,
    notes: Notes,
}

/// Why a saved plan is not applied.
#[derive(Debug)]
pub enum NotApplied {
    /// Something changed since it was made: these objects, or the server itself.
    Stale(Vec<Diagnostic>),
    /// Nobody answered.
    Error(client::Error),
}

/// Why a plan is not saved.
#[derive(Debug)]
pub struct Unsaved {
    /// What stands in the way.
    pub found: Vec<Diagnostic>,
    /// The files, with stars in place of what may be a secret.
    pub sources: Sources,
}

/// `plan`, which was made of `loaded`, as the text of a file.
///
/// # Errors
/// If text or a number stands in clear in a field that holds secrets, or a sensitive variable has its value from the
/// configuration: neither goes into a file.
pub fn save(plan: &Plan, loaded: &Loaded) -> Result<String, Unsaved> {
    let (mut found, mut hidden) = (Vec::new(), Vec::new());
    for step in &plan.steps {
        for field in step.kind.fields() {
            let value = step.fields.get(field.name).unwrap_or(&Val::Null);
            if literals::has_clear(field, value) {
                let place =
                    loaded.desired.places.get(&step.address).and_then(|places| places.get(field.name));
                found.push(clear_text(step, field.name, value, place, (loaded, &mut hidden)));
            }
        }
    }
    found.extend(defaults(plan, loaded));
    let sources = loaded.sources.masked(&hidden);
    if !found.is_empty() {
        return Err(Unsaved { found, sources });
    }
    encode_with(plan, &notes(plan, loaded)).map_err(|error| Unsaved { found: vec![error], sources })
}

/// Says that text stands in clear, at that text; and notes what of the files must not be shown.
fn clear_text(
    step: &Step,
    field: &str,
    value: &Val,
    place: Option<&Span>,
    (loaded, hidden): (&Loaded, &mut Vec<Span>),
) -> Diagnostic {
    let found = clear(step, field);
    let Some((place, file)) = place.and_then(|place| Some((place, loaded.sources.file(&place.file)?))) else {
        return found;
    };
    let within = file.value_range(place.range.clone());
    let parts = literals::clear_parts(value);
    let spots: Vec<_> = parts.iter().filter_map(|part| file.find_text(within.clone(), part)).collect();
    // Where one of them stands is not known, nothing of the value is shown.
    match spots.len() == parts.len() {
        true => hidden.extend(spots.iter().map(|spot| file.span(spot.start + 1..spot.end - 1))),
        false => hidden.push(file.span(file.shown_range(place.range.clone()))),
    }
    found.at_span(&file.name, spots.first().cloned().unwrap_or(within))
}

fn clear(step: &Step, field: &str) -> Diagnostic {
    Diagnostic::error(format!("`{}`: a part of `{field}` stands in the configuration in clear", step.address))
        .because("the field holds a secret, and a plan file must hold no part of one")
        .hint("if this is no secret, say so: `nonsensitive(\"…\")`")
        .hint("if it is, take it from elsewhere, such as `secret.env(\"NAME\")`")
}

/// The secrets that the steps of `plan` need while applying.
fn secrets(plan: &Plan) -> BTreeSet<SecretRef> {
    plan.steps.iter().flat_map(|step| step.fields.values()).flat_map(Val::secrets).collect()
}

/// Sensitive variables whose value is their default: who applies the plan has no configuration.
fn defaults(plan: &Plan, loaded: &Loaded) -> Vec<Diagnostic> {
    let defaults = secrets(plan).into_iter().filter_map(|secret| match secret {
        SecretRef::Variable(name) => {
            let variable = loaded.sensitive.get(&name).filter(|variable| variable.from_default)?;
            let text = format!("a plan with the default of the sensitive variable `{name}` cannot be saved");
            let found = Diagnostic::error(text).because("its value would have to be in the plan");
            let hint = format!("give it with `-var {name}=…`, `-var-file`, or `{VARIABLE_PREFIX}{name}` in the environment, here and when the plan is applied");
            Some(found.hint(hint).at_span(&variable.span.file, variable.span.range.clone()))
        }
        _ => None,
    });
    defaults.collect()
}

/// What a file says of the secrets of a plan: the types of variables, and where secrets are named.
fn notes(plan: &Plan, loaded: &Loaded) -> Notes {
    let mut notes = Notes::default();
    for secret in secrets(plan) {
        if let Some(span) = loaded.secret_places.get(&secret) {
            notes.places.insert(secret.to_string(), format!("{}, line {}", span.file, span.line));
        }
        if let SecretRef::Variable(name) = secret
            && let Some(variable) = loaded.sensitive.get(&name)
        {
            notes.variables.insert(name, variable.kind.clone());
        }
    }
    notes
}

/// What a file says of secrets besides their names.
#[derive(Clone, Debug, Default)]
struct Notes {
    /// Sensitive variables with their types.
    variables: BTreeMap<String, String>,
    /// Where secrets are named.
    places: BTreeMap<String, String>,
}

impl Notes {
    fn encode(&self) -> Value {
        let texts = |entries: &BTreeMap<String, String>| {
            Value::Map(entries.iter().map(|(name, text)| (name.clone(), text.as_str().into())).collect())
        };
        Value::map([("places", texts(&self.places)), ("variables", texts(&self.variables))])
    }

    fn decode(value: &Value) -> Option<Self> {
        let texts = |name: &str| {
            let entries = value.at(name).as_map()?.iter();
            entries.map(|(name, text)| Some((name.clone(), text.as_str()?.to_owned()))).collect::<Option<_>>()
        };
        Some(Self { variables: texts("variables")?, places: texts("places")? })
    }
}

/// `plan` as the text of a file, of which nothing is known but the plan.
///
/// # Errors
/// If a secret stands in the configuration in clear.
pub fn encode(plan: &Plan) -> Result<String, Diagnostic> {
    encode_with(plan, &Notes::default())
}

fn encode_with(plan: &Plan, notes: &Notes) -> Result<String, Diagnostic> {
    let (salt, hidden) = (Salt::random(), Hidden::of(&plan.steps));
    let steps =
        plan.steps.iter().map(|step| encode_step(step, &salt, &hidden)).collect::<Result<Vec<_>, _>>()?;
    let body = Value::map([
        ("format", FORMAT.into()),
        ("outputs", Value::List(encode_outputs(plan, &salt, &hidden))),
        ("salt", salt.to_string().into()),
        ("secrets", notes.encode()),
        ("server", server(&plan.server)),
        ("steps", Value::List(steps)),
        ("tool", Value::map([("name", "lockstep".into()), ("version", env!("CARGO_PKG_VERSION").into())])),
    ]);
    let id = of_value(&body);
    let mut entries = body.as_map().cloned().unwrap_or_default();
    entries.insert("id".to_owned(), id.into());
    Ok(crate::render::value::pretty(&Value::Map(entries)))
}

fn server(identity: &Identity) -> Value {
    Value::map([
        ("address", identity.address.as_str().into()),
        ("cluster", identity.cluster.as_str().into()),
        ("namespace", identity.namespace.as_str().into()),
        ("version", identity.version.as_str().into()),
    ])
}

fn encode_step(step: &Step, salt: &Salt, hidden: &Hidden) -> Result<Value, Diagnostic> {
    for field in step.kind.fields() {
        let value = step.fields.get(field.name).unwrap_or(&Val::Null);
        if literals::has_clear(field, value) {
            return Err(clear(step, field.name));
        }
    }
    let fields = step.fields.iter().map(|(name, value)| Ok((name.clone(), encode_val(value)?)));
    let desired = Value::Map(fields.collect::<Result<_, Diagnostic>>()?);
    let needs = step.needs.iter().map(|need| need.to_string().into()).collect::<Vec<Value>>();
    // What is not written is not looked at again.
    let live = step.live.as_ref().filter(|_| step.action.writes());
    let live =
        live.map_or(Value::Null, |live| Substance::of_step(step, live, hidden).fingerprint(salt).into());
    let changes = step.changes.iter().map(|change| {
        Value::map([
            ("after", public(&change.after)),
            ("before", public(&change.before)),
            ("field", change.field.as_str().into()),
        ])
    });
    let changes = changes.collect::<Vec<_>>();
    Ok(Value::map([
        ("action", step.action.as_str().into()),
        ("again", Value::List(step.again.iter().map(|name| name.as_str().into()).collect())),
        ("address", step.address.to_string().into()),
        ("changes", Value::List(changes)),
        ("desired_fingerprint", of_value(&desired).into()),
        ("desired", desired),
        ("from", step.from.as_ref().map_or(Value::Null, |from| from.to_string().into())),
        ("kind", step.kind.name.into()),
        ("live_fingerprint", live),
        ("needs", Value::List(needs)),
        ("reason", step.reason.as_ref().map_or(Value::Null, encode_reason)),
        ("resend", step.resend.into()),
        ("unverifiable", encode_unseen(&step.unverifiable)),
    ]))
}

/// Field names with the words for why they are not compared.
fn encode_unseen(unseen: &[Unseen]) -> Value {
    Value::Map(unseen.iter().map(|unseen| (unseen.field.clone(), unseen.why.as_str().into())).collect())
}

fn decode_unseen(value: &Value) -> Option<Vec<Unseen>> {
    let decode = |(field, why): (&String, &Value)| {
        Some(Unseen { field: field.clone(), why: Why::parse(why.as_str()?)? })
    };
    value.as_map()?.iter().map(decode).collect()
}

/// Why a step is blocked or unknown.
fn encode_reason(reason: &Diagnostic) -> Value {
    let hints = reason.hints.iter().map(|hint| hint.as_str().into()).collect();
    Value::map([
        ("detail", reason.detail.as_str().into()),
        ("hints", Value::List(hints)),
        ("summary", reason.summary.as_str().into()),
    ])
}

fn decode_reason(value: &Value) -> Option<Diagnostic> {
    let mut reason = Diagnostic::error(value.at("summary").as_str()?);
    reason.detail = value.at("detail").as_str().unwrap_or_default().to_owned();
    let hints = value.at("hints").as_list().unwrap_or_default();
    reason.hints = hints.iter().filter_map(|hint| hint.as_str().map(str::to_owned)).collect();
    Some(reason)
}

/// What was seen in the fields of objects that the plan relies on and does not write.
fn encode_outputs(plan: &Plan, salt: &Salt, hidden: &Hidden) -> Vec<Value> {
    let encode = |(address, field): Output| {
        let step = plan.steps.iter().find(|step| step.address == address);
        let live = step.and_then(|step| Some((step, step.live.as_ref()?)));
        let seen = live.map(|(step, live)| Substance::of_field(step, live, &field, hidden).fingerprint(salt));
        Value::map([
            ("address", address.to_string().into()),
            ("field", field.into()),
            ("fingerprint", seen.map_or(Value::Null, Value::from)),
        ])
    };
    outputs::relied_on(plan).into_iter().map(encode).collect()
}

fn decode_output(value: &Value) -> Option<(Output, Option<String>)> {
    let text = |name: &str| value.at(name).as_str();
    let output = (Address::parse(text("address")?)?, text("field")?.to_owned());
    Some((output, text("fingerprint").map(str::to_owned)))
}

/// Reads what [`encode`] wrote.
///
/// # Errors
/// What is wrong with the text.
pub fn decode(text: &str) -> Result<Saved, Diagnostic> {
    let wrong = |what: &str| {
        Diagnostic::error(format!("this is no saved plan: {what}"))
            .hint("make one with `lockstep plan -out plan.json`")
    };
    let value = json::parse(text).map_err(|error| wrong(&error))?;
    let Value::Map(mut entries) = value else { return Err(wrong("no JSON object")) };
    if entries.get("format").and_then(Value::as_str) != Some(FORMAT) {
        return Err(wrong("the format is another one"));
    }
    let id = entries.remove("id").and_then(|id| id.as_str().map(str::to_owned)).unwrap_or_default();
    let body = Value::Map(entries);
    if of_value(&body) != id {
        return Err(wrong("it was changed after it was made"));
    }
    let text = |path: &str| body.at(path).as_str().unwrap_or_default().to_owned();
    let server = Identity {
        address: text("server.address"),
        namespace: text("server.namespace"),
        cluster: text("server.cluster"),
        version: text("server.version"),
    };
    let (mut steps, mut fingerprints) = (Vec::new(), BTreeMap::new());
    for value in body.at("steps").as_list().unwrap_or_default() {
        let (step, live) = decode_step(value).ok_or_else(|| wrong("a step cannot be read"))?;
        fingerprints.insert(step.address.clone(), live);
        steps.push(step);
    }
    let outputs = body.at("outputs").as_list().unwrap_or_default().iter().map(decode_output);
    let outputs =
        outputs.collect::<Option<_>>().ok_or_else(|| wrong("a value of an object cannot be read"))?;
    let salt = Salt::parse(&text("salt")).ok_or_else(|| wrong("it has no salt"))?;
    let notes =
        Notes::decode(body.at("secrets")).ok_or_else(|| wrong("what it says of secrets cannot be read"))?;
    Ok(Saved { id, plan: Plan { server, steps }, fingerprints, outputs, salt, notes })
}

fn decode_step(value: &Value) -> Option<(Step, Option<String>)> {
    let text = |name: &str| value.at(name).as_str();
    let needs = value.at("needs").as_list()?.iter().map(|need| Address::parse(need.as_str()?));
    let again = value.at("again").as_list()?.iter().map(|name| name.as_str().map(str::to_owned));
    let desired = value.at("desired").as_map()?.iter();
    let fields = desired.map(|(name, value)| Some((name.clone(), decode_val(value)?)));
    let step = Step {
        address: Address::parse(text("address")?)?,
        kind: kinds::find(Class::Resource, text("kind")?)?,
        action: Action::parse(text("action")?)?,
        changes: Vec::new(),
        unverifiable: decode_unseen(value.at("unverifiable"))?,
        reason: decode_reason(value.at("reason")),
        fields: fields.collect::<Option<_>>()?,
        live: None,
        from: match text("from") {
            Some(from) => Some(Address::parse(from)?),
            None => None,
        },
        needs: needs.collect::<Option<BTreeSet<_>>>()?,
        resend: value.at("resend").as_bool()?,
        again: again.collect::<Option<_>>()?,
        span: None,
    };
    let expected = of_value(value.at("desired"));
    (text("desired_fingerprint")? == expected).then_some((step, text("live_fingerprint").map(str::to_owned)))
}

/// Keys that stand for more than themselves.
const MARKS: [&str; 4] = ["secret_ref", "output", "late", "literal"];

fn encode_val(value: &Val) -> Result<Value, Diagnostic> {
    Ok(match value {
        Val::Null => Value::Null,
        Val::Bool(value) => Value::Bool(*value),
        Val::Number(number) => Value::Number(number.clone()),
        Val::String(text) => Value::String(text.clone()),
        Val::Object(address) => Value::map([("late", Value::map([("object", address.to_string().into())]))]),
        Val::List(items) => Value::List(encode_all(items)?),
        Val::Map(entries) => {
            let is_marked = entries.keys().any(|key| MARKS.contains(&key.as_str()));
            let entries = entries.iter().map(|(key, value)| Ok((key.clone(), encode_val(value)?)));
            let plain = Value::Map(entries.collect::<Result<_, Diagnostic>>()?);
            if is_marked { Value::map([("literal", plain)]) } else { plain }
        }
        Val::Late(late) => encode_late(late)?,
    })
}

fn encode_all(items: &[Val]) -> Result<Vec<Value>, Diagnostic> {
    items.iter().map(encode_val).collect()
}

fn encode_late(late: &Late) -> Result<Value, Diagnostic> {
    let wrapped = |value: Value| Value::map([("late", value)]);
    Ok(match late {
        Late::Secret(reference) => Value::map([("secret_ref", encode_secret(reference)?)]),
        Late::Output { address, field } => Value::map([(
            "output",
            Value::map([("address", address.to_string().into()), ("field", field.as_str().into())]),
        )]),
        Late::Concat(parts) => wrapped(Value::map([("concat", Value::List(encode_all(parts)?))])),
        Late::Call { name, arguments } => wrapped(Value::map([
            ("call", name.as_str().into()),
            ("arguments", Value::List(encode_all(arguments)?)),
        ])),
        Late::Element { of, key } => {
            wrapped(Value::map([("of", encode_val(of)?), ("key", encode_val(key)?)]))
        }
        Late::Open(value) => wrapped(Value::map([("open", encode_val(value)?)])),
        Late::Unsettled => return Err(Diagnostic::error("a value of the plan is not settled")),
    })
}

fn decode_val(value: &Value) -> Option<Val> {
    let Value::Map(entries) = value else {
        return Some(match value {
            Value::List(items) => Val::List(items.iter().map(decode_val).collect::<Option<_>>()?),
            plain => Val::from(plain),
        });
    };
    let only = entries.iter().next().filter(|_| entries.len() == 1).map(|(key, value)| (key.as_str(), value));
    match only {
        Some(("secret_ref", reference)) => Some(Val::late(Late::Secret(decode_secret(reference)?))),
        Some(("output", output)) => Some(Val::late(Late::Output {
            address: Address::parse(output.at("address").as_str()?)?,
            field: output.at("field").as_str()?.to_owned(),
        })),
        Some(("late", late)) => decode_late(late),
        Some(("literal", Value::Map(entries))) => decode_entries(entries),
        _ => decode_entries(entries),
    }
}

fn decode_entries(entries: &BTreeMap<String, Value>) -> Option<Val> {
    let entries = entries.iter().map(|(key, value)| Some((key.clone(), decode_val(value)?)));
    entries.collect::<Option<_>>().map(Val::Map)
}

fn decode_all(value: &Value) -> Option<Vec<Val>> {
    value.as_list()?.iter().map(decode_val).collect()
}

fn decode_late(late: &Value) -> Option<Val> {
    if let Some(address) = late.at("object").as_str() {
        return Address::parse(address).map(Val::Object);
    }
    if !late.at("concat").is_null() {
        return Some(Val::late(Late::Concat(decode_all(late.at("concat"))?)));
    }
    if let Some(name) = late.at("call").as_str() {
        let arguments = decode_all(late.at("arguments"))?;
        return Some(Val::late(Late::Call { name: name.to_owned(), arguments }));
    }
    if !late.at("open").is_null() {
        return Some(decode_val(late.at("open"))?.open());
    }
    let (of, key) = (decode_val(late.at("of"))?, decode_val(late.at("key"))?);
    Some(Val::late(Late::Element { of, key }))
}

/// Where a secret comes from, as an object with the kind of source as its one key: texts put together could be taken
/// apart at another place.
fn encode_secret(reference: &SecretRef) -> Result<Value, Diagnostic> {
    let (source, content) = match reference {
        SecretRef::Env(name) => ("env", name.as_str().into()),
        SecretRef::File(path) => ("file", path.as_str().into()),
        SecretRef::Exec(command) => {
            ("exec", Value::List(command.iter().map(|word| word.as_str().into()).collect()))
        }
        SecretRef::Kv { namespace, path, field } => {
            let parts = [("field", field), ("namespace", namespace), ("path", path)];
            ("kv", Value::map(parts.map(|(name, text)| (name, text.as_str().into()))))
        }
        SecretRef::Variable(name) => ("var", name.as_str().into()),
        SecretRef::Literal(_) => {
            return Err(Diagnostic::error("a plan with secrets in clear cannot be saved")
                .because("the configuration holds secrets itself, and a plan file must not")
                .hint("take them from elsewhere, such as `secret.env`"));
        }
    };
    Ok(Value::map([(source, content)]))
}

fn decode_secret(value: &Value) -> Option<SecretRef> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let mut entries = value.as_map()?.iter();
    let (Some((source, content)), None) = (entries.next(), entries.next()) else { return None };
    Some(match source.as_str() {
        "env" => SecretRef::Env(text(content)?),
        "file" => SecretRef::File(text(content)?),
        "exec" => SecretRef::Exec(content.as_list()?.iter().map(text).collect::<Option<_>>()?),
        "kv" => SecretRef::Kv {
            namespace: text(content.at("namespace"))?,
            path: text(content.at("path"))?,
            field: text(content.at("field"))?,
        },
        "var" => SecretRef::Variable(text(content)?),
        _ => return None,
    })
}

impl Saved {
    /// The sensitive variables that it needs, with their types.
    pub fn variables(&self) -> &BTreeMap<String, String> {
        &self.notes.variables
    }

    /// Where its secrets are named, by the name that findings have as their field.
    pub fn places(&self) -> &BTreeMap<String, String> {
        &self.notes.places
    }

    /// Looks again at all that the plan writes or relies on, and gives the plan if all of it is as it was.
    ///
    /// # Errors
    /// What changed since; nothing is written then.
    pub async fn check(
        mut self,
        server: &impl Write,
        address: &str,
        progress: Progress<'_>,
    ) -> Result<Plan, NotApplied> {
        let identity = Identity::ask(server, address).await.map_err(NotApplied::Error)?;
        let planned = &self.plan.server;
        let is_other = match planned.cluster.is_empty() || identity.cluster.is_empty() {
            true => planned.address != identity.address,
            false => planned.cluster != identity.cluster,
        };
        if is_other {
            let text = format!("the plan was made for another server, `{}`", planned.address);
            let variable = server.origins().address.names();
            let hint = format!("set {variable} as it was when the plan was made");
            return Err(NotApplied::Stale(vec![Diagnostic::error(text).hint(hint)]));
        }
        if planned.namespace != identity.namespace {
            let [then, now] = [planned, &identity].map(|server| named(&server.namespace));
            let text = format!("the plan was made in {then}, and is applied in {now}");
            let variable = server.origins().namespace.names();
            let hint = format!("set {variable} as it was when the plan was made");
            return Err(NotApplied::Stale(vec![Diagnostic::error(text).hint(hint)]));
        }
        let now = look_again(&self.plan, server, progress).await.map_err(NotApplied::Error)?;
        let (mut changed, hidden) = (Vec::new(), Hidden::of(&self.plan.steps));
        for step in self.plan.steps.iter_mut().filter(|step| step.action.writes()) {
            let live = now.get(looked_for(step)).unwrap_or(&Live::Absent);
            let then = self.fingerprints.get(&step.address).and_then(Option::as_ref);
            let seen =
                present(live).map(|live| Substance::of_step(step, &live, &hidden).fingerprint(&self.salt));
            match difference(live, seen.as_ref(), then) {
                Some(what) => changed.push(differing(format!("`{}` {what}", step.address), live)),
                None => step.live = present(live),
            }
        }
        changed.extend(self.take_outputs(&now, &hidden));
        if changed.is_empty() { Ok(self.plan) } else { Err(NotApplied::Stale(changed)) }
    }

    /// Takes note of the objects that the plan relies on; what changed of them.
    fn take_outputs(&mut self, now: &BTreeMap<Address, Live>, hidden: &Hidden) -> Vec<Diagnostic> {
        let mut changed = Vec::new();
        for (address, field) in outputs::relied_on(&self.plan) {
            let live = now.get(&address).unwrap_or(&Live::Absent);
            let Some(step) = self.plan.steps.iter_mut().find(|step| step.address == address) else {
                continue;
            };
            let seen = present(live);
            let seen =
                seen.map(|live| Substance::of_field(step, &live, &field, hidden).fingerprint(&self.salt));
            let then = self.outputs.get(&(address.clone(), field.clone())).and_then(Option::as_ref);
            match difference(live, seen.as_ref(), then) {
                Some(what) => changed.push(differing(format!("`{field}` of `{address}` {what}"), live)),
                None => step.live = present(live),
            }
        }
        changed
    }
}

fn named(namespace: &str) -> String {
    if namespace.is_empty() {
        "the root namespace".to_owned()
    } else {
        format!("the namespace `{namespace}`")
    }
}

/// That something is not as it was; with the reason, where it could not be read.
fn differing(text: String, live: &Live) -> Diagnostic {
    match live {
        Live::Unknown(why) => Diagnostic { summary: text, ..(**why).clone() },
        Live::Present(_) | Live::Absent | Live::Unseen => Diagnostic::error(text),
    }
}

pub(crate) fn present(live: &Live) -> Option<Record> {
    match live {
        Live::Present(record) => Some(record.clone()),
        Live::Absent | Live::Unseen | Live::Unknown(_) => None,
    }
}

/// How what was `seen` of `live` differs from what the plan was made on. The two may be of any sort that tells whether
/// they are the same.
pub(crate) fn difference<T: PartialEq>(
    live: &Live,
    seen: Option<&T>,
    then: Option<&T>,
) -> Option<&'static str> {
    match (live, then) {
        (Live::Absent | Live::Unseen, None) => None,
        (Live::Present(_), Some(_)) if seen == then => None,
        (Live::Present(_), Some(_)) => Some("was changed since the plan was made"),
        (Live::Present(_), None) => Some("was made since the plan was made"),
        (Live::Absent, Some(_)) => Some("was deleted since the plan was made"),
        (Live::Unseen | Live::Unknown(_), _) => Some("cannot be read any more"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// All sources that a file can name, with names out of characters that mean something in one of them.
    fn sources() -> impl Strategy<Value = SecretRef> {
        let name = || "[a-z#:/{}\"\\\\.]{0,8}";
        prop_oneof![
            name().prop_map(SecretRef::Env),
            name().prop_map(SecretRef::File),
            name().prop_map(SecretRef::Variable),
            proptest::collection::vec(name(), 0..4).prop_map(SecretRef::Exec),
            (name(), name(), name()).prop_map(|(namespace, path, field)| SecretRef::Kv {
                namespace,
                path,
                field
            }),
        ]
    }

    proptest! {
        #[test]
        fn a_secret_is_read_from_where_it_was_to_be_read_from(source in sources()) {
            let value = Val::late(Late::Secret(source));
            let text = json::render(&encode_val(&value).expect("no literal"));
            let read = json::parse(&text).ok().and_then(|encoded| decode_val(&encoded));
            prop_assert_eq!(read, Some(value));
        }
    }

    #[test]
    fn a_field_of_a_kv_secret_may_have_any_name() {
        let kv = |path: &str, field: &str| SecretRef::Kv {
            namespace: "a".into(),
            path: path.into(),
            field: field.into(),
        };
        for source in [kv("flat/a", "x#y"), kv("flat/a#x", "y")] {
            assert_eq!(decode_secret(&encode_secret(&source).expect("no literal")), Some(source));
        }
    }
}
