//! Colors, or none.

use std::ffi::OsStr;

/// How text is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Style {
    /// With colors.
    pub color: bool,
}

/// Colors by their meaning.
#[derive(Clone, Copy, Debug)]
pub(super) enum Tone {
    Added,
    Changed,
    Removed,
    Warned,
    Bold,
    Dim,
}

/// True if the environment takes escape sequences.
fn understands(no_color: Option<&OsStr>, term: Option<&OsStr>) -> bool {
    no_color.is_none_or(OsStr::is_empty) && term.is_none_or(|term| term != "dumb")
}

impl Style {
    /// Without colors.
    pub fn plain() -> Self {
        Self { color: false }
    }

    /// Colors if `terminal`, the user has not set `NO_COLOR`, and the terminal understands them (`TERM`).
    pub fn for_terminal(terminal: bool) -> Self {
        let [no_color, term] = ["NO_COLOR", "TERM"].map(std::env::var_os);
        Self { color: terminal && understands(no_color.as_deref(), term.as_deref()) }
    }

    /// `text` in that tone.
    pub(super) fn paint(self, tone: Tone, text: &str) -> String {
        let code = match tone {
            Tone::Added => "32",
            Tone::Changed => "33",
            Tone::Removed => "31",
            Tone::Warned => "35",
            Tone::Bold => "1",
            Tone::Dim => "2",
        };
        if self.color && !text.is_empty() {
            format!("\u{1b}[{code}m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escape_sequences_are_for_those_who_want_and_understand_them() {
        let check = |no_color: Option<&str>, term: Option<&str>| {
            understands(no_color.map(OsStr::new), term.map(OsStr::new))
        };
        assert!(check(None, Some("xterm")) && check(Some(""), None));
        assert!(!check(Some("1"), Some("xterm")) && !check(None, Some("dumb")));
        assert!(!Style::for_terminal(false).color);
    }
}
