//! How long a row is kept, by PostgreSQL's own clock.

use std::time::Duration;

use sqlx::postgres::types::PgInterval;
use typed_sessions_core::__backend::CENTURY;

/// A row is swept so much later than it expires, so that the indexed instant is moved seldom: twice
/// the session's idle timeout, but within these bounds.
const LEAST_SLACK: Duration = Duration::from_secs(2);
const MOST_SLACK: Duration = Duration::from_hours(1);

/// Instants are cut to whole minutes, so that the index has one entry for many sessions, unless
/// that would be too coarse.
const MINUTE: Duration = Duration::from_mins(1);

/// What statements make `expires_at` and `sweep_at` of: the row expires `keep_for` from now, and
/// is swept no earlier than that and up to `slack` later.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Retention {
    pub(crate) keep_for: PgInterval,
    pub(crate) slack: PgInterval,
    /// To which `sweep_at` is cut.
    pub(crate) unit: &'static str,
}

impl Retention {
    pub(crate) fn new(keep_for: Duration) -> Self {
        // PostgreSQL's clock ends in the year 294,276.
        let keep_for = keep_for.min(CENTURY);
        let slack = (keep_for * 2).clamp(LEAST_SLACK, MOST_SLACK);
        let unit = if slack >= 2 * MINUTE { "minute" } else { "second" };
        Self { keep_for: interval(keep_for), slack: interval(slack), unit }
    }
}

pub(crate) fn interval(duration: Duration) -> PgInterval {
    let microseconds = i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
    PgInterval { months: 0, days: 0, microseconds }
}
