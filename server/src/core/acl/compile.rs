//! Policies to matcher.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use schemas::acl::{Capabilities, PathPattern, PathRule, PatternKind};

use super::prefixes::Prefixes;
use super::segments::{Rank, Ranked, Segments};
use super::{ParsedPolicy, PolicyNamespace, parameters};

/// A policy that granted something, as the audit log names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantingPolicy {
    /// Its name.
    pub name: String,
    /// Where it belongs.
    pub namespace: PolicyNamespace,
}

/// A rule merged from all policies that name its pattern.
#[derive(Debug)]
pub(super) struct Merged {
    /// With the path of the namespace before it.
    pub(super) pattern: PathPattern,
    /// The length of that path, in which nothing is a wildcard whatever the namespace is called.
    pub(super) literal: usize,
    pub(super) rule: PathRule,
    pub(super) granted: Vec<(Capabilities, Arc<GrantingPolicy>)>,
}

/// What a set of policies allows.
#[derive(Debug, Default)]
pub struct Acl {
    pub(super) root: Option<Arc<GrantingPolicy>>,
    pub(super) rules: Vec<Merged>,
    exact: HashMap<Box<str>, usize>,
    prefixes: Prefixes<Ranked>,
    segments: Option<Segments>,
    /// With the paths of the namespaces before them: nothing that begins so is allowed, whatever the rules say. Sorted,
    /// and none begins with another.
    pub(super) closed: Vec<Box<str>>,
    ends_at: Option<i64>,
    looks_at_data: bool,
}

impl Acl {
    /// Compiles a set of policies as it is at `now`, in microseconds since 1970.
    ///
    /// Rules that have ended are left out, and so are templates that were not rendered. `root` among the
    /// policies makes everything allowed in its namespace and below; it must be alone, and among others it
    /// counts for nothing.
    #[must_use]
    pub fn compile(policies: &[Arc<ParsedPolicy>], now: i64) -> Self {
        if let [policy] = policies
            && policy.name == "root"
        {
            return Self { root: Some(Arc::new(granting(policy))), ..Self::default() };
        }
        let mut acl = Self::default();
        let mut known = HashMap::new();
        for policy in policies.iter().filter(|policy| policy.name != "root") {
            acl.add(policy, now, &mut known);
        }
        acl.index();
        acl
    }

    /// The same matcher, of policies that as a whole end at `end` if no rule ends before.
    #[must_use]
    pub fn ending_at(mut self, end: Option<i64>) -> Self {
        self.ends_at = [self.ends_at, end].into_iter().flatten().min();
        self
    }

    /// When a rule or a policy ends next, in microseconds since 1970: the matcher must be compiled anew after that.
    #[must_use]
    pub fn ends_at(&self) -> Option<i64> {
        self.ends_at
    }

    /// Whether a rule has something to say of the data of requests. Without, nobody needs to read them.
    #[must_use]
    pub fn looks_at_data(&self) -> bool {
        self.looks_at_data
    }

    /// Bytes that it takes, about.
    #[must_use]
    pub fn size(&self) -> usize {
        let rules = self.rules.iter().map(Merged::size).sum::<usize>();
        let closed = self.closed.iter().map(|prefix| size_of::<Box<str>>() + prefix.len()).sum::<usize>();
        size_of::<Self>() + rules + closed + self.segments.as_ref().map_or(0, Segments::size)
    }

