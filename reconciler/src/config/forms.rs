//! Text that by its form is a secret. It refuses too much rather than too little: a mark settles the rest.

/// How tokens of well-known makers begin, and how many characters follow at least.
const PREFIXES: [(&str, usize); 24] = [
    ("hvs.", 16),
    ("hvb.", 16),
    ("hvr.", 16),
    ("s.", 20),
    ("b.", 20),
    ("AKIA", 12),
    ("ASIA", 12),
    ("ghp_", 16),
    ("gho_", 16),
    ("ghu_", 16),
    ("ghs_", 16),
    ("ghr_", 16),
    ("github_pat_", 16),
    ("glpat-", 16),
    ("xoxa-", 8),
    ("xoxb-", 8),
    ("xoxe-", 8),
    ("xoxp-", 8),
    ("xoxr-", 8),
    ("xoxs-", 8),
    ("sk_live_", 8),
    ("rk_live_", 8),
    ("npm_", 20),
    ("AIza", 30),
];

/// Shortest word of upper and lower case letters and digits that counts as random, and of hexadecimal digits alone.
const RANDOM_LENGTH: usize = 24;
const HEX_LENGTH: usize = 32;

/// Least entropy of a random word, in bits a character; that of hexadecimal digits is 4 at most.
const RANDOM_BITS: f64 = 3.8;
const HEX_BITS: f64 = 3.0;

/// True if `text` has the form of a secret.
pub(super) fn looks_secret(text: &str) -> bool {
    let is_private_key = text.contains("-----BEGIN ") && text.contains("PRIVATE KEY");
    is_private_key || text.split(is_between).any(|word| has_password(word) || parts(word).any(is_token))
}

fn is_between(c: char) -> bool {
    c.is_whitespace() || matches!(c, '"' | '\'' | '`' | '<' | '>' | ',' | ';')
}

/// The word itself, and the values of its assignments: `key=…`, `key: …`, `?token=…`.
fn parts(word: &str) -> impl Iterator<Item = &str> {
    std::iter::once(word).chain(word.split(['=', ':', '&', '?', '(', ')', '{', '}', '[', ']']))
}

/// A URL with a password: `postgres://app:…@host/db`. Placeholders such as `{{password}}` are none.
fn has_password(word: &str) -> bool {
    let Some((_, rest)) = word.split_once("://") else { return false };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    // A password may itself hold the character that ends it.
    let Some((user, _)) = authority.rsplit_once('@').or_else(|| rest.rsplit_once('@')) else { return false };
    let Some((_, password)) = user.split_once(':') else { return false };
    let is_placeholder = password.starts_with("{{") || password.starts_with('%') || password.starts_with('$');
    !password.is_empty() && !is_placeholder
}

fn is_token(word: &str) -> bool {
    has_prefix(word) || is_jwt(word) || is_random(word)
}

fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.')
}

fn has_prefix(word: &str) -> bool {
    PREFIXES.iter().any(|(prefix, least)| {
        let rest = word.strip_prefix(prefix);
        // `s.` begins names of hosts as well, which are of small letters.
        let is_mixed = |rest: &str| rest.chars().any(|c| c.is_ascii_uppercase() || c.is_ascii_digit());
        rest.is_some_and(|rest| rest.len() >= *least && rest.chars().all(is_plain) && is_mixed(rest))
    })
}

fn is_jwt(word: &str) -> bool {
    let segments: Vec<&str> = word.split('.').collect();
    let is_base64 = |text: &&str| text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
    word.starts_with("eyJ") && segments.len() >= 3 && segments[1].len() >= 8 && segments.iter().all(is_base64)
}

fn is_random(word: &str) -> bool {
    if is_uuid(word) {
        return false;
    }
    let is_hex = word.chars().all(|c| c.is_ascii_hexdigit());
    if is_hex {
        return word.len() >= HEX_LENGTH && entropy(word) >= HEX_BITS;
    }
    let is_base64 = word.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '_' | '-'));
    let has = |kind: fn(&char) -> bool| word.chars().any(|c| kind(&c));
    let is_mixed =
        has(char::is_ascii_uppercase) && has(char::is_ascii_lowercase) && has(char::is_ascii_digit);
    is_base64 && is_mixed && word.len() >= RANDOM_LENGTH && entropy(word) >= RANDOM_BITS
}

/// Identifiers, which are random and no secrets.
fn is_uuid(word: &str) -> bool {
    let groups: Vec<usize> = word.split('-').map(str::len).collect();
    groups == [8, 4, 4, 4, 12] && word.chars().all(|c| c == '-' || c.is_ascii_hexdigit())
}

/// Bits a character, from how often each occurs.
fn entropy(word: &str) -> f64 {
    let mut counts = [0_u32; 256];
    word.bytes().for_each(|byte| counts[usize::from(byte)] += 1);
    let total = f64::from(u32::try_from(word.len()).unwrap_or(u32::MAX));
    let shares = counts.iter().filter(|count| **count > 0).map(|count| f64::from(*count) / total);
    shares.map(|share| -share * share.log2()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(texts: &[&str], expected: bool) {
        for text in texts {
            assert_eq!(looks_secret(text), expected, "{text}");
        }
    }

    #[test]
    fn secrets_are_known_by_their_form() {
        check(
            &[
                "postgres://app:hunter2@db.example.com/shop",
                "see https://u:p%40ss@host",
                "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----",
                concat!("hvs.", "CAESIJlU02LQZq8A1bQe5XoYwz"),
                concat!("AKIA", "IOSFODNN7EXAMPLE"),
                concat!("ghp_", "16C7e42F292c6912E7710c838347Ae178B4a"),
                concat!("xoxb-", "123456789012-abcdef"),
                "Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl",
                "token=Zk3J9xQ2pLw8Vb7NcR5tYh1M",
                "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822c",
            ],
            true,
        );
    }

    #[test]
    fn ordinary_text_is_no_secret() {
        check(
            &[
                "",
                "app",
                "postgresql://{{username}}:{{password}}@db.example.com/shop",
                "https://ci.example.com/.well-known/jwks.json",
                "s.example.com",
                "payments-service-production-eu-west-1",
                "3d5f0ab2-1c7e-4b57-9a0e-2f1a6c3b4d5e",
                "arn:aws:iam::123456789012:role/deploy",
                "-----BEGIN PUBLIC KEY-----",
                "The quick brown fox jumps over the lazy dog",
                "someone@example.com",
            ],
            false,
        );
    }
}
