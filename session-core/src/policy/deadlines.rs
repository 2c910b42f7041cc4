//! When a session is over.

use std::time::Duration;

use super::settings::Policy;
use crate::store::Header;
use crate::time::Timestamp;

impl Policy {
    /// From this instant on the session is over: the deadline that is stored, or an earlier one
    /// that today's configuration gives, where the login has not chosen its own timeouts.
    pub(crate) fn deadline(&self, header: &Header) -> Timestamp {
        let idle = header.last_seen.after(self.idle_timeout_of(header));
        header.deadline.min(idle).min(self.absolute_deadline(header))
    }

    /// The latest that the deadline can become without another login or proof.
    pub(crate) fn absolute_deadline(&self, header: &Header) -> Timestamp {
        let configured = header.period_start.after(self.absolute_timeout_of(header));
        header.absolute_deadline.min(configured)
    }

    /// Whether the session has not yet ended at `now`.
    pub(crate) fn is_live(&self, header: &Header, now: Timestamp) -> bool {
        now < self.deadline(header)
    }

    /// How long a session may stay untouched: as its login chose, otherwise as configured.
    pub(super) fn idle_timeout_of(&self, header: &Header) -> Duration {
        header.idle_timeout.unwrap_or(self.idle_timeout)
    }

    /// How long a period may last: as the session's login chose, otherwise as configured.
    pub(super) fn absolute_timeout_of(&self, header: &Header) -> Duration {
        header.absolute_timeout.unwrap_or(self.absolute_timeout)
    }
}

/// Whether something that happens at intervals is due, when it happened last at `last`.
///
/// A `last` that lies in the future by more than the interval was written by a clock that has been
/// put back since: it counts as due, so that the present takes its place.
pub(super) fn is_due(last: Timestamp, interval: Duration, now: Timestamp) -> bool {
    now.since(last) >= interval || is_from_a_wrong_clock(last, interval, now)
}

/// Whether `now` is less than `span` after `begin`. Not for a `begin` that a wrong clock has put
/// into the future.
pub(super) fn is_within(begin: Timestamp, span: Duration, now: Timestamp) -> bool {
    now.since(begin) < span && !is_from_a_wrong_clock(begin, span, now)
}

/// Whether an instant lies further in the future than nodes whose clocks differ a little make it.
pub(super) fn is_from_a_wrong_clock(instant: Timestamp, more: Duration, now: Timestamp) -> bool {
    instant.since(now) > more
}
