use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;

use super::{Barrier, BarrierError, Claim, CommitError, Domain, RootKey, Transaction};
use crate::storage::{Batch, FaultyStorage, InmemStorage, Storage, Write};

async fn unsealed_over(storage: Arc<dyn Storage>) -> Arc<Barrier> {
    let barrier = Barrier::new(storage);
    let root = RootKey::generate();
    barrier.initialize(&root, Batch::new()).await.unwrap();
    barrier.unseal(&root).await.unwrap();
    barrier
}

async fn unsealed() -> Arc<Barrier> {
    unsealed_over(Arc::new(InmemStorage::new())).await
}

async fn put_all(barrier: &Arc<Barrier>, keys: &[&str]) {
    let transaction = barrier.begin();
    for key in keys {
        transaction.put(*key, (*key).to_owned());
    }
    transaction.commit().await.unwrap();
}

fn is_conflict(result: &Result<(), CommitError>) -> bool {
    matches!(result, Err(CommitError::Conflict))
}

async fn number(transaction: &Transaction, key: &str) -> u64 {
    transaction.get_json(key).await.unwrap().unwrap_or(0)
}

#[tokio::test]
async fn nothing_is_stored_in_the_clear_and_everything_is_read_back() {
    let barrier = unsealed().await;
    put_all(&barrier, &["a/plain", "b"]).await;
    assert_eq!(barrier.get("a/plain").await.unwrap().unwrap(), "a/plain");
    let stored = barrier.storage().get("a/plain").await.unwrap().unwrap();
    assert_eq!(&stored[..5], [0, 0, 0, 1, 2]);
    assert_eq!(stored.len(), 5 + 12 + "a/plain".len() + 16);
    assert!(!stored.windows(5).any(|window| window == b"plain"));
}

#[tokio::test]
async fn sealed_barrier_answers_sealed() {
    let barrier = unsealed().await;
    put_all(&barrier, &["a"]).await;
    let begun_before = barrier.begin();
    begun_before.put("b", "b");
    barrier.seal();
    assert!(matches!(barrier.get("a").await, Err(BarrierError::Sealed)));
    assert!(matches!(barrier.scan("", None, 9).await, Err(BarrierError::Sealed)));
    assert!(matches!(barrier.begin().list("", None, 9).await, Err(BarrierError::Sealed)));
    assert!(matches!(begun_before.commit().await, Err(CommitError::Barrier(BarrierError::Sealed))));
    assert!(barrier.storage().get("b").await.unwrap().is_none());
}

#[tokio::test]
async fn only_the_right_root_key_unseals() {
    let barrier = unsealed().await;
    barrier.seal();
    assert!(matches!(barrier.unseal(&RootKey::generate()).await, Err(BarrierError::WrongRootKey)));
    assert!(barrier.is_sealed());
    let again = barrier.initialize(&RootKey::generate(), Batch::new()).await;
    assert!(matches!(again, Err(BarrierError::AlreadyInitialized)));
}

#[tokio::test]
async fn a_new_root_key_replaces_the_old_one() {
    let barrier = unsealed().await;
    put_all(&barrier, &["a"]).await;
    let root = RootKey::generate();
    barrier.replace_root_key(barrier.own_domain(), &root, Batch::new(), Batch::new()).await.unwrap();
    barrier.seal();
    barrier.unseal(&root).await.unwrap();
    assert!(barrier.own_domain().is_root_key(&root).unwrap());
    assert_eq!(barrier.get("a").await.unwrap().unwrap(), "a");
}

#[tokio::test]
async fn altered_and_swapped_entries_are_errors_that_name_the_key() {
    let barrier = unsealed().await;
    put_all(&barrier, &["one", "two"]).await;
    let one = barrier.storage().get("one").await.unwrap().unwrap();
    for position in 4..one.len() {
        let mut altered = one.to_vec();
        altered[position] ^= 1;
        check_tampered(&barrier, "one", altered).await;
    }
    check_tampered(&barrier, "two", one.to_vec()).await;
    check_tampered(&barrier, "one", one[..20].to_vec()).await;
}

async fn check_tampered(barrier: &Arc<Barrier>, key: &str, entry: Vec<u8>) {
    let mut batch = Batch::new();
    batch.put(key, entry);
    barrier.storage().commit(batch).await.unwrap();
    let error = barrier.get(key).await.unwrap_err();
    assert!(matches!(&error, BarrierError::Tampered { key: named } if named == key), "{error}");
    assert!(barrier.scan("", None, 9).await.is_err());
}

