//! A connection that listens.

use std::time::Duration;

use futures::FutureExt as _;
use sqlx::postgres::{PgConnectOptions, PgListener, PgNotification, PgPoolOptions};
use sqlx::{Acquire as _, Connection as _, Row as _, SqlStr, raw_sql};
use tokio::runtime;
use tokio::time::timeout;
use typed_sessions_core::{Error, Result};

use super::payload::PROOF;
use crate::error::{deaf, from_driver, not_listening, unexpected};

/// After so long without a message, the connection is asked for a sign of life.
const SIGN_EVERY: Duration = Duration::from_secs(3);

/// So long it has to answer: with the above, a dead one is found out within 10 seconds.
const ANSWERS_WITHIN: Duration = Duration::from_secs(5);

/// How many notifications are looked at together, so that large messages are read by one statement.
const TOGETHER: usize = 64;

/// A connection of its own that listens. It is never made anew: messages could be lost meanwhile.
/// After an error it is over, and must not be asked again, or the driver would connect.
#[derive(Debug)]
pub(super) struct Listener {
    /// Nothing while it is dropped.
    driver: Option<PgListener>,
}

impl Listener {
    pub(super) async fn open(options: PgConnectOptions, limit: Duration) -> Result<Self> {
        // The driver takes it from a pool.
        let pool = PgPoolOptions::new()
            .max_connections(1)
            .acquire_timeout(limit)
            .test_before_acquire(false)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_lazy_with(options);
        let open = async {
            let mut driver = PgListener::connect_with(&pool).await?;
            driver.eager_reconnect(false);
            driver.ignore_pool_close_event(true);
            Ok(Self { driver: Some(driver) })
        };
        match timeout(limit, open).await {
            Ok(Ok(listener)) => Ok(listener),
            Ok(Err(sqlx::Error::PoolTimedOut)) | Err(_) => Err(not_listening(limit)),
            Ok(Err(error)) => Err(from_driver(&error)),
        }
    }

    /// The process of the server that carries this out.
    pub(super) async fn process(&mut self) -> Result<i32> {
        // In one message: behind a pooler a prepared statement may meet another's of its name.
        let process = raw_sql("SELECT pg_backend_pid()").fetch_one(self.driver()?);
        let process = timeout(ANSWERS_WITHIN, process).await.map_err(|_| is_silent())?;
        process.and_then(|row| row.try_get(0)).map_err(|error| from_driver(&error))
    }

    /// Once this returns, what is published there comes.
    pub(super) async fn listen(&mut self, channels: [&str; 2]) -> Result<()> {
        let listens = self.driver()?.listen_all(channels);
        let listens = timeout(ANSWERS_WITHIN, listens).await.map_err(|_| is_silent())?;
        listens.map_err(|error| from_driver(&error))
    }

    /// A pooler's other clients should not hear what comes.
    pub(super) async fn listen_no_more(&mut self) -> Result<()> {
        let unlistens = self.driver()?.unlisten_all();
        let unlistens = timeout(ANSWERS_WITHIN, unlistens).await.map_err(|_| is_silent())?;
        unlistens.map_err(|error| from_driver(&error))
    }

    /// Waits until it hears that it hears, and gives back what came before that.
    pub(super) async fn hear_the_proof(&mut self, limit: Duration) -> Result<Vec<PgNotification>> {
        let mut heard = Vec::new();
        let hears = async {
            loop {
                let next = self.next().await?;
                if next.payload() == PROOF {
                    return Ok(());
                }
                heard.push(next);
            }
        };
        if let Ok(hears) = timeout(limit, hears).await {
            return hears.map(|()| heard);
        }
        self.show_life().await?;
        Err(deaf())
    }

    /// What comes next: one notification, and those that are here already.
    pub(super) async fn hear(&mut self) -> Result<Vec<PgNotification>> {
        let first = loop {
            match timeout(SIGN_EVERY, self.next()).await {
                Ok(next) => break next?,
                Err(_) => self.show_life().await?,
            }
        };
        let mut heard = vec![first];
        while heard.len() < TOGETHER
            && let Some(next) = self.next().now_or_never()
        {
            heard.push(next?);
        }
        Ok(heard)
    }

    /// Reads rows of large messages, in any order.
    pub(super) async fn read(&mut self, sql: &SqlStr, ids: &[i64]) -> Result<Vec<(i64, Vec<u8>)>> {
        // The driver's own name for it must not stay on the server: there may be a pooler.
        let query = sqlx::query_as(sql.clone()).persistent(false).bind(ids);
        let read = timeout(ANSWERS_WITHIN, query.fetch_all(self.driver()?)).await;
        read.map_err(|_| is_silent())?.map_err(|error| from_driver(&error))
    }

    async fn next(&mut self) -> Result<PgNotification> {
        let next = self.driver()?.try_recv().await.map_err(|error| from_driver(&error))?;
        next.ok_or_else(|| Error::unavailable("the connection that listened has ended"))
    }

    async fn show_life(&mut self) -> Result<()> {
        let driver = self.driver()?;
        let sign = async { driver.acquire().await?.ping().await };
        let sign = timeout(ANSWERS_WITHIN, sign).await.map_err(|_| is_silent())?;
        sign.map_err(|error| from_driver(&error))
    }

    fn driver(&mut self) -> Result<&mut PgListener> {
        self.driver.as_mut().ok_or_else(|| unexpected("nothing"))
    }
}

fn is_silent() -> Error {
    Error::unavailable("the connection that listens gives no sign of life")
}

impl Drop for Listener {
    /// The driver would say `UNLISTEN` in a task, and keep a dead connection until that is answered
    /// one day. In a runtime that ends at once the connection is just closed.
    fn drop(&mut self) {
        let Some(driver) = self.driver.take() else { return };
        let Ok(nowhere) = runtime::Builder::new_current_thread().build() else { return };
        let inside = nowhere.enter();
        drop(driver);
        drop(inside);
        nowhere.shutdown_background();
    }
}
