//! Deletes secret ids whose time is over.

use http::StatusCode;

use super::AppRole;
use super::secret_id::{Found, SecretId, remove};
use crate::core::context::Context;
use crate::core::error::Error;
use crate::core::response::Response;

/// All at once, in the transaction of the request: it is done when the answer is there.
pub(super) async fn tidy(engine: &AppRole, cx: &Context<'_>) -> Result<Response, Error> {
    for key in cx.view().scan_keys("secret_id/").await? {
        let secret_id: Option<SecretId> = cx.view().get_json(&key).await?;
        if let Some(secret_id) = secret_id.filter(|secret_id| secret_id.is_expired(cx.now())) {
            remove(engine, cx, &Found { key, secret_id }).await?;
        }
    }
    let response = Response::empty().with_status(StatusCode::ACCEPTED);
    Ok(response.with_warning(
        "Tidy operation successfully started. Any information from the operation will be printed to OpenBao's \
         server logs.",
    ))
}
