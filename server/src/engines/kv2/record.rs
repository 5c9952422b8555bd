//! What is stored of a secret.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::config::Config;
use crate::barrier::View;
use crate::core::context::Context;
use crate::core::error::Error;
use crate::core::go_text;

/// Versions that are kept if neither the mount nor the secret says a number.
const DEFAULT_MAX_VERSIONS: u32 = 10;

/// Everything about a secret but its content. Serialized, it is what the API answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct KeyMetadata {
    /// Writes must name the version that they replace.
    pub(super) cas_required: bool,
    pub(super) created_time: Timestamp,
    /// Counts changes of the metadata.
    pub(super) current_metadata_version: u64,
    /// 0 before the first write.
    pub(super) current_version: u64,
    /// Chosen by users; never `Some` of nothing.
    pub(super) custom_metadata: Option<BTreeMap<String, String>>,
    /// Lifetime of new versions; zero: the mount's.
    pub(super) delete_version_after: GoDuration,
    /// 0: the mount's.
    pub(super) max_versions: u32,
    /// Changes of the metadata must name its version.
    pub(super) metadata_cas_required: bool,
    /// The first version that is kept; 0 as long as none had to go.
    pub(super) oldest_version: u64,
    pub(super) updated_time: Timestamp,
    pub(super) versions: BTreeMap<u64, VersionMetadata>,
}

/// Everything about a version but its content.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct VersionMetadata {
    pub(super) created_time: Timestamp,
    /// From when on it is deleted, possibly in the future. Empty text is `None`.
    #[serde(with = "moment")]
    pub(super) deletion_time: Option<Timestamp>,
    /// Its content is gone for ever.
    pub(super) destroyed: bool,
}

/// As [`KeyMetadata`], for reading one version: what else there is stays text.
#[derive(Deserialize)]
pub(super) struct Outline<'a> {
    pub(super) current_version: u64,
    #[serde(borrow)]
    pub(super) custom_metadata: &'a RawValue,
    #[serde(borrow)]
    versions: BTreeMap<u64, &'a RawValue>,
}

/// A version as answers describe it.
#[derive(Serialize)]
pub(super) struct VersionAnswer<'a> {
    created_time: Timestamp,
    custom_metadata: &'a RawValue,
    #[serde(with = "moment")]
    deletion_time: Option<Timestamp>,
    destroyed: bool,
    version: u64,
}

/// Whole seconds, in text as Go has them: `1h0m0s`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub(super) struct GoDuration(pub(super) i64);

impl KeyMetadata {
    /// Of a secret that has no version yet.
    pub(super) fn new(now: Timestamp) -> Self {
        Self {
            cas_required: false,
            created_time: now,
            current_metadata_version: 0,
            current_version: 0,
            custom_metadata: None,
            delete_version_after: GoDuration::default(),
            max_versions: 0,
            metadata_cas_required: false,
            oldest_version: 0,
            updated_time: now,
            versions: BTreeMap::new(),
        }
    }

    /// The metadata of the secret at `path`.
    pub(super) async fn load(cx: &Context<'_>, path: &str) -> Result<Option<Self>, Error> {
        Ok(cx.view().get_json(&metadata_key(path)).await?)
    }

    /// Writes it for the secret at `path`.
    pub(super) fn store(&self, cx: &Context<'_>, path: &str) -> Result<(), Error> {
        Ok(cx.view().put_json(&metadata_key(path), self)?)
    }

    /// Adds a version. Answers the versions that are too many now.
    pub(super) fn add_version(&mut self, now: Timestamp, config: &Config) -> Vec<u64> {
        let deletion_time = self.end_of_version(now, config);
        self.current_version += 1;
        self.versions.insert(
            self.current_version,
            VersionMetadata { created_time: now, deletion_time, destroyed: false },
        );
        self.updated_time = now;
        self.drop_oldest(config.max_versions)
    }

    /// When a version ends that lives from `now` on; `None`: never.
    pub(super) fn end_of_version(&self, now: Timestamp, config: &Config) -> Option<Timestamp> {
        let lifetime = config.version_lifetime(self.delete_version_after.0);
        lifetime.and_then(|lifetime| now.checked_add(lifetime).ok())
    }

