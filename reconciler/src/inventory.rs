//! What is there: the declared objects as the server has them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use client::{Error, Outcome};
use futures::stream::{self, StreamExt as _};
use schemas::{Diagnostic, Field, Kind, Record, Secret, Shape, Value, compare, json};

use crate::Address;
use crate::config::{Declared, Desired, type_field, type_of};
use crate::late::{Known, Nothing, resolve_all};
use crate::outputs::{self, Output};
use crate::plan::Why;
use crate::secrets::Secrets;
use crate::server::{Batched, Identity, Look, read};
use crate::value::{Late, SecretRef, Val};

/// Objects that are looked at together.
pub const CONCURRENCY: usize = 8;

/// What is there.
#[derive(Clone, Debug, Default)]
pub struct Inventory {
    /// Which server it is.
    pub server: Identity,
    /// What was looked for, by address.
    pub objects: BTreeMap<Address, Live>,
    /// Secrets that may be compared with what the server shows.
    secrets: Arc<Secrets>,
    /// Objects with such secrets, fitted to what is declared.
    fitted: BTreeMap<Address, Record>,
    /// What the server has of values that are sent and never stored, where that was asked for.
    unstored: BTreeMap<Output, Result<Value, Why>>,
}

/// An object as the server has it.
#[derive(Clone, Debug, PartialEq)]
pub enum Live {
    /// There is none.
    Absent,
    /// It is there.
    Present(Record),
    /// Nobody looked: it is not to be read, or the server shows nothing at its path. It may be there or not.
    Unseen,
    /// It cannot be told: the look was refused.
    Unknown(Box<Diagnostic>),
}

/// An object to look for.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub(crate) address: Address,
    pub(crate) kind: &'static Kind,
    pub(crate) fields: BTreeMap<String, Val>,
}

/// Told after each object: how many of how many.
pub type Progress<'a> = &'a (dyn Fn(usize, usize) + Sync);

impl Inventory {
    /// Looks for all objects that `desired` names.
    ///
    /// # Errors
    /// When nobody answers, or the client's own settings are no use. A refusal is no error: what was refused is
    /// [`Live::Unknown`].
    pub async fn take(
        server: &impl Look,
        address: &str,
        desired: &Desired,
        progress: Progress<'_>,
    ) -> Result<Self, Error> {
        let identity = Identity::ask(server, address).await?;
        let objects = look_for(server, wanted(desired), progress).await?;
        Ok(Self::of(identity, objects))
    }

    /// An inventory of what is known already.
    pub fn of(server: Identity, objects: BTreeMap<Address, Live>) -> Self {
        Self { server, objects, ..Self::default() }
    }

    /// Fetches the secrets of fields that the server shows, so that they can be compared; those for which a command
    /// has to be run, and those of fields that are sent and never stored, only if `compare` says so. The values stay in
    /// this inventory, and are wiped with it. The result says of each secret that cannot be had why: the fields that it
    /// goes into are not compared.
    ///
    /// # Errors
    /// When nobody answers.
    pub async fn fetch_secrets(
        &mut self,
        server: &impl Look,
        desired: &Desired,
        variables: &BTreeMap<String, Secret>,
        compare: bool,
    ) -> Result<Vec<Diagnostic>, Error> {
        let is_present = |address: &Address| self.record(&self.place(desired, address)).is_some();
        let present = desired.objects.iter().filter(|(address, _)| is_present(address));
        let shown = present.flat_map(|(_, object)| shown_fields(object, compare));
        let wanted = shown.flat_map(Val::secrets).filter(|secret| compare || !secret.runs_a_command());
        let (secrets, found) = Secrets::fetch_some(wanted.collect(), variables, server).await;
        self.secrets = Arc::new(secrets);
        self.fit(server, desired).await?;
        if compare {
            self.look_at_unstored(server, desired).await?;
        }
        Ok(found)
    }

