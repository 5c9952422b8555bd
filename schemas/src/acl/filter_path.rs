//! `list_scan_response_keys_filter_path`: for each key of a list, the path whose rule decides.

use std::fmt;

/// A template with `{{ .path }}` and `{{ .key }}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilterPath {
    text: String,
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Path,
    Key,
}

impl FilterPath {
    /// Reads a template.
    ///
    /// # Errors
    /// OpenBao's words when the template cannot be read or does not depend on the key. Functions and
    /// pipelines of Go templates are not supported and refused.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            pieces.push(Piece::Text(before.to_owned()));
            let closed = after.split_once("}}");
            // An unknown word is reported before a missing end.
            pieces.push(action_piece(closed.map_or(after, |(action, _)| action))?);
            rest = closed.ok_or_else(|| unreadable("unclosed action"))?.1;
        }
        pieces.push(Piece::Text(rest.to_owned()));
        if !pieces.contains(&Piece::Key) {
            return Err(
                "list_scan_response_keys_filter_path resulted in same path for two different keys".to_owned()
            );
        }
        Ok(Self { text: text.to_owned(), pieces })
    }

    /// The path to check for `key` of a list at `path`.
    #[must_use]
    pub fn render(&self, path: &str, key: &str) -> String {
        let text = |piece: &Piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Path => path.to_owned(),
            Piece::Key => key.to_owned(),
        };
        self.pieces.iter().map(text).collect()
    }
}

impl fmt::Display for FilterPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn action_piece(action: &str) -> Result<Piece, String> {
    match action.trim_matches('-').trim() {
        ".path" => Ok(Piece::Path),
        ".key" => Ok(Piece::Key),
        other => {
            let name = other.split_whitespace().next().unwrap_or_default();
            Err(unreadable(&format!("function {name:?} not defined")))
        }
    }
}

fn unreadable(why: &str) -> String {
    let place = "unable to compile template for list_scan_response_keys_filter_path";
    format!("{place}: unable to parse template: template: template:1: {why}")
}
