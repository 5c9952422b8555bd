//! What is to be done: a pure function of what is desired and what is there.

mod compare;
mod order;
mod unseen;

use std::collections::{BTreeMap, BTreeSet};

use schemas::{Diagnostic, Kind, Record, Shape, Value};

use crate::Address;
use crate::Span;
use crate::config::{Declared, Desired, is_container, keys_of, paths, type_of};
use crate::inventory::{Inventory, Live, other_type};
use crate::late::{Known, as_declared, resolve_all};
use crate::server::Identity;
use crate::value::{SecretRef, Val};
pub(crate) use compare::{Again, merged, prior_of};
use compare::{Seen, creation, differences};
pub use unseen::{Unseen, Why};

/// What the user allows and asks for, besides the configuration.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    /// Delete everything that is declared.
    pub destroy: bool,
    /// Look at these objects alone, with what they hold and what they need. Empty: all.
    pub targets: Vec<Address>,
    /// Objects that may be replaced although they hold others.
    pub replace: BTreeSet<Address>,
    /// Objects whose values that cannot be read are to be sent again.
    pub resend: BTreeSet<Address>,
}

/// What is to be done.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The server it is for.
    pub server: Identity,
    /// All objects, in the order in which they are dealt with.
    pub steps: Vec<Step>,
}

/// What is to be done with one object.
#[derive(Clone, Debug)]
pub struct Step {
    /// The object.
    pub address: Address,
    /// Its kind.
    pub kind: &'static Kind,
    /// What is to be done.
    pub action: Action,
    /// The fields that change.
    pub changes: Vec<Change>,
    /// Fields that are declared and cannot be compared.
    pub unverifiable: Vec<Unseen>,
    /// Why it is blocked or unknown.
    pub reason: Option<Diagnostic>,
    /// Its fields as declared.
    pub fields: BTreeMap<String, Val>,
    /// The object as it is.
    pub live: Option<Record>,
    /// Where it was, for a move.
    pub from: Option<Address>,
    /// The objects it needs.
    pub needs: BTreeSet<Address>,
    /// Send values again that cannot be read.
    pub resend: bool,
    /// Fields of which the server keeps nothing else, and whose content is another one there: they are sent again.
    pub again: BTreeSet<String>,
    /// Where it is declared.
    pub span: Option<Span>,
}

/// What is to be done with an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    /// Make it.
    Create,
    /// Change it.
    Update,
    /// Delete it and make it anew.
    Replace,
    /// Delete it.
    Delete,
    /// Move it to another path.
    Move,
    /// Nothing: it is as declared.
    None,
    /// Nothing: it is as declared as far as can be seen.
    Unverifiable,
    /// Something would have to be done that is not allowed.
    Blocked,
    /// It could not be read.
    Unknown,
}

/// A field that changes.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// Its name.
    pub field: String,
    /// As it is.
    pub before: Value,
    /// As it will be.
    pub after: Value,
    /// A change of it means a new object.
    pub replaces: bool,
}

impl Action {
    /// True if something is written.
    pub fn writes(self) -> bool {
        matches!(self, Action::Create | Action::Update | Action::Replace | Action::Delete | Action::Move)
    }

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Action::Create => "create",
            Action::Update => "update",
            Action::Replace => "replace",
            Action::Delete => "delete",
            Action::Move => "move",
            Action::None => "none",
            Action::Unverifiable => "unverifiable",
            Action::Blocked => "blocked",
            Action::Unknown => "unknown",
        }
    }

    /// The action called `word`.
    pub fn parse(word: &str) -> Option<Self> {
        use Action::{Blocked, Create, Delete, Move, None, Replace, Unknown, Unverifiable, Update};
        let all = [Create, Update, Replace, Delete, Move, None, Unverifiable, Blocked, Unknown];
        all.into_iter().find(|action| action.as_str() == word)
    }
}

