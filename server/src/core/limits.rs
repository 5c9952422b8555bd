//! Lifetimes.

use std::time::Duration;

use super::mount::{Mount, MountConfig};
use super::state::Core;

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

impl Core {
    /// The limits of `mount`. Tokens of a namespace live no longer than those of the root namespace may, whose limits also
    /// count where the namespace has none of its own.
    pub(crate) fn limits_of(&self, mount: &Mount) -> TtlLimits {
        let (system, config) = (self.settings.limits, &mount.entry.config);
        if !mount.entry.is_token_store_below_root() {
            return system.of_mount(config);
        }
        let topology = self.topology();
        let of_root = topology.as_ref().and_then(|topology| topology.space("")?.mount("auth/token/"));
        let above = of_root.map_or(system, |mounted| system.of_mount(&mounted.entry().config));
        let own = above.of_mount(config);
        TtlLimits { max: own.max.min(above.max), ..own }
    }
}
