//! Addresses as far as OIDC has to understand them. Nothing is made canonical: what is compared is what was written.

/// An address in its parts.
#[derive(Debug, PartialEq, Eq)]
struct Address<'a> {
    scheme: &'a str,
    /// Before `@`.
    user: Option<&'a str>,
    host: &'a str,
    port: Option<&'a str>,
    /// Path, query and fragment.
    rest: &'a str,
}

impl<'a> Address<'a> {
    /// Takes `text` apart; `None` if it is no address with a host.
    fn parse(text: &'a str) -> Option<Self> {
        let is_plain = |character: char| !character.is_whitespace() && !character.is_control();
        let (scheme, rest) = text.split_once("://").filter(|_| text.chars().all(is_plain))?;
        let end = rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len());
        let (authority, rest) = rest.split_at(end);
        let (user, authority) = match authority.rsplit_once('@') {
            Some((user, authority)) => (Some(user), authority),
            None => (None, authority),
        };
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
            _ => (authority, None),
        };
        let is_port = |port: &str| port.chars().all(|digit| digit.is_ascii_digit());
        let is_host =
            host.starts_with('[') == host.ends_with(']') && (host.starts_with('[') || !host.contains(':'));
        (is_host && !host.is_empty() && port.is_none_or(is_port)).then_some(Self {
            scheme,
            user,
            host,
            port,
            rest,
        })
    }

    fn is_loopback(&self) -> bool {
        matches!(self.host, "localhost" | "127.0.0.1" | "[::1]")
    }
}

/// Whether `text` is an issuer's: scheme, host and port, and nothing else.
pub(super) fn is_origin(text: &str) -> bool {
    Address::parse(text).is_some_and(|address| {
        let is_web = ["http", "https"].iter().any(|scheme| address.scheme.eq_ignore_ascii_case(scheme));
        is_web && address.user.is_none() && address.rest.is_empty()
    })
}

/// Whether a client with the redirect URIs `allowed` may be answered at `uri`: to the letter, but for the port of a
/// loopback address, which programs pick when they start (RFC 8252, 7.3).
pub(super) fn is_allowed(uri: &str, allowed: &[String]) -> bool {
    if allowed.iter().any(|allowed| allowed == uri) {
        return true;
    }
    let Some(address) = Address::parse(uri).filter(Address::is_loopback) else { return false };
    let is_same = |other: Address<'_>| Address { port: None, ..other } == Address { port: None, ..address };
    allowed.iter().filter_map(|allowed| Address::parse(allowed)).any(is_same)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(allowed: &str, uri: &str, expected: bool) {
        assert_eq!(is_allowed(uri, &[allowed.to_owned()]), expected, "{uri} where {allowed} is allowed");
    }

    #[test]
    fn a_redirect_uri_is_the_same_to_the_letter() {
        let allowed = "https://app.example/cb";
        check(allowed, allowed, true);
        for uri in [
            "https://app.example/cb/",
            "https://app.example/cb?x=1",
            "https://app.example/cb#x",
            "https://app.example/cb/../x",
            "https://APP.example/cb",
            "http://app.example/cb",
            "https://app.example:443/cb",
            "https://app.example.evil/cb",
            "https://app.example@evil.example/cb",
            "https://evil.example/https://app.example/cb",
            " https://app.example/cb",
            "",
        ] {
            check(allowed, uri, false);
        }
    }

    #[test]
    fn the_port_of_a_loopback_address_does_not_count_and_everything_else_does() {
        for (allowed, uri, expected) in [
            ("http://127.0.0.1:9000/cb", "http://127.0.0.1:1/cb", true),
            ("http://127.0.0.1/cb", "http://127.0.0.1:1/cb", true),
            ("http://[::1]/cb", "http://[::1]:80/cb", true),
            ("http://localhost/cb", "http://localhost:80/cb", true),
            ("http://127.0.0.1:9000/cb", "http://localhost:9000/cb", false),
            ("http://127.0.0.1:9000/cb", "https://127.0.0.1:9000/cb", false),
            ("http://127.0.0.1:9000/cb", "http://127.0.0.1:9000/cb?x", false),
            ("http://127.0.0.1:9000/cb", "http://user@127.0.0.1:9000/cb", false),
            ("http://127.0.0.1:9000/cb", "http://127.0.0.1:9000@evil.example/cb", false),
            ("http://127.0.0.1:9000/cb", "http://evil.example\\@127.0.0.1/cb", false),
            ("http://127.0.0.1:9000/cb", "http://127.0.0.1:x/cb", false),
            ("http://app.example:9000/cb", "http://app.example:1/cb", false),
        ] {
            check(allowed, uri, expected);
        }
    }

    #[test]
    fn an_issuer_is_scheme_host_and_port() {
        for issuer in ["https://example.com", "http://127.0.0.1:8200", "https://[::1]:8200", "HTTPS://x"] {
            assert!(is_origin(issuer), "{issuer}");
        }
        for issuer in [
            "",
            "example.com:8200",
            "ftp://x",
            "https://",
            "https://x/",
            "https://x?q",
            "https://x#f",
            "https://u@x",
            "http://x:1a",
            "https://::1",
            "https://x y",
        ] {
            assert!(!is_origin(issuer), "{issuer}");
        }
    }
}