    /// Looks at what the server shows of values that are sent and never stored.
    async fn look_at_unstored(&mut self, server: &impl Look, desired: &Desired) -> Result<(), Error> {
        let mut found = BTreeMap::new();
        for (address, object) in &desired.objects {
            let place = self.place(desired, address);
            let (Some(_), Ok(wanted)) = (self.record(&place), resolve_all(&object.fields, self)) else {
                continue;
            };
            for field in object.kind.fields().filter(|field| !wanted.get(field.name).is_null()) {
                let Some(shown_as) = field.shown_as else { continue };
                let known = shown_instead(object.kind, &place, wanted.clone(), (field, shown_as));
                let is = match read(server, object.kind, &address.namespace(), &known).await {
                    Ok(Outcome::Unseen(_)) => Err(Why::NotRead),
                    Ok(Outcome::Object(record)) => {
                        of_unstored(field, wanted.get(field.name), Some(&record), shown_as)
                    }
                    Ok(Outcome::Gone) => of_unstored(field, wanted.get(field.name), None, shown_as),
                    Err(error) => Err(refusal(error)?),
                };
                found.insert((address.clone(), field.name.to_owned()), is);
            }
        }
        self.unstored = found;
        Ok(())
    }

    /// What the server has of `field`, which is sent and never stored; `None` if nobody looked.
    pub(crate) fn unstored(&self, address: &Address, field: &str) -> Option<&Result<Value, Why>> {
        self.unstored.get(&(address.clone(), field.to_owned()))
    }

    /// True if the secret was fetched.
    pub(crate) fn has_secret(&self, reference: &SecretRef) -> bool {
        self.secrets.get(reference).is_some()
    }

    /// Looks once more at objects whose secrets seem to differ, now that these are known: some kinds show what is
    /// declared alone.
    async fn fit(&mut self, server: &impl Look, desired: &Desired) -> Result<(), Error> {
        let mut fitted = BTreeMap::new();
        for (address, object) in &desired.objects {
            let place = self.place(desired, address);
            let Some(live) = self.record(&place) else { continue };
            let Ok(mut wanted) = resolve_all(&object.fields, self) else { continue };
            let differs = |field: &&Field| {
                let (is, should) = (live.get(field.name), wanted.get(field.name));
                let is_known = should.has_secret() && !should.has_unknown();
                is_known && !is.is_null() && !object.kind.same(field, is, should)
            };
            let fields: Vec<_> = comparable(object.kind).filter(differs).collect();
            if fields.is_empty() {
                continue;
            }
            for (name, value) in crate::config::keys_of(object.kind, &place) {
                wanted.set(name, crate::hcl::plain_value(&value).unwrap_or_default());
            }
            if let Outcome::Object(again) = read(server, object.kind, &address.namespace(), &wanted).await? {
                let mut record = live.clone();
                fields.iter().for_each(|field| record.set(field.name, again.get(field.name).clone()));
                fitted.insert(address.clone(), record);
            }
        }
        self.fitted = fitted;
        Ok(())
    }

    /// The object at `address`, if it is there.
    fn record(&self, address: &Address) -> Option<&Record> {
        match self.live(address) {
            Live::Present(record) => Some(record),
            Live::Absent | Live::Unseen | Live::Unknown(_) => None,
        }
    }

    /// The object at `address` fitted to what is declared, if its secrets seemed to differ.
    pub(crate) fn fitted(&self, address: &Address) -> Option<&Record> {
        self.fitted.get(address)
    }

    /// Where the object declared at `address` is now: there, or where it was before it is moved.
    pub(crate) fn place(&self, desired: &Desired, address: &Address) -> Address {
        let is_there = |place: &Address| *self.live(place) != Live::Absent;
        let earlier = if is_there(address) { Vec::new() } else { desired.earlier(address) };
        earlier.into_iter().find(is_there).unwrap_or_else(|| address.clone())
    }

    /// The object at `address`; absent if nobody looked.
    pub fn live(&self, address: &Address) -> &Live {
        self.objects.get(address).unwrap_or(&Live::Absent)
    }
}

