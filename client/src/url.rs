//! Addresses and paths to URLs.

use std::fmt::Write as _;

use reqwest::Url;
use schemas::Request;

use crate::Error;

/// The URL of `request` at the server's `address`.
///
/// # Errors
/// When the address is no use, and when the server would take the path for another one.
pub(crate) fn of(address: &str, request: &Request) -> Result<Url, Error> {
    let base = if is_socket(address) { "http://localhost" } else { address.trim().trim_end_matches('/') };
    let invalid = |_| Error::Settings(format!("the address `{}` is no URL", shown(address)));
    let mut url = Url::parse(base).map_err(invalid)?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(Error::Settings(format!(
            "the address `{}` must start with http://, https:// or unix://",
            shown(address)
        )));
    }
    if let Some(what) = schemas::odd_part(&request.path) {
        return Err(Error::Said(Box::new(schemas::ambiguous(&request.path, &what))));
    }
    let prefix = url.path().trim_end_matches('/').to_owned();
    url.set_path(&format!("{prefix}/v1/{}", encoded(&request.path)));
    if !request.query.is_empty() {
        url.query_pairs_mut().extend_pairs(&request.query);
    }
    Ok(url)
}

/// True for `unix:///path`.
pub(crate) fn is_socket(address: &str) -> bool {
    address.starts_with("unix://")
}

/// The address without the password that it may hold. What is no URL may have one anywhere before an `@`.
pub(crate) fn shown(address: &str) -> String {
    let without_user = |text: &str| text.rsplit('@').next().unwrap_or_default().to_owned();
    let Some((scheme, rest)) = address.split_once("://") else { return without_user(address) };
    if Url::parse(address).is_err() {
        return format!("{scheme}://{}", without_user(rest));
    }
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    match rest[..end].rfind('@') {
        Some(at) => format!("{scheme}://{}", &rest[at + 1..]),
        None => address.to_owned(),
    }
}

/// True if the host is this machine. Such addresses go through no proxy of the environment, as in Go.
pub(crate) fn is_loopback(address: &str) -> bool {
    let Ok(url) = Url::parse(address) else { return false };
    let Some(host) = url.host_str() else { return false };
    let is_local = |ip: std::net::IpAddr| ip.is_loopback();
    host == "localhost" || host.trim_matches(['[', ']']).parse().is_ok_and(is_local)
}

/// `path` with everything but unreserved characters, its slashes and a few harmless ones percent-encoded.
fn encoded(path: &str) -> String {
    path.bytes().fold(String::with_capacity(path.len()), |mut text, byte| {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => text.push(byte.into()),
            b'/' | b'-' | b'.' | b'_' | b'~' | b'!' | b'$' | b'\'' | b'(' | b')' | b'*' | b',' | b':'
            | b'@' => {
                text.push(byte.into());
            }
            _ => {
                let _ = write!(text, "%{byte:02X}");
            }
        }
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(address: &str, path: &str, expected: &str) {
        let url = of(address, &Request::get(path)).map(String::from);
        assert_eq!(url.map_err(|error| error.to_diagnostic().summary), Ok(expected.to_owned()));
    }

    #[track_caller]
    fn refuses(address: &str, path: &str, expected: &str) {
        let error = of(address, &Request::get(path)).unwrap_err();
        assert_eq!(error.to_diagnostic().summary, expected);
    }

    #[test]
    fn addresses_may_have_a_prefix_or_a_slash_at_the_end() {
        check("http://h:8200", "sys/mounts", "http://h:8200/v1/sys/mounts");
        check("http://h:8200/", "sys/mounts", "http://h:8200/v1/sys/mounts");
        check("https://h/team/vault//", "sys/mounts", "https://h/team/vault/v1/sys/mounts");
        check("unix:///run/bao.sock", "sys/mounts", "http://localhost/v1/sys/mounts");
    }

    #[test]
    fn every_character_of_a_name_arrives() {
        check("http://h", "kv/sp ace", "http://h/v1/kv/sp%20ace");
        check("http://h", "kv/umläut", "http://h/v1/kv/uml%C3%A4ut");
        check("http://h", "kv/100%/%2e%2e", "http://h/v1/kv/100%25/%252e%252e");
        check("http://h", "kv/a?b#c", "http://h/v1/kv/a%3Fb%23c");
        check("http://h", "kv/tab\tline\nback\\slash", "http://h/v1/kv/tab%09line%0Aback%5Cslash");
        check("http://h", "kv/plus+semi;", "http://h/v1/kv/plus%2Bsemi%3B");
        check("http://h", "kv/metadata/", "http://h/v1/kv/metadata/");
        check("http://h", "kv/...", "http://h/v1/kv/...");
    }

    #[test]
    fn a_path_that_servers_would_clean_is_refused() {
        refuses("http://h", "kv/a//b", "the path `kv/a//b` has an empty part");
        refuses("http://h", "/kv/a", "the path `/kv/a` has an empty part");
        refuses("http://h", "kv/a//", "the path `kv/a//` has an empty part");
        refuses("http://h", "kv/../sys", "the path `kv/../sys` has the part `..`");
        refuses("http://h", "kv/.", "the path `kv/.` has the part `.`");
        refuses("http://h", "", "the path `` has an empty part");
    }

    #[test]
    fn an_address_that_is_no_use_is_shown_without_its_password() {
        refuses(
            "ftp://me:hunter2@h/x",
            "sys/mounts",
            "the address `ftp://h/x` must start with http://, https:// or unix://",
        );
        refuses("127.0.0.1:8200", "sys/mounts", "the address `127.0.0.1:8200` is no URL");
        refuses(
            "me:hunter2@h:8200",
            "sys/mounts",
            "the address `h:8200` must start with http://, https:// or unix://",
        );
        refuses("http://me:hunt/er2@h", "sys/mounts", "the address `http://h` is no URL");
        assert_eq!(shown("https://me:p@ss@h:1/a@b"), "https://h:1/a@b");
        assert_eq!(shown("me:p@ss@proxy:3128"), "proxy:3128");
        assert_eq!(shown("unix:///run/a@b.sock"), "unix:///run/a@b.sock");
    }

    #[test]
    fn this_machine_has_several_names() {
        for address in ["http://127.0.0.1:1", "http://127.9.9.9", "http://[::1]:1", "https://localhost"] {
            assert!(is_loopback(address), "{address}");
        }
        assert!(!is_loopback("https://vault.example.com"));
        assert!(!is_loopback("http://10.0.0.1"));
    }
}
