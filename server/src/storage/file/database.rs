//! The redb file, opened again after a failure.

use std::io::ErrorKind;
use std::ops::Bound;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::RwLock;
use redb::{DatabaseError, Durability, ReadableDatabase, ReadableTable, TableDefinition};

use super::FILE_NAME;
use super::disk::{Disk, Gauge};
use crate::storage::{Batch, StorageError, Write};

const ENTRIES: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("entries");

/// One row: how many groups were ever written. Tells after a failed sync whether its group is there.
const PROGRESS: TableDefinition<'_, (), u64> = TableDefinition::new("progress");

/// Pages kept in memory. Values that are asked for live decrypted in the barrier, and the system keeps the file in
/// memory that is free, so this need not be large.
const CACHE_BYTES: usize = 8 * 1024 * 1024;

/// A file of up to so many bytes is checked in a few milliseconds after a crash.
const SMALL: u64 = 64 * 1024 * 1024;

/// How a group of batches is made durable.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Sync {
    /// One sync.
    Plain,
    /// Two syncs; the next opening after a crash need not check everything up to here.
    Checkpoint,
}

pub(super) struct Database {
    path: PathBuf,
    /// Empty when a failure could not be mended. Written by the writer thread only.
    redb: RwLock<Option<redb::Database>>,
    gauge: Arc<Gauge>,
}

impl Database {
    pub(super) fn open(folder: &Path) -> Result<Self, StorageError> {
        let path = folder.join(FILE_NAME);
        prepare_folder(folder, &path)?;
        let gauge = Arc::default();
        let redb = open_redb(&path, &gauge)?;
        create_tables(&redb).map_err(|error| classify(&path, error))?;
        sync_folder(folder)?;
        Ok(Self { path, redb: RwLock::new(Some(redb)), gauge })
    }

    pub(super) fn gauge(&self) -> &Gauge {
        &self.gauge
    }

    /// Whether the check after a crash would take so long that it should be spared.
    pub(super) fn is_slow_to_check(&self) -> bool {
        std::fs::metadata(&self.path).is_ok_and(|metadata| metadata.len() > SMALL)
    }

    pub(super) fn get(&self, key: &str) -> Result<Option<Bytes>, StorageError> {
        self.read(|entries| Ok(entries.get(key)?.map(|value| Bytes::copy_from_slice(value.value()))))
    }

    /// Maps the entries that start with `prefix`, strictly after `after`, at most `limit`.
    pub(super) fn collect<T>(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
        entry: impl Fn(&str, &[u8]) -> T,
    ) -> Result<Vec<T>, StorageError> {
        let start = match after {
            Some(after) if after >= prefix => Bound::Excluded(after),
            _ => Bound::Included(prefix),
        };
        self.read(|entries| {
            let mut found = Vec::new();
            for row in entries.range::<&str>((start, Bound::Unbounded))?.take(limit) {
                let (key, value) = row?;
                if !key.value().starts_with(prefix) {
                    break;
                }
                found.push(entry(key.value(), value.value()));
            }
            Ok(found)
        })
    }

    fn read<T>(
        &self,
        work: impl FnOnce(&redb::ReadOnlyTable<&'static str, &'static [u8]>) -> Result<T, redb::Error>,
    ) -> Result<T, StorageError> {
        let redb = self.redb.read();
        let redb = redb.as_ref().ok_or_else(|| unavailable(&self.path))?;
        read_entries(redb, work).map_err(|error| classify(&self.path, error))
    }

    /// Applies `batches` in order and syncs: all of them, or none.
    pub(super) fn write<'a>(
        &self,
        batches: impl Iterator<Item = &'a Batch>,
        sync: Sync,
    ) -> Result<(), StorageError> {
        if self.redb.read().is_none() {
            self.reopen()?;
        }
        let mut group = None;
        let Err(error) = self.try_write(batches, sync, &mut group) else { return Ok(()) };
        let error = classify(&self.path, error);
        self.reopen()?;
        match group {
            Some(group) if self.is_written(group)? => Ok(()),
            _ => Err(error),
        }
    }

    /// Leaves the number of the group in `group` before it tries to commit it.
    fn try_write<'a>(
        &self,
        batches: impl Iterator<Item = &'a Batch>,
        sync: Sync,
        group: &mut Option<u64>,
    ) -> Result<(), redb::Error> {
        let redb = self.redb.read();
        let Some(redb) = redb.as_ref() else { return Err(redb::Error::PreviousIo) };
        let mut transaction = redb.begin_write()?;
        transaction.set_durability(Durability::Immediate)?;
        transaction.set_quick_repair(sync == Sync::Checkpoint);
        {
            let mut entries = transaction.open_table(ENTRIES)?;
            for (key, write) in batches.flat_map(Batch::iter) {
                match write {
                    Write::Delete => _ = entries.remove(key)?,
                    Write::Put(value) => _ = entries.insert(key, value.as_ref())?,
                }
            }
        }
        let number = count_group(&transaction)?;
        *group = Some(number);
        Ok(transaction.commit()?)
    }

    /// Whether the group `number` made it into the file although its commit failed; makes it durable then.
    fn is_written(&self, number: u64) -> Result<bool, StorageError> {
        let redb = self.redb.read();
        let redb = redb.as_ref().ok_or_else(|| unavailable(&self.path))?;
        let written = groups_written(redb).map_err(|error| classify(&self.path, error))? >= number;
        if written {
            let synced = std::fs::File::open(&self.path).and_then(|file| file.sync_all());
            synced.map_err(|error| StorageError::Uncertain { cause: error.to_string().into() })?;
        }
        Ok(written)
    }

    /// redb refuses all work after an I/O error until the file is opened again. After a failed sync it stays
    /// closed: what reads well now may not be on the disk.
    fn reopen(&self) -> Result<(), StorageError> {
        let mut redb = self.redb.write();
        // Its lock on the file must be gone first.
        *redb = None;
        if self.gauge.sync_failed() {
            let cause = format!("a sync of `{}` failed", self.path.display());
            return Err(StorageError::Uncertain { cause: cause.into() });
        }
        *redb = Some(open_redb(&self.path, &self.gauge)?);
        Ok(())
    }
}

