//! Records of which there are very many: MessagePack, a map by the names of fields.
//!
//! It says as much of itself as JSON does, so that later versions may add fields and leave some out, in less space.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::BarrierError;

/// `record` as it is stored under `key`.
///
/// # Errors
/// [`BarrierError::Malformed`] if it has no such form.
pub(crate) fn pack<T: Serialize + ?Sized>(key: &str, record: &T) -> Result<Vec<u8>, BarrierError> {
    rmp_serde::to_vec_named(record).map_err(|_| malformed(key, "it cannot be packed"))
}

/// The record that is stored under `key` as `value`.
///
/// # Errors
/// [`BarrierError::Malformed`] if it is no such record. What the decoder says is left out: it may quote the content.
pub(crate) fn unpack<T: DeserializeOwned>(key: &str, value: &[u8]) -> Result<T, BarrierError> {
    rmp_serde::from_slice(value).map_err(|_| malformed(key, "it is not the packed record that belongs there"))
}

fn malformed(key: &str, cause: &str) -> BarrierError {
    BarrierError::Malformed { key: key.to_owned(), cause: cause.to_owned() }
}
