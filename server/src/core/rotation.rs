//! When the barrier takes a new key by itself.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::error::Error;
use super::state::Core;
use crate::barrier::{Domain, TermStatus, Transaction};

/// Below the prefix of a domain.
const KEY: &str = "core/rotation-config";

/// Seconds: a shorter interval is refused.
pub(crate) const MIN_INTERVAL: u64 = 24 * 3600;
/// A lower limit of encryptions is refused.
pub(crate) const MIN_OPERATIONS: u64 = 1_000_000;
/// A tenth less than the 2³² that a key of AES-GCM with random nonces is good for.
pub(crate) const MAX_OPERATIONS: u64 = 3_865_470_566;

/// When the barrier takes a new key by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RotationConfig {
    pub(crate) enabled: bool,
    /// Seconds after which a key is replaced; 0: at no time.
    pub(crate) interval: u64,
    /// Encryptions after which a key is replaced.
    pub(crate) max_operations: u64,
}

impl Default for RotationConfig {
    fn default() -> Self {
        Self { enabled: true, interval: 0, max_operations: MAX_OPERATIONS }
    }
}

impl RotationConfig {
    /// The one that is stored for `domain`.
    pub(crate) async fn load(transaction: &Transaction, domain: &Domain) -> Result<Self, Error> {
        Ok(transaction.get_json(&domain.key(KEY)).await?.unwrap_or_default())
    }

    /// Stores it for `domain`.
    pub(crate) fn store(&self, transaction: &Transaction, domain: &Domain) -> Result<(), Error> {
        Ok(transaction.put_json(&domain.key(KEY), self)?)
    }

    /// Whether the key of `term` has served long enough.
    fn is_due(&self, term: &TermStatus, now: Timestamp) -> bool {
        let age = u64::try_from(now.duration_since(term.installed).as_secs()).unwrap_or_default();
        self.enabled
            && (term.encryptions >= self.max_operations || (self.interval != 0 && age >= self.interval))
    }
}

impl Core {
    /// Replaces the keys of the barrier whose time has come, but for those of namespaces that are sealed.
    ///
    /// # Errors
    /// If the server is sealed or the storage fails.
    pub(crate) async fn rotate_when_due(&self) -> Result<(), Error> {
        for domain in self.barrier.domains_below("") {
            match self.rotate_one_when_due(&domain).await {
                Err(error) if error.is_of_sealed_namespace() => {}
                rotated => rotated?,
            }
        }
        Ok(())
    }

    async fn rotate_one_when_due(&self, domain: &Arc<Domain>) -> Result<(), Error> {
        let config = RotationConfig::load(&self.barrier.begin(), domain).await?;
        if config.is_due(&domain.term_status()?, self.clock.now()) {
            let status = self.barrier.rotate_in(domain).await?;
            tracing::info!(term = status.term, "the keyring was rotated, as its configuration says");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(config: RotationConfig, encryptions: u64, days: i64, expected: bool) {
        let installed = Timestamp::UNIX_EPOCH;
        let now = installed + jiff::SignedDuration::from_hours(24 * days);
        let term = TermStatus { term: 1, installed, encryptions };
        assert_eq!(config.is_due(&term, now), expected);
    }

    #[test]
    fn a_key_is_replaced_after_so_long_or_so_many_encryptions() {
        let usual = RotationConfig::default();
        check(usual, MAX_OPERATIONS - 1, 4000, false);
        check(usual, MAX_OPERATIONS, 0, true);
        check(RotationConfig { enabled: false, ..usual }, MAX_OPERATIONS, 0, false);
        check(RotationConfig { interval: MIN_INTERVAL, ..usual }, 1, 1, true);
        check(RotationConfig { interval: MIN_INTERVAL * 2, ..usual }, 1, 1, false);
    }
}
