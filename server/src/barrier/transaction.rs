//! The unit that every request handler works in.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::claims::{Claim, Patience};
use super::listing;
use super::order::{Admission, Footprint, Hook, Place, Stripe};
use super::packed;
use super::{Barrier, BarrierError, CommitError, Names, View};
use crate::storage::{Batch, Write};

/// Reads through the barrier, buffers writes, and commits once: one atomic batch.
///
/// A transaction sees its own writes. It sees a key as it was when it first read it, but two keys possibly at
/// two moments; if that matters, [`commit`](Transaction::commit) answers [`CommitError::Conflict`] and the
/// handler runs again on a new transaction. So a handler must have no effect outside of its transaction,
/// except by [`after_commit`](Transaction::after_commit). A transaction that writes nothing never conflicts.
///
/// Methods take `&self`, so that several [views](Transaction::view) may be held at a time.
pub struct Transaction {
    barrier: Arc<Barrier>,
    start: u64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    batch: Batch,
    /// Keys of `batch` whose values are stored without being encrypted.
    as_they_are: BTreeSet<String>,
    /// What each overwritten place of `batch` held before, oldest first.
    undo: Vec<(String, Option<Write>)>,
    /// Keys that were read from the barrier, as they were then.
    reads: BTreeMap<String, Option<Bytes>>,
    /// Folders that were listed.
    folders: BTreeSet<String>,
    hooks: Vec<Hook>,
}

/// A moment in a transaction to which its writes can be rolled back.
#[derive(Clone, Copy, Debug)]
pub struct Savepoint {
    undo: usize,
    hooks: usize,
}

impl Transaction {
    pub(super) fn new(barrier: Arc<Barrier>) -> Self {
        let start = barrier.order.applied();
        Self { barrier, start, state: Mutex::default() }
    }

    pub(super) fn of_batch(barrier: Arc<Barrier>, batch: Batch) -> Self {
        let transaction = Self::new(barrier);
        transaction.state.lock().batch = batch;
        transaction
    }

    /// The value under `key`; own writes first.
    pub async fn get(&self, key: &str) -> Result<Option<Bytes>, BarrierError> {
        if let Some(known) = self.state.lock().known(key) {
            return Ok(known);
        }
        let value = self.barrier.get(key).await?;
        // A read of the same key that ran beside this one stays, so that the key is seen in one state only.
        Ok(self.state.lock().reads.entry(key.to_owned()).or_insert(value).clone())
    }

    /// The JSON record under `key`.
    ///
    /// # Errors
    /// [`BarrierError::Malformed`] if the value is no such record; it tells the place, not the content.
    pub async fn get_json<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, BarrierError> {
        let Some(value) = self.get(key).await? else { return Ok(None) };
        serde_json::from_slice(&value).map(Some).map_err(|error| BarrierError::malformed(key, &error))
    }

    /// As [`get_json`](Transaction::get_json), of a packed record.
    pub(crate) async fn get_packed<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, BarrierError> {
        let Some(value) = self.get(key).await? else { return Ok(None) };
        packed::unpack(key, &value).map(Some)
    }

    /// Creates or replaces `key`.
    pub fn put(&self, key: impl Into<String>, value: impl Into<Bytes>) {
        self.state.lock().write(key.into(), Write::Put(value.into()));
    }

    /// As [`put`](Transaction::put), stored without being encrypted: what the seal of a new domain begins with. It is
    /// not read back.
    pub(crate) fn put_as_it_is(&self, key: String, value: impl Into<Bytes>) {
        let mut state = self.state.lock();
        state.as_they_are.insert(key.clone());
        state.write(key, Write::Put(value.into()));
    }

    /// Creates or replaces `key` with a JSON record.
    ///
    /// # Errors
    /// [`BarrierError::Malformed`] if `record` has no JSON form, for example a map whose keys are no strings.
    pub fn put_json<T: Serialize + ?Sized>(&self, key: &str, record: &T) -> Result<(), BarrierError> {
        let value = serde_json::to_vec(record).map_err(|error| BarrierError::malformed(key, &error))?;
        self.put(key, value);
        Ok(())
    }

