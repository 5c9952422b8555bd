//! A new root token for those who hold enough shares: what `sys/generate-root-token/` drives.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use rand::Rng as _;
use subtle::ConstantTimeEq as _;

use super::{Seal, SealError, SecretBytes};

/// Letters of a one-time password: as many as a root token of the root namespace has.
const OTP_LENGTH: usize = 26;
/// As many as the id of another namespace adds to its tokens, with the dot.
const NAMESPACE_LENGTH: usize = 7;

/// An attempt that is under way.
pub(super) struct RootGeneration {
    nonce: String,
    otp: zeroize::Zeroizing<String>,
    shares: Vec<SecretBytes>,
}

/// What an attempt looks like from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct GenerationStatus {
    /// Names the attempt.
    pub(crate) nonce: String,
    /// Shares entered so far.
    pub(crate) progress: usize,
}

/// Leave to make the token, which is told under this password.
pub(crate) struct Permit {
    otp: zeroize::Zeroizing<String>,
    /// Shares that were entered.
    pub(crate) progress: usize,
}

impl Permit {
    /// `token` as only who knows the password reads it; `None` if it is longer or shorter than the password.
    pub(crate) fn encode(&self, token: &str) -> Option<String> {
        let bytes = exclusive_or(token.as_bytes(), self.otp.as_bytes())?;
        Some(STANDARD_NO_PAD.encode(bytes))
    }
}

/// Both byte by byte; `None` if their lengths differ.
pub(crate) fn exclusive_or(a: &[u8], b: &[u8]) -> Option<Vec<u8>> {
    (a.len() == b.len()).then(|| a.iter().zip(b).map(|(a, b)| a ^ b).collect())
}

fn refused(text: impl Into<String>) -> SealError {
    SealError::Rotation(text.into())
}

impl Seal {
    /// Letters of a one-time password: as many as the token has.
    pub(crate) fn otp_length(&self) -> usize {
        if self.domain.is_own() { OTP_LENGTH } else { OTP_LENGTH + NAMESPACE_LENGTH }
    }

    /// The attempt that is under way.
    pub(crate) async fn generation(&self) -> Option<GenerationStatus> {
        let generation = self.generation.lock().await;
        generation
            .as_ref()
            .map(|attempt| GenerationStatus { nonce: attempt.nonce.clone(), progress: attempt.shares.len() })
    }

    /// Begins an attempt under the password `otp`, or under one that is made up: then it is answered.
    ///
    /// # Errors
    /// If one is under way, or the password has another length than a token.
    pub(crate) async fn begin_generation(
        &self,
        otp: Option<String>,
    ) -> Result<(GenerationStatus, Option<String>), SealError> {
        let mut generation = self.generation.lock().await;
        if generation.is_some() {
            return Err(refused("root generation already in progress for this namespace"));
        }
        if otp.as_ref().is_some_and(|otp| otp.len() != self.otp_length()) {
            return Err(refused("OTP string has incorrect length"));
        }
        let made_up = otp.is_none().then(|| random_otp(self.otp_length()));
        let otp = otp.or_else(|| made_up.clone()).unwrap_or_default().into();
        let nonce = uuid::Uuid::new_v4().to_string();
        *generation = Some(RootGeneration { nonce: nonce.clone(), otp, shares: Vec::new() });
        Ok((GenerationStatus { nonce, progress: 0 }, made_up))
    }

    /// Ends the attempt, if there is one.
    pub(crate) async fn cancel_generation(&self) {
        *self.generation.lock().await = None;
    }

    /// Enters a share. The one that reaches the threshold gives leave to make the token, once.
    ///
    /// # Errors
    /// If the nonce is another, or the shares are wrong; they have to be entered again then.
    pub(crate) async fn enter_for_generation(
        &self,
        nonce: &str,
        share: SecretBytes,
    ) -> Result<Option<Permit>, SealError> {
        super::share::check_length(&share)?;
        let mut guard = self.generation.lock().await;
        let attempt = guard.as_mut().ok_or_else(|| refused("no root generation in progress"))?;
        if attempt.nonce != nonce {
            return Err(refused(format!(
                "incorrect nonce supplied; nonce for this root generation operation is \"{}\"",
                attempt.nonce
            )));
        }
        if attempt.shares.iter().any(|known| known.ct_eq(&share).into()) {
            return Err(refused("given key has already been provided during this generation operation"));
        }
        attempt.shares.push(share);
        let progress = attempt.shares.len();
        if progress < usize::from(self.threshold().await?) {
            return Ok(None);
        }
        self.open_root(std::mem::take(&mut attempt.shares))
            .await
            .map_err(|error| refused(format!("root generation aborted: unable to authenticate: {error}")))?;
        Ok(guard.take().map(|attempt| Permit { otp: attempt.otp, progress }))
    }
}

fn random_otp(length: usize) -> String {
    rand::rng().sample_iter(rand::distr::Alphanumeric).take(length).map(char::from).collect()
}
