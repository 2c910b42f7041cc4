//! What a guarded statement says became of it, in a number.

use sqlx::Row as _;
use sqlx::postgres::PgRow;
use typed_sessions_core::Result;
use typed_sessions_core::store::{Applied, Deleted};

use crate::error::unexpected;

/// What became of a guarded statement. When it wrote nothing, it has looked at the row a second
/// time to say why; meanwhile somebody may have changed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict<T> {
    Certain(T),
    /// Nothing was written, and by the second look nothing refused it any more.
    NotRefusedAnyMore,
}

/// The verdict of `update.sql` and `login.sql`.
pub(crate) fn of_change(rows: &[PgRow]) -> Result<Verdict<Applied>> {
    Ok(match number(rows) {
        Some(0) => Verdict::Certain(Applied::Applied),
        Some(1) => Verdict::Certain(Applied::Missing),
        Some(2) => Verdict::Certain(Applied::Superseded),
        Some(3) => Verdict::Certain(Applied::Conflict),
        Some(4) => Verdict::Certain(Applied::Full),
        Some(5) => Verdict::NotRefusedAnyMore,
        _ => return Err(unexpected("no verdict")),
    })
}

/// The verdict of `delete.sql`.
pub(crate) fn of_delete(rows: &[PgRow]) -> Result<Verdict<Deleted>> {
    Ok(match number(rows) {
        Some(0) => Verdict::Certain(Deleted::Yes),
        Some(1) => Verdict::Certain(Deleted::Missing),
        Some(2) => Verdict::Certain(Deleted::Superseded),
        Some(5) => Verdict::NotRefusedAnyMore,
        _ => return Err(unexpected("no verdict")),
    })
}

fn number(rows: &[PgRow]) -> Option<i32> {
    rows.first()?.try_get(0).ok()
}
