//! A fingerprint of what a login rests on, such as the user's password hash.

use std::fmt;

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

use crate::base64url::Bytes;
use crate::token::SessionId;

/// HMAC-SHA256 of the caller's bytes under the session's id: sessions of one user have different tags, and a tag tells
/// nothing about bytes that cannot be guessed.
#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct AuthTag(Bytes);

impl AuthTag {
    pub(crate) fn new(id: &SessionId, bytes: &[u8]) -> Self {
        let mut mac = Hmac::<Sha256>::new_from_slice(id.as_bytes()).expect("HMAC takes a key of any length");
        mac.update(bytes);
        Self(Bytes(mac.finalize().into_bytes().into()))
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
