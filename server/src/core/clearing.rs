//! What is left of things that are gone.
//!
//! Ending something that holds much, such as a token with 100,000 children, is one small commit: it makes all of it
//! unreachable and notes what is left to delete. A task deletes that in small commits, beside the requests that are
//! served, and goes on after a restart. What holds little is deleted at once. Secrets of a kv mount that is brought to
//! version 2, and records of a mount that goes to another namespace, are left behind and brought over in the same way.

use std::sync::{Arc, Weak};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::context::Context;
use super::error::Error;
use super::mount::MountEntry;
use super::mount_table;
use super::moving::Moving;
use super::state::Core;
use super::topology::Mounted;
use crate::barrier::{CommitError, Transaction};
use crate::engines::kv2::upgrade;

/// Before the notes of what is left, below the prefix of the domain that it is in.
const PREFIX: &str = "core/leftovers/";

/// Begins the names of notes that are read before all others.
const URGENT: &str = "!";

/// Keys or tokens that are ended in one commit.
pub(crate) const AT_ONCE: usize = 256;

/// After a failure nothing is tried for so long.
const PAUSE: Duration = Duration::from_secs(10);

/// What is left to delete.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Leftover {
    /// All descendants of the token with this stored name. It is revoked, so that none of them is good for anything.
    Children(String),
    /// The secrets that were leased under the token with this stored name, which is revoked, in namespaces that were
    /// sealed then.
    Secrets(String),
    /// All keys that begin with this text. Nothing leads to them any more.
    Keys(String),
    /// The secrets of version 1 of a kv mount that has version 2.
    OldSecrets {
        /// Id of its namespace.
        namespace: String,
        /// Its UUID.
        mount: String,
        /// Whether all of them are out of the way of those of version 2.
        are_aside: bool,
    },
    /// Records of a mount that went to another namespace.
    Moving(Moving),
}

/// Tells the task that there is something to do.
#[derive(Clone, Debug, Default)]
pub(crate) struct Clearing(Arc<Notify>);

impl Clearing {
    /// Notes `leftover` in `transaction`, to be cleared away once it is committed. `domain` is the prefix of whose keys
    /// are needed for that: while it is sealed, nobody reads the note.
    pub(crate) fn leave(
        &self,
        transaction: &Transaction,
        domain: &str,
        leftover: &Leftover,
    ) -> Result<(), Error> {
        let name = match leftover {
            Leftover::Children(token) => token.clone(),
            Leftover::Secrets(token) => format!("secrets-{token}"),
            Leftover::Keys(_) => uuid::Uuid::new_v4().to_string(),
            // Before all others: somebody waits for it.
            Leftover::OldSecrets { mount, .. } | Leftover::Moving(Moving { mount, .. }) => {
                format!("{URGENT}{mount}")
            }
        };
        transaction.put_json(&format!("{domain}{PREFIX}{name}"), leftover)?;
        let clearing = self.clone();
        transaction.after_commit(Box::new(move || clearing.wake()));
        Ok(())
    }

    /// Deletes all keys that begin with `prefix`: at once if they are few, else later, with a note in `domain`.
    pub(crate) async fn delete_all(
        &self,
        transaction: &Transaction,
        domain: &str,
        prefix: &str,
    ) -> Result<(), Error> {
        match few(transaction, prefix).await? {
            Some(keys) => keys.into_iter().for_each(|key| transaction.delete(key)),
            None => self.leave(transaction, domain, &Leftover::Keys(prefix.to_owned()))?,
        }
        Ok(())
    }

    /// Lets the task look for something to do.
    pub(crate) fn wake(&self) {
        self.0.notify_one();
    }
}

/// Whether a handler does at once what the task could do with all that begins with `prefix`: it is little, and nobody has
/// come in between so far. Looks past the transaction, for which each write there would be a conflict.
pub(crate) async fn is_soon_done(cx: &Context<'_>, prefix: &str) -> Result<bool, Error> {
    let some = || cx.core.barrier.scan_keys(prefix, None, AT_ONCE + 1);
    Ok(!cx.is_repeated && some().await?.len() <= AT_ONCE)
}

