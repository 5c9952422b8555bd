//! The order of names in an answer. The peer's maps are in alphabetical order, its structs in that of their fields; the
//! latter are listed.

use std::fmt;
use std::sync::LazyLock;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use crate::mask::Difference;

/// A struct: the field that holds it, and its names in order.
struct Listed {
    field: &'static str,
    names: Vec<&'static str>,
}

static LISTED: LazyLock<Vec<Listed>> = LazyLock::new(|| {
    let lines = include_str!("../differential/orders.tsv").lines().filter(|line| !line.starts_with('#'));
    let listed = lines.filter_map(|line| line.split_once('\t'));
    listed.map(|(field, names)| Listed { field, names: names.split(' ').collect() }).collect()
});

/// A place whose names are in no order that could be compared: a document of the server's own.
const LEFT_OUT: &str = "/openapi";

/// The places of the JSON `body` where names are in another order than the peer has them.
#[must_use]
pub(crate) fn differences(body: &[u8]) -> Vec<Difference> {
    let mut found = Vec::new();
    if let Ok(tree) = serde_json::from_slice::<Tree>(body) {
        tree.check("", "", &mut found);
    }
    found
}

/// JSON, of which only names count.
enum Tree {
    Object(Vec<(String, Tree)>),
    List(Vec<Tree>),
    Leaf,
}

impl Tree {
    fn check(&self, pointer: &str, field: &str, found: &mut Vec<Difference>) {
        match self {
            Tree::Object(entries) => {
                let names: Vec<&str> = entries.iter().map(|(name, _)| name.as_str()).collect();
                // At the top of an answer some data stands twice, there in random order.
                let is_spread = pointer.is_empty() && names.contains(&"request_id");
                let expected = in_order(field, &names);
                if !is_spread && expected != names {
                    let text = format!("expected the names in the order {expected:?}, got {names:?}");
                    found.push(Difference { pointer: format!("{pointer} order"), text });
                }
                for (name, value) in entries {
                    let pointer = format!("{pointer}/{name}");
                    if pointer != LEFT_OUT {
                        value.check(&pointer, name, found);
                    }
                }
            }
            Tree::List(items) => {
                for (index, item) in items.iter().enumerate() {
                    item.check(&format!("{pointer}/{index}"), field, found);
                }
            }
            Tree::Leaf => {}
        }
    }
}

/// `names` as the peer has them in an object that stands in `field`.
fn in_order<'a>(field: &str, names: &[&'a str]) -> Vec<&'a str> {
    let mut names = names.to_vec();
    let place = |listed: &Listed, name: &str| listed.names.iter().position(|other| *other == name);
    let fits =
        |listed: &&Listed| listed.field == field && names.iter().all(|name| place(listed, name).is_some());
    match LISTED.iter().find(fits) {
        Some(listed) => names.sort_by_key(|name| place(listed, name)),
        None => names.sort_unstable(),
    }
    names
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Tree;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Tree, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = from.next_entry()? {
            entries.push(entry);
        }
        Ok(Tree::Object(entries))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Tree, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = from.next_element()? {
            items.push(item);
        }
        Ok(Tree::List(items))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Tree, E> {
        Ok(Tree::Leaf)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Tree, E> {
        Ok(Tree::Leaf)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Tree, E> {
        Ok(Tree::Leaf)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Tree, E> {
        Ok(Tree::Leaf)
    }

    fn visit_str<E>(self, _: &str) -> Result<Tree, E> {
        Ok(Tree::Leaf)
    }

    fn visit_unit<E>(self) -> Result<Tree, E> {
        Ok(Tree::Leaf)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(body: &str, expected: &[&str]) {
        let found = differences(body.as_bytes());
        let pointers: Vec<&str> = found.iter().map(|difference| difference.pointer.as_str()).collect();
        assert_eq!(pointers, expected, "{body}");
    }

    #[test]
    fn maps_are_in_alphabetical_order_and_structs_in_their_own() {
        check(r#"{"data":{"a":1,"b":[{"c":2,"d":3}]}}"#, &[]);
        check(r#"{"data":{"b":[{"d":3,"c":2}],"a":1}}"#, &["/data order", "/data/b/0 order"]);
        check(r#"{"wrap_info":{"token":"t","accessor":"a","ttl":5}}"#, &[]);
        check(r#"{"wrap_info":{"accessor":"a","token":"t"}}"#, &["/wrap_info order"]);
    }

    #[test]
    fn what_is_in_no_order_is_left_out() {
        check(r#"{"z":1,"request_id":"r"}"#, &[]);
        check(r#"{"openapi":{"b":1,"a":2}}"#, &[]);
        check("no JSON", &[]);
    }
}
