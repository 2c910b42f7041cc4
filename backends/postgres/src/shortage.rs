//! What to do when PostgreSQL takes no more connections (53300): as many as there are must do.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _};
use tokio::sync::watch;
use tokio::time::{Instant, timeout};
use typed_sessions_core::__backend::lock;

use crate::error::refuses_more;

/// Whether PostgreSQL takes no more connections, as far as is known: the server, the role or the
/// database has a limit.
///
/// sqlx's pool does not tell: it tries again and again, as if PostgreSQL were starting. So when a
/// connection is long in coming, one is made beside the pool, and what becomes of it shows the
/// reason. From then on no call begins a connection, until another look succeeds.
#[derive(Clone, Debug)]
pub(crate) struct Shortage {
    /// In PostgreSQL's words.
    reason: Arc<watch::Sender<Option<String>>>,
    last_look: Arc<Mutex<Option<Instant>>>,
}

impl Shortage {
    pub(crate) fn new() -> Self {
        Self { reason: Arc::new(watch::Sender::new(None)), last_look: Arc::default() }
    }

    /// Why there are no more connections, while that is so.
    pub(crate) fn reason(&self) -> Option<String> {
        self.reason.borrow().clone()
    }

    pub(crate) fn is_known(&self) -> bool {
        self.reason.borrow().is_some()
    }

    /// Waits until it is known.
    pub(crate) async fn begun(&self) {
        self.until(true).await;
    }

    /// Waits until it is over.
    pub(crate) async fn over(&self) {
        self.until(false).await;
    }

    async fn until(&self, is_known: bool) {
        let mut reason = self.reason.subscribe();
        // The sender is in `self`.
        let _ = reason.wait_for(|reason| reason.is_some() == is_known).await;
    }

    /// Makes a connection, once in so long over all calls, and closes it: a shortage has begun, or
    /// goes on, if PostgreSQL refuses it for that reason, and is over otherwise. In a task of its
    /// own, as nobody should wait for it.
    pub(crate) fn look(&self, options: &Arc<PgConnectOptions>, pause: Duration, limit: Duration) {
        let mut last_look = lock(&self.last_look);
        if last_look.is_some_and(|last| last.elapsed() < pause) {
            return;
        }
        *last_look = Some(Instant::now());
        drop(last_look);
        let (shortage, options) = (self.clone(), Arc::clone(options));
        tokio::spawn(timeout(limit, async move {
            let reason = match options.connect().await {
                Ok(connection) => {
                    let _ = connection.close().await;
                    None
                }
                Err(error) => refuses_more(&error),
            };
            shortage.reason.send_replace(reason);
        }));
    }
}
