//! Errors and warnings with the lines they are about.

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use schemas::{Diagnostic, Place};

use super::Style;
use crate::Sources;

/// The findings, each with its place, its reason and its hints. Ends with a newline if there is any.
pub fn diagnostics(found: &[Diagnostic], sources: &Sources, style: Style) -> String {
    let mut text = String::new();
    for diagnostic in found {
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(&one(diagnostic, sources, style));
        text.push('\n');
    }
    text
}

fn one(diagnostic: &Diagnostic, sources: &Sources, style: Style) -> String {
    let level = if diagnostic.is_error() { Level::ERROR } else { Level::WARNING };
    let title = level.primary_title(clean(&diagnostic.summary));
    let group = match snippet(diagnostic, sources) {
        Some(snippet) => title.element(snippet),
        None => Group::with_title(title),
    };
    let mut group = group;
    if !diagnostic.detail.is_empty() {
        group = group.element(Level::NOTE.message(clean(&diagnostic.detail)));
    }
    for hint in &diagnostic.hints {
        group = group.element(Level::HELP.with_name("hint").message(clean(hint)));
    }
    let renderer = if style.color { Renderer::styled() } else { Renderer::plain() };
    renderer.decor_style(DecorStyle::Unicode).render(&[group])
}

fn snippet<'a>(
    diagnostic: &'a Diagnostic,
    sources: &'a Sources,
) -> Option<Snippet<'a, annotate_snippets::Annotation<'a>>> {
    let Some(Place::Span { file, range }) = &diagnostic.place else { return None };
    let text = sources.text(file)?;
    let end = line_end(text, range.start).max(range.start);
    // A whole block is marked by its first line.
    let marked = range.start.min(text.len())..range.end.min(end).max(range.start.min(text.len()));
    Some(Snippet::source(text).path(&**file).annotation(AnnotationKind::Primary.span(marked)))
}

fn line_end(text: &str, from: usize) -> usize {
    let from = from.min(text.len());
    text.as_bytes()[from..].iter().position(|byte| *byte == b'\n').map_or(text.len(), |length| from + length)
}

/// Without control characters, which could change what a terminal shows.
fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' { '\u{fffd}' } else { c }).collect()
}
