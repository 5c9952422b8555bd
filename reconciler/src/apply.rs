//! Doing what a plan says. Nothing is decided here.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};

use client::{Effect, Error, Failure};
use futures::stream::{FuturesUnordered, StreamExt as _};
use schemas::{Diagnostic, Kind, Operation, Record, Secret, Value};

use crate::Address;
use crate::fingerprint::Substance;
use crate::hcl::plain_value;
use crate::hidden::Hidden;
use crate::inventory::{CONCURRENCY, Live, Progress, Wanted, look_for};
use crate::late::{Known, as_declared, resolve_all};
use crate::outputs;
use crate::plan::{Action, Again, Plan, Step, merged, prior_of, readdressed};
use crate::render;
use crate::saved::{difference, present};
use crate::secrets::Secrets;
use crate::server::{Write, read, run};
use crate::value::SecretRef;

/// What became of a plan.
#[derive(Clone, Debug, Default)]
pub struct Journal {
    /// One entry for each step that writes, in the plan's order.
    pub entries: Vec<Entry>,
}

/// What became of a step.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The object.
    pub address: Address,
    /// What was to be done.
    pub action: Action,
    /// What became of it.
    pub outcome: Outcome,
}

/// What became of a step.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// It was done, and what could be read afterwards is as declared.
    Applied,
    /// It failed.
    Failed {
        /// Why.
        found: Box<Diagnostic>,
        /// What was done of it nevertheless.
        effect: Effect,
    },
    /// It was left out because an object that it needs failed or was left out.
    Skipped {
        /// That object.
        because: Address,
    },
    /// It was not attempted: deletes are not, after anything failed, and nothing is after an interruption.
    NotAttempted,
}

impl Journal {
    /// How many steps ended in that way.
    pub fn count(&self, of: impl Fn(&Outcome) -> bool) -> usize {
        self.entries.iter().filter(|entry| of(&entry.outcome)).count()
    }

    /// True if something was written, or may have been.
    pub fn may_have_written(&self) -> bool {
        let may = |outcome: &Outcome| match outcome {
            Outcome::Applied => true,
            Outcome::Failed { effect, .. } => *effect != Effect::Nothing,
            Outcome::Skipped { .. } | Outcome::NotAttempted => false,
        };
        self.count(may) > 0
    }

    /// True if every step was done.
    pub fn is_complete(&self) -> bool {
        self.entries.iter().all(|entry| entry.outcome == Outcome::Applied)
    }
}

/// Objects that are not as they were when the plan was made: those that it writes, those that it takes values
/// from, and those that hold what it writes.
///
/// # Errors
/// When nobody answers.
pub async fn stale(plan: &Plan, server: &impl Write, progress: Progress<'_>) -> Result<Vec<Address>, Error> {
    let now = look_again(plan, server, progress).await?;
    let (taken, hidden) = (outputs::relied_on(plan), Hidden::of(&plan.steps));
    let changed = plan.steps.iter().filter(|step| {
        let live = now.get(looked_for(step)).unwrap_or(&Live::Absent);
        let differs = |substance: &dyn Fn(&Record) -> Substance| {
            let seen = present(live).map(|live| substance(&live));
            difference(live, seen.as_ref(), step.live.as_ref().map(substance).as_ref()).is_some()
        };
        let mut fields = taken.iter().filter(|(address, _)| *address == step.address).map(|(_, field)| field);
        match step.action.writes() {
            true => differs(&|live| Substance::of_step(step, live, &hidden)),
            false => fields.any(|field| differs(&|live| Substance::of_field(step, live, field, &hidden))),
        }
    });
    Ok(changed.map(|step| step.address.clone()).collect())
}

/// Where the object of `step` is before it is done.
pub(crate) fn looked_for(step: &Step) -> &Address {
    step.from.as_ref().unwrap_or(&step.address)
}

