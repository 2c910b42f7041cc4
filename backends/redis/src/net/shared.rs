//! A connection to one server that all callers share, made anew when it breaks.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::{BoxFuture, FutureExt as _, Shared};
use redis::{RedisError, RedisResult};
use tokio::time::{Instant, timeout};
use typed_sessions_core::__backend::lock;

use super::connection::Connection;

/// Makes a connection.
pub(crate) type Connect =
    Arc<dyn Fn() -> BoxFuture<'static, RedisResult<Connection>> + Send + Sync>;

/// After a failed attempt to connect, callers get its error for so long; then one of them tries
/// again.
const RECONNECT_PAUSE: Duration = Duration::from_millis(100);

/// The one connection to a server.
pub(crate) enum SharedConnection {
    /// The application's. It reconnects by itself or not at all, as its kind does.
    Given(Connection),
    /// Made here, and made anew when a caller finds it broken.
    Own {
        connect: Connect,
        /// How long one attempt to connect may take.
        limit: Duration,
        current: Mutex<Current>,
    },
}

/// A connection, or the attempt to make one: whoever needs it waits for the same attempt.
pub(crate) struct Current {
    attempt: Shared<BoxFuture<'static, RedisResult<Connection>>>,
    /// Tells this connection from those before and after it.
    generation: u64,
    failed: Option<Instant>,
}

impl SharedConnection {
    /// Begins to connect.
    pub(crate) fn new(connect: Connect, limit: Duration) -> Self {
        let current = Mutex::new(Current::begin(&connect, limit, 0));
        Self::Own { connect, limit, current }
    }

    /// The connection, and its generation.
    pub(crate) async fn get(&self) -> RedisResult<(u64, Connection)> {
        let (generation, attempt) = match self {
            Self::Given(connection) => return Ok((0, connection.clone())),
            Self::Own { connect, limit, current } => {
                let mut current = lock(current);
                if current.failed.is_some_and(|failed| failed.elapsed() >= RECONNECT_PAUSE) {
                    *current = Current::begin(connect, *limit, current.generation + 1);
                }
                if let Some(Ok(connection)) = current.attempt.peek() {
                    return Ok((current.generation, connection.clone()));
                }
                (current.generation, current.attempt.clone())
            }
        };
        let result = attempt.await;
        if result.is_err()
            && let Self::Own { current, .. } = self
        {
            let mut current = lock(current);
            if current.generation == generation && current.failed.is_none() {
                current.failed = Some(Instant::now());
            }
        }
        Ok((generation, result?))
    }

    /// Nobody gets the connection of this generation any more. Commands that others have sent over
    /// it still get their answers.
    pub(crate) fn discard(&self, generation: u64) {
        if let Self::Own { connect, limit, current } = self {
            let mut current = lock(current);
            if current.generation == generation {
                *current = Current::begin(connect, *limit, generation + 1);
            }
        }
    }
}

impl Current {
    fn begin(connect: &Connect, limit: Duration, generation: u64) -> Self {
        let attempt = timeout(limit, connect());
        // A task of its own: it goes on when nobody waits any more.
        let attempt = tokio::spawn(async move {
            let message = || format!("Redis did not take a connection within {limit:?}");
            attempt.await.unwrap_or_else(|_| Err(timed_out(message())))
        });
        let attempt = async move {
            attempt.await.unwrap_or_else(|ended| Err(io::Error::other(ended).into()))
        };
        Self { attempt: attempt.boxed().shared(), generation, failed: None }
    }
}

pub(crate) fn timed_out(message: String) -> RedisError {
    io::Error::new(io::ErrorKind::TimedOut, message).into()
}
