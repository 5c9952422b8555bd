//! Tokens as they are stored: packed, since there may be very many.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{LoginGrant, OidcAccess, TokenEntry, TokenKind};

/// A token's record. What is as usual is left out.
#[derive(Serialize, Deserialize)]
pub(super) struct TokenRecord {
    #[serde(rename = "a", default, skip_serializing_if = "String::is_empty")]
    accessor: String,
    #[serde(rename = "p", default, skip_serializing_if = "Vec::is_empty")]
    policies: Vec<String>,
    #[serde(rename = "at")]
    path: String,
    #[serde(rename = "n")]
    display_name: String,
    #[serde(rename = "m", default, skip_serializing_if = "BTreeMap::is_empty")]
    metadata: BTreeMap<String, String>,
    #[serde(rename = "e", default, skip_serializing_if = "String::is_empty")]
    entity_id: String,
    #[serde(rename = "c", default, skip_serializing_if = "String::is_empty")]
    cubbyhole_id: String,
    #[serde(rename = "up", default, skip_serializing_if = "String::is_empty")]
    parent: String,
    #[serde(rename = "u", default, skip_serializing_if = "is_zero")]
    num_uses: i64,
    #[serde(rename = "u0", default, skip_serializing_if = "is_zero")]
    uses_at_first: i64,
    #[serde(rename = "t", with = "jiff::fmt::serde::timestamp::microsecond::required")]
    created_at: Timestamp,
    #[serde(rename = "ttl", default, skip_serializing_if = "is_zero")]
    creation_ttl: u64,
    #[serde(rename = "g", default, skip_serializing_if = "is_zero")]
    granted_ttl: u64,
    #[serde(rename = "x", default, skip_serializing_if = "is_zero")]
    explicit_max_ttl: u64,
    #[serde(rename = "per", default, skip_serializing_if = "is_zero")]
    period: u64,
    #[serde(rename = "role", default, skip_serializing_if = "String::is_empty")]
    role: String,
    #[serde(rename = "cidrs", default, skip_serializing_if = "Vec::is_empty")]
    bound_cidrs: Vec<ipnet::IpNet>,
    #[serde(rename = "end", default, skip_serializing_if = "Option::is_none")]
    #[serde(with = "jiff::fmt::serde::timestamp::microsecond::optional")]
    expires_at: Option<Timestamp>,
    #[serde(rename = "ren", default, skip_serializing_if = "Option::is_none")]
    #[serde(with = "jiff::fmt::serde::timestamp::microsecond::optional")]
    renewed_at: Option<Timestamp>,
    #[serde(rename = "r", default, skip_serializing_if = "is_false")]
    renewable: bool,
    #[serde(rename = "l", default, skip_serializing_if = "is_false")]
    is_leased: bool,
    #[serde(rename = "w", default, skip_serializing_if = "is_false")]
    is_deferred: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    login: Option<LoginRecord>,
    #[serde(rename = "oidc", default, skip_serializing_if = "Option::is_none")]
    access: Option<OidcAccess>,
}

#[derive(Serialize, Deserialize)]
struct LoginRecord {
    #[serde(default, skip_serializing_if = "is_zero")]
    max_ttl: u64,
    #[serde(default, skip_serializing_if = "is_zero")]
    ttl: u64,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    internal: BTreeMap<String, String>,
    #[serde(rename = "groups", default, skip_serializing_if = "Vec::is_empty")]
    group_aliases: Vec<String>,
}

/// Of a token's record, when it ends.
#[derive(Deserialize)]
pub(super) struct EndRecord {
    #[serde(rename = "end", default)]
    #[serde(with = "jiff::fmt::serde::timestamp::microsecond::optional")]
    pub(super) expires_at: Option<Timestamp>,
}

/// What an accessor leads to.
#[derive(Serialize, Deserialize)]
pub(super) struct AccessorRecord {
    /// The accessor itself, for listing.
    #[serde(rename = "a")]
    pub(super) accessor: String,
    /// Stored name of the token.
    #[serde(rename = "t")]
    pub(super) token: String,
}

