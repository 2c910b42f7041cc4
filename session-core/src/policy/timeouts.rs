//! When sessions end, as a pair of timeouts.

use std::time::Duration;

use crate::time::{days, hours, minutes};

/// When a session ends that is not used, and when it ends however much it is used.
///
/// The presets are the reauthentication timeouts of NIST SP 800-63B-4. What they cannot give is the
/// strength of the login itself.
///
/// ```
/// use typed_sessions::{Timeouts, hours};
///
/// let timeouts = Timeouts::aal2();
/// assert_eq!((timeouts.idle(), timeouts.absolute()), (hours(1), hours(24)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    idle: Duration,
    absolute: Duration,
}

impl Default for Timeouts {
    /// 30 minutes and 12 hours.
    fn default() -> Self {
        Self { idle: minutes(30), absolute: hours(12) }
    }
}

impl Timeouts {
    /// Authenticator assurance level 1: reauthentication SHOULD be required after no more than 30
    /// days (2.1.3). No inactivity timeout is asked for: it is the same here.
    pub fn aal1() -> Self {
        Self { idle: days(30), absolute: days(30) }
    }

    /// Authenticator assurance level 2: reauthentication SHOULD be required after no more than 24
    /// hours, and after no more than 1 hour of inactivity (2.2.3).
    pub fn aal2() -> Self {
        Self { idle: hours(1), absolute: hours(24) }
    }

    /// Authenticator assurance level 3: reauthentication SHALL be required after no more than 12
    /// hours, and SHOULD be after no more than 15 minutes of inactivity (2.3.3).
    pub fn aal3() -> Self {
        Self { idle: minutes(15), absolute: hours(12) }
    }

    /// A session ends when it is not used for this long.
    pub fn idle(&self) -> Duration {
        self.idle
    }

    /// A session ends this long after it began or its user logged in.
    pub fn absolute(&self) -> Duration {
        self.absolute
    }
}
