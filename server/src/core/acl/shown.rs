//! All that a set of policies allows, for user interfaces.

use std::collections::BTreeMap;
use std::time::Duration;

use schemas::acl::{Capabilities, Capability, ParameterValue, Parameters, PathRule, PatternKind};
use serde_json::{Map, Value, json};

use super::Acl;

/// The order in which the API names capabilities here.
const ORDER: [Capability; 8] = [
    Capability::Create,
    Capability::Delete,
    Capability::List,
    Capability::Read,
    Capability::Sudo,
    Capability::Update,
    Capability::Patch,
    Capability::Scan,
];

impl Acl {
    /// The rules by path: `root`, or `exact_paths` and `glob_paths`. Patterns with `+` are left out, as the API does.
    #[must_use]
    pub fn shown(&self) -> Value {
        if self.is_root() {
            return json!({ "root": true });
        }
        let (mut exact, mut glob) = (Map::new(), Map::new());
        for merged in self.rules.iter().filter(|merged| !self.is_closed(&merged.pattern.text)) {
            let paths = match merged.pattern.kind {
                PatternKind::Exact => &mut exact,
                PatternKind::Prefix => &mut glob,
                PatternKind::Segments { .. } => continue,
            };
            paths.insert(merged.pattern.text.clone(), rule(&merged.rule));
        }
        for prefix in &self.closed {
            glob.insert(prefix.to_string(), json!({ "capabilities": [Capability::Deny.name()] }));
        }
        json!({ "exact_paths": exact, "glob_paths": glob, "root": false })
    }
}

fn rule(rule: &PathRule) -> Value {
    let mut shown = Map::new();
    shown.insert("capabilities".to_owned(), json!(words(rule.capabilities)));
    let times = [("min_wrapping_ttl", rule.min_wrapping_ttl), ("max_wrapping_ttl", rule.max_wrapping_ttl)];
    for (name, time) in times {
        if let Some(time) = time.filter(|time| *time != Duration::ZERO) {
            shown.insert(name.to_owned(), json!(time.as_secs()));
        }
    }
    let lists =
        [("allowed_parameters", &rule.allowed_parameters), ("denied_parameters", &rule.denied_parameters)];
    for (name, parameters) in lists {
        if let Some(parameters) = parameters.as_ref().filter(|parameters| !parameters.is_empty()) {
            shown.insert(name.to_owned(), of_parameters(parameters));
        }
    }
    if !rule.required_parameters.is_empty() {
        shown.insert("required_parameters".to_owned(), json!(rule.required_parameters));
    }
    Value::Object(shown)
}

fn words(capabilities: Capabilities) -> Vec<&'static str> {
    let words: Vec<&str> =
        ORDER.into_iter().filter(|each| capabilities.contains(*each)).map(|each| each.name()).collect();
    let is_denied = words.is_empty() || capabilities.contains(Capability::Deny);
    if is_denied { vec![Capability::Deny.name()] } else { words }
}

fn of_parameters(parameters: &Parameters) -> Value {
    let values = parameters
        .iter()
        .map(|(name, values)| (name.clone(), values.iter().map(value).collect::<Vec<_>>().into()));
    Value::Object(values.collect())
}

fn value(value: &ParameterValue) -> Value {
    match value {
        ParameterValue::String(text) => text.clone().into(),
        ParameterValue::Number(digits) => {
            serde_json::from_str(digits).unwrap_or_else(|_| digits.clone().into())
        }
        ParameterValue::Bool(value) => (*value).into(),
        ParameterValue::Null => Value::Null,
        ParameterValue::List(items) => items.iter().map(self::value).collect(),
        ParameterValue::Map(entries) => object(entries),
        ParameterValue::Block(entries) => vec![object(entries)].into(),
    }
}

fn object(entries: &BTreeMap<String, ParameterValue>) -> Value {
    Value::Object(entries.iter().map(|(name, entry)| (name.clone(), self::value(entry))).collect())
}
