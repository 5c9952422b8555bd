//! Requests that change mounts or namespaces, many in one batch.
//!
//! Each of them has to find what the one before has done, although that is not durable yet. So they take turns at one
//! [`Joint`]: a transaction, and the topology as it will be. Who has had its turn queues once more; all who waited
//! meanwhile have had theirs by then, and the first to come round commits for all. Nobody begins a new one before that
//! is over, so nothing that is not durable is ever built upon by another batch, and a batch that fails takes with it
//! all that has seen it: whoever was in it is told so, or tries again on its own.

use std::sync::{Arc, OnceLock};

use super::{ATTEMPTS, Draft, Target, too_often};
use crate::barrier::{BarrierError, Claim, CommitError, Transaction};
use crate::core::error::Error;
use crate::core::render::Extra;
use crate::core::request::Request;
use crate::core::response::Effect;
use crate::core::response::Response;
use crate::core::state::Core;
use crate::core::topology::{NextTopology, Topology};

/// The batch that requests have joined and nobody has committed yet.
#[derive(Default)]
pub(crate) struct TopologyWriter(tokio::sync::Mutex<Option<Joint>>);

struct Joint {
    transaction: Transaction,
    next: NextTopology,
    outcome: Outcome,
}

/// What became of a batch, for those who are in it. Empty for ever if a panic took it away.
type Outcome = Arc<OnceLock<Result<(), CommitError>>>;

/// The answer of a handler.
type Attempted = Result<(Response, Extra), Error>;

/// What a turn has led to.
enum Turn {
    /// It neither changed anything nor saw a change: there is nothing to wait for.
    Free(Attempted),
    /// Its answer holds if the batch does.
    Joined(Attempted, Outcome),
    /// What it has read does not fit together.
    Stale,
}

impl TopologyWriter {
    /// Forgets the batch that nobody has committed, waits for one that is under way, and runs `work` before any other
    /// begins.
    pub(crate) async fn stop_for<T>(&self, work: impl Future<Output = T>) -> T {
        let mut open = self.0.lock().await;
        *open = None;
        work.await
    }
}

impl Core {
    /// Runs a request that changes mounts or namespaces, as often as it has more to do.
    pub(super) async fn run_jointly(
        self: &Arc<Self>,
        target: &Target<'_>,
        request: &mut Request,
    ) -> Attempted {
        let asked = request.operation;
        loop {
            request.operation = asked;
            let (response, extra) = self.run_once_jointly(target, request).await?;
            if !matches!(response.effect, Some(Effect::Again)) {
                return Ok((response.told()?, extra));
            }
        }
    }

    async fn run_once_jointly(self: &Arc<Self>, target: &Target<'_>, request: &mut Request) -> Attempted {
        let asked = request.operation;
        let (attempted, outcome) = match self.take_turn(target, request).await? {
            Turn::Free(attempted) => return attempted,
            Turn::Joined(attempted, outcome) => (attempted, outcome.get().cloned()),
            Turn::Stale => (Err(too_often()), None),
        };
        match (outcome, attempted) {
            (Some(Ok(())), attempted) => attempted,
            // The namespace may be another's.
            (Some(Err(CommitError::Barrier(error))), Ok(_))
                if !matches!(error, BarrierError::NamespaceSealed) =>
            {
                Err(error.into())
            }
            // An error may come of what has failed now.
            (Some(Err(_)) | None, _) => {
                request.operation = asked;
                self.run_alone(target, request).await
            }
        }
    }

    /// Lets the handler work on the batch, and waits until that is committed.
    async fn take_turn(self: &Arc<Self>, target: &Target<'_>, request: &mut Request) -> Result<Turn, Error> {
        let mut open = self.topology_writer.0.lock().await;
        // Out of its place meanwhile: what a panic leaves half done is dropped.
        let joint = match open.take() {
            Some(joint) => joint,
            None => self.begin_joint()?,
        };
        let turn = self.work_on(&joint, target, request, &mut Claim::default(), false).await;
        if matches!(turn, Turn::Free(_)) {
            // Writes nothing, and runs what the handler has left to be done.
            joint.transaction.commit().await?;
            return Ok(turn);
        }
        let outcome = Arc::clone(&joint.outcome);
        *open = Some(joint);
        drop(open);
        let mut open = self.topology_writer.0.lock().await;
        if open.as_ref().is_some_and(|joint| Arc::ptr_eq(&joint.outcome, &outcome)) {
            self.settle(&mut open).await;
        }
        Ok(turn)
    }

    /// Lets the handler work on batches of its own, as what others have read must not make it fail again. It has a claim
    /// only while it has the lock: who has that waits for claims, and so no claim may wait for it.
    async fn run_alone(self: &Arc<Self>, target: &Target<'_>, request: &mut Request) -> Attempted {
        let mut open = self.topology_writer.0.lock().await;
        self.settle(&mut open).await;
        let (asked, mut claim) = (request.operation, Claim::default());
        for _ in 0..ATTEMPTS {
            request.operation = asked;
            claim.turn().await;
            let joint = self.begin_joint()?;
            let attempted = match self.work_on(&joint, target, request, &mut claim, true).await {
                Turn::Free(attempted) | Turn::Joined(attempted, _) => attempted,
                Turn::Stale => continue,
            };
            if self.publishing(joint).commit_with(&mut claim).await? {
                return attempted;
            }
        }
        Err(too_often())
    }

    fn begin_joint(&self) -> Result<Joint, Error> {
        let next = NextTopology::new(self.open_topology()?);
        Ok(Joint { transaction: self.barrier.begin(), next, outcome: Outcome::default() })
    }

    async fn work_on(
        self: &Arc<Self>,
        joint: &Joint,
        target: &Target<'_>,
        request: &mut Request,
        claim: &mut Claim,
        is_repeated: bool,
    ) -> Turn {
        let Joint { transaction, next, outcome } = joint;
        let (savepoint, before, was_dirty) = (transaction.savepoint(), next.get(), transaction.is_dirty());
        let draft = Draft { transaction, next: Some(next), is_repeated };
        let attempted = self.attempt(target, request, draft).await;
        if let Err(error) = &attempted {
            transaction.rollback_to(savepoint);
            next.set(before);
            if error.status().is_server_error() && transaction.was_stale(claim).await {
                return Turn::Stale;
            }
        }
        match was_dirty || transaction.is_dirty() {
            true => Turn::Joined(attempted, Arc::clone(outcome)),
            false => Turn::Free(attempted),
        }
    }

    /// Commits the open batch, if there is one, and tells those who are in it.
    async fn settle(self: &Arc<Self>, open: &mut Option<Joint>) {
        let Some(joint) = open.take() else { return };
        let outcome = Arc::clone(&joint.outcome);
        // Only this one sets it.
        outcome.set(self.publishing(joint).commit().await).ok();
    }

    /// The transaction of `joint`, whose commit lets requests find the topology that it makes.
    fn publishing(self: &Arc<Self>, joint: Joint) -> Transaction {
        let Joint { transaction, next, .. } = joint;
        let (core, next) = (Arc::clone(self), next.get());
        if transaction.is_dirty() {
            transaction.after_commit(Box::new(move || core.publish(&next)));
        }
        transaction
    }

    /// Lets requests find `next`, unless the server is sealed by now.
    pub(crate) fn publish(&self, next: &Arc<Topology>) {
        self.topology.rcu(|present| present.as_ref().map(|_| Arc::clone(next)));
    }
}

#[cfg(test)]
mod tests;