impl Policy {
    /// Addresses that name nothing in `desired`: they would be ignored, and something else done than was meant.
    pub fn check(&self, desired: &Desired) -> Vec<Diagnostic> {
        let known: BTreeSet<&Address> = desired.objects.keys().chain(desired.removed.keys()).collect();
        let is_within = |address: &&Address| !known.iter().any(|object| object.is_within(address));
        let unknown = self.targets.iter().chain(&self.resend).filter(is_within);
        let unknown = unknown.chain(self.replace.iter().filter(|address| !known.contains(address)));
        let names: Vec<String> = known.iter().map(|address| address.to_string()).collect();
        let report = |address: &Address| {
            let found = Diagnostic::error(format!("`{address}` is not declared"));
            crate::nearest::hint_for(found, &address.to_string(), names.iter().map(String::as_str))
        };
        unknown.map(report).collect()
    }
}

impl Plan {
    /// How many objects have `action`.
    pub fn count(&self, action: Action) -> usize {
        self.steps.iter().filter(|step| step.action == action).count()
    }

    /// True if applying it writes something.
    pub fn writes(&self) -> bool {
        self.steps.iter().any(|step| step.action.writes())
    }
}

/// What has to be done so that the server is as desired.
pub fn plan(desired: &Desired, inventory: &Inventory, policy: &Policy) -> Plan {
    let mut planner =
        Planner { desired, inventory, policy, actions: BTreeMap::new(), written: BTreeMap::new() };
    let scope = planner.scope();
    let mut steps = Vec::new();
    for address in order::by_need(&desired.objects) {
        let (Some(object), true) = (desired.objects.get(&address), scope.contains(&address)) else {
            continue;
        };
        let step =
            if policy.destroy { planner.destroy(&address, object) } else { planner.step(&address, object) };
        let written = after(&step.changes);
        let step = crate::open::reveal(step);
        planner.note(&step, written);
        steps.push(step);
    }
    steps.extend(planner.removals());
    Plan { server: inventory.server.clone(), steps: crate::hidden::conceal(order::in_order(steps)) }
}

struct Planner<'a> {
    desired: &'a Desired,
    inventory: &'a Inventory,
    policy: &'a Policy,
    /// What is decided already.
    actions: BTreeMap<Address, Action>,
    /// The fields that change, as they will be.
    written: BTreeMap<Address, BTreeMap<String, Value>>,
}

/// The fields of `changes` as they will be.
fn after(changes: &[Change]) -> BTreeMap<String, Value> {
    changes.iter().map(|change| (change.field.clone(), change.after.clone())).collect()
}

