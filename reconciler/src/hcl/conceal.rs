//! What of a file must not be shown with an error: a literal may be a secret, wherever it stands.
//!
//! Names stay readable, and so does what is known to be fit to be seen; of what is not known, nothing is.

use std::ops::Range;

use super::evaluate::ROOTS;
use super::functions;
use super::mend::IsBlock;
use super::scan::Scanned;
use crate::nearest::nearest;

/// Words of the language.
const KEYWORDS: [&str; 10] =
    ["true", "false", "null", "for", "in", "if", "else", "endif", "endfor", "depends_on"];

/// From how many digits on a number may be a secret.
const MANY_DIGITS: usize = 4;

/// How far, in bytes, a line may go on before and after a label.
const LONG_LINE: usize = 4096;

/// The literals of `text` within `range`: the content of texts and heredocs, long numbers, and words that are no
/// names, such as a text that lacks its quotes. The names of blocks are those that `is_block` tells.
pub(super) fn literals(
    text: &str,
    range: &Range<usize>,
    scanned: &Scanned,
    is_block: IsBlock<'_>,
) -> Vec<Range<usize>> {
    let first = scanned.texts.partition_point(|found| found.end <= range.start);
    let texts = scanned.texts[first..].iter().take_while(|found| found.start < range.end);
    let texts: Vec<Range<usize>> = texts.cloned().collect();
    let mut found: Vec<_> =
        texts.iter().filter(|found| !scanned.is_open(found) && !is_label(text, found)).cloned().collect();
    let mut words = Words { text, is_block, before: None };
    let mut at = range.start;
    for gap in texts.iter().cloned().chain(std::iter::once(range.end..range.end)) {
        found.extend(words.literals(at..gap.start.max(at)).into_iter().filter(|word| !scanned.embeds(word)));
        at = gap.end.max(at);
    }
    found
}

/// True for the label of a block: `name "label" {`.
fn is_label(text: &str, content: &Range<usize>) -> bool {
    let Some((start, line)) = short_line(text, content.start) else { return false };
    let head = line.trim_start().trim_start_matches(is_word);
    let has_name = head.len() < line.trim_start().len();
    let opens = ["\" {", "\"{"].iter().filter_map(|end| line.find(end)).min();
    has_name && head.trim_start().starts_with('"') && opens.is_some_and(|end| content.end <= start + end)
}

/// The line around `at` and where it begins, if it is no longer than heads of blocks are.
fn short_line(text: &str, at: usize) -> Option<(usize, &str)> {
    let (first, last) = (at.saturating_sub(LONG_LINE), (at + LONG_LINE).min(text.len()));
    let before =
        text.as_bytes()[first..at].iter().rposition(|byte| *byte == b'\n').map(|end| first + end + 1);
    let start = before.or((first == 0).then_some(0))?;
    let after = text.as_bytes()[at..last].iter().position(|byte| *byte == b'\n').map(|length| at + length);
    let end = after.or((last == text.len()).then_some(last))?;
    Some((start, &text[start..end]))
}

/// True for the name of a function, or a slip of one.
fn is_function(name: &str) -> bool {
    functions::exists(name) || nearest(name, &functions::names().collect::<Vec<_>>()).is_some()
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '-' || !c.is_ascii()
}

/// Goes through the words between texts.
struct Words<'a> {
    text: &'a str,
    is_block: IsBlock<'a>,
    /// Where the last word ends, and whether it may be shown.
    before: Option<(usize, bool)>,
}

impl Words<'_> {
    fn literals(&mut self, code: Range<usize>) -> Vec<Range<usize>> {
        let mut found = Vec::new();
        let mut at = code.start;
        while at < code.end {
            let rest = &self.text[at..code.end];
            let start = at + rest.find(is_word).unwrap_or(rest.len());
            let rest = &self.text[start..code.end];
            let end = start + rest.find(|c| !is_word(c)).unwrap_or(rest.len());
            if start == end {
                break;
            }
            let is_shown = self.is_shown(&(start..end));
            self.before = Some((end, is_shown));
            if !is_shown {
                found.push(start..end);
            }
            at = end;
        }
        found
    }

    fn is_shown(&self, word: &Range<usize>) -> bool {
        let (name, after) = (&self.text[word.clone()], &self.text[word.end..]);
        // The delimiter of a heredoc.
        if self.text[..word.start].ends_with("<<") {
            return true;
        }
        if self.text[..word.start].ends_with('.') {
            return self.goes_on(word.start - 1);
        }
        let is_called = after.starts_with('(') && is_function(name);
        let is_root = after.starts_with(['.', '[']) && self.is_root(name);
        KEYWORDS.contains(&name) || is_called || is_root || self.is_declared(word) || self.is_short(word)
    }

    /// True if what stands before the dot at `dot` may be shown.
    fn goes_on(&self, dot: usize) -> bool {
        let follows_bracket = self.text[..dot].ends_with([']', ')']);
        follows_bracket || self.before.is_some_and(|(end, is_shown)| end == dot && is_shown)
    }

    fn is_root(&self, name: &str) -> bool {
        ROOTS.contains(&name) || (self.is_block)(name) || nearest(name, &ROOTS).is_some()
    }

    /// True for the name of an attribute or a block.
    fn is_declared(&self, word: &Range<usize>) -> bool {
        let before = self.text[..word.start].trim_end_matches([' ', '\t']);
        let after = self.text[word.end..].trim_start_matches([' ', '\t']);
        let begins = before.is_empty() || before.ends_with(['\n', '{', ',', '(']);
        let is_attribute = after.starts_with('=') && !after.starts_with("==");
        begins && (is_attribute || after.starts_with('{') || self.text[word.end..].starts_with(" \""))
    }

    /// True for a number that is too short to be a secret.
    fn is_short(&self, word: &Range<usize>) -> bool {
        let digits = &self.text[word.clone()];
        let is_number = digits.len() < MANY_DIGITS && digits.bytes().all(|byte| byte.is_ascii_digit());
        let is_apart = !self.text[..word.start].ends_with('"') && !self.text[word.end..].starts_with('"');
        is_number && is_apart
    }
}
