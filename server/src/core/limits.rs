//! Lifetimes.

use std::time::Duration;

use super::mount::MountConfig;

/// Default and longest lifetime.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TtlLimits {
    /// For who asks for none; it may be longer than the longest, which then counts.
    pub default: Duration,
    /// For everybody.
    pub max: Duration,
}

impl TtlLimits {
    /// 768 hours, the system's limits where the configuration says nothing.
    pub const SYSTEM: Self =
        Self { default: Duration::from_secs(768 * 3600), max: Duration::from_secs(768 * 3600) };

    /// The limits of a mount: its own, else these.
    #[must_use]
    pub fn of_mount(self, config: &MountConfig) -> Self {
        let or = |seconds: u64, system| if seconds == 0 { system } else { Duration::from_secs(seconds) };
        Self { default: or(config.default_lease_ttl, self.default), max: or(config.max_lease_ttl, self.max) }
    }
}
