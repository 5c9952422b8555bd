//! Keys of the storage merged with the writes of a transaction.

use std::collections::BTreeMap;
use std::ops::Bound;

use super::{BarrierError, Transaction};

/// Keys read from the storage at first, and at a time when these were not all: few lists are long.
const FIRST_PAGE: usize = 256;
const PAGE: usize = 4096;

/// Walks the keys below a prefix in order, own writes merged in.
struct Cursor<'a> {
    transaction: &'a Transaction,
    prefix: &'a str,
    /// Own writes below the prefix: the key, and whether it is there afterwards.
    own: BTreeMap<String, bool>,
    /// Keys up to here are done.
    after: Option<String>,
    ended: bool,
}

impl<'a> Cursor<'a> {
    fn new(transaction: &'a Transaction, prefix: &'a str) -> Self {
        Self { transaction, prefix, own: transaction.own_keys(prefix), after: None, ended: false }
    }

    /// Goes on strictly after `key`.
    fn skip_to(&mut self, key: String) {
        self.after = Some(key);
    }

    /// The next keys; empty pages are possible, `None` is the end.
    async fn page(&mut self) -> Result<Option<Vec<String>>, BarrierError> {
        if self.ended {
            return Ok(None);
        }
        let size = if self.after.is_none() { FIRST_PAGE } else { PAGE };
        if size == PAGE {
            // Such a page takes a millisecond, in which this thread serves nobody else.
            tokio::task::yield_now().await;
        }
        let stored = self.transaction.stored_keys(self.prefix, self.after.as_deref(), size).await?;
        self.ended = stored.len() < size;
        // Beyond the last key of a full page the storage may have more keys, so own ones must wait.
        let last = if self.ended { None } else { stored.last().cloned() };
        let keys = if self.own.is_empty() { stored } else { self.merge(stored, last.as_deref()) };
        self.after = last;
        Ok(Some(keys))
    }

    /// `stored` without what is deleted, with what is created up to `last`.
    fn merge(&self, stored: Vec<String>, last: Option<&str>) -> Vec<String> {
        let from = self.after.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
        let to = last.map_or(Bound::Unbounded, Bound::Included);
        let mut keys: BTreeMap<String, bool> = stored.into_iter().map(|key| (key, true)).collect();
        keys.extend(self.own.range::<str, _>((from, to)).map(|(key, &present)| (key.clone(), present)));
        keys.into_iter().filter_map(|(key, present)| present.then_some(key)).collect()
    }
}

/// All keys below `prefix`.
pub(super) async fn all_keys(transaction: &Transaction, prefix: &str) -> Result<Vec<String>, BarrierError> {
    let mut cursor = Cursor::new(transaction, prefix);
    let mut keys = Vec::new();
    while let Some(page) = cursor.page().await? {
        keys.extend(page);
    }
    Ok(keys)
}

/// The first keys below `prefix`, at most `limit`.
pub(super) async fn first_keys(
    transaction: &Transaction,
    prefix: &str,
    limit: usize,
) -> Result<Vec<String>, BarrierError> {
    let mut cursor = Cursor::new(transaction, prefix);
    let mut keys = Vec::new();
    while keys.len() < limit
        && let Some(page) = cursor.page().await?
    {
        keys.extend(page);
    }
    keys.truncate(limit);
    Ok(keys)
}

/// Whether there is a key below `prefix`.
pub(super) async fn has_any(transaction: &Transaction, prefix: &str) -> Result<bool, BarrierError> {
    let mut cursor = Cursor::new(transaction, prefix);
    while let Some(page) = cursor.page().await? {
        if !page.is_empty() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// One level of names below `prefix`.
pub(super) async fn list(
    transaction: &Transaction,
    prefix: &str,
    after: Option<&str>,
    limit: usize,
) -> Result<Vec<String>, BarrierError> {
    let mut cursor = Cursor::new(transaction, prefix);
    if let Some(after) = after {
        cursor.skip_to(end_of(prefix, after));
    }
    let mut names: Vec<String> = Vec::new();
    while names.len() < limit
        && let Some(page) = cursor.page().await?
    {
        for mut key in page {
            let name = level(&key[prefix.len()..]);
            if names.last().is_none_or(|last| last != name) && after.is_none_or(|after| name > after) {
                key.truncate(prefix.len() + name.len());
                key.drain(..prefix.len());
                names.push(key);
            }
        }
        leave_folder(&mut cursor, prefix, names.last());
    }
    names.truncate(limit);
    Ok(names)
}

/// If the cursor stands inside of the folder that was named last, goes to its end: the rest tells nothing.
fn leave_folder(cursor: &mut Cursor<'_>, prefix: &str, last: Option<&String>) {
    if let Some(name) = last
        && name.ends_with('/')
        && cursor.after.as_deref().is_some_and(|after| after[prefix.len()..].starts_with(name.as_str()))
    {
        cursor.skip_to(end_of(prefix, name));
    }
}

/// The part of a relative key that its folder shows.
fn level(key: &str) -> &str {
    key.find('/').map_or(key, |slash| &key[..=slash])
}

/// A key that sorts after everything that shows as `name`. (Keys of such noncharacters could sort after it
/// still; the caller drops a name that it has already.)
fn end_of(prefix: &str, name: &str) -> String {
    let beyond = if name.ends_with('/') { "\u{10FFFF}\u{10FFFF}" } else { "" };
    format!("{prefix}{name}{beyond}")
}
