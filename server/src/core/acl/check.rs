//! Whether a request is allowed.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use schemas::acl::{Capability, ControlGroup, FilterPath, PathRule, PatternKind};
use serde_json::{Map, Value};

use super::compile::Merged;
use super::parameters;
use super::{Acl, GrantingPolicy};

/// What a request does, as far as rules are concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operation {
    /// Write something new.
    Create,
    /// Read.
    Read,
    /// Write.
    Update,
    /// Change a part.
    Patch,
    /// Delete.
    Delete,
    /// List names.
    List,
    /// List names, all levels.
    Scan,
    /// Ask for help; always allowed.
    Help,
    /// HEAD: no capability allows it.
    Head,
    /// Revoke what a lease stands for.
    Revoke,
    /// Renew a lease.
    Renew,
    /// Undo what was left half done.
    Rollback,
}

impl Operation {
    /// The capability it needs; help needs none, and for HEAD there is none.
    #[must_use]
    pub fn capability(self) -> Option<Capability> {
        match self {
            Self::Create => Some(Capability::Create),
            Self::Read => Some(Capability::Read),
            Self::Update | Self::Revoke | Self::Renew | Self::Rollback => Some(Capability::Update),
            Self::Patch => Some(Capability::Patch),
            Self::Delete => Some(Capability::Delete),
            Self::List => Some(Capability::List),
            Self::Scan => Some(Capability::Scan),
            Self::Help | Self::Head => None,
        }
    }

    fn lists(self) -> bool {
        matches!(self, Self::List | Self::Scan)
    }
}

/// What rules look at.
#[derive(Debug, Clone, Copy)]
pub struct AclRequest<'a> {
    /// What is to be done.
    pub operation: Operation,
    /// Full path of the namespace of the request: empty, or with a trailing `/`.
    pub namespace: &'a str,
    /// The path within the namespace.
    pub path: &'a str,
    /// The data of the request, that of the query included.
    pub parameters: Option<&'a Map<String, Value>>,
    /// The lifetime of the wrapping token asked for.
    pub wrap_ttl: Option<Duration>,
}

/// Why a request is denied; for logs and hints, never for the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeniedReason {
    /// No rule speaks of the path.
    NoRule,
    /// A rule might speak of the path, whose template has a value that it must not have.
    ForbiddenValue,
    /// The policy `root` of another namespace.
    OtherNamespace,
    /// The rule lacks the capability.
    Capability(Capability),
    /// The wrapping asked for, or its absence, is outside the rule's window.
    WrappingTtl,
    /// A required parameter is missing.
    RequiredParameter,
    /// A parameter is denied.
    DeniedParameter,
    /// A parameter is not among those allowed.
    AllowedParameters,
    /// More entries asked for than the rule lets one have at once.
    PaginationLimit,
}

/// The answer to a request.
#[derive(Debug, Clone, Default)]
pub struct Decision<'a> {
    /// Whether it may go on.
    pub allowed: bool,
    /// Why not.
    pub denied: Option<DeniedReason>,
    /// Whether the rule has `sudo`, whatever `allowed` says.
    pub sudo: bool,
    /// Whether it is the policy `root` that allows.
    pub root: bool,
    /// The value that the parameter `limit` must take instead of what was sent.
    pub limit: Option<i64>,
    /// For lists: which path decides on a key.
    pub filter_path: Option<&'a FilterPath>,
    /// MFA methods to pass.
    pub mfa_methods: &'a [String],
    /// Approvals needed: of a group that controls the operation.
    pub control_group: Option<&'a ControlGroup>,
    granting: Granting<'a>,
}

