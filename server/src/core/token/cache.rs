//! Decoded tokens.

use std::sync::Arc;

use super::TokenEntry;
use super::ancestry::Ancestry;
use crate::core::kept::{Kept, size_of_pairs, size_of_texts};

/// Bytes that decoded tokens take at most, about: some 16,000 tokens.
const MOST: usize = 16 << 20;

/// Tokens by their stored name, and what is known of those above them.
pub(super) struct TokenCache {
    kept: Kept<TokenEntry>,
    ancestry: Ancestry,
}

impl TokenCache {
    pub(super) fn new() -> Self {
        Self { kept: Kept::new(MOST), ancestry: Ancestry::default() }
    }

    /// What is known of the tokens above others.
    pub(super) fn ancestry(&self) -> &Ancestry {
        &self.ancestry
    }

    /// The entry under `id`.
    pub(super) fn find(&self, id: &str) -> Option<Arc<TokenEntry>> {
        self.kept.find(id)
    }

    /// What to take before reading `id` from storage.
    pub(super) fn epoch(&self, id: &str) -> u64 {
        self.kept.epoch(id)
    }

    /// Keeps `entry`, unless something has changed since `epoch`.
    pub(super) fn keep(&self, entry: &Arc<TokenEntry>, epoch: u64) {
        self.kept.keep(&entry.id, entry, size(entry), epoch);
    }

    /// Forgets `id`. Call it after the commit that changes it.
    pub(super) fn forget(&self, id: &str) {
        self.kept.forget(id);
        // After the entry is gone: whoever finds the new epoch must not find the old entry.
        self.ancestry.forget(id);
    }

    /// Forgets everything.
    pub(super) fn clear(&self) {
        self.kept.clear();
        self.ancestry.clear();
    }
}

/// Bytes that `entry` takes, about, its name as a key included.
fn size(entry: &TokenEntry) -> usize {
    let TokenEntry { policies, metadata, login, access, bound_cidrs, .. } = entry;
    let texts = [&entry.id, &entry.id, &entry.accessor, &entry.path, &entry.display_name, &entry.role];
    let of_login = login
        .as_ref()
        .map_or(0, |login| size_of_pairs(&login.internal) + size_of_texts(&login.group_aliases));
    size_of::<TokenEntry>()
        + size_of_texts(texts)
        + size_of_texts(policies)
        + size_of_pairs(metadata)
        + size_of_val(bound_cidrs.as_slice())
        + of_login
        + access.as_ref().map_or(0, |access| size_of_texts(&access.scopes))
}
