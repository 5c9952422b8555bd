//! Which namespaces there are and what is mounted in them: an immutable snapshot.
//!
//! Requests read the snapshot without locks. Those that change it take turns
//! ([`TopologyWriter`](super::pipeline::TopologyWriter)): they write the records into one transaction, and the next
//! snapshot is published when that is durable.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Bound;
use std::sync::{Arc, OnceLock};

use http::StatusCode;
use parking_lot::Mutex;

use super::engine::AnyEngine;
use super::error::Error;
use super::mount::{Mount, MountClass, MountEntry};
use super::mount_table::{self, StoredMount};
use super::namespace::Namespace;
use super::shards::Shards;
use crate::barrier::{Barrier, Place};
use crate::{auth, engines};

/// All namespaces.
#[derive(Clone, Debug, Default)]
pub(crate) struct Topology {
    /// By whole path; the root's is empty.
    spaces: Shards<Arc<Space>>,
    /// By namespace id.
    by_id: Shards<Arc<Space>>,
}

/// The topology as a transaction will have made it.
#[derive(Debug)]
pub(crate) struct NextTopology(Mutex<Arc<Topology>>);

impl NextTopology {
    /// Begins as `present`.
    pub(crate) fn new(present: Arc<Topology>) -> Self {
        Self(Mutex::new(present))
    }

    /// As it is so far.
    pub(crate) fn get(&self) -> Arc<Topology> {
        Arc::clone(&self.0.lock())
    }

    /// Puts `topology` in its place.
    pub(crate) fn set(&self, topology: Arc<Topology>) {
        *self.0.lock() = topology;
    }
}

/// One namespace and its mounts.
#[derive(Debug)]
pub(crate) struct Space {
    pub(crate) namespace: Arc<Namespace>,
    /// By a seal of its own: nobody knows its mounts, nor what namespaces are below it.
    pub(crate) is_sealed: bool,
    /// Made when the first request needs them: most of many namespaces are asked for nothing.
    mounts: OnceLock<Mounts>,
    /// Records of which the mounts are made.
    stored: Box<[StoredMount]>,
}

/// By path as requests have it: `secret/`, `auth/token/`.
type Mounts = BTreeMap<String, Arc<Mounted>>;

/// A mount that takes requests.
pub(crate) struct Mounted {
    pub(crate) mount: Mount,
    /// `None`: a type that is known and not built.
    pub(crate) engine: Option<Arc<dyn AnyEngine>>,
    /// Where its records are stored.
    pub(crate) prefix: String,
    /// Where changes of its entry are seen; found when it is asked for.
    place: OnceLock<Place>,
}

impl fmt::Debug for Mounted {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Mounted").field("mount", &self.mount).finish_non_exhaustive()
    }
}

impl Mounted {
    /// A mount of `entry` in `namespace`, with an engine of its own.
    pub(crate) fn new(entry: MountEntry, namespace: &Arc<Namespace>) -> Arc<Self> {
        let engine = match entry.class {
            MountClass::Secret => engines::make(&entry),
            MountClass::Auth => auth::make(&entry),
        };
        Self::with_engine(entry, namespace, engine)
    }

    /// The same engine with another entry, as after a change of its settings.
    pub(crate) fn with_entry(&self, entry: MountEntry) -> Arc<Self> {
        self.moved(entry, &self.mount.namespace)
    }

    /// The same mount with another record of its namespace.
    pub(crate) fn in_namespace(&self, namespace: &Arc<Namespace>) -> Arc<Self> {
        self.moved(self.entry().clone(), namespace)
    }

    /// The same engine with another entry, in `namespace`.
    pub(crate) fn moved(&self, entry: MountEntry, namespace: &Arc<Namespace>) -> Arc<Self> {
        Self::with_engine(entry, namespace, self.engine.clone())
    }

    fn with_engine(
        entry: MountEntry,
        namespace: &Arc<Namespace>,
        engine: Option<Arc<dyn AnyEngine>>,
    ) -> Arc<Self> {
        let mount = Mount { entry, namespace: Arc::clone(namespace) };
        let prefix = mount.storage_prefix();
        Arc::new(Self { mount, engine, prefix, place: OnceLock::new() })
    }

    /// Where changes of its entry are seen.
    pub(crate) fn place(&self, barrier: &Barrier) -> Place {
        *self.place.get_or_init(|| barrier.place(&mount_table::key(&self.mount.namespace, self.entry())))
    }

    /// Its entry.
    pub(crate) fn entry(&self) -> &MountEntry {
        &self.mount.entry
    }
}

