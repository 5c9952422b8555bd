//! What a write did not bring about, for people.

use schemas::{Diagnostic, Field, Kind, Record};

use super::value::inline;

/// What of the `written` object is not so in the one that was `read` afterwards.
pub(crate) fn unkept(kind: &Kind, written: &Record, read: &Record) -> Option<Diagnostic> {
    let fields = kind.differing(written, read);
    if fields.is_empty() {
        return None;
    }
    let names: Vec<_> = fields.iter().map(|field| format!("`{}`", field.name)).collect();
    let values = fields.iter().filter_map(|field| both_values(field, written, read));
    let cause =
        std::iter::once("the server took the write and shows something else".to_owned()).chain(values);
    let found = Diagnostic::error(format!("{} is not as declared after the write", names.join(", ")))
        .because(cause.collect::<Vec<_>>().join("; "))
        .hint("the server may write it otherwise: if both mean the same, declare it as the server answers it")
        .hint("somebody else may have written at the same time; plan again");
    Some(found)
}

/// What is declared of `field` and what the server answered; nothing of what is to be hidden.
fn both_values(field: &Field, written: &Record, read: &Record) -> Option<String> {
    let (declared, answered) = (written.get(field.name), read.get(field.name));
    if field.is_hidden() || declared.has_secret() || answered.has_secret() {
        return None;
    }
    let [declared, answered] = [declared, answered].map(inline);
    Some(format!("`{}` is declared as `{declared}`, and answered as `{answered}`", field.name))
}

#[cfg(test)]
mod tests {
    use schemas::{Class, Value, kinds};

    use super::*;

    #[test]
    fn values_are_written_as_in_a_plan() {
        let kind = kinds::find(Class::Resource, "mount").expect("a kind");
        let with = |value: &str| {
            let options = Value::map([("team", value.into())]);
            Record::new().with("options", options).with("description", "kept")
        };
        let found = unkept(kind, &with("one"), &with("two")).expect("another value");
        let expected = "`options` is declared as `{ team = \"one\" }`, and answered as `{ team = \"two\" }`";
        assert!(found.detail.ends_with(expected), "{found}");
        assert!(unkept(kind, &with("one"), &with("one")).is_none());
    }
}
