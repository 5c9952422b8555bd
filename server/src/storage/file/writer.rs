//! The thread that writes.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::database::{Database, Sync};
use crate::storage::{Batch, StorageError};

/// Batches in one sync at most, which bounds the time that the first of them waits.
const GROUP_BATCHES: usize = 1_024;

/// How often a sync also saves what makes the next opening fast after a crash, once the file is large. Such a sync
/// costs two.
const CHECKPOINT_EVERY: Duration = Duration::from_secs(5);

/// How long a group waits for one more batch, and for all of them.
const GAP: Duration = Duration::from_millis(1);
const LONGEST_WAIT: Duration = Duration::from_millis(10);

/// A batch, and where to say that it is durable.
pub(super) struct Job {
    pub(super) batch: Batch,
    pub(super) answer: oneshot::Sender<Result<(), StorageError>>,
}

/// The sending end of the queue, and the thread behind it.
pub(super) struct Writer {
    jobs: Option<Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    pub(super) fn start(database: Arc<Database>) -> Result<Self, StorageError> {
        let (jobs, queue) = channel();
        let thread = std::thread::Builder::new()
            .name("storage-writer".to_owned())
            .spawn(move || write_all(&database, &queue))
            .map_err(|error| StorageError::Io {
                doing: "start the thread that writes the storage".into(),
                cause: error.to_string().into(),
            })?;
        Ok(Self { jobs: Some(jobs), thread: Some(thread) })
    }

    pub(super) fn send(&self, job: Job) -> Result<(), StorageError> {
        self.jobs.as_ref().ok_or_else(gone)?.send(job).map_err(|_| gone())
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.jobs = None;
        // A thread that panicked has dropped its queue, so nobody waits for an answer.
        self.thread.take().and_then(|thread| thread.join().ok());
    }
}

pub(super) fn gone() -> StorageError {
    StorageError::Uncertain { cause: "the thread that writes has ended".into() }
}

/// Writes group after group until the queue is closed and empty.
fn write_all(database: &Database, queue: &Receiver<Job>) {
    let mut checkpoint = Instant::now();
    let mut usual = 1;
    while let Ok(first) = queue.recv() {
        let group = gather(first, queue, usual);
        // It follows at once when groups grow, and little by little when they shrink.
        usual = group.len().max(usual - usual.div_ceil(4));
        let due = checkpoint.elapsed() >= CHECKPOINT_EVERY && database.is_slow_to_check();
        let sync = if due { Sync::Checkpoint } else { Sync::Plain };
        let result = database.write(group.iter().map(|job| &job.batch), sync);
        if due {
            checkpoint = Instant::now();
        }
        for job in group {
            // A requester that has gone away does not want its answer.
            job.answer.send(result.clone()).ok();
        }
    }
}

/// What is written with `first`: all that is queued. Those who were answered together send their next batches at about
/// the same time; without patience the first of them would be nearly alone in a sync, and the others wait for it. So a
/// group waits until it is as large as is `usual`, as long as more are coming. Who writes alone does not wait.
fn gather(first: Job, queue: &Receiver<Job>, usual: usize) -> Vec<Job> {
    let mut group = vec![first];
    let begin = Instant::now();
    while group.len() < usual.min(GROUP_BATCHES) {
        let rest = LONGEST_WAIT.saturating_sub(begin.elapsed()).min(GAP);
        let Ok(next) = queue.recv_timeout(rest) else { break };
        group.push(next);
    }
    let more = GROUP_BATCHES - group.len();
    group.extend(queue.try_iter().take(more));
    group
}
