//! Where literals stand that are fit to be seen: in fields that hold no secrets.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use hcl_edit::Span as _;
use hcl_edit::structure::Attribute;

use super::{Parsed, blocks};
use crate::hcl::source::SourceFile;

/// Values that may be shown. All others may hold a secret: it is not known of a local or of an unknown field where its
/// value goes.
#[derive(Default)]
pub(crate) struct Open(BTreeSet<(Arc<str>, usize, usize)>);

impl Open {
    /// Adds the value of `attribute`.
    pub(super) fn add(&mut self, file: &SourceFile, attribute: &Attribute) {
        let range = attribute.value.span().unwrap_or_default();
        self.0.insert((file.name.clone(), range.start, range.end));
    }

    /// Adds what the blocks say that make no objects; but of variables not the defaults.
    pub(super) fn directives(&mut self, parsed: &Parsed<'_>) {
        let names = blocks::DIRECTIVES.into_iter().filter(|name| *name != "locals");
        let blocks = names.flat_map(|name| parsed.body.get_blocks(name));
        let known = ["type", "description", "sensitive", "nullable", "from", "to"];
        for attribute in blocks.flat_map(|block| block.body.attributes()) {
            if known.contains(&attribute.key.as_str()) {
                self.add(parsed.file, attribute);
            }
        }
    }

    /// `file` with stars in place of those of its `literals` that do not stand in one of these.
    pub(super) fn masked(&self, file: &SourceFile, literals: Vec<Range<usize>>) -> SourceFile {
        let (first, last) = ((file.name.clone(), 0, 0), (file.name.clone(), usize::MAX, 0));
        let open: Vec<_> = self.0.range(first..last).map(|(_, start, end)| *start..*end).collect();
        let is_open = |literal: &Range<usize>| {
            let after = open.partition_point(|range| range.start <= literal.start);
            after.checked_sub(1).is_some_and(|before| literal.end <= open[before].end)
        };
        file.masked(&literals.into_iter().filter(|literal| !is_open(literal)).collect::<Vec<_>>())
    }
}
