//! What a guarded statement says became of it, in a number.

use sqlx::Row as _;
use sqlx::postgres::PgRow;
use typed_sessions_core::store::{Applied, Deleted};
use typed_sessions_core::{Error, Result};

use crate::error::unexpected;

/// What became of a guarded statement. When it wrote nothing, a second look at the row says why;
/// meanwhile somebody may have changed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict<T> {
    Certain(T),
    /// Nothing was written, and by the second look nothing refused it any more.
    NotRefusedAnyMore,
}

/// The verdict of `login.sql`.
pub(crate) fn of_login(rows: &[PgRow]) -> Result<Verdict<Applied>> {
    Ok(match number(rows)? {
        0 => Verdict::Certain(Applied::Applied),
        4 => Verdict::Certain(Applied::Full),
        reason => refusal(reason)?,
    })
}

/// The answer of `why_refused.sql`.
pub(crate) fn of_change(rows: &[PgRow]) -> Result<Verdict<Applied>> {
    if rows.is_empty() { Ok(Verdict::Certain(Applied::Missing)) } else { refusal(number(rows)?) }
}

fn refusal(reason: i32) -> Result<Verdict<Applied>> {
    Ok(match reason {
        1 => Verdict::Certain(Applied::Missing),
        2 => Verdict::Certain(Applied::Superseded),
        3 => Verdict::Certain(Applied::Conflict),
        5 => Verdict::NotRefusedAnyMore,
        _ => return Err(no_verdict()),
    })
}

/// The answer of `why_not_deleted.sql`.
pub(crate) fn of_delete(rows: &[PgRow]) -> Result<Verdict<Deleted>> {
    if rows.is_empty() {
        return Ok(Verdict::Certain(Deleted::Missing));
    }
    Ok(match number(rows)? {
        1 => Verdict::Certain(Deleted::Missing),
        2 => Verdict::Certain(Deleted::Superseded),
        5 => Verdict::NotRefusedAnyMore,
        _ => return Err(no_verdict()),
    })
}

fn number(rows: &[PgRow]) -> Result<i32> {
    rows.first().and_then(|row| row.try_get(0).ok()).ok_or_else(no_verdict)
}

fn no_verdict() -> Error {
    unexpected("no verdict")
}
