//! Addresses: containment is the address, and names are the API's.

use std::fmt;

/// The address of an object: `namespace.team-a.auth.ci.role.deploy`.
///
/// Each step is a block name and a label; the label is the object's name in the API. Blocks without a label have
/// an empty one.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address(Vec<Step>);

/// One step of an address.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Step {
    /// Block name: `policy`.
    pub block: String,
    /// Name in the API; empty for blocks without a label.
    pub label: String,
}

/// The block that makes a namespace.
pub(crate) const NAMESPACE: &str = "namespace";

impl Address {
    /// The address of the whole file.
    pub fn root() -> Self {
        Self::default()
    }

    /// The address of an object below this one.
    #[must_use]
    pub fn join(&self, block: &str, label: &str) -> Self {
        let mut steps = self.0.clone();
        steps.push(Step { block: block.to_owned(), label: label.to_owned() });
        Self(steps)
    }

    /// The steps, outermost first.
    pub fn steps(&self) -> &[Step] {
        &self.0
    }

    /// The last step.
    pub fn last(&self) -> Option<&Step> {
        self.0.last()
    }

    /// The address of the container; `None` for the root.
    pub fn parent(&self) -> Option<Self> {
        let (_, rest) = self.0.split_last()?;
        Some(Self(rest.to_vec()))
    }

    /// The containers, nearest first; the root is not among them.
    pub fn containers(&self) -> impl Iterator<Item = Self> + '_ {
        (1..self.0.len()).rev().map(|length| Self(self.0[..length].to_vec()))
    }

    /// True if this is `other` or stands within it.
    pub fn is_within(&self, other: &Self) -> bool {
        self.0.starts_with(&other.0)
    }

    /// The same below `to`, for an address that is `from` or stands within it.
    pub(crate) fn rebased(&self, from: &Self, to: &Self) -> Self {
        Self(to.0.iter().chain(self.0.iter().skip(from.0.len())).cloned().collect())
    }

    /// The namespace that requests about this object go to, `a/b`; empty for the root. A namespace is an object
    /// of its parent.
    pub fn namespace(&self) -> String {
        let leading = self.0.iter().take_while(|step| step.block == NAMESPACE).count();
        let is_namespace = leading == self.0.len();
        let count = if is_namespace { leading.saturating_sub(1) } else { leading };
        self.0[..count].iter().map(|step| step.label.as_str()).collect::<Vec<_>>().join("/")
    }

    /// The address within its namespace: `auth.ci.role.deploy`.
    pub fn within_namespace(&self) -> String {
        let namespaces = self.namespace_steps();
        render(&self.0[namespaces..])
    }

    /// The address of the namespace it stands in; the root's is empty.
    pub fn namespace_address(&self) -> Self {
        Self(self.0[..self.namespace_steps()].to_vec())
    }

    fn namespace_steps(&self) -> usize {
        let leading = self.0.iter().take_while(|step| step.block == NAMESPACE).count();
        if leading == self.0.len() { leading.saturating_sub(1) } else { leading }
    }

    /// Reads what `Display` writes.
    pub fn parse(text: &str) -> Option<Self> {
        let words = words(text)?;
        // Blocks come in pairs of name and label; a name alone may only stand last.
        let steps = words
            .chunks(2)
            .map(|pair| Step { block: pair[0].clone(), label: pair.get(1).cloned().unwrap_or_default() });
        (!words.is_empty()).then(|| Self(steps.collect()))
    }
}

/// The words of `a.b["c.d"].e`.
fn words(text: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        if let Some(inside) = rest.strip_prefix("[\"") {
            let (label, after) = quoted(inside)?;
            words.push(label);
            rest = after.strip_prefix(']')?;
        } else {
            let end = rest.find(['.', '[']).unwrap_or(rest.len());
            (end > 0).then(|| words.push(rest[..end].to_owned()))?;
            rest = &rest[end..];
        }
        if let Some(after) = rest.strip_prefix('.') {
            (!after.is_empty()).then_some(())?;
            rest = after;
        }
    }
    Some(words)
}

/// The text up to the next quote that is not escaped, and what follows it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut label = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((label, &text[at + 1..])),
            '\\' => label.push(characters.next()?.1),
            other => label.push(other),
        }
    }
    None
}

fn render(steps: &[Step]) -> String {
    let mut text = String::new();
    for step in steps {
        if !text.is_empty() {
            text.push('.');
        }
        text.push_str(&step.block);
        text.push_str(&label(&step.label));
    }
    text
}

fn label(label: &str) -> String {
    if label.is_empty() {
        return String::new();
    }
    let plain = label.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-');
    if plain {
        return format!(".{label}");
    }
    format!("[\"{}\"]", label.replace('\\', "\\\\").replace('"', "\\\""))
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&render(&self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, namespace: &str, within: &str) {
        let address = Address::parse(text).expect("an address");
        assert_eq!(address.to_string(), text);
        assert_eq!(address.namespace(), namespace);
        assert_eq!(address.within_namespace(), within);
    }

    #[test]
    fn an_address_is_read_back_as_it_is_written() {
        check("policy.app-read", "", "policy.app-read");
        check("namespace.a.namespace.b.auth.ci.role.x", "a/b", "auth.ci.role.x");
        check("namespace.a", "", "namespace.a");
        check("mount[\"teams/kv\"].secret[\"a.\\\"b\"]", "", "mount[\"teams/kv\"].secret[\"a.\\\"b\"]");
        check("mount.kv.config", "", "mount.kv.config");
    }

    #[test]
    fn other_text_is_no_address() {
        for text in ["", ".", "a..b", "a[\"b", "a[b]"] {
            assert_eq!(Address::parse(text), None, "{text}");
        }
    }
}
