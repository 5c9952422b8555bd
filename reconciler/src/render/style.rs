//! Colors, or none.

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

impl Style {
    /// Without colors.
    pub fn plain() -> Self {
        Self { color: false }
    }

    /// Colors if `terminal` and the user has not set `NO_COLOR`.
    pub fn for_terminal(terminal: bool) -> Self {
        let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self { color: terminal && !unwanted }
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
