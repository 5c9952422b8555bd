//! Initialization: all that a server begins with, in one atomic batch.

use std::sync::Arc;

use bytes::Bytes;
use serde::Deserialize;
use tokio::sync::OwnedMutexGuard;
use zeroize::Zeroizing;

use super::rotation::UNSEAL_KEY_KEY;
use super::{
    Progress, ROOT_KEY_KEY, SEAL_CONFIG_KEY, Seal, SealConfiguration, SealError, SecretBytes, split,
};
use crate::barrier::{Barrier, RootKey, Transaction};
use crate::storage::{Batch, InmemStorage};

/// The body of `sys/init`. Absent numbers are 0, as for the peers.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct InitRequest {
    /// Shares to hand out.
    pub secret_shares: i64,
    /// Shares needed to unseal.
    pub secret_threshold: i64,
    /// One PGP key a share; not supported.
    pub pgp_keys: Vec<String>,
    /// A PGP key for the root token; not supported.
    pub root_token_pgp_key: String,
    /// For seals that unseal themselves only.
    pub recovery_shares: i64,
    /// For seals that unseal themselves only.
    pub recovery_threshold: i64,
    /// For seals that unseal themselves only.
    pub recovery_pgp_keys: Vec<String>,
}

impl InitRequest {
    fn check(&self) -> Result<SealConfiguration, SealError> {
        let of_other_seals = [
            ("recovery_shares", self.recovery_shares != 0),
            ("recovery_threshold", self.recovery_threshold != 0),
            ("recovery_pgp_keys", !self.recovery_pgp_keys.is_empty()),
        ];
        let given: Vec<&str> =
            of_other_seals.into_iter().filter(|(_, is_given)| *is_given).map(|(name, _)| name).collect();
        if !given.is_empty() {
            return Err(SealError::NotApplicable(given.join(",")));
        }
        let configuration = SealConfiguration::new(self.secret_shares, self.secret_threshold)?;
        if !self.pgp_keys.is_empty() && self.pgp_keys.len() != usize::from(configuration.shares()) {
            return Err(SealError::InvalidConfiguration(
                "count mismatch between number of provided PGP keys and number of shares",
            ));
        }
        Ok(configuration)
    }

    fn wants_pgp(&self) -> bool {
        !self.pgp_keys.is_empty() || !self.root_token_pgp_key.is_empty()
    }
}

/// An initialization that is not stored yet. Nobody else can begin one, or enter a share, meanwhile.
pub struct InitDraft {
    barrier: Arc<Barrier>,
    configuration: SealConfiguration,
    contents: Transaction,
    _progress: OwnedMutexGuard<Progress>,
}

impl Seal {
    /// Begins an initialization. Write the first contents (root token, mounts, …) into
    /// [`InitDraft::transaction`], then [`InitDraft::commit`] stores everything at once or nothing.
    pub async fn begin_init(&self, request: &InitRequest) -> Result<InitDraft, SealError> {
        let progress = Arc::clone(&self.progress).lock_owned().await;
        let configuration = request.check()?;
        if self.is_initialized().await? {
            return Err(SealError::AlreadyInitialized);
        }
        if request.wants_pgp() {
            return Err(SealError::PgpUnsupported);
        }
        let contents = scratch().await?;
        Ok(InitDraft { barrier: Arc::clone(&self.barrier), configuration, contents, _progress: progress })
    }

    /// Begins an initialization with one share, for `-dev`; end it by [`InitDraft::commit_unsealed`].
    pub async fn begin_dev(&self) -> Result<InitDraft, SealError> {
        let request = InitRequest { secret_shares: 1, secret_threshold: 1, ..InitRequest::default() };
        self.begin_init(&request).await
    }
}

impl InitDraft {
    /// A transaction on an empty barrier. Its hooks never run.
    pub fn transaction(&self) -> &Transaction {
        &self.contents
    }

    /// Stores everything and answers the shares, which exist nowhere else. The barrier stays sealed.
    pub async fn commit(self) -> Result<Vec<SecretBytes>, SealError> {
        self.store().await.map(|(_, shares)| shares)
    }

    /// As [`commit`](Self::commit), and unseals.
    pub async fn commit_unsealed(self) -> Result<Vec<SecretBytes>, SealError> {
        let barrier = Arc::clone(&self.barrier);
        let (root, shares) = self.store().await?;
        barrier.unseal(&root).await?;
        Ok(shares)
    }

    async fn store(self) -> Result<(RootKey, Vec<SecretBytes>), SealError> {
        let first = FirstKeys::generate();
        let mut clear = Batch::new();
        for (key, entry) in first.in_the_clear("", &self.configuration) {
            clear.put(key, entry);
        }
        self.contents.put(UNSEAL_KEY_KEY, first.unseal_key.expose().to_vec());
        self.barrier.initialize_with(&first.root, clear, self.contents.into_batch()).await?;
        Ok((first.root, shares_of(&first.unseal_key, &self.configuration)))
    }
}

/// The keys that a seal begins with.
struct FirstKeys {
    root: RootKey,
    unseal_key: RootKey,
}

impl FirstKeys {
    fn generate() -> Self {
        Self { root: RootKey::generate(), unseal_key: RootKey::generate() }
    }

    /// What of them is stored in the clear, for the domain with `prefix`.
    fn in_the_clear(&self, prefix: &str, configuration: &SealConfiguration) -> [(String, Bytes); 2] {
        let (configured, key) = (format!("{prefix}{SEAL_CONFIG_KEY}"), format!("{prefix}{ROOT_KEY_KEY}"));
        let root = self.root.wrap(&self.unseal_key, &key);
        [(configured, configuration.to_json().into()), (key, root)]
    }
}

/// Begins the domain with `prefix` and its seal in `transaction`, whose commit seals it. What is written below the prefix
/// meanwhile is encrypted by its keys. Answers the shares, which exist nowhere else.
pub(crate) fn begin_in(
    transaction: &Transaction,
    prefix: &str,
    configuration: &SealConfiguration,
) -> Vec<SecretBytes> {
    let first = FirstKeys::generate();
    let domain = transaction.barrier().begin_domain(transaction, prefix, &first.root);
    for (key, entry) in first.in_the_clear(prefix, configuration) {
        transaction.put_as_it_is(key, entry);
    }
    transaction.put(domain.key(UNSEAL_KEY_KEY), first.unseal_key.expose().to_vec());
    shares_of(&first.unseal_key, configuration)
}

/// The shares of `unseal_key`; a single one is the key itself.
pub(super) fn shares_of(unseal_key: &RootKey, configuration: &SealConfiguration) -> Vec<SecretBytes> {
    match configuration.shares() {
        1 => vec![Zeroizing::new(unseal_key.expose().to_vec())],
        shares => split(unseal_key.expose(), shares, configuration.threshold()),
    }
}

/// A transaction on a barrier of its own, to collect writes by the code that later serves requests.
async fn scratch() -> Result<Transaction, SealError> {
    let barrier = Barrier::new(Arc::new(InmemStorage::new()));
    let root = RootKey::generate();
    barrier.initialize(&root, Batch::new()).await?;
    barrier.unseal(&root).await?;
    Ok(barrier.begin())
}
