//! Batch tokens: the record, sealed, is the token.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

use super::id::{BATCH_PREFIX, namespace_of};
use super::record::TokenRecord;
use super::{TokenEntry, TokenKind};
use crate::barrier::{pack, unpack};
use crate::core::error::Error;
use crate::core::namespace::Namespace;
use crate::core::request::ClientToken;

/// What errors call the record.
const NAME: &str = "batch token";

/// The key that seals batch tokens.
pub(super) struct BatchKey(LessSafeKey);

impl BatchKey {
    /// A key of 32 bytes.
    pub(super) fn new(key: &[u8; 32]) -> Self {
        let key = UnboundKey::new(&AES_256_GCM, key).expect("the key has 32 bytes");
        Self(LessSafeKey::new(key))
    }

    /// The batch token of `entry`, which belongs to `namespace`.
    pub(super) fn seal(&self, entry: &TokenEntry, namespace: &Namespace) -> Result<ClientToken, Error> {
        let mut text = pack(NAME, &TokenRecord::from(entry))?;
        let mut nonce = [0; NONCE_LEN];
        aws_lc_rs::rand::fill(&mut nonce).map_err(|_| Error::internal("no random bytes"))?;
        let aad = Aad::from(namespace.id.as_bytes());
        self.0
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), aad, &mut text)
            .map_err(|_| Error::internal("a batch token could not be sealed"))?;
        let sealed = [nonce.as_slice(), &text].concat();
        let text = BASE64_URL_SAFE_NO_PAD.encode(sealed);
        Ok(ClientToken::new(format!("{BATCH_PREFIX}{text}{}", namespace.id_suffix())))
    }

    /// What `token` carries; `None` if this key has not sealed it, or for another namespace.
    pub(super) fn open(&self, token: &str, id: &str) -> Option<TokenEntry> {
        let namespace = namespace_of(token);
        let text = token.strip_prefix(BATCH_PREFIX)?;
        let text = text.rsplit_once('.').map_or(text, |(text, _)| text);
        let mut sealed = BASE64_URL_SAFE_NO_PAD.decode(text).ok()?;
        if sealed.len() < NONCE_LEN {
            return None;
        }
        let (nonce, text) = sealed.split_at_mut(NONCE_LEN);
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let record = self.0.open_in_place(nonce, Aad::from(namespace.as_bytes()), text).ok()?;
        let record: TokenRecord = unpack(NAME, record).ok()?;
        Some(record.into_entry(id, namespace, TokenKind::Batch))
    }
}
/// What keeps a role or user from making batch tokens, in the words of the API.
pub(crate) fn unfit_for_batch(is_periodic: bool, has_uses: bool) -> Option<&'static str> {
    if is_periodic {
        Some("'token_type' cannot be 'batch' or 'default_batch' when set to generate periodic tokens")
    } else if has_uses {
        Some(
            "'token_type' cannot be 'batch' or 'default_batch' when set to generate tokens with limited use count",
        )
    } else {
        None
    }
}
