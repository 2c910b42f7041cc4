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
use crate::time::Timestamp;

/// How long sessions last, how often their secrets change and how large they may become. Checked: only
/// [`Builder::build`](crate::Builder::build) makes one.
#[derive(Clone, Debug)]
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

/// What happens when somebody presents a secret whose successor is already in use, after the grace: either the client
/// kept an old token, or two parties hold tokens of one session and one of them stole it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reuse {
    /// The old token is refused; the session goes on for whoever has the new one.
    Reject,
    /// The old token is refused and the session ends for both (RFC 9700, section 4.14.2, does so for refresh tokens).
    Revoke,
}

impl Policy {
    /// How long a session may stay untouched: as its login chose, otherwise as configured.
    fn idle_timeout(&self, header: &Header) -> Duration {
        header.idle_timeout.unwrap_or(self.idle_timeout)
    }

    /// Marks the header as used at `now`; the absolute deadline is the limit.
    fn touch(&self, header: &mut Header, now: Timestamp) {
        header.last_seen = now;
        header.deadline = now.after(self.idle_timeout(header)).min(header.absolute_deadline);
    }
}
