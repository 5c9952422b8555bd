//! Bodies of answers.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::value::RawValue;

use super::error::Error;
use super::response::{AuthBlock, LeaseBlock, Response, Spread};
use super::token::TokenEntry;
use super::wrap::WrapInfo;

/// What the core adds to a [`Response`].
#[derive(Debug, Default)]
pub(crate) struct Extra {
    pub(crate) auth: Option<AuthBlock>,
    pub(crate) lease: LeaseBlock,
    /// Name of the token of a login.
    pub(crate) display_name: Option<String>,
    /// The token of a login that came with another request; never answered.
    pub(crate) proof: Option<Box<TokenEntry>>,
    /// Answered in place of everything else.
    pub(crate) wrap_info: Option<WrapInfo>,
}

impl Extra {
    /// Whether there is nothing to add.
    pub(crate) fn is_empty(&self) -> bool {
        self.auth.is_none() && self.lease.id.is_empty()
    }
}

/// The usual body, its keys in the order that the API has.
#[derive(Serialize)]
struct Body<'a> {
    request_id: &'a str,
    lease_id: &'a str,
    renewable: bool,
    lease_duration: u64,
    data: Option<&'a RawValue>,
    wrap_info: Option<&'a WrapInfo>,
    warnings: Option<&'a [String]>,
    auth: Option<&'a AuthBlock>,
}

/// The JSON of `response`, with a line break at its end. `spread`: that of the response, or none where it is not
/// answered at its own path.
pub(crate) fn body(
    request_id: &str,
    response: &Response,
    extra: &Extra,
    spread: Spread,
) -> Result<Vec<u8>, Error> {
    let usual = Body {
        request_id,
        lease_id: &extra.lease.id,
        renewable: extra.lease.renewable,
        lease_duration: extra.lease.duration.max(response.lease_duration),
        data: response.data.as_deref(),
        wrap_info: None,
        warnings: Some(response.warnings.as_slice())
            .filter(|warnings| response.lists_warnings || !warnings.is_empty()),
        auth: extra.auth.as_ref(),
    };
    let times = if spread == Spread::No { 1 } else { 2 };
    let length = response.data.as_ref().map_or(0, |data| data.get().len());
    let mut bytes = Vec::with_capacity(times * length + 256);
    match (&response.data, spread) {
        (Some(data), Spread::Merged) => write_spread(&mut bytes, data, &usual)?,
        (Some(data), Spread::Apart) => write_apart(&mut bytes, data, &usual)?,
        _ => serde_json::to_writer(&mut bytes, &usual)?,
    }
    bytes.push(b'\n');
    Ok(bytes)
}

/// The body of an answer that was wrapped.
pub(crate) fn wrapped_body(wrap_info: &WrapInfo, warnings: &[String]) -> Result<Vec<u8>, Error> {
    let body = Body {
        request_id: "",
        lease_id: "",
        renewable: false,
        lease_duration: 0,
        data: None,
        wrap_info: Some(wrap_info),
        warnings: Some(warnings).filter(|warnings| !warnings.is_empty()),
        auth: None,
    };
    let mut bytes = serde_json::to_vec(&body)?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// The text of `data`, and then the usual keys; neither is read again.
fn write_apart(bytes: &mut Vec<u8>, data: &RawValue, usual: &Body<'_>) -> Result<(), Error> {
    let text = data.get().strip_suffix('}').ok_or_else(|| Error::internal("data is no object"))?;
    bytes.extend_from_slice(text.as_bytes());
    let place = bytes.len();
    serde_json::to_writer(&mut *bytes, usual)?;
    // The bracket that opens the usual body goes on with this one.
    if text.len() > 1 {
        bytes[place] = b',';
    } else {
        bytes.remove(place);
    }
    Ok(())
}

fn write_spread(bytes: &mut Vec<u8>, data: &RawValue, usual: &Body<'_>) -> Result<(), Error> {
    #[derive(Serialize)]
    struct Spread<'a> {
        #[serde(flatten)]
        data: BTreeMap<String, &'a RawValue>,
        #[serde(flatten)]
        usual: &'a Body<'a>,
    }
    let mut data: BTreeMap<String, &RawValue> = serde_json::from_str(data.get())?;
    // A name of the usual body, such as `data`, wins.
    for name in
        ["request_id", "lease_id", "renewable", "lease_duration", "data", "wrap_info", "warnings", "auth"]
    {
        data.remove(name);
    }
    Ok(serde_json::to_writer(bytes, &Spread { data, usual })?)
}

/// The JSON of `error`, with a line break at its end.
pub(crate) fn error_body(error: &Error, is_authenticated: bool) -> Vec<u8> {
    #[derive(Serialize)]
    struct ErrorBody<'a> {
        errors: Vec<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        data: Option<&'a RawValue>,
    }
    let body = ErrorBody { errors: error.messages(is_authenticated), data: error.data() };
    let mut bytes = serde_json::to_vec(&body).unwrap_or_else(|_| br#"{"errors":[]}"#.to_vec());
    bytes.push(b'\n');
    bytes
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn data_that_is_spread_is_written_alike_either_way() {
        for data in [json!({}), json!({"a/": {"n": 1}}), json!({"a/": {}, "b/": {"data": "}"}})] {
            let response = || Response::data(&data).expect("JSON");
            let written = |response: Response| {
                let body = body("id", &response, &Extra::default(), response.spread).expect("JSON");
                String::from_utf8(body).expect("text")
            };
            assert_eq!(written(response().spread_folders()), written(response().spread()));
        }
    }
}
