//! What is wrong with a policy text.

use std::fmt;

use super::hcl1::{Span, SyntaxError};

/// Everything wrong with a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyError {
    /// At least one, in the order of the text; at most 100.
    pub findings: Vec<Finding>,
    /// The first error in OpenBao's words, as its API answers it.
    pub peer_text: String,
}

/// One mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Where, in bytes.
    pub span: Span,
    /// Line of its start, from one.
    pub line: usize,
    /// Column of its start in characters, from one.
    pub column: usize,
    /// What is wrong, with the value in backticks.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.line, self.column, self.message)?;
        match &self.hint {
            Some(hint) => write!(f, " (hint: {hint})"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<String> = self.findings.iter().map(Finding::to_string).collect();
        f.write_str(&lines.join("\n"))
    }
}

impl std::error::Error for PolicyError {}

/// Mistakes that are told of one text. Who has made more mends these first, and an answer is not many times its
/// request.
const MOST: usize = 100;

/// Collects mistakes while a text is read.
pub(crate) struct Findings<'a> {
    source: &'a str,
    findings: Vec<Finding>,
    peer_text: Option<String>,
}

impl<'a> Findings<'a> {
    pub(crate) fn new(source: &'a str) -> Self {
        Self { source, findings: Vec::new(), peer_text: None }
    }

    /// Whether more mistakes would not be told.
    pub(crate) fn is_full(&self) -> bool {
        self.findings.len() >= MOST
    }

    /// Records a mistake, unless there are too many, and OpenBao's words for it; only the first words are kept.
    pub(crate) fn add(&mut self, span: Span, message: String, hint: Option<String>, peer_text: String) {
        if self.is_full() {
            return;
        }
        let before = &self.source[..span.start.min(self.source.len())];
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().map_or(0, |last| last.chars().count()) + 1;
        self.findings.push(Finding { span, line, column, message, hint });
        self.peer_text.get_or_insert(peer_text);
    }

    /// An error when something was recorded. `prefix` goes before OpenBao's words.
    pub(crate) fn into_result(self, prefix: &str) -> Result<(), PolicyError> {
        if self.peer_text.is_none() {
            return Ok(());
        }
        Err(self.into_error(prefix))
    }

    /// What was recorded, as an error.
    pub(crate) fn into_error(mut self, prefix: &str) -> PolicyError {
        self.findings.sort_by_key(|finding| finding.span.start);
        let peer_text = format!("{prefix}{}", self.peer_text.unwrap_or_default());
        PolicyError { findings: self.findings, peer_text }
    }
}

impl PolicyError {
    /// The one finding of a text that cannot be read at all.
    pub(crate) fn syntax(error: SyntaxError, prefix: &str) -> Self {
        let start = error.position.offset;
        let finding = Finding {
            span: Span { start, end: start },
            line: error.position.line,
            column: error.position.column,
            message: error.message,
            hint: Some("a policy is a list of `path \"…\" { capabilities = [\"read\"] }`".to_owned()),
        };
        Self { findings: vec![finding], peer_text: format!("{prefix}{}", error.text) }
    }
}

/// Go's multi-error format, in which OpenBao reports several errors as one text.
pub(crate) fn peer_list(messages: &[String]) -> String {
    let noun = if messages.len() == 1 { "error" } else { "errors" };
    let lines: String = messages.iter().map(|message| format!("\t* {message}\n")).collect();
    format!("{} {noun} occurred:\n{lines}\n", messages.len())
}

/// The candidate that `word` is probably a slip of: at most two edits away.
pub(crate) fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    let length = word.chars().count();
    let alike = candidates.into_iter().filter(|candidate| length.abs_diff(candidate.chars().count()) <= 2);
    let ranked = alike.map(|candidate| (edits(&word, candidate), candidate));
    ranked.filter(|(distance, _)| *distance <= 2).min_by_key(|(distance, _)| *distance).map(|(_, name)| name)
}

/// Levenshtein's distance in characters.
fn edits(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, left) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, right) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(left != *right);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}
