//! What can go wrong at the seal.

use std::fmt;

use super::CombineError;
use crate::barrier::BarrierError;

/// Why the seal refused. The texts are those that OpenBao answers.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum SealError {
    /// `sys/init` on an initialized server.
    AlreadyInitialized,
    /// The barrier or the storage failed.
    Barrier(BarrierError),
    /// The shares do not fit together.
    Combine(CombineError),
    /// The numbers of shares make no sense.
    InvalidConfiguration(&'static str),
    /// A share is longer than any share can be.
    KeyTooLong,
    /// A share is shorter than any share can be.
    KeyTooShort,
    /// A share is neither hexadecimal nor base64.
    MalformedKey,
    /// `sys/unseal` without a share.
    MissingKey,
    /// `sys/unseal` with `migrate`: there is only one kind of seal.
    NoMigration,
    /// The parameters are for seals that unseal themselves.
    NotApplicable(String),
    /// `sys/unseal` before `sys/init`.
    NotInitialized,
    /// Shares and root token can be given in the clear only.
    PgpUnsupported,
    /// A rotation of the keys, or the generation of a root token, cannot go on.
    Rotation(String),
    /// `reset` on an unsealed barrier.
    Unsealed,
    /// The shares make a key, but not the right one.
    WrongKey,
    /// The shares make something of a length that is no key's.
    WrongKeyLength(usize),
}

impl SealError {
    /// The HTTP status that OpenBao answers this with.
    pub fn status(&self) -> u16 {
        match self {
            Self::Barrier(_) | Self::NoMigration => 500,
            _ => 400,
        }
    }
}

impl fmt::Display for SealError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::AlreadyInitialized => "Vault is already initialized",
            Self::Barrier(error) => return error.fmt(formatter),
            Self::Combine(error) => {
                return write!(formatter, "invalid key: failed to compute combined key: {error}");
            }
            Self::InvalidConfiguration(reason) => {
                return write!(formatter, "invalid seal configuration: {reason}");
            }
            Self::KeyTooLong => "invalid key: key is longer than maximum 33 bytes",
            Self::KeyTooShort => "invalid key: key is shorter than minimum 16 bytes",
            Self::MalformedKey => "'key' must be a valid hex or base64 string",
            Self::MissingKey => "'key' must be specified in request body as JSON, or 'reset' set to true",
            Self::NoMigration => "can't perform a seal migration, no migration seal found",
            Self::NotApplicable(parameters) => {
                return write!(formatter, "parameters {parameters} not applicable to seal type shamir");
            }
            Self::NotInitialized => "Vault is not initialized",
            Self::PgpUnsupported => "encrypting shares or the root token for PGP keys is not supported",
            Self::Rotation(text) => return formatter.write_str(text),
            Self::Unsealed => "vault is unsealed",
            Self::WrongKey => {
                "unable to retrieve stored keys: invalid key: failed to decrypt keys from storage: \
                 cipher: message authentication failed"
            }
            Self::WrongKeyLength(length) => {
                let reason = "invalid key: failed to setup unseal key: crypto/aes: invalid key size";
                return write!(formatter, "{reason} {length}");
            }
        };
        formatter.write_str(text)
    }
}

impl std::error::Error for SealError {}

impl From<BarrierError> for SealError {
    fn from(error: BarrierError) -> Self {
        match error {
            BarrierError::AlreadyInitialized => Self::AlreadyInitialized,
            BarrierError::NotInitialized => Self::NotInitialized,
            error => Self::Barrier(error),
        }
    }
}
