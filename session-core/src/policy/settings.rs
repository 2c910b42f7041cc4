//! The settings by which the core decides, and their defaults.

use std::time::Duration;

use crate::store::Limit;

/// Everything that the core decides by, as the builder has checked it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Policy {
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

/// What happens when somebody presents a secret whose successor is already in use, after the grace:
/// either the client kept an old token, or two parties hold tokens of one session and one of them
/// stole it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reuse {
    /// The old token is refused; the session goes on for whoever has the new one.
    Reject,
    /// The old token is refused and the session ends for both (RFC 9700, section 4.14.2, does so
    /// for refresh tokens).
    Revoke,
}

/// The defaults that are not [`Timeouts`](super::Timeouts).
pub(crate) mod default {
    use std::time::Duration;

    use crate::time::minutes;

    pub(crate) const TOUCH_EVERY: Duration = minutes(1);
    pub(crate) const RENEW_EVERY: Duration = minutes(10);
    pub(crate) const RENEW_GRACE: Duration = minutes(2);
    pub(crate) const MAX_VALUE_BYTES: usize = 64 << 10;
    pub(crate) const MAX_SESSION_BYTES: usize = 512 << 10;
}

impl Policy {
    /// For how long a request may still be on its way with a secret that was replaced.
    pub(super) fn grace(&self) -> Duration {
        self.renewal.map_or(default::RENEW_GRACE, |renewal| renewal.grace)
    }
}
