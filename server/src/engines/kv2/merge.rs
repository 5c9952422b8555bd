//! JSON merge patch (RFC 7396) on text: what is not changed stays character by character, names are in order.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::value::RawValue;

use crate::core::error::Error;

/// Levels of a patch. Each level is parsed again for the ones below it.
const MAX_DEPTH: usize = 100;

type Entries<'a> = BTreeMap<String, &'a RawValue>;

/// `target` with the keys of `patch`; those that are null there are removed.
///
/// # Errors
/// 400 for a patch that is nested too deep.
pub(super) fn merge(target: &RawValue, patch: &RawValue) -> Result<String, Error> {
    let mut out = String::with_capacity(target.get().len() + patch.get().len());
    write_merged(&mut out, Some(target), patch, MAX_DEPTH)?;
    Ok(out)
}

fn write_merged(
    out: &mut String,
    target: Option<&RawValue>,
    patch: &RawValue,
    depth: usize,
) -> Result<(), Error> {
    let depth = depth.checked_sub(1).ok_or_else(too_deep)?;
    match patch.get().as_bytes().first() {
        Some(b'{') => write_object(out, target, patch, depth),
        Some(b'[') => write_list(out, patch, depth),
        _ => {
            out.push_str(patch.get());
            Ok(())
        }
    }
}

fn write_object(
    out: &mut String,
    target: Option<&RawValue>,
    patch: &RawValue,
    depth: usize,
) -> Result<(), Error> {
    let patch: Entries<'_> = serde_json::from_str(patch.get())?;
    let target: Entries<'_> = match target {
        Some(target) if is_object(target) => serde_json::from_str(target.get())?,
        _ => Entries::new(),
    };
    let mut entries = Separated::new(out, '{');
    for key in target.keys().chain(patch.keys()).collect::<BTreeSet<_>>() {
        match (patch.get(key), target.get(key)) {
            (None, None) => {}
            (None, Some(kept)) => entries.key(key)?.push_str(kept.get()),
            (Some(removed), _) if removed.get() == "null" => {}
            (Some(patch), target) => write_merged(entries.key(key)?, target.copied(), patch, depth)?,
        }
    }
    out.push('}');
    Ok(())
}

/// Lists are replaced as a whole; of objects in them nulls are left out as elsewhere in a patch.
fn write_list(out: &mut String, patch: &RawValue, depth: usize) -> Result<(), Error> {
    let items: Vec<&RawValue> = serde_json::from_str(patch.get())?;
    let mut list = Separated::new(out, '[');
    for item in items {
        write_merged(list.next(), None, item, depth)?;
    }
    out.push(']');
    Ok(())
}

fn is_object(value: &RawValue) -> bool {
    value.get().starts_with('{')
}

fn too_deep() -> Error {
    Error::invalid(format!("the patch has more than {MAX_DEPTH} levels"))
}

/// Writes items with commas between them.
struct Separated<'a> {
    out: &'a mut String,
    is_first: bool,
}

impl<'a> Separated<'a> {
    fn new(out: &'a mut String, open: char) -> Self {
        out.push(open);
        Self { out, is_first: true }
    }

    fn next(&mut self) -> &mut String {
        if !std::mem::take(&mut self.is_first) {
            self.out.push(',');
        }
        self.out
    }

    fn key(&mut self, key: &str) -> Result<&mut String, Error> {
        let key = serde_json::to_string(key)?;
        let out = self.next();
        out.push_str(&key);
        out.push(':');
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(target: &str, patch: &str, expected: &str) {
        let raw = |text: &str| RawValue::from_string(text.to_owned()).expect("JSON");
        assert_eq!(merge(&raw(target), &raw(patch)).expect("a good patch"), expected);
    }

    #[test]
    fn keys_are_replaced_added_and_removed() {
        check(r#"{"a":1,"b":2}"#, r#"{"a":null,"c":3}"#, r#"{"b":2,"c":3}"#);
        check(r#"{"a":{"b":{"c":1,"d":2}}}"#, r#"{"a":{"b":{"c":null}}}"#, r#"{"a":{"b":{"d":2}}}"#);
        check(r#"{"a":null}"#, r#"{"b":1}"#, r#"{"a":null,"b":1}"#);
        check(r#"{"a":1}"#, "{}", r#"{"a":1}"#);
        check(r#"{"a":1}"#, "null", "null");
        check("null", r#"{"a":1}"#, r#"{"a":1}"#);
    }

    #[test]
    fn nulls_of_a_new_object_are_left_out() {
        check(r#"{"a":1}"#, r#"{"a":{"b":null,"c":{"d":null}}}"#, r#"{"a":{"c":{}}}"#);
        check(r#"{"a":[1]}"#, r#"{"a":[1,null,{"b":null,"c":1}]}"#, r#"{"a":[1,null,{"c":1}]}"#);
    }

    #[test]
    fn what_is_not_changed_keeps_its_text() {
        check(r#"{"n": 1.50,"o":{ "x" : 1e3}}"#, r#"{"m":2.0}"#, r#"{"m":2.0,"n":1.50,"o":{ "x" : 1e3}}"#);
    }

    #[test]
    fn a_patch_that_is_too_deep_is_refused() {
        let patch = format!("{}1{}", r#"{"a":"#.repeat(200), "}".repeat(200));
        let raw = |text: &str| RawValue::from_string(text.to_owned()).expect("JSON");
        assert_eq!(merge(&raw("{}"), &raw(&patch)).expect_err("too deep").status(), 400);
    }
}
