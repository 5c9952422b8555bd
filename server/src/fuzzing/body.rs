//! Bodies of requests.

use schemas::Class;
use schemas::kinds::KINDS;
use serde_json::Value;

use crate::core::engine::FieldTable;
use crate::core::input;
use crate::core::pattern::Captures;
use crate::http::fuzzing::{Complexity, MAP, parameters};

/// The content type in the first byte, the body in the others. What can be read is decoded by the table of every
/// resource; what is decoded holds no name that the table does not have. Values mean what they meant in the body.
pub fn body(bytes: &[u8]) {
    let Some((first, body)) = bytes.split_first() else { return };
    let content_type = if *first == b'f' { "application/x-www-form-urlencoded" } else { "application/json" };
    let is_small = Complexity { memory: 1 << 20, strings: 1000 }.check(body).is_ok();
    let Ok(parameters) = parameters(body, content_type, MAP) else { return };
    if is_small && body.first() == Some(&b'{') {
        assert!(parameters.len() <= 1000, "more names than strings");
    }
    if let Ok(Value::Object(whole)) = serde_json::from_slice(body) {
        for (name, value) in &parameters {
            let meant: Value = serde_json::from_str(value.get()).expect("a part of what could be read");
            assert_eq!(whole.get(name), Some(&meant), "`{name}`");
        }
    }
    for kind in KINDS.iter().filter(|kind| kind.class == Class::Resource) {
        let table = FieldTable::new(kind.parts);
        let Ok(input) = input::decode(table, &parameters, &mut Captures::new()) else { continue };
        for (name, _) in input.record.iter() {
            assert!(kind.fields().any(|field| field.name == name), "`{name}` is no field of {}", kind.name);
        }
    }
}
