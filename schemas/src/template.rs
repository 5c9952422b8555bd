//! Paths with holes: `auth/{backend}/role/{role_name}`, rendered from fields and parsed back.

use crate::Record;

/// A path template. `{name}` stands for a field; a value may hold slashes, which are then part of the path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Template(pub &'static str);

/// A piece of a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Literal text.
    Text(&'static str),
    /// The field of that name.
    Hole(&'static str),
}

impl Template {
    /// The template's pieces, in order.
    pub fn pieces(self) -> impl Iterator<Item = Piece> {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            if rest.is_empty() {
                return None;
            }
            if let Some(inside) = rest.strip_prefix('{') {
                let (hole, after) = inside.split_once('}')?;
                rest = after;
                return Some(Piece::Hole(hole));
            }
            let end = rest.find('{').unwrap_or(rest.len());
            let (text, after) = rest.split_at(end);
            rest = after;
            Some(Piece::Text(text))
        })
    }

    /// Names of the fields in it.
    pub fn holes(self) -> impl Iterator<Item = &'static str> {
        self.pieces().filter_map(|piece| match piece {
            Piece::Hole(name) => Some(name),
            Piece::Text(_) => None,
        })
    }

    /// The path for `record`, without slashes at its ends as far as a field brought them.
    ///
    /// # Errors
    /// The name of the first field that is not set.
    pub fn render(self, record: &Record) -> Result<String, &'static str> {
        self.fill(record, |value| value.trim_matches('/').to_owned())
    }

    /// The text for `record` with every value as it stands.
    ///
    /// # Errors
    /// The name of the first field that is not set.
    pub fn render_verbatim(self, record: &Record) -> Result<String, &'static str> {
        self.fill(record, str::to_owned)
    }

    fn fill(self, record: &Record, each: impl Fn(&str) -> String) -> Result<String, &'static str> {
        self.pieces().try_fold(String::new(), |mut path, piece| {
            match piece {
                Piece::Text(text) => path.push_str(text),
                Piece::Hole(name) => path.push_str(&each(hole_text(record, name).ok_or(name)?)),
            }
            Ok(path)
        })
    }

    /// The fields that make `path`, if the template fits it. A value may hold slashes; where several splits
    /// fit, earlier holes take as little as they can.
    pub fn parse(self, path: &str) -> Option<Record> {
        let pieces: Vec<_> = self.pieces().collect();
        let mut record = Record::new();
        fit(&pieces, path, &mut record).then_some(record)
    }
}

fn hole_text<'a>(record: &'a Record, name: &str) -> Option<&'a str> {
    record.get(name).as_str().filter(|text| !text.is_empty())
}

fn fit(pieces: &[Piece], text: &str, record: &mut Record) -> bool {
    match pieces {
        [] => text.is_empty(),
        [Piece::Text(literal), rest @ ..] => {
            text.strip_prefix(literal).is_some_and(|after| fit(rest, after, record))
        }
        [Piece::Hole(name)] => {
            record.set(*name, text);
            !text.is_empty()
        }
        [Piece::Hole(name), rest @ ..] => ends(rest, text).any(|end| {
            let fits = end > 0 && fit(rest, &text[end..], record);
            if fits {
                record.set(*name, &text[..end]);
            }
            fits
        }),
    }
}

/// Where a hole before `rest` may end in `text`: at each place where the next literal stands.
fn ends<'a>(rest: &'a [Piece], text: &'a str) -> impl Iterator<Item = usize> + 'a {
    let literal = match rest.first() {
        Some(Piece::Text(literal)) => literal,
        _ => "/",
    };
    text.match_indices(literal).map(|(index, _)| index)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROLE: Template = Template("auth/{backend}/role/{role_name}");

    #[track_caller]
    fn check(template: Template, path: &str, expected: &[(&str, &str)]) {
        let record = template.parse(path).expect("the template fits");
        let fields: Vec<_> =
            record.iter().map(|(name, value)| (name, value.as_str().unwrap_or("?"))).collect();
        assert_eq!(fields, expected);
        assert_eq!(template.render(&record).as_deref(), Ok(path));
    }

    #[test]
    fn a_path_is_parsed_back_into_what_made_it() {
        check(ROLE, "auth/approle/role/web", &[("backend", "approle"), ("role_name", "web")]);
        check(ROLE, "auth/teams/a/role/web", &[("backend", "teams/a"), ("role_name", "web")]);
        check(Template("{path}"), "kv/a", &[("path", "kv/a")]);
        check(Template("{mount}/config"), "teams/kv/config", &[("mount", "teams/kv")]);
    }

    #[test]
    fn a_name_may_hold_the_literal_that_stands_before_it() {
        check(ROLE, "auth/approle/role/a/role/b", &[("backend", "approle"), ("role_name", "a/role/b")]);
    }

    #[test]
    fn another_path_does_not_fit() {
        assert_eq!(ROLE.parse("auth/approle/users/web"), None);
        assert_eq!(ROLE.parse("auth//role/web"), None);
    }

    #[test]
    fn slashes_at_the_ends_of_a_mount_do_not_double() {
        let record = Record::new().with("backend", "a/b/").with("role_name", "web");
        assert_eq!(ROLE.render(&record).as_deref(), Ok("auth/a/b/role/web"));
        assert_eq!(ROLE.render_verbatim(&record).as_deref(), Ok("auth/a/b//role/web"));
    }

    #[test]
    fn a_missing_field_is_named() {
        assert_eq!(ROLE.render(&Record::new().with("backend", "x")), Err("role_name"));
    }
}
