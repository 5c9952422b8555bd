//! `moved` blocks: objects that were elsewhere.

use std::collections::{BTreeMap, BTreeSet};

use hcl_edit::Span as _;
use hcl_edit::structure::Block;
use schemas::Diagnostic;

use super::blocks::{self, container_block};
use super::index::Index;
use super::orders::{address, only};
use super::{Desired, Loader};
use crate::Address;
use crate::hcl::source::{SourceFile, Span};

/// What one block says.
struct Move {
    from: Address,
    to: Address,
    span: Span,
}

impl Move {
    fn read(file: &SourceFile, block: &Block, index: &Index) -> Result<Self, Diagnostic> {
        only(file, block, &["from", "to"])?;
        let from = address(file, block, "from", None, index)?;
        let to = address(file, block, "to", None, index)?;
        Ok(Self { from, to, span: file.span(block.ident.span().unwrap_or_default()) })
    }

    fn wrong(&self, text: String) -> Diagnostic {
        Diagnostic::error(text).at_span(&self.span.file, self.span.range.clone())
    }
}

/// Reads all moves into `desired`.
pub(super) fn read(loader: &Loader<'_>, index: &Index, desired: &mut Desired, found: &mut Vec<Diagnostic>) {
    let mut moves = Vec::new();
    for parsed in loader.parsed {
        for block in parsed.body.get_blocks("moved").filter(|block| parsed.is_whole(block)) {
            match Move::read(parsed.file, block, index) {
                Ok(one) => moves.push(one),
                Err(error) => found.push(error),
            }
        }
    }
    let before = found.len();
    found.extend(moves.iter().filter_map(|one| wrong_alone(one, desired).err()));
    found.extend(wrong_together(&moves));
    if found.len() > before {
        return;
    }
    let sources: BTreeMap<&Address, &Move> = moves.iter().map(|one| (&one.to, one)).collect();
    let passed: BTreeSet<&Address> = moves.iter().map(|one| &one.from).collect();
    for last in moves.iter().filter(|one| !passed.contains(&one.to)) {
        if index.kind(&last.to).is_none() {
            found.push(last.wrong(format!("`{}` is not declared", last.to)));
            continue;
        }
        let way = std::iter::successors(Some(last), |one| sources.get(&one.from).copied());
        desired.moved.insert(last.to.clone(), way.map(|one| one.from.clone()).collect());
    }
}

/// What is wrong with a move, whatever the others are.
fn wrong_alone(one: &Move, desired: &Desired) -> Result<(), Diagnostic> {
    let Move { from, to, .. } = one;
    if from == to {
        return Err(one.wrong(format!("`{from}` is moved to itself")).hint("take this block away"));
    }
    movable(one)?;
    if desired.objects.contains_key(from) {
        return Err(one.wrong(format!("`{from}` is declared, so it cannot have moved")));
    }
    if desired.removed.contains_key(from) {
        let hint = "take one of the two blocks away";
        return Err(one.wrong(format!("`{from}` is both moved and removed")).hint(hint));
    }
    let inner = desired.removed.keys().find(|removed| removed.is_within(from));
    inner.map_or(Ok(()), |inner| {
        let found = one.wrong(format!("`{inner}` is removed, and `{from}`, which holds it, is moved"));
        Err(found.hint(format!("name it as it is after the move: `{}`", inner.rebased(from, to))))
    })
}

/// The server moves some objects alone, and keeps them in their namespace.
fn movable(one: &Move) -> Result<(), Diagnostic> {
    let Move { from, to, .. } = one;
    let block = |address: &Address| address.last().map(|last| last.block.clone()).unwrap_or_default();
    let holder = to.parent().unwrap_or_default();
    let cause = if block(from) != block(to) {
        format!("a `{}` does not become a `{}`", block(from), block(to))
    } else if !blocks::is_movable(&block(to), container_block(&holder)) {
        "the server can move mounts and auth methods alone".to_owned()
    } else if from.parent() != to.parent() {
        "the server moves nothing from one namespace to another".to_owned()
    } else {
        return Ok(());
    };
    let found = one.wrong(format!("`{from}` cannot be moved to `{to}`")).because(cause);
    Err(found.hint(format!("to have it deleted, use a block `removed` with `from = {from}`")))
}

/// What is wrong with several moves: one object becomes one other.
fn wrong_together(moves: &[Move]) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for (index, one) in moves.iter().enumerate() {
        let earlier = &moves[..index];
        let first = |same: &dyn Fn(&Move) -> bool| {
            let first = earlier.iter().find(|other| same(other))?;
            Some(format!("first in {}, line {}", first.span.file, first.span.line))
        };
        if let Some(first) = first(&|other| other.to == one.to) {
            found.push(one.wrong(format!("two moves lead to `{}`", one.to)).because(first));
        } else if let Some(first) = first(&|other| other.from == one.from) {
            found.push(one.wrong(format!("`{}` is moved twice", one.from)).because(first));
        }
    }
    if found.is_empty() {
        found.extend(circle(moves));
    }
    found
}

/// A move that leads back to where it began, if there is one.
fn circle(moves: &[Move]) -> Option<Diagnostic> {
    let next: BTreeMap<&Address, &Address> = moves.iter().map(|one| (&one.from, &one.to)).collect();
    moves.iter().filter(|one| one.from != one.to).find_map(|one| {
        let way: Vec<&Address> = std::iter::successors(Some(&one.from), |at| next.get(at).copied())
            .take(moves.len() + 1)
            .collect();
        let end = way.iter().skip(1).position(|at| **at == one.from)?;
        let names: Vec<String> = way[..=end + 1].iter().map(|at| format!("`{at}`")).collect();
        let hint = "the server has no free place for the first of them; move in two steps";
        Some(one.wrong(format!("moves lead in a circle: {}", names.join(" → "))).hint(hint))
    })
}
