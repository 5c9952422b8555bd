//! The algorithms of signatures.

use aws_lc_rs::signature::{self, EcdsaSigningAlgorithm, RsaEncoding};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256, Sha384, Sha512};

/// How a key signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Algorithm {
    #[serde(rename = "RS256")]
    Rs256,
    #[serde(rename = "RS384")]
    Rs384,
    #[serde(rename = "RS512")]
    Rs512,
    #[serde(rename = "ES256")]
    Es256,
    #[serde(rename = "ES384")]
    Es384,
    #[serde(rename = "ES512")]
    Es512,
    #[serde(rename = "EdDSA")]
    EdDsa,
}

/// What a key of an algorithm is.
#[derive(Clone, Copy)]
pub(super) enum Family {
    Rsa(&'static dyn RsaEncoding),
    Ec { how: &'static EcdsaSigningAlgorithm, curve: &'static str },
    Ed25519,
}

impl Algorithm {
    /// All of them, in the order in which the API names them.
    pub(super) const ALL: [Self; 7] =
        [Self::Rs256, Self::Rs384, Self::Rs512, Self::Es256, Self::Es384, Self::Es512, Self::EdDsa];

    /// The name of RFC 7518.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::Es512 => "ES512",
            Self::EdDsa => "EdDSA",
        }
    }

    /// The algorithm of this name.
    pub(super) fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.as_str() == name)
    }

    /// The sort of its keys.
    pub(super) fn family(self) -> Family {
        match self {
            Self::Rs256 => Family::Rsa(&signature::RSA_PKCS1_SHA256),
            Self::Rs384 => Family::Rsa(&signature::RSA_PKCS1_SHA384),
            Self::Rs512 => Family::Rsa(&signature::RSA_PKCS1_SHA512),
            Self::Es256 => Family::Ec { how: &signature::ECDSA_P256_SHA256_FIXED_SIGNING, curve: "P-256" },
            Self::Es384 => Family::Ec { how: &signature::ECDSA_P384_SHA384_FIXED_SIGNING, curve: "P-384" },
            Self::Es512 => Family::Ec { how: &signature::ECDSA_P521_SHA512_FIXED_SIGNING, curve: "P-521" },
            Self::EdDsa => Family::Ed25519,
        }
    }

    /// The left half of the digest of `text`, by the hash of the algorithm: what binds a code or an access token to an
    /// ID token (OpenID Connect Core, 3.3.2.11).
    pub(super) fn half_digest(self, text: &str) -> Vec<u8> {
        let mut digest = match self {
            Self::Rs256 | Self::Es256 => Sha256::digest(text).to_vec(),
            Self::Rs384 | Self::Es384 => Sha384::digest(text).to_vec(),
            Self::Rs512 | Self::Es512 | Self::EdDsa => Sha512::digest(text).to_vec(),
        };
        digest.truncate(digest.len() / 2);
        digest
    }
}
