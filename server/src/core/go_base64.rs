//! Base64 as the API reads it: ends of lines are passed over, and bits that are left over do not count.

use std::borrow::Cow;
use std::fmt;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{GeneralPurpose, GeneralPurposeConfig};

const LENIENT: GeneralPurpose =
    GeneralPurpose::new(&STANDARD, GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true));

/// What keeps a text from being base64. It says where, and nothing of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Corrupt(usize);

impl fmt::Display for Corrupt {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "illegal base64 data at input byte {}", self.0)
    }
}

/// The bytes that `text` is.
pub(crate) fn decode(text: &str) -> Result<Vec<u8>, Corrupt> {
    let bare = if text.contains(is_end_of_line) {
        Cow::Owned(text.chars().filter(|character| !is_end_of_line(*character)).collect())
    } else {
        Cow::Borrowed(text)
    };
    LENIENT.decode(&*bare).map_err(|_| Corrupt(place_of_problem(text)))
}

fn is_end_of_line(character: char) -> bool {
    matches!(character, '\r' | '\n')
}

/// Where the API says that `text`, which is no base64, goes wrong: at a letter that does not belong there; at the group
/// of four that is not whole; behind the text, if it lacks the second `=`.
fn place_of_problem(text: &str) -> usize {
    let mut letters = text.bytes().enumerate().filter(|(_, byte)| !is_end_of_line(char::from(*byte)));
    let mut in_group = 0;
    while let Some((place, byte)) = letters.next() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'+' | b'/' => in_group = (in_group + 1) % 4,
            b'=' if in_group == 2 => {
                return match letters.next() {
                    None => text.len(),
                    Some((_, b'=')) => letters.next().map_or(place, |(place, _)| place),
                    Some((place, _)) => place - 1,
                };
            }
            b'=' if in_group == 3 => return letters.next().map_or(place, |(place, _)| place),
            _ => return place,
        }
    }
    text.len() - in_group
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_read_whatever_is_left_over() {
        for (text, bytes) in [
            ("", &b""[..]),
            ("YQ==", b"a"),
            ("YW==", b"a"),
            ("YWFh", b"aaa"),
            ("YW\r\nFh\n", b"aaa"),
            ("YWF=", b"aa"),
        ] {
            assert_eq!(decode(text).as_deref(), Ok(bytes), "{text}");
        }
    }

    #[test]
    fn a_problem_is_told_by_its_place() {
        for (text, place) in [
            ("YWF", 0),
            ("YWFhY", 4),
            ("Y!==", 1),
            ("YWFh*", 4),
            ("YWFh=YWFh", 4),
            ("YQ==YQ==", 4),
            ("====", 0),
            ("YQ=", 3),
            ("YQ=a", 2),
            ("YWFhYWE=a", 8),
            ("Y\nWF", 1),
        ] {
            assert_eq!(decode(text), Err(Corrupt(place)), "{text}");
        }
    }
}
