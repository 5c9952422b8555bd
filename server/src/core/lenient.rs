//! Text that is none, read as clients of the API know it: each byte that belongs to no character counts as U+FFFD, and
//! so does each half of a pair of escapes (`\ud83d`) that comes without the other.

use std::borrow::Cow;

/// `bytes` as text.
pub(crate) fn text(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(size(bytes));
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER));
    }
    text
}

/// As [`text`], without a copy of what is text already.
pub(crate) fn into_text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| text(error.as_bytes()))
}

/// Bytes of the [`text`] of `bytes`.
pub(crate) fn size(bytes: &[u8]) -> usize {
    if std::str::from_utf8(bytes).is_ok() {
        return bytes.len();
    }
    let replacement = char::REPLACEMENT_CHARACTER.len_utf8();
    bytes.utf8_chunks().map(|chunk| chunk.valid().len() + chunk.invalid().len() * replacement).sum()
}

/// `json` with whole escapes only; copied if it has others and is borrowed.
pub(crate) fn whole_escapes(json: &mut Cow<'_, [u8]>) {
    // Most JSON has no escapes at all, which is found out quickly.
    if !json.contains(&b'\\') {
        return;
    }
    let mut place = 0;
    while let Some(offset) = json[place..].iter().position(|byte| *byte == b'\\') {
        place += offset;
        place += match (unit(json, place), unit(json, place + 6)) {
            (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => 12,
            (Some(0xd800..=0xdfff), _) => {
                json.to_mut()[place + 2..place + 6].copy_from_slice(b"fffd");
                6
            }
            // Also the one that escapes a backslash.
            _ => 2,
        };
        place = place.min(json.len());
    }
}

/// What the escape at `place` says: a unit of UTF-16. `None` if there is no such escape.
fn unit(json: &[u8], place: usize) -> Option<u16> {
    let escape = json.get(place..place + 6)?;
    let digits = escape.strip_prefix(b"\\u").filter(|digits| digits.iter().all(u8::is_ascii_hexdigit))?;
    u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_byte_that_is_no_text_is_replaced() {
        assert_eq!(text(b"x\xffy"), "x\u{fffd}y");
        assert_eq!(text("ü".as_bytes()), "ü");
        assert_eq!(into_text(b"x\xff".to_vec()), "x\u{fffd}");
        assert_eq!((size(b"x\xffy"), text(b"x\xffy").capacity()), (5, 5));
        assert_eq!(text(b"\xe2\x82|\xed\xa0\x80"), "\u{fffd}\u{fffd}|\u{fffd}\u{fffd}\u{fffd}");
    }

    #[track_caller]
    fn check(json: &str, expected: Option<&str>) {
        let mut whole = Cow::Borrowed(json.as_bytes());
        whole_escapes(&mut whole);
        assert_eq!(matches!(whole, Cow::Owned(_)), expected.is_some(), "{json}");
        assert_eq!(*whole, *expected.unwrap_or(json).as_bytes(), "{json}");
    }

    #[test]
    fn half_a_pair_of_escapes_is_replaced() {
        check(r#""a\n\"""#, None);
        check(r#""\ud83d\ude00""#, None);
        check(r#""\\ud83d""#, None);
        check(r#""\u00fc""#, None);
        check(r#""\ud83d""#, Some(r#""\ufffd""#));
        check(r#""\ud83d\ud83d\ude00""#, Some(r#""\ufffd\ud83d\ude00""#));
        check(r#""\uDE00\u0041""#, Some(r#""\ufffd\u0041""#));
        check(r#""\ud8"#, None);
        check(r"\", None);
        check(r"\ud83d\", Some(r"\ufffd\"));
    }
}
