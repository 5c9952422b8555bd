//! `vault_policy_document`: rules to text, byte for byte as `hashicorp/vault` writes it.

use std::collections::BTreeMap;

/// A `rule` block of the data source. Everything is text there, and nothing is escaped.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DocumentRule {
    /// The path.
    pub path: String,
    /// Goes before the rule as a comment; empty for none.
    pub description: String,
    /// In the order given.
    pub capabilities: Vec<String>,
    /// In the order given.
    pub required_parameters: Vec<String>,
    /// Written sorted by name.
    pub allowed_parameters: BTreeMap<String, Vec<String>>,
    /// Written sorted by name.
    pub denied_parameters: BTreeMap<String, Vec<String>>,
    /// Empty for none.
    pub min_wrapping_ttl: String,
    /// Empty for none.
    pub max_wrapping_ttl: String,
    /// Event types; HashiCorp Vault alone knows them.
    pub subscribe_event_types: Vec<String>,
}

/// The text of the rules.
#[must_use]
pub fn render_policy_document(rules: &[DocumentRule]) -> String {
    rules.iter().map(rule_text).collect::<Vec<_>>().join("\n")
}

fn rule_text(rule: &DocumentRule) -> String {
    let mut text = String::new();
    if !rule.description.is_empty() {
        text.push_str(&format!("# {}\n", rule.description));
    }
    text.push_str(&format!("path \"{}\" {{\n", rule.path));
    let mut line = |name: &str, value: String| text.push_str(&format!("  {name} = {value}\n"));
    line("capabilities", list(&rule.capabilities));
    if !rule.required_parameters.is_empty() {
        line("required_parameters", list(&rule.required_parameters));
    }
    let maps =
        [("allowed_parameters", &rule.allowed_parameters), ("denied_parameters", &rule.denied_parameters)];
    for (name, map) in maps.into_iter().filter(|(_, map)| !map.is_empty()) {
        line(name, object(map));
    }
    let ttls = [("min_wrapping_ttl", &rule.min_wrapping_ttl), ("max_wrapping_ttl", &rule.max_wrapping_ttl)];
    for (name, ttl) in ttls.into_iter().filter(|(_, ttl)| !ttl.is_empty()) {
        line(name, format!("\"{ttl}\""));
    }
    if !rule.subscribe_event_types.is_empty() {
        line("subscribe_event_types", list(&rule.subscribe_event_types));
    }
    text.push_str("}\n");
    text
}

fn list(words: &[String]) -> String {
    let words: Vec<String> = words.iter().map(|word| format!("\"{word}\"")).collect();
    format!("[{}]", words.join(", "))
}

fn object(map: &BTreeMap<String, Vec<String>>) -> String {
    let lines: String =
        map.iter().map(|(key, values)| format!("    \"{key}\" = {}\n", list(values))).collect();
    format!("{{\n{lines}  }}")
}

/// The `id` the data source has for a text: its CRC-32 (IEEE) in decimal.
#[must_use]
pub fn document_id(text: &str) -> String {
    let crc = text.bytes().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 & 0_u32.wrapping_sub(crc & 1)))
    });
    (!crc).to_string()
}
