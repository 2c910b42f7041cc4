//! The public handle of a session.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::base64url::{from_base64, to_base64};
use super::secret::random;
use crate::error::{Error, ErrorKind};

/// The public handle of a session: 16 random bytes that never change, shown as 22 characters of
/// unpadded base64url, in serde too.
///
/// An id is no credential: who knows it can neither open the session nor end it. It may appear in
/// logs and listings.
///
/// ```
/// # use typed_sessions_test_support::doc::*;
/// let id: SessionId = "AAECAwQFBgcICQoLDA0ODw".parse()?;
/// assert_eq!(id.to_string(), "AAECAwQFBgcICQoLDA0ODw");
/// assert!("no id".parse::<SessionId>().is_err());
/// # Ok::<_, Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId([u8; 16]);

impl SessionId {
    pub(crate) fn random() -> Self {
        Self(random())
    }

    /// The id of these bytes.
    ///
    /// ```
    /// # use typed_sessions::SessionId;
    /// let id = SessionId::from_bytes([7; 16]);
    /// assert_eq!(id.as_bytes(), &[7; 16]);
    /// ```
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The bytes of the id.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&to_base64(&self.0))
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionId({self})")
    }
}

impl FromStr for SessionId {
    type Err = Error;

    /// Reads what `Display` wrote; anything else is [`ErrorKind::Invalid`].
    fn from_str(text: &str) -> Result<Self, Error> {
        let message = "not a session id: expected 22 characters of base64url";
        from_base64(text).map(Self).ok_or_else(|| Error::new(ErrorKind::Invalid, message))
    }
}

impl Serialize for SessionId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for SessionId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}
