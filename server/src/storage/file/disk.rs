//! The disk below redb: its own file backend, with the syncs counted and, in tests, faults.

use std::fs::File;
use std::io;
use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use redb::backends::FileBackend;
use redb::{BackendError, DatabaseError, StorageBackend};

/// What is known of the disk, and what a test wants of it. Survives opening the file again.
#[derive(Debug, Default)]
pub(super) struct Gauge {
    syncs: AtomicU64,
    sync_failed: AtomicBool,
    #[cfg(test)]
    pub(super) faults: faults::Faults,
}

impl Gauge {
    /// How many syncs the disk was asked for.
    pub(super) fn syncs(&self) -> u64 {
        self.syncs.load(Ordering::Relaxed)
    }

    /// Whether a sync has ever failed. Then nobody knows what is on the disk: the operating system may take
    /// the pages for written, so that they read well, and lose them.
    pub(super) fn sync_failed(&self) -> bool {
        self.sync_failed.load(Ordering::Relaxed)
    }
}

#[derive(Debug)]
pub(super) struct Disk {
    file: FileBackend,
    gauge: Arc<Gauge>,
}

impl Disk {
    pub(super) fn new(file: File, gauge: Arc<Gauge>) -> Result<Self, DatabaseError> {
        Ok(Self { file: FileBackend::new(file)?, gauge })
    }

    fn sync(&self) -> io::Result<()> {
        #[cfg(test)]
        self.gauge.faults.before_sync()?;
        self.file.sync_data()
    }
}

type Range = Bound<u64>;

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.file.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.file.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.gauge.syncs.fetch_add(1, Ordering::Relaxed);
        self.sync().inspect_err(|_| self.gauge.sync_failed.store(true, Ordering::Relaxed))
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        #[cfg(test)]
        self.gauge.faults.before_write()?;
        self.file.write(offset, data)
    }

    fn close(&self) -> io::Result<()> {
        self.file.close()
    }

    fn try_lock_range(&self, start: Range, end: Range) -> Result<bool, BackendError> {
        self.file.try_lock_range(start, end)
    }

    fn try_lock_shared_range(&self, start: Range, end: Range) -> Result<bool, BackendError> {
        self.file.try_lock_shared_range(start, end)
    }

    fn lock_range(&self, start: Range, end: Range) -> Result<(), BackendError> {
        self.file.lock_range(start, end)
    }

    fn lock_shared_range(&self, start: Range, end: Range) -> Result<(), BackendError> {
        self.file.lock_shared_range(start, end)
    }

    fn unlock_range(&self, start: Range, end: Range) -> Result<(), BackendError> {
        self.file.unlock_range(start, end)
    }

    fn query_lock_range(&self, start: Range, end: Range) -> Result<bool, BackendError> {
        self.file.query_lock_range(start, end)
    }
}

#[cfg(test)]
pub(super) mod faults {
    use std::io;
    use std::sync::atomic::{AtomicU8, Ordering};

    const NONE: u8 = 0;
    const FULL: u8 = 1;
    const SYNC: u8 = 2;

    /// Makes the next write or sync fail, once.
    #[derive(Debug, Default)]
    pub(crate) struct Faults(AtomicU8);

    impl Faults {
        /// The next write finds no room.
        pub(crate) fn fill_disk(&self) {
            self.0.store(FULL, Ordering::SeqCst);
        }

        /// The next sync fails.
        pub(crate) fn fail_sync(&self) {
            self.0.store(SYNC, Ordering::SeqCst);
        }

        pub(super) fn before_write(&self) -> io::Result<()> {
            self.take(FULL, io::ErrorKind::StorageFull)
        }

        pub(super) fn before_sync(&self) -> io::Result<()> {
            self.take(SYNC, io::ErrorKind::Other)
        }

        fn take(&self, fault: u8, kind: io::ErrorKind) -> io::Result<()> {
            match self.0.compare_exchange(fault, NONE, Ordering::SeqCst, Ordering::SeqCst) {
                Ok(_) => Err(io::Error::new(kind, "a fault of the test")),
                Err(_) => Ok(()),
            }
        }
    }
}
