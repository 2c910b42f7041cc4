//! Users as the store knows them: an id, and how they logged in.

use std::fmt::{self, Display};

use serde::{Deserialize, Serialize};

use crate::device::Device;
use crate::error::{Error, ErrorKind, Result};
use crate::time::{Timestamp, as_number};
use crate::token::AuthTag;

/// A user's id as text, as `Display` shows it.
///
/// Any text of 1 to 1,024 bytes, kept as it is: separators, braces, spaces and NUL mean nothing
/// special to any store.
///
/// ```
/// use typed_sessions::UserId;
///
/// assert_eq!(UserId::new(7)?.as_str(), "7");
/// assert!(UserId::new("").is_err());
/// # Ok::<(), typed_sessions::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct UserId(String);

impl UserId {
    /// The longest id, in bytes.
    pub const MAX_BYTES: usize = 1024;

    /// The id that displays like this; `ErrorKind::Invalid` when it displays as nothing or as more
    /// than [`UserId::MAX_BYTES`].
    pub fn new(id: impl Display) -> Result<Self> {
        Self::try_from(id.to_string())
    }

    /// The id's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for UserId {
    type Error = Error;

    fn try_from(id: String) -> Result<Self> {
        match id.len() {
            0 => Err(Error::new(
                ErrorKind::Invalid,
                "a user id that displays as the empty text cannot be logged in",
            )),
            1..=Self::MAX_BYTES => Ok(Self(id)),
            bytes => {
                let max = Self::MAX_BYTES;
                let message = format!(
                    "a user id of {bytes} bytes is longer than {max}; log in by a shorter key"
                );
                Err(Error::new(ErrorKind::Invalid, message))
            }
        }
    }
}

impl Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UserId({:?})", self.0)
    }
}

/// A login as the header keeps it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct LoginInfo {
    pub(crate) user: UserId,
    /// When the user last proved who they are.
    #[serde(with = "as_number")]
    pub(crate) authenticated: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) device: Option<Device>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) tag: Option<AuthTag>,
}
