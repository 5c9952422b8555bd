//! The seal: what guards the root key of the barrier.
//!
//! The root key is stored encrypted by the *unseal key*, and the unseal key is split by Shamir's scheme into
//! shares that are handed out once, at initialization. [`Seal`] is the state machine of `sys/init`,
//! `sys/unseal`, `sys/seal` and `sys/seal-status`, without HTTP. Its texts are those of OpenBao.

mod configuration;
mod error;
mod field;
mod init;
mod root_generation;
mod rotation;
mod shamir;
mod share;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use subtle::ConstantTimeEq as _;

use crate::barrier::{Barrier, BarrierError, Domain, RootKey};

pub use configuration::SealConfiguration;
pub use error::SealError;
pub(crate) use init::begin_in;
pub use init::{InitDraft, InitRequest};
pub(crate) use root_generation::{GenerationStatus, exclusive_or};
pub(crate) use rotation::RotationStatus;
pub use shamir::{CombineError, SecretBytes, combine, split};
pub(crate) use share::digits_or_base64;
pub use share::parse_share;

/// Where the configuration of the seal is stored, in the clear.
pub const SEAL_CONFIG_KEY: &str = "core/seal-config";

/// How long a seal waits for what is on its way to the storage.
const SETTLING: Duration = Duration::from_secs(5);

/// Where the root key is stored, encrypted by the unseal key.
pub const ROOT_KEY_KEY: &str = "core/root-key";

/// What `sys/seal-status` shows, without the fields of the server (version, cluster).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SealStatus {
    /// Always `shamir`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Whether a keyring is stored.
    pub initialized: bool,
    /// Whether what it guards is sealed.
    pub sealed: bool,
    /// Shares needed; 0 before initialization.
    #[serde(rename = "t")]
    pub threshold: u8,
    /// Shares handed out; 0 before initialization.
    #[serde(rename = "n")]
    pub shares: u8,
    /// Shares entered since the last success, failure or reset.
    pub progress: usize,
    /// Names this attempt to unseal; empty while none is under way.
    pub nonce: String,
    /// As `seal-status` names it: `inmem`, `file`, …
    pub storage_type: &'static str,
}

/// Shares entered so far.
#[derive(Default)]
struct Progress {
    nonce: String,
    shares: Vec<SecretBytes>,
}

/// The seal of one domain of a barrier: of a whole server, or of a namespace that has one of its own.
pub struct Seal {
    barrier: Arc<Barrier>,
    domain: Arc<Domain>,
    progress: Arc<tokio::sync::Mutex<Progress>>,
    rotation: tokio::sync::Mutex<Option<rotation::Rotation>>,
    generation: tokio::sync::Mutex<Option<root_generation::RootGeneration>>,
}

impl Seal {
    /// The seal of `barrier` as a whole.
    pub fn new(barrier: Arc<Barrier>) -> Self {
        let domain = Arc::clone(barrier.own_domain());
        Self::of(barrier, domain)
    }

    /// The seal of `domain` of `barrier`.
    pub(crate) fn of(barrier: Arc<Barrier>, domain: Arc<Domain>) -> Self {
        Self {
            barrier,
            domain,
            progress: Arc::default(),
            rotation: tokio::sync::Mutex::default(),
            generation: tokio::sync::Mutex::default(),
        }
    }

    /// The barrier behind the seal.
    pub fn barrier(&self) -> &Arc<Barrier> {
        &self.barrier
    }

    /// What it guards.
    pub(crate) fn domain(&self) -> &Arc<Domain> {
        &self.domain
    }

    /// Whether the domain has been initialized.
    pub async fn is_initialized(&self) -> Result<bool, SealError> {
        Ok(self.domain.is_initialized().await?)
    }

    /// What `sys/seal-status` shows.
    pub async fn status(&self) -> Result<SealStatus, SealError> {
        let progress = self.progress.lock().await;
        self.status_of(&progress).await
    }

    async fn configuration(&self) -> Result<Option<SealConfiguration>, SealError> {
        SealConfiguration::load(&self.barrier, &self.domain).await
    }