    /// As [`put_json`](Transaction::put_json), of a packed record: for those of which there are very many.
    pub(crate) fn put_packed<T: Serialize + ?Sized>(
        &self,
        key: &str,
        record: &T,
    ) -> Result<(), BarrierError> {
        self.put(key, packed::pack(key, record)?);
        Ok(())
    }

    /// Removes `key`; no error if it is not there.
    pub fn delete(&self, key: impl Into<String>) {
        self.state.lock().write(key.into(), Write::Delete);
    }

    /// One level of names below `prefix` (which ends with `/` or is empty), in order, strictly after the name
    /// `after`, at most `limit`. A name that has keys below it ends with `/`. Own writes are merged in.
    pub async fn list(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<String>, BarrierError> {
        self.note_folder(prefix);
        listing::list(self, prefix, after, limit).await
    }

    /// As [`list`](Transaction::list), all names of the folder `prefix`, which are shared with others who list it.
    pub(crate) async fn list_all(&self, prefix: &str) -> Result<Names, BarrierError> {
        self.note_folder(prefix);
        // A sealed barrier must not answer from memory.
        self.barrier.require_listable(prefix)?;
        let order = &self.barrier.order;
        let stripe = order.folder_stripe(prefix);
        if self.is_dirty() {
            return Ok(Arc::new(listing::list(self, prefix, None, usize::MAX).await?));
        }
        if let Some(names) = self.barrier.listings.find(prefix, order.changed(stripe)) {
            return Ok(names);
        }
        let sequence = order.applied();
        let names = Arc::new(listing::list(self, prefix, None, usize::MAX).await?);
        // Else it may have some of a commit that is under way.
        if order.changed(stripe) <= sequence {
            self.barrier.listings.keep(prefix, &names, sequence);
        }
        Ok(names)
    }

    /// All keys that start with `prefix`, whole, in order. Own writes are merged in.
    pub async fn scan_keys(&self, prefix: &str) -> Result<Vec<String>, BarrierError> {
        self.note_folder(prefix);
        listing::all_keys(self, prefix).await
    }

    /// As [`scan_keys`](Transaction::scan_keys), at most `limit` of them.
    pub async fn first_keys(&self, prefix: &str, limit: usize) -> Result<Vec<String>, BarrierError> {
        self.note_folder(prefix);
        listing::first_keys(self, prefix, limit).await
    }

    /// Whether any key starts with `prefix`, own writes included.
    pub async fn has_any(&self, prefix: &str) -> Result<bool, BarrierError> {
        self.note_folder(prefix);
        listing::has_any(self, prefix).await
    }

    /// The barrier that it reads and writes through.
    pub(crate) fn barrier(&self) -> &Arc<Barrier> {
        &self.barrier
    }

    /// This transaction with `prefix` put before each key.
    pub fn view(&self, prefix: impl Into<String>) -> View<'_> {
        View::new(self, prefix.into())
    }

    /// Whether something that was read has changed since, or is about to: two reads may have seen two moments. The
    /// change is applied when it returns, so that an immediate repetition sees it, and others give way to `claim`.
    pub(crate) async fn was_stale(&self, claim: &mut Claim) -> bool {
        let footprint = self.state.lock().footprint(&self.barrier, self.start);
        let Some(sequence) = self.barrier.order.stale(&footprint, claim) else { return false };
        self.barrier.order.wait_for(sequence).await;
        true
    }

    /// Waits for a commit that changes what is at `place`, if anything that was read so far may be of that commit: it
    /// is applied, and its hooks have run, when this returns. Costs next to nothing if there is none.
    pub(crate) async fn wait_for_change(&self, place: Place) {
        let sequence = self.barrier.order.seen(place.0);
        if sequence > self.start {
            self.barrier.order.wait_for(sequence).await;
        }
    }

    /// Whether there is anything to commit.
    pub fn is_dirty(&self) -> bool {
        !self.state.lock().batch.is_empty()
    }

    /// Runs `hook` once the commit is durable, in the order of commits; never if it fails. Whoever begins a
    /// transaction that can see the commit also sees what the hook has done. It must be short, must not
    /// block, and must not commit.
    pub fn after_commit(&self, hook: Box<dyn FnOnce() + Send>) {
        self.state.lock().hooks.push(hook);
    }

