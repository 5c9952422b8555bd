//! Whether a text is the address of a service, as the peer reads addresses.

use crate::core::go_text::quoted;

/// Letters of a host beside those of words, and beside what is not ASCII.
const OF_HOSTS: &str = "-_.~!$&'()*+,;=:[]<>\"";
/// The same of a user's name and password.
const OF_USERS: &str = "-._:~!$&'()*+,;=%@";

/// Checks `https://` and `rest`.
///
/// # Errors
/// What is wrong with it.
pub(super) fn check(rest: &str) -> Result<(), String> {
    let problem = |problem: String| format!("parse {}: {problem}", quoted(&format!("https://{rest}")));
    parse(rest).map_err(problem)
}

fn parse(rest: &str) -> Result<(), String> {
    if rest.chars().any(|letter| letter.is_ascii_control()) {
        return Err("net/url: invalid control character in URL".to_owned());
    }
    let (rest, fragment) = rest.split_once('#').unwrap_or((rest, ""));
    let (rest, _query) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, path) = rest.find('/').map_or((rest, ""), |place| rest.split_at(place));
    let (user, host) = authority.rsplit_once('@').unwrap_or(("", authority));
    if !user.chars().all(|letter| letter.is_ascii_alphanumeric() || OF_USERS.contains(letter)) {
        return Err("net/url: invalid userinfo".to_owned());
    }
    check_host(host)?;
    [user, path, fragment].into_iter().try_for_each(check_escapes)
}

/// A name or an address, and a port.
fn check_host(host: &str) -> Result<(), String> {
    let port = match host.rfind(']') {
        _ if !host.contains('[') => host.rfind(':').map_or("", |place| &host[place..]),
        _ if !host.starts_with('[') => return Err("invalid IP-literal".to_owned()),
        None => return Err("missing ']' in host".to_owned()),
        Some(end) => &host[end + 1..],
    };
    let is_port =
        port.is_empty() || port.strip_prefix(':').is_some_and(|it| it.bytes().all(|it| it.is_ascii_digit()));
    if !is_port {
        return Err(format!("invalid port {} after host", quoted(port)));
    }
    for (place, letter) in host.char_indices() {
        if letter == '%' && !host[place..].starts_with("%25") {
            return Err(bad_escape(&host[place..]));
        }
        if letter.is_ascii() && !letter.is_ascii_alphanumeric() && letter != '%' && !OF_HOSTS.contains(letter)
        {
            return Err(format!("invalid character {} in host name", quoted(&letter.to_string())));
        }
    }
    Ok(())
}

fn check_escapes(text: &str) -> Result<(), String> {
    for (place, _) in text.match_indices('%') {
        let digits = text.as_bytes().get(place + 1..place + 3);
        if !digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit)) {
            return Err(bad_escape(&text[place..]));
        }
    }
    Ok(())
}

fn bad_escape(text: &str) -> String {
    format!("invalid URL escape {}", quoted(&text.chars().take(3).collect::<String>()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_with(rest: &str, problem: &str) {
        let expected = Err(format!("parse {}: {problem}", quoted(&format!("https://{rest}"))));
        assert_eq!(check(rest), if problem.is_empty() { Ok(()) } else { expected }, "{rest}");
    }

    #[test]
    fn addresses_are_taken() {
        for rest in
            ["a,okta.com", "ü.com", "a:99999", "a:", "a/b c", "a?%zz", "u:p@h", "a%25b", "a<b", "u@[::1]:80"]
        {
            check_with(rest, "");
        }
    }

    #[test]
    fn what_is_no_address_is_named() {
        check_with("a b", "invalid character \" \" in host name");
        check_with("a\\b", "invalid character \"\\\\\" in host name");
        check_with("a\u{1}", "net/url: invalid control character in URL");
        check_with("a:b,c", "invalid port \":b,c\" after host");
        check_with("u@[::1]x", "invalid port \"x\" after host");
        check_with("[a,b", "missing ']' in host");
        check_with("a[,b]", "invalid IP-literal");
        check_with("a%20b", "invalid URL escape \"%20\"");
        check_with("a%", "invalid URL escape \"%\"");
        check_with("a/%zz", "invalid URL escape \"%zz\"");
        check_with("a#%zz,b", "invalid URL escape \"%zz\"");
        check_with("a%zz@b", "invalid URL escape \"%zz\"");
        check_with("a b@c", "net/url: invalid userinfo");
    }
}
