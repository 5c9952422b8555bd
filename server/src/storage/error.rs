//! What can go wrong below the barrier.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

/// Why a storage operation failed. Never holds a value, only keys and paths.
///
/// `Clone`, because one failed sync fails every batch that shared it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum StorageError {
    /// The medium holds something that was not written by us or is torn.
    Damaged {
        /// The file.
        path: PathBuf,
        /// What the backend found.
        cause: Arc<str>,
    },
    /// No room is left on the medium.
    Full {
        /// The file.
        path: PathBuf,
    },
    /// Reading or writing the medium failed.
    Io {
        /// What was being done, for example ``open `data/lockstep.redb` ``.
        doing: Arc<str>,
        /// What the operating system or the backend said.
        cause: Arc<str>,
    },
    /// Another process has the storage open.
    Locked {
        /// The file.
        path: PathBuf,
    },
    /// The storage was closed, or a test made it fail.
    Unavailable {
        /// Why.
        cause: Arc<str>,
    },
    /// It is not known whether the batch was applied. The storage takes no further batch until it is
    /// opened again.
    Uncertain {
        /// What the backend said.
        cause: Arc<str>,
    },
}

impl fmt::Display for StorageError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Damaged { path, cause } => write!(
                formatter,
                "storage file `{}` is damaged: {cause}\nhint: restore the file from a backup",
                path.display()
            ),
            Self::Full { path } => write!(
                formatter,
                "no space left on the device that holds `{}`\nhint: free some space; nothing was lost",
                path.display()
            ),
            Self::Io { doing, cause } => write!(formatter, "cannot {doing}: {cause}"),
            Self::Locked { path } => write!(
                formatter,
                "storage file `{}` is in use by another process\nhint: stop the other server, or give this one its own folder",
                path.display()
            ),
            Self::Unavailable { cause } => write!(formatter, "storage is unavailable: {cause}"),
            Self::Uncertain { cause } => write!(
                formatter,
                "storage cannot tell whether a batch was written: {cause}\nhint: restart the server"
            ),
        }
    }
}

impl std::error::Error for StorageError {}
