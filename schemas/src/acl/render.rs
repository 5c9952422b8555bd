//! The canonical text of a policy.

use std::fmt::{self, Write as _};
use std::time::Duration;

use super::rule::Parameters;
use super::timestamp;
use super::value::joined;
use super::{AclPolicy, Capability, ControlGroup, PathRule};

/// A string in quotes, as HCL and JSON both read it.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for (at, character) in text.char_indices() {
        match character {
            // HCL reads what follows `${` up to `}` as it stands, quotes included.
            '$' if text[at..].starts_with("${") => out.push_str("\\u0024"),
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            other if other.is_control() => out.push_str(&format!("\\u{:04x}", u32::from(other))),
            other => out.push(other),
        }
    }
    out.push('"');
    out
}

fn quoted_list<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    format!("[{}]", words.into_iter().map(quoted).collect::<Vec<_>>().join(", "))
}

/// The shortest of `2h`, `90s`, `1500000000ns` that says it exactly.
fn duration(duration: Duration) -> String {
    match (duration.as_secs(), duration.subsec_nanos()) {
        (seconds, 0) if seconds % 3600 == 0 => format!("{}h", seconds / 3600),
        (seconds, 0) if seconds % 60 == 0 => format!("{}m", seconds / 60),
        (seconds, 0) => format!("{seconds}s"),
        _ => format!("{}ns", duration.as_nanos()),
    }
}

impl fmt::Display for AclPolicy {
    /// Canonical HCL: rules in their order, attributes in a fixed one, two spaces of indentation.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(name) = &self.name {
            writeln!(f, "name = {}\n", quoted(name))?;
        }
        for (index, rule) in self.paths.iter().enumerate() {
            write!(f, "{}{rule}", if index == 0 { "" } else { "\n" })?;
        }
        Ok(())
    }
}

impl fmt::Display for PathRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let capabilities = quoted_list(self.capabilities.iter().map(Capability::name));
        // A path that begins with `/` lost one in reading.
        let path = if self.path.starts_with('/') { format!("/{}", self.path) } else { self.path.clone() };
        writeln!(f, "path {} {{", quoted(&path))?;
        if let Some(comment) = &self.comment {
            writeln!(f, "  comment = {}", quoted(comment))?;
        }
        writeln!(f, "  capabilities = {capabilities}")?;
        write_list(f, "required_parameters", &self.required_parameters)?;
        write_parameters(f, "allowed_parameters", self.allowed_parameters.as_ref())?;
        write_parameters(f, "denied_parameters", self.denied_parameters.as_ref())?;
        let ttls = [("min_wrapping_ttl", self.min_wrapping_ttl), ("max_wrapping_ttl", self.max_wrapping_ttl)];
        for (name, ttl) in ttls {
            ttl.map_or(Ok(()), |ttl| writeln!(f, "  {name} = {}", quoted(&duration(ttl))))?;
        }
        write_list(f, "mfa_methods", &self.mfa_methods)?;
        self.expiration.map_or(Ok(()), |end| writeln!(f, "  expiration = {}", timestamp::render(end)))?;
        self.pagination_limit.map_or(Ok(()), |limit| writeln!(f, "  pagination_limit = {limit}"))?;
        if let Some(filter) = &self.list_scan_response_keys_filter_path {
            writeln!(f, "  list_scan_response_keys_filter_path = {}", quoted(&filter.to_string()))?;
        }
        if let Some(group) = &self.control_group {
            write_control_group(f, group)?;
        }
        f.write_str("}\n")
    }
}

fn write_list(f: &mut fmt::Formatter<'_>, name: &str, words: &[String]) -> fmt::Result {
    if words.is_empty() {
        return Ok(());
    }
    writeln!(f, "  {name} = {}", quoted_list(words.iter().map(String::as_str)))
}

fn write_parameters(f: &mut fmt::Formatter<'_>, name: &str, parameters: Option<&Parameters>) -> fmt::Result {
    let Some(parameters) = parameters else { return Ok(()) };
    let mut body = String::new();
    for (key, values) in parameters {
        writeln!(body, "    {} = [{}]", quoted(key), joined(values))?;
    }
    writeln!(f, "  {name} = {{\n{body}  }}")
}

fn write_control_group(f: &mut fmt::Formatter<'_>, group: &ControlGroup) -> fmt::Result {
    writeln!(f, "  control_group = {{")?;
    group.ttl.map_or(Ok(()), |ttl| writeln!(f, "    ttl = {}", quoted(&duration(ttl))))?;
    if group.self_auth_allowed {
        writeln!(f, "    self_auth_allowed = true")?;
    }
    for factor in &group.factors {
        let capabilities = quoted_list(factor.controlled_capabilities.iter().map(Capability::name));
        let groups = quoted_list(factor.group_names.iter().map(String::as_str));
        writeln!(f, "    factor {} {{", quoted(&factor.name))?;
        writeln!(f, "      controlled_capabilities = {capabilities}")?;
        writeln!(f, "      identity {{")?;
        writeln!(f, "        group_names = {groups}\n        approvals = {}", factor.approvals)?;
        writeln!(f, "      }}\n    }}")?;
    }
    writeln!(f, "  }}")
}
