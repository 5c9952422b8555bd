//! The task that ends what is over.

use std::sync::{Arc, Weak};
use std::time::Duration;

use futures::StreamExt as _;
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::{LeaseRecord, SecretLease, lease_key, token_of};
use crate::barrier::{BarrierError, Claim, Transaction};
use crate::core::context::Context;
use crate::core::error::Error;
use crate::core::mount::{Mount, MountClass, MountEntry};
use crate::core::namespace::Namespace;
use crate::core::path::ApiPath;
use crate::core::request::{Authorization, ClientToken, Operation, Parameters, Request};
use crate::core::state::Core;
use crate::core::token::ttl;

/// After so many failures a lease is irrevocable, and tried once a day.
const ATTEMPTS: u32 = 6;
const FIRST_RETRY_SECONDS: u64 = 10;
const DAY_SECONDS: u64 = 24 * 3600;
/// When the storage fails, or a record cannot be read, a lease that is over is tried again after so long.
const PROBLEM_SECONDS: u64 = 60;
/// Leases that are read at a time after a start.
const RESTORE_PAGE: usize = 256;
/// Leases that are ended beside each other, so that they share syncs: one after the other they could end more slowly
/// than new ones are made.
const AT_A_TIME: usize = 32;
/// Longest text that is kept of a failure.
const ERROR_LENGTH: usize = 240;
/// Longest sleep, so that a clock that was set is noticed.
const LONGEST_SLEEP: Duration = Duration::from_secs(60);

