//! From version 1 to version 2.
//!
//! Few secrets are brought over in the transaction that changes the version. Many are brought over in small commits,
//! while the mount takes no request. A path of version 1 may be a place of a record of version 2 (`config`,
//! `metadata/a`), so that two ways are needed: first all secrets go aside, where no path leads, then to their places.

use bytes::Bytes;
use jiff::Timestamp;

use super::config::Config;
use super::record::{KeyMetadata, data_key, metadata_key};
use crate::barrier::{Barrier, Transaction};
use crate::core::clearing::{self, AT_ONCE};
use crate::core::error::Error;

/// Before records that are not in their place yet. Paths have no such character, and are sorted after it.
const ASIDE: &str = "\u{1}/";
/// After everything that is aside, and before all paths.
const AFTER_ASIDE: &str = "\u{2}";

/// Brings over all secrets below `prefix`, if they are few. False: nothing is done, they are many.
pub(crate) async fn at_once(transaction: &Transaction, prefix: &str, now: Timestamp) -> Result<bool, Error> {
    let Some(keys) = clearing::few(transaction, prefix).await? else { return Ok(false) };
    convert(transaction, prefix, keys, "", now).await?;
    Ok(true)
}

/// Brings over some secrets below `prefix`, and puts them aside. True once there are no others.
pub(crate) async fn set_aside(
    barrier: &Barrier,
    transaction: &Transaction,
    prefix: &str,
    now: Timestamp,
) -> Result<bool, Error> {
    let after = format!("{prefix}{AFTER_ASIDE}");
    let keys = barrier.scan_keys(prefix, Some(&after), AT_ONCE).await?;
    let is_done = keys.is_empty();
    convert(transaction, prefix, keys, ASIDE, now).await?;
    Ok(is_done)
}

/// Puts some records that are aside in their places. True once these are all.
pub(crate) async fn put_in_place(transaction: &Transaction, prefix: &str) -> Result<bool, Error> {
    let aside = format!("{prefix}{ASIDE}");
    let (keys, are_all) = clearing::some(transaction, &aside).await?;
    for (key, record) in take(transaction, keys).await? {
        transaction.put(format!("{prefix}{}", &key[aside.len()..]), record);
    }
    Ok(are_all)
}

/// Makes the secrets under `keys` the first versions of secrets of version 2.
async fn convert(
    transaction: &Transaction,
    prefix: &str,
    keys: Vec<String>,
    aside: &str,
    now: Timestamp,
) -> Result<(), Error> {
    let mut metadata = KeyMetadata::new(now);
    metadata.add_version(now, &Config::default());
    metadata.oldest_version = metadata.current_version;
    for (key, secret) in take(transaction, keys).await? {
        let path = &key[prefix.len()..];
        transaction.put_json(&format!("{prefix}{aside}{}", metadata_key(path)), &metadata)?;
        let version = metadata.current_version;
        transaction.put(format!("{prefix}{aside}{}", data_key(path, version)), secret);
    }
    Ok(())
}

/// Deletes `keys` and answers what was there. All are deleted before any is written: they may be each other's places.
async fn take(transaction: &Transaction, keys: Vec<String>) -> Result<Vec<(String, Bytes)>, Error> {
    let mut taken = Vec::with_capacity(keys.len());
    for key in keys {
        if let Some(value) = transaction.get(&key).await? {
            transaction.delete(key.clone());
            taken.push((key, value));
        }
    }
    Ok(taken)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::core::testing::barrier;

    fn now() -> Timestamp {
        "2026-01-02T03:04:05Z".parse().expect("a timestamp")
    }

    /// Paths that are places of records of version 2, and `more` that are not.
    fn paths(more: usize) -> Vec<String> {
        let mut paths: Vec<String> =
            ["a", "config", "data/a/1", "metadata/a", "data/data/a/1/1", "!", "metadata/metadata/a"]
                .map(str::to_owned)
                .to_vec();
        paths.extend((0..more).map(|number| format!("m/{number:05}")));
        paths
    }

    async fn write(barrier: &Arc<Barrier>, paths: &[String]) {
        let transaction = barrier.begin();
        paths.iter().for_each(|path| transaction.put(format!("p/{path}"), path.clone()));
        transaction.put("q/a", "another mount's");
        transaction.commit().await.expect("no conflict");
    }

    /// Every path has its content and its metadata, and nothing else is there.
    async fn check(barrier: &Barrier, paths: &[String]) {
        for path in paths {
            let content = barrier.get(&format!("p/{}", data_key(path, 1))).await.expect("unsealed");
            assert_eq!(content.as_deref(), Some(path.as_bytes()), "{path}");
            let metadata = barrier.get(&format!("p/{}", metadata_key(path))).await.expect("unsealed");
            let metadata: KeyMetadata =
                serde_json::from_slice(&metadata.expect("metadata")).expect("metadata");
            assert_eq!((metadata.current_version, metadata.oldest_version), (1, 1));
        }
        let keys = barrier.scan_keys("", None, usize::MAX).await.expect("unsealed");
        assert_eq!(keys.iter().filter(|key| key.starts_with("p/")).count(), 2 * paths.len());
        assert!(keys.iter().any(|key| key == "q/a"));
    }

    #[tokio::test]
    async fn few_secrets_are_brought_over_at_once_wherever_they_are() {
        let (barrier, paths) = (barrier().await, paths(AT_ONCE - 7));
        write(&barrier, &paths).await;
        let transaction = barrier.begin();
        assert!(at_once(&transaction, "p/", now()).await.expect("unsealed"));
        transaction.commit().await.expect("no conflict");
        check(&barrier, &paths).await;
    }

    #[tokio::test]
    async fn many_secrets_are_brought_over_step_by_step_wherever_they_are() {
        let (barrier, paths) = (barrier().await, paths(3 * AT_ONCE));
        write(&barrier, &paths).await;
        assert!(!at_once(&barrier.begin(), "p/", now()).await.expect("unsealed"));
        for is_second in [false, true] {
            loop {
                let transaction = barrier.begin();
                let is_done = match is_second {
                    false => set_aside(&barrier, &transaction, "p/", now()).await,
                    true => put_in_place(&transaction, "p/").await,
                };
                transaction.commit().await.expect("no conflict");
                if is_done.expect("unsealed") {
                    break;
                }
            }
        }
        check(&barrier, &paths).await;
    }
}