impl Space {
    /// A namespace with `mounts`.
    pub(crate) fn new(namespace: Arc<Namespace>, mounts: impl IntoIterator<Item = Arc<Mounted>>) -> Self {
        Self { namespace, is_sealed: false, mounts: OnceLock::from(by_path(mounts)), stored: Box::default() }
    }

    /// A namespace that is sealed.
    pub(crate) fn sealed(namespace: Arc<Namespace>) -> Self {
        Self { is_sealed: true, ..Self::new(namespace, []) }
    }

    /// The same with another record of its namespace.
    pub(crate) fn in_namespace(&self, namespace: &Arc<Namespace>) -> Self {
        let mounts = self.mounts().map(|(_, mounted)| mounted.in_namespace(namespace));
        Self { is_sealed: self.is_sealed, ..Self::new(Arc::clone(namespace), mounts) }
    }

    /// A namespace whose mounts are made of `stored` when they are needed.
    pub(crate) fn closed(namespace: Arc<Namespace>, stored: Vec<StoredMount>) -> Self {
        let stored = stored.into_boxed_slice();
        Self { namespace, is_sealed: false, mounts: OnceLock::new(), stored }
    }

    fn open(&self) -> &Mounts {
        self.mounts.get_or_init(|| {
            let entries = self.stored.iter().map(|stored| stored.entry(&self.namespace));
            by_path(entries.map(|entry| Mounted::new(entry, &self.namespace)))
        })
    }

    /// All mounts by path.
    pub(crate) fn mounts(&self) -> impl Iterator<Item = (&str, &Arc<Mounted>)> {
        self.open().iter().map(|(path, mounted)| (path.as_str(), mounted))
    }

    /// How many mounts it has. Makes none of them.
    pub(crate) fn mount_count(&self) -> usize {
        self.mounts.get().map_or(self.stored.len(), BTreeMap::len)
    }

    /// Whether a mount of it has `accessor`. Makes none of them.
    pub(crate) fn has_accessor(&self, accessor: &str) -> bool {
        match self.mounts.get() {
            Some(mounts) => mounts.values().any(|mounted| mounted.entry().accessor == accessor),
            None => self.stored.iter().any(|stored| stored.has_accessor(accessor)),
        }
    }

    /// The mount at exactly `path`, which ends with a slash.
    pub(crate) fn mount(&self, path: &str) -> Option<&Arc<Mounted>> {
        self.open().get(path)
    }

    /// The mount that `path` is in and the rest of the path. `secret` alone is in `secret/`.
    pub(crate) fn route<'a>(&self, path: &'a str) -> Option<(&Arc<Mounted>, &'a str)> {
        let mounts = self.open();
        let ends = path.match_indices('/').map(|(slash, _)| slash + 1);
        for end in ends {
            if let Some(mounted) = mounts.get(&path[..end]) {
                return Some((mounted, &path[end..]));
            }
        }
        mounts.get(&format!("{path}/")).map(|mounted| (mounted, ""))
    }

    /// The mount whose path is above or below `path`, which ends with a slash: what keeps `path` from being mounted.
    pub(crate) fn conflict(&self, path: &str) -> Option<&str> {
        let mounts = self.open();
        let mut ends = path.match_indices('/').map(|(slash, _)| slash + 1);
        let above = ends.find_map(|end| mounts.get_key_value(&path[..end]));
        let from = (Bound::Included(path), Bound::Unbounded);
        let below = || mounts.range::<str, _>(from).next().filter(|(below, _)| below.starts_with(path));
        above.or_else(below).map(|(found, _)| found.as_str())
    }

    fn changed(&self, change: impl FnOnce(&mut Mounts)) -> Arc<Self> {
        let mut mounts = self.open().clone();
        change(&mut mounts);
        let (namespace, is_sealed) = (Arc::clone(&self.namespace), self.is_sealed);
        Arc::new(Self { namespace, is_sealed, mounts: OnceLock::from(mounts), stored: Box::default() })
    }
}

fn by_path(mounts: impl IntoIterator<Item = Arc<Mounted>>) -> Mounts {
    mounts.into_iter().map(|mounted| (mounted.entry().api_path(), mounted)).collect()
}

impl Topology {
    /// The namespace at `path`.
    pub(crate) fn space(&self, path: &str) -> Option<&Arc<Space>> {
        self.spaces.get(path)
    }

    /// The namespace with `id`.
    pub(crate) fn by_id(&self, id: &str) -> Option<&Arc<Space>> {
        self.by_id.get(id)
    }

    /// All namespaces, in no order.
    pub(crate) fn spaces(&self) -> impl Iterator<Item = &Arc<Space>> {
        self.spaces.iter().map(|(_, space)| space)
    }

