//! Which host a request is for: HTTP/1.1 asks for one header that says so, and proxies tell by it where a request ends.

use http::{HeaderMap, Version, header};

/// Refuses a request whose header `Host` is missing, doubled or none.
///
/// # Errors
/// The text of the answer.
pub(super) fn check(version: Version, headers: &HeaderMap) -> Result<(), &'static str> {
    let mut hosts = headers.get_all(header::HOST).iter();
    match (hosts.next(), hosts.next()) {
        (None, _) if version == Version::HTTP_11 => Err("400 Bad Request: missing required Host header"),
        (None, _) => Ok(()),
        (Some(_), Some(_)) => Err("400 Bad Request"),
        (Some(host), None) if host.as_bytes().iter().all(is_of_host) => Ok(()),
        (Some(_), None) => Err("400 Bad Request: malformed Host header"),
    }
}

/// What stands in names, addresses and ports.
fn is_of_host(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!$%&()*+,-.:;='[]_~".contains(byte)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[track_caller]
    fn refuses(version: Version, hosts: &[&'static str], expected: bool) {
        let named = |host: &&'static str| (header::HOST, HeaderValue::from_static(host));
        let mut headers = HeaderMap::new();
        headers.extend(hosts.iter().map(named));
        assert_eq!(check(version, &headers).is_err(), expected, "{version:?} {hosts:?}");
    }

    #[test]
    fn a_request_has_one_host() {
        for host in ["", "bao.example:8200", "[::1]:8200", "a:b:c"] {
            refuses(Version::HTTP_11, &[host], false);
        }
        for hosts in [&[][..], &["a", "b"], &["a b"], &["a/b"], &["a@b"]] {
            refuses(Version::HTTP_11, hosts, true);
        }
        refuses(Version::HTTP_10, &[], false);
        refuses(Version::HTTP_2, &[], false);
    }
}
