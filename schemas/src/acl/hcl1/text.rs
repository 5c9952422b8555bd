//! What the text of a string token stands for.

/// The content of a quoted string: escapes resolved, `${ … }` kept as written.
pub(super) fn unquote(quoted: &str) -> String {
    let inner = quoted.strip_prefix('"').unwrap_or(quoted);
    let inner = inner.strip_suffix('"').unwrap_or(inner);
    let mut rest = inner;
    let mut out = String::with_capacity(inner.len());
    while let Some(at) = rest.find(['\\', '$']) {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let taken =
            if rest.starts_with("${") { interpolation(rest, &mut out) } else { escape(rest, &mut out) };
        rest = &rest[taken..];
    }
    out.push_str(rest);
    out
}

/// Copies `${ … }` verbatim and says how many bytes that was.
fn interpolation(rest: &str, out: &mut String) -> usize {
    let mut depth = 0_usize;
    let mut end = rest.len();
    for (at, character) in rest.char_indices() {
        match character {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 && character == '}' {
            end = at + 1;
            break;
        }
    }
    out.push_str(&rest[..end]);
    end
}

/// Resolves one escape (or a lone `$`) and says how many bytes it took.
fn escape(rest: &str, out: &mut String) -> usize {
    if !rest.starts_with('\\') {
        out.push('$');
        return 1;
    }
    let Some(letter) = rest[1..].chars().next() else { return 1 };
    let simple = match letter {
        'a' => '\u{7}',
        'b' => '\u{8}',
        'f' => '\u{c}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\u{b}',
        '0'..='7' => return numeric(rest, 1, 3, 8, out),
        'x' => return numeric(rest, 2, 2, 16, out),
        'u' => return unicode(rest, out),
        'U' => return numeric(rest, 2, 8, 16, out),
        other => other,
    };
    out.push(simple);
    1 + letter.len_utf8()
}

/// Resolves an escape of up to `digits` digits that begin at byte `from`.
fn numeric(rest: &str, from: usize, digits: usize, radix: u32, out: &mut String) -> usize {
    let rest = rest.get(from..).unwrap_or_default();
    let count = rest.chars().take(digits).take_while(|digit| digit.is_digit(radix)).count();
    let code = u32::from_str_radix(&rest[..count], radix).ok();
    out.push(code.and_then(char::from_u32).unwrap_or(char::REPLACEMENT_CHARACTER));
    from + count
}

/// `\uXXXX`, joined with a second one when the two are a surrogate pair (JSON).
fn unicode(rest: &str, out: &mut String) -> usize {
    let unit = |from: usize| rest.get(from..from + 4).and_then(|text| u16::from_str_radix(text, 16).ok());
    let second = if rest.get(6..8) == Some("\\u") { unit(8) } else { None };
    if let (Some(high @ 0xd800..=0xdbff), Some(low @ 0xdc00..=0xdfff)) = (unit(2), second) {
        out.extend(char::decode_utf16([high, low]).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)));
        return 12;
    }
    numeric(rest, 2, 4, 16, out)
}

/// The content of a heredoc token; `<<-` takes the common indentation off.
pub(super) fn heredoc(token: &str) -> String {
    let token = token.strip_prefix("<<").unwrap_or(token);
    let (indented, token) = token.strip_prefix('-').map_or((false, token), |rest| (true, rest));
    let body = token.split_once('\n').map_or("", |(_, body)| body);
    let body = body.strip_suffix('\n').unwrap_or(body);
    let body = body.rfind('\n').map_or("", |end| &body[..=end]);
    if !indented {
        return body.to_owned();
    }
    let margin = body.lines().map(indentation).min().unwrap_or(0);
    body.split_inclusive('\n').map(|line| line.get(margin..).unwrap_or(line)).collect()
}

fn indentation(line: &str) -> usize {
    line.len() - line.trim_start_matches([' ', '\t']).len()
}
