//! Work that is slow by design, on threads of its own.

use std::sync::Arc;

use http::StatusCode;
use tokio::sync::Semaphore;

use super::error::Error;

/// Who waits for a kind of slow work: so many work at once, and the line has an end.
pub(crate) struct Queue {
    turns: Arc<Semaphore>,
    line: Semaphore,
    /// What waits, in the plural.
    what: &'static str,
}

impl Queue {
    /// So many work at once, and so many wait.
    pub(crate) fn new(turns: usize, line: usize, what: &'static str) -> Self {
        Self { turns: Arc::new(Semaphore::new(turns)), line: Semaphore::new(line), what }
    }

    /// Runs `work` when it is its turn. The turn lasts as long as the work, even if nobody waits for it any more.
    ///
    /// # Errors
    /// 503 if too many wait; else only if `work` panics.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Error> {
        // Whoever has gone away waits on.
        let place = self.line.try_acquire().map_err(|_| {
            let text = format!("too many {} wait; try again in a while", self.what);
            Error::with_status(StatusCode::SERVICE_UNAVAILABLE, text)
        })?;
        let turn = Arc::clone(&self.turns).acquire_owned().await.map_err(Error::internal)?;
        drop(place);
        let work = move || {
            let _turn = turn;
            work()
        };
        tokio::task::spawn_blocking(work).await.map_err(Error::internal)
    }
}

/// How many processors there are.
pub(crate) fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures::future::join_all;

    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn no_more_work_than_there_are_turns_and_no_more_wait_than_have_room() {
        static QUEUE: LazyLock<Queue> = LazyLock::new(|| Queue::new(2, 3, "tests"));
        static WORKING: AtomicUsize = AtomicUsize::new(0);
        let work = || {
            let working = WORKING.fetch_add(1, Ordering::SeqCst) + 1;
            std::thread::sleep(std::time::Duration::from_millis(50));
            WORKING.fetch_sub(1, Ordering::SeqCst);
            working
        };
        let done = join_all((0..20).map(|_| QUEUE.run(work))).await;
        assert!(done.iter().flatten().all(|working| *working <= 2));
        let refused = done.iter().filter_map(|done| done.as_ref().err()).collect::<Vec<_>>();
        assert!(!refused.is_empty() && refused.iter().all(|error| error.status() == 503), "{refused:?}");
    }
}
