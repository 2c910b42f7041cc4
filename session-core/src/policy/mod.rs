//! All policy, as pure functions over a header and an instant.
//!
//! [`admit`] decides who may enter, [`upkeep`] what an open has to write, [`lifecycle`] how a session begins and changes
//! hands. None of them does I/O; what they return is written by a store's `apply`.

pub(crate) mod admit;
pub(crate) mod lifecycle;
#[cfg(test)]
mod tests;
pub(crate) mod upkeep;

use std::time::Duration;

use crate::change::Limit;
use crate::record::Header;
use crate::time::{Timestamp, days, hours, minutes};

/// A pair of timeouts for [`Builder::policy`](crate::Builder::policy), and everything else that the core decides by.
///
/// The presets take their timeouts from NIST SP 800-63B-4; all other settings are the builder's. What they cannot give is
/// the strength of the login itself.
///
/// ```
/// use typed_sessions::{Policy, hours, minutes};
///
/// let policy = Policy::aal2();
/// assert_eq!((policy.idle_timeout(), policy.absolute_timeout()), (hours(1), hours(24)));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    pub(crate) idle_timeout: Duration,
    pub(crate) absolute_timeout: Duration,
    pub(crate) touch_every: Duration,
    pub(crate) renewal: Option<Renewal>,
    pub(crate) on_reuse: Reuse,
    pub(crate) limit: Option<Limit>,
    pub(crate) max_value_bytes: usize,
    pub(crate) max_session_bytes: usize,
}

/// How often secrets renew themselves, and how long the old one still works.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Renewal {
    pub(crate) every: Duration,
    pub(crate) grace: Duration,
}

/// What happens when somebody presents a secret whose successor is already in use, after the grace: either the client
/// kept an old token, or two parties hold tokens of one session and one of them stole it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reuse {
    /// The old token is refused; the session goes on for whoever has the new one.
    Reject,
    /// The old token is refused and the session ends for both (RFC 9700, section 4.14.2, does so for refresh tokens).
    Revoke,
}

impl Default for Policy {
    /// What [`Builder`](crate::Builder) lists as its defaults.
    fn default() -> Self {
        Self::with_timeouts(minutes(30), hours(12))
    }
}

impl Policy {
    /// Authenticator assurance level 1: reauthentication SHOULD be required after no more than 30 days (2.1.3). No
    /// inactivity timeout is asked for: it is the same here.
    pub fn aal1() -> Self {
        Self::with_timeouts(days(30), days(30))
    }

    /// Authenticator assurance level 2: reauthentication SHOULD be required after no more than 24 hours, and after no more
    /// than 1 hour of inactivity (2.2.3).
    pub fn aal2() -> Self {
        Self::with_timeouts(hours(1), hours(24))
    }

    /// Authenticator assurance level 3: reauthentication SHALL be required after no more than 12 hours, and SHOULD be after
    /// no more than 15 minutes of inactivity (2.3.3).
    pub fn aal3() -> Self {
        Self::with_timeouts(minutes(15), hours(12))
    }

    fn with_timeouts(idle_timeout: Duration, absolute_timeout: Duration) -> Self {
        Self {
            idle_timeout,
            absolute_timeout,
            touch_every: minutes(1),
            renewal: Some(Renewal { every: minutes(10), grace: minutes(2) }),
            on_reuse: Reuse::Reject,
            limit: None,
            max_value_bytes: 64 << 10,
            max_session_bytes: 512 << 10,
        }
    }

    /// A session ends when it is not used for this long.
    pub fn idle_timeout(&self) -> Duration {
        self.idle_timeout
    }

    /// A session ends this long after it began or its user logged in.
    pub fn absolute_timeout(&self) -> Duration {
        self.absolute_timeout
    }

    /// How long a session may stay untouched: as its login chose, otherwise as configured.
    fn idle_timeout_of(&self, header: &Header) -> Duration {
        header.idle_timeout.unwrap_or(self.idle_timeout)
    }

    /// Marks the header as used at `now`; the absolute deadline is the limit.
    fn touch(&self, header: &mut Header, now: Timestamp) {
        header.last_seen = now;
        header.deadline = now.after(self.idle_timeout_of(header)).min(header.absolute_deadline);
    }
}
