//! How many shares there are.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::{SEAL_CONFIG_KEY, SealError};
use crate::barrier::{Barrier, BarrierError, Domain};

/// The stored configuration of the seal, in the form that OpenBao stores it in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealConfiguration {
    #[serde(rename = "type")]
    kind: String,
    secret_shares: u8,
    secret_threshold: u8,
    #[serde(default)]
    pgp_keys: Option<Vec<String>>,
    #[serde(default)]
    nonce: String,
    #[serde(default)]
    backup: bool,
}

impl SealConfiguration {
    /// The only kind of seal so far.
    pub const KIND: &'static str = "shamir";

    /// Checks the numbers of a request.
    pub fn new(shares: i64, threshold: i64) -> Result<Self, SealError> {
        let wrong = |reason| Err(SealError::InvalidConfiguration(reason));
        if shares < 1 {
            return wrong("shares must be at least one");
        }
        if threshold < 1 {
            return wrong("threshold must be at least one");
        }
        if shares > 1 && threshold == 1 {
            return wrong("threshold must be greater than one for multiple shares");
        }
        let Ok(secret_shares) = u8::try_from(shares) else {
            return wrong("shares must be less than 256");
        };
        match u8::try_from(threshold) {
            Err(_) => wrong("threshold must be less than 256"),
            Ok(threshold) if threshold > secret_shares => wrong("threshold cannot be larger than shares"),
            Ok(secret_threshold) => Ok(Self::of(secret_shares, secret_threshold)),
        }
    }

    fn of(secret_shares: u8, secret_threshold: u8) -> Self {
        Self {
            kind: Self::KIND.to_owned(),
            secret_shares,
            secret_threshold,
            pgp_keys: None,
            nonce: String::new(),
            backup: false,
        }
    }

    /// Shares handed out.
    pub fn shares(&self) -> u8 {
        self.secret_shares
    }

    /// Shares needed.
    pub fn threshold(&self) -> u8 {
        self.secret_threshold
    }

    /// The stored configuration of the seal of `domain`; `None` before initialization.
    pub(super) async fn load(barrier: &Barrier, domain: &Domain) -> Result<Option<Self>, SealError> {
        let key = domain.key(SEAL_CONFIG_KEY);
        let stored = barrier.storage().get(&key).await.map_err(BarrierError::from)?;
        let parse = |bytes: Bytes| {
            serde_json::from_slice(&bytes)
                .map_err(|error| BarrierError::Malformed { key: key.clone(), cause: error.to_string() })
        };
        Ok(stored.map(parse).transpose()?)
    }

    pub(super) fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("the configuration is plain JSON")
    }
}