    /// Direct children of the namespace at `parent`, or all below it, by path.
    pub(crate) fn below(&self, parent: &str, all: bool) -> BTreeMap<&str, &Arc<Space>> {
        let is_wanted = |path: &str| {
            let rest = path.strip_prefix(parent).unwrap_or_default();
            !rest.is_empty() && (all || rest.find('/') == Some(rest.len() - 1))
        };
        self.spaces.iter().filter(|(path, _)| is_wanted(path)).collect()
    }

    /// The namespace at `path` of `space`, above it or below it: what keeps `path` from being mounted. Of namespaces, all
    /// that are above one are there, so that one whole segment tells.
    pub(crate) fn conflict(&self, space: &Space, path: &str) -> Option<&str> {
        let first = &path[..=path.find('/')?];
        let found = self.spaces.get(&format!("{}{first}", space.namespace.path))?;
        Some(&found.namespace.path)
    }

    /// The outermost locked namespace of those that `path` lies in.
    pub(crate) fn lock_above(&self, path: &str) -> Option<&Arc<Namespace>> {
        let ends = path.match_indices('/').map(|(slash, _)| slash + 1);
        let namespaces = ends.filter_map(|end| self.spaces.get(&path[..end]).map(|space| &space.namespace));
        namespaces.into_iter().find(|namespace| namespace.is_locked())
    }

    /// Whether the namespace `path`, or one that it lies in, is sealed.
    pub(crate) fn is_sealed(&self, path: &str) -> bool {
        let mut ends = path.match_indices('/').map(|(slash, _)| slash + 1);
        ends.any(|end| self.spaces.get(&path[..end]).is_some_and(|space| space.is_sealed))
    }

    /// Refuses what is asked of the namespace `path` while it, or one that it lies in, is locked.
    ///
    /// # Errors
    /// 503 with the name of the locked one.
    pub(crate) fn require_unlocked(&self, path: &str) -> Result<(), Error> {
        let Some(locked) = self.lock_above(path) else { return Ok(()) };
        Err(Error::with_status(
            StatusCode::SERVICE_UNAVAILABLE,
            format!(
                "API access to this namespace has been locked by an administrator - \"{}\" must be unlocked to gain \
                 access.",
                locked.path
            ),
        ))
    }

    /// The namespace that `header` names (slashes at the ends do not count) and the path goes on to name:
    /// it, and how much of `path` is its name.
    pub(crate) fn resolve(&self, header: &str, path: &str) -> Option<(&Arc<Space>, usize)> {
        Some(self.descend(self.spaces.get(&header_path(header))?, path))
    }

    /// The namespace below `space` that `path` begins to name, or `space` itself, and how much of `path` is its name.
    pub(crate) fn descend<'a>(&'a self, space: &'a Arc<Space>, path: &str) -> (&'a Arc<Space>, usize) {
        let (mut found, mut length) = (space, 0);
        if self.spaces.len() == 1 {
            return (found, length);
        }
        let mut whole = space.namespace.path.clone();
        for (slash, _) in path.match_indices('/') {
            whole.push_str(&path[length..=slash]);
            match self.spaces.get(&whole) {
                Some(space) => (found, length) = (space, slash + 1),
                None => break,
            }
        }
        (found, length)
    }

    /// This topology with `space` added or replaced.
    pub(crate) fn with_space(&self, space: Arc<Space>) -> Arc<Self> {
        let mut next = self.clone();
        next.add(space);
        Arc::new(next)
    }

    /// Adds or replaces `space`.
    pub(crate) fn add(&mut self, space: Arc<Space>) {
        self.by_id.insert(&space.namespace.id, Arc::clone(&space));
        self.spaces.insert(&space.namespace.path.clone(), space);
    }

    /// This topology without the namespace at `path`.
    pub(crate) fn without_space(&self, path: &str) -> Arc<Self> {
        let mut next = self.clone();
        if let Some(space) = next.spaces.remove(path) {
            next.by_id.remove(&space.namespace.id);
        }
        Arc::new(next)
    }

    /// This topology with the namespace at `path` sealed, and without all below it.
    pub(crate) fn with_sealed(&self, path: &str) -> Arc<Self> {
        let mut next = self.clone();
        for (_, space) in self.below(path, true) {
            next.spaces.remove(&space.namespace.path);
            next.by_id.remove(&space.namespace.id);
        }
        if let Some(space) = self.spaces.get(path) {
            next.add(Arc::new(Space::sealed(Arc::clone(&space.namespace))));
        }
        Arc::new(next)
    }

    /// This topology with `mounted` added or replaced.
    pub(crate) fn with_mount(&self, mounted: &Arc<Mounted>) -> Arc<Self> {
        let path = mounted.entry().api_path();
        self.with_changed(&mounted.mount.namespace.path, |mounts| {
            mounts.insert(path, Arc::clone(mounted));
        })
    }

    /// This topology without the mount at `path` of the namespace at `namespace`.
    pub(crate) fn without_mount(&self, namespace: &str, path: &str) -> Arc<Self> {
        self.with_changed(namespace, |mounts| {
            mounts.remove(path);
        })
    }

    fn with_changed(&self, namespace: &str, change: impl FnOnce(&mut Mounts)) -> Arc<Self> {
        match self.spaces.get(namespace) {
            Some(space) => self.with_space(space.changed(change)),
            None => Arc::new(self.clone()),
        }
    }
}

