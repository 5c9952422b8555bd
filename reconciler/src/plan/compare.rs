//! What differs between an object as it is and as it is declared.

use schemas::codec::absent;
use schemas::{Field, Kind, Presence, Record, Secret, Shape, Value, compare};

use super::Change;

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
    /// The same, fitted to the declaration: what is not declared left out, what is not shown put in.
    pub(super) fitted: Option<&'a Record>,
}

impl Seen<'_> {
    /// True if the value of `field` can only be compared in part: the server does not show all that is declared.
    fn is_partial(&self, field: &Field) -> bool {
        self.fitted.is_some_and(|fitted| {
            !compare::is_shown(field, fitted.get(field.name), self.live.get(field.name))
        })
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
) -> (Vec<Change>, Vec<String>) {
    let (mut changes, mut unverifiable) = (Vec::new(), Vec::new());
    let live = seen.fitted.unwrap_or(seen.live);
    for field in compared(kind) {
        let (is, should) = (live.get(field.name), wanted.get(field.name));
        let verdict = match verdict(kind, field, is, should) {
            Verdict::Same if seen.is_partial(field) => Verdict::Unseen,
            verdict => verdict,
        };
        match verdict {
            Verdict::Same => {}
            Verdict::Unseen if resend => changes.push(change(field, Value::Null, should.clone())),
            Verdict::Unseen => unverifiable.push(field.name.to_owned()),
            Verdict::Differs(after) => changes.push(change(field, declared_part(field, is, &after), after)),
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
    Unseen,
    /// It has to become this.
    Differs(Value),
}

fn verdict(kind: &Kind, field: &Field, is: &Value, should: &Value) -> Verdict {
    if should.is_null() {
        let default = field.default.filter(|_| field.presence == Presence::Optional && field.readable);
        let differs = default.is_some() && !is.is_null() && !kind.same(field, is, &Value::Null);
        return if differs { Verdict::Differs(absent(field)) } else { Verdict::Same };
    }
    let hidden = !field.readable || field.is_write_only() || (should.has_secret() && should.has_unknown());
    match (hidden, kind.same(field, is, should)) {
        (true, _) => Verdict::Unseen,
        (false, true) => Verdict::Same,
        (false, false) => Verdict::Differs(should.clone()),
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

/// The object as it was, such that the kind sees a change only where there is one to be made: what cannot be read
/// and what the plan called `unverifiable` count as unchanged, unless they are to be sent again.
pub(crate) fn prior_of(
    kind: &'static Kind,
    live: &Record,
    wanted: &mut Record,
    unverifiable: &[String],
    resend: bool,
) -> Record {
    let mut prior = live.clone();
    for field in kind.fields().filter(|field| !field.key) {
        let is_local = field.at.is_none();
        let is_unseen =
            !field.readable || field.is_write_only() || unverifiable.iter().any(|name| name == field.name);
        if (is_local || is_unseen) && !resend {
            prior.set(field.name, wanted.get(field.name).clone());
        }
    }
    if resend {
        // A write-only value is sent when its revision changes.
        let revisions = kind
            .fields()
            .filter(|field| field.is_write_only())
            .filter_map(|field| Some((field.revision?, wanted.get(field.name).is_null())));
        let sent: Vec<_> = revisions.filter(|(_, unset)| !unset).map(|(revision, _)| revision).collect();
        for revision in sent {
            prior.set(revision, Value::Null);
            if wanted.get(revision).is_null() {
                wanted.set(revision, 1);
            }
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
        let unverifiable = ["data_json".to_owned()];
        let mut prior =
            |resend| prior_of(kind, &live, &mut wanted, &unverifiable, resend).text("data_json").to_owned();
        assert_eq!([prior(false), prior(true)], ["{\"a\":1}", "{}"]);
    }
}
