//! Connections of a pool, each alive as far as can be known before a statement is sent.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use sqlx::{Connection as _, PgPool};
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep, timeout};
use typed_sessions_core::__backend::connecting_limit;

use crate::answers::Answers;
use crate::pooled::{Pooled, Usage};
use crate::shortage::Shortage;

/// How often to look for an idle connection that the application has given back.
const LOOKS_EVERY: Duration = Duration::from_millis(20);

/// A connection that takes longer to be made may be one that PostgreSQL refuses.
const IS_LONG: Duration = Duration::from_millis(100);
/// How often to find that out, where connecting takes its time.
const FINDS_OUT_EVERY: Duration = Duration::from_secs(1);

/// How often to ask whether PostgreSQL takes more connections by now, when there are a few.
const ASKS_EVERY: Duration = Duration::from_secs(10);
/// The same when there are none, so that nothing works.
const ASKS_URGENTLY_EVERY: Duration = Duration::from_millis(200);

/// The pool, and what is known of its connections.
#[derive(Clone, Debug)]
pub(crate) struct Connections {
    pool: PgPool,
    answers: Answers,
    shortage: Shortage,
    usage: Arc<Usage>,
    /// Whoever waits for an idle one waits in a queue, or some would wait for ever.
    turn: Arc<Mutex<()>>,
}

impl Connections {
    pub(crate) fn of(pool: PgPool) -> Self {
        let (answers, shortage) = (Answers::default(), Shortage::new());
        Self { pool, answers, shortage, usage: Arc::default(), turn: Arc::default() }
    }

    pub(crate) fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// Why PostgreSQL takes no more connections, if that is known, in its words.
    pub(crate) fn shortage(&self) -> Option<String> {
        self.shortage.reason()
    }

    /// A call had its answer.
    pub(crate) fn answered(&self) {
        self.answers.note(Instant::now(), self.pool.options().get_max_connections());
    }

    /// A connection was found dead, and others may be: each has to show that it lives before it is
    /// used. So after a restart of the server one call notices, not one for each connection.
    pub(crate) fn suspect_all(&self) {
        self.answers.forget();
    }

    /// A connection for a call that may take so long. One that may have been idle for long is asked
    /// for a sign of life first.
    pub(crate) async fn take(&self, time_limit: Duration) -> sqlx::Result<Pooled> {
        loop {
            let mut connection = self.take_any(time_limit).await?;
            if self.answers.vouch_for(Instant::now(), self.pool.size()) {
                return Ok(connection);
            }
            let sign = timeout(time_limit / 4, connection.ping()).await;
            if let Ok(Ok(())) = sign {
                return Ok(connection);
            }
            connection.discard();
            self.suspect_all();
            if sign.is_err() {
                // There is no time to wait in vain for each of the others.
                while let Some(idle) = self.take_idle(time_limit) {
                    idle.discard();
                }
            }
        }
    }

    /// A connection, whether or not it lives: one that the pool makes, or an idle one as soon as
    /// there is one, whichever comes first.
    async fn take_any(&self, time_limit: Duration) -> sqlx::Result<Pooled> {
        loop {
            if self.shortage.is_known() {
                if let Some(idle) = self.make_do(time_limit).await {
                    return Ok(idle);
                }
                continue;
            }
            tokio::select! {
                biased;
                taken = self.take_or_make(time_limit) => if let Some(taken) = taken? {
                    return Ok(taken);
                },
                idle = self.wait_for_another(time_limit) => return Ok(idle),
                () = self.shortage.begun() => {}
            }
        }
    }

    /// From the pool; nothing when it cannot make one since PostgreSQL takes no more. A connection
    /// that has to be made goes to the pool if nobody waits any more: otherwise, where connecting
    /// takes longer than a call, none would ever be made.
    async fn take_or_make(&self, time_limit: Duration) -> sqlx::Result<Option<Pooled>> {
        let mut acquire = Box::pin(self.pool.acquire());
        if let Some(taken) = (&mut acquire).now_or_never() {
            return Ok(Some(self.pooled(taken?, time_limit)));
        }
        if self.pool.size() >= self.pool.options().get_max_connections() {
            return tokio::select! {
                biased;
                taken = acquire => Ok(Some(self.pooled(taken?, time_limit))),
                () = self.look_when_slow(time_limit) => Ok(None),
            };
        }
        let connections = self.clone();
        let making = async move {
            tokio::select! {
                biased;
                made = acquire => Ok(Some(connections.pooled(made?, time_limit))),
                () = connections.look_when_slow(time_limit) => Ok(None),
            }
        };
        let made = tokio::spawn(timeout(connecting_limit(time_limit), making)).await;
        // It neither panics nor is it aborted, but by the end of the runtime.
        made.map_err(|_| sqlx::Error::WorkerCrashed)?.unwrap_or(Err(sqlx::Error::PoolTimedOut))
    }

    /// Finds out whether PostgreSQL takes no more connections, when one is long in coming; ends
    /// when that is so.
    async fn look_when_slow(&self, time_limit: Duration) {
        let mut pause = IS_LONG;
        loop {
            tokio::select! {
                () = self.shortage.begun() => return,
                () = sleep(pause) => if self.is_making() {
                    let options = self.pool.connect_options();
                    let limit = connecting_limit(time_limit);
                    self.shortage.look(&options, FINDS_OUT_EVERY, limit);
                },
            }
            // Thousands may be waiting.
            pause *= 2;
        }
    }

    /// Whether the pool is making a connection, unless the application has it in hand.
    fn is_making(&self) -> bool {
        let idle = u32::try_from(self.pool.num_idle()).unwrap_or(u32::MAX);
        self.pool.size() > self.usage.in_use().saturating_add(idle)
    }

    /// An idle connection, while PostgreSQL takes no more; nothing when it does again.
    async fn make_do(&self, time_limit: Duration) -> Option<Pooled> {
        let mut idle = pin!(self.wait_for_idle(time_limit));
        loop {
            let pause = if self.pool.size() == 0 { ASKS_URGENTLY_EVERY } else { ASKS_EVERY };
            let options = self.pool.connect_options();
            self.shortage.look(&options, pause, connecting_limit(time_limit));
            tokio::select! {
                biased;
                idle = &mut idle => return Some(idle),
                () = self.shortage.over() => return None,
                () = sleep(ASKS_URGENTLY_EVERY) => {}
            }
        }
    }

    /// An idle connection, when the pool itself gives none for a while: it is about to make one, or
    /// asks a function of the application's.
    async fn wait_for_another(&self, time_limit: Duration) -> Pooled {
        sleep(LOOKS_EVERY).await;
        self.wait_for_idle(time_limit).await
    }

    async fn wait_for_idle(&self, time_limit: Duration) -> Pooled {
        let _turn = self.turn.lock().await;
        loop {
            if let Some(idle) = self.take_idle(time_limit) {
                return idle;
            }
            let _ = timeout(LOOKS_EVERY, self.usage.less()).await;
        }
    }

    fn take_idle(&self, time_limit: Duration) -> Option<Pooled> {
        Some(self.pooled(self.pool.try_acquire()?, time_limit))
    }

    fn pooled(
        &self,
        connection: sqlx::pool::PoolConnection<sqlx::Postgres>,
        time_limit: Duration,
    ) -> Pooled {
        Pooled::new(connection, time_limit, &self.usage)
    }
}
