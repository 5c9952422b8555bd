//! Records of mounts: one storage entry each.

use super::error::Error;
use super::mount::{MountClass, MountConfig, MountEntry};
use super::namespace::Namespace;
use crate::barrier::{Barrier, Transaction};

/// Where the records of mounts of `class` in `namespace` are.
fn prefix(namespace: &Namespace, class: MountClass) -> String {
    let folder = match class {
        MountClass::Secret => "core/mounts/",
        MountClass::Auth => "core/auth/",
    };
    format!("{}{folder}", namespace.storage_prefix())
}

/// Where the record of `entry` is.
pub(crate) fn key(namespace: &Namespace, entry: &MountEntry) -> String {
    format!("{}{}", prefix(namespace, entry.class), entry.uuid)
}

/// Creates or replaces the record of `entry`.
pub(crate) fn write(
    transaction: &Transaction,
    namespace: &Namespace,
    entry: &MountEntry,
) -> Result<(), Error> {
    Ok(transaction.put_json(&key(namespace, entry), entry)?)
}

/// The record of a mount as it is stored: small, and good to be read.
#[derive(Debug)]
pub(crate) struct StoredMount(Box<[u8]>);

impl StoredMount {
    /// The entry.
    pub(crate) fn entry(&self) -> MountEntry {
        serde_json::from_slice(&self.0).expect("it was read when it was loaded")
    }
}

/// All records of `namespace`.
pub(crate) async fn load(barrier: &Barrier, namespace: &Namespace) -> Result<Vec<StoredMount>, Error> {
    let mut records = Vec::new();
    for class in [MountClass::Secret, MountClass::Auth] {
        for (_, record) in barrier.scan(&prefix(namespace, class), None, usize::MAX).await? {
            serde_json::from_slice::<MountEntry>(&record)?;
            records.push(StoredMount((*record).into()));
        }
    }
    Ok(records)
}

/// The mounts that every namespace has, and that cannot be unmounted.
pub(crate) fn first_mounts(namespace: &Namespace) -> Vec<MountEntry> {
    let kind = |name: &str| if namespace.is_root() { name.to_owned() } else { format!("ns_{name}") };
    let cubbyhole = MountEntry {
        description: "per-token private secret storage".to_owned(),
        local: true,
        ..MountEntry::new(MountClass::Secret, "cubbyhole/", &kind("cubbyhole"))
    };
    let identity = MountEntry {
        description: "identity store".to_owned(),
        config: passing("Authorization"),
        ..MountEntry::new(MountClass::Secret, "identity/", &kind("identity"))
    };
    let sys = MountEntry {
        description: "system endpoints used for control, policy and debugging".to_owned(),
        config: passing("Accept"),
        seal_wrap: true,
        ..MountEntry::new(MountClass::Secret, "sys/", &kind("system"))
    };
    let token_type = if namespace.is_root() { "default-service" } else { "default" };
    let token = MountEntry {
        description: "token based credentials".to_owned(),
        config: MountConfig { token_type: token_type.to_owned(), ..MountConfig::default() },
        ..MountEntry::new(MountClass::Auth, "token/", &kind("token"))
    };
    vec![cubbyhole, identity, sys, token]
}

fn passing(header: &str) -> MountConfig {
    MountConfig { passthrough_request_headers: Some(vec![header.to_owned()]), ..MountConfig::default() }
}
