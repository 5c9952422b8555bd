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

/// The tree: its nodes in a row, of which the first is its root. A pattern may have as many segments as its policy has
/// room for, so that nothing here goes from node to node by calling itself.
#[derive(Debug)]
pub(super) struct Segments {
    nodes: Vec<Node>,
}

/// Built in two steps, because the prefixes of a node are sorted once all are there.
#[derive(Debug, Default)]
struct Node {
    named: HashMap<Box<str>, usize>,
    any: Option<usize>,
    whole: Option<Ranked>,
    begun: Vec<(String, Ranked)>,
    prefixes: Prefixes<Ranked>,
}

impl Default for Segments {
    fn default() -> Self {
        Self { nodes: vec![Node::default()] }
    }
}

impl Segments {
    /// Bytes that it takes, about, its texts aside.
    pub(super) fn size(&self) -> usize {
        // Half as much again for the tables of names.
        self.nodes.len() * size_of::<Node>() * 3 / 2
    }

    /// Adds a pattern given without its `*`, in which the first `literal` bytes, if any, end with a slash and are
    /// no pattern. None is added twice.
    pub(super) fn insert(&mut self, text: &str, literal: usize, prefix: bool, rule: usize) {
        let ranked = Ranked { rank: Rank::of_segments(text, literal, prefix), rule };
        let (namespace, pattern) = text.split_at(literal);
        let mut at = 0;
        for segment in namespace.split_terminator('/') {
            at = self.named(at, segment);
        }
        let (path, last) = match (prefix, pattern.rsplit_once('/')) {
            (true, Some((path, last))) => (Some(path), last),
            (true, None) => (None, pattern),
            (false, _) => (Some(pattern), ""),
        };
        for segment in path.into_iter().flat_map(|path| path.split('/')) {
            at = if segment == "+" { self.any(at) } else { self.named(at, segment) };
        }
        if prefix {
            self.nodes[at].begun.push((last.to_owned(), ranked));
        } else {
            self.nodes[at].whole = Some(ranked);
        }
    }

    /// The node of `segment` below `at`.
    fn named(&mut self, at: usize, segment: &str) -> usize {
        if let Some(child) = self.nodes[at].named.get(segment) {
            return *child;
        }
        let child = self.add();
        self.nodes[at].named.insert(segment.into(), child);
        child
    }

    /// The node of any segment below `at`.
    fn any(&mut self, at: usize) -> usize {
        if let Some(child) = self.nodes[at].any {
            return child;
        }
        let child = self.add();
        self.nodes[at].any = Some(child);
        child
    }

    fn add(&mut self) -> usize {
        self.nodes.push(Node::default());
        self.nodes.len() - 1
    }

    /// Makes what was inserted findable.
    pub(super) fn finish(&mut self) {
        for node in &mut self.nodes {
            node.prefixes = Prefixes::new(std::mem::take(&mut node.begun));
        }
    }

    /// The best pattern that matches `path`.
    pub(super) fn best(&self, path: &str) -> Option<&Ranked> {
        let mut best = None;
        // Nodes, and what of the path belongs below them.
        let mut others = Vec::new();
        let mut next = Some((0, Some(path)));
        while let Some((at, rest)) = next.take().or_else(|| others.pop()) {
            let node = &self.nodes[at];
            let Some(rest) = rest else {
                consider(&mut best, node.whole.as_ref());
                continue;
            };
            let (segment, rest) = match rest.split_once('/') {
                Some((segment, rest)) => (segment, Some(rest)),
                None => (rest, None),
            };
            // Of the beginnings of one segment the longest also ranks highest.
            consider(&mut best, node.prefixes.longest(segment));
            next = node.named.get(segment).map(|child| (*child, rest));
            if let Some(child) = node.any {
                match next {
                    Some(_) => others.push((child, rest)),
                    None => next = Some((child, rest)),
                }
            }
        }
        best
    }
}

fn consider<'a>(best: &mut Option<&'a Ranked>, candidate: Option<&'a Ranked>) {
    if let Some(candidate) = candidate
        && best.is_none_or(|best| candidate.rank > best.rank)
    {
        *best = Some(candidate);
    }
}
