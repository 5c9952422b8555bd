//! Routes that read their parameters themselves, because values must stay as they were written.

use serde::Serialize;
use serde_json::json;

use crate::core::context::Context;
use crate::core::error::Error;
use crate::core::input::Input;
use crate::core::response::Response;

/// `response` with the API's warnings for parameters that a route with the field `path` and `known` ones does
/// not take.
pub(super) fn with_field_warnings(cx: &Context<'_>, known: &[&str], mut response: Response) -> Response {
    if cx.parameters().is_empty() {
        return response;
    }
    let mut input = Input::default();
    for (name, value) in cx.parameters() {
        match name.as_str() {
            // Null is no value that could be replaced.
            "path" if value.get() == "null" => {}
            "path" => input.replaced.push(name.clone()),
            name if known.contains(&name) => {}
            _ => input.ignored.push(name.clone()),
        }
    }
    response.warnings.extend(input.warnings());
    response
}

/// A list of `names` with the warnings of [`with_field_warnings`]. An empty one is an answer if there are any.
pub(super) fn listed<T: Serialize>(cx: &Context<'_>, known: &[&str], names: &[T]) -> Result<Response, Error> {
    if !names.is_empty() {
        return Ok(with_field_warnings(cx, known, Response::keys(names)?));
    }
    let response = with_field_warnings(cx, known, Response::data(&json!({}))?);
    if response.warnings.is_empty() { Err(Error::not_found()) } else { Ok(response) }
}
