//! Tokens are looked up and revoked by their accessor, so that whoever manages one need not hold it.

use crate::{Answer, Record, Request};

/// Looks at the token. It goes by POST, and changes nothing.
pub(crate) fn look_up(accessor: &str) -> Request {
    Request::post("auth/token/lookup-accessor", Record::new().with("accessor", accessor)).that_reads()
}

/// Ends the token and its children.
pub(crate) fn revoke(accessor: &str) -> Request {
    Request::post("auth/token/revoke-accessor", Record::new().with("accessor", accessor))
}

/// True if the answer to a lookup says that there is no such token (any more).
pub(crate) fn says_no_token(answer: &Answer) -> bool {
    let unknown = |error: &str| error.contains("invalid accessor") || error.contains("bad token");
    answer.status == 404 || (matches!(answer.status, 400 | 403) && answer.errors().into_iter().any(unknown))
}
