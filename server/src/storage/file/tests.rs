use std::fs;
use std::sync::Arc;

use super::{FILE_NAME, FileStorage};
use crate::storage::{Batch, Storage, StorageError};

fn batch(key: &str, value: impl Into<bytes::Bytes>) -> Batch {
    let mut batch = Batch::new();
    batch.put(key, value);
    batch
}

#[tokio::test]
async fn what_was_committed_is_there_after_reopening() {
    let folder = tempfile::tempdir().unwrap();
    let nested = folder.path().join("a/b");
    let storage = FileStorage::open(&nested).unwrap();
    storage.commit(batch("key", "value")).await.unwrap();
    drop(storage);
    let storage = FileStorage::open(&nested).unwrap();
    assert_eq!(storage.get("key").await.unwrap().unwrap(), "value");
}

#[cfg(unix)]
#[test]
fn nobody_else_may_read_the_file() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data");
    let _storage = FileStorage::open(&path).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
    assert_eq!(fs::metadata(path.join(FILE_NAME)).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_folder_has_one_user() {
    let folder = tempfile::tempdir().unwrap();
    let _first = FileStorage::open(folder.path()).unwrap();
    let error = FileStorage::open(folder.path()).err().unwrap();
    assert!(matches!(error, StorageError::Locked { .. }), "{error}");
    assert!(error.to_string().contains("is in use by another process"), "{error}");
}

#[test]
fn a_file_of_something_else_is_damaged() {
    for content in [&b"not ours"[..], &[0; 8192]] {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(FILE_NAME), content).unwrap();
        let error = FileStorage::open(folder.path()).err().unwrap();
        assert!(matches!(error, StorageError::Damaged { .. }), "{error}");
    }
}

#[tokio::test]
async fn a_truncated_file_is_damaged() {
    let folder = tempfile::tempdir().unwrap();
    let storage = FileStorage::open(folder.path()).unwrap();
    storage.commit(batch("key", vec![7; 100_000])).await.unwrap();
    drop(storage);
    let file = fs::OpenOptions::new().write(true).open(folder.path().join(FILE_NAME)).unwrap();
    file.set_len(5_000).unwrap();
    let error = FileStorage::open(folder.path()).err().unwrap();
    assert!(matches!(error, StorageError::Damaged { .. }), "{error}");
}

#[test]
fn the_data_of_another_server_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("core")).unwrap();
    let error = FileStorage::open(folder.path()).err().unwrap();
    assert!(error.to_string().contains("file storage of another server"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn waiting_batches_share_a_sync() {
    const BATCHES: u64 = 400;
    let folder = tempfile::tempdir().unwrap();
    let storage = Arc::new(FileStorage::open(folder.path()).unwrap());
    let commits = (0..BATCHES).map(|number| {
        let storage = Arc::clone(&storage);
        async move { storage.commit(batch(&format!("{number}"), "value")).await }
    });
    for result in futures::future::join_all(commits).await {
        result.unwrap();
    }
    // Polled one after another on one task, they queue up behind the first sync.
    assert!(storage.syncs() < BATCHES / 4, "{} syncs", storage.syncs());
    assert_eq!(storage.scan_keys("", None, usize::MAX).await.unwrap().len(), BATCHES as usize);
}

#[tokio::test]
async fn a_commit_alone_is_one_sync() {
    let folder = tempfile::tempdir().unwrap();
    let storage = FileStorage::open(folder.path()).unwrap();
    let mut syncs = Vec::new();
    for number in 0..200 {
        let before = storage.syncs();
        storage.commit(batch(&format!("{}", number % 20), vec![1; 2_000])).await.unwrap();
        syncs.push(storage.syncs() - before);
    }
    // A commit that has to grow the file needs a second one, and so does a checkpoint every few seconds.
    let lone = syncs[50..].iter().filter(|&&count| count == 1).count();
    assert!(lone >= 145 && syncs.iter().all(|&count| count <= 3), "{syncs:?}");
}

#[tokio::test]
async fn a_full_disk_is_a_clear_error_and_nothing_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let storage = FileStorage::open(folder.path()).unwrap();
    storage.commit(batch("before", "1")).await.unwrap();
    storage.database.gauge().faults.fill_disk();
    let error = storage.commit(batch("lost", "2")).await.unwrap_err();
    assert!(matches!(error, StorageError::Full { .. }), "{error}");
    assert_eq!(storage.get("before").await.unwrap().unwrap(), "1");
    assert_eq!(storage.get("lost").await.unwrap(), None);
    storage.commit(batch("after", "3")).await.unwrap();
    assert_eq!(storage.scan_keys("", None, 9).await.unwrap(), ["after", "before"]);
}

#[tokio::test]
async fn after_a_failed_sync_nothing_is_promised_until_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let storage = FileStorage::open(folder.path()).unwrap();
    storage.commit(batch("before", "1")).await.unwrap();
    storage.database.gauge().faults.fail_sync();
    for key in ["a", "b"] {
        let error = storage.commit(batch(key, "2")).await.unwrap_err();
        assert!(matches!(error, StorageError::Uncertain { .. }), "{error}");
    }
    assert!(matches!(storage.get("a").await, Err(StorageError::Unavailable { .. })));
    drop(storage);
    let storage = FileStorage::open(folder.path()).unwrap();
    assert_eq!(storage.get("before").await.unwrap().unwrap(), "1");
    assert_eq!(storage.get("b").await.unwrap(), None);
    storage.commit(batch("b", "3")).await.unwrap();
}
