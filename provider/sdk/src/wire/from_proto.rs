//! What arrives, in our types.

use super::tfplugin6 as proto;
use crate::{ClientCapabilities, CodecError, RawState, Type, Value, json, msgpack};

/// Reads a value; an absent one is null.
pub(super) fn value(dynamic: Option<&proto::DynamicValue>, ty: &Type) -> Result<Value, CodecError> {
    match dynamic {
        Some(dynamic) if !dynamic.msgpack.is_empty() => msgpack::decode(&dynamic.msgpack, ty),
        Some(dynamic) if !dynamic.json.is_empty() => Ok(json::decode(&dynamic.json, ty)?.value),
        _ => Ok(Value::Null),
    }
}

pub(super) fn raw_state(raw: Option<proto::RawState>) -> RawState {
    match raw {
        Some(raw) if !raw.json.is_empty() || raw.flatmap.is_empty() => RawState::Json(raw.json),
        Some(raw) => RawState::Flatmap(raw.flatmap),
        None => RawState::Json(Vec::new()),
    }
}

pub(super) fn capabilities(capabilities: Option<proto::ClientCapabilities>) -> ClientCapabilities {
    let Some(proto::ClientCapabilities { deferral_allowed, write_only_attributes_allowed }) = capabilities
    else {
        return ClientCapabilities::default();
    };
    ClientCapabilities { deferral_allowed, write_only_attributes_allowed }
}