#[tokio::test]
async fn an_entry_of_an_unknown_term_is_an_error() {
    let barrier = unsealed().await;
    let mut batch = Batch::new();
    batch.put("a", vec![0, 0, 0, 9, 2]);
    barrier.storage().commit(batch).await.unwrap();
    let error = barrier.get("a").await.unwrap_err();
    assert!(matches!(error, BarrierError::UnknownTerm { term: 9, .. }), "{error}");
}

#[tokio::test]
async fn rotation_adds_a_term_and_old_entries_stay_readable() {
    let storage: Arc<dyn Storage> = Arc::new(InmemStorage::new());
    let barrier = Barrier::new(Arc::clone(&storage));
    let root = RootKey::generate();
    barrier.initialize(&root, Batch::new()).await.unwrap();
    barrier.unseal(&root).await.unwrap();
    put_all(&barrier, &["old", "older"]).await;
    assert_eq!(barrier.term_status().unwrap().encryptions, 2);
    assert_eq!(barrier.rotate().await.unwrap().term, 2);
    put_all(&barrier, &["new"]).await;
    barrier.store_encryption_counts(barrier.own_domain()).await.unwrap();

    let reopened = Barrier::new(storage);
    reopened.unseal(&root).await.unwrap();
    assert_eq!(reopened.get("old").await.unwrap().unwrap(), "old");
    assert_eq!(reopened.get("new").await.unwrap().unwrap(), "new");
    let status = reopened.term_status().unwrap();
    assert_eq!((status.term, status.encryptions), (2, 1));
}

#[tokio::test]
async fn entries_of_the_barrier_itself_cannot_be_written_through_it() {
    let barrier = unsealed().await;
    for key in ["core/keyring", "core/seal-config"] {
        let transaction = barrier.begin();
        transaction.delete(key);
        let error = transaction.commit().await.unwrap_err();
        assert!(matches!(error, CommitError::Barrier(BarrierError::Reserved { .. })), "{error}");
    }
}

#[tokio::test]
async fn a_transaction_sees_its_own_writes_and_nobody_else_does() {
    let barrier = unsealed().await;
    put_all(&barrier, &["a", "b"]).await;
    let transaction = barrier.begin();
    transaction.put("a", "new");
    transaction.delete("b");
    assert_eq!(transaction.get("a").await.unwrap().unwrap(), "new");
    assert_eq!(transaction.get("b").await.unwrap(), None);
    assert_eq!(barrier.get("a").await.unwrap().unwrap(), "a");
    transaction.commit().await.unwrap();
    assert_eq!(barrier.get("a").await.unwrap().unwrap(), "new");
    assert_eq!(barrier.get("b").await.unwrap(), None);
}

#[tokio::test]
async fn a_transaction_commits_as_one_batch() {
    let faulty = Arc::new(FaultyStorage::failing_nth(InmemStorage::new(), 3));
    let barrier = unsealed_over(Arc::clone(&faulty) as Arc<dyn Storage>).await;
    put_all(&barrier, &["a", "b", "c/d"]).await;
    assert_eq!(faulty.commits(), 2);

    let transaction = barrier.begin();
    let ran = Arc::new(AtomicU64::new(0));
    let hook = Arc::clone(&ran);
    transaction.after_commit(Box::new(move || _ = hook.fetch_add(1, Ordering::SeqCst)));
    transaction.put("a", "new");
    transaction.put("e", "new");
    assert!(matches!(transaction.commit().await, Err(CommitError::Barrier(BarrierError::Storage(_)))));
    assert_eq!(ran.load(Ordering::SeqCst), 0);
    assert_eq!(barrier.get("a").await.unwrap().unwrap(), "a");
    assert_eq!(barrier.get("e").await.unwrap(), None);
    put_all(&barrier, &["a"]).await;
}