impl Planner<'_> {
    /// Takes note of what is decided. What became a change because a part of it is shown is not known as a whole.
    fn note(&mut self, step: &Step, mut written: BTreeMap<String, Value>) {
        for change in &step.changes {
            written.entry(change.field.clone()).or_insert(Value::Unknown);
        }
        self.actions.insert(step.address.clone(), step.action);
        self.written.insert(step.address.clone(), written);
    }

    /// What `field` of an object that is changed in place will be. Nothing: as it is.
    fn rewritten(&self, kind: &'static Kind, address: &Address, field: &str) -> Option<Value> {
        if !matches!(self.actions.get(address), Some(Action::Update | Action::Move)) {
            return None;
        }
        let known = kind.field(field)?;
        let after = self.written.get(address).and_then(|written| written.get(field));
        match after {
            Some(_) if is_declared_in_part(known.shape) => Some(Value::Unknown),
            Some(after) => Some(after.clone()),
            None if known.is_configurable() || known.key || known.lasting => None,
            None => Some(Value::Unknown),
        }
    }

    /// The objects to look at.
    fn scope(&self) -> BTreeSet<Address> {
        let all = self.desired.objects.keys();
        if self.policy.targets.is_empty() {
            return all.cloned().collect();
        }
        let is_target =
            |address: &&Address| self.policy.targets.iter().any(|target| address.is_within(target));
        let mut waiting: Vec<Address> = all.filter(is_target).cloned().collect();
        let mut scope = BTreeSet::new();
        while let Some(address) = waiting.pop() {
            if let Some(object) = self.desired.objects.get(&address)
                && scope.insert(address)
                && !self.policy.destroy
            {
                waiting.extend(object.needs.iter().cloned());
            }
        }
        scope
    }

    fn step(&self, address: &Address, object: &Declared) -> Step {
        let mut step = blank(address, object);
        step.resend = self.policy.resend.iter().any(|target| address.is_within(target));
        let wanted = match resolve_all(&object.fields, self) {
            Ok(wanted) => wanted,
            Err((field, error)) => return blocked(step, Diagnostic::error(format!("`{field}`: {error}"))),
        };
        if let Some(container) = self.holder_with(object, address, Action::Blocked) {
            return blocked(step, Diagnostic::error(format!("`{container}`, which holds it, is blocked")));
        }
        let is_new = [Action::Create, Action::Replace]
            .into_iter()
            .any(|action| self.holder_with(object, address, action).is_some());
        if is_new {
            // What is there goes with its holder; whether it is still the same is looked at before that.
            if let Live::Present(live) = self.inventory.live(address) {
                step.live = Some(live.clone());
            }
            return self.created(step, &wanted);
        }
        if let Some(reason) = self.in_the_way(object, address) {
            return blocked(step, reason);
        }
        let place = self.inventory.place(self.desired, address);
        match self.inventory.live(&place) {
            Live::Unknown(reason) => unknown(step, (**reason).clone()),
            Live::Unseen => self.unseen(step, place, &wanted),
            Live::Present(live) if place == *address => self.compared(step, live, &wanted),
            Live::Present(live) if self.desired.moved.contains_key(address) => {
                self.moved(step, place, live, &wanted)
            }
            Live::Present(live) => self.carried(step, place, live, &wanted),
            Live::Absent => match self.unread_holder(object, address) {
                Some(reason) => unknown(step, reason),
                None => self.created(step, &wanted),
            },
        }
    }

    /// Why a move cannot be told from two objects that are both there.
    fn in_the_way(&self, object: &Declared, address: &Address) -> Option<Diagnostic> {
        let sources = self.desired.moved.get(address)?;
        let is_there = |place: &&Address| matches!(self.inventory.live(place), Live::Present(_));
        let there: Vec<&Address> = std::iter::once(address).chain(sources).filter(is_there).collect();
        let [first, second, ..] = there.as_slice() else { return None };
        let block = object.kind.block.map_or(object.kind.name, |block| block.name);
        let text = format!("`{second}` cannot be moved to `{address}`");
        let found = Diagnostic::error(text).because(format!("`{first}` is there as well"));
        Some(found.hint(format!("take the block `moved` away, and say which {block} is to be removed")))
    }

    /// That what moves with its container cannot be found, since the container cannot be read.
    fn unread_holder(&self, object: &Declared, address: &Address) -> Option<Diagnostic> {
        let moves = !self.desired.earlier(address).is_empty();
        let holder = self.holder_with(object, address, Action::Unknown).filter(|_| moves)?;
        Some(Diagnostic::error(format!("`{holder}`, which holds it, cannot be read")))
    }

    /// What holds the object, or serves its path, and has that action.
    fn holder_with(&self, object: &Declared, address: &Address, action: Action) -> Option<Address> {
        let serving = object.needs.iter().filter(|need| paths::lies_below(address, need)).cloned();
        address.containers().chain(serving).find(|holder| self.actions.get(holder) == Some(&action))
    }

    fn created(&self, mut step: Step, wanted: &Record) -> Step {
        if let Some(from) = self.desired.moved.get(&step.address).and_then(|sources| sources.first()) {
            step.reason = Some(Diagnostic::warning(format!("there is no `{from}` that could be moved")));
        }
        step.changes = creation(step.kind, wanted);
        step.action = Action::Create;
        step
    }

    /// An object that is to be moved, and changed if it differs.
    fn moved(&self, step: Step, place: Address, live: &Record, wanted: &Record) -> Step {
        let address = step.address.clone();
        let step = self.compared_to(step, live, wanted);
        if step.action == Action::Blocked {
            return step;
        }
        let planned = merged(step.kind, live, wanted);
        let mut lasting: BTreeSet<&str> = step
            .changes
            .iter()
            .filter(|change| change.replaces)
            .map(|change| change.field.as_str())
            .collect();
        lasting.extend(step.kind.behavior.replaces(step.kind, live, &planned));
        if !lasting.is_empty() {
            let fields: Vec<String> = lasting.into_iter().map(|field| format!("`{field}`")).collect();
            let reason = Diagnostic::error(format!("`{place}` cannot become `{address}`"))
                .because(format!("{} cannot be changed in place", fields.join(", ")))
                .hint("move it as it is; or take the block `moved` away, and have it made anew");
            return blocked(step, reason);
        }
        Step { action: Action::Move, from: Some(place), ..step }
    }

    /// An object that moves with what holds it.
    fn carried(&self, step: Step, place: Address, live: &Record, wanted: &Record) -> Step {
        let mut step = self.compared(step, live, wanted);
        if !step.action.writes() && step.live.is_some() {
            // Nobody looks at it again, so it may be as it will be.
            step.live = Some(readdressed(step.kind, &step.address, live));
        }
        Step { from: Some(place), ..step }
    }

    /// An object that nobody looked at, and that may be there or not. It is written if that is asked for.
    fn unseen(&self, step: Step, place: Address, wanted: &Record) -> Step {
        let from = Some(place).filter(|place| *place != step.address);
        let changes = creation(step.kind, wanted);
        let nobody_looked = Diagnostic::warning("whether it is there was not looked at")
            .because("it is not to be read, or the server answers no read of it");
        if step.resend {
            return Step { action: Action::Create, changes, reason: Some(nobody_looked), from, ..step };
        }
        let not_read = |change: Change| Unseen { field: change.field, why: Why::NotRead };
        let unverifiable = changes.into_iter().map(not_read).collect();
        let reason = nobody_looked.hint(format!("to write it in any case: `-resend {}`", step.address));
        Step { action: Action::Unverifiable, unverifiable, reason: Some(reason), from, ..step }
    }

    fn compared(&self, step: Step, live: &Record, wanted: &Record) -> Step {
        let step = self.compared_to(step, live, wanted);
        self.guarded(step)
    }

    fn compared_to(&self, mut step: Step, live: &Record, wanted: &Record) -> Step {
        let seen = Seen { live, address: &step.address, fields: &step.fields, inventory: self.inventory };
        let (mut changes, unverifiable) = differences(step.kind, seen, wanted, step.resend);
        let planned = merged(step.kind, live, wanted);
        let replacing = step.kind.behavior.replaces(step.kind, live, &planned);
        for change in &mut changes {
            change.replaces |= replacing.contains(&change.field.as_str());
        }
        step.live = Some(live.clone());
        step.action = match (changes.is_empty(), changes.iter().any(|change| change.replaces)) {
            (true, _) if unverifiable.is_empty() => Action::None,
            (true, _) => Action::Unverifiable,
            (false, false) => Action::Update,
            (false, true) => Action::Replace,
        };
        let is_write_only =
            |change: &&Change| step.kind.field(&change.field).is_some_and(schemas::Field::is_write_only);
        step.again = changes.iter().filter(is_write_only).map(|change| change.field.clone()).collect();
        step.changes = changes;
        step.unverifiable = unverifiable;
        match step.kind.behavior.refuses(step.kind, live, &planned).filter(|_| step.action == Action::Update)
        {
            Some(reason) => blocked(step, reason),
            None => step,
        }
    }

    /// Blocks what would lose more than is said.
    fn guarded(&self, step: Step) -> Step {
        let holds = step.address.last().is_some_and(|last| is_container(&last.block));
        if step.action == Action::Replace && holds && !self.policy.replace.contains(&step.address) {
            let fields: Vec<String> = step
                .changes
                .iter()
                .filter(|change| change.replaces)
                .map(|change| format!("`{}`", change.field))
                .collect();
            let reason = Diagnostic::error(format!(
                "`{}` would be deleted with all it holds, and made anew",
                step.address
            ))
            .because(format!("{} cannot be changed in place", fields.join(", ")))
            .hint(format!("if that is meant: `-replace {}`", step.address));
            return blocked(step, reason);
        }
        step
    }

    fn destroy(&self, address: &Address, object: &Declared) -> Step {
        let step = blank(address, object);
        let place = self.inventory.place(self.desired, address);
        if place == *address {
            return deletion(step, self.inventory.live(address));
        }
        let reason = Diagnostic::error(format!("`{address}` is still at `{place}`"));
        blocked(step, reason.hint("apply the move first"))
    }

    fn removals(&self) -> Vec<Step> {
        let in_scope = |address: &Address| {
            self.policy.targets.is_empty()
                || self.policy.targets.iter().any(|target| address.is_within(target))
        };
        let removed = self.desired.removed.iter().filter(|(address, _)| in_scope(address));
        let steps = removed.map(|(address, removed)| {
            let declared = Declared {
                kind: removed.kind,
                fields: removed.fields.clone(),
                span: removed.span.clone(),
                needs: removed.needs.clone(),
            };
            let place = self.inventory.place(self.desired, address);
            let from = Some(place.clone()).filter(|place| place != address);
            deletion(Step { from, ..blank(address, &declared) }, self.inventory.live(&place))
        });
        steps.collect()
    }
}

