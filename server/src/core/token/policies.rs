//! Which policies a token gets.

use crate::core::error::Error;
use crate::core::glob::fits;
use crate::core::policies::normal_name;

/// The policies that cannot be given to a token.
const NOT_ASSIGNABLE: [&str; 1] = ["response-wrapping"];

/// Names of policies in their one form: trimmed, lower case, sorted, once each. `root` stands alone; otherwise
/// `default` is added if `add_default` says so.
pub(crate) fn sanitize<S: AsRef<str>>(names: &[S], add_default: bool) -> Vec<String> {
    let mut policies = normalized(names);
    if policies.iter().any(|name| name == "root") {
        return vec!["root".to_owned()];
    }
    if add_default && !policies.iter().any(|name| name == "default") {
        policies.push("default".to_owned());
        policies.sort();
    }
    policies
}

/// Names trimmed, lower case, sorted, once each.
pub(crate) fn normalized<S: AsRef<str>>(names: &[S]) -> Vec<String> {
    let trimmed = names.iter().map(|name| normal_name(name.as_ref()));
    let mut names: Vec<String> = trimmed.filter(|name| !name.is_empty()).collect();
    names.sort();
    names.dedup();
    names
}

/// Whether `name` fits one of `patterns`, in which `*` stands for anything.
pub(super) fn fits_any(patterns: &[String], name: &str) -> bool {
    patterns.iter().any(|pattern| fits(pattern, name))
}

/// Refuses policies that are the core's own.
pub(super) fn require_assignable(policies: &[String]) -> Result<(), Error> {
    match policies.iter().find(|name| NOT_ASSIGNABLE.contains(&name.as_str())) {
        Some(name) => Err(Error::invalid(format!("cannot assign policy \"{name}\""))),
        None => Ok(()),
    }
}

/// What decides on the policies of a child.
pub(super) struct Choice<'a> {
    /// As the request names them.
    pub(super) wanted: &'a [String],
    /// The request does not want `default`.
    pub(super) no_default: bool,
    /// Policies of the parent.
    pub(super) parent: &'a [String],
    /// The parent has `sudo` on the path.
    pub(super) is_sudo: bool,
    /// The parent belongs to another namespace.
    pub(super) is_from_outside: bool,
    /// The limits of a token role.
    pub(super) role: Option<RolePolicies<'a>>,
}

/// What a token role says about policies.
pub(super) struct RolePolicies<'a> {
    pub(super) allowed: &'a [String],
    pub(super) allowed_glob: &'a [String],
    pub(super) disallowed: &'a [String],
    pub(super) disallowed_glob: &'a [String],
    pub(super) no_default: bool,
}

/// The policies of a child, in their one form.
///
/// # Errors
/// 400 for what parent or role do not allow.
pub(super) fn choose(choice: &Choice<'_>) -> Result<Vec<String>, Error> {
    let limited = choice.role.as_ref().filter(|role| role.is_limited());
    let (policies, add_default) = match limited {
        Some(role) => (of_role(choice, role)?, false),
        None => without_role(choice)?,
    };
    let mut policies = sanitize(&policies, add_default);
    if choice.no_default {
        policies.retain(|name| name != "default");
    }
    require_assignable(&policies)?;
    Ok(policies)
}

/// Without limits of a role a child gets what its parent has, or less, or anything with `sudo`.
fn without_role(choice: &Choice<'_>) -> Result<(Vec<String>, bool), Error> {
    let wanted = choice.wanted.to_vec();
    if choice.is_from_outside {
        return Ok((wanted, !choice.no_default));
    }
    if wanted.is_empty() {
        return Ok((choice.parent.to_vec(), false));
    }
    if choice.is_sudo {
        return Ok((wanted, !choice.no_default));
    }
    let parent = sanitize(choice.parent, false);
    if !sanitize(&wanted, false).iter().all(|name| parent.contains(name)) {
        return Err(Error::invalid("child policies must be subset of parent"));
    }
    let add_default = !choice.no_default && parent.iter().any(|name| name == "default");
    Ok((wanted, add_default))
}

/// A role with limits knows no parent: it allows and forbids by itself.
fn of_role(choice: &Choice<'_>, role: &RolePolicies<'_>) -> Result<Vec<String>, Error> {
    let add_default = !choice.no_default && !role.no_default && !role.disallows_default();
    let mut policies =
        if choice.wanted.is_empty() { Vec::new() } else { sanitize(choice.wanted, add_default) };
    if role.allows_only() {
        let allowed = sanitize(role.allowed, add_default);
        if policies.is_empty() {
            policies = allowed;
        } else {
            role.require_allowed(&policies, &allowed)?;
        }
    } else if policies.is_empty() {
        policies = sanitize(choice.parent, add_default);
    }
    role.require_not_disallowed(&policies)?;
    Ok(policies)
}

impl RolePolicies<'_> {
    fn is_limited(&self) -> bool {
        self.allows_only() || !self.disallowed.is_empty() || !self.disallowed_glob.is_empty()
    }

    fn allows_only(&self) -> bool {
        !self.allowed.is_empty() || !self.allowed_glob.is_empty()
    }

    fn disallows_default(&self) -> bool {
        self.disallowed.iter().any(|name| name == "default") || fits_any(self.disallowed_glob, "default")
    }

    fn require_allowed(&self, policies: &[String], allowed: &[String]) -> Result<(), Error> {
        let patterns = sanitize(self.allowed_glob, false);
        if policies.iter().all(|name| allowed.contains(name) || fits_any(&patterns, name)) {
            return Ok(());
        }
        Err(Error::invalid(format!(
            "token policies ({}) must be subset of the role's allowed policies ({}) or glob policies ({})",
            quoted(policies),
            quoted(allowed),
            quoted(&patterns)
        )))
    }

    fn require_not_disallowed(&self, policies: &[String]) -> Result<(), Error> {
        let (names, patterns) = (normalized(self.disallowed), normalized(self.disallowed_glob));
        match policies.iter().find(|name| names.contains(name) || fits_any(&patterns, name)) {
            Some(name) => Err(Error::invalid(format!("token policy \"{name}\" is disallowed by this role"))),
            None => Ok(()),
        }
    }
}

/// A list as the API prints it: `["a" "b"]`.
fn quoted(names: &[String]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("{name:?}")).collect();
    format!("[{}]", names.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_one_form() {
        assert_eq!(sanitize(&[" X ", "x", "default", ""], true), ["default", "x"]);
        assert_eq!(sanitize(&["b", "a"], true), ["a", "b", "default"]);
        assert_eq!(sanitize(&["İroot", "AΣ"], false), ["aσ", "iroot"]);
        assert_eq!(sanitize(&["a", " ROOT"], true), ["root"]);
        assert_eq!(sanitize::<&str>(&[], false), Vec::<String>::new());
    }
}
