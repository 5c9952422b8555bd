//! The order of steps: containers before what they hold, what is named before who names it; deletes the other way
//! round, and last.

use std::collections::{BTreeMap, BTreeSet};

use super::{Action, Step};
use crate::Address;
use crate::address::NAMESPACE;
use crate::config::{Declared, is_container};

/// Among steps that could come next, the one with the lowest rank does.
fn rank(address: &Address) -> (u8, usize) {
    let depth = address.steps().len();
    let Some(last) = address.last() else { return (0, depth) };
    let is_within_a_mount = address.namespace_address().steps().len() + 1 < depth;
    match last.block.as_str() {
        NAMESPACE => (0, depth),
        block if is_container(block) => (1, depth),
        _ if !is_within_a_mount => (2, depth),
        _ if last.label.is_empty() => (3, depth),
        _ => (4, depth),
    }
}

/// Addresses, each after those that it needs.
pub(super) fn by_need(objects: &BTreeMap<Address, Declared>) -> Vec<Address> {
    sorted(objects.iter().map(|(address, object)| (address.clone(), object.needs.clone())).collect())
}

fn sorted(needs: BTreeMap<Address, BTreeSet<Address>>) -> Vec<Address> {
    let mut open: BTreeMap<&Address, usize> = BTreeMap::new();
    let mut dependents: BTreeMap<&Address, Vec<&Address>> = BTreeMap::new();
    for (address, needed) in &needs {
        let known: Vec<&Address> = needed.iter().filter(|need| needs.contains_key(*need)).collect();
        open.insert(address, known.len());
        for need in known {
            dependents.entry(need).or_default().push(address);
        }
    }
    let mut ready: BTreeSet<((u8, usize), &Address)> =
        open.iter().filter(|(_, count)| **count == 0).map(|(address, _)| (rank(address), *address)).collect();
    let mut order = Vec::new();
    while let Some((_, address)) = ready.pop_first() {
        order.push(address.clone());
        for dependent in dependents.get(address).into_iter().flatten() {
            if let Some(count) = open.get_mut(dependent) {
                *count -= 1;
                if *count == 0 {
                    ready.insert((rank(dependent), dependent));
                }
            }
        }
    }
    // Objects that need each other are reported when the configuration is read; here they come last.
    let placed: BTreeSet<Address> = order.iter().cloned().collect();
    order.extend(needs.keys().filter(|address| !placed.contains(*address)).cloned());
    order
}

/// The steps in the order in which they are dealt with.
pub(super) fn in_order(steps: Vec<Step>) -> Vec<Step> {
    let (deletes, others): (Vec<_>, Vec<_>) =
        steps.into_iter().partition(|step| step.action == Action::Delete);
    let mut ordered = arranged(others);
    let mut deletes = arranged(deletes);
    deletes.reverse();
    ordered.extend(deletes);
    ordered
}

fn arranged(steps: Vec<Step>) -> Vec<Step> {
    let order = sorted(steps.iter().map(|step| (step.address.clone(), step.needs.clone())).collect());
    let mut steps: BTreeMap<Address, Step> =
        steps.into_iter().map(|step| (step.address.clone(), step)).collect();
    order.into_iter().filter_map(|address| steps.remove(&address)).collect()
}
