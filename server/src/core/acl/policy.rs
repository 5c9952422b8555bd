//! A policy with its name and namespace.

use schemas::acl::{AclPolicy, ForbiddenValue, PolicyError, Substitutions};

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
}

impl ParsedPolicy {
    /// Reads a policy text.
    ///
    /// # Errors
    /// Every mistake of the text.
    pub fn parse(name: &str, namespace: PolicyNamespace, text: &str) -> Result<Self, PolicyError> {
        let (policy, substitutions) = (AclPolicy::parse(text)?, Substitutions::default());
        Ok(Self { name: name.to_owned(), namespace, policy, substitutions })
    }

    /// The policy `root` of a namespace. It has no rules: its name is what counts.
    #[must_use]
    pub fn root(namespace: PolicyNamespace) -> Self {
        let (policy, substitutions) = (AclPolicy::default(), Substitutions::default());
        Self { name: "root".to_owned(), namespace, policy, substitutions }
    }

    /// Whether a path names something of an identity.
    #[must_use]
    pub fn is_templated(&self) -> bool {
        self.policy.is_templated()
    }

    /// The policy for one identity; see [`AclPolicy::render_templates`].
    ///
    /// # Errors
    /// When a value must not stand where it would.
    pub fn render_templates(&self, value: &dyn Fn(&str) -> Option<String>) -> Result<Self, ForbiddenValue> {
        let policy = self.policy.render_templates(self.substitutions, value)?;
        Ok(Self { policy, ..self.clone() })
    }
}