    fn drop_oldest(&mut self, max_versions_of_mount: u32) -> Vec<u64> {
        let max_versions = match (self.max_versions, max_versions_of_mount) {
            (0, 0) => DEFAULT_MAX_VERSIONS,
            (0, of_mount) => of_mount,
            (own, _) => own,
        };
        if self.current_version - self.oldest_version < u64::from(max_versions) {
            return Vec::new();
        }
        self.oldest_version = self.current_version - u64::from(max_versions) + 1;
        let kept = self.versions.split_off(&self.oldest_version);
        std::mem::replace(&mut self.versions, kept).into_keys().collect()
    }

    /// `custom_metadata` as text.
    pub(super) fn custom_metadata_text(&self) -> Result<Box<RawValue>, Error> {
        Ok(serde_json::value::to_raw_value(&self.custom_metadata)?)
    }
}

impl VersionMetadata {
    /// Whether its content is not shown at `now`.
    pub(super) fn is_gone(&self, now: Timestamp) -> bool {
        self.destroyed || self.is_deleted(now)
    }

    /// Whether it is deleted at `now`.
    pub(super) fn is_deleted(&self, now: Timestamp) -> bool {
        self.deletion_time.is_some_and(|time| time <= now)
    }

    /// As answers describe version `number`.
    pub(super) fn answer<'a>(&self, number: u64, custom_metadata: &'a RawValue) -> VersionAnswer<'a> {
        VersionAnswer {
            created_time: self.created_time,
            custom_metadata,
            deletion_time: self.deletion_time,
            destroyed: self.destroyed,
            version: number,
        }
    }
}

impl<'a> Outline<'a> {
    /// The outline of stored metadata.
    pub(super) fn parse(metadata: &'a Bytes) -> Result<Self, Error> {
        Ok(serde_json::from_slice(metadata)?)
    }

    /// Version `number`, if it is kept.
    pub(super) fn version(&self, number: u64) -> Result<Option<VersionMetadata>, Error> {
        let version = self.versions.get(&number).map(|raw| serde_json::from_str(raw.get()));
        Ok(version.transpose()?)
    }
}

/// Where the metadata of the secret at `path` is.
pub(super) fn metadata_key(path: &str) -> String {
    format!("metadata/{path}")
}

/// Where the content of a version is. Its last segment is the version, so that no two secrets share one.
pub(super) fn data_key(path: &str, version: u64) -> String {
    format!("data/{path}/{version}")
}

/// Removes the content of `versions`.
pub(super) fn remove_data(view: &View<'_>, path: &str, versions: impl IntoIterator<Item = u64>) {
    for version in versions {
        view.delete(&data_key(path, version));
    }
}

impl From<GoDuration> for String {
    fn from(GoDuration(seconds): GoDuration) -> Self {
        let sign = if seconds < 0 { "-" } else { "" };
        format!("{sign}{}", go_text::duration(seconds.unsigned_abs()))
    }
}

impl TryFrom<String> for GoDuration {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        schemas::duration::seconds(&text).map(Self)
    }
}

impl Config {
    /// How long a new version lives if its secret says `of_secret` seconds (0: nothing). `None`: for ever.
    fn version_lifetime(&self, of_secret: i64) -> Option<Duration> {
        let of_mount = self.delete_version_after.0;
        let seconds = match (of_mount, of_secret) {
            (..0, _) | (0, 0) => return None,
            (0, seconds) | (seconds, 0) => seconds,
            (of_mount, of_secret) => of_mount.min(of_secret),
        };
        u64::try_from(seconds).ok().map(Duration::from_secs)
    }
}

/// A time that may be none, which is empty text.
mod moment {
    use jiff::Timestamp;
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer, de};

    #[expect(clippy::ref_option, reason = "serde calls it so")]
    pub(super) fn serialize<S: Serializer>(time: &Option<Timestamp>, to: S) -> Result<S::Ok, S::Error> {
        match time {
            Some(time) => time.serialize(to),
            None => to.serialize_str(""),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Timestamp>, D::Error> {
        match <&str>::deserialize(from)? {
            "" => Ok(None),
            text => text.parse().map(Some).map_err(de::Error::custom),
        }
    }
}