/// Looks at all objects that `plan` writes or relies on.
pub(crate) async fn look_again(
    plan: &Plan,
    server: &impl Write,
    progress: Progress<'_>,
) -> Result<BTreeMap<Address, Live>, Error> {
    let taken = outputs::relied_on(plan);
    let gives = |step: &Step| taken.iter().any(|(address, _)| *address == step.address);
    let touched = plan.steps.iter().filter(|step| step.action.writes() || gives(step));
    let asked = outputs::of_all(plan.steps.iter().map(|step| &step.fields));
    let wanted = touched.map(|step| {
        let object = (&step.address, step.kind, &step.fields);
        Wanted::at(looked_for(step).clone(), object, &asked)
    });
    let mut found = look_for(server, wanted.collect(), progress).await?;
    // What moves with its container and is not written is as it will be.
    for step in plan.steps.iter().filter(|step| !step.action.writes()) {
        if let Some(Live::Present(live)) = step.from.as_ref().and_then(|from| found.get(from)) {
            let moved = readdressed(step.kind, &step.address, live);
            found.insert(step.address.clone(), Live::Present(moved));
        }
    }
    Ok(found)
}

/// Does all that `plan` says. `variables` are the values of sensitive variables.
///
/// # Errors
/// When a secret or a value of another object cannot be had: nothing was written then.
pub async fn apply(
    plan: &Plan,
    server: &impl Write,
    variables: &BTreeMap<String, Secret>,
    progress: Progress<'_>,
) -> Result<Journal, Vec<Diagnostic>> {
    apply_until(plan, server, variables, progress, &AtomicBool::new(false)).await
}

/// The same until `stopped` is true: what is under way then ends, and nothing more is begun.
///
/// # Errors
/// As [`apply`].
pub async fn apply_until(
    plan: &Plan,
    server: &impl Write,
    variables: &BTreeMap<String, Secret>,
    progress: Progress<'_>,
    stopped: &AtomicBool,
) -> Result<Journal, Vec<Diagnostic>> {
    let writes = |step: &&Step| step.action.writes() && step.action != Action::Delete;
    let wanted =
        plan.steps.iter().filter(writes).flat_map(|step| step.fields.values()).flat_map(|v| v.secrets());
    let mut found = outputs::check(plan);
    let (secrets, missing) = Secrets::fetch_some(wanted.collect(), variables, server).await;
    found.extend(missing);
    if !found.is_empty() {
        return Err(found);
    }
    let mut run = Run::new(plan, secrets, (progress, stopped));
    run.phase(server, |step| step.action.writes() && step.action != Action::Delete, Step::needs_of).await;
    if run.outcomes.values().all(|outcome| *outcome == Outcome::Applied) {
        // What an object needs is deleted after it.
        let dependents = dependents(plan);
        let waits = move |step: &Step| dependents.get(&step.address).cloned().unwrap_or_default();
        run.phase(server, |step| step.action == Action::Delete, waits).await;
    }
    Ok(run.journal())
}

fn dependents(plan: &Plan) -> BTreeMap<Address, BTreeSet<Address>> {
    let mut dependents: BTreeMap<Address, BTreeSet<Address>> = BTreeMap::new();
    for step in &plan.steps {
        for need in &step.needs {
            dependents.entry(need.clone()).or_default().insert(step.address.clone());
        }
    }
    dependents
}

impl Step {
    fn needs_of(&self) -> BTreeSet<Address> {
        self.needs.clone()
    }
}

/// An apply under way.
struct Run<'a> {
    plan: &'a Plan,
    secrets: Secrets,
    progress: Progress<'a>,
    stopped: &'a AtomicBool,
    outcomes: BTreeMap<Address, Outcome>,
    /// Objects as they are now.
    records: BTreeMap<Address, Record>,
}

impl<'a> Run<'a> {
    fn new(plan: &'a Plan, secrets: Secrets, (progress, stopped): (Progress<'a>, &'a AtomicBool)) -> Self {
        let records = plan.steps.iter().filter_map(|step| Some((step.address.clone(), step.live.clone()?)));
        Self { plan, secrets, progress, stopped, outcomes: BTreeMap::new(), records: records.collect() }
    }

