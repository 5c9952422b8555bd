//! Objects that name their path in full: they come after the mount, auth method or namespace that the path lies
//! below, although they do not stand in its block.

use std::collections::{BTreeMap, BTreeSet};

use super::{Desired, blocks};
use crate::Address;

/// Makes every object with a full path need what the path lies below.
pub(super) fn order(desired: &mut Desired) {
    let known = desired.objects.keys().chain(desired.removed.keys());
    let holders: BTreeMap<String, Address> =
        known.filter_map(|address| Some((reach(address)?, address.clone()))).collect();
    for (address, object) in &mut desired.objects {
        object.needs.extend(found(&holders, address));
    }
    for (address, object) in &mut desired.removed {
        object.needs.extend(found(&holders, address));
    }
}

fn found(holders: &BTreeMap<String, Address>, address: &Address) -> BTreeSet<Address> {
    let Some(path) = full_path(address) else { return BTreeSet::new() };
    let ends = path.match_indices('/').map(|(end, _)| end).chain([path.len()]);
    ends.filter_map(|end| holders.get(&path[..end])).cloned().collect()
}

/// True if `address` names a path below the mount, auth method or namespace `holder`.
pub(crate) fn lies_below(address: &Address, holder: &Address) -> bool {
    let (Some(path), Some(reach)) = (full_path(address), reach(holder)) else { return false };
    path.strip_prefix(&reach).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The address that names the same path below `from` as `address` names below `to`.
pub(super) fn rebased(address: &Address, to: &Address, from: &Address) -> Option<Address> {
    let (path, to, from) = (full_path(address)?, reach(to)?, reach(from)?);
    let path = format!("{from}{}", path.strip_prefix(&to)?);
    let namespace = address.namespace();
    let label =
        if namespace.is_empty() { &path } else { path.strip_prefix(&namespace)?.strip_prefix('/')? };
    Some(address.parent()?.join(&address.last()?.block, label))
}

/// Namespace and path of an object that names its path in full.
fn full_path(address: &Address) -> Option<String> {
    let last = address.last().filter(|last| blocks::names_a_path(&last.block))?;
    Some(joined(&address.namespace(), last.label.trim_matches('/')))
}

/// Namespace and path of what is reached through a mount, an auth method or a namespace.
fn reach(address: &Address) -> Option<String> {
    let last = address.last()?;
    let prefix = blocks::served_prefix(&last.block)?;
    Some(joined(&address.namespace(), &format!("{prefix}{}", last.label)))
}

fn joined(namespace: &str, path: &str) -> String {
    if namespace.is_empty() { path.to_owned() } else { format!("{namespace}/{path}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(object: &str, holder: &str, expected: bool) {
        let address = |text| Address::parse(text).expect("an address");
        assert_eq!(lies_below(&address(object), &address(holder)), expected);
    }

    #[test]
    fn a_path_lies_below_what_serves_it() {
        check("generic_secret[\"flat/mail\"]", "mount.flat", true);
        check("generic_secret[\"flat/mail\"]", "mount.fla", false);
        check("generic_secret[\"teams/flat/mail\"]", "mount[\"teams/flat\"]", true);
        check("generic_endpoint[\"auth/people/users/ada\"]", "auth.people", true);
        check("generic_endpoint[\"auth/people/users/ada\"]", "mount.people", false);
        check("generic_endpoint[\"team/kv/x\"]", "namespace.team", true);
        check("generic_endpoint[\"team/kv/x\"]", "namespace.team.mount.kv", true);
        check("namespace.team.generic_endpoint[\"kv/x\"]", "namespace.team.mount.kv", true);
        check("namespace.team.generic_endpoint[\"kv/x\"]", "mount.kv", false);
        check("policy.flat", "mount.flat", false);
    }
}
