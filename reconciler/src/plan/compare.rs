//! What differs between an object as it is and as it is declared.

use std::collections::{BTreeMap, BTreeSet};

use schemas::codec::absent;
use schemas::{Field, Kind, Presence, Record, Secret, Shape, Value, compare};

use super::{Change, Unseen, Why};
use crate::Address;
use crate::inventory::Inventory;
use crate::value::{SecretRef, Val};

/// Fields that are written and compared.
fn compared(kind: &'static Kind) -> impl Iterator<Item = &'static Field> {
    kind.fields().filter(|field| !field.key && field.at.is_some() && field.is_configurable())
}

/// The fields that a new object gets.
pub(super) fn creation(kind: &'static Kind, wanted: &Record) -> Vec<Change> {
    let set = compared(kind).filter(|field| !wanted.get(field.name).is_null());
    set.map(|field| change(field, Value::Null, wanted.get(field.name).clone())).collect()
}

/// An object as it was seen.
#[derive(Clone, Copy)]
pub(super) struct Seen<'a> {
    /// As the server shows it.
    pub(super) live: &'a Record,
    /// Where it is declared.
    pub(super) address: &'a Address,
    /// Its fields as declared.
    pub(super) fields: &'a BTreeMap<String, Val>,
    /// All that was looked at.
    pub(super) inventory: &'a Inventory,
}

impl<'a> Seen<'a> {
    /// As the server shows it, fitted to the declaration: what is not declared left out, what is not shown put in.
    fn fitted(&self) -> &'a Record {
        self.inventory.fitted(self.address).unwrap_or(self.live)
    }

    /// True if the value of `field` can only be compared in part: the server does not show all that is declared.
    fn is_partial(&self, field: &Field) -> bool {
        self.inventory.fitted(self.address).is_some_and(|fitted| {
            !compare::is_shown(field, fitted.get(field.name), self.live.get(field.name))
        })
    }

    /// What the server has of a value that is sent and never stored, if that was looked at and is something.
    fn unstored(&self, field: &Field) -> Option<&'a Value> {
        let is = self.inventory.unstored(self.address, field.name)?.as_ref().ok()?;
        (!is.expose().is_null()).then_some(is)
    }

    /// Whether `should` is what the server has, of a value that is sent and never stored.
    fn verdict_of_unstored(&self, kind: &Kind, field: &Field, should: &Value) -> Verdict {
        match self.inventory.unstored(self.address, field.name) {
            _ if field.shown_as.is_none() => Verdict::Unseen(Why::NeverShown),
            None => Verdict::Unseen(Why::NotAsked),
            Some(Err(why)) => Verdict::Unseen(*why),
            Some(Ok(is)) if kind.same(field, is, should) => Verdict::Same,
            Some(Ok(_)) => Verdict::Differs(should.clone()),
        }
    }

    /// Why a secret in `field` is not known.
    fn why_unknown(&self, field: &Field) -> Why {
        let value = self.fields.get(field.name);
        let secrets = value.map(Val::secrets).unwrap_or_default();
        let is_fetched = |secret: &&SecretRef| self.inventory.has_secret(secret);
        let missing: Vec<_> = secrets.iter().filter(|secret| !is_fetched(secret)).collect();
        match missing.iter().any(|secret| secret.runs_a_command()) {
            _ if missing.is_empty() => Why::NotKnown,
            true => Why::NotAsked,
            false => Why::NoSecret,
        }
    }
}

/// The fields that differ, and those of which it cannot be told.
///
/// What is not declared is not compared, unless the table says what its absence means.
pub(super) fn differences(
    kind: &'static Kind,
    seen: Seen<'_>,
    wanted: &Record,
    resend: bool,
) -> (Vec<Change>, Vec<Unseen>) {
    let (mut changes, mut unverifiable) = (Vec::new(), Vec::new());
    let live = seen.fitted();
    for field in compared(kind) {
        let (is, should) = (live.get(field.name), wanted.get(field.name));
        let verdict = match verdict(kind, field, is, should) {
            Verdict::Same if seen.is_partial(field) => Verdict::Unseen(Why::InPart),
            Verdict::Unseen(Why::NoSecret) => Verdict::Unseen(seen.why_unknown(field)),
            Verdict::Unseen(_) if field.is_write_only() => seen.verdict_of_unstored(kind, field, should),
            verdict => verdict,
        };
        match verdict {
            Verdict::Same => {}
            Verdict::Unseen(_) if resend => changes.push(change(field, Value::Null, should.clone())),
            Verdict::Unseen(why) => unverifiable.push(Unseen { field: field.name.to_owned(), why }),
            Verdict::Differs(after) => {
                let is = seen.unstored(field).unwrap_or(is);
                changes.push(change(field, declared_part(field, is, &after), after));
            }
        }
    }
    changes.extend(ousted(kind, live, wanted));
    (changes, unverifiable)
}

/// Of an object in a list, such as a mount's `tune`, the attributes that are declared: the others are not compared.
fn declared_part(field: &Field, is: &Value, should: &Value) -> Value {
    let single = matches!(field.shape, Shape::List(Shape::Object(_)) | Shape::Block { max: 1, .. });
    let (Some([live]), Some([declared])) = (is.as_list(), should.as_list()) else { return is.clone() };
    let (Some(live), Some(declared), true) = (live.as_map(), declared.as_map(), single) else {
        return is.clone();
    };
    let is_declared = |name: &String| declared.get(name).is_some_and(|value| !value.is_null());
    let part = live.iter().filter(|(name, _)| is_declared(name));
    Value::List(vec![Value::Map(part.map(|(name, value)| (name.clone(), value.clone())).collect())])
}

