//! `control_group`: rights that others must approve first.

use std::time::Duration;

use super::decode;
use super::error::peer_list;
use super::hcl1::{Item, Node, Object};
use super::parse::{Reader, positive};
use super::rule::{lesser, settle};
use super::{Capabilities, Capability};

/// Approvals that a request under the rule needs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ControlGroup {
    /// How long a request waits for approval.
    pub ttl: Option<Duration>,
    /// Whether the one who asks may approve.
    pub self_auth_allowed: bool,
    /// Every factor must be met.
    pub factors: Vec<ControlGroupFactor>,
}

impl ControlGroup {
    /// Whether what needs `capability` must be approved.
    #[must_use]
    pub fn controls(&self, capability: Capability) -> bool {
        self.factors.iter().any(|factor| factor.controlled_capabilities.contains(capability))
    }

    /// Adds what the group of another rule on the same path asks for: both ask for their approvals.
    pub(super) fn merge(&mut self, other: &Self) {
        lesser(&mut self.ttl, other.ttl);
        self.self_auth_allowed &= other.self_auth_allowed;
        self.factors.extend_from_slice(&other.factors);
    }
}

/// One needed approval.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct ControlGroupFactor {
    /// Label of the block.
    pub name: String,
    /// For which capabilities it is needed.
    pub controlled_capabilities: Capabilities,
    /// Identity groups whose members approve.
    pub group_names: Vec<String>,
    /// How many of them must.
    pub approvals: i64,
}

/// Reads the `control_group` of a rule, of which all ask for their approvals; mistakes go to the reader.
pub(super) fn read(reader: &mut Reader<'_>, rule: &Object, context: &str) -> Option<ControlGroup> {
    let mut merged: Option<ControlGroup> = None;
    for item in rule.named("control_group") {
        let group = one(reader, item, context);
        match (&mut merged, group) {
            (Some(merged), Some(group)) => merged.merge(&group),
            (merged, group) => *merged = merged.take().or(group),
        }
    }
    if let Some(merged) = &mut merged {
        settle(&mut merged.factors);
    }
    merged
}

fn one(reader: &mut Reader<'_>, item: &Item, context: &str) -> Option<ControlGroup> {
    let outer = format!("{context}error handling control_group: ");
    let add = |reader: &mut Reader<'_>, at: &Item, message: String, peer: String| {
        reader.add(at.value.span(), message, None, format!("{outer}{}", peer_list(&[peer])));
    };
    let Node::Object(object, _) = &item.value else {
        let peer = format!("cannot check HCL keys of type {}", item.value.peer_type());
        add(reader, item, "`control_group` must be a block".to_owned(), peer);
        return None;
    };
    reader.check_keys(object, &["ttl", "self_auth_allowed", "factor"], &outer);
    let mut group = ControlGroup::default();
    for flag in object.named("self_auth_allowed") {
        group.self_auth_allowed = reader.take(flag, &outer, decode::boolean(flag)).unwrap_or_default();
    }
    read_factors(reader, object, &mut group, &outer);
    for ttl in object.named("ttl") {
        match decode::duration(ttl) {
            // Less than a second would be over before anybody could approve.
            Ok(nanoseconds) => group.ttl = positive(nanoseconds).map(|ttl| ttl.max(Duration::from_secs(1))),
            Err(wrong) => {
                add(
                    reader,
                    ttl,
                    wrong.message,
                    format!("path control_group: invalid ttl: {}", wrong.peer_text),
                );
            }
        }
    }
    if let Some((message, peer)) = incomplete(&group) {
        add(reader, item, message, peer);
    }
    Some(group)
}

/// What a group lacks to be one.
fn incomplete(group: &ControlGroup) -> Option<(String, String)> {
    if group.factors.is_empty() {
        let message = "`control_group` needs at least one `factor`".to_owned();
        return Some((message, "requires at least one factor but had none".to_owned()));
    }
    group.factors.iter().enumerate().find_map(|(index, factor)| {
        let missing = if factor.controlled_capabilities.is_empty() {
            "missing controlled capabilities"
        } else if factor.approvals <= 0 {
            "missing required approvals"
        } else if factor.group_names.is_empty() {
            "missing approving groups"
        } else {
            return None;
        };
        Some((format!("factor `{}`: {missing}", factor.name), format!("factor {index}: {missing}")))
    })
}

