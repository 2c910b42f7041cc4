//! What a user recognizes a device by in "where am I signed in".

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

/// Where a user logged in: shown in listings, never used to decide anything.
///
/// ```
/// use std::net::Ipv4Addr;
/// use typed_sessions::Device;
///
/// let device = Device::new("Firefox on Linux")
///     .ip(Ipv4Addr::LOCALHOST)
///     .user_agent("Mozilla/5.0 (X11; Linux x86_64)");
/// assert_eq!(device.label, "Firefox on Linux");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Device {
    /// By which the user knows the device.
    pub label: String,
    /// The address from which the user logged in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip: Option<IpAddr>,
    /// What the client said it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
}

impl Device {
    /// The longest label or user agent that is kept, in bytes. What is longer is cut: a client
    /// chooses its user agent and must not be able to make a login fail or a record large.
    pub const MAX_TEXT_BYTES: usize = 512;

    /// A device that the user knows by this label.
    pub fn new(label: impl Into<String>) -> Self {
        Self { label: cut(label.into()), ip: None, user_agent: None }
    }

    /// The address from which the user logged in.
    #[must_use]
    pub fn ip(mut self, ip: impl Into<IpAddr>) -> Self {
        self.ip = Some(ip.into());
        self
    }

    /// What the client said it is.
    #[must_use]
    pub fn user_agent(mut self, user_agent: impl Into<String>) -> Self {
        self.user_agent = Some(cut(user_agent.into()));
        self
    }
}

impl Device {
    /// What is kept of it: its texts are fields, anybody may have put anything there.
    pub(crate) fn cut(mut self) -> Self {
        self.label = cut(self.label);
        self.user_agent = self.user_agent.map(cut);
        self
    }
}

fn cut(mut text: String) -> String {
    text.truncate(text.floor_char_boundary(Device::MAX_TEXT_BYTES));
    text
}