fn unavailable(path: &Path) -> StorageError {
    StorageError::Unavailable { cause: format!("`{}` was closed after an error", path.display()).into() }
}

fn read_entries<T>(
    redb: &redb::Database,
    work: impl FnOnce(&redb::ReadOnlyTable<&'static str, &'static [u8]>) -> Result<T, redb::Error>,
) -> Result<T, redb::Error> {
    work(&redb.begin_read()?.open_table(ENTRIES)?)
}

fn groups_written(redb: &redb::Database) -> Result<u64, redb::Error> {
    let progress = redb.begin_read()?.open_table(PROGRESS)?;
    Ok(progress.get(())?.map_or(0, |count| count.value()))
}

fn count_group(transaction: &redb::WriteTransaction) -> Result<u64, redb::Error> {
    let mut progress = transaction.open_table(PROGRESS)?;
    let number = progress.get(())?.map_or(0, |count| count.value()) + 1;
    progress.insert((), number)?;
    Ok(number)
}

fn create_tables(redb: &redb::Database) -> Result<(), redb::Error> {
    let transaction = redb.begin_write()?;
    transaction.open_table(ENTRIES)?;
    transaction.open_table(PROGRESS)?;
    Ok(transaction.commit()?)
}

/// Creates the folder, readable by nobody else, and refuses one that holds the data of another server.
fn prepare_folder(folder: &Path, path: &Path) -> Result<(), StorageError> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).map_err(|error| io("create the folder", folder, &error))?;
    let foreign = folder.join("core");
    if foreign.is_dir() && !path.exists() {
        let cause = "the folder holds the file storage of another server, which this one cannot read".into();
        return Err(StorageError::Damaged { path: foreign, cause });
    }
    Ok(())
}

/// Makes the name of a new file durable.
fn sync_folder(folder: &Path) -> Result<(), StorageError> {
    #[cfg(unix)]
    std::fs::File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(|error| io("sync the folder", folder, &error))?;
    Ok(())
}

fn open_redb(path: &Path, gauge: &Arc<Gauge>) -> Result<redb::Database, StorageError> {
    let mut options = std::fs::OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path).map_err(|error| io("open", path, &error))?;
    let open = || {
        let disk = Disk::new(file, Arc::clone(gauge))?;
        redb::Builder::new().set_cache_size(CACHE_BYTES).create_with_backend(disk)
    };
    // A plain open of an altered file may panic, as redb says.
    match catch_unwind(AssertUnwindSafe(open)) {
        Ok(Ok(redb)) => Ok(redb),
        Ok(Err(DatabaseError::DatabaseAlreadyOpen)) => Err(StorageError::Locked { path: path.to_owned() }),
        Ok(Err(error)) => Err(classify(path, error.into())),
        Err(_) => Err(damaged(path, "its structure is inconsistent")),
    }
}

fn damaged(path: &Path, cause: &str) -> StorageError {
    StorageError::Damaged { path: path.to_owned(), cause: cause.into() }
}

fn io(doing: &str, path: &Path, error: &std::io::Error) -> StorageError {
    StorageError::Io {
        doing: format!("{doing} `{}`", path.display()).into(),
        cause: error.to_string().into(),
    }
}

/// Says in our words what redb has met.
fn classify(path: &Path, error: redb::Error) -> StorageError {
    match error {
        redb::Error::Io(error)
            if matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded) =>
        {
            StorageError::Full { path: path.to_owned() }
        }
        redb::Error::Io(error)
            if matches!(error.kind(), ErrorKind::InvalidData | ErrorKind::UnexpectedEof) =>
        {
            damaged(path, &error.to_string())
        }
        redb::Error::Io(error) => io("use", path, &error),
        redb::Error::Corrupted(cause) => damaged(path, &cause),
        error => StorageError::Io {
            doing: format!("use `{}`", path.display()).into(),
            cause: error.to_string().into(),
        },
    }
}