/// Who grants; looked for only when somebody asks.
#[derive(Debug, Clone, Copy, Default)]
enum Granting<'a> {
    #[default]
    Nobody,
    Root(&'a GrantingPolicy),
    /// Those whose rule has the capability.
    Having(Capability, &'a Merged),
}

impl<'a> Decision<'a> {
    /// Whether the token alone is not enough: the rule asks for a second factor.
    pub fn needs_second_factor(&self) -> bool {
        !self.mfa_methods.is_empty()
    }

    /// The policies that grant the operation, in the order they were compiled in.
    pub fn granting_policies(&self) -> impl Iterator<Item = &'a GrantingPolicy> + '_ {
        let (root, having) = match self.granting {
            Granting::Nobody => (None, None),
            Granting::Root(policy) => (Some(policy), None),
            Granting::Having(capability, merged) => (None, Some((capability, merged))),
        };
        let granted = having.into_iter().flat_map(|(capability, merged)| {
            merged.granted.iter().filter(move |(capabilities, _)| capabilities.contains(capability))
        });
        root.into_iter().chain(granted.map(|(_, policy)| &**policy))
    }
}

impl Acl {
    /// Decides on a request.
    #[must_use]
    pub fn check(&self, request: &AclRequest<'_>) -> Decision<'_> {
        if let Some(root) = &self.root {
            return root_decision(root, request.namespace);
        }
        if request.operation == Operation::Head {
            return Decision { denied: Some(DeniedReason::NoRule), ..Decision::default() };
        }
        let Some(capability) = request.operation.capability() else {
            return Decision { allowed: true, ..Decision::default() };
        };
        let path = full_path(request.namespace, request.path);
        let Some(merged) = self.rule(&path, request.operation.lists()) else {
            let is_closed = self.is_closed(&path);
            let reason = if is_closed { DeniedReason::ForbiddenValue } else { DeniedReason::NoRule };
            return Decision { denied: Some(reason), ..Decision::default() };
        };
        decide(merged, request, capability)
    }

    /// The words for what may be done at a path, sorted: `["root"]`, `["deny"]`, or capabilities.
    #[must_use]
    pub fn capabilities(&self, namespace: &str, path: &str) -> Vec<&'static str> {
        if let Some(root) = &self.root
            && namespace.starts_with(&root.namespace.path)
        {
            return vec!["root"];
        }
        let rule = self.rule(&full_path(namespace, path), true);
        let capabilities = rule.map(|merged| merged.rule.capabilities).unwrap_or_default();
        let mut words: Vec<&str> = capabilities.iter().map(Capability::name).collect();
        words.sort_unstable();
        if words.is_empty() { vec!["deny"] } else { words }
    }

    /// Whether anything is granted at the mount `mount` (with its trailing `/`) or below.
    #[must_use]
    pub fn reaches_mount(&self, namespace: &str, mount: &str) -> bool {
        if self.capabilities(namespace, mount) != ["deny"] {
            return true;
        }
        let mount = full_path(namespace, mount);
        if self.is_closed(&mount) {
            return false;
        }
        let mut granting = self.rules.iter().filter(|merged| {
            !merged.rule.denies()
                && !merged.rule.capabilities.is_empty()
                && !self.is_closed(&merged.pattern.text)
        });
        granting.any(|merged| reaches_below(merged, &mount))
    }
}

fn root_decision<'a>(root: &'a Arc<GrantingPolicy>, namespace: &str) -> Decision<'a> {
    if !namespace.starts_with(&root.namespace.path) {
        return Decision { denied: Some(DeniedReason::OtherNamespace), ..Decision::default() };
    }
    Decision { allowed: true, sudo: true, root: true, granting: Granting::Root(root), ..Decision::default() }
}

/// The path in the whole server, without leading slashes.
fn full_path<'a>(namespace: &str, path: &'a str) -> Cow<'a, str> {
    if namespace.is_empty() {
        return Cow::Borrowed(path.trim_start_matches('/'));
    }
    Cow::Owned(format!("{namespace}{path}").trim_start_matches('/').to_owned())
}

fn decide<'a>(merged: &'a Merged, request: &AclRequest<'_>, capability: Capability) -> Decision<'a> {
    let rule = &merged.rule;
    let mut decision = Decision {
        sudo: rule.capabilities.contains(Capability::Sudo),
        mfa_methods: &rule.mfa_methods,
        control_group: rule.control_group.as_ref().filter(|group| group.controls(capability)),
        ..Decision::default()
    };
    decision.denied = match refusal(rule, request, capability) {
        Ok(limit) => {
            decision.limit = limit;
            None
        }
        Err(reason) => Some(reason),
    };
    decision.allowed = decision.denied.is_none();
    if decision.allowed {
        decision.granting = Granting::Having(capability, merged);
        decision.filter_path =
            rule.list_scan_response_keys_filter_path.as_ref().filter(|_| request.operation.lists());
    }
    decision
}

/// The value for `limit` when the rule lets the request pass.
fn refusal(
    rule: &PathRule,
    request: &AclRequest<'_>,
    needed: Capability,
) -> Result<Option<i64>, DeniedReason> {
    if !rule.capabilities.contains(needed) {
        return Err(DeniedReason::Capability(needed));
    }
    if !wrapping_fits(rule, request.wrap_ttl) {
        return Err(DeniedReason::WrappingTtl);
    }
    match request.operation {
        Operation::Read | Operation::Update | Operation::Create | Operation::Patch => {
            parameters::check(rule, request.parameters).map(|()| None)
        }
        Operation::List | Operation::Scan => parameters::limit(rule, request.parameters),
        _ => Ok(None),
    }
}

fn wrapping_fits(rule: &PathRule, asked: Option<Duration>) -> bool {
    let above_min = rule.min_wrapping_ttl.is_none_or(|min| asked.is_some_and(|asked| asked >= min));
    let below_max = rule.max_wrapping_ttl.is_none_or(|max| asked.is_some_and(|asked| asked <= max));
    above_min && below_max
}

/// Whether a pattern can match something below `mount`, prefixes of the mount itself aside.
fn reaches_below(merged: &Merged, mount: &str) -> bool {
    let pattern = &merged.pattern;
    let PatternKind::Segments { prefix } = pattern.kind else { return pattern.text.starts_with(mount) };
    let (namespace, pattern) = pattern.text.split_at(merged.literal);
    let Some(mount) = mount.strip_prefix(namespace) else { return namespace.starts_with(mount) };
    let mut parts = pattern.split('/').peekable();
    for segment in mount.split_terminator('/') {
        let Some(part) = parts.next() else { return false };
        let last = parts.peek().is_none();
        if prefix && last && segment.starts_with(part) {
            return true;
        }
        if part != "+" && part != segment {
            return false;
        }
    }
    true
}