#[tokio::test]
async fn rollback_takes_back_part_of_the_writes() {
    let barrier = unsealed().await;
    put_all(&barrier, &["kept"]).await;
    let transaction = barrier.begin();
    transaction.put("uses", "1");
    let savepoint = transaction.savepoint();
    transaction.put("uses", "2");
    transaction.put("denied", "x");
    transaction.delete("kept");
    transaction.after_commit(Box::new(|| panic!("was rolled back")));
    transaction.rollback_to(savepoint);
    transaction.commit().await.unwrap();
    assert_eq!(barrier.get("uses").await.unwrap().unwrap(), "1");
    assert_eq!(barrier.get("denied").await.unwrap(), None);
    assert_eq!(barrier.get("kept").await.unwrap().unwrap(), "kept");
}

#[tokio::test]
async fn a_malformed_record_is_an_error_without_its_content() {
    let barrier = unsealed().await;
    let transaction = barrier.begin();
    transaction.put("record", r#"{"count": "hunter2"}"#);
    let error = transaction.get_json::<std::collections::BTreeMap<String, u64>>("record").await.unwrap_err();
    assert_eq!(error.to_string(), "the entry `record` is malformed: Data error at line 1, column 19");
}

#[tokio::test]
async fn a_view_is_bound_to_its_prefix() {
    let barrier = unsealed().await;
    put_all(&barrier, &["logical/m1/a", "logical/m1/b/c", "logical/m2/a"]).await;
    let transaction = barrier.begin();
    let view = transaction.view("logical/").view("m1/");
    view.put("d", "d");
    assert_eq!(view.list("", None, usize::MAX).await.unwrap(), ["a", "b/", "d"]);
    assert_eq!(view.scan_keys("").await.unwrap(), ["a", "b/c", "d"]);
    assert_eq!(view.get("a").await.unwrap().unwrap(), "logical/m1/a");
    assert!(view.has_any("b/").await.unwrap());
    assert!(!view.has_any("x/").await.unwrap());
}

/// Compares `list` with the definition of it, over stored and own keys.
async fn check_list(
    stored: &[String],
    put: &[String],
    deleted: &[String],
    after: Option<&str>,
    limit: usize,
) {
    let barrier = unsealed().await;
    put_all(&barrier, &stored.iter().map(|key| key.as_str()).collect::<Vec<_>>()).await;
    let transaction = barrier.begin();
    put.iter().for_each(|key| transaction.put(key, "new"));
    deleted.iter().for_each(|key| transaction.delete(key));

    let keys: BTreeSet<&String> =
        stored.iter().chain(put).filter(|key| !deleted.contains(key) && key.starts_with("p/")).collect();
    let names: BTreeSet<&str> =
        keys.iter().map(|key| key[2..].split_inclusive('/').next().unwrap()).collect();
    let names = names.into_iter().filter(|name| after.is_none_or(|after| *name > after));
    let expected: Vec<&str> = names.take(limit).collect();
    assert_eq!(transaction.list("p/", after, limit).await.unwrap(), expected, "after {after:?}");
    assert_eq!(transaction.scan_keys("p/").await.unwrap().iter().collect::<Vec<_>>(), Vec::from_iter(keys));
}

fn keys(range: std::ops::Range<u32>, form: impl Fn(u32) -> String) -> Vec<String> {
    range.map(form).collect()
}

#[tokio::test]
async fn a_list_shows_one_level_merged_with_own_writes() {
    let mut stored = keys(0..600, |i| format!("p/big/{i:04}"));
    stored.extend(keys(0..300, |i| format!("p/f{i:03}/x")));
    stored.extend(["p/big", "p/big-a", "p/big0", "p/only/one", "q/x", "o"].map(String::from));
    let put = ["p/aaa", "p/big/0000a", "p/new/x", "p/zz", "r/x"].map(String::from);
    let mut deleted = keys(0..600, |i| format!("p/big/{i:04}"));
    deleted.push("p/only/one".to_owned());
    for after in [None, Some(""), Some("b"), Some("big"), Some("big/"), Some("f100/"), Some("zzz")] {
        for limit in [0, 1, 3, usize::MAX] {
            check_list(&stored, &put, &[], after, limit).await;
            check_list(&stored, &put, &deleted, after, limit).await;
        }
    }
}

#[tokio::test]
async fn a_stale_read_conflicts_and_the_repetition_succeeds() {
    let barrier = unsealed().await;
    put_all(&barrier, &["a"]).await;
    let (first, second) = (barrier.begin(), barrier.begin());
    for transaction in [&first, &second] {
        transaction.get("a").await.unwrap();
        transaction.put("a", "new");
    }
    first.commit().await.unwrap();
    assert!(is_conflict(&second.commit().await));
    let again = barrier.begin();
    again.get("a").await.unwrap();
    again.put("a", "newer");
    again.commit().await.unwrap();
}

#[tokio::test]
async fn a_read_only_transaction_never_conflicts() {
    let barrier = unsealed().await;
    let reader = barrier.begin();
    reader.get("a").await.unwrap();
    put_all(&barrier, &["a"]).await;
    assert!(!reader.is_dirty());
    reader.commit().await.unwrap();
}

#[tokio::test]
async fn write_skew_is_prevented() {
    let barrier = unsealed().await;
    put_all(&barrier, &["on-call/ann", "on-call/ben"]).await;
    let (ann, ben) = (barrier.begin(), barrier.begin());
    for (transaction, name) in [(&ann, "ann"), (&ben, "ben")] {
        for key in ["on-call/ann", "on-call/ben"] {
            assert!(transaction.get(key).await.unwrap().is_some());
        }
        transaction.put(format!("on-call/{name}"), "off");
    }
    ann.commit().await.unwrap();
    assert!(is_conflict(&ben.commit().await));
}

#[tokio::test]
async fn a_phantom_is_prevented() {
    for change in ["f/x", "f/g/h"] {
        let barrier = unsealed().await;
        put_all(&barrier, &["f/a"]).await;
        let lister = barrier.begin();
        assert_eq!(lister.list("f/", None, 9).await.unwrap(), ["a"]);
        lister.put("count", "1");
        put_all(&barrier, &[change]).await;
        assert!(is_conflict(&lister.commit().await), "{change}");
    }
}

#[tokio::test]
async fn deleting_a_key_invalidates_who_listed_it() {
    let barrier = unsealed().await;
    put_all(&barrier, &["f/a"]).await;
    let lister = barrier.begin();
    assert_eq!(lister.scan_keys("f/").await.unwrap(), ["f/a"]);
    lister.put("count", "1");
    let remover = barrier.begin();
    remover.get("f/a").await.unwrap();
    remover.delete("f/a");
    remover.commit().await.unwrap();
    assert!(is_conflict(&lister.commit().await));
}

#[tokio::test]
async fn replacing_a_key_that_was_read_leaves_listings_valid() {
    let barrier = unsealed().await;
    put_all(&barrier, &["f/a"]).await;
    let lister = barrier.begin();
    lister.list("f/", None, 9).await.unwrap();
    lister.put("count", "1");
    let writer = barrier.begin();
    writer.get("f/a").await.unwrap();
    writer.put("f/a", "new");
    writer.commit().await.unwrap();
    lister.commit().await.unwrap();
}

/// Adds one to `key`, again and again until it goes through. Some attempts fail in the storage.
async fn increment(barrier: &Arc<Barrier>, key: &str) {
    loop {
        let transaction = barrier.begin();
        let present = number(&transaction, key).await;
        tokio::task::yield_now().await;
        transaction.put_json(key, &(present + 1)).unwrap();
        if transaction.commit().await.is_ok() {
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_increments_lose_nothing() {
    let storage = FaultyStorage::failing_seeded(InmemStorage::new(), 7, 1_000_000);
    check_increments(Arc::new(storage)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_increments_lose_nothing_while_commits_fail() {
    let inner = InmemStorage::new();
    check_increments(Arc::new(FaultyStorage::failing_seeded(inner, 11, 7))).await;
}

async fn check_increments(storage: Arc<dyn Storage>) {
    const TASKS: u64 = 16;
    const ROUNDS: u64 = 40;
    let barrier = loop {
        // The seeded fault may hit the initialization.
        let barrier = Barrier::new(Arc::clone(&storage));
        let root = RootKey::generate();
        if barrier.initialize(&root, Batch::new()).await.is_ok() {
            barrier.unseal(&root).await.unwrap();
            break barrier;
        }
    };
    let tasks = (0..TASKS).map(|task| {
        let barrier = Arc::clone(&barrier);
        tokio::spawn(async move {
            for _ in 0..ROUNDS {
                increment(&barrier, "shared").await;
                increment(&barrier, &format!("own/{task}")).await;
            }
        })
    });
    for task in futures::future::join_all(tasks).await {
        task.unwrap();
    }
    let transaction = barrier.begin();
    assert_eq!(number(&transaction, "shared").await, TASKS * ROUNDS);
    for task in 0..TASKS {
        assert_eq!(number(&transaction, &format!("own/{task}")).await, ROUNDS);
    }
}

/// What is slow beside many that are quick, as often as they like: they read and write the same key.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_lost_goes_before_others() {
    const SLOW: usize = 50;
    let barrier = unsealed().await;
    let is_over = Arc::new(AtomicBool::new(false));
    let quick: Vec<_> = (0..32)
        .map(|_| {
            let (barrier, is_over) = (Arc::clone(&barrier), Arc::clone(&is_over));
            tokio::spawn(async move {
                while !is_over.load(Ordering::Relaxed) {
                    increment(&barrier, "counter").await;
                }
            })
        })
        .collect();
    for _ in 0..SLOW {
        let attempts = slow_increment(&barrier, "counter").await;
        assert!(attempts <= 3, "the attempt {attempts} was the first to succeed");
    }
    is_over.store(true, Ordering::Relaxed);
    for quick in quick {
        quick.await.unwrap();
    }
}

/// Adds one, slowly; answers how many attempts that took.
async fn slow_increment(barrier: &Arc<Barrier>, key: &str) -> usize {
    let mut claim = Claim::default();
    for attempt in 1.. {
        claim.turn().await;
        let transaction = barrier.begin();
        let before = number(&transaction, key).await;
        tokio::time::sleep(Duration::from_millis(5)).await;
        transaction.put_json(key, &(before + 1)).unwrap();
        if transaction.commit_with(&mut claim).await.unwrap() {
            return attempt;
        }
    }
    unreachable!("there is always another attempt")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn hooks_run_in_the_order_of_commits_and_before_the_commit_is_seen() {
    let barrier = unsealed().await;
    let published = Arc::new(Mutex::new(0));
    let tasks = (0..200).map(|_| {
        let (barrier, published) = (Arc::clone(&barrier), Arc::clone(&published));
        tokio::spawn(async move {
            loop {
                let transaction = barrier.begin();
                let seen = *published.lock();
                let present = number(&transaction, "n").await;
                transaction.put_json("n", &(present + 1)).unwrap();
                let publish = Arc::clone(&published);
                transaction.after_commit(Box::new(move || {
                    let mut published = publish.lock();
                    assert_eq!(*published, present);
                    *published = present + 1;
                }));
                if transaction.commit().await.is_ok() {
                    assert_eq!(seen, present, "begun at a commit whose hook had not run");
                    return;
                }
            }
        })
    });
    for task in futures::future::join_all(tasks).await {
        task.unwrap();
    }
    assert_eq!(*published.lock(), 200);
}

#[tokio::test]
async fn a_panicking_hook_does_not_stop_later_commits() {
    let barrier = unsealed().await;
    let transaction = barrier.begin();
    transaction.put("a", "a");
    transaction.after_commit(Box::new(|| panic!("on purpose")));
    transaction.commit().await.unwrap();
    put_all(&barrier, &["b"]).await;
}

/// Commits hang until the test lets them go.
struct SlowStorage {
    inner: InmemStorage,
    gate: tokio::sync::Semaphore,
}

#[async_trait::async_trait]
impl Storage for SlowStorage {
    async fn get(&self, key: &str) -> Result<Option<bytes::Bytes>, crate::storage::StorageError> {
        self.inner.get(key).await
    }
    async fn scan(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(String, bytes::Bytes)>, crate::storage::StorageError> {
        self.inner.scan(prefix, after, limit).await
    }
    async fn scan_keys(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<String>, crate::storage::StorageError> {
        self.inner.scan_keys(prefix, after, limit).await
    }
    async fn commit(&self, batch: Batch) -> Result<(), crate::storage::StorageError> {
        if batch.iter().any(|(key, write)| key == "slow" && matches!(write, Write::Put(_))) {
            self.gate.acquire().await.unwrap().forget();
        }
        self.inner.commit(batch).await
    }
    fn kind(&self) -> &'static str {
        "slow"
    }
}

#[tokio::test]
async fn a_commit_whose_request_is_dropped_still_counts() {
    let storage = Arc::new(SlowStorage { inner: InmemStorage::new(), gate: tokio::sync::Semaphore::new(0) });
    let barrier = unsealed_over(Arc::clone(&storage) as Arc<dyn Storage>).await;
    let slow = barrier.begin();
    slow.put("slow", "1");
    let mut dropped = Box::pin(slow.commit());
    assert!(futures::poll!(&mut dropped).is_pending());
    drop(dropped);

    // It read the old value while the write was on its way, so it must not go through.
    let reader = barrier.begin();
    assert_eq!(reader.get("slow").await.unwrap(), None);
    reader.put("other", "1");
    let mut commit = Box::pin(reader.commit());
    assert!(futures::poll!(&mut commit).is_pending());
    storage.gate.add_permits(1);
    assert!(is_conflict(&commit.await));
    assert_eq!(barrier.begin().get("slow").await.unwrap().unwrap(), "1");
}

#[tokio::test]
async fn a_list_that_is_kept_shows_every_commit_and_nothing_after_a_seal() {
    let barrier = unsealed().await;
    let all: Vec<String> = (0..100).map(|number| format!("a/{number:03}")).collect();
    put_all(&barrier, &all.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let count = async || barrier.begin().list_all("a/").await.unwrap().len();
    assert_eq!((count().await, count().await), (100, 100));
    put_all(&barrier, &["a/new", "a/sub/1"]).await;
    assert_eq!((count().await, count().await), (102, 102));
    let transaction = barrier.begin();
    transaction.delete("a/000");
    assert_eq!(transaction.list_all("a/").await.unwrap().len(), 101, "own writes are seen");
    assert_eq!(count().await, 102, "and by nobody else");
    transaction.commit().await.unwrap();
    assert_eq!(count().await, 101);
    barrier.seal();
    assert!(matches!(barrier.begin().list_all("a/").await, Err(BarrierError::Sealed)));
}

#[tokio::test]
async fn a_value_that_is_kept_shows_commits_and_nothing_else() {
    let storage = Arc::new(InmemStorage::new());
    let barrier = unsealed_over(Arc::clone(&storage) as Arc<dyn Storage>).await;
    let value = async || barrier.get("a").await.unwrap();
    assert_eq!(value().await, None);
    put_all(&barrier, &["a"]).await;
    assert_eq!(value().await.unwrap(), "a");
    let dropped = barrier.begin();
    dropped.put("a", "never committed");
    drop(dropped);
    assert_eq!(value().await.unwrap(), "a");
    let transaction = barrier.begin();
    transaction.delete("a");
    transaction.commit().await.unwrap();
    assert_eq!(value().await, None);
}

/// A domain `namespaces/a/` of `barrier`, open, and the root key that opens it.
async fn with_domain(barrier: &Arc<Barrier>) -> (Arc<Domain>, RootKey) {
    let (root, transaction) = (RootKey::generate(), barrier.begin());
    let domain = barrier.begin_domain(&transaction, "namespaces/a/", &root);
    transaction.put("namespaces/a/first", "hidden");
    transaction.commit().await.unwrap();
    assert!(domain.is_sealed(), "nobody has entered a share");
    domain.unseal(&root).await.unwrap();
    (domain, root)
}

#[tokio::test]
async fn one_transaction_writes_each_domain_by_its_own_keys() {
    let barrier = unsealed().await;
    let (_, root) = with_domain(&barrier).await;
    put_all(&barrier, &["x", "namespaces/a/x", "namespaces/a/namespaces/b/x", "namespaces/b/x"]).await;
    assert_eq!(barrier.get("namespaces/a/first").await.unwrap().unwrap(), "hidden");
    let other = Barrier::new(Arc::clone(barrier.storage()));
    other.own_domain().replace(&barrier.own_domain().keyring().unwrap());
    let domain = other.domain("namespaces/a/");
    domain.unseal(&root).await.unwrap();
    for (key, is_own) in [("x", true), ("namespaces/b/x", true), ("namespaces/a/namespaces/b/x", false)] {
        let entry = barrier.storage().get(key).await.unwrap().unwrap();
        let (own, its) = (barrier.own_domain().keyring().unwrap(), domain.keyring().unwrap());
        assert_eq!(own.decrypt(key, &entry).is_ok(), is_own, "{key}");
        assert_eq!(its.decrypt(key, &entry).is_ok(), !is_own, "{key}");
    }
}

#[tokio::test]
async fn a_sealed_domain_answers_nothing_from_memory_and_takes_nothing() {
    let barrier = unsealed().await;
    let (domain, root) = with_domain(&barrier).await;
    put_all(&barrier, &["x"]).await;
    let begun_before = barrier.begin();
    begun_before.put("namespaces/a/late", "late");
    begun_before.put("x", "late");
    let deleting = barrier.begin();
    deleting.delete("namespaces/a/first");
    assert!(barrier.get("namespaces/a/first").await.unwrap().is_some());
    let (epoch, keyring) =
        (barrier.values.find("namespaces/a/other").unwrap_err(), domain.keyring().unwrap());
    barrier.seal_below("namespaces/a/");
    // Who has read before the seal keeps nothing after it.
    barrier.values.keep("namespaces/a/other", None, epoch);
    drop(keyring);
    assert!(barrier.values.find("namespaces/a/first").is_err());
    assert!(barrier.values.find("namespaces/a/other").is_err());
    let is_sealed = |error: &BarrierError| matches!(error, BarrierError::NamespaceSealed);
    assert!(barrier.get("namespaces/a/first").await.is_err_and(|error| is_sealed(&error)));
    assert!(barrier.scan("namespaces/a/", None, 9).await.is_err_and(|error| is_sealed(&error)));
    assert!(barrier.begin().list_all("namespaces/a/").await.is_err_and(|error| is_sealed(&error)));
    for transaction in [begun_before, deleting] {
        let refused = transaction.commit().await;
        assert!(matches!(refused, Err(CommitError::Barrier(BarrierError::NamespaceSealed))), "{refused:?}");
    }
    assert_eq!(barrier.get("x").await.unwrap().unwrap(), "x", "all of the transaction or nothing");
    domain.unseal(&root).await.unwrap();
    assert_eq!(barrier.get("namespaces/a/first").await.unwrap().unwrap(), "hidden");
    assert!(barrier.get("namespaces/a/late").await.unwrap().is_none());
}

#[tokio::test]
async fn a_domain_that_is_not_committed_is_not_known() {
    let barrier = unsealed().await;
    let transaction = barrier.begin();
    let savepoint = transaction.savepoint();
    let domain = barrier.begin_domain(&transaction, "namespaces/a/", &RootKey::generate());
    assert_eq!(barrier.domains_below("namespaces/").len(), 1);
    transaction.rollback_to(savepoint);
    assert!(domain.is_sealed() && barrier.domains_below("namespaces/").is_empty());
    transaction.commit().await.unwrap();
    assert!(barrier.storage().get("namespaces/a/core/keyring").await.unwrap().is_none());
}

#[tokio::test]
async fn the_keys_of_a_domain_are_not_written_through_it_nor_taken_for_those_of_another() {
    let barrier = unsealed().await;
    let (_, root) = with_domain(&barrier).await;
    for name in ["core/keyring", "core/root-key", "core/seal-config"] {
        let transaction = barrier.begin();
        transaction.put(format!("namespaces/a/{name}"), "x");
        let refused = transaction.commit().await;
        assert!(matches!(refused, Err(CommitError::Barrier(BarrierError::Reserved { .. }))), "{name}");
    }
    let stored = barrier.storage().get("namespaces/a/core/keyring").await.unwrap().unwrap();
    let mut batch = Batch::new();
    batch.put("namespaces/b/core/keyring", stored);
    barrier.storage().commit(batch).await.unwrap();
    let opened = barrier.domain("namespaces/b/").unseal(&root).await;
    assert!(matches!(opened, Err(BarrierError::WrongRootKey)));
}

#[tokio::test]
async fn what_is_abandoned_is_deleted_without_keys_and_never_opened() {
    let barrier = unsealed().await;
    let (domain, root) = with_domain(&barrier).await;
    barrier.abandon_below("namespaces/a/");
    assert!(domain.unseal(&root).await.is_err());
    assert!(barrier.get("namespaces/a/first").await.is_err());
    let transaction = barrier.begin();
    for key in transaction.first_keys("namespaces/a/", 9).await.unwrap() {
        transaction.delete(key);
    }
    transaction.commit().await.unwrap();
    assert!(barrier.storage().scan_keys("namespaces/", None, 9).await.unwrap().is_empty());
    let transaction = barrier.begin();
    transaction.put("namespaces/a/first", "x");
    assert!(transaction.commit().await.is_err(), "nothing is written there by other keys");
}