    /// Does the steps that `belongs` picks, each after those that `needs` names.
    async fn phase(
        &mut self,
        server: &impl Write,
        belongs: impl Fn(&Step) -> bool,
        needs: impl Fn(&Step) -> BTreeSet<Address>,
    ) {
        let total = self.plan.steps.iter().filter(|step| step.action.writes()).count();
        let plan = self.plan;
        let mut waiting: Vec<(&Step, BTreeSet<Address>)> =
            plan.steps.iter().filter(|step| belongs(step)).map(|step| (step, needs(step))).collect();
        let here: BTreeSet<&Address> =
            plan.steps.iter().filter(|step| belongs(step)).map(|s| &s.address).collect();
        waiting.iter_mut().for_each(|(_, needs)| needs.retain(|need| here.contains(need)));
        let mut under_way = FuturesUnordered::new();
        loop {
            self.skip(&mut waiting);
            while under_way.len() < CONCURRENCY && !self.stopped.load(Ordering::Relaxed) {
                let ready =
                    waiting.iter().position(|(_, needs)| needs.iter().all(|n| self.outcomes.contains_key(n)));
                let Some(ready) = ready else { break };
                let (step, _) = waiting.remove(ready);
                let operation = self.prepare(step);
                under_way.push(async move { (step, act(step, operation, server).await) });
            }
            let Some((step, outcome)) = under_way.next().await else { break };
            self.note(step, outcome);
            (self.progress)(self.outcomes.len(), total);
        }
    }

    /// Leaves out what needs something that is not there.
    fn skip(&mut self, waiting: &mut Vec<(&Step, BTreeSet<Address>)>) {
        loop {
            let lost = waiting.iter().enumerate().find_map(|(index, (_, needs))| {
                let lacks =
                    |need: &&Address| self.outcomes.get(*need).is_some_and(|o| *o != Outcome::Applied);
                Some((index, needs.iter().find(lacks)?.clone()))
            });
            let Some((index, because)) = lost else { return };
            let (step, _) = waiting.remove(index);
            self.outcomes.insert(step.address.clone(), Outcome::Skipped { because });
        }
    }

    fn note(&mut self, step: &Step, outcome: Result<Option<Record>, Failed>) {
        let outcome = match outcome {
            Ok(record) => {
                if let Some(record) = record {
                    self.records.insert(step.address.clone(), record);
                }
                Outcome::Applied
            }
            Err(Failed { found, effect }) => Outcome::Failed { found: Box::new(found), effect },
        };
        self.outcomes.insert(step.address.clone(), outcome);
    }

    /// The object with everything in it that is known now.
    fn prepare(&self, step: &Step) -> Result<Record, Diagnostic> {
        let wanted = resolve_all(&step.fields, self)
            .map_err(|(field, error)| Diagnostic::error(format!("`{field}`: {error}")))?;
        let open = wanted.iter().find(|(_, value)| value.has_unknown()).map(|(name, _)| name.to_owned());
        match open.filter(|_| step.action != Action::Delete) {
            Some(field) => Err(Diagnostic::error(format!("`{field}` is still not known"))
                .because("the object that gives its value is not in this plan")),
            None => Ok(wanted),
        }
    }

    fn journal(mut self) -> Journal {
        let steps = self.plan.steps.iter().filter(|step| step.action.writes());
        let entries = steps.map(|step| Entry {
            address: step.address.clone(),
            action: step.action,
            outcome: self.outcomes.remove(&step.address).unwrap_or(Outcome::NotAttempted),
        });
        Journal { entries: entries.collect() }
    }
}

impl Known for Run<'_> {
    fn secret(&self, reference: &SecretRef) -> Option<Value> {
        self.secrets.get(reference)
    }

    /// The same as the plan says of it: what is declared as it is written, else what the server has.
    fn output(&self, address: &Address, field: &str) -> Option<Value> {
        let step = self.plan.steps.iter().find(|step| step.address == *address);
        let live = || self.records.get(address).map(|record| record.get(field).clone());
        as_declared(step.and_then(|step| step.fields.get(field)), self)
            .or_else(live)
            .filter(|value| !value.is_null())
    }
}

/// Why a step failed.
struct Failed {
    found: Diagnostic,
    /// What was done before.
    effect: Effect,
}