/// The keys that begin with `prefix`, if they are few enough for one commit.
pub(crate) async fn few(transaction: &Transaction, prefix: &str) -> Result<Option<Vec<String>>, Error> {
    let keys = transaction.first_keys(prefix, AT_ONCE + 1).await?;
    Ok(Some(keys).filter(|keys| keys.len() <= AT_ONCE))
}

/// As many of the keys that begin with `prefix` as go into one commit, and whether these are all.
pub(crate) async fn some(transaction: &Transaction, prefix: &str) -> Result<(Vec<String>, bool), Error> {
    let keys = transaction.first_keys(prefix, AT_ONCE).await?;
    let are_all = keys.len() < AT_ONCE;
    Ok((keys, are_all))
}

impl Core {
    /// Starts the task that clears away. It stops with `stop`, or when the core is gone.
    pub(crate) fn start_clearing(self: &Arc<Self>, stop: CancellationToken) {
        let core = Arc::downgrade(self);
        let clearing = self.tokens.clearing().clone();
        tokio::spawn(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = clear_forever(core, clearing) => {}
            }
        });
    }

    /// Clears away everything that is left. What cannot be cleared away keeps nothing else from it, and stays. So does,
    /// without an error, what is in namespaces that are sealed.
    ///
    /// # Errors
    /// If the server is sealed, or something stays.
    pub(crate) async fn clear_leftovers(self: &Arc<Self>) -> Result<(), Error> {
        let mut failures = 0_usize;
        for domain in self.served_domains() {
            match Box::pin(self.clear_leftovers_in(&domain)).await {
                Err(error) if error.is_of_sealed_namespace() => {}
                cleared => failures += cleared?,
            }
        }
        match failures {
            0 => Ok(()),
            _ => Err(Error::internal(format_args!("{failures} of the notes of what is left stay"))),
        }
    }

    /// As [`clear_leftovers`](Self::clear_leftovers), what is noted in `domain`. Answers how many notes stay for an error.
    async fn clear_leftovers_in(self: &Arc<Self>, domain: &str) -> Result<usize, Error> {
        let (mut after, mut failures) = (None::<String>, 0_usize);
        let prefix = format!("{domain}{PREFIX}");
        while let Some(key) = self.barrier.scan_keys(&prefix, after.as_deref(), 1).await?.pop() {
            if let Err(error) = self.clear_noted(&key).await {
                if self.barrier.is_sealed() {
                    return Err(error);
                }
                if !error.is_of_sealed_namespace() {
                    tracing::error!(note = %key, "something that is left could not be cleared away: {error}");
                    failures += 1;
                }
                after = Some(key);
            }
            tokio::task::yield_now().await;
        }
        Ok(failures)
    }

    /// One commit for what is noted under `key`, while nothing is sealed or unsealed: a namespace that is just being
    /// unsealed has its keys, and is not known, which is how one looks that is gone.
    async fn clear_noted(self: &Arc<Self>, key: &str) -> Result<bool, Error> {
        let _opening = self.opening.lock().await;
        match self.barrier.begin().get_json(key).await? {
            Some(leftover) => self.clear_some(key, &leftover).await,
            None => Ok(true),
        }
    }

    /// One commit for what is noted first. False: nothing is noted.
    #[cfg(test)]
    pub(super) async fn clear_next(self: &Arc<Self>) -> Result<bool, Error> {
        let Some(key) = self.barrier.scan_keys(PREFIX, None, 1).await?.pop() else { return Ok(false) };
        self.clear_noted(&key).await.map(|_| true)
    }

    /// One commit. Answers whether nothing is left of `leftover`, which is noted under `key`.
    async fn clear_some(self: &Arc<Self>, key: &str, leftover: &Leftover) -> Result<bool, Error> {
        match leftover {
            // It ends with a change of a mount.
            Leftover::OldSecrets { .. } | Leftover::Moving(_) => {
                self.topology_writer.stop_for(self.clear_some_now(key, leftover)).await
            }
            Leftover::Children(_) | Leftover::Secrets(_) | Leftover::Keys(_) => {
                self.clear_some_now(key, leftover).await
            }
        }
    }

    async fn clear_some_now(self: &Arc<Self>, key: &str, leftover: &Leftover) -> Result<bool, Error> {
        let transaction = self.barrier.begin();
        let is_done = match leftover {
            Leftover::Children(token) => {
                self.tokens.revoke_children(&transaction, token, self.clock.now()).await?
            }
            Leftover::Secrets(token) => {
                self.tokens.end_secrets_of(&transaction, token, self.clock.now()).await?
            }
            Leftover::Keys(prefix) => delete_some(&transaction, prefix).await?,
            Leftover::OldSecrets { namespace, mount, are_aside } => {
                self.upgrade_some(&transaction, key, (namespace, mount), *are_aside).await?
            }
            Leftover::Moving(moving) => self.move_some(&transaction, moving).await?,
        };
        if is_done {
            transaction.delete(key);
        }
        match transaction.commit().await {
            Ok(()) => Ok(is_done),
            Err(CommitError::Conflict) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Brings over some secrets of the mount `(namespace, uuid)`, under the lock of who changes mounts. When there are
    /// no others, the mount takes requests again.
    async fn upgrade_some(
        self: &Arc<Self>,
        transaction: &Transaction,
        note: &str,
        (namespace, uuid): (&str, &str),
        are_aside: bool,
    ) -> Result<bool, Error> {
        // It may be unmounted: then its secrets are deleted with it.
        let Some(mounted) = self.mounted(namespace, uuid)? else { return Ok(true) };
        let prefix = &mounted.prefix;
        if !are_aside {
            if upgrade::set_aside(&self.barrier, transaction, prefix, self.clock.now()).await? {
                let (namespace, mount) = (namespace.to_owned(), uuid.to_owned());
                transaction.put_json(note, &Leftover::OldSecrets { namespace, mount, are_aside: true })?;
            }
            return Ok(false);
        }
        if !upgrade::put_in_place(transaction, prefix).await? {
            return Ok(false);
        }
        self.replace_mount(
            transaction,
            &mounted,
            MountEntry { upgrading: false, ..mounted.entry().clone() },
        )?;
        Ok(true)
    }

    /// The mount with `uuid` in the namespace with the id `namespace`.
    pub(super) fn mounted(&self, namespace: &str, uuid: &str) -> Result<Option<Arc<Mounted>>, Error> {
        let topology = self.open_topology()?;
        let mut mounts = topology.by_id(namespace).into_iter().flat_map(|space| space.mounts());
        let found = mounts.find(|(_, mounted)| mounted.entry().uuid == uuid);
        Ok(found.map(|(_, mounted)| Arc::clone(mounted)))
    }

    /// Gives `mounted` another entry at the same path, under the lock of who changes mounts.
    pub(super) fn replace_mount(
        self: &Arc<Self>,
        transaction: &Transaction,
        mounted: &Mounted,
        entry: MountEntry,
    ) -> Result<(), Error> {
        let next = mounted.with_entry(entry);
        mount_table::write(transaction, &mounted.mount.namespace, next.entry())?;
        let (core, topology) = (Arc::clone(self), self.open_topology()?.with_mount(&next));
        transaction.after_commit(Box::new(move || core.publish(&topology)));
        Ok(())
    }
}

/// Notes of what somebody waits for, in all namespaces that are not sealed.
pub(super) async fn urgent(transaction: &Transaction) -> Result<Vec<Leftover>, Error> {
    let mut notes = Vec::new();
    for domain in transaction.barrier().open_domains() {
        for key in transaction.scan_keys(&format!("{domain}{PREFIX}{URGENT}")).await? {
            notes.extend(transaction.get_json(&key).await?);
        }
    }
    Ok(notes)
}

async fn delete_some(transaction: &Transaction, prefix: &str) -> Result<bool, Error> {
    let (keys, are_all) = some(transaction, prefix).await?;
    keys.into_iter().for_each(|key| transaction.delete(key));
    Ok(are_all)
}

async fn clear_forever(core: Weak<Core>, clearing: Clearing) {
    loop {
        clearing.0.notified().await;
        let Some(core) = core.upgrade() else { return };
        let outcome = core.clear_leftovers().await;
        let is_sealed = core.barrier.is_sealed();
        drop(core);
        match outcome {
            Err(error) if !is_sealed => {
                tracing::warn!("what is left of deleted things could not be deleted: {error}");
                // Also who has unsealed the server meanwhile wakes it.
                tokio::time::timeout(PAUSE, clearing.0.notified()).await.ok();
                clearing.wake();
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::clock::Clock;
    use crate::core::testing::{barrier, server};

    #[tokio::test]
    async fn what_cannot_be_cleared_away_keeps_nothing_else_from_it() {
        let core = server(Clock::system()).await;
        let transaction = core.barrier.begin();
        transaction.put(format!("{PREFIX}!bad"), r#"{"keys":5}"#);
        transaction.put(format!("{PREFIX}worse"), "{");
        (0..=AT_ONCE).for_each(|number| transaction.put(format!("gone/{number:05}"), "x"));
        core.tokens.clearing().delete_all(&transaction, "", "gone/").await.expect("unsealed");
        transaction.commit().await.expect("no conflict");
        let error = core.clear_leftovers().await.expect_err("two notes stay");
        assert!(error.to_string().contains("2 of the notes"), "{error}");
        let keys = |prefix| core.barrier.scan_keys(prefix, None, usize::MAX);
        assert_eq!(keys("gone/").await.expect("unsealed"), Vec::<String>::new());
        assert_eq!(keys(PREFIX).await.expect("unsealed").len(), 2);
    }

    /// How many keys are deleted at once, and how many notes are left, of a folder of `count` keys.
    async fn check(count: usize, expected: (usize, usize)) {
        let barrier = barrier().await;
        let transaction = barrier.begin();
        (0..count).for_each(|number| transaction.put(format!("a/{number:05}"), "x"));
        transaction.put("b", "x");
        transaction.commit().await.expect("no conflict");
        let transaction = barrier.begin();
        Clearing::default().delete_all(&transaction, "", "a/").await.expect("unsealed");
        transaction.commit().await.expect("no conflict");
        let keys = barrier.scan_keys("a/", None, usize::MAX).await.expect("unsealed").len();
        let notes = barrier.scan_keys(PREFIX, None, usize::MAX).await.expect("unsealed").len();
        assert_eq!((count - keys, notes), expected);
        assert!(barrier.get("b").await.expect("unsealed").is_some());
    }

    #[tokio::test]
    async fn little_is_deleted_at_once_and_much_is_noted() {
        check(AT_ONCE, (AT_ONCE, 0)).await;
        check(AT_ONCE + 1, (0, 1)).await;
    }

    #[tokio::test]
    async fn much_is_deleted_step_by_step() {
        let barrier = barrier().await;
        let transaction = barrier.begin();
        (0..=2 * AT_ONCE).for_each(|number| transaction.put(format!("a/{number:05}"), "x"));
        transaction.commit().await.expect("no conflict");
        for (is_done, left) in [(false, AT_ONCE + 1), (false, 1), (true, 0)] {
            let transaction = barrier.begin();
            assert_eq!(delete_some(&transaction, "a/").await.expect("unsealed"), is_done);
            transaction.commit().await.expect("no conflict");
            assert_eq!(barrier.scan_keys("a/", None, usize::MAX).await.expect("unsealed").len(), left);
        }
    }
}
