//! Fingerprints of objects as the server has them: two that are equal were the same.
//!
//! A plan file holds them, and whoever has the file could try guesses of a secret against one. So where the server
//! counts the versions of an object, the count stands for its secret values; elsewhere these go through Argon2id with
//! a salt of the file's own, which makes every guess dear. `docs/decisions/0007-*` has the reasons.

use std::collections::BTreeMap;
use std::fmt;

use argon2::{Algorithm, Argon2, Params, Version};
use schemas::{Field, Kind, Record, Value, compare, json};
use sha2::{Digest, Sha256};

use crate::hcl::plain_value;
use crate::hidden::Hidden;
use crate::plan::Step;
use crate::value::Val;

/// Random bytes of one plan file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Salt([u8; 16]);

/// Memory and passes of one Argon2id run: what OWASP names as the least.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;

impl Salt {
    pub(crate) fn random() -> Self {
        Self(rand::random())
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        hex::decode(text).ok()?.try_into().ok().map(Self)
    }

    fn stretched(&self, text: &str) -> String {
        let mut out = [0; 32];
        let params = Params::new(MEMORY_KIB, PASSES, 1, Some(out.len())).expect("the constants are in range");
        let hasher = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        hasher.hash_password_into(text.as_bytes(), &self.0, &mut out).expect("the lengths are in range");
        hex::encode(out)
    }
}

impl fmt::Display for Salt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

/// What counts of an object when it is asked whether it changed. Never printed, since it holds secrets.
#[derive(PartialEq)]
pub(crate) struct Substance {
    plain: BTreeMap<String, Value>,
    hidden: BTreeMap<String, Value>,
}

impl Substance {
    /// All that the server shows of the object of `step`; fields that secrets go into are hidden as well.
    pub(crate) fn of_step(step: &Step, live: &Record, hidden: &Hidden) -> Self {
        Self::of_shown((step.kind, &step.fields), live, &|name| hidden.has(&step.address, name))
    }

    /// One field of the object of `step`.
    pub(crate) fn of_field(step: &Step, live: &Record, name: &str, hidden: &Hidden) -> Self {
        Self::of_fields(step.kind.field(name).into_iter(), live, &|name| hidden.has(&step.address, name))
    }

    fn of_shown(
        (kind, fields): (&'static Kind, &BTreeMap<String, Val>),
        live: &Record,
        takes_secret: &dyn Fn(&str) -> bool,
    ) -> Self {
        // What nobody declares is looked at only where another object takes it, and counted there.
        let is_declared = |field: &Field| fields.get(field.name).is_some_and(|value| *value != Val::Null);
        let is_looked_at = |field: &Field| !kind.is_aside(field) || is_declared(field);
        let shown = kind.fields().filter(|field| field.at.is_some() && !field.key && field.readable);
        let shown = shown.filter(|field| is_looked_at(field));
        let mut substance = Self::of_fields(shown, live, takes_secret);
        if let Some((name, versions)) = version_count(kind, live) {
            // The versions are those of the content, and not of what is said of it.
            let is_counted = |name: &str| kind.field(name).is_some_and(Field::is_hidden);
            substance.hidden.retain(|name, _| !is_counted(name) && !live.get(name).has_secret());
            substance.plain.insert(name.to_owned(), versions.clone());
        }
        substance
    }

    fn of_fields(
        fields: impl Iterator<Item = &'static Field>,
        live: &Record,
        takes_secret: &dyn Fn(&str) -> bool,
    ) -> Self {
        let mut substance = Self { plain: BTreeMap::new(), hidden: BTreeMap::new() };
        for field in fields {
            let value = live.get(field.name);
            let is_hidden = field.is_hidden() || value.has_secret() || takes_secret(field.name);
            let content = if is_hidden { bare(field, value) } else { compare::canonical(field, value) };
            let part =
                if is_hidden && !value.is_null() { &mut substance.hidden } else { &mut substance.plain };
            part.insert(field.name.to_owned(), content);
        }
        substance
    }

    /// Its hash, for a file with `salt`.
    pub(crate) fn fingerprint(&self, salt: &Salt) -> String {
        let mut all = self.plain.clone();
        if !self.hidden.is_empty() {
            let text = json::render(&Value::Map(self.hidden.clone()));
            all.insert("(hidden)".to_owned(), salt.stretched(&text).into());
        }
        of_value(&Value::Map(all))
    }
}

/// The hash of a value without secrets.
pub(crate) fn of_value(value: &Value) -> String {
    hex::encode(Sha256::digest(json::render(value)))
}

/// A value out of all its wrapping.
fn bare(field: &Field, value: &Value) -> Value {
    compare::canonical(field, &plain_value(&Val::from(value)).unwrap_or_default())
}

/// The version of an object's content, with the time it was made: a secret that was destroyed begins again at 1.
fn version_count<'a>(kind: &'static Kind, live: &'a Record) -> Option<(&'static str, &'a Value)> {
    let field = kind.fields().find(|field| field.counts_versions)?;
    let versions = live.get(field.name);
    let counts = !versions.at("version").is_null() && !versions.at("created_time").is_null();
    counts.then_some((field.name, versions))
}

