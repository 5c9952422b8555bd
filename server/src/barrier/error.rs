//! What can go wrong at the barrier.

use std::fmt;

use crate::storage::StorageError;

/// Why the barrier could not do what it was asked. Names keys, never values.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum BarrierError {
    /// A keyring is stored already.
    AlreadyInitialized,
    /// The bytes under `key` decrypt, but are not the record that was expected there.
    Malformed {
        /// The storage key.
        key: String,
        /// Where the record is wrong.
        cause: String,
    },
    /// The namespace that the key is of is sealed: there are no keys for it in memory.
    NamespaceSealed,
    /// No keyring is stored yet.
    NotInitialized,
    /// The key belongs to the barrier itself and cannot be written through it.
    Reserved {
        /// The storage key.
        key: String,
    },
    /// The barrier is sealed: there are no keys in memory.
    Sealed,
    /// The storage underneath failed.
    Storage(StorageError),
    /// The bytes under `key` were not written by this barrier under this key: altered, swapped with
    /// another entry, or torn.
    Tampered {
        /// The storage key.
        key: String,
    },
    /// The entry was encrypted by a term that the keyring does not hold.
    UnknownTerm {
        /// The storage key.
        key: String,
        /// The term that the entry names.
        term: u32,
    },
    /// The root key does not open the stored keyring.
    WrongRootKey,
}

impl BarrierError {
    /// The record under `key` is not what belongs there: where `error` is, and not what is there.
    pub(crate) fn malformed(key: &str, error: &serde_json::Error) -> Self {
        let cause =
            format!("{:?} error at line {}, column {}", error.classify(), error.line(), error.column());
        Self::Malformed { key: key.to_owned(), cause }
    }
}

impl fmt::Display for BarrierError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AlreadyInitialized => formatter.write_str("the barrier is initialized already"),
            Self::Malformed { key, cause } => write!(formatter, "the entry `{key}` is malformed: {cause}"),
            Self::NamespaceSealed => formatter.write_str("namespace is sealed"),
            Self::NotInitialized => formatter.write_str("the barrier is not initialized"),
            Self::Reserved { key } => write!(formatter, "the entry `{key}` belongs to the barrier itself"),
            Self::Sealed => formatter.write_str("Vault is sealed"),
            Self::Storage(error) => error.fmt(formatter),
            Self::Tampered { key } => write!(
                formatter,
                "the entry `{key}` fails authentication: it was altered or moved outside of this server\n\
                 hint: restore the storage from a backup"
            ),
            Self::UnknownTerm { key, term } => {
                write!(formatter, "the entry `{key}` is encrypted by term {term}, which the keyring lacks")
            }
            Self::WrongRootKey => formatter.write_str("the root key does not open the stored keyring"),
        }
    }
}

impl std::error::Error for BarrierError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Storage(error) => Some(error),
            _ => None,
        }
    }
}

impl From<StorageError> for BarrierError {
    fn from(error: StorageError) -> Self {
        Self::Storage(error)
    }
}

/// Why a transaction did not commit. Nothing of it was applied.
#[derive(Clone, Debug)]
pub enum CommitError {
    /// The barrier or the storage failed.
    Barrier(BarrierError),
    /// Something that the transaction read has changed since; run the handler again on a new transaction.
    Conflict,
}

impl fmt::Display for CommitError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Barrier(error) => error.fmt(formatter),
            Self::Conflict => formatter.write_str("another request changed what this one read"),
        }
    }
}

impl std::error::Error for CommitError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Barrier(error) => Some(error),
            Self::Conflict => None,
        }
    }
}

impl From<BarrierError> for CommitError {
    fn from(error: BarrierError) -> Self {
        Self::Barrier(error)
    }
}

impl From<StorageError> for CommitError {
    fn from(error: StorageError) -> Self {
        Self::Barrier(error.into())
    }
}
