//! Rules that hold between objects.

use std::collections::{BTreeMap, BTreeSet};

use schemas::{Diagnostic, Spot};

use super::Desired;
use super::locals::circle;
use crate::Address;
use crate::late::{Nothing, resolve_all};

/// Reports objects that are declared twice, in blocks of different sorts: both would be written to one place.
pub(super) fn check_same(desired: &Desired, found: &mut Vec<Diagnostic>) {
    let mut spots: BTreeMap<Spot, &Address> = BTreeMap::new();
    for (address, object) in &desired.objects {
        let Ok(declared) = resolve_all(&object.fields, &Nothing) else { continue };
        let own = object.kind.behavior.spots(object.kind, &declared);
        let own: Vec<_> = own.into_iter().map(|spot| spot.within(&address.namespace())).collect();
        if let Some((spot, first)) = own.iter().find_map(|spot| Some((spot, *spots.get(spot)?))) {
            found.push(same(desired, spot, (first, address)));
        }
        for spot in own {
            spots.entry(spot).or_insert(address);
        }
    }
}

fn same(desired: &Desired, spot: &Spot, (first, second): (&Address, &Address)) -> Diagnostic {
    let found = Diagnostic::error(format!("`{first}` and `{second}` are the same object"))
        .because(format!("both are `{}` in the server, and each would undo the other", spot.path()))
        .hint("declare it once");
    let span = |address: &Address| desired.objects[address].span.clone();
    let found = match span(first) {
        Some(span) => found.hint(format!("`{first}` stands in {}, line {}", span.file, span.line)),
        None => found,
    };
    match span(second) {
        Some(span) => found.at_span(&span.file, span.range),
        None => found,
    }
}

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
