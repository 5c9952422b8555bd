//! Base32 (RFC 4648), as authenticator apps write keys.

const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// `bytes` in upper case, without padding.
pub(super) fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(5) * 8);
    for chunk in bytes.chunks(5) {
        let mut bits = [0; 8];
        bits[3..3 + chunk.len()].copy_from_slice(chunk);
        let bits = u64::from_be_bytes(bits);
        let digits = (chunk.len() * 8).div_ceil(5);
        text.extend((0..digits).map(|index| char::from(ALPHABET[(bits >> (35 - 5 * index)) as usize & 31])));
    }
    text
}

/// The bytes of `text`, in any case, with or without padding.
///
/// # Errors
/// The place of the first byte that cannot be.
pub(super) fn decode(text: &str) -> Result<Vec<u8>, usize> {
    let digits = text.trim_end_matches('=').as_bytes();
    let mut bytes = Vec::with_capacity(digits.len() * 5 / 8);
    let (mut bits, mut count) = (0_u32, 0);
    for (index, digit) in digits.iter().enumerate() {
        bits = bits << 5 | value_of(*digit).ok_or(index)?;
        count += 5;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
            bits &= (1 << count) - 1;
        }
    }
    // One, three or six digits at the end are no whole bytes.
    if matches!(digits.len() % 8, 1 | 3 | 6) { Err(digits.len()) } else { Ok(bytes) }
}

fn value_of(digit: u8) -> Option<u32> {
    match digit {
        b'A'..=b'Z' => Some(u32::from(digit - b'A')),
        b'a'..=b'z' => Some(u32::from(digit - b'a')),
        b'2'..=b'7' => Some(u32::from(digit - b'2') + 26),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vectors_of_rfc_4648_hold() {
        let vectors = [
            ("", ""),
            ("f", "MY"),
            ("fo", "MZXQ"),
            ("foo", "MZXW6"),
            ("foob", "MZXW6YQ"),
            ("fooba", "MZXW6YTB"),
            ("foobar", "MZXW6YTBOI"),
        ];
        for (plain, text) in vectors {
            assert_eq!(encode(plain.as_bytes()), text);
            assert_eq!(decode(text).as_deref(), Ok(plain.as_bytes()));
            assert_eq!(decode(&text.to_lowercase()).as_deref(), Ok(plain.as_bytes()));
        }
        assert_eq!(decode("MZXW6===").as_deref(), Ok(&b"foo"[..]));
    }

    #[test]
    fn errors_tell_the_place() {
        assert_eq!(decode("abc"), Err(3));
        assert_eq!(decode("A"), Err(1));
        assert_eq!(decode("JBSWY3DPEHPK3PX1"), Err(15));
        assert_eq!(decode("JBSW Y3DP"), Err(4));
    }
}
