//! Patterns with `+`, in a tree of segments.

use std::cmp::Reverse;
use std::collections::HashMap;

use super::prefixes::Prefixes;

/// What decides between patterns that match the same path; the greatest wins.
///
/// In turn: a wildcard that comes later, no `*` at the end, fewer `+`, longer, greater.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rank {
    first_wildcard: usize,
    whole: bool,
    wildcards: Reverse<usize>,
    length: usize,
    text: Box<str>,
}

impl Rank {
    /// The rank of `text*`.
    pub(super) fn of_prefix(text: &str) -> Self {
        let length = text.len();
        Self { first_wildcard: length, whole: false, wildcards: Reverse(0), length, text: text.into() }
    }

    /// The rank of a pattern with segments, given without its `*`; wildcards are only after `literal` bytes.
    pub(super) fn of_segments(text: &str, literal: usize, prefix: bool) -> Self {
        let pattern = &text[literal..];
        Self {
            first_wildcard: pattern.find('+').map_or(text.len(), |place| literal + place),
            whole: !prefix,
            wildcards: Reverse(pattern.split('/').filter(|segment| *segment == "+").count()),
            length: text.len(),
            text: text.into(),
        }
    }
}

/// A rule found, by its index, with what it is judged by.
#[derive(Debug)]
pub(super) struct Ranked {
    pub(super) rank: Rank,
    pub(super) rule: usize,
}

/// The tree. Built in two steps, because the prefixes of a node are sorted once all are there.
#[derive(Debug, Default)]
pub(super) struct Segments {
    named: HashMap<Box<str>, Self>,
    any: Option<Box<Self>>,
    whole: Option<Ranked>,
    begun: Vec<(String, Ranked)>,
    prefixes: Prefixes<Ranked>,
}

impl Segments {
    /// Adds a pattern given without its `*`, in which the first `literal` bytes, if any, end with a slash and are
    /// no pattern. None is added twice.
    pub(super) fn insert(&mut self, text: &str, literal: usize, prefix: bool, rule: usize) {
        let ranked = Ranked { rank: Rank::of_segments(text, literal, prefix), rule };
        let (namespace, pattern) = text.split_at(literal);
        let mut node = self;
        for segment in namespace.split_terminator('/') {
            node = node.named.entry(segment.into()).or_default();
        }
        let (path, last) = match (prefix, pattern.rsplit_once('/')) {
            (true, Some((path, last))) => (Some(path), last),
            (true, None) => (None, pattern),
            (false, _) => (Some(pattern), ""),
        };
        for segment in path.into_iter().flat_map(|path| path.split('/')) {
            node = match segment {
                "+" => node.any.get_or_insert_default(),
                _ => node.named.entry(segment.into()).or_default(),
            };
        }
        if prefix {
            node.begun.push((last.to_owned(), ranked));
        } else {
            node.whole = Some(ranked);
        }
    }

    /// Makes what was inserted findable.
    pub(super) fn finish(&mut self) {
        self.prefixes = Prefixes::new(std::mem::take(&mut self.begun));
        let children = self.named.values_mut().chain(self.any.as_deref_mut());
        children.for_each(Self::finish);
    }

    /// The best pattern that matches `path`.
    pub(super) fn best(&self, path: &str) -> Option<&Ranked> {
        let mut best = None;
        self.search(Some(path), &mut best);
        best
    }

    fn search<'a>(&'a self, rest: Option<&str>, best: &mut Option<&'a Ranked>) {
        let Some(rest) = rest else { return consider(best, self.whole.as_ref()) };
        let (segment, rest) = match rest.split_once('/') {
            Some((segment, rest)) => (segment, Some(rest)),
            None => (rest, None),
        };
        // Of the beginnings of one segment the longest also ranks highest.
        consider(best, self.prefixes.longest(segment));
        if let Some(child) = self.named.get(segment) {
            child.search(rest, best);
        }
        if let Some(child) = &self.any {
            child.search(rest, best);
        }
    }
}

fn consider<'a>(best: &mut Option<&'a Ranked>, candidate: Option<&'a Ranked>) {
    if let Some(candidate) = candidate
        && best.is_none_or(|best| candidate.rank > best.rank)
    {
        *best = Some(candidate);
    }
}
