//! Values of bodies as Go keeps them: without white space, the names of objects in order, and of those that stand twice
//! the last.
//!
//! Numbers and strings stay as they were written. Most values are settled already, which one look tells. Nothing here
//! calls itself, so that no depth is too deep.

use std::borrow::Cow;
use std::ops::Range;

use serde_json::value::RawValue;

/// Settles `value`.
pub(super) fn settle(value: &mut Box<RawValue>) {
    let text = value.get();
    if is_settled(text.as_bytes()) {
        return;
    }
    if let Some(settled) = Outline::of(text).map(|outline| outline.settled(text)) {
        *value = RawValue::from_string(settled).expect("a part of JSON, in another order, is JSON");
    }
}

/// Whether there is nothing to do. Names with escapes are looked at by [`Outline`].
fn is_settled(text: &[u8]) -> bool {
    // Of each object or list around, the last name, if it is an object that had one.
    let mut around: Vec<Option<&[u8]>> = Vec::new();
    let (mut place, mut at_name) = (0, false);
    while let Some(byte) = text.get(place) {
        match byte {
            b' ' | b'\t' | b'\r' | b'\n' => return false,
            b'"' => {
                let string = string_at(text, place);
                place = string.end;
                let Some(last) = around.last_mut().filter(|_| at_name) else { continue };
                let name = &text[string];
                if name.contains(&b'\\') || last.is_some_and(|last| order_of(last) >= order_of(name)) {
                    return false;
                }
                (*last, at_name) = (Some(name), false);
                continue;
            }
            b'{' => {
                around.push(None);
                at_name = true;
            }
            b'[' => {
                around.push(None);
                at_name = false;
            }
            b'}' | b']' => {
                around.pop();
                at_name = false;
            }
            // In a list no name has come before.
            b',' => at_name = around.last().is_some_and(Option::is_some),
            _ => {}
        }
        place += 1;
    }
    true
}

/// The string that begins at `place`, with its quotes.
fn string_at(text: &[u8], place: usize) -> Range<usize> {
    let mut end = place + 1;
    while let Some(byte) = text.get(end) {
        match byte {
            b'"' => return place..end + 1,
            b'\\' => end += 2,
            _ => end += 1,
        }
    }
    place..text.len()
}

/// A quoted name without its quotes: the one at the end would count as a letter.
fn order_of(name: &[u8]) -> &[u8] {
    name.get(1..name.len() - 1).unwrap_or_default()
}

/// A part of a text. Positions take half the room that they take elsewhere: there may be millions.
#[derive(Clone, Copy, Default)]
struct Span {
    from: u32,
    to: u32,
}

impl Span {
    fn range(self) -> Range<usize> {
        self.from as usize..self.to as usize
    }
}

/// An entry of an object.
#[derive(Clone, Copy)]
struct Member {
    /// With quotes.
    name: Span,
    value: Span,
    /// The first object of the value, or after it.
    object: u32,
}

/// An object, in the order of beginnings.
#[derive(Clone, Copy, Default)]
struct Object {
    /// Behind its last brace.
    end: u32,
    /// The next one that is not in it.
    next: u32,
    /// Its entries: in order, each name once.
    members: Span,
}

/// Where the objects of a text are, and their entries.
#[derive(Default)]
struct Outline {
    objects: Vec<Object>,
    members: Vec<Member>,
}

/// What is left to be written.
enum Task {
    /// A part of the text whose first object is the one of this number.
    Text(Span, u32),
    /// The entries of an object from one on, and its end. The first of all is told apart by its comma.
    Members { rest: Span, is_first: bool },
}

impl Outline {
    /// The outline of `text`, which is JSON; `None` if it is too long for one.
    fn of(text: &str) -> Option<Self> {
        u32::try_from(text.len()).ok()?;
        let bytes = text.as_bytes();
        let (mut outline, mut place, mut at_name) = (Self::default(), 0, false);
        // Of each list or object around: which object, and where its entries begin among those of open objects.
        let mut around: Vec<Option<(usize, usize)>> = Vec::new();
        let mut open: Vec<Member> = Vec::new();
        while let Some(byte) = bytes.get(place) {
            let here = position(place);
            match byte {
                b'"' => {
                    let string = string_at(bytes, place);
                    place = string.end;
                    if std::mem::take(&mut at_name) {
                        let name = Span { from: here, to: position(string.end) };
                        open.push(Member { name, value: Span::default(), object: 0 });
                    }
                    continue;
                }
                b':' => {
                    if let Some(member) = open.last_mut() {
                        member.value.from = here + 1;
                        member.object = position(outline.objects.len());
                    }
                }
                b',' => {
                    at_name = matches!(around.last(), Some(Some(_)));
                    end_value(open.last_mut().filter(|_| at_name), here);
                }
                b'{' => {
                    around.push(Some((outline.objects.len(), open.len())));
                    outline.objects.push(Object::default());
                    at_name = true;
                }
                b'[' => around.push(None),
                b'}' | b']' => {
                    at_name = false;
                    if let Some(Some((index, first))) = around.pop() {
                        end_value(open[first..].last_mut(), here);
                        let members = outline.add(text, &mut open[first..]);
                        open.truncate(first);
                        let next = position(outline.objects.len());
                        outline.objects[index] = Object { end: here + 1, next, members };
                    }
                }
                _ => {}
            }
            place += 1;
        }
        Some(outline)
    }

