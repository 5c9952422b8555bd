//! Records of mounts: one storage entry each.

use serde::Deserialize;

use super::error::Error;
use super::mount::{MountClass, MountConfig, MountEntry};
use super::namespace::Namespace;
use crate::barrier::{Barrier, BarrierError, Transaction};

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

/// What a mount is made of when it is needed. There may be very many of them: this is small.
#[derive(Debug)]
pub(crate) enum StoredMount {
    /// One of the [first mounts](first_mounts), of which nothing was changed.
    First {
        /// Its place among them.
        place: usize,
        /// The texts that are its own.
        accessor: Box<str>,
        uuid: Box<str>,
    },
    /// The record of any other one, good to be read.
    Other(Box<[u8]>),
}

impl StoredMount {
    fn new(record: &[u8], first: &[MountEntry]) -> Result<Self, serde_json::Error> {
        let entry: MountEntry = serde_json::from_slice(record)?;
        let place = first.iter().position(|first| {
            let (accessor, uuid) = (entry.accessor.clone(), entry.uuid.clone());
            entry == MountEntry { accessor, uuid, ..first.clone() }
        });
        Ok(match place {
            Some(place) => Self::First { place, accessor: entry.accessor.into(), uuid: entry.uuid.into() },
            None => Self::Other(record.into()),
        })
    }

    /// The entry, in `namespace`.
    pub(crate) fn entry(&self, namespace: &Namespace) -> MountEntry {
        match self {
            Self::First { place, accessor, uuid } => {
                let first = first_mounts(namespace).swap_remove(*place);
                MountEntry { accessor: accessor.as_ref().into(), uuid: uuid.as_ref().into(), ..first }
            }
            Self::Other(record) => serde_json::from_slice(record).expect("it was read when it was loaded"),
        }
    }

    /// Whether it has `accessor`.
    pub(crate) fn has_accessor(&self, accessor: &str) -> bool {
        #[derive(Deserialize)]
        struct OnlyAccessor {
            accessor: String,
        }
        match self {
            Self::First { accessor: own, .. } => **own == *accessor,
            Self::Other(record) => {
                serde_json::from_slice::<OnlyAccessor>(record).is_ok_and(|record| record.accessor == accessor)
            }
        }
    }
}

/// All records of `namespace`.
pub(crate) async fn load(barrier: &Barrier, namespace: &Namespace) -> Result<Vec<StoredMount>, Error> {
    let first = first_mounts(namespace);
    let mut records = Vec::new();
    for class in [MountClass::Secret, MountClass::Auth] {
        for (key, record) in barrier.scan(&prefix(namespace, class), None, usize::MAX).await? {
            // Not left out: another mount could take its path, and nothing would lead to its secrets any more.
            let stored =
                StoredMount::new(&record, &first).map_err(|error| BarrierError::malformed(&key, &error))?;
            records.push(stored);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_mount_that_cannot_be_read_is_not_left_out() {
        let barrier = crate::core::testing::barrier().await;
        let transaction = barrier.begin();
        transaction.put("core/mounts/x", r#"{"path":"hunter2"}"#);
        transaction.commit().await.expect("no conflict");
        let error = load(&barrier, &Namespace::root()).await.expect_err("its path would be free");
        let told = error.to_string();
        assert!(told.contains("core/mounts/x") && !told.contains("hunter2"), "{told}");
    }

    #[test]
    fn a_mount_is_made_again_as_it_was() {
        let namespace = Namespace { path: "a/".to_owned(), ..(*Namespace::root()).clone() };
        let mut entries = first_mounts(&namespace);
        entries[1].description = "changed".to_owned();
        entries.push(MountEntry::new(MountClass::Secret, "kv/", "kv"));
        let first = first_mounts(&namespace);
        let mut others = 0;
        for entry in entries {
            let record = serde_json::to_vec(&entry).expect("JSON");
            let stored = StoredMount::new(&record, &first).expect("a record");
            others += usize::from(matches!(stored, StoredMount::Other(_)));
            assert_eq!(stored.entry(&namespace), entry);
            assert!(stored.has_accessor(&entry.accessor) && !stored.has_accessor("kv_0"), "{entry:?}");
        }
        assert_eq!(others, 2);
    }
}
