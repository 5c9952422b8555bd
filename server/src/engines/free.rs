//! Routes that read their parameters themselves, because values must stay as they were written.

use crate::core::context::Context;
use crate::core::input::Input;
use crate::core::response::Response;

/// `response` with the API's warnings for parameters that a route with the field `path` and `known` ones does
/// not take.
pub(super) fn with_field_warnings(cx: &Context<'_>, known: &[&str], mut response: Response) -> Response {
    if cx.parameters().is_empty() {
        return response;
    }
    let mut input = Input::default();
    for name in cx.parameters().keys() {
        match name.as_str() {
            "path" => input.replaced.push(name.clone()),
            name if known.contains(&name) => {}
            _ => input.ignored.push(name.clone()),
        }
    }
    response.warnings.extend(input.warnings());
    response
}