    async fn status_of(&self, progress: &Progress) -> Result<SealStatus, SealError> {
        let configuration = self.configuration().await?;
        Ok(SealStatus {
            kind: SealConfiguration::KIND,
            initialized: configuration.is_some(),
            sealed: self.domain.is_sealed(),
            threshold: configuration.as_ref().map_or(0, SealConfiguration::threshold),
            shares: configuration.as_ref().map_or(0, SealConfiguration::shares),
            progress: progress.shares.len(),
            nonce: progress.nonce.clone(),
            storage_type: self.barrier.storage().kind(),
        })
    }

    /// Enters a share. The one that reaches the threshold unseals the barrier, or fails and starts over.
    ///
    /// A share that is entered twice counts once. On an unsealed barrier a share changes nothing.
    pub async fn unseal_share(&self, share: SecretBytes) -> Result<SealStatus, SealError> {
        let mut progress = self.progress.lock().await;
        let configuration = self.configuration().await?.ok_or(SealError::NotInitialized)?;
        if self.domain.is_sealed() {
            share::check_length(&share)?;
            progress.add(share);
            if progress.shares.len() >= usize::from(configuration.threshold()) {
                let shares = std::mem::take(&mut *progress).shares;
                self.unseal(unseal_key(shares)?).await?;
            }
        }
        self.status_of(&progress).await
    }

    async fn unseal(&self, unseal_key: RootKey) -> Result<(), SealError> {
        // Nobody is given other shares before this key is kept.
        let _rotation = self.rotation.lock().await;
        let root = self.root_opened_by(&unseal_key).await?;
        self.domain.unseal(&root).await?;
        self.keep_unseal_key(&unseal_key).await
    }

    /// Forgets the shares entered so far.
    pub async fn reset(&self) -> Result<SealStatus, SealError> {
        let mut progress = self.progress.lock().await;
        if !self.domain.is_sealed() {
            return Err(SealError::Unsealed);
        }
        *progress = Progress::default();
        self.status_of(&progress).await
    }

    /// Seals the domain and those within it: their keys leave the memory. Counts of encryptions are stored first.
    pub async fn seal(&self) -> Result<(), SealError> {
        let mut progress = self.progress.lock().await;
        *progress = Progress::default();
        self.cancel_rotation().await;
        self.cancel_generation().await;
        let stored = self.store_encryption_counts().await;
        // Sealing must not depend on a storage that works.
        self.barrier.seal_below(self.domain.prefix());
        tokio::time::timeout(SETTLING, self.barrier.settle()).await.ok();
        Ok(stored?)
    }
}

impl Seal {
    /// Stores the counts of encryptions by all that is sealed with it; answers the last thing that was in the way.
    async fn store_encryption_counts(&self) -> Result<(), BarrierError> {
        let mut outcome = Ok(());
        for domain in self.barrier.domains_below(self.domain.prefix()) {
            match self.barrier.store_encryption_counts(&domain).await {
                Ok(()) | Err(BarrierError::Sealed | BarrierError::NamespaceSealed) => {}
                Err(error) => outcome = Err(error),
            }
        }
        outcome
    }
}

impl Progress {
    fn add(&mut self, share: SecretBytes) {
        if self.shares.iter().any(|known| known.ct_eq(&share).into()) {
            return;
        }
        if self.shares.is_empty() {
            self.nonce = uuid::Uuid::new_v4().to_string();
        }
        self.shares.push(share);
    }
}

/// The key that the entered shares make. A single share is the key itself.
fn unseal_key(mut shares: Vec<SecretBytes>) -> Result<RootKey, SealError> {
    let secret = match shares.len() {
        1 => shares.remove(0),
        _ => combine(&shares).map_err(SealError::Combine)?,
    };
    RootKey::from_bytes(&secret).ok_or(match secret.len() {
        16 | 24 => SealError::WrongKey,
        length => SealError::WrongKeyLength(length),
    })
}