impl Known for Planner<'_> {
    fn secret(&self, reference: &SecretRef) -> Option<Value> {
        self.inventory.secret(reference)
    }

    /// What is declared counts, as it is written. Else a field of an object that stays is known, as it is or as the
    /// plan makes it; that of one which is made anew is not.
    fn output(&self, address: &Address, field: &str) -> Option<Value> {
        let declared = self.desired.objects.get(address).and_then(|object| object.fields.get(field));
        if let Some(value) = as_declared(declared, self) {
            return Some(value);
        }
        let stays = matches!(
            self.actions.get(address),
            Some(Action::None | Action::Unverifiable | Action::Update | Action::Move)
        );
        let place = self.inventory.place(self.desired, address);
        let Live::Present(live) = self.inventory.live(&place) else { return None };
        let kind = self.desired.objects.get(address).filter(|_| stays)?.kind;
        let value = self.rewritten(kind, address, field).unwrap_or_else(|| {
            let moved = (place != *address).then(|| readdressed(kind, address, live));
            moved.as_ref().unwrap_or(live).get(field).clone()
        });
        Some(value).filter(|value| !value.is_null() && !value.has_unknown())
    }
}

/// True where only those attributes are compared that are declared: the others stay as they are.
fn is_declared_in_part(shape: Shape) -> bool {
    matches!(shape, Shape::List(Shape::Object(_)) | Shape::Block { .. })
}

