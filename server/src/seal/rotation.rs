//! New shares for a new unseal key, and a new root key under it: what `sys/rotate/root/` drives.
//!
//! Who enters enough of the present shares is given new ones. If the new ones are to be verified, nothing is stored
//! before enough of them were entered, too. The attempt lives in memory: a restart, or sealing, ends it.

use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use super::init::shares_of;
use super::{ROOT_KEY_KEY, SEAL_CONFIG_KEY, Seal, SealConfiguration, SealError, SecretBytes, unseal_key};
use crate::barrier::{BarrierError, RootKey};
use crate::storage::Batch;

/// Where the unseal key is stored, encrypted by the barrier: a new root key must be wrapped without asking for shares.
pub(super) const UNSEAL_KEY_KEY: &str = "core/shamir-kek";

/// An attempt that is under way.
pub(super) struct Rotation {
    nonce: String,
    configuration: SealConfiguration,
    is_verified: bool,
    shares: Vec<SecretBytes>,
    pending: Option<Pending>,
}

/// New shares that were handed out and are not in force yet.
struct Pending {
    nonce: String,
    unseal_key: RootKey,
    shares: Vec<SecretBytes>,
}

/// What an attempt looks like from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RotationStatus {
    /// Names the attempt.
    pub(crate) nonce: String,
    /// Shares that there will be.
    pub(crate) shares: u8,
    /// Of them needed to unseal.
    pub(crate) threshold: u8,
    /// Present shares entered so far.
    pub(crate) progress: usize,
    /// Whether the new shares have to be entered before they count.
    pub(crate) is_verified: bool,
    /// Names the verification; empty before it.
    pub(crate) verification_nonce: String,
    /// New shares entered so far.
    pub(crate) verification_progress: usize,
}

/// New shares, which exist nowhere else.
pub(crate) struct NewShares {
    pub(crate) shares: Vec<SecretBytes>,
    /// Names the verification; empty if there is none.
    pub(crate) verification_nonce: String,
}

fn new_nonce() -> String {
    uuid::Uuid::new_v4().to_string()
}

fn refused(text: impl Into<String>) -> SealError {
    SealError::Rotation(text.into())
}

/// Adds `share` unless it is there.
fn add(shares: &mut Vec<SecretBytes>, share: SecretBytes, during: &str) -> Result<(), SealError> {
    if shares.iter().any(|known| known.ct_eq(&share).into()) {
        return Err(refused(format!("given key has already been provided during this {during}")));
    }
    shares.push(share);
    Ok(())
}

impl Rotation {
    fn status(&self) -> RotationStatus {
        RotationStatus {
            nonce: self.nonce.clone(),
            shares: self.configuration.shares(),
            threshold: self.configuration.threshold(),
            progress: self.shares.len(),
            is_verified: self.is_verified,
            verification_nonce: self
                .pending
                .as_ref()
                .map(|pending| pending.nonce.clone())
                .unwrap_or_default(),
            verification_progress: self.pending.as_ref().map_or(0, |pending| pending.shares.len()),
        }
    }
}

impl Seal {
    /// Shares that are needed to unseal.
    ///
    /// # Errors
    /// If the storage fails.
    pub(crate) async fn threshold(&self) -> Result<u8, SealError> {
        let configuration = self.configuration().await?.ok_or(SealError::NotInitialized)?;
        Ok(configuration.threshold())
    }

    /// The attempt that is under way.
    pub(crate) async fn rotation(&self) -> Option<RotationStatus> {
        self.rotation.lock().await.as_ref().map(Rotation::status)
    }

    /// Begins an attempt.
    ///
    /// # Errors
    /// If one is under way, or the numbers make no sense.
    pub(crate) async fn begin_rotation(
        &self,
        shares: i64,
        threshold: i64,
        is_verified: bool,
    ) -> Result<RotationStatus, SealError> {
        let mut rotation = self.rotation.lock().await;
        if rotation.is_some() {
            return Err(refused("rotation already in progress"));
        }
        let configuration = SealConfiguration::new(shares, threshold).map_err(|error| match error {
            SealError::InvalidConfiguration(reason) => {
                refused(format!("invalid rotate seal configuration: {reason}"))
            }
            error => error,
        })?;
        let begun =
            Rotation { nonce: new_nonce(), configuration, is_verified, shares: Vec::new(), pending: None };
        Ok(rotation.insert(begun).status())
    }

    /// Ends the attempt, if there is one.
    pub(crate) async fn cancel_rotation(&self) {
        *self.rotation.lock().await = None;
    }

    /// Enters a present share. The one that reaches the threshold is answered with the new shares.
    ///
    /// # Errors
    /// If the nonce is another, or the shares are wrong; they have to be entered again then.
    pub(crate) async fn enter_for_rotation(
        &self,
        nonce: &str,
        share: SecretBytes,
    ) -> Result<Option<NewShares>, SealError> {
        let mut guard = self.rotation.lock().await;
        let rotation = guard.as_mut().ok_or_else(|| refused("no rotation in progress"))?;
        if rotation.nonce != nonce {
            let text = format!("incorrect nonce supplied; nonce for rotation is \"{}\"", rotation.nonce);
            return Err(refused(text));
        }
        if let Some(pending) = &rotation.pending {
            return Err(refused(format!(
                "rotation already finished; verification must be performed; nonce for the verification operation is \"{}\"",
                pending.nonce
            )));
        }
        add(&mut rotation.shares, share, "rotation")?;
        if rotation.shares.len() < usize::from(self.threshold().await?) {
            return Ok(None);
        }
        self.open_root(std::mem::take(&mut rotation.shares)).await?;
        let unseal_key = RootKey::generate();
        let shares = shares_of(&unseal_key, &rotation.configuration);
        if rotation.is_verified {
            let pending = Pending { nonce: new_nonce(), unseal_key, shares: Vec::new() };
            let verification_nonce = rotation.pending.insert(pending).nonce.clone();
            return Ok(Some(NewShares { shares, verification_nonce }));
        }
        self.replace_keys(&unseal_key, Some(&rotation.configuration)).await?;
        *guard = None;
        Ok(Some(NewShares { shares, verification_nonce: String::new() }))
    }

