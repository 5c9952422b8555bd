//! What holds for all secrets of a mount.

use serde::{Deserialize, Serialize};

use super::Kv2;
use super::given::Given;
use super::record::GoDuration;
use crate::core::context::Context;
use crate::core::error::Error;
use crate::core::response::Response;
use crate::engines::free::with_field_warnings;

/// Where it is stored.
const KEY: &str = "config";

/// The configuration of a mount.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Config {
    /// Writes must name the version that they replace.
    pub(super) cas_required: bool,
    /// Longest lifetime of new versions; zero: no limit. Negative: they live for ever, whatever a secret says.
    pub(super) delete_version_after: GoDuration,
    /// Versions to keep of each secret; 0 for 10.
    pub(super) max_versions: u32,
    /// Changes of metadata must name its version.
    pub(super) metadata_cas_required: bool,
}

impl Config {
    /// The configuration of the mount of `cx`.
    pub(super) async fn load(cx: &Context<'_>) -> Result<Self, Error> {
        Ok(cx.view().get_json(KEY).await?.unwrap_or_default())
    }
}

pub(super) async fn read(_: &Kv2, cx: &Context<'_>) -> Result<Response, Error> {
    Ok(with_field_warnings(cx, &[], Response::data(&Config::load(cx).await?)?))
}

pub(super) async fn write(_: &Kv2, cx: &Context<'_>) -> Result<Response, Error> {
    let given = Given::of(cx);
    let stored = Config::load(cx).await?;
    let config = Config {
        cas_required: given.boolean("cas_required")?.unwrap_or(stored.cas_required),
        // Any negative time means the same.
        delete_version_after: given
            .signed_seconds("delete_version_after")?
            .map_or(stored.delete_version_after, |seconds| GoDuration(seconds.max(-1))),
        max_versions: given.integer("max_versions")?.map_or(stored.max_versions, unsigned),
        metadata_cas_required: given
            .boolean("metadata_cas_required")?
            .unwrap_or(stored.metadata_cas_required),
    };
    if config != stored {
        cx.view().put_json(KEY, &config)?;
    }
    Ok(Response::empty())
}

/// A number of versions. As at the incumbent, a negative one is so large that it means all of them.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "what clients see at the incumbent"
)]
pub(super) fn unsigned(number: i64) -> u32 {
    number as u32
}
