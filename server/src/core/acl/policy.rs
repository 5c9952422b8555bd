//! A policy with its name and namespace.

use schemas::acl::{
    AclPolicy, ForbiddenValue, PathRule, PolicyError, RenderedPolicy, Substitutions, is_templated,
};

/// The namespace a policy belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PolicyNamespace {
    /// Its id.
    pub id: String,
    /// Its full path: empty for the root namespace, else with a trailing `/`.
    pub path: String,
}

/// A policy as read from its text. Its paths are relative to its namespace.
#[derive(Debug, Clone, PartialEq)]
pub struct ParsedPolicy {
    /// The normalised name.
    pub name: String,
    /// Where it belongs; it speaks of no path outside.
    pub namespace: PolicyNamespace,
    /// The rules.
    pub policy: AclPolicy,
    /// What values of its templates may hold.
    pub substitutions: Substitutions,
    /// Its templates are filled: braces in its paths are letters of the values, and stand for nothing.
    pub is_rendered: bool,
    /// Rules that could not be filled, of which only that much counts: nothing is allowed where they might speak.
    pub forbidden: Vec<ForbiddenValue>,
}

impl ParsedPolicy {
    /// Reads a policy text.
    ///
    /// # Errors
    /// Every mistake of the text.
    pub fn parse(name: &str, namespace: PolicyNamespace, text: &str) -> Result<Self, PolicyError> {
        Ok(Self::new(name, namespace, AclPolicy::parse(text)?))
    }

    /// The policy `root` of a namespace. It has no rules: its name is what counts.
    #[must_use]
    pub fn root(namespace: PolicyNamespace) -> Self {
        Self::new("root", namespace, AclPolicy::default())
    }

    /// A policy as it was written, its templates not filled.
    #[must_use]
    pub fn new(name: &str, namespace: PolicyNamespace, policy: AclPolicy) -> Self {
        let (substitutions, is_rendered) = (Substitutions::default(), false);
        Self { name: name.to_owned(), namespace, policy, substitutions, is_rendered, forbidden: Vec::new() }
    }

    /// Whether a path names something of an identity.
    #[must_use]
    pub fn is_templated(&self) -> bool {
        !self.is_rendered && self.policy.is_templated()
    }

    /// Whether `rule`, one of its own, stands for nothing until a template is filled.
    pub(super) fn awaits_values(&self, rule: &PathRule) -> bool {
        !self.is_rendered && is_templated(&rule.path)
    }

    /// The policy for one identity; see [`AclPolicy::render_templates`]. What was filled in is never filled again.
    #[must_use]
    pub fn render_templates(&self, value: &dyn Fn(&str) -> Option<String>) -> Self {
        if self.is_rendered {
            return self.clone();
        }
        let RenderedPolicy { policy, forbidden } = self.policy.render_templates(self.substitutions, value);
        Self { policy, forbidden, is_rendered: true, ..self.clone() }
    }
}
