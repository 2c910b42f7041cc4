//! A fingerprint of what a login rests on, such as the user's password hash.

use std::fmt;

use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq as _;

use super::base64url::Bytes;
use super::secret::hmac_sha256;
use super::session_id::SessionId;

/// HMAC-SHA256 of the caller's bytes under the session's id: sessions of one user have different
/// tags, and a tag tells nothing about bytes that cannot be guessed.
#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct AuthTag(Bytes<32>);

impl AuthTag {
    pub(crate) fn new(id: &SessionId, bytes: &[u8]) -> Self {
        Self(Bytes(hmac_sha256(id.as_bytes(), bytes)))
    }

    /// In constant time.
    pub(crate) fn matches(&self, other: &Self) -> bool {
        self.0.0.ct_eq(&other.0.0).into()
    }
}

impl fmt::Debug for AuthTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[auth tag]")
    }
}
