//! How long a row is kept, by PostgreSQL's own clock.

use std::time::Duration;

use sqlx::postgres::types::PgInterval;

/// A row goes this much later than it could, so that the indexed instant is moved seldom: twice the session's idle timeout, but
/// within these bounds.
const LEAST_SLACK: Duration = Duration::from_secs(2);
const MOST_SLACK: Duration = Duration::from_hours(1);

/// Instants are cut to whole minutes, so that the index has one entry for many sessions, unless that would be too coarse.
const MINUTE: Duration = Duration::from_mins(1);

/// PostgreSQL's clock ends in the year 294,276.
const CENTURY: Duration = Duration::from_hours(100 * 366 * 24);

/// What `update.sql` makes `sweep_at` of: no earlier than `keep_for` from now, and up to `slack` later.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Retention {
    pub(crate) keep_for: PgInterval,
    pub(crate) slack: PgInterval,
    pub(crate) unit: &'static str,
}

impl Retention {
    pub(crate) fn new(keep_for: Duration) -> Self {
        let keep_for = keep_for.min(CENTURY);
        let slack = (keep_for * 2).clamp(LEAST_SLACK, MOST_SLACK);
        let unit = if slack >= 2 * MINUTE { "minute" } else { "second" };
        Self { keep_for: interval(keep_for), slack: interval(slack), unit }
    }
}

fn interval(duration: Duration) -> PgInterval {
    let microseconds = i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
    PgInterval { months: 0, days: 0, microseconds }
}
