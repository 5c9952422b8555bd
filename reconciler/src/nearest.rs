//! Names that were perhaps meant.

use schemas::Diagnostic;

/// `found` with a hint at the nearest of `names` to `name`, or at all of them if they are few.
pub(crate) fn hint_for<'a>(
    found: Diagnostic,
    name: &str,
    names: impl IntoIterator<Item = &'a str>,
) -> Diagnostic {
    let names: Vec<&str> = names.into_iter().collect();
    if let Some(nearest) =
        nearest(name, &names).or_else(|| turned(name, &names)).or_else(|| longer(name, &names))
    {
        return found.hint(format!("there is `{nearest}`"));
    }
    if names.is_empty() || names.len() > 12 {
        return found;
    }
    let list = names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    found.hint(format!("there is {list}"))
}

/// The one of `names` that `name` is a slip of.
pub(crate) fn nearest<'a>(name: &str, names: &[&'a str]) -> Option<&'a str> {
    let limit = (name.chars().count() / 3).max(1);
    let measured = names.iter().map(|other| (distance(name, other), *other));
    measured.filter(|(distance, _)| *distance <= limit).min().map(|(_, name)| name)
}

/// The one of `names` that two letters of `name` make when they change places.
fn turned<'a>(name: &str, names: &[&'a str]) -> Option<&'a str> {
    let letters: Vec<char> = name.chars().collect();
    let is_turned = |other: &&&str| {
        let other: Vec<char> = other.chars().collect();
        let differing: Vec<usize> =
            (0..letters.len()).filter(|at| other.get(*at) != letters.get(*at)).collect();
        let [first, second] = differing.as_slice() else { return false };
        other.len() == letters.len()
            && second - first == 1
            && (other[*first], other[*second]) == (letters[*second], letters[*first])
    };
    names.iter().find(is_turned).copied()
}

/// The shortest of `names` that is `name` with further words behind it, or that lacks some of its last words.
fn longer<'a>(name: &str, names: &[&'a str]) -> Option<&'a str> {
    let goes_on =
        |long: &str, short: &str| long.strip_prefix(short).is_some_and(|rest| rest.starts_with('_'));
    let fitting = names.iter().filter(|other| goes_on(other, name) || goes_on(name, other));
    fitting.min_by_key(|other| other.len()).copied()
}

/// How many letters must be put in, taken out or changed.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().take(200).collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().take(200).enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.iter().enumerate() {
            let change = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = change.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_recognised_and_another_word_is_not() {
        assert_eq!(nearest("token_polices", &["token_policies", "token_ttl"]), Some("token_policies"));
        assert_eq!(nearest("zzz", &["token_policies", "name"]), None);
    }

    #[test]
    fn letters_that_changed_places_and_words_that_lack_are_recognised() {
        assert_eq!(turned("tpye", &["path", "type"]), Some("type"));
        assert_eq!(turned("tyep", &["path", "typ"]), None);
        let names = ["default_lease_ttl_seconds", "description", "default_lease_ttl_seconds_of_it"];
        assert_eq!(longer("default_lease_ttl", &names), Some("default_lease_ttl_seconds"));
        assert_eq!(longer("description_text", &names), Some("description"));
        assert_eq!(longer("descr", &names), None);
    }
}
