//! Public keys, and which signatures they can check.

use aws_lc_rs::rsa::PublicKeyComponents;
use aws_lc_rs::signature::{
    self, EcdsaVerificationAlgorithm, ParsedPublicKey, RsaParameters, UnparsedPublicKey,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use x509_parser::pem::Pem;
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::x509::SubjectPublicKeyInfo;

/// The algorithms that signatures may have. None of them works with a shared secret.
pub(crate) const ALGORITHMS: [&str; 10] =
    ["RS256", "RS384", "RS512", "ES256", "ES384", "ES512", "PS256", "PS384", "PS512", "EdDSA"];

/// A public key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Key {
    /// Modulus and exponent, big-endian.
    Rsa { n: Vec<u8>, e: Vec<u8> },
    /// An uncompressed point.
    Ec { curve: Curve, point: Vec<u8> },
    /// 32 bytes.
    Ed25519(Vec<u8>),
}

/// A curve that signatures use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Curve {
    P256,
    P384,
    P521,
}

impl Key {
    /// The one key of a PEM document: a public key, or the one of a certificate.
    ///
    /// # Errors
    /// What is wrong, without the text.
    pub(crate) fn from_pem(text: &str) -> Result<Self, &'static str> {
        const NONE: &str = "data does not contain any valid public keys";
        let (pem, length) = Pem::read(std::io::Cursor::new(text.as_bytes())).map_err(|_| NONE)?;
        if text.as_bytes()[length..].iter().any(|byte| !byte.is_ascii_whitespace()) {
            return Err("unexpected trailing data after parsed PEM block");
        }
        let info = match pem.label.as_str() {
            "CERTIFICATE" => {
                X509Certificate::from_der(&pem.contents).map(|(_, it)| it.tbs_certificate.subject_pki)
            }
            _ => SubjectPublicKeyInfo::from_der(&pem.contents).map(|(_, it)| it),
        };
        info.ok().as_ref().and_then(Self::from_info).ok_or(NONE)
    }

    fn from_info(info: &SubjectPublicKeyInfo<'_>) -> Option<Self> {
        let data = info.subject_public_key.data.to_vec();
        match info.algorithm.algorithm.to_id_string().as_str() {
            "1.2.840.113549.1.1.1" => match info.parsed().ok()? {
                x509_parser::public_key::PublicKey::RSA(key) => {
                    Some(Self::Rsa { n: positive(key.modulus), e: positive(key.exponent) })
                }
                _ => None,
            },
            "1.2.840.10045.2.1" => {
                let curve = info.algorithm.parameters.as_ref()?.as_oid().ok()?.to_id_string();
                Some(Self::Ec { curve: Curve::of_oid(&curve)?, point: data })
            }
            "1.3.101.112" => Some(Self::Ed25519(data)),
            _ => None,
        }
    }

    /// Whether `signature` over `message` is good. A key never checks an algorithm of another kind or curve.
    pub(crate) fn verifies(&self, algorithm: &str, message: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::Rsa { n, e } => rsa(algorithm)
                .is_some_and(|how| PublicKeyComponents { n, e }.verify(how, message, signature).is_ok()),
            Self::Ec { curve, point } => {
                ecdsa(algorithm).filter(|(of, _)| of == curve).is_some_and(|(_, how)| {
                    UnparsedPublicKey::new(how, point).verify(message, signature).is_ok()
                })
            }
            Self::Ed25519(key) => {
                let key = UnparsedPublicKey::new(&signature::ED25519, key);
                algorithm == "EdDSA" && key.verify(message, signature).is_ok()
            }
        }
    }
}

/// Without the zero that DER puts before a high first bit.
fn positive(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().copied().skip_while(|byte| *byte == 0).collect()
}

fn rsa(algorithm: &str) -> Option<&'static RsaParameters> {
    Some(match algorithm {
        "RS256" => &signature::RSA_PKCS1_2048_8192_SHA256,
        "RS384" => &signature::RSA_PKCS1_2048_8192_SHA384,
        "RS512" => &signature::RSA_PKCS1_2048_8192_SHA512,
        "PS256" => &signature::RSA_PSS_2048_8192_SHA256,
        "PS384" => &signature::RSA_PSS_2048_8192_SHA384,
        "PS512" => &signature::RSA_PSS_2048_8192_SHA512,
        _ => return None,
    })
}

fn ecdsa(algorithm: &str) -> Option<(Curve, &'static EcdsaVerificationAlgorithm)> {
    Some(match algorithm {
        "ES256" => (Curve::P256, &signature::ECDSA_P256_SHA256_FIXED),
        "ES384" => (Curve::P384, &signature::ECDSA_P384_SHA384_FIXED),
        "ES512" => (Curve::P521, &signature::ECDSA_P521_SHA512_FIXED),
        _ => return None,
    })
}

impl Curve {
    fn of_oid(oid: &str) -> Option<Self> {
        Some(match oid {
            "1.2.840.10045.3.1.7" => Self::P256,
            "1.3.132.0.34" => Self::P384,
            "1.3.132.0.35" => Self::P521,
            _ => return None,
        })
    }

    fn of_name(name: &str) -> Option<Self> {
        Some(match name {
            "P-256" => Self::P256,
            "P-384" => Self::P384,
            "P-521" => Self::P521,
            _ => return None,
        })
    }

    /// Whether the uncompressed `point` lies on it.
    fn has(self, point: &[u8]) -> bool {
        let how = match self {
            Self::P256 => &signature::ECDSA_P256_SHA256_FIXED,
            Self::P384 => &signature::ECDSA_P384_SHA384_FIXED,
            Self::P521 => &signature::ECDSA_P521_SHA512_FIXED,
        };
        ParsedPublicKey::new(how, point).is_ok()
    }

    /// Length of a coordinate, in bytes.
    fn length(self) -> usize {
        match self {
            Self::P256 => 32,
            Self::P384 => 48,
            Self::P521 => 66,
        }
    }
}

/// A key of a key set (RFC 7517). Of other kinds than ours only `kty` is looked at.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Jwk {
    pub(crate) kid: String,
    kty: String,
    crv: String,
    n: String,
    e: String,
    x: String,
    y: String,
}

impl Jwk {
    /// The public key, if it is of a kind that signatures are checked with.
    pub(crate) fn key(&self) -> Option<Key> {
        let bytes = |text: &str| URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok();
        match (self.kty.as_str(), self.crv.as_str()) {
            ("RSA", _) => Some(Key::Rsa { n: positive(&bytes(&self.n)?), e: positive(&bytes(&self.e)?) }),
            ("EC", name) => {
                let curve = Curve::of_name(name)?;
                let (x, y) = (bytes(&self.x)?, bytes(&self.y)?);
                let fits = x.len() == curve.length() && y.len() == curve.length();
                let point = [&[4], x.as_slice(), y.as_slice()].concat();
                (fits && curve.has(&point)).then_some(Key::Ec { curve, point })
            }
            ("OKP", "Ed25519") => bytes(&self.x).filter(|key| key.len() == 32).map(Key::Ed25519),
            _ => None,
        }
    }
}
