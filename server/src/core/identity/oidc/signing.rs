//! Private keys, and what they sign.

use std::fmt;
use std::sync::LazyLock;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::error::{KeyRejected, Unspecified};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{EcdsaKeyPair, Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use x509_parser::prelude::FromDer as _;
use x509_parser::public_key::RSAPublicKey;
use zeroize::Zeroizing;

use super::algorithm::{Algorithm, Family};
use super::wire::Jwk;
use crate::core::error::Error;
use crate::core::slow::{self, Queue};

/// RSA takes its time: no more pairs at once than leave processors to logins, which take theirs.
static RSA: LazyLock<Queue> =
    LazyLock::new(|| Queue::new((slow::processors() / 2).clamp(1, 2), 256, "key pairs"));

/// A private key as PKCS #8. Shows nothing of itself, and is wiped when dropped.
#[derive(Clone)]
pub(super) struct PrivateKey(Zeroizing<Vec<u8>>);

impl fmt::Debug for PrivateKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("(private key)")
    }
}

impl Serialize for PrivateKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&Zeroizing::new(STANDARD.encode(&*self.0)))
    }
}

impl<'de> Deserialize<'de> for PrivateKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Zeroizing::new(String::deserialize(deserializer)?);
        let bytes = STANDARD.decode(&*text).map_err(|_| D::Error::custom("a private key is no base64"))?;
        Ok(Self(Zeroizing::new(bytes)))
    }
}

/// A private key with its name.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct SigningKey {
    pub(super) id: String,
    algorithm: Algorithm,
    private: PrivateKey,
}

/// A private key and its public half.
#[derive(Clone, Debug)]
pub(super) struct Pair {
    pub(super) key: SigningKey,
    pub(super) public: Jwk,
}

impl Pair {
    /// A new one; those of RSA are made on a thread for slow work.
    ///
    /// # Errors
    /// 503 if too many wait for theirs; else only if there are no random bytes.
    pub(super) async fn generate(algorithm: Algorithm) -> Result<Self, Error> {
        let made = match algorithm.family() {
            Family::Rsa(_) => RSA.run(move || generate(algorithm)).await?,
            Family::Ec { .. } | Family::Ed25519 => generate(algorithm),
        };
        let (private, material) = made.map_err(|_| Error::internal("a key pair could not be made"))?;
        let id = uuid::Uuid::new_v4().to_string();
        let public = Jwk { kid: id.clone(), alg: algorithm.as_str().to_owned(), ..material };
        Ok(Self { key: SigningKey { id, algorithm, private }, public })
    }
}

impl SigningKey {
    /// The algorithm that it signs with, and no other.
    pub(super) fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// A token (RFC 7515) of these claims.
    ///
    /// # Errors
    /// Only if what is stored is no key.
    pub(super) fn token(&self, claims: &[u8]) -> Result<String, Error> {
        let header = serde_json::json!({ "alg": self.algorithm.as_str(), "kid": self.id });
        let header = URL_SAFE_NO_PAD.encode(header.to_string());
        let message = format!("{header}.{}", URL_SAFE_NO_PAD.encode(claims));
        let signature = self.sign(message.as_bytes())?;
        Ok(format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        let rejected = |_: KeyRejected| Error::internal(format!("the stored key `{}` is none", self.id));
        let unsigned = |_: Unspecified| Error::internal(format!("the key `{}` does not sign", self.id));
        let (private, random) = (&*self.private.0, SystemRandom::new());
        match self.algorithm.family() {
            Family::Rsa(encoding) => {
                let key = RsaKeyPair::from_pkcs8(private).map_err(rejected)?;
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(encoding, &random, message, &mut signature).map_err(unsigned)?;
                Ok(signature)
            }
            Family::Ec { how, .. } => {
                let key = EcdsaKeyPair::from_pkcs8(how, private).map_err(rejected)?;
                Ok(key.sign(&random, message).map_err(unsigned)?.as_ref().to_vec())
            }
            Family::Ed25519 => {
                let key = Ed25519KeyPair::from_pkcs8(private).map_err(rejected)?;
                Ok(key.sign(message).as_ref().to_vec())
            }
        }
    }
}

fn generate(algorithm: Algorithm) -> Result<(PrivateKey, Jwk), Unspecified> {
    let text = |bytes: &[u8]| Some(URL_SAFE_NO_PAD.encode(bytes));
    let private = |bytes: &[u8]| PrivateKey(Zeroizing::new(bytes.to_vec()));
    match algorithm.family() {
        Family::Rsa(_) => {
            let key = RsaKeyPair::generate(KeySize::Rsa2048)?;
            let (_, public) = RSAPublicKey::from_der(key.public_key().as_ref()).map_err(|_| Unspecified)?;
            let number = |bytes: &[u8]| text(&bytes[bytes.iter().take_while(|byte| **byte == 0).count()..]);
            let jwk = Jwk { n: number(public.modulus), e: number(public.exponent), ..Jwk::of("RSA", None) };
            Ok((private(AsDer::<Pkcs8V1Der<'_>>::as_der(&key)?.as_ref()), jwk))
        }
        Family::Ec { how, curve } => {
            let key = EcdsaKeyPair::generate(how)?;
            // After the byte that says that nothing is compressed.
            let point = &key.public_key().as_ref()[1..];
            let (x, y) = point.split_at(point.len() / 2);
            let jwk = Jwk { x: text(x), y: text(y), ..Jwk::of("EC", Some(curve)) };
            Ok((private(key.to_pkcs8v1()?.as_ref()), jwk))
        }
        Family::Ed25519 => {
            let key = Ed25519KeyPair::generate()?;
            let jwk = Jwk { x: text(key.public_key().as_ref()), ..Jwk::of("OKP", Some("Ed25519")) };
            Ok((private(key.to_pkcs8()?.as_ref()), jwk))
        }
    }
}