    /// Marks the present moment.
    pub fn savepoint(&self) -> Savepoint {
        let state = self.state.lock();
        Savepoint { undo: state.undo.len(), hooks: state.hooks.len() }
    }

    /// Takes back the writes and hooks since `savepoint`. What was read stays part of the validation.
    pub fn rollback_to(&self, savepoint: Savepoint) {
        let mut state = self.state.lock();
        while state.undo.len() > savepoint.undo {
            let (key, previous) = state.undo.pop().expect("the log is longer than the savepoint");
            state.batch.replace(&key, previous);
        }
        state.hooks.truncate(savepoint.hooks);
    }

    /// Applies all writes at once, or nothing. Durable, and its hooks have run, when it returns.
    ///
    /// Once the storage has the batch, dropping the future does not take it back.
    ///
    /// # Errors
    /// [`CommitError::Conflict`]: something that was read has changed. The commit that changed it is
    /// applied by then, so that an immediate repetition sees it.
    pub async fn commit(self) -> Result<(), CommitError> {
        self.commit_all(Batch::new(), &mut Claim::default()).await
    }

    /// As [`commit`](Self::commit); answers whether there was no conflict. If there was, others give way to `claim`, so
    /// that who repeats with it, [in its turn](Claim::turn), does not lose again and again.
    pub(crate) async fn commit_with(self, claim: &mut Claim) -> Result<bool, BarrierError> {
        match self.commit_all(Batch::new(), claim).await {
            Ok(()) => Ok(true),
            Err(CommitError::Conflict) => Ok(false),
            Err(CommitError::Barrier(error)) => Err(error),
        }
    }

    /// As [`commit`](Self::commit), together with `also`, which is stored as it is.
    pub(super) async fn commit_beside(self, also: Batch) -> Result<(), CommitError> {
        self.commit_all(also, &mut Claim::default()).await
    }

    async fn commit_all(self, also: Batch, claim: &mut Claim) -> Result<(), CommitError> {
        if self.is_dirty() || !also.is_empty() {
            // What only reads, as most requests do, need not carry all this along.
            return Box::pin(self.store(also, claim)).await;
        }
        self.state.into_inner().hooks.into_iter().for_each(|hook| hook());
        Ok(())
    }

    async fn store(self, also: Batch, claim: &mut Claim) -> Result<(), CommitError> {
        let state = self.state.into_inner();
        let footprint = state.footprint(&self.barrier, self.start);
        let mut batch = self.barrier.encrypt(&state.batch, &state.as_they_are)?;
        for (key, write) in also {
            batch.replace(&key, Some(write));
        }
        let sequence = admit(&self.barrier, &footprint, claim).await?;
        let ticket = Ticket::new(&self.barrier, sequence, state.batch);
        // Sealed while this waited: what a seal does not find under way must not begin.
        self.barrier.require_writable(&ticket.batch)?;
        // A task of its own: a request that is dropped now must not leave its sequence unfinished.
        let writing = tokio::spawn(write(ticket, batch, state.hooks));
        writing.await.map_err(|_| aborted())??;
        self.barrier.order.wait_for(sequence).await;
        Ok(())
    }

    /// The writes, uncommitted; hooks are dropped.
    pub fn into_batch(self) -> Batch {
        self.state.into_inner().batch
    }

    /// Reads a page of keys of the storage, without own writes.
    pub(super) async fn stored_keys(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<String>, BarrierError> {
        self.barrier.scan_keys(prefix, after, limit).await
    }

    /// Own writes below `prefix`: the key, and whether it is there afterwards.
    pub(super) fn own_keys(&self, prefix: &str) -> BTreeMap<String, bool> {
        let state = self.state.lock();
        let writes = state.batch.with_prefix(prefix);
        writes.map(|(key, write)| (key.to_owned(), matches!(write, Write::Put(_)))).collect()
    }

    fn note_folder(&self, prefix: &str) {
        let folder = prefix.rfind('/').map_or("", |slash| &prefix[..=slash]);
        let mut state = self.state.lock();
        if !state.folders.contains(folder) {
            state.folders.insert(folder.to_owned());
        }
    }
}

impl State {
    /// What this transaction has written or already read under `key`.
    fn known(&self, key: &str) -> Option<Option<Bytes>> {
        match self.batch.get(key) {
            Some(Write::Put(value)) => Some(Some(value.clone())),
            Some(Write::Delete) => Some(None),
            None => self.reads.get(key).cloned(),
        }
    }