    /// Enters a new share. True once enough are entered and the new shares are in force.
    ///
    /// # Errors
    /// If the nonce is another, or the shares are wrong; they have to be entered again then.
    pub(crate) async fn verify_rotation(&self, nonce: &str, share: SecretBytes) -> Result<bool, SealError> {
        let mut guard = self.rotation.lock().await;
        let rotation = guard.as_mut().ok_or_else(|| refused("no rotation in progress"))?;
        let threshold = usize::from(rotation.configuration.threshold());
        let pending =
            rotation.pending.as_mut().ok_or_else(|| refused("no rotation verification in progress"))?;
        if pending.nonce != nonce {
            return Err(refused(format!(
                "incorrect nonce supplied; nonce for this verify operation is \"{}\"",
                pending.nonce
            )));
        }
        pending.shares.push(share);
        if pending.shares.len() < threshold {
            return Ok(false);
        }
        // Whatever comes of it, these shares are not asked again.
        let shares = std::mem::take(&mut pending.shares);
        pending.nonce = new_nonce();
        let entered = unseal_key(shares).map_err(|error| match error {
            SealError::Combine(reason) => {
                refused(format!("failed to compute key for verification: {reason}"))
            }
            error => error,
        })?;
        if !bool::from(entered.expose().ct_eq(pending.unseal_key.expose())) {
            return Err(refused("rotation verification failed; incorrect key shares supplied"));
        }
        self.replace_keys(&entered, Some(&rotation.configuration)).await?;
        *guard = None;
        Ok(true)
    }

    /// Starts the verification over, under another nonce.
    ///
    /// # Errors
    /// If there is no attempt.
    pub(crate) async fn restart_verification(&self) -> Result<RotationStatus, SealError> {
        let mut guard = self.rotation.lock().await;
        let rotation = guard.as_mut().ok_or_else(|| refused("no rotation configuration found"))?;
        if let Some(pending) = &mut rotation.pending {
            pending.nonce = new_nonce();
            pending.shares.clear();
        }
        Ok(rotation.status())
    }

    /// A new root key under the present unseal key. No attempt at new shares goes on meanwhile.
    ///
    /// # Errors
    /// If the storage fails, or what is stored as the unseal key does not open the present root key: nothing is
    /// wrapped by a key that no share leads to.
    pub(crate) async fn rotate_root_key(&self) -> Result<(), SealError> {
        let _rotation = self.rotation.lock().await;
        let stored = self
            .barrier
            .get(&self.domain.key(UNSEAL_KEY_KEY))
            .await?
            .map(|bytes| Zeroizing::new(bytes.to_vec()));
        let unseal_key = stored.as_ref().and_then(|bytes| RootKey::from_bytes(bytes));
        let unseal_key =
            unseal_key.ok_or_else(|| refused("the unseal key is not known until the next unsealing"))?;
        let root = self.root_opened_by(&unseal_key).await?;
        if !self.domain.is_root_key(&root)? {
            return Err(SealError::WrongKey);
        }
        self.replace_keys(&unseal_key, None).await
    }

    /// Proves that `shares` open the root key.
    pub(crate) async fn open_root(&self, shares: Vec<SecretBytes>) -> Result<RootKey, SealError> {
        self.root_opened_by(&unseal_key(shares)?).await
    }

    /// The stored root key, which `unseal_key` has to open.
    pub(super) async fn root_opened_by(&self, unseal_key: &RootKey) -> Result<RootKey, SealError> {
        let key = self.domain.key(ROOT_KEY_KEY);
        let entry = self.barrier.storage().get(&key).await.map_err(BarrierError::from)?;
        let entry = entry.ok_or(SealError::NotInitialized)?;
        RootKey::unwrap_entry(unseal_key, &key, &entry).ok_or(SealError::WrongKey)
    }

    /// Stores a new root key under `unseal_key`, and what goes with it, in one batch.
    async fn replace_keys(
        &self,
        unseal_key: &RootKey,
        configuration: Option<&SealConfiguration>,
    ) -> Result<(), SealError> {
        let root = RootKey::generate();
        let mut clear = Batch::new();
        let key = self.domain.key(ROOT_KEY_KEY);
        clear.put(key.clone(), root.wrap(unseal_key, &key));
        if let Some(configuration) = configuration {
            clear.put(self.domain.key(SEAL_CONFIG_KEY), configuration.to_json());
        }
        let mut contents = Batch::new();
        contents.put(self.domain.key(UNSEAL_KEY_KEY), unseal_key.expose().to_vec());
        Ok(self.barrier.replace_root_key(&self.domain, &root, clear, contents).await?)
    }

    /// Stores the unseal key where it is not known yet: stores of older versions.
    pub(super) async fn keep_unseal_key(&self, unseal_key: &RootKey) -> Result<(), SealError> {
        let stored = self.barrier.get(&self.domain.key(UNSEAL_KEY_KEY)).await?;
        if stored.is_some_and(|stored| stored == unseal_key.expose()) {
            return Ok(());
        }
        let transaction = self.barrier.begin();
        transaction.put(self.domain.key(UNSEAL_KEY_KEY), unseal_key.expose().to_vec());
        transaction
            .commit()
            .await
            .map_err(|error| refused(format!("the unseal key cannot be stored: {error}")))
    }
}