/// A mistake: for people, and in OpenBao's words.
type Wrong = (String, String);

/// Reads the blocks `factor`. OpenBao tells all that is wrong with their forms at once.
fn read_factors(reader: &mut Reader<'_>, object: &Object, group: &mut ControlGroup, outer: &str) {
    let mut wrong = Vec::new();
    for item in object.named("factor") {
        match read_factor(reader, item, outer) {
            Ok(factor) => group.factors.push(factor),
            Err(found) => wrong.extend(found.into_iter().map(|found| (item, found))),
        }
    }
    let line = |(_, (_, peer)): &(_, Wrong)| format!("path control_group factor: {peer}");
    let inner = peer_list(&wrong.iter().map(line).collect::<Vec<_>>());
    let peer = peer_list(&[format!("error handling control_group factor: {inner}")]);
    for (item, (message, _)) in wrong {
        reader.add(item.value.span(), message, None, format!("{outer}{peer}"));
    }
}

fn read_factor(reader: &mut Reader<'_>, item: &Item, outer: &str) -> Result<ControlGroupFactor, Vec<Wrong>> {
    let Node::Object(object, _) = &item.value else {
        let peer = format!("cannot check HCL keys of type {}", item.value.peer_type());
        return Err(vec![("`factor` must be a block".to_owned(), peer)]);
    };
    let known = ["controlled_capabilities", "identity"];
    let strangers = object.items.iter().filter(|inner| !known.contains(&inner.name()));
    let strangers: Vec<Wrong> = strangers.map(unknown_key).collect();
    if !strangers.is_empty() {
        return Err(strangers);
    }
    let Some(label) = item.keys.get(1) else {
        let message = "`factor` needs a name: `factor \"ops\" { … }`".to_owned();
        return Err(vec![(message, "require name key".to_owned())]);
    };
    let mut factor = ControlGroupFactor { name: label.text.clone(), ..ControlGroupFactor::default() };
    for words in object.named("controlled_capabilities") {
        let listed = reader.take(words, outer, decode::strings(words)).unwrap_or_default();
        let set = operations(&listed).unwrap_or_else(|(message, peer)| {
            reader.add(words.value.span(), message, None, format!("{outer}{}", peer_list(&[peer])));
            // It is no group without a capability to control, and only this is told of it.
            Capability::ALL.into_iter().collect()
        });
        factor.controlled_capabilities = factor.controlled_capabilities.union(set);
    }
    for identity in object.named("identity") {
        read_identity(reader, identity, &mut factor, outer);
    }
    Ok(factor)
}

fn unknown_key(inner: &Item) -> Wrong {
    let (name, line) = (inner.name(), inner.assign_line);
    (format!("unknown key `{name}` in `factor`"), format!("invalid key {name:?} on line {line}"))
}

fn operations(words: &[String]) -> Result<Capabilities, Wrong> {
    let mut set = Capabilities::NONE;
    for word in words {
        match word.parse() {
            Ok(capability) if !matches!(capability, Capability::Sudo | Capability::Deny) => {
                set.insert(capability)
            }
            _ => {
                let message = format!("`{word}` is no capability that approvals can control");
                return Err((message, format!("path control_group Operation(s) not valid: {word}")));
            }
        }
    }
    Ok(set)
}

fn read_identity(reader: &mut Reader<'_>, item: &Item, factor: &mut ControlGroupFactor, outer: &str) {
    let Node::Object(object, _) = &item.value else { return };
    for names in object.named("group_names") {
        factor.group_names.extend(reader.take(names, outer, decode::strings(names)).unwrap_or_default());
    }
    for approvals in object.named("approvals") {
        factor.approvals = reader.take(approvals, outer, decode::integer(approvals)).unwrap_or_default();
    }
}
