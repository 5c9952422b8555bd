use crate::behavior::{self, Behavior, Operation, Step};
use crate::shape::{AclPolicy, Name};
use crate::{Answer, Diagnostic, Kind, Record, Request, Value};

/// An ACL policy: which paths a token may use, and how.
#[derive(schemas::Kind)]
#[kind(name = "policy", path = "sys/policies/acl/{name}", list = "sys/policies/acl", id = "{name}")]
#[kind(block(name = "policy", label = "name", within = "namespace"), behavior = Careful)]
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

/// Looks before it creates: a policy that is there may be somebody else's.
struct Careful;

impl Behavior for Careful {
    fn next(&self, kind: &Kind, operation: &Operation<'_>, answers: &[Answer]) -> Step {
        let Operation::Create { desired } = operation else {
            return behavior::follow_table(kind, operation, answers);
        };
        let name = desired.text("name");
        match answers.split_first() {
            None => Step::Call(Request::get(format!("sys/policies/acl/{name}"))),
            Some((look, _)) if !look.is_success() && !look.says_gone() => Step::Refused,
            Some((look, _)) if look.is_success() && !desired.flag("allow_overwrite") => Step::Failed(taken(name)),
            Some((_, rest)) => behavior::follow_table(kind, operation, rest),
        }
    }

    fn foresee(&self, _kind: &Kind, prior: Option<&Record>, planned: &mut Record) {
        // Nobody but the configuration sets it.
        if prior.is_none() && planned.get("allow_overwrite").has_unknown() {
            planned.set("allow_overwrite", Value::Null);
        }
    }

    fn built_in(&self) -> &'static [&'static str] {
        &["default", "root"]
    }
}

fn taken(name: &str) -> Diagnostic {
    Diagnostic::error(format!("a policy `{name}` exists already"))
        .hint(format!("import it: terraform import vault_policy.<name> '{name}'"))
        .at_field("name")
}