    /// Whether it is the policy `root`.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.root.is_some()
    }

    fn add(&mut self, policy: &ParsedPolicy, now: i64, known: &mut HashMap<(PathPattern, usize), usize>) {
        let forbidden = policy.forbidden.iter().filter(|value| value.expiration.is_none_or(|end| now <= end));
        for value in forbidden {
            self.ends_at = [self.ends_at, value.expiration].into_iter().flatten().min();
            self.closed.push(format!("{}{}", policy.namespace.path, value.prefix).into());
        }
        let by = Arc::new(granting(policy));
        for rule in &policy.policy.paths {
            if rule.expired(now) || policy.awaits_values(rule) {
                continue;
            }
            self.ends_at = [self.ends_at, rule.expiration].into_iter().flatten().min();
            self.looks_at_data |= parameters::are_of_interest(rule);
            let (pattern, literal) = (within(&policy.namespace, &rule.path), policy.namespace.path.len());
            match known.entry((pattern.clone(), literal)) {
                Entry::Occupied(known) => self.rules[*known.get()].merge(rule, &by),
                Entry::Vacant(free) => {
                    free.insert(self.rules.len());
                    let granted = vec![(rule.capabilities, by.clone())];
                    self.rules.push(Merged { pattern, literal, rule: rule.clone(), granted });
                }
            }
        }
    }

    fn index(&mut self) {
        self.rules.iter_mut().for_each(|merged| merged.rule.settle());
        let mut prefixes = Vec::new();
        for (index, merged) in self.rules.iter().enumerate() {
            let text = &merged.pattern.text;
            match merged.pattern.kind {
                PatternKind::Exact => drop(self.exact.insert(text.as_str().into(), index)),
                PatternKind::Prefix => {
                    prefixes.push((text.clone(), Ranked { rank: Rank::of_prefix(text), rule: index }));
                }
                PatternKind::Segments { prefix } => {
                    self.segments.get_or_insert_default().insert(text, merged.literal, prefix, index);
                }
            }
        }
        self.prefixes = Prefixes::new(prefixes);
        self.closed.sort_unstable();
        // Of those that begin alike the shortest comes first.
        self.closed.dedup_by(|longer, kept| longer.starts_with(&**kept));
        if let Some(segments) = &mut self.segments {
            segments.finish();
        }
    }

    /// The rule that decides on `path`. A list also looks for the path without its trailing `/`: for an
    /// exact rule at once, for others only when nothing matches with it.
    pub(super) fn rule(&self, path: &str, list: bool) -> Option<&Merged> {
        if self.is_closed(path) {
            return None;
        }
        let bare = if list { path.strip_suffix('/') } else { None };
        let index = self
            .exact
            .get(path)
            .or_else(|| bare.and_then(|bare| self.exact.get(bare)))
            .copied()
            .or_else(|| self.wildcard(path))
            .or_else(|| bare.and_then(|bare| self.wildcard(bare)))?;
        Some(&self.rules[index])
    }

    /// Whether a rule might speak of `path`, a path in the whole server, that nobody can read.
    pub(super) fn is_closed(&self, path: &str) -> bool {
        // What lies between a prefix and a path that begins with it begins with it, too; and none does.
        let after = self.closed.partition_point(|prefix| &**prefix <= path);
        after.checked_sub(1).is_some_and(|last| path.starts_with(&*self.closed[last]))
    }

    fn wildcard(&self, path: &str) -> Option<usize> {
        let prefix = self.prefixes.longest(path);
        let segments = self.segments.as_ref().and_then(|segments| segments.best(path));
        let best = prefix.into_iter().chain(segments).max_by(|a, b| a.rank.cmp(&b.rank))?;
        Some(best.rule)
    }
}

impl Merged {
    /// Bytes that it takes, about; its pattern is also in the tables that lead to it.
    fn size(&self) -> usize {
        let grants = self.granted.len() * size_of::<(Capabilities, Arc<GrantingPolicy>)>();
        2 * size_of::<Self>() + 4 * self.pattern.text.len() + grants + self.rule.size()
    }

    fn merge(&mut self, rule: &PathRule, by: &Arc<GrantingPolicy>) {
        if !self.rule.denies() && !rule.denies() {
            self.granted.push((rule.capabilities, by.clone()));
        }
        self.rule.merge(rule);
    }
}

/// The pattern `path` of a policy of `namespace`. Only `path` is read as a pattern.
fn within(namespace: &PolicyNamespace, path: &str) -> PathPattern {
    if namespace.path.is_empty() {
        return PathPattern::new(path);
    }
    // The slash stands for the one that ends the path of the namespace.
    let PathPattern { kind, text } = PathPattern::new(&format!("/{path}"));
    PathPattern { kind, text: format!("{}{text}", namespace.path.trim_end_matches('/')) }
}

fn granting(policy: &ParsedPolicy) -> GrantingPolicy {
    GrantingPolicy { name: policy.name.clone(), namespace: policy.namespace.clone() }
}
