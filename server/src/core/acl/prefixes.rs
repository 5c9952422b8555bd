//! The longest of many prefixes, by binary search.

/// Prefixes sorted by bytes; each knows the longest other one that it begins with.
#[derive(Debug)]
pub(super) struct Prefixes<T> {
    entries: Vec<Entry<T>>,
}

#[derive(Debug)]
struct Entry<T> {
    text: Box<str>,
    parent: Option<usize>,
    value: T,
}

impl<T> Default for Prefixes<T> {
    fn default() -> Self {
        Self { entries: Vec::new() }
    }
}

impl<T> Prefixes<T> {
    /// Builds the table; `prefixes` has no text twice.
    pub(super) fn new(prefixes: impl IntoIterator<Item = (String, T)>) -> Self {
        let mut prefixes: Vec<(String, T)> = prefixes.into_iter().collect();
        prefixes.sort_by(|(a, _), (b, _)| a.cmp(b));
        let mut entries: Vec<Entry<T>> = Vec::with_capacity(prefixes.len());
        for (text, value) in prefixes {
            let before = entries.len().checked_sub(1);
            let parent = ancestor(&entries, before, &text);
            entries.push(Entry { text: text.into(), parent, value });
        }
        Self { entries }
    }

    /// The longest prefix of `path`.
    pub(super) fn longest(&self, path: &str) -> Option<&T> {
        // Everything between the longest prefix and the path begins with that prefix, so the last entry not
        // after the path is it or descends from it.
        let after = self.entries.partition_point(|entry| &*entry.text <= path);
        let found = ancestor(&self.entries, after.checked_sub(1), path)?;
        Some(&self.entries[found].value)
    }
}

/// The first of `from` and its parents that `text` begins with.
fn ancestor<T>(entries: &[Entry<T>], from: Option<usize>, text: &str) -> Option<usize> {
    let mut at = from;
    while let Some(index) = at {
        if text.starts_with(&*entries[index].text) {
            return Some(index);
        }
        at = entries[index].parent;
    }
    None
}
