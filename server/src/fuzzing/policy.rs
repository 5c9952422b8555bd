//! Policies.

use std::sync::Arc;

use schemas::acl::{AclPolicy, Capability, PathRule};
use schemas::password_policy::PasswordPolicy;

use crate::core::acl::{Acl, AclRequest, Operation, ParsedPolicy, PolicyNamespace};

const OPERATIONS: [Operation; 6] = [
    Operation::Create,
    Operation::Read,
    Operation::Update,
    Operation::Patch,
    Operation::Delete,
    Operation::List,
];

/// A policy in HCL or JSON, of either sort. What can be read can be compiled and asked, and denying one of its paths
/// to the same token allows nothing that was not allowed.
pub fn policy(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    PasswordPolicy::parse(&text).ok();
    let Ok(policy) = AclPolicy::parse(&text) else { return };
    let own = Arc::new(named("own", policy.clone()));
    let before = Acl::compile(std::slice::from_ref(&own), 0);
    let paths: Vec<String> =
        policy.paths.iter().map(|rule| rule.path.replace('+', "x").replace('*', "y")).collect();
    for denied in policy.paths.iter().map(|rule| &rule.path).chain([&"*".to_owned()]).take(20) {
        let rule = PathRule::new(denied.clone(), [Capability::Deny].into_iter().collect());
        let denying = Arc::new(named("denying", AclPolicy { paths: vec![rule], ..AclPolicy::default() }));
        let after = Acl::compile(&[Arc::clone(&own), denying], 0);
        for path in paths.iter().take(20) {
            for operation in OPERATIONS {
                let allowed = |acl: &Acl| acl.check(&request(operation, path)).allowed;
                assert!(
                    allowed(&before) || !allowed(&after),
                    "a deny of `{denied}` allows {operation:?} of `{path}`"
                );
            }
        }
    }
}

fn named(name: &str, policy: AclPolicy) -> ParsedPolicy {
    let namespace = PolicyNamespace { id: "root".to_owned(), path: String::new() };
    ParsedPolicy::new(name, namespace, policy)
}

fn request(operation: Operation, path: &str) -> AclRequest<'_> {
    AclRequest { operation, namespace: "", path, parameters: None, wrap_ttl: None }
}
