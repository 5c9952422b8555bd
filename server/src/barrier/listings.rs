//! The names of folders that were listed.
//!
//! A list is good as long as no commit after it has changed the folder, which the folder's stripe in the
//! [order of commits](super::order) tells: it is raised before such a commit can be seen. Names are no secrets: the
//! storage has them in the clear.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

/// Names of at most so many bytes are kept; when there are more it begins anew.
const CAPACITY: usize = 4 * 1024 * 1024;
/// What a name costs besides its bytes.
const NAME_BYTES: usize = 40;
/// Shorter lists are as quickly read.
const SHORTEST: usize = 64;

/// Names in a folder, shared by those who list it.
pub(crate) type Names = Arc<Vec<String>>;

/// Lists by folder.
#[derive(Default)]
pub(super) struct Listings(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    folders: HashMap<Box<str>, Listing>,
    bytes: usize,
}

struct Listing {
    names: Names,
    /// Everything up to this commit is in it.
    sequence: u64,
}

impl Listings {
    /// The names in `folder` with everything up to the commit `changed`, the last one that may have changed it.
    pub(super) fn find(&self, folder: &str, changed: u64) -> Option<Names> {
        let kept = self.0.lock();
        let listing = kept.folders.get(folder).filter(|listing| changed <= listing.sequence)?;
        Some(Arc::clone(&listing.names))
    }

    /// Keeps the names in `folder`, which have everything up to the commit `sequence`.
    pub(super) fn keep(&self, folder: &str, names: &Names, sequence: u64) {
        let bytes = cost(folder, names);
        if names.len() < SHORTEST || bytes > CAPACITY {
            return;
        }
        let mut kept = self.0.lock();
        if kept.bytes + bytes > CAPACITY {
            *kept = Kept::default();
        }
        let listing = Listing { names: Arc::clone(names), sequence };
        let replaced = kept.folders.insert(folder.into(), listing);
        kept.bytes += bytes;
        kept.bytes -= replaced.map_or(0, |replaced| cost(folder, &replaced.names));
    }

    /// Forgets everything.
    pub(super) fn clear(&self) {
        *self.0.lock() = Kept::default();
    }
}

fn cost(folder: &str, names: &[String]) -> usize {
    folder.len() + names.iter().map(|name| name.len() + NAME_BYTES).sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(count: usize) -> Names {
        Arc::new((0..count).map(|number| format!("{number:01000}")).collect())
    }

    #[test]
    fn a_list_is_good_until_its_folder_changes() {
        let listings = Listings::default();
        listings.keep("a/", &names(SHORTEST), 5);
        assert!(listings.find("a/", 5).is_some());
        assert!(listings.find("a/", 6).is_none());
        listings.keep("a/", &names(SHORTEST), 6);
        assert!(listings.find("a/", 6).is_some());
        listings.clear();
        assert!(listings.find("a/", 6).is_none());
    }

    #[test]
    fn memory_is_bounded() {
        let listings = Listings::default();
        for folder in 0..100 {
            listings.keep(&folder.to_string(), &names(1000), 1);
            let kept = listings.0.lock();
            let bytes: usize = kept.folders.iter().map(|(folder, it)| cost(folder, &it.names)).sum();
            assert!(kept.bytes == bytes && bytes <= CAPACITY, "{bytes}");
        }
    }
}
