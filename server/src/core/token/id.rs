//! The texts of tokens and accessors, and the names under which they are stored.

use aws_lc_rs::hmac;
use rand::Rng as _;
use rand::distr::Alphanumeric;
use zeroize::Zeroizing;

use crate::core::namespace::Namespace;
use crate::core::request::ClientToken;

/// What all service tokens begin with.
pub(super) const SERVICE_PREFIX: &str = "s.";
/// What all batch tokens begin with.
pub(super) const BATCH_PREFIX: &str = "b.";

/// Bytes of the key of [`Salt`].
pub(super) const KEY_LENGTH: usize = 32;

/// Bytes of a keyed hash that a stored name has.
const NAME_LENGTH: usize = 16;

/// A key that hides tokens and accessors: storage has only their keyed hashes.
pub(super) struct Salt(hmac::Key);

impl Salt {
    pub(super) fn new(key: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, key))
    }

    /// The stored name of `text`, which may end with a namespace's suffix; the name then does too. Its 128 bits are as
    /// hard to guess as a token, and each record of a token is named by them.
    pub(super) fn hide(&self, text: &str) -> String {
        let tag = hmac::sign(&self.0, text.as_bytes());
        let name = format!("h{}", hex::encode(&tag.as_ref()[..NAME_LENGTH]));
        match namespace_of(text) {
            "root" => name,
            namespace => format!("{name}.{namespace}"),
        }
    }
}

/// A random key.
pub(super) fn random_key() -> Zeroizing<[u8; KEY_LENGTH]> {
    let mut key = Zeroizing::new([0; KEY_LENGTH]);
    rand::rng().fill(&mut key[..]);
    key
}

/// 24 random letters and digits: 142 bits.
pub(crate) fn random_text() -> String {
    random_letters(24)
}

/// So many random letters and digits.
pub(crate) fn random_letters(length: usize) -> String {
    rand::rng().sample_iter(Alphanumeric).take(length).map(char::from).collect()
}

/// A new service token of `namespace`.
pub(super) fn service_token(namespace: &Namespace) -> ClientToken {
    ClientToken::new(format!("{SERVICE_PREFIX}{}{}", random_text(), namespace.id_suffix()))
}

/// A new accessor of `namespace`.
pub(super) fn accessor(namespace: &Namespace) -> String {
    format!("{}{}", random_text(), namespace.id_suffix())
}

/// The id of the namespace that the suffix of a token, an accessor, a stored name or a lease id tells;
/// `root` without suffix.
pub(crate) fn namespace_of(text: &str) -> &str {
    let last = text.rsplit('/').next().unwrap_or(text);
    let bare = last.strip_prefix(SERVICE_PREFIX).or_else(|| last.strip_prefix(BATCH_PREFIX)).unwrap_or(last);
    bare.rsplit_once('.').map_or("root", |(_, namespace)| namespace)
}