impl Known for Inventory {
    fn secret(&self, reference: &SecretRef) -> Option<Value> {
        self.secrets.get(reference)
    }

    fn output(&self, address: &Address, field: &str) -> Option<Value> {
        self.record(address).map(|record| record.get(field).clone()).filter(|value| !value.is_null())
    }
}

/// Fields whose value the server shows.
fn comparable(kind: &'static Kind) -> impl Iterator<Item = &'static Field> {
    kind.fields().filter(|field| field.readable && !field.is_write_only())
}

/// Values of fields that the server shows; of those that are never stored only if they are to be compared.
fn shown_fields(object: &Declared, compare: bool) -> impl Iterator<Item = &Val> {
    let unstored = object.kind.fields().filter(move |field| compare && field.shown_as.is_some());
    comparable(object.kind).chain(unstored).filter_map(|field| object.fields.get(field.name))
}

/// What is known of an object that is looked at for `field`: as if `shown_as`, in which the server shows it, were
/// asked for in its place.
fn shown_instead(
    kind: &Kind,
    place: &Address,
    mut known: Record,
    (field, shown_as): (&Field, &'static str),
) -> Record {
    for (name, value) in crate::config::keys_of(kind, place) {
        known.set(name, crate::hcl::plain_value(&value).unwrap_or_default());
    }
    for name in [Some(field.name), field.revision].into_iter().flatten() {
        known.set(name, Value::Null);
    }
    known.with(shown_as, Secret::new(Value::Unknown))
}

/// The value of `field` in `record`; as it is `wanted` if that is what the server keeps of it.
fn of_unstored(field: &Field, wanted: &Value, record: Option<&Record>, shown_as: &str) -> Result<Value, Why> {
    let is = record.map(|record| record.get(shown_as).clone()).unwrap_or_default();
    if wanted.has_unknown() {
        return Err(Why::NoSecret);
    }
    if is.has_unknown() {
        return Err(Why::NotRead);
    }
    let document = |value: &Value| value.as_str().and_then(|text| json::parse(text).ok());
    let is_kept = match (field.shape, document(wanted), document(&is)) {
        (Shape::Json, Some(wanted), Some(is)) => compare::is_kept(&wanted, &is),
        _ => false,
    };
    Ok(Secret::new(if is_kept { wanted.expose().clone() } else { is.expose().clone() }).into())
}

/// That a look was refused.
///
/// # Errors
/// When nobody answered.
fn refusal(error: Error) -> Result<Why, Error> {
    match error {
        Error::Refused(_) => Ok(Why::Refused),
        error => Err(error),
    }
}

fn wanted(desired: &Desired) -> Vec<Wanted> {
    let declared = desired.objects.iter().map(|(address, object)| (address, object.kind, &object.fields));
    let removed = desired.removed.iter().map(|(address, object)| (address, object.kind, &object.fields));
    let asked = outputs::of_all(desired.objects.values().map(|object| &object.fields));
    let mut wanted = Vec::new();
    for object in declared.chain(removed) {
        let places = std::iter::once(object.0.clone()).chain(desired.earlier(object.0));
        wanted.extend(places.map(|place| Wanted::at(place, object, &asked)));
    }
    wanted
}

impl Wanted {
    /// An object with the address, the kind and the fields that it is declared with, looked for at `address`. What
    /// others take of it is `asked` for.
    pub(crate) fn at(
        address: Address,
        (declared, kind, fields): (&Address, &'static Kind, &BTreeMap<String, Val>),
        asked: &BTreeSet<Output>,
    ) -> Self {
        let keys = crate::config::keys_of(kind, &address);
        let mut fields = fields.clone();
        fields.extend(keys.into_iter().map(|(name, value)| (name.to_owned(), value)));
        for field in kind.fields().filter(|field| kind.is_aside(field)) {
            let is_open = fields.get(field.name).is_none_or(|value| *value == Val::Null);
            if is_open && asked.contains(&(declared.clone(), field.name.to_owned())) {
                fields.insert(field.name.to_owned(), Val::late(Late::Unsettled));
            }
        }
        Self { address, kind, fields }
    }
}

/// Looks for `wanted`: what holds others first, so that nothing is asked of what is not there.
pub(crate) async fn look_for(
    server: &impl Look,
    wanted: Vec<Wanted>,
    progress: Progress<'_>,
) -> Result<BTreeMap<Address, Live>, Error> {
    let server = Arc::new(Batched::new(server));
    let (total, done) = (wanted.len(), AtomicUsize::new(0));
    let mut levels: BTreeMap<usize, Vec<Wanted>> = BTreeMap::new();
    let mut types = Types::new();
    for object in wanted {
        if let Some(of_type) = type_of(&object.address, &object.fields) {
            types.insert(object.address.clone(), (object.kind, of_type.to_owned()));
        }
        levels.entry(object.address.steps().len()).or_default().push(object);
    }
    let mut found: BTreeMap<Address, Live> = BTreeMap::new();
    for level in levels.into_values() {
        let looks = level.into_iter().map(|object| {
            let missing =
                object.address.containers().any(|container| cannot_hold(&found, &types, &container));
            let (server, done) = (server.clone(), &done);
            async move {
                let live = if missing { Live::Absent } else { look_at(&*server, &object).await? };
                progress(done.fetch_add(1, Ordering::Relaxed) + 1, total);
                Ok((object.address, live))
            }
        });
        let looks: Vec<Result<_, Error>> =
            stream::iter(looks.collect::<Vec<_>>()).buffer_unordered(CONCURRENCY).collect().await;
        found.extend(looks.into_iter().collect::<Result<Vec<_>, _>>()?);
    }
    Ok(found)
}

/// Types of containers as they are declared.
type Types = BTreeMap<Address, (&'static Kind, String)>;

/// True if `container` is not there, or is of another type than declared.
fn cannot_hold(found: &BTreeMap<Address, Live>, types: &Types, container: &Address) -> bool {
    match found.get(container) {
        Some(Live::Absent) => true,
        Some(Live::Present(record)) => {
            types.get(container).is_some_and(|(kind, declared)| other_type(kind, declared, record).is_some())
        }
        Some(Live::Unseen | Live::Unknown(_)) | None => false,
    }
}

/// The type of the container `live`, if it is another one than `declared`.
pub(crate) fn other_type<'a>(kind: &Kind, declared: &str, live: &'a Record) -> Option<&'a str> {
    let of_type = live.text(type_field(kind.block?.name)?);
    (!of_type.is_empty() && !kind.behavior.is_of_type(declared, of_type)).then_some(of_type)
}

async fn look_at(server: &impl Look, object: &Wanted) -> Result<Live, Error> {
    let known = match resolve_all(&object.fields, &Nothing) {
        Ok(known) => known,
        Err((field, error)) => {
            return Ok(Live::Unknown(Box::new(Diagnostic::error(format!("`{field}`: {error}")))));
        }
    };
    match read(server, object.kind, &object.address.namespace(), &known).await {
        Ok(Outcome::Object(record)) => Ok(Live::Present(seen(object.kind, record))),
        Ok(Outcome::Unseen(_)) => Ok(Live::Unseen),
        Ok(Outcome::Gone) => Ok(Live::Absent),
        Err(error) if error.is_general() => Err(error),
        Err(error) => Ok(Live::Unknown(Box::new(error.to_diagnostic()))),
    }
}

/// What was really seen: values that were only known from the configuration are taken out.
fn seen(kind: &Kind, mut record: Record) -> Record {
    for field in kind.fields().filter(|field| field.at.is_some() && !field.key) {
        let unseen = !field.readable || field.is_write_only() || record.get(field.name).has_unknown();
        if unseen {
            record.set(field.name, Value::Null);
        }
    }
    record
}