/// `path` without a leading slash and with one at its end; empty stays empty.
pub(crate) fn normal_path(path: &str) -> String {
    match path.trim_matches('/') {
        "" => String::new(),
        path => format!("{path}/"),
    }
}

/// As [`normal_path`], of a namespace as a header names it: repeated slashes count once, and `root` is the root.
fn header_path(header: &str) -> String {
    let segments: Vec<&str> = header.split('/').filter(|segment| !segment.is_empty()).collect();
    match segments.as_slice() {
        ["root"] => String::new(),
        segments => normal_path(&segments.join("/")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topology() -> Arc<Topology> {
        let names = ["", "a/", "a/b/"];
        names.into_iter().fold(Arc::new(Topology::default()), |topology, path| {
            let namespace =
                Namespace { path: path.into(), id: format!("id-{path}"), ..(*Namespace::root()).clone() };
            topology.with_space(Arc::new(Space::new(Arc::new(namespace), [])))
        })
    }

    #[track_caller]
    fn check(header: &str, path: &str, expected: Option<(&str, usize)>) {
        let topology = topology();
        let found = topology.resolve(header, path);
        assert_eq!(found.map(|(space, length)| (space.namespace.path.as_str(), length)), expected);
    }

    fn space(path: &str, mounts: &[&str]) -> Space {
        let namespace = Namespace { path: path.into(), id: path.into(), ..(*Namespace::root()).clone() };
        let namespace = Arc::new(namespace);
        let mounts = mounts.iter().map(|path| MountEntry::new(MountClass::Secret, path, "kv"));
        Space::new(Arc::clone(&namespace), mounts.map(|entry| Mounted::new(entry, &namespace)))
    }

    #[test]
    fn a_mount_lies_neither_in_another_nor_around_one() {
        let space = space("", &["a/b/", "ab/", "c/", "c-d/", "c0/"]);
        let conflicts = [
            ("a/", Some("a/b/")),
            ("a/b/", Some("a/b/")),
            ("a/b/c/", Some("a/b/")),
            ("a/c/", None),
            ("a/b-/", None),
            ("c/x/", Some("c/")),
            ("b/", None),
            ("z/", None),
        ];
        for (path, expected) in conflicts {
            assert_eq!(space.conflict(path), expected, "{path}");
        }
    }

    #[test]
    fn who_asks_for_an_accessor_opens_no_namespace() {
        let entry = MountEntry::new(MountClass::Secret, "kv/", "kv");
        let record = serde_json::to_vec(&entry).expect("JSON");
        let stored = StoredMount::Other(record.into());
        let space = Space::closed(Namespace::root(), vec![stored]);
        assert!(space.has_accessor(&entry.accessor) && !space.has_accessor("kv_0"));
        assert!(space.mounts.get().is_none());
        space.open();
        assert!(space.has_accessor(&entry.accessor) && !space.has_accessor("kv_0"));
    }

    #[test]
    fn a_mount_lies_where_no_namespace_is() {
        let topology = topology();
        for (namespace, path, expected) in [
            ("", "a/", Some("a/")),
            ("", "a/b/c/", Some("a/")),
            ("", "b/", None),
            ("", "auth/a/", None),
            ("a/", "a/", None),
            ("a/", "b/c/", Some("a/b/")),
        ] {
            let space = topology.space(namespace).expect("a namespace");
            assert_eq!(topology.conflict(space, path), expected, "{path} in {namespace}");
        }
    }

    #[test]
    fn a_namespace_is_named_by_header_and_path() {
        check("", "sys/mounts", Some(("", 0)));
        check("", "a/sys/mounts", Some(("a/", 2)));
        check("", "a/b/sys/mounts", Some(("a/b/", 4)));
        check("/a/", "b/sys/mounts", Some(("a/b/", 2)));
        check("a", "c/sys/mounts", Some(("a/", 0)));
        check("root", "a/sys", Some(("a/", 2)));
        check("a//b/", "sys/mounts", Some(("a/b/", 0)));
        check("a/../a", "sys/mounts", None);
        check("nope", "sys/mounts", None);
    }
}
