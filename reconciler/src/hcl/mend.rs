//! Reading on after an error of syntax: what it stands in is left out, so that all errors of a file come at once.

use std::ops::Range;

use super::scan::{Line, Open, Scanned};

/// Errors of one file after which nobody reads on.
pub(super) const MAX_ERRORS: usize = 50;

/// Tells names of blocks.
pub(crate) type IsBlock<'a> = &'a dyn Fn(&str) -> bool;

/// The attribute or the block of `text` that the error at `at` is in. Empty if what is left has nothing to leave out.
pub(super) fn broken_part(text: &str, scanned: &Scanned, at: usize, is_block: IsBlock<'_>) -> Range<usize> {
    match &scanned.open {
        Some(open) if open.what == "heredoc" => endless(text, &scanned.lines, open, is_block),
        Some(open) => unclosed(text, open),
        None => enclosing(text, &scanned.lines, at),
    }
}

/// What begins last before `at`; what holds it, where that was left out before.
fn enclosing(text: &str, lines: &[Line], at: usize) -> Range<usize> {
    let mut before = lines.iter().rev().filter(|line| line.start <= at);
    let mut candidate = before.next();
    while let Some(line) = candidate {
        let mut after = lines.iter().filter(|next| next.start > line.start.max(at));
        let end = after.find(|next| next.depth <= line.depth).map_or(text.len(), |next| next.start);
        if text.get(line.start..end).is_some_and(|part| !part.trim().is_empty()) {
            return line.start..end;
        }
        candidate = before.by_ref().find(|holder| holder.depth < line.depth);
    }
    0..0
}

/// From where something is opened to where the layout says that it should be closed: the brackets tell nothing here.
fn unclosed(text: &str, open: &Open) -> Range<usize> {
    let start = text[..open.at.start].rfind('\n').map_or(0, |end| end + 1);
    let margin = indentation(&text[start..]);
    let mut end = text[open.at.start..].find('\n').map_or(text.len(), |length| open.at.start + length + 1);
    for line in text[end..].split_inclusive('\n') {
        let is_closing = line.trim_start().starts_with(['}', ']', ')']);
        let is_blank = line.trim().is_empty();
        if !is_blank && (indentation(line) < margin || (indentation(line) == margin && !is_closing)) {
            break;
        }
        end += line.len();
        if is_closing && indentation(line) == margin {
            break;
        }
    }
    start..end
}

/// The block that the heredoc `open` is in, up to the next block that stands no further right: within the text of a
/// heredoc nobody can tell, but that it begins one of those blocks that files are made of.
fn endless(text: &str, lines: &[Line], open: &Open, is_block: IsBlock<'_>) -> Range<usize> {
    let mut holders = lines.iter().rev().filter(|line| line.start <= open.at.start);
    let Some(own) = holders.next() else { return open.at.start..text.len() };
    let margin = indentation(&text[own.start..]).max(1);
    let Some(end) = next_block(text, open.at.end, margin, is_block) else { return own.start..text.len() };
    let (mut start, mut depth) = (own.start, own.depth);
    for line in holders {
        if line.depth < depth && indentation(&text[line.start..]) >= indentation(&text[end..]) {
            (start, depth) = (line.start, line.depth);
        }
    }
    start..end
}

/// Where the first block after `from` begins that stands left of `margin`.
fn next_block(text: &str, from: usize, margin: usize, is_block: IsBlock<'_>) -> Option<usize> {
    let mut at = from;
    for line in text[from..].split_inclusive('\n') {
        if indentation(line) < margin && is_head(line.trim(), is_block) {
            return Some(at);
        }
        at += line.len();
    }
    None
}

/// True for `name "label" {`.
fn is_head(line: &str, is_block: IsBlock<'_>) -> bool {
    let end = line.find([' ', '\t', '"', '{']).unwrap_or(line.len());
    let (name, rest) = line.split_at(end);
    is_block(name) && rest.trim_start().starts_with(['"', '{']) && rest.contains('{')
}

fn indentation(line: &str) -> usize {
    line.len() - line.trim_start_matches([' ', '\t']).len()
}

/// `text` with blanks at `range`, all else where it was.
pub(super) fn blanked(text: &str, range: &Range<usize>) -> String {
    let blank = |c: char| if c == '\n' { "\n".to_owned() } else { " ".repeat(c.len_utf8()) };
    let middle: String = text[range.clone()].chars().map(blank).collect();
    format!("{}{middle}{}", &text[..range.start], &text[range.end..])
}
