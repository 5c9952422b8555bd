//! How many tokens there are.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::core::error::Error;
use crate::core::state::Core;
use crate::core::token::Surroundings as _;

/// Names that are read at a time.
const PAGE: usize = 1024;
/// Counting takes no more than one part in so many of all time.
const SHARE: u32 = 100;
/// No count is made sooner after the one before.
const SHORTEST: Duration = Duration::from_secs(10);

/// Service tokens by the path of their namespace, where there are any.
pub(crate) type Counts = Arc<[(String, u64)]>;

/// The last count.
#[derive(Default)]
pub(crate) struct TokenCounts {
    /// Until when it is shown, and itself.
    last: Mutex<Option<(Instant, Counts)>>,
    counting: tokio::sync::Mutex<()>,
}

impl Core {
    /// How many service tokens each namespace has. Their names are counted, no record is read. Where there are very many,
    /// the count is as old as it has to be for counting to be a small part of the work.
    pub(crate) async fn token_counts(&self) -> Result<Counts, Error> {
        let counts = &self.tokens.counts;
        let last = || counts.last.lock().clone();
        let Ok(_turn) = counts.counting.try_lock() else {
            // Another request counts.
            return Ok(last().map(|(_, counts)| counts).unwrap_or_default());
        };
        if let Some((until, known)) = last()
            && Instant::now() < until
        {
            return Ok(known);
        }
        let begin = Instant::now();
        let mut found = Vec::new();
        for namespace in self.namespaces() {
            let counted = self.count_keys(&format!("{}sys/token/id/", namespace.storage_prefix())).await;
            let count = match counted {
                Err(error) if error.is_of_sealed_namespace() => continue,
                counted => counted?,
            };
            if count > 0 {
                found.push((namespace.path.clone(), count));
            }
        }
        found.sort();
        let found: Counts = found.into();
        let until = Instant::now() + SHORTEST.max(begin.elapsed() * SHARE);
        *counts.last.lock() = Some((until, Arc::clone(&found)));
        Ok(found)
    }

    async fn count_keys(&self, prefix: &str) -> Result<u64, Error> {
        let (mut count, mut after) = (0, None::<String>);
        loop {
            let page = self.barrier.scan_keys(prefix, after.as_deref(), PAGE).await?;
            count += page.len() as u64;
            if page.len() < PAGE {
                return Ok(count);
            }
            after = page.into_iter().next_back();
            tokio::task::yield_now().await;
        }
    }
}
