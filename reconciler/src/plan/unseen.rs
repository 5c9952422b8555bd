//! Why a declared value is not compared with what the server has.

use std::fmt;

/// A field whose value is declared and cannot be compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unseen {
    /// Its name.
    pub field: String,
    /// Why.
    pub why: Why,
}

/// Why a value is not compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    /// No answer of the server shows it.
    NeverShown,
    /// The server shows a part of it alone.
    InPart,
    /// The declaration says not to read it, or no read of it is answered.
    NotRead,
    /// The token may not read it.
    Refused,
    /// It is compared only if that is asked for.
    NotAsked,
    /// The secret that it is declared with is not at hand.
    NoSecret,
    /// It depends on what is not known yet.
    NotKnown,
}

impl Why {
    const ALL: [Self; 7] = [
        Self::NeverShown,
        Self::InPart,
        Self::NotRead,
        Self::Refused,
        Self::NotAsked,
        Self::NoSecret,
        Self::NotKnown,
    ];

    /// The word for it, in files and reports for programs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NeverShown => "never_shown",
            Self::InPart => "shown_in_part",
            Self::NotRead => "not_read",
            Self::Refused => "no_right",
            Self::NotAsked => "not_asked_for",
            Self::NoSecret => "no_secret",
            Self::NotKnown => "not_known",
        }
    }

    /// The one that is called `word`.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|why| why.as_str() == word)
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NeverShown => "the server never shows it",
            Self::InPart => "the server does not show all of it",
            Self::NotRead => "it is not read",
            Self::Refused => "the token has no right to read it",
            Self::NotAsked => "not asked for: use -compare-secrets",
            Self::NoSecret => "its secret is not at hand",
            Self::NotKnown => "it is not known before the apply",
        })
    }
}
