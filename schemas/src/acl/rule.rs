//! What a policy says.

use std::collections::{BTreeMap, HashSet};
use std::hash::Hash;
use std::time::Duration;

use super::value::ENTRY;
use super::{Capabilities, Capability, ControlGroup, FilterPath, ParameterValue, PathPattern};

/// A policy: rules in the order of the text.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AclPolicy {
    /// The name inside the text; has no effect.
    pub name: Option<String>,
    /// The rules; the same path may come more than once.
    pub paths: Vec<PathRule>,
}

/// Values per lower-case parameter name; an empty list stands for any value.
pub type Parameters = BTreeMap<String, Vec<ParameterValue>>;

/// What is granted on the paths of one pattern.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PathRule {
    /// The pattern as written, one leading `/` taken off, relative to the namespace of the policy.
    pub path: String,
    /// What may be done. With [`Capability::Deny`] there is nothing else in it.
    pub capabilities: Capabilities,
    /// Parameters a request may have.
    pub allowed_parameters: Option<Parameters>,
    /// Parameters a request may not have.
    pub denied_parameters: Option<Parameters>,
    /// Parameters a request must have.
    pub required_parameters: Vec<String>,
    /// Least lifetime of the wrapping token that a request must ask for.
    pub min_wrapping_ttl: Option<Duration>,
    /// Greatest lifetime of the wrapping token that a request must ask for.
    pub max_wrapping_ttl: Option<Duration>,
    /// MFA methods to pass.
    pub mfa_methods: Vec<String>,
    /// A remark.
    pub comment: Option<String>,
    /// When the rule ends, in microseconds since 1970.
    pub expiration: Option<i64>,
    /// Most entries a list answers at once; always positive.
    pub pagination_limit: Option<i64>,
    /// Lists show only keys for which this path may be used.
    pub list_scan_response_keys_filter_path: Option<FilterPath>,
    /// Approvals needed first.
    pub control_group: Option<ControlGroup>,
}

impl PathRule {
    /// A rule that grants `capabilities` on `path` and nothing more.
    #[must_use]
    pub fn new(path: impl Into<String>, capabilities: Capabilities) -> Self {
        Self { path: path.into(), capabilities, ..Self::default() }
    }

    /// The pattern the path is.
    #[must_use]
    pub fn pattern(&self) -> PathPattern {
        PathPattern::new(&self.path)
    }

    /// Whether the rule denies.
    #[must_use]
    pub fn denies(&self) -> bool {
        self.capabilities.contains(Capability::Deny)
    }

    /// Whether the rule has ended at `now`, in microseconds since 1970.
    #[must_use]
    pub fn expired(&self, now: i64) -> bool {
        self.expiration.is_some_and(|end| now > end)
    }

    /// Adds what another rule on the same path says. A deny on either side is all that remains.
    ///
    /// Values that both name are then there twice, until [`settle`](Self::settle).
    pub fn merge(&mut self, other: &Self) {
        if self.denies() {
            return;
        }
        if other.denies() {
            self.capabilities = other.capabilities;
            self.allowed_parameters = None;
            self.denied_parameters = None;
            return;
        }
        self.capabilities = self.capabilities.union(other.capabilities);
        lesser(&mut self.max_wrapping_ttl, other.max_wrapping_ttl);
        lesser(&mut self.min_wrapping_ttl, other.min_wrapping_ttl);
        lesser(&mut self.pagination_limit, other.pagination_limit);
        merge_parameters(&mut self.allowed_parameters, other.allowed_parameters.as_ref());
        merge_parameters(&mut self.denied_parameters, other.denied_parameters.as_ref());
        self.required_parameters.extend_from_slice(&other.required_parameters);
        self.mfa_methods.extend_from_slice(&other.mfa_methods);
        // Whichever rule comes first: no policy takes back that another asks for the approval of others.
        match (&mut self.control_group, &other.control_group) {
            (Some(group), Some(other)) => group.merge(other),
            (group, other) => *group = group.take().or_else(|| other.clone()),
        }
        if self.list_scan_response_keys_filter_path.is_none() {
            self.list_scan_response_keys_filter_path.clone_from(&other.list_scan_response_keys_filter_path);
        }
    }

    /// Bytes of its texts and lists, about.
    #[must_use]
    pub fn size(&self) -> usize {
        let texts =
            |texts: &[String]| texts.iter().map(|text| size_of::<String>() + text.len()).sum::<usize>();
        let of_parameters = |parameters: &Parameters| {
            let values = parameters.iter().map(|(name, values)| {
                ENTRY + name.len() + values.iter().map(ParameterValue::size).sum::<usize>()
            });
            values.sum::<usize>()
        };
        let parameters = [&self.allowed_parameters, &self.denied_parameters];
        let factors = self.control_group.iter().flat_map(|group| &group.factors);
        let factors = factors.map(|factor| ENTRY + factor.name.len() + texts(&factor.group_names));
        self.path.len()
            + self.comment.as_ref().map_or(0, String::len)
            + parameters.into_iter().flatten().map(of_parameters).sum::<usize>()
            + texts(&self.required_parameters)
            + texts(&self.mfa_methods)
            + factors.sum::<usize>()
            + self
                .list_scan_response_keys_filter_path
                .as_ref()
                .map_or(0, |filter| 4 * filter.to_string().len())
    }

    /// Lets every value be there once. Call it when all is merged, of however many rules: each time would be slow.
    pub fn settle(&mut self) {
        let parameters = [&mut self.allowed_parameters, &mut self.denied_parameters];
        parameters.into_iter().flatten().flat_map(|map| map.values_mut()).for_each(settle);
        settle(&mut self.required_parameters);
        settle(&mut self.mfa_methods);
        if let Some(group) = &mut self.control_group {
            settle(&mut group.factors);
        }
    }
}

/// Keeps the lesser of two limits; none is no limit.
pub(super) fn lesser<T: Copy + Ord>(kept: &mut Option<T>, other: Option<T>) {
    *kept = match (*kept, other) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    };
}

/// Leaves of equal values the first.
pub(super) fn settle<T: Eq + Hash>(values: &mut Vec<T>) {
    if values.len() < 2 {
        return;
    }
    let mut known = HashSet::with_capacity(values.len());
    let are_new: Vec<bool> = values.iter().map(|value| known.insert(value)).collect();
    let mut are_new = are_new.into_iter();
    values.retain(|_| are_new.next().unwrap_or_default());
}

/// Values of the same parameter add up; an empty list, which stands for any value, absorbs the others.
fn merge_parameters(kept: &mut Option<Parameters>, other: Option<&Parameters>) {
    let Some(other) = other.filter(|other| !other.is_empty()) else { return };
    let kept = kept.get_or_insert_default();
    for (name, values) in other {
        match kept.get_mut(name) {
            None => drop(kept.insert(name.clone(), values.clone())),
            Some(present) if present.is_empty() => {}
            Some(present) if values.is_empty() => present.clear(),
            Some(present) => present.extend_from_slice(values),
        }
    }
}
