//! Versions of plugins. The one of this server is the only one that is there.

use super::catalog;
use crate::core::error::Error;
use crate::core::go_text::quoted;
use crate::core::mount::MountClass;

/// `text` as the catalog writes versions: `v1.2.0` for `1.2`.
///
/// # Errors
/// 400 for what is no version.
pub(super) fn canonical(text: &str) -> Result<String, Error> {
    parse(text).map_err(|problem| {
        Error::invalid(format!("version {} is not a valid semantic version: {problem}", quoted(text)))
    })
}

/// Whether `version`, in the form of the catalog, is one of what is built in: of whichever server, at whichever time.
pub(super) fn is_built_in(version: &str) -> bool {
    version.split_once('+').is_some_and(|(_, build)| build.split('.').any(|word| word == "builtin"))
}

fn parse(text: &str) -> Result<String, String> {
    let malformed = || format!("malformed version: {text}");
    let version = text.strip_prefix('v').unwrap_or(text);
    let (version, build) =
        version.split_once('+').map_or((version, None), |(version, build)| (version, Some(build)));
    let end = version.find(|letter: char| !letter.is_ascii_digit() && letter != '.').unwrap_or(version.len());
    let (numbers, mark) = version.split_at(end);
    let mark = match mark.strip_prefix('-') {
        Some("") | None => mark,
        Some(mark) => mark,
    };
    let is_wrong = |text: &str| !is_dotted(text);
    if (!mark.is_empty() && is_wrong(mark)) || build.is_some_and(is_wrong) || is_wrong(numbers) {
        return Err(malformed());
    }
    let mut segments = numbers.split('.').map(number).collect::<Result<Vec<String>, String>>()?;
    segments.resize(segments.len().max(3), "0".to_owned());
    let mark = if mark.is_empty() { String::new() } else { format!("-{mark}") };
    let build = build.map(|build| format!("+{build}")).unwrap_or_default();
    Ok(format!("v{}{mark}{build}", segments.join(".")))
}

fn number(digits: &str) -> Result<String, String> {
    let problem =
        || format!("error parsing version: strconv.ParseInt: parsing \"{digits}\": value out of range");
    digits.parse::<i64>().map(|number| number.to_string()).map_err(|_| problem())
}

/// Letters, digits, `-` and `~`, with dots between them.
fn is_dotted(text: &str) -> bool {
    let is_part = |part: &str| {
        !part.is_empty() && part.chars().all(|letter| letter.is_ascii_alphanumeric() || "-~".contains(letter))
    };
    text.split('.').all(is_part)
}

/// The version that a new mount of `kind` asks for, if it is not just the one that is there.
///
/// # Errors
/// 400 for what is no version, and for another version of a secrets engine that is built in.
pub(super) fn wanted(class: MountClass, kind: &str, version: Option<&str>) -> Result<Option<String>, Error> {
    let version = match version {
        None | Some("") => return Ok(None),
        Some("latest") => "latest".to_owned(),
        Some(version) => canonical(version)?,
    };
    if version == catalog::running_version() {
        return Ok(None);
    }
    if class == MountClass::Secret && catalog::is_built_in(kind) {
        let text = format!("cannot select non-builtin version of secrets plugin {kind}");
        return Err(Error::invalid(text));
    }
    Ok(Some(version))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_written_in_one_way() {
        for (text, expected) in [
            ("1", "v1.0.0"),
            ("v1.5", "v1.5.0"),
            ("01.2.3.4", "v1.2.3.4"),
            ("1.2.3-beta.1+meta", "v1.2.3-beta.1+meta"),
            ("1.2.3beta", "v1.2.3-beta"),
            ("1.2.3-", "v1.2.3--"),
        ] {
            assert_eq!(parse(text).as_deref(), Ok(expected), "{text}");
        }
        for text in ["", "x", "V1", " 1", "1.", ".1", "1..2", "1+", "1-a..b", "1 "] {
            assert_eq!(parse(text), Err(format!("malformed version: {text}")), "{text}");
        }
        parse("12345678901234567890").expect_err("too large");
    }
}
