//! A fingerprint of what a login rests on, such as the user's password hash.

use std::fmt;

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

use crate::token::{SessionId, from_base64, to_base64};

/// HMAC-SHA256 of the caller's bytes under the session's id: sessions of one user have different tags, and a tag tells
/// nothing about bytes that cannot be guessed.
#[derive(Clone, Copy)]
pub(crate) struct AuthTag([u8; 32]);

impl AuthTag {
    pub(crate) fn new(id: &SessionId, bytes: &[u8]) -> Self {
        let mut mac = Hmac::<Sha256>::new_from_slice(id.as_bytes()).expect("HMAC takes a key of any length");
        mac.update(bytes);
        Self(mac.finalize().into_bytes().into())
    }

    /// In constant time.
    pub(crate) fn matches(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl fmt::Debug for AuthTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[auth tag]")
    }
}

impl Serialize for AuthTag {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&to_base64(&self.0))
    }
}

impl<'de> Deserialize<'de> for AuthTag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        from_base64(&text).map(Self).ok_or_else(|| D::Error::custom("expected 32 bytes of base64url"))
    }
}
