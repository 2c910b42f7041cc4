//! How a user logs in.

use std::time::Duration;

use crate::device::Device;

/// Options of one login: the device, and timeouts other than the configured ones.
///
/// ```
/// use typed_sessions_core::{Device, Login, days};
///
/// let login = Login::new().device(Device::new("Firefox on Linux")).remember(days(30));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Login {
    pub(crate) device: Option<Device>,
    pub(crate) idle_timeout: Option<Duration>,
    pub(crate) absolute_timeout: Option<Duration>,
}

impl Login {
    /// A login as configured, from an unnamed device.
    pub fn new() -> Self {
        Self::default()
    }

    /// Where the user logs in.
    #[must_use]
    pub fn device(mut self, device: Device) -> Self {
        self.device = Some(device);
        self
    }

    /// "Remember me": both timeouts of this session become `duration`, whatever is configured.
    #[must_use]
    pub fn remember(self, duration: Duration) -> Self {
        self.idle_timeout(duration).absolute_timeout(duration)
    }

    /// The idle timeout of this session.
    #[must_use]
    pub fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.idle_timeout = Some(timeout);
        self
    }

    /// The absolute timeout of this session, from now on.
    #[must_use]
    pub fn absolute_timeout(mut self, timeout: Duration) -> Self {
        self.absolute_timeout = Some(timeout);
        self
    }
}
