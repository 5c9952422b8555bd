//! The keys of the barrier, one a term.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

use super::BarrierError;
use super::cipher::{Cipher, KeyBytes, random_key, term_of};

/// Where the keyring of a domain is stored, encrypted by its root key.
pub(super) const KEYRING_KEY: &str = "core/keyring";

/// The term written into the entry of the keyring itself, which no term of the keyring encrypts.
const ROOT_TERM: u32 = 0;

/// The key that opens the keyring, or a key that guards this one.
#[derive(Clone, PartialEq, Eq)]
pub struct RootKey(KeyBytes);

impl RootKey {
    /// Bytes of a root key.
    pub const LENGTH: usize = 32;

    /// A new random key.
    pub fn generate() -> Self {
        Self(random_key())
    }

    /// The root key with these bytes; `None` unless there are 32.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut key = KeyBytes::default();
        if bytes.len() != key.len() {
            return None;
        }
        key.copy_from_slice(bytes);
        Some(Self(key))
    }

    /// The bytes, to split them into shares.
    pub(crate) fn expose(&self) -> &[u8] {
        &self.0[..]
    }

    /// This key as the entry `key`, encrypted by `unseal_key`, which the seal guards.
    pub fn wrap(&self, unseal_key: &RootKey, key: &str) -> Bytes {
        Cipher::new(&unseal_key.0).seal(ROOT_TERM, key, self.expose())
    }

    /// Opens what [`wrap`](Self::wrap) made; `None` if `unseal_key` is not the right one.
    pub fn unwrap_entry(unseal_key: &RootKey, key: &str, entry: &[u8]) -> Option<Self> {
        let plaintext = Cipher::new(&unseal_key.0).open(key, entry).ok()?;
        Self::from_bytes(&plaintext)
    }
}

impl fmt::Debug for RootKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("RootKey(..)")
    }
}

struct Term {
    key: KeyBytes,
    cipher: Cipher,
    installed: jiff::Timestamp,
    encryptions: AtomicU64,
}

impl Term {
    fn new(key: KeyBytes, installed: jiff::Timestamp, encryptions: u64) -> Self {
        Self { cipher: Cipher::new(&key), key, installed, encryptions: AtomicU64::new(encryptions) }
    }

    fn generate() -> Self {
        Self::new(random_key(), jiff::Timestamp::now(), 0)
    }
}

/// What may be shown of the term that encrypts now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TermStatus {
    /// Its number; the first is 1.
    pub term: u32,
    /// When it was made.
    pub installed: jiff::Timestamp,
    /// How many entries it has encrypted.
    pub encryptions: u64,
}

/// All terms. Immutable but for the counters: a rotation makes a new keyring.
pub(super) struct Keyring {
    root: RootKey,
    terms: BTreeMap<u32, Term>,
    active: u32,
}

impl Keyring {
    /// A keyring of one fresh term.
    pub(super) fn generate(root: RootKey) -> Self {
        Self { root, terms: BTreeMap::from([(1, Term::generate())]), active: 1 }
    }

    /// A copy with one more term, which encrypts from now on.
    pub(super) fn rotated(&self) -> Self {
        let mut next = self.with_root(self.root.clone());
        next.active += 1;
        next.terms.insert(next.active, Term::generate());
        next
    }

    /// A copy that another root key opens.
    pub(super) fn with_root(&self, root: RootKey) -> Self {
        let terms = self.terms.iter().map(|(&number, term)| {
            let count = term.encryptions.load(Ordering::Relaxed);
            (number, Term::new(term.key.clone(), term.installed, count))
        });
        Self { root, terms: terms.collect(), active: self.active }
    }

    pub(super) fn root(&self) -> &RootKey {
        &self.root
    }

    pub(super) fn status(&self) -> TermStatus {
        let term = self.active_term();
        TermStatus {
            term: self.active,
            installed: term.installed,
            encryptions: term.encryptions.load(Ordering::Relaxed),
        }
    }

    fn active_term(&self) -> &Term {
        self.terms.get(&self.active).expect("the active term is in the keyring")
    }

    pub(super) fn encrypt(&self, key: &str, plaintext: &[u8]) -> Bytes {
        let term = self.active_term();
        term.encryptions.fetch_add(1, Ordering::Relaxed);
        term.cipher.seal(self.active, key, plaintext)
    }

    pub(super) fn decrypt(&self, key: &str, entry: &[u8]) -> Result<Bytes, BarrierError> {
        let number = term_of(key, entry)?;
        let term = self
            .terms
            .get(&number)
            .ok_or_else(|| BarrierError::UnknownTerm { key: key.to_owned(), term: number })?;
        term.cipher.open(key, entry)
    }

    /// The keyring as it is stored under `key`, encrypted by its root key.
    pub(super) fn to_entry(&self, key: &str) -> Bytes {
        let record = Record { terms: self.terms.iter().map(|(&number, term)| term.record(number)).collect() };
        let plaintext = Zeroizing::new(serde_json::to_vec(&record).expect("a keyring is plain JSON"));
        Cipher::new(&self.root.0).seal(ROOT_TERM, key, &plaintext)
    }

    /// Opens what [`to_entry`](Self::to_entry) wrote.
    pub(super) fn from_entry(root: RootKey, key: &str, entry: &[u8]) -> Result<Self, BarrierError> {
        let plaintext = Cipher::new(&root.0).open(key, entry).map_err(|_| BarrierError::WrongRootKey)?;
        let record: Record = serde_json::from_slice(&plaintext).map_err(|_| malformed("it is not JSON"))?;
        let terms: BTreeMap<u32, Term> =
            record.terms.into_iter().map(TermRecord::into_term).collect::<Result<_, _>>()?;
        let active = *terms.keys().next_back().ok_or_else(|| malformed("it holds no term"))?;
        Ok(Self { root, terms, active })
    }
}

fn malformed(cause: &str) -> BarrierError {
    BarrierError::Malformed { key: KEYRING_KEY.to_owned(), cause: cause.to_owned() }
}

/// The stored form of the keyring.
#[derive(Serialize, Deserialize)]
struct Record {
    terms: Vec<TermRecord>,
}

/// The stored form of a term.
#[derive(Serialize, Deserialize)]
struct TermRecord {
    term: u32,
    /// In hexadecimal digits.
    key: String,
    /// RFC 3339, to the nanosecond.
    installed: String,
    encryptions: u64,
}

impl Term {
    fn record(&self, number: u32) -> TermRecord {
        TermRecord {
            term: number,
            key: hex::encode(&self.key[..]),
            installed: self.installed.to_string(),
            encryptions: self.encryptions.load(Ordering::Relaxed),
        }
    }
}

impl Drop for TermRecord {
    fn drop(&mut self) {
        self.key.zeroize();
    }
}

impl TermRecord {
    fn into_term(self) -> Result<(u32, Term), BarrierError> {
        let mut key = KeyBytes::default();
        hex::decode_to_slice(&self.key, &mut key[..]).map_err(|_| malformed("a key is not 32 bytes"))?;
        let installed = self.installed.parse().map_err(|_| malformed("a time is not RFC 3339"))?;
        Ok((self.term, Term::new(key, installed, self.encryptions)))
    }
}
