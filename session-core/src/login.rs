//! How a user logs in.

use std::fmt;
use std::time::Duration;

use crate::device::Device;
use crate::store::Persistence;

/// Options of one login: the device, timeouts other than the configured ones, and what the login
/// rests on.
///
/// ```
/// use typed_sessions::{Device, Login, days};
///
/// let login = Login::new().device(Device::new("Firefox on Linux")).remember(days(30));
/// ```
#[derive(Clone, Debug)]
pub struct Login {
    pub(crate) device: Option<Device>,
    pub(crate) idle_timeout: Option<Duration>,
    pub(crate) absolute_timeout: Option<Duration>,
    pub(crate) persistence: Persistence,
    pub(crate) auth_tag: Option<AuthTagBytes>,
}

/// The caller's bytes for the tag: a password hash, perhaps, so `Debug` hides them.
#[derive(Clone)]
pub(crate) struct AuthTagBytes(pub(crate) Vec<u8>);

impl fmt::Debug for AuthTagBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[auth tag]")
    }
}

impl Login {
    /// A login as configured, from an unnamed device.
    pub fn new() -> Self {
        Self {
            device: None,
            idle_timeout: None,
            absolute_timeout: None,
            persistence: Persistence::Volatile,
            auth_tag: None,
        }
    }

    /// Where the user logs in.
    #[must_use]
    pub fn device(mut self, device: Device) -> Self {
        self.device = Some(device.cut());
        self
    }

    /// "Remember me": both timeouts of this session become `duration`, whatever is configured, and
    /// [`Session::max_age`](crate::Session::max_age) says that the client should keep its cookie.
    #[must_use]
    pub fn remember(mut self, duration: Duration) -> Self {
        self.persistence = Persistence::Remembered;
        self.idle_timeout(duration).absolute_timeout(duration)
    }

    /// The idle timeout of this session.
    #[must_use]
    pub fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.idle_timeout = Some(timeout);
        self
    }

    /// What the login rests on: the user's password hash, for example. A fingerprint of it is kept,
    /// and [`Sessions::open_checked`](crate::Sessions::open_checked) ends the session once it has
    /// changed.
    #[must_use]
    pub fn auth_tag(mut self, bytes: impl AsRef<[u8]>) -> Self {
        self.auth_tag = Some(AuthTagBytes(bytes.as_ref().to_vec()));
        self
    }

    /// The absolute timeout of this session, from now on.
    #[must_use]
    pub fn absolute_timeout(mut self, timeout: Duration) -> Self {
        self.absolute_timeout = Some(timeout);
        self
    }
}

impl Default for Login {
    fn default() -> Self {
        Self::new()
    }
}
