use crate::shape::{AclPolicy, Name};

/// An ACL policy: which paths a token may use, and how.
#[derive(schemas::Kind)]
#[kind(name = "policy", path = "sys/policies/acl/{name}", list = "sys/policies/acl", id = "{name}")]
#[kind(block(name = "policy", label = "name", within = "namespace"))]
pub struct Policy {
    /// Name of the policy. The server lower-cases it.
    #[kind(key, replaces)]
    pub name: Name,
    /// The policy, in HCL or JSON.
    pub policy: AclPolicy,
    /// Replace a policy of that name that is already there. Without it, creating over one is an error.
    #[kind(local, filled, deprecated = "create only policies that do not exist, and import those that do")]
    pub allow_overwrite: Option<bool>,
}
