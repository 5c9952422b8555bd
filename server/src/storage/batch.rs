//! A set of writes that are applied together.

use std::collections::BTreeMap;
use std::fmt;

use bytes::Bytes;

/// What a [`Batch`] does with one key.
#[derive(Clone, PartialEq, Eq)]
pub enum Write {
    /// Remove the key; no error if it is not there.
    Delete,
    /// Create or replace the key.
    Put(Bytes),
}

impl fmt::Debug for Write {
    // Values may be plaintext on their way to the barrier, so only their length is shown.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Write::Delete => formatter.write_str("Delete"),
            Write::Put(value) => write!(formatter, "Put({} bytes)", value.len()),
        }
    }
}

/// Writes that are applied together; for one key the last one wins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    writes: BTreeMap<String, Write>,
}

impl Batch {
    /// An empty batch.
    pub fn new() -> Self {
        Self::default()
    }

    /// Creates or replaces `key`.
    pub fn put(&mut self, key: impl Into<String>, value: impl Into<Bytes>) {
        self.writes.insert(key.into(), Write::Put(value.into()));
    }

    /// Removes `key`.
    pub fn delete(&mut self, key: impl Into<String>) {
        self.writes.insert(key.into(), Write::Delete);
    }

    /// What the batch does with `key`; `None` if it does not touch it.
    pub fn get(&self, key: &str) -> Option<&Write> {
        self.writes.get(key)
    }

    /// The writes in the order of their keys.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Write)> {
        self.writes.iter().map(|(key, write)| (key.as_str(), write))
    }

    /// The writes to keys that start with `prefix`, in order.
    pub fn with_prefix<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a str, &'a Write)> {
        self.writes
            .range::<str, _>((std::ops::Bound::Included(prefix), std::ops::Bound::Unbounded))
            .take_while(move |(key, _)| key.starts_with(prefix))
            .map(|(key, write)| (key.as_str(), write))
    }

    /// How many keys the batch touches.
    pub fn len(&self) -> usize {
        self.writes.len()
    }

    /// Whether the batch does nothing.
    pub fn is_empty(&self) -> bool {
        self.writes.is_empty()
    }

    /// Adds `write` for `key`, or takes the key out of the batch; answers what was there.
    pub(crate) fn replace(&mut self, key: &str, write: Option<Write>) -> Option<Write> {
        match write {
            Some(write) => self.writes.insert(key.to_owned(), write),
            None => self.writes.remove(key),
        }
    }
}

impl IntoIterator for Batch {
    type Item = (String, Write);
    type IntoIter = std::collections::btree_map::IntoIter<String, Write>;

    fn into_iter(self) -> Self::IntoIter {
        self.writes.into_iter()
    }
}
