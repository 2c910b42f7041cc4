//! Secrets: the half of a token that makes it a credential, and what is derived from one.

use std::fmt;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

/// Bytes from the operating system's generator.
///
/// # Panics
/// When the operating system has no randomness to give. There is no safe way on: a guessable token
/// is worse than none.
pub(crate) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system's random generator failed");
    bytes
}

pub(crate) fn hmac_sha256(key: &[u8], message: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    mac.update(message);
    mac.finalize().into_bytes().into()
}

/// The half of a token that makes it a credential: 16 random bytes, and 8 that mark them as a
/// secret of one login.
#[derive(Clone)]
pub(crate) struct Secret(pub(super) [u8; 24]);

impl Secret {
    pub(crate) fn random(lineage: &Lineage) -> Self {
        Self::marked(random(), lineage)
    }

    /// The mark is HMAC-SHA256(lineage, bytes), cut.
    fn marked(bytes: [u8; 16], lineage: &Lineage) -> Self {
        let mut secret = [0; 24];
        secret[..16].copy_from_slice(&bytes);
        secret[16..].copy_from_slice(&hmac_sha256(&lineage.0, &bytes)[..8]);
        Self(secret)
    }

    /// Of the mark, too: a secret that matches a stored hash needs no further look at its mark.
    pub(crate) fn hash(&self) -> SecretHash {
        SecretHash(Sha256::digest(self.0).into())
    }

    /// The secret that follows this one: HMAC-SHA256(seed, its 16 bytes), cut and marked.
    ///
    /// Whoever presents the same secret gets the same successor, and nobody can compute it from
    /// what is stored.
    pub(crate) fn successor(&self, seed: &Seed, lineage: &Lineage) -> Self {
        let mut next = [0; 16];
        next.copy_from_slice(&hmac_sha256(&seed.0, self.split().0)[..16]);
        Self::marked(next, lineage)
    }

    /// Whether it carries the mark of this lineage. In constant time.
    pub(crate) fn is_of(&self, lineage: &Lineage) -> bool {
        let (bytes, mark) = self.split();
        hmac_sha256(&lineage.0, bytes)[..8].ct_eq(mark).into()
    }

    /// In constant time.
    pub(super) fn is(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }

    fn split(&self) -> (&[u8], &[u8]) {
        self.0.split_at(16)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

/// SHA-256 of a secret: all that a store ever sees of one.
#[derive(Clone, Copy)]
pub(crate) struct SecretHash(pub(crate) [u8; 32]);

impl SecretHash {
    /// In constant time.
    pub(crate) fn matches(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

/// Random bytes from which a secret's successor is derived.
#[derive(Clone, Copy)]
pub(crate) struct Seed(pub(crate) [u8; 32]);

impl Seed {
    pub(crate) fn random() -> Self {
        Self(random())
    }
}

/// The key that marks all secrets of one login, so that each of them can be recognized later in
/// constant space, however often it was renewed since.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lineage(pub(crate) [u8; 16]);

impl fmt::Debug for Lineage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[lineage]")
    }
}

impl Lineage {
    pub(crate) fn random() -> Self {
        Self(random())
    }
}