/// The object as it will be when it has moved to `address`: with its new keys, and what follows from them.
pub(crate) fn readdressed(kind: &'static Kind, address: &Address, live: &Record) -> Record {
    let mut record = live.clone();
    for (name, value) in keys_of(kind, address) {
        record.set(name, crate::hcl::plain_value(&value).unwrap_or_default());
    }
    kind.behavior.foresee(kind, Some(live), &mut record);
    record
}

fn unknown(step: Step, reason: Diagnostic) -> Step {
    Step { action: Action::Unknown, reason: Some(reason), ..step }
}

fn deletion(step: Step, live: &Live) -> Step {
    let live = match live {
        Live::Absent => return step,
        Live::Unknown(reason) => return unknown(step, (**reason).clone()),
        // What is not there needs no deleting, so nothing is lost by trying.
        Live::Unseen => return Step { action: Action::Delete, ..step },
        Live::Present(live) => live,
    };
    match undeletable(&step, live) {
        Some(reason) => blocked(step, reason),
        None => Step { action: Action::Delete, live: Some(live.clone()), ..step },
    }
}

/// Why the object is not deleted.
fn undeletable(step: &Step, live: &Record) -> Option<Diagnostic> {
    let last = step.address.last()?;
    if step.kind.behavior.built_in().contains(&last.label.as_str()) {
        return Some(Diagnostic::error(format!("the {} `{}` cannot be deleted", last.block, last.label)));
    }
    let declared = type_of(&step.address, &step.fields)?;
    let there = other_type(step.kind, declared, live)?;
    let text = format!("`{}` is of another type, and is not deleted", step.address);
    let cause = format!("it is declared as `{declared}`, and the server has `{there}` there");
    Some(Diagnostic::error(text).because(cause))
}

fn blocked(step: Step, reason: Diagnostic) -> Step {
    Step { action: Action::Blocked, reason: Some(reason), ..step }
}

fn blank(address: &Address, object: &Declared) -> Step {
    Step {
        address: address.clone(),
        kind: object.kind,
        action: Action::None,
        changes: Vec::new(),
        unverifiable: Vec::new(),
        reason: None,
        fields: object.fields.clone(),
        live: None,
        from: None,
        needs: object.needs.clone(),
        resend: false,
        again: BTreeSet::new(),
        span: object.span.clone(),
    }
}