    /// Keeps the entries of one object: in order, and of those with one name the last.
    fn add(&mut self, text: &str, members: &mut [Member]) -> Span {
        // Entries with one name stay in the order of the text.
        members.sort_by_cached_key(|member| name_of(text, member));
        let from = position(self.members.len());
        for (index, member) in members.iter().enumerate() {
            let next = members.get(index + 1);
            if next.is_none_or(|next| name_of(text, next) != name_of(text, member)) {
                self.members.push(*member);
            }
        }
        Span { from, to: position(self.members.len()) }
    }

    fn settled(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut tasks = vec![Task::Text(Span { from: 0, to: position(text.len()) }, 0)];
        while let Some(task) = tasks.pop() {
            match task {
                Task::Text(span, object) => {
                    let Some(brace) = copy_until_object(&mut out, text, span) else { continue };
                    let object = self.objects[object as usize];
                    debug_assert_eq!(text.as_bytes()[brace], b'{');
                    tasks.push(Task::Text(Span { from: object.end, to: span.to }, object.next));
                    tasks.push(Task::Members { rest: object.members, is_first: true });
                    out.push('{');
                }
                Task::Members { rest, .. } if rest.from == rest.to => out.push('}'),
                Task::Members { rest, is_first } => {
                    if !is_first {
                        out.push(',');
                    }
                    let member = self.members[rest.from as usize];
                    out.push_str(&text[member.name.range()]);
                    out.push(':');
                    tasks.push(Task::Members { rest: Span { from: rest.from + 1, ..rest }, is_first: false });
                    tasks.push(Task::Text(member.value, member.object));
                }
            }
        }
        out
    }
}

/// The name of `member` as it is meant.
fn name_of<'t>(text: &'t str, member: &Member) -> Cow<'t, str> {
    let quoted = &text[member.name.range()];
    let plain = quoted.get(1..quoted.len() - 1).unwrap_or_default();
    match plain.contains('\\') {
        true => serde_json::from_str(quoted).map_or(Cow::Borrowed(plain), Cow::Owned),
        false => Cow::Borrowed(plain),
    }
}

fn end_value(member: Option<&mut Member>, place: u32) {
    if let Some(member) = member {
        member.value.to = place;
    }
}

/// A position in a text that was found to be short enough.
fn position(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(u32::MAX)
}

/// Copies `span` of `text` without white space up to its first object; answers where that begins.
fn copy_until_object(out: &mut String, text: &str, span: Span) -> Option<usize> {
    let bytes = &text.as_bytes()[..span.range().end];
    let mut place = span.range().start;
    while let Some(byte) = bytes.get(place) {
        match byte {
            b'{' => return Some(place),
            b'"' => {
                let string = string_at(bytes, place);
                out.push_str(&text[string.clone()]);
                place = string.end;
                continue;
            }
            b' ' | b'\t' | b'\r' | b'\n' => {}
            byte => out.push(char::from(*byte)),
        }
        place += 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn settled(text: &str) -> String {
        let mut value = RawValue::from_string(text.to_owned()).expect("JSON");
        settle(&mut value);
        value.get().to_owned()
    }

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(settled(text), expected, "{text}");
        assert!(expected.contains('\\') || is_settled(expected.as_bytes()), "{expected}");
        assert_eq!(settled(expected), expected);
    }

    #[test]
    fn names_are_put_in_order_and_of_two_the_last_is_kept() {
        check(r#"{"b":1,"a":{"d":[1,{"z":1,"y":2}],"c":3}}"#, r#"{"a":{"c":3,"d":[1,{"y":2,"z":1}]},"b":1}"#);
        check(r#"{"a":1,"b":2,"a":3}"#, r#"{"a":3,"b":2}"#);
        check(r#"[{"a":{"x":1},"a":[{"b":1,"b":2}]},{"a":1}]"#, r#"[{"a":[{"b":2}]},{"a":1}]"#);
        check(r#"{"a b":1,"a":2,"a\"":3,"":4}"#, r#"{"":4,"a":2,"a b":1,"a\"":3}"#);
    }

    #[test]
    fn names_are_compared_as_they_are_meant() {
        check(r#"{"a":1,"\u0061":2}"#, r#"{"\u0061":2}"#);
        check(r#"{"\u0062":1,"a":2}"#, r#"{"a":2,"\u0062":1}"#);
    }

    #[test]
    fn white_space_goes_and_values_stay_as_they_were_written() {
        check(
            " { \"a\" : [ 1.50 , -0 , 1e400, \"x \\n{,\" ] ,\n\"b\":{ } }",
            r#"{"a":[1.50,-0,1e400,"x \n{,"],"b":{}}"#,
        );
        check("[ ]", "[]");
        check("5", "5");
        check(r#""a  b""#, r#""a  b""#);
    }

    #[test]
    fn no_depth_is_too_deep() {
        let depth = 100_000;
        let text = format!("{}1{}", r#"{"b":0,"a":["#.repeat(depth), "]}".repeat(depth));
        let expected = format!("{}1{}", r#"{"a":["#.repeat(depth), r#"],"b":0}"#.repeat(depth));
        assert_eq!(settled(&text), expected);
    }

    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "[a\"\\\\{}, é\n]{0,4}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 40, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::btree_map("[a-c\"\\\\{:, é]{0,2}", inner, 0..5)
                    .prop_map(|entries| Value::Object(entries.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn it_means_the_same(value in json()) {
            let pretty = serde_json::to_string_pretty(&value).expect("JSON");
            prop_assert_eq!(settled(&pretty), serde_json::to_string(&value).expect("JSON"));
        }
    }
}