#[cfg(test)]
mod tests {
    use schemas::{Class, kinds};

    use super::*;

    fn record(kind: &str, text: &str) -> (&'static Kind, Record) {
        let Value::Map(fields) = json::parse(text).expect("JSON") else { panic!("no object") };
        (kinds::find(Class::Resource, kind).expect("a kind"), Record::from(fields))
    }

    fn fingerprint(kind: &str, text: &str, salt: &Salt) -> String {
        let (kind, live) = record(kind, text);
        Substance::of_shown((kind, &BTreeMap::new()), &live, &|_| false).fingerprint(salt)
    }

    #[test]
    fn a_hidden_value_counts_and_its_fingerprint_is_of_one_file() {
        let (one, other) = (Salt::random(), Salt::random());
        let of =
            |data: &str, salt| fingerprint("generic_secret", &format!("{{\"data_json\": \"{data}\"}}"), salt);
        assert_eq!(of("a", &one), of("a", &one));
        assert_ne!(of("a", &one), of("b", &one));
        assert_ne!(of("a", &one), of("a", &other));
        assert_eq!(Salt::parse(&one.to_string()), Some(one));
    }

    #[test]
    fn a_plain_field_that_a_secret_goes_into_is_hidden() {
        let (kind, live) = record("mount", "{\"type\": \"kv\", \"description\": \"old\"}");
        let substance = Substance::of_shown((kind, &BTreeMap::new()), &live, &|name| name == "description");
        assert!(substance.hidden.contains_key("description") && !substance.plain.contains_key("description"));
        let text = "{\"custom_metadata\": [{\"max_versions\": 5}], \
                    \"metadata\": {\"version\": \"1\", \"created_time\": \"t\"}}";
        let (kind, live) = record("kv_secret_v2", text);
        let substance =
            Substance::of_shown((kind, &BTreeMap::new()), &live, &|name| name == "custom_metadata");
        assert!(substance.hidden.contains_key("custom_metadata"), "the versions do not count it");
    }

    #[test]
    fn where_the_server_counts_versions_the_count_stands_for_the_content() {
        let salt = Salt::random();
        let of = |data: &str, version: u8, time: &str| {
            let metadata = format!("{{\"version\": \"{version}\", \"created_time\": \"{time}\"}}");
            let text = format!("{{\"data_json\": {data}, \"metadata\": {metadata}}}");
            fingerprint("kv_secret_v2", &text, &salt)
        };
        assert_eq!(of("\"a\"", 1, "t"), of("\"b\"", 1, "t"));
        assert_ne!(of("null", 1, "t"), of("null", 2, "t"));
        assert_ne!(of("null", 1, "t"), of("null", 1, "u"));
    }
}
