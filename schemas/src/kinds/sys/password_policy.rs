use crate::shape::PasswordPolicy as Rules;

/// A password policy: how engines make up passwords.
#[derive(schemas::Kind)]
#[kind(name = "password_policy", list = "sys/policies/password", id = "{name}", states = Modern)]
#[kind(path = "sys/policies/password/{name}")]
#[kind(block(name = "password_policy", label = "name", within = "namespace"))]
pub struct PasswordPolicy {
    /// Name of the policy.
    #[kind(key, replaces)]
    pub name: String,
    /// The policy, in HCL.
    pub policy: Rules,
    /// Where random bytes come from: `platform` or `seal`. Not on OpenBao.
    pub entropy_source: Option<String>,
}
