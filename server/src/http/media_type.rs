//! `Content-Type`, as Go reads it.

/// The media type in lower case, without its parameters.
///
/// # Errors
/// Why it is none, in Go's words.
pub(super) fn media_type(text: &str) -> Result<String, &'static str> {
    let (kind, parameters) = text.split_at(text.find(';').unwrap_or(text.len()));
    let kind = kind.trim().to_lowercase();
    match token(&kind) {
        ("", _) => return Err("mime: no media type"),
        (_, "") => {}
        (_, rest) => match rest.strip_prefix('/').map(token) {
            None => return Err("mime: expected slash after first token"),
            Some(("", _)) => return Err("mime: expected token after slash"),
            Some((_, "")) => {}
            Some(_) => return Err("mime: unexpected content after media subtype"),
        },
    }
    require_parameters(parameters)?;
    Ok(kind)
}

/// Refuses what is no list of `; name=value`. One semicolon may stand at the end.
fn require_parameters(text: &str) -> Result<(), &'static str> {
    let mut names = Vec::new();
    let mut rest = text.trim();
    while !matches!(rest, "" | ";") {
        let (name, behind) = parameter(rest).ok_or("mime: invalid media parameter")?;
        if names.contains(&name) {
            return Err("mime: duplicate parameter name");
        }
        names.push(name);
        rest = behind.trim_start();
    }
    Ok(())
}

/// The name of the first parameter of `text`, and what is behind its value.
fn parameter(text: &str) -> Option<(String, &str)> {
    let (name, rest) = token(text.strip_prefix(';')?.trim_start());
    let rest = rest.trim_start().strip_prefix('=')?.trim_start();
    let behind = match rest.strip_prefix('"') {
        Some(inner) => behind_quoted(inner)?,
        None => Some(token(rest)).filter(|(value, _)| !value.is_empty())?.1,
    };
    (!name.is_empty()).then(|| (name.to_lowercase(), behind))
}

/// What is behind the end of a text in quotes that begins before `text`.
fn behind_quoted(text: &str) -> Option<&str> {
    let mut is_escaped = false;
    for (place, character) in text.char_indices() {
        match character {
            '"' if !is_escaped => return Some(&text[place + 1..]),
            '\r' | '\n' => return None,
            character => is_escaped = character == '\\' && !is_escaped,
        }
    }
    None
}

/// The token that `text` begins with, and the rest.
fn token(text: &str) -> (&str, &str) {
    let is_part = |character: char| character.is_ascii_graphic() && !r#"()<>@,;:\"/[]?="#.contains(character);
    text.split_at(text.find(|character| !is_part(character)).unwrap_or(text.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_media_type_is_read_without_regard_to_case_and_parameters() {
        for text in [
            "application/json",
            "Application/JSON",
            " application/json ; charset=utf-8",
            "application/json;",
            r#"application/json; a="x;\"y"; b=c"#,
        ] {
            assert_eq!(media_type(text).as_deref(), Ok("application/json"), "{text}");
        }
        assert_eq!(media_type("application").as_deref(), Ok("application"));
    }

    #[test]
    fn what_is_none_is_told() {
        for (text, problem) in [
            ("", "mime: no media type"),
            ("/", "mime: no media type"),
            (";", "mime: no media type"),
            ("a b", "mime: expected slash after first token"),
            ("a/ b", "mime: expected token after slash"),
            ("a/b/c", "mime: unexpected content after media subtype"),
            ("a/b;;", "mime: invalid media parameter"),
            ("a/b; x", "mime: invalid media parameter"),
            ("a/b; =x", "mime: invalid media parameter"),
            ("a/b; x=\"y", "mime: invalid media parameter"),
            ("a/b; x=y; X=z", "mime: duplicate parameter name"),
        ] {
            assert_eq!(media_type(text), Err(problem), "{text}");
        }
    }
}
