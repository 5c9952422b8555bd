//! What a password policy says.

use std::collections::BTreeSet;

/// How to make a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasswordPolicy {
    /// In characters, from 4 to 100.
    pub length: usize,
    /// The sets of characters to draw from.
    pub rules: Vec<CharsetRule>,
}

/// A set of characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CharsetRule {
    /// As written; a character that comes twice counts once.
    pub charset: String,
    /// How many characters of the set a password has at least; zero or less for no such wish.
    pub min_chars: i64,
}

impl PasswordPolicy {
    /// All characters to draw from, sorted, each once.
    #[must_use]
    pub fn characters(&self) -> Vec<char> {
        self.rules.iter().flat_map(|rule| rule.charset.chars()).collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// Whether `password` satisfies every rule about how many characters of a set there are.
    #[must_use]
    pub fn accepts(&self, password: &[char]) -> bool {
        self.rules.iter().filter(|rule| rule.min_chars > 0).all(|rule| {
            let found = password.iter().filter(|character| rule.charset.contains(**character)).count();
            i64::try_from(found).is_ok_and(|found| found >= rule.min_chars)
        })
    }

    /// Whether two policy texts make the same passwords: layout, the order of rules and characters, and
    /// unknown keys make no difference. A text that cannot be read is compared as text, the white space
    /// around it aside.
    #[must_use]
    pub fn same(a: &str, b: &str) -> bool {
        match (Self::parse(a), Self::parse(b)) {
            (Ok(a), Ok(b)) => a.meaning() == b.meaning(),
            _ => a.trim() == b.trim(),
        }
    }

    /// Length, characters, and the rules that ask for something.
    fn meaning(&self) -> Meaning {
        let asking = self.rules.iter().filter(|rule| rule.min_chars > 0);
        let mut rules: Vec<_> =
            asking.map(|rule| (rule.charset.chars().collect::<BTreeSet<_>>(), rule.min_chars)).collect();
        rules.sort();
        (self.length, self.characters(), rules)
    }
}

/// What two policies have in common that mean the same.
type Meaning = (usize, Vec<char>, Vec<(BTreeSet<char>, i64)>);
