//! Rate limits as they are stored.

use serde::{Deserialize, Serialize};

use crate::barrier::Transaction;
use crate::core::error::Error;

/// Folder of the limits, in the root namespace.
pub(crate) const PREFIX: &str = "sys/quotas/rate-limit/";
/// What holds for all limits.
pub(crate) const CONFIG_KEY: &str = "sys/quotas/config";

/// Requests that one address may make in an interval.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct QuotaRecord {
    pub(crate) name: String,
    /// Path of the namespace; empty for the root.
    pub(crate) namespace: String,
    /// Path of the mount as requests have it, `auth/approle/`; empty for the whole namespace.
    pub(crate) mount: String,
    /// Path in the mount; with `*` at its end all that begin so. Empty for the whole mount.
    pub(crate) suffix: String,
    /// Role of the login; empty for all.
    pub(crate) role: String,
    pub(crate) rate: f64,
    /// Seconds.
    pub(crate) interval: u64,
    /// Seconds that an address is refused once it was too fast; 0: until the interval is over.
    pub(crate) block_interval: u64,
    /// Whether it also holds in namespaces below that have none of their own.
    pub(crate) inheritable: bool,
}

impl QuotaRecord {
    /// The path that it holds for, as the API has it.
    pub(crate) fn path(&self) -> String {
        format!("{}{}{}", self.namespace, self.mount, self.suffix)
    }

    /// Whether both hold for the same requests.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        let place = |record: &Self| {
            [&record.namespace, &record.mount, &record.suffix, &record.role].map(String::clone)
        };
        place(self) == place(other)
    }
}

/// What holds for all limits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct QuotaConfig {
    /// Refused requests are to be audited.
    pub(crate) audit_refusals: bool,
    /// Answers tell how much is left.
    pub(crate) response_headers: bool,
    /// Beginnings of paths that no limit holds for; after `!` one that is no exception after all.
    pub(crate) exempt_paths: Vec<String>,
}

impl Default for QuotaConfig {
    fn default() -> Self {
        let exempt_paths = [
            "sys/generate-recovery-token/attempt",
            "sys/generate-recovery-token/update",
            "sys/generate-root/attempt",
            "sys/generate-root/update",
            "sys/health",
            "sys/seal-status",
            "sys/unseal",
        ];
        let exempt_paths = exempt_paths.map(str::to_owned).to_vec();
        Self { audit_refusals: false, response_headers: false, exempt_paths }
    }
}

impl QuotaConfig {
    /// Whether no limit holds for `path`.
    pub(crate) fn exempts(&self, path: &str) -> bool {
        // An empty text is the beginning of every path, and asks for nothing.
        let exempt = self.exempt_paths.iter().filter(|exempt| !exempt.is_empty());
        let beginnings = exempt.filter_map(|exempt| {
            let (exempt, is_exempt) = match exempt.strip_prefix('!') {
                Some(rest) => (rest, false),
                None => (exempt.as_str(), true),
            };
            let beginning = exempt.strip_suffix('*').unwrap_or(exempt);
            path.starts_with(beginning).then_some((beginning.len(), is_exempt))
        });
        // Of equal beginnings the last one stands.
        beginnings.max_by_key(|(length, _)| *length).is_some_and(|(_, is_exempt)| is_exempt)
    }
}

/// All limits.
pub(crate) async fn load_all(transaction: &Transaction) -> Result<Vec<QuotaRecord>, Error> {
    let mut records = Vec::new();
    for key in transaction.scan_keys(PREFIX).await? {
        records.extend(transaction.get_json::<QuotaRecord>(&key).await?);
    }
    Ok(records)
}

/// What holds for all limits.
pub(crate) async fn load_config(transaction: &Transaction) -> Result<QuotaConfig, Error> {
    Ok(transaction.get_json(CONFIG_KEY).await?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(exempt: &[&str], path: &str, expected: bool) {
        let exempt_paths = exempt.iter().map(|path| (*path).to_owned()).collect();
        assert_eq!(QuotaConfig { exempt_paths, ..QuotaConfig::default() }.exempts(path), expected);
    }

    #[test]
    fn the_longest_exempt_beginning_decides() {
        check(&["sys/health"], "sys/health", true);
        check(&["sys/health"], "sys/healthy", true);
        check(&["kv/*"], "kv/a", true);
        check(&["kv/*", "!kv/a"], "kv/a/b", false);
        check(&["kv/"], "kv", false);
        check(&["kv*", "kv/a*", "!kv/a"], "kv/a", false);
        check(&["kv*", "!kv/a", "kv/a*"], "kv/a", true);
        check(&[], "kv", false);
        check(&["", "a"], "kv", false);
    }
}
