//! A connection of the pool for the time of a call.

use std::ops::{Deref, DerefMut};
use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::{PgConnection, Postgres};
use tokio::runtime::Handle;
use tokio::time::timeout;

/// Goes back to the pool when it is dropped, also by a caller that no longer waits, through a
/// function of sqlx that its documentation hides (0.9). The pool then waits for a sign of life:
/// here no longer than for a call, or a network that lost its way would keep the place in the pool
/// for many minutes.
#[derive(Debug)]
pub(crate) struct Pooled {
    connection: PoolConnection<Postgres>,
    patience: Duration,
    fate: Fate,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    GoBack,
    Close,
}

impl Pooled {
    pub(crate) fn new(connection: PoolConnection<Postgres>, patience: Duration) -> Self {
        Self { connection, patience, fate: Fate::GoBack }
    }

    /// Nobody gets it any more.
    pub(crate) fn discard(mut self) {
        self.fate = Fate::Close;
        self.connection.close_on_drop();
    }
}

impl Drop for Pooled {
    fn drop(&mut self) {
        if self.fate == Fate::GoBack
            && let Ok(runtime) = Handle::try_current()
        {
            runtime.spawn(timeout(self.patience, self.connection.return_to_pool()));
        }
    }
}

impl Deref for Pooled {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.connection
    }
}

impl DerefMut for Pooled {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.connection
    }
}
