//! A connection of the pool for the time of a call.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::{PgConnection, Postgres};
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

/// How many connections calls have in hand.
#[derive(Debug, Default)]
pub(crate) struct Usage {
    in_use: AtomicU32,
    /// Told when there is one less.
    less: Notify,
}

impl Usage {
    pub(crate) fn in_use(&self) -> u32 {
        self.in_use.load(Ordering::Relaxed)
    }

    /// Waits until a connection is used no more. One that was told to nobody counts, too.
    pub(crate) async fn less(&self) {
        self.less.notified().await;
    }
}

/// A connection that counts.
#[derive(Debug)]
struct InUse(Arc<Usage>);

impl InUse {
    fn of(usage: &Arc<Usage>) -> Self {
        usage.in_use.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(usage))
    }
}

impl Drop for InUse {
    fn drop(&mut self) {
        self.0.in_use.fetch_sub(1, Ordering::Relaxed);
        self.0.less.notify_one();
    }
}

/// Goes back to the pool when it is dropped, also by a caller that no longer waits, through a
/// function of sqlx that its documentation hides (0.9). The pool then waits for a sign of life:
/// here no longer than for a call, or a network that lost its way would keep the place in the pool
/// for many minutes.
#[derive(Debug)]
pub(crate) struct Pooled {
    connection: PoolConnection<Postgres>,
    patience: Duration,
    /// Nothing once it goes back.
    in_use: Option<InUse>,
    fate: Fate,
    /// When it left the pool.
    taken: Instant,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    GoBack,
    Close,
}

impl Pooled {
    pub(crate) fn new(
        connection: PoolConnection<Postgres>,
        patience: Duration,
        usage: &Arc<Usage>,
    ) -> Self {
        Self {
            connection,
            patience,
            in_use: Some(InUse::of(usage)),
            fate: Fate::GoBack,
            taken: Instant::now(),
        }
    }

    /// When it left the pool.
    pub(crate) fn taken(&self) -> Instant {
        self.taken
    }

    /// Ends it at once, also outside of a runtime, and gives its place in the pool free.
    pub(crate) fn end(mut self) {
        self.fate = Fate::Close;
        drop(self.connection.return_to_pool());
    }

    /// Nobody gets it any more.
    pub(crate) fn discard(mut self) {
        self.fate = Fate::Close;
        self.connection.close_on_drop();
    }
}

impl Drop for Pooled {
    fn drop(&mut self) {
        if self.fate == Fate::Close {
            return;
        }
        let returned = self.connection.return_to_pool();
        let Ok(runtime) = Handle::try_current() else { return };
        let in_use = self.in_use.take();
        let patience = self.patience;
        runtime.spawn(async move {
            let _ = timeout(patience, returned).await;
            // Not before: it is idle by now.
            drop(in_use);
        });
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