    fn write(&mut self, key: String, write: Write) {
        let previous = self.batch.replace(&key, Some(write));
        self.undo.push((key, previous));
    }

    fn footprint(&self, barrier: &Barrier, start: u64) -> Footprint {
        let order = &barrier.order;
        let keys = self.reads.keys().map(|key| order.stripe(key));
        let folders = self.folders.iter().map(|folder| order.folder_stripe(folder));
        let changed = self.changed_folders().into_iter();
        Footprint {
            start,
            reads: keys.chain(folders).collect(),
            writes: self.batch.iter().map(|(key, _)| order.stripe(key)).collect(),
            folders: changed.map(|folder| order.folder_stripe(folder)).collect::<Vec<Stripe>>(),
        }
    }

    /// Folders whose listing may change by this batch: all above each key that is created or deleted.
    ///
    /// Only a key that was read, and so is validated, is known to be replaced (or absent already).
    fn changed_folders(&self) -> BTreeSet<&str> {
        let changed = self.batch.iter().filter(|(key, write)| {
            let present = matches!(write, Write::Put(_));
            self.reads.get(*key).is_none_or(|value| value.is_some() != present)
        });
        changed.flat_map(|(key, _)| folders_above(key)).collect()
    }
}

/// The folders that hold `key`: `""`, `"a/"` and `"a/b/"` for `a/b/c`.
fn folders_above(key: &str) -> impl Iterator<Item = &str> {
    std::iter::once("").chain(key.match_indices('/').map(|(slash, _)| &key[..=slash]))
}

/// Waits for the right to commit; answers the sequence.
async fn admit(barrier: &Barrier, footprint: &Footprint, claim: &mut Claim) -> Result<u64, CommitError> {
    let mut patience = Patience::new();
    loop {
        match barrier.order.admit(footprint, claim, &patience) {
            Admission::Granted(sequence) => return Ok(sequence),
            Admission::Busy(other) => barrier.order.wait_for(other).await,
            Admission::Claimed(elder) => barrier.order.claims().give_way(elder, &mut patience).await,
            Admission::Stale(other) => {
                barrier.order.wait_for(other).await;
                return Err(CommitError::Conflict);
            }
        }
    }
}

/// Finishes its sequence whatever happens, a panic of the storage included.
struct Ticket {
    barrier: Arc<Barrier>,
    sequence: u64,
    /// What is written, in the clear.
    batch: Batch,
    hooks: Vec<Hook>,
    is_done: bool,
}

impl Ticket {
    fn new(barrier: &Arc<Barrier>, sequence: u64, batch: Batch) -> Self {
        Self { barrier: Arc::clone(barrier), sequence, batch, hooks: Vec::new(), is_done: false }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let (barrier, batch, is_done) =
            (Arc::clone(&self.barrier), std::mem::take(&mut self.batch), self.is_done);
        let settle: Hook = Box::new(move || barrier.values.settle(&batch, is_done));
        // What the other hooks publish is read from there.
        self.hooks.insert(0, settle);
        self.barrier.order.finish(self.sequence, std::mem::take(&mut self.hooks));
    }
}

async fn write(mut ticket: Ticket, batch: Batch, hooks: Vec<Hook>) -> Result<(), CommitError> {
    ticket.barrier.storage.commit(batch).await?;
    ticket.hooks = hooks;
    ticket.is_done = true;
    Ok(())
}

/// The task of a write ended without an answer: the storage panicked, or the runtime shuts down.
fn aborted() -> BarrierError {
    let cause = "the write ended without an answer".into();
    BarrierError::Storage(crate::storage::StorageError::Uncertain { cause })
}