enum Verdict {
    Same,
    /// It cannot be told.
    Unseen(Why),
    /// It has to become this.
    Differs(Value),
}

fn verdict(kind: &Kind, field: &Field, is: &Value, should: &Value) -> Verdict {
    if should.is_null() {
        let default = field.default.filter(|_| field.presence == Presence::Optional && field.readable);
        let differs = default.is_some() && !is.is_null() && !kind.same(field, is, &Value::Null);
        return if differs { Verdict::Differs(absent(field)) } else { Verdict::Same };
    }
    if !field.readable || field.is_write_only() {
        return Verdict::Unseen(Why::NeverShown);
    }
    match kind.same(field, is, should) {
        _ if should.has_secret() && should.has_unknown() => Verdict::Unseen(Why::NoSecret),
        true => Verdict::Same,
        false => Verdict::Differs(should.clone()),
    }
}

/// Fields that are set and have to give way to others that are declared.
fn ousted<'a>(
    kind: &'static Kind,
    live: &'a Record,
    wanted: &'a Record,
) -> impl Iterator<Item = Change> + 'a {
    ousted_fields(kind, live, wanted).map(|field| change(field, live.get(field.name).clone(), Value::Null))
}

fn ousted_fields<'a>(
    kind: &'static Kind,
    live: &'a Record,
    wanted: &'a Record,
) -> impl Iterator<Item = &'static Field> + 'a {
    compared(kind).filter(move |field| {
        let rivals = field.conflicts.iter().chain(field.one_of);
        wanted.get(field.name).is_null()
            && !kind.same(field, live.get(field.name), &Value::Null)
            && rivals.into_iter().any(|rival| !wanted.get(rival).is_null())
    })
}

fn change(field: &Field, before: Value, after: Value) -> Change {
    let hide = |value: Value| {
        if field.is_hidden() && !value.is_null() { Secret::new(value).into() } else { value }
    };
    Change {
        field: field.name.to_owned(),
        replaces: field.replaces && !before.is_null(),
        before: hide(before),
        after: hide(after),
    }
}

/// The object as it will be: as it is, with what is declared put in.
pub(crate) fn merged(kind: &'static Kind, live: &Record, wanted: &Record) -> Record {
    let mut merged = live.clone();
    let ousted: Vec<_> = ousted_fields(kind, live, wanted).map(|field| field.name).collect();
    for field in kind.fields() {
        let value = wanted.get(field.name);
        if !value.is_null() {
            merged.set(field.name, value.clone());
        } else if ousted.contains(&field.name) {
            merged.set(field.name, Value::Null);
        } else if let Verdict::Differs(default) = verdict(kind, field, live.get(field.name), value) {
            merged.set(field.name, default);
        }
    }
    merged
}

/// What is sent although the kind alone would see no change of it.
#[derive(Clone, Copy)]
pub(crate) enum Again<'a> {
    /// All that cannot be read.
    All,
    /// These fields, whose content is another one on the server.
    These(&'a BTreeSet<String>),
}

impl Again<'_> {
    fn has(self, field: &Field) -> bool {
        match self {
            Self::All => true,
            Self::These(names) => names.contains(field.name),
        }
    }
}

/// The object as it was, such that the kind sees a change only where there is one to be made: what cannot be read
/// and what the plan called `unverifiable` count as unchanged, unless they are to be sent again.
pub(crate) fn prior_of(
    kind: &'static Kind,
    live: &Record,
    wanted: &mut Record,
    unverifiable: &[Unseen],
    again: Again<'_>,
) -> Record {
    let mut prior = live.clone();
    for field in kind.fields().filter(|field| !field.key && !again.has(field)) {
        let is_unseen = !field.readable
            || field.is_write_only()
            || unverifiable.iter().any(|unseen| unseen.field == field.name);
        if field.at.is_none() || is_unseen {
            prior.set(field.name, wanted.get(field.name).clone());
        }
    }
    // A write-only value is sent when its revision changes.
    let sent = kind.fields().filter(|field| field.is_write_only() && again.has(field));
    let sent = sent.filter(|field| !wanted.get(field.name).is_null());
    let revisions: Vec<_> = sent.filter_map(|field| field.revision).collect();
    for revision in revisions {
        prior.set(revision, Value::Null);
        if wanted.get(revision).is_null() {
            wanted.set(revision, 1);
        }
    }
    prior
}

#[cfg(test)]
mod tests {
    use schemas::{Class, kinds};

    use super::*;

    #[test]
    fn what_was_called_unverifiable_is_not_written_unless_it_is_to_be_sent_again() {
        let kind = kinds::find(Class::Resource, "generic_secret").expect("a kind");
        let record = |text: &str| Record::from_iter([("data_json".to_owned(), Value::from(text))]);
        let (live, mut wanted) = (record("{}"), record("{\"a\":1}"));
        let unverifiable = [Unseen { field: "data_json".to_owned(), why: Why::NoSecret }];
        let mut prior =
            |again| prior_of(kind, &live, &mut wanted, &unverifiable, again).text("data_json").to_owned();
        assert_eq!([prior(Again::These(&BTreeSet::new())), prior(Again::All)], ["{\"a\":1}", "{}"]);
    }
}