impl Core {
    /// Starts the task that ends what is over. It stops with `stop`, or when the core is gone.
    pub(crate) fn start_expiry(self: &Arc<Self>, stop: CancellationToken) {
        let core = Arc::downgrade(self);
        tokio::spawn(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = expire_forever(core) => {}
            }
        });
    }

    /// Puts every lease of `namespaces` into the queue, beside the requests that are served: lookups do not depend
    /// on it, they look at the time.
    pub(crate) fn start_restoring(self: &Arc<Self>, namespaces: Vec<Arc<Namespace>>) {
        let core = Arc::clone(self);
        tokio::spawn(async move {
            match core.restore_leases(namespaces).await {
                Err(_) if core.barrier.is_sealed() => {}
                Err(error) => {
                    tracing::error!("the leases could not be read; they do not end by themselves: {error}")
                }
                Ok(()) => {}
            }
        });
    }

    pub(crate) async fn restore_leases(&self, namespaces: Vec<Arc<Namespace>>) -> Result<(), Error> {
        for namespace in namespaces {
            match self.restore_leases_of(&namespace).await {
                // When it is unsealed they are read once more.
                Err(error) if error.is_of_sealed_namespace() => {}
                restored => restored?,
            }
        }
        Ok(())
    }

    async fn restore_leases_of(&self, namespace: &Namespace) -> Result<(), Error> {
        let prefix = lease_key(namespace, "");
        let mut after: Option<String> = None;
        loop {
            after = self.restore_page(&prefix, after.as_deref()).await?;
            if after.is_none() {
                return Ok(());
            }
            tokio::task::yield_now().await;
        }
    }

    /// A page of the leases below `prefix`. Answers the last one.
    async fn restore_page(&self, prefix: &str, after: Option<&str>) -> Result<Option<String>, Error> {
        let page = match self.barrier.scan(prefix, after, RESTORE_PAGE).await {
            Ok(page) => page,
            // One of them may be damaged.
            Err(_) => return self.restore_each(prefix, after).await,
        };
        for (key, value) in &page {
            self.restore_readable(&key[prefix.len()..], value).await?;
        }
        Ok(page.into_iter().next_back().map(|(last, _)| last))
    }

    /// As [`restore_page`](Core::restore_page), with each lease read by itself.
    async fn restore_each(&self, prefix: &str, after: Option<&str>) -> Result<Option<String>, Error> {
        let keys = self.barrier.scan_keys(prefix, after, RESTORE_PAGE).await?;
        for key in &keys {
            let id = &key[prefix.len()..];
            match self.barrier.get(key).await {
                Ok(Some(value)) => self.restore_readable(id, &value).await?,
                Ok(None) => {}
                Err(error @ BarrierError::NamespaceSealed) => return Err(error.into()),
                Err(error) if self.barrier.is_sealed() => return Err(error.into()),
                Err(error) => tell_unreadable(id, &error.into()),
            }
        }
        Ok(keys.into_iter().next_back())
    }

    /// A lease that cannot be read does not end by itself; all others do.
    async fn restore_readable(&self, id: &str, value: &[u8]) -> Result<(), Error> {
        match self.restore_lease(id, value).await {
            Err(error) if self.barrier.is_sealed() || error.is_of_sealed_namespace() => Err(error),
            Err(error) => {
                tell_unreadable(id, &error);
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }

    async fn restore_lease(&self, id: &str, value: &[u8]) -> Result<(), Error> {
        let end = match serde_json::from_slice(value)? {
            LeaseRecord::Secret(lease) => Some(lease.expires_at),
            LeaseRecord::Token => self.tokens.end_of(token_of(id)).await?,
        };
        if let Some(end) = end {
            self.tokens.leases().queue.add(id.to_owned(), end);
        }
        Ok(())
    }

    /// Ends everything that is over. Answers how long nothing more will be.
    pub(crate) async fn expire_due(self: &Arc<Self>) -> Duration {
        let due = self.tokens.leases().queue.take_due(self.clock.now());
        futures::stream::iter(due).for_each_concurrent(AT_A_TIME, |id| self.expire_or_retry(id)).await;
        match self.tokens.leases().queue.next_second() {
            Some(second) => {
                let seconds = second.saturating_sub(self.clock.now().as_second()).max(0).unsigned_abs();
                Duration::from_secs(seconds).min(LONGEST_SLEEP)
            }
            None => LONGEST_SLEEP,
        }
    }

    async fn expire_or_retry(self: &Arc<Self>, id: Box<str>) {
        let Err(error) = self.expire(&id).await else { return };
        if !error.is_of_sealed_namespace() {
            tracing::warn!(lease = %id, "a lease that is over could not be ended: {error}");
        }
        let again = ttl::after(self.clock.now(), PROBLEM_SECONDS);
        self.tokens.leases().queue.add(id.into_string(), again);
    }

    async fn expire(self: &Arc<Self>, id: &str) -> Result<(), Error> {
        let mut claim = Claim::default();
        loop {
            claim.turn().await;
            let transaction = self.barrier.begin();
            let Some(namespace) = self.tokens.namespace_of(id)? else { return Ok(()) };
            self.expire_in(&transaction, &namespace, id).await?;
            if transaction.commit_with(&mut claim).await? {
                return Ok(());
            }
        }
    }

    async fn expire_in(
        self: &Arc<Self>,
        transaction: &Transaction,
        namespace: &Arc<Namespace>,
        id: &str,
    ) -> Result<(), Error> {
        let request = own_request(namespace)?;
        let mount = own_mount(namespace);
        let cx = own_context(self, &request, &mount, transaction);
        let (end, secret) = match transaction.get_json(&lease_key(namespace, id)).await? {
            None => return Ok(()),
            Some(LeaseRecord::Secret(lease)) => (Some(lease.expires_at), Some(lease)),
            Some(LeaseRecord::Token) => match self.tokens.read(transaction, token_of(id)).await? {
                Some(entry) => (entry.expires_at, None),
                None => (Some(cx.now()), None),
            },
        };
        match end {
            None => return Ok(()),
            Some(end) if end > cx.now() => {
                self.tokens.leases().watch(transaction, id.to_owned(), Some(end));
                return Ok(());
            }
            Some(_) => {}
        }
        let savepoint = transaction.savepoint();
        match (self.tokens.end_lease(&cx, namespace, id, false).await, secret) {
            (Ok(()), _) => Ok(()),
            (Err(error), None) => Err(error),
            (Err(error), Some(_)) if error.is_of_sealed_namespace() => Err(error),
            (Err(error), Some(lease)) => {
                transaction.rollback_to(savepoint);
                self.postpone(&cx, namespace, id, *lease, &error)
            }
        }
    }

    /// Notes that a secret could not be revoked, and when to try again.
    fn postpone(
        &self,
        cx: &Context<'_>,
        namespace: &Namespace,
        id: &str,
        mut lease: SecretLease,
        error: &Error,
    ) -> Result<(), Error> {
        lease.failures = lease.failures.saturating_add(1);
        if lease.failures >= ATTEMPTS {
            lease.revoke_error = error.to_string().chars().take(ERROR_LENGTH).collect();
        }
        let again = ttl::after(cx.now(), retry_seconds(lease.failures));
        // Not at its end, which is over: it would be due at once, again and again.
        self.tokens.leases().write_secret_until(cx.transaction(), namespace, id, &lease, again)
    }
}

fn tell_unreadable(id: &str, error: &Error) {
    tracing::error!(lease = %id, "the lease could not be read; it does not end by itself: {error}");
}

/// 10, 20, 40, … seconds, then a day.
fn retry_seconds(failures: u32) -> u64 {
    if failures >= ATTEMPTS { DAY_SECONDS } else { FIRST_RETRY_SECONDS << failures.saturating_sub(1) }
}

async fn expire_forever(core: Weak<Core>) {
    loop {
        let Some(present) = core.upgrade() else { return };
        let pause = if present.barrier.is_sealed() { LONGEST_SLEEP } else { present.expire_due().await };
        let queue = Arc::clone(&present.tokens.leases().queue);
        drop(present);
        tokio::select! {
            () = tokio::time::sleep(pause.max(Duration::from_millis(200))) => {}
            () = queue.earlier_added() => {}
        }
    }
}

/// The request that the core makes to itself.
fn own_request(namespace: &Arc<Namespace>) -> Result<Request, Error> {
    Ok(Request {
        id: String::new(),
        namespace: Arc::clone(namespace),
        namespace_in_path: false,
        path: ApiPath::parse("sys/leases/revoke").map_err(|_| Error::internal("a path of our own"))?,
        operation: Operation::Update,
        parameters: Parameters::new(),
        wrap_ttl: None,
        wrap_signed: false,
        client: [127, 0, 0, 1].into(),
        headers: http::HeaderMap::new(),
        client_token: ClientToken::default(),
        authorization: Authorization::None,
        token: None,
        mfa: crate::core::request::MfaCredentials::default(),
        inline: crate::core::request::Inline::No,
        entity: None,
        approved: None,
    })
}

fn own_mount(namespace: &Arc<Namespace>) -> Mount {
    let entry = MountEntry::new(MountClass::Secret, "sys/", "system");
    Mount { entry, namespace: Arc::clone(namespace) }
}

fn own_context<'a>(
    core: &'a Arc<Core>,
    request: &'a Request,
    mount: &'a Mount,
    transaction: &'a Transaction,
) -> Context<'a> {
    let now: Timestamp = core.clock.now();
    Context {
        core,
        request,
        mount,
        path: "",
        captures: Vec::new(),
        input: schemas::Record::new(),
        transaction,
        next: None,
        is_repeated: false,
        prefix: "",
        limits: core.settings.limits,
        now,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::barrier::Barrier;
    use crate::core::testing::{self, HandClock};
    use crate::core::token::Surroundings as _;
    use crate::storage::{Batch, FaultyStorage, InmemStorage, Storage as _};

    const START: i64 = 1_800_000_000;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(START + second).expect("a time of this age")
    }

    /// Stores under the ids `bad` and `good` a lease that cannot be read, and one that ends in the fifth second.
    async fn write_good_and_bad(core: &Arc<Core>) {
        let transaction = core.barrier.begin();
        transaction.put(lease_key(&Namespace::root(), "bad"), r#"{"secret":{"expires_at":"never"}}"#);
        let lease = SecretLease { expires_at: at(5), ..SecretLease::default() };
        let good = LeaseRecord::Secret(Box::new(lease));
        transaction.put_json(&lease_key(&Namespace::root(), "good"), &good).expect("a record");
        transaction.commit().await.expect("no conflict");
    }

    #[tokio::test]
    async fn a_lease_that_cannot_be_read_keeps_no_other_from_ending() {
        let clock = HandClock::at(START);
        let core = testing::server(clock.clock()).await;
        write_good_and_bad(&core).await;
        core.restore_leases(core.namespaces()).await.expect("the others are restored");
        assert_eq!(core.tokens.leases().queue.next_second(), Some(START + 5 + 1));
    }

    #[tokio::test]
    async fn a_lease_that_was_damaged_keeps_no_other_from_ending() {
        let (clock, storage) = (HandClock::at(START), Arc::new(InmemStorage::new()));
        let core = testing::closed_server(&Barrier::new(Arc::clone(&storage) as _), clock.clock());
        let keys = core.initialize_dev(Some("root")).await.expect("a fresh storage");
        write_good_and_bad(&core).await;
        let mut batch = Batch::new();
        batch.put(lease_key(&Namespace::root(), "bad"), "no ciphertext");
        storage.commit(batch).await.expect("memory");
        let core = testing::closed_server(&Barrier::new(storage), clock.clock());
        core.seal.unseal_share(keys.unseal_key).await.expect("the key that it was made with");
        core.open().await.expect("a lease is not needed for that");
        core.restore_leases(core.namespaces()).await.expect("the others are restored");
        assert_eq!(core.tokens.leases().queue.next_second(), Some(START + 5 + 1));
    }

    #[tokio::test]
    async fn a_lease_that_could_not_be_ended_is_tried_again() {
        let clock = HandClock::at(START);
        let core = testing::server(clock.clock()).await;
        write_good_and_bad(&core).await;
        let queue = &core.tokens.leases().queue;
        queue.add("bad".to_owned(), at(0));
        for (now, again) in [(1, 61), (62, 122)] {
            clock.set(START + now);
            core.expire_due().await;
            assert_eq!(queue.next_second(), Some(START + again + 1));
        }
    }

    #[tokio::test]
    async fn a_failed_revocation_waits_before_it_is_tried_again() {
        let clock = HandClock::at(START);
        let core = testing::server(clock.clock()).await;
        let id = "secret/data/a/1";
        let key = lease_key(&Namespace::root(), id);
        // The key/value engine leases nothing, so it does not revoke.
        let lease =
            SecretLease { path: "secret/data/a".to_owned(), expires_at: at(5), ..SecretLease::default() };
        let transaction = core.barrier.begin();
        let leases = core.tokens.leases();
        leases.write_secret(&transaction, &Namespace::root(), id, &lease).expect("a record");
        transaction.commit().await.expect("no conflict");
        for (failures, now, again) in [(1, 6, 16), (2, 17, 37), (3, 38, 78), (4, 79, 159), (5, 160, 320)] {
            clock.set(START + now);
            core.expire_due().await;
            assert_eq!(leases.queue.next_second(), Some(START + again + 1), "after failure {failures}");
        }
        clock.set(START + 400);
        core.expire_due().await;
        assert_eq!(leases.queue.next_second(), Some(START + 400 + 24 * 3600 + 1));
        let transaction = core.barrier.begin();
        let record = transaction.get_json(&key).await.expect("unsealed");
        assert!(matches!(record, Some(LeaseRecord::Secret(lease)) if lease.is_irrevocable()));
    }

    /// A server whose `nth` commit fails, with the lease of a token that is gone; it is due after a second.
    async fn with_a_lease(nth: u64, clock: &HandClock) -> (Arc<Core>, u64) {
        let storage = Arc::new(FaultyStorage::failing_nth(InmemStorage::new(), nth));
        let core = testing::server_over(Arc::clone(&storage) as _, clock.clock()).await;
        let transaction = core.barrier.begin();
        let key = lease_key(&Namespace::root(), "auth/a/hb");
        transaction.put_json(&key, &LeaseRecord::Token).expect("JSON");
        core.tokens.leases().watch(&transaction, "auth/a/hb".to_owned(), Some(at(1)));
        transaction.commit().await.expect("it is not the one that fails");
        (core, storage.commits())
    }

    #[tokio::test]
    async fn a_lease_whose_end_could_not_be_stored_is_ended_later() {
        let clock = HandClock::at(START);
        let (_, before) = with_a_lease(u64::MAX, &clock).await;
        let (core, _) = with_a_lease(before + 1, &clock).await;
        let (queue, key) = (&core.tokens.leases().queue, lease_key(&Namespace::root(), "auth/a/hb"));
        clock.set(START + 2);
        core.expire_due().await;
        assert_eq!(queue.next_second(), Some(START + 62 + 1));
        assert!(core.barrier.get(&key).await.expect("unsealed").is_some());
        clock.set(START + 63);
        core.expire_due().await;
        assert_eq!(queue.next_second(), None);
        assert!(core.barrier.get(&key).await.expect("unsealed").is_none());
    }
}
