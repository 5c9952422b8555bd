//! Rules that hold between objects.

use std::collections::{BTreeMap, BTreeSet};

use schemas::Diagnostic;

use super::Desired;
use super::locals::circle;
use crate::Address;

/// Reports objects that need each other.
pub(super) fn check_cycles(desired: &Desired, found: &mut Vec<Diagnostic>) {
    let mut waiting: BTreeMap<&Address, BTreeSet<&Address>> = desired
        .objects
        .iter()
        .map(|(address, object)| {
            (address, object.needs.iter().filter(|need| desired.objects.contains_key(*need)).collect())
        })
        .collect();
    // Peeled off layer by layer; what is left waits for itself.
    loop {
        let ready: Vec<&Address> =
            waiting.iter().filter(|(_, needs)| needs.is_empty()).map(|(a, _)| *a).collect();
        if ready.is_empty() {
            break;
        }
        for address in &ready {
            waiting.remove(address);
        }
        let ready: BTreeSet<&Address> = ready.into_iter().collect();
        for needs in waiting.values_mut() {
            needs.retain(|need| !ready.contains(need));
        }
    }
    let Some(circle) = circle(&waiting) else { return };
    let names = circle.iter().chain(circle.first()).map(ToString::to_string).collect::<Vec<_>>();
    let text = Diagnostic::error(format!("objects need each other: {}", names.join(" → ")));
    found.push(match desired.objects[circle[0]].span.clone() {
        Some(span) => text.at_span(&span.file, span.range),
        None => text,
    });
}