fn is_zero<T: Default + PartialEq>(number: &T) -> bool {
    *number == T::default()
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields by reference")]
fn is_false(flag: &bool) -> bool {
    !flag
}

impl From<&TokenEntry> for TokenRecord {
    fn from(entry: &TokenEntry) -> Self {
        let entry = entry.clone();
        Self {
            accessor: entry.accessor,
            policies: entry.policies,
            path: entry.path,
            display_name: entry.display_name,
            metadata: entry.metadata,
            entity_id: entry.entity_id,
            cubbyhole_id: entry.cubbyhole_id,
            parent: entry.parent,
            num_uses: entry.num_uses,
            uses_at_first: entry.uses_at_first,
            created_at: entry.created_at,
            creation_ttl: entry.creation_ttl,
            granted_ttl: entry.granted_ttl,
            explicit_max_ttl: entry.explicit_max_ttl,
            period: entry.period,
            role: entry.role,
            bound_cidrs: entry.bound_cidrs,
            expires_at: entry.expires_at,
            renewed_at: entry.renewed_at,
            renewable: entry.renewable,
            is_leased: entry.is_leased,
            is_deferred: entry.is_deferred,
            login: entry.login.map(|LoginGrant { max_ttl, ttl, internal, group_aliases }| LoginRecord {
                max_ttl,
                ttl,
                internal,
                group_aliases,
            }),
            access: entry.access,
        }
    }
}

impl TokenRecord {
    /// The token that is stored under `id` in the namespace with the id `namespace`.
    pub(super) fn into_entry(self, id: &str, namespace: &str, kind: TokenKind) -> TokenEntry {
        TokenEntry {
            id: id.to_owned(),
            accessor: self.accessor,
            namespace: namespace.to_owned(),
            policies: self.policies,
            path: self.path,
            display_name: self.display_name,
            metadata: self.metadata,
            entity_id: self.entity_id,
            kind,
            cubbyhole_id: self.cubbyhole_id,
            parent: self.parent,
            num_uses: self.num_uses,
            uses_at_first: self.uses_at_first,
            created_at: self.created_at,
            creation_ttl: self.creation_ttl,
            granted_ttl: self.granted_ttl,
            explicit_max_ttl: self.explicit_max_ttl,
            period: self.period,
            role: self.role,
            bound_cidrs: self.bound_cidrs,
            expires_at: self.expires_at,
            renewed_at: self.renewed_at,
            renewable: self.renewable,
            is_leased: self.is_leased,
            is_deferred: self.is_deferred,
            login: self.login.map(|LoginRecord { max_ttl, ttl, internal, group_aliases }| LoginGrant {
                max_ttl,
                ttl,
                internal,
                group_aliases,
            }),
            access: self.access,
            ..TokenEntry::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::barrier::{pack, unpack};

    fn full() -> TokenEntry {
        let time = |microsecond| Timestamp::from_microsecond(microsecond).expect("a time");
        let texts = |name: &str| BTreeMap::from([(name.to_owned(), "value".to_owned())]);
        TokenEntry {
            id: "id".to_owned(),
            accessor: "accessor".to_owned(),
            namespace: "root".to_owned(),
            policies: vec!["default".to_owned(), "reader".to_owned()],
            path: "auth/approle/login".to_owned(),
            display_name: "approle".to_owned(),
            metadata: texts("role_name"),
            entity_id: "entity".to_owned(),
            kind: TokenKind::Service,
            cubbyhole_id: "cubbyhole".to_owned(),
            parent: "parent".to_owned(),
            num_uses: -1,
            uses_at_first: 3,
            created_at: time(1_800_000_000_000_001),
            creation_ttl: 60,
            explicit_max_ttl: 600,
            period: 30,
            role: "role".to_owned(),
            bound_cidrs: vec!["10.0.0.0/8".parse().expect("IPv4"), "fd00::/8".parse().expect("IPv6")],
            expires_at: Some(time(1_800_000_060_000_002)),
            granted_ttl: 61,
            renewed_at: Some(time(1_800_000_030_000_003)),
            renewable: true,
            is_leased: true,
            is_deferred: true,
            login: Some(LoginGrant {
                max_ttl: 600,
                ttl: 60,
                internal: texts("role_name"),
                group_aliases: vec!["group".to_owned()],
            }),
            ..TokenEntry::default()
        }
    }

    #[test]
    fn a_token_is_read_as_it_was_written() {
        for entry in [full(), TokenEntry { id: "id".to_owned(), ..TokenEntry::default() }] {
            let stored = pack("key", &TokenRecord::from(&entry)).expect("a record");
            let read: TokenRecord = unpack("key", &stored).expect("the same record");
            assert_eq!(read.into_entry("id", &entry.namespace, entry.kind), entry);
            let end: EndRecord = unpack("key", &stored).expect("a part of it");
            assert_eq!(end.expires_at, entry.expires_at);
        }
    }

    #[test]
    fn a_record_of_a_later_version_can_be_read() {
        #[derive(Serialize)]
        struct Later {
            #[serde(flatten)]
            record: TokenRecord,
            unheard_of: Vec<u64>,
        }
        let entry = full();
        let later = Later { record: TokenRecord::from(&entry), unheard_of: vec![1, 2] };
        let stored = pack("key", &later).expect("a record");
        let read: TokenRecord = unpack("key", &stored).expect("what is known of it");
        assert_eq!(read.into_entry("id", &entry.namespace, entry.kind), entry);
    }
}
