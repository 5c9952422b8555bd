//! Query strings and form bodies as parameters.

use std::collections::BTreeMap;

use serde_json::value::{RawValue, to_raw_value};

use crate::core::lenient;
use crate::core::request::Parameters;

/// Pairs that a query string or a form may have, as clients of the API know it. Empty ones count, too: a pair takes many
/// times the bytes that it is written with, and nobody has proven anything when it is read.
const MOST: usize = 10_000;

/// Name and value pairs of the query string `text`, percent-decoded. What does not decode or has a semicolon, which
/// once parted pairs, is left out, and what decodes to no text is [replaced](lenient::text). A string of too many pairs
/// counts as none.
pub(crate) fn pairs(text: &str) -> Vec<(String, String)> {
    let decode = |part: &[u8]| {
        let part = (!part.contains(&b';')).then_some(part)?;
        Some(lenient::into_text(decoded(part)?))
    };
    let pairs = split(text.as_bytes()).into_iter().flatten();
    pairs.filter_map(|(name, value)| Some((decode(name)?, decode(value)?))).collect()
}

/// The pairs of `text` that are not empty, as they are written; `None` if there are too many.
fn split(text: &[u8]) -> Option<impl Iterator<Item = (&[u8], &[u8])>> {
    let separators = text.iter().filter(|byte| **byte == b'&').count();
    let pairs = text.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty());
    (separators < MOST).then(|| {
        pairs.map(|pair| match pair.iter().position(|byte| *byte == b'=') {
            Some(place) => (&pair[..place], &pair[place + 1..]),
            None => (pair, &[][..]),
        })
    })
}

/// `pairs` as parameters: text, or a list of texts where a name is repeated. `leave_out` names those that are not for
/// the engine.
pub(super) fn parameters(pairs: Vec<(String, String)>, leave_out: &[&str]) -> Parameters {
    let mut values = BTreeMap::<String, Vec<String>>::new();
    for (name, value) in pairs {
        if !leave_out.contains(&name.as_str()) {
            values.entry(name).or_default().push(value);
        }
    }
    values.into_iter().map(|(name, values)| (name, raw(&values))).collect()
}

/// The values of a form body: repeated names joined by comma. `None` if it is no form, or one of too many pairs.
pub(super) fn form(text: &[u8]) -> Option<Parameters> {
    let mut values = BTreeMap::<String, Vec<u8>>::new();
    for (name, value) in split(text)? {
        if name.contains(&b';') || value.contains(&b';') {
            return None;
        }
        let (name, value) = (lenient::into_text(decoded(name)?), decoded(value)?);
        match values.get_mut(&name) {
            Some(joined) => {
                joined.push(b',');
                joined.extend(value);
            }
            None => drop(values.insert(name, value)),
        }
    }
    Some(values.into_iter().map(|(name, value)| (name, raw(&[lenient::into_text(value)]))).collect())
}

/// Bytes that the values of the form `text` take at most while they are read: decoded, and as JSON.
pub(super) fn form_size(text: &[u8]) -> usize {
    let replaced = lenient::size(text);
    let longer = |byte: &u8| match byte {
        b'"' | b'\\' => 1,
        // Three bytes may say a character that takes six.
        b'%' => 3,
        byte if byte.is_ascii_control() => 5,
        _ => 0,
    };
    replaced + replaced + text.iter().map(longer).sum::<usize>()
}

fn raw(values: &[String]) -> Box<RawValue> {
    let raw = match values {
        [value] => to_raw_value(value),
        values => to_raw_value(values),
    };
    raw.expect("texts have a JSON form")
}

/// A part of a query string or a form without its escapes; `None` if some are not well-formed.
fn decoded(part: &[u8]) -> Option<Vec<u8>> {
    unescaped(part, |byte| if byte == b'+' { b' ' } else { byte })
}

/// `text` with `%41` as `A`; `None` if that is not UTF-8 or not well-formed.
pub(super) fn percent_decode(text: &str) -> Option<String> {
    String::from_utf8(unescaped(text.as_bytes(), |byte| byte)?).ok()
}

/// `text` without its escapes, and with `plain` of every other byte.
fn unescaped(text: &[u8], plain: impl Fn(u8) -> u8) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&first, after)) = rest.split_first() {
        rest = after;
        if first != b'%' {
            bytes.push(plain(first));
            continue;
        }
        let (digits, after) = rest.split_at_checked(2)?;
        let mut byte = [0];
        hex::decode_to_slice(digits, &mut byte).ok()?;
        bytes.extend(byte);
        rest = after;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(name: &str, value: &str) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }

    #[track_caller]
    fn check_form(text: &[u8], expected: Option<&str>) {
        let read = form(text).map(|read| serde_json::to_string(&read).expect("JSON"));
        assert_eq!(read.as_deref(), expected);
    }

    #[test]
    fn a_form_is_decoded_as_the_bytes_that_it_is() {
        check_form(b"=&&a&b=\xc3%bc+%2b", Some("{\"\":\"\",\"a\":\"\",\"b\":\"\u{fc} +\"}"));
        check_form(b"a=1&b=%ff\xff&a=&a=2", Some("{\"a\":\"1,,2\",\"b\":\"\u{fffd}\u{fffd}\"}"));
        for wrong in [&b"a=%zz"[..], b"a=%4", b"%zz=1", b"a=1;b=2"] {
            check_form(wrong, None);
        }
    }

    #[test]
    fn pairs_are_counted_before_they_are_split() {
        let most = "a&".repeat(MOST - 1) + "b=1";
        assert_eq!(pairs(&most).len(), MOST);
        assert_eq!(form(most.as_bytes()).map(|read| read.len()), Some(2));
        for pair in ["a", "a=1", ""] {
            let more = format!("{pair}&").repeat(MOST) + "b=1";
            assert_eq!((pairs(&more).len(), form(more.as_bytes()).is_none()), (0, true));
        }
    }

    #[test]
    fn a_form_takes_no_more_than_its_size() {
        for part in ["x", "%01", "%22", "\"", "\u{1}", "\u{fc}", "%ff", "%5c+"] {
            let text = format!("a={}", part.repeat(100));
            let read = form(text.as_bytes()).expect("a form");
            let json = read["a"].get();
            let decoded: String = serde_json::from_str(json).expect("text");
            assert!(decoded.len() + json.len() <= form_size(text.as_bytes()) + 2, "{part}");
        }
    }

    #[test]
    fn escapes_are_decoded() {
        assert_eq!(percent_decode("a%20b%C3%BC").as_deref(), Some("a bü"));
        assert_eq!(percent_decode("%zz"), None);
        assert_eq!(percent_decode("%4"), None);
        assert_eq!(percent_decode("%+f"), None);
        assert_eq!(percent_decode("%ff"), None);
        assert_eq!(pairs("x%ff+y&%zz+y=1+2&a;b=1&c=1;2&d"), [pair("x\u{fffd} y", ""), pair("d", "")]);
    }

    #[test]
    fn repeated_names_are_a_list() {
        let parameters = parameters(pairs("a=1&b=x+y&a=2&list=true"), &["list"]);
        let parameters = serde_json::to_string(&parameters).expect("JSON");
        assert_eq!(parameters, r#"{"a":["1","2"],"b":"x y"}"#);
    }
}
