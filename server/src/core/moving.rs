//! Mounts that go to another namespace, with all that they hold.
//!
//! Records are stored below the prefix of their namespace, so that they are copied. The commit that changes the table
//! of mounts takes them with it if they are few; else the mount is tainted, which is where no request leads, until a
//! task has brought them all over in small commits. Each commit deletes what it has copied: at every moment a record is
//! at exactly one of the two places, and a restart goes on where the last commit ended.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::clearing::{self, AT_ONCE, Leftover};
use super::error::Error;
use super::mount::MountEntry;
use super::state::Core;
use crate::barrier::Transaction;

/// Before the records of what became of moves.
const PREFIX: &str = "core/moves/";
/// A commit takes no further record once it has copied so many bytes.
const BYTES: usize = 8 << 20;

/// A mount whose records are on their way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Moving {
    /// Prefix of the records that are not brought over yet.
    pub(crate) from: String,
    /// Id of the namespace that it is in now.
    pub(crate) namespace: String,
    /// Its UUID.
    pub(crate) mount: String,
    /// Id of its [`Migration`].
    pub(crate) migration: String,
}

/// What is told of a move.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Migration {
    /// Path before, with its namespaces.
    pub(crate) source_mount: String,
    /// Path after.
    pub(crate) target_mount: String,
    /// How far it is.
    pub(crate) status: Status,
}

/// How far a move is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Status {
    /// Not everything is brought over.
    InProgress,
    /// It is over.
    Success,
    /// The mount has gone before it was over.
    Failure,
}

impl Migration {
    /// The move `id`.
    pub(crate) async fn load(transaction: &Transaction, id: &str) -> Result<Option<Self>, Error> {
        Ok(transaction.get_json(&format!("{PREFIX}{id}")).await?)
    }

    /// Writes it as the move `id`.
    pub(crate) fn write(&self, transaction: &Transaction, id: &str) -> Result<(), Error> {
        Ok(transaction.put_json(&format!("{PREFIX}{id}"), self)?)
    }
}

/// Brings over some records below `from` to `to`. True once there are no others.
pub(crate) async fn bring_some(transaction: &Transaction, from: &str, to: &str) -> Result<bool, Error> {
    let keys = transaction.first_keys(from, AT_ONCE).await?;
    let (count, mut taken, mut bytes) = (keys.len(), 0, 0);
    for key in keys {
        if bytes >= BYTES {
            break;
        }
        taken += 1;
        let Some(record) = transaction.get(&key).await? else { continue };
        bytes += record.len();
        transaction.put(format!("{to}{}", &key[from.len()..]), record);
        transaction.delete(key);
    }
    Ok(count < AT_ONCE && taken == count)
}

/// Whether records of a mount that has left are still below `prefix`. Moves that are on their way stay within one domain,
/// so that none is hidden by a seal from who may delete what it comes from.
pub(crate) async fn is_left_below(transaction: &Transaction, prefix: &str) -> Result<bool, Error> {
    let notes = clearing::urgent(transaction).await?;
    let is_meant =
        |note: &Leftover| matches!(note, Leftover::Moving(moving) if moving.from.starts_with(prefix));
    Ok(notes.iter().any(is_meant))
}

impl Core {
    /// Brings over some records of `moving`, under the lock of who changes mounts. When there are no others, the mount
    /// takes requests.
    pub(super) async fn move_some(
        self: &Arc<Self>,
        transaction: &Transaction,
        moving: &Moving,
    ) -> Result<bool, Error> {
        let Some(mounted) = self.mounted(&moving.namespace, &moving.mount)? else {
            // It was unmounted meanwhile, and what was brought over is deleted.
            self.tokens.clearing().leave(transaction, "", &Leftover::Keys(moving.from.clone()))?;
            end(transaction, moving, Status::Failure).await?;
            return Ok(true);
        };
        if !bring_some(transaction, &moving.from, &mounted.prefix).await? {
            return Ok(false);
        }
        end(transaction, moving, Status::Success).await?;
        self.replace_mount(transaction, &mounted, MountEntry { tainted: false, ..mounted.entry().clone() })?;
        Ok(true)
    }
}

/// Writes how `moving` has ended.
async fn end(transaction: &Transaction, moving: &Moving, status: Status) -> Result<(), Error> {
    match Migration::load(transaction, &moving.migration).await? {
        Some(migration) => Migration { status, ..migration }.write(transaction, &moving.migration),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