impl Failed {
    /// Nothing was written.
    fn before(found: Diagnostic) -> Self {
        Self { found, effect: Effect::Nothing }
    }

    /// Something was.
    fn after(found: Diagnostic) -> Self {
        Self { found, effect: Effect::Something }
    }
}

/// Does one step; the object as it is afterwards.
async fn act(
    step: &Step,
    wanted: Result<Record, Diagnostic>,
    server: &impl Write,
) -> Result<Option<Record>, Failed> {
    let wanted = wanted.map_err(Failed::before)?;
    let nothing = Record::new();
    let live = step.live.as_ref().unwrap_or(&nothing);
    let namespace = step.address.namespace();
    let go = async |operation: Operation<'_>| {
        let failed = |failure: Failure| Failed { found: failure.to_diagnostic(), effect: failure.effect };
        run(server, step.kind, &namespace, &operation).await.map_err(failed)
    };
    let mut written = wanted.clone();
    let record = match step.action {
        Action::Create => create(step, &wanted, server).await?,
        Action::Update | Action::Move => {
            let (prior, desired) = both_sides(step, live, wanted.clone());
            written = desired;
            go(Operation::Update { prior: &prior, desired: &written }).await?
        }
        Action::Replace => {
            go(Operation::Delete { prior: &with_intent(step.kind, live, &wanted) }).await?;
            create(step, &wanted, server).await.map_err(|failed| Failed::after(failed.found))?
        }
        Action::Delete => {
            return go(Operation::Delete { prior: &with_intent(step.kind, live, &wanted) }).await;
        }
        Action::None | Action::Unverifiable | Action::Blocked | Action::Unknown => return Ok(None),
    };
    let gone = || Failed::after(Diagnostic::error("the object is gone right after it was written"));
    let record = record.ok_or_else(gone)?;
    if let Some(found) = render::unkept(step.kind, &written, &record) {
        return Err(Failed::after(found));
    }
    Ok(Some(record))
}

/// Makes the object of `step`. If that fails and the object is there without our doing, somebody else made it.
async fn create(step: &Step, wanted: &Record, server: &impl Write) -> Result<Option<Record>, Failed> {
    let namespace = step.address.namespace();
    let operation = Operation::Create { desired: wanted };
    let failure = match run(server, step.kind, &namespace, &operation).await {
        Ok(record) => return Ok(record),
        Err(failure) => failure,
    };
    let found = failure.to_diagnostic();
    let is_answered = matches!(failure.error, Error::Refused(_) | Error::Said(_));
    let is_foreign = is_answered
        && failure.effect == Effect::Nothing
        && matches!(read(server, step.kind, &namespace, wanted).await, Ok(client::Outcome::Object(_)));
    let found = if is_foreign { made_meanwhile(&found) } else { found };
    Err(Failed { found, effect: failure.effect })
}

/// What `found` comes to when nothing was there while planning.
fn made_meanwhile(found: &Diagnostic) -> Diagnostic {
    let cause = "it was made since the plan was made";
    let cause = match found.detail.as_str() {
        "" => cause.to_owned(),
        said => format!("{cause}: {said}"),
    };
    Diagnostic::error(found.summary.clone()).because(cause).hint("plan again")
}

/// The object as it was and as it will be, for an update.
fn both_sides(step: &Step, live: &Record, mut wanted: Record) -> (Record, Record) {
    let again = if step.resend { Again::All } else { Again::These(&step.again) };
    let mut prior = prior_of(step.kind, live, &mut wanted, &step.unverifiable, again);
    let desired = merged(step.kind, live, &wanted);
    for (name, value) in step.from.iter().flat_map(|from| crate::config::keys_of(step.kind, from)) {
        prior.set(name, plain_value(&value).unwrap_or_default());
    }
    (prior, desired)
}

/// The object as it is, with those fields that only say how it is dealt with.
fn with_intent(kind: &Kind, live: &Record, wanted: &Record) -> Record {
    let mut record = live.clone();
    for field in kind.fields().filter(|field| field.at.is_none() || field.key) {
        if !wanted.get(field.name).is_null() {
            record.set(field.name, wanted.get(field.name).clone());
        }
    }
    record
}
