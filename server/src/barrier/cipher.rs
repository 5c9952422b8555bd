//! The form of one encrypted entry: `term (4, big endian) | version (1) | nonce (12) | ciphertext | tag (16)`.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use bytes::{BufMut, Bytes, BytesMut};
use zeroize::Zeroizing;

use super::BarrierError;

/// The only version written: the storage key is authenticated, so entries cannot be swapped.
const VERSION: u8 = 2;
const NONCE_BYTES: usize = 12;
const HEADER_BYTES: usize = 4 + 1 + NONCE_BYTES;
const TAG_BYTES: usize = 16;

/// Key bytes of AES-256.
pub(super) type KeyBytes = zeroize::Zeroizing<[u8; 32]>;

/// A fresh random key.
pub(super) fn random_key() -> KeyBytes {
    let mut key = KeyBytes::default();
    aws_lc_rs::rand::fill(&mut *key).expect("the operating system gives random bytes");
    key
}

/// An AES-256-GCM key, ready to use. Its memory is wiped when it is dropped.
pub(super) struct Cipher(LessSafeKey);

impl Cipher {
    pub(super) fn new(key: &KeyBytes) -> Self {
        let key = UnboundKey::new(&AES_256_GCM, &key[..]).expect("the key has 32 bytes");
        Self(LessSafeKey::new(key))
    }

    /// Encrypts `plaintext` for the entry `key`.
    pub(super) fn seal(&self, term: u32, key: &str, plaintext: &[u8]) -> Bytes {
        let mut nonce = [0; NONCE_BYTES];
        aws_lc_rs::rand::fill(&mut nonce).expect("the operating system gives random bytes");
        let mut entry = BytesMut::with_capacity(HEADER_BYTES + plaintext.len() + TAG_BYTES);
        entry.put_u32(term);
        entry.put_u8(VERSION);
        entry.put_slice(&nonce);
        entry.put_slice(plaintext);
        let nonce = Nonce::assume_unique_for_key(nonce);
        let tag = self
            .0
            .seal_in_place_separate_tag(nonce, Aad::from(key.as_bytes()), &mut entry[HEADER_BYTES..])
            .expect("an entry is far shorter than the limit of AES-GCM");
        entry.put_slice(tag.as_ref());
        entry.freeze()
    }

    /// Decrypts what [`seal`](Self::seal) wrote for the entry `key`. The plaintext is wiped when it is dropped.
    pub(super) fn open(&self, key: &str, entry: &[u8]) -> Result<Bytes, BarrierError> {
        let tampered = || BarrierError::Tampered { key: key.to_owned() };
        if entry.len() < HEADER_BYTES + TAG_BYTES || entry[4] != VERSION {
            return Err(tampered());
        }
        let (header, ciphertext) = entry.split_at(HEADER_BYTES);
        let nonce = Nonce::try_assume_unique_for_key(&header[5..]).expect("the header holds 12 nonce bytes");
        let mut plaintext = Zeroizing::new(ciphertext.to_vec());
        let length = self
            .0
            .open_in_place(nonce, Aad::from(key.as_bytes()), &mut plaintext)
            .map_err(|_| tampered())?
            .len();
        plaintext.truncate(length);
        Ok(Bytes::from_owner(plaintext))
    }
}

/// The term that encrypted `entry`.
pub(super) fn term_of(key: &str, entry: &[u8]) -> Result<u32, BarrierError> {
    let term = entry.first_chunk().ok_or_else(|| BarrierError::Tampered { key: key.to_owned() })?;
    Ok(u32::from_be_bytes(*term))
}
