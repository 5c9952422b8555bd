//! How a body is sent. Who reads a coding otherwise than the proxy before it takes a part of one request for another.

use http::{HeaderMap, header};

/// Refuses a request whose body has another coding than `chunked`, or more than one.
///
/// # Errors
/// The text of the answer.
pub(super) fn check(headers: &HeaderMap) -> Result<(), &'static str> {
    let mut codings = headers.get_all(header::TRANSFER_ENCODING).iter();
    match (codings.next(), codings.next()) {
        (None, _) => Ok(()),
        (Some(coding), None) if coding.as_bytes().trim_ascii().eq_ignore_ascii_case(b"chunked") => Ok(()),
        _ => Err("Not Implemented: Unsupported transfer encoding"),
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[track_caller]
    fn refuses(codings: &[&'static str], expected: bool) {
        let named = |coding: &&'static str| (header::TRANSFER_ENCODING, HeaderValue::from_static(coding));
        let headers: HeaderMap = codings.iter().map(named).collect();
        assert_eq!(check(&headers).is_err(), expected, "{codings:?}");
    }

    #[test]
    fn a_body_has_one_coding() {
        for codings in [&[][..], &["chunked"], &["Chunked"], &["chunked "]] {
            refuses(codings, false);
        }
        for codings in
            [&["gzip, chunked"][..], &["chunked, chunked"], &["identity", "chunked"], &[",chunked"]]
        {
            refuses(codings, true);
        }
        refuses(&["identity"], true);
    }
}
