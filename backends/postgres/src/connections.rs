//! Connections of a pool, each alive as far as can be known before a statement is sent.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use sqlx::{Connection as _, PgPool};
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep, timeout};
use typed_sessions_core::__backend::connecting_limit;

use crate::answers::{Answers, LATELY};
use crate::kept::{AtHand, IDLE_AT_MOST, Kept, Watch};
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
    /// What stays out of the pool between calls; in a pool of the application's nothing does.
    kept: Option<Arc<Kept>>,
}

/// Whose a pool is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The store's own.
    Own,
    /// The application's.
    Given,
}

impl Connections {
    pub(crate) fn of(pool: PgPool, origin: Origin) -> Self {
        let (answers, shortage) = (Answers::default(), Shortage::new());
        let kept = (origin == Origin::Own).then(|| Arc::new(Kept::new()));
        Self { pool, answers, shortage, usage: Arc::default(), turn: Arc::default(), kept }
    }

    /// Others, with the same settings.
    pub(crate) fn like_it(&self) -> Self {
        let options = self.pool.options().clone();
        let pool = options.connect_lazy_with((*self.pool.connect_options()).clone());
        Self::of(pool, if self.kept.is_some() { Origin::Own } else { Origin::Given })
    }

    /// Ends those that are idle, at once: the runtime in which they were made has ended.
    pub(crate) fn end_idle(&self) {
        self.answers.forget();
        if let Some(kept) = &self.kept {
            kept.clear();
        }
        while let Some(idle) = self.pool.try_acquire() {
            drop(idle.detach());
        }
    }

    pub(crate) fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// Why PostgreSQL takes no more connections, if that is known, in its words.
    pub(crate) fn shortage(&self) -> Option<String> {
        self.shortage.reason()
    }

    /// A call had its answer, all of it.
    pub(crate) fn answered(&self, connection: Pooled) {
        let now = Instant::now();
        let Some(kept) = self.kept.as_ref().filter(|_| !self.pool.is_closed()) else {
            return self.give_back(connection, now);
        };
        match kept.put(connection, now) {
            Ok(Watch::GoesOn) => {}
            Ok(Watch::Begin) => drop(tokio::spawn(self.clone().watch(Arc::clone(kept)))),
            Err(connection) => self.give_back(connection, now),
        }
    }

    /// To the pool, after an answer at that time.
    fn give_back(&self, connection: Pooled, answered: Instant) {
        self.answers.note(answered, self.pool.options().get_max_connections());
        drop(connection);
    }

    /// Gives back what is at hand and waits in vain, until nothing is.
    async fn watch(self, kept: Arc<Kept>) {
        let mut unwatched = Unwatched(Some(kept));
        while let Some(kept) = &unwatched.0 {
            sleep(IDLE_AT_MOST).await;
            let now = Instant::now();
            while let Some(idle) = kept.take_idle(now) {
                self.give_back(idle.connection, idle.since);
            }
            if kept.is_unwatched() {
                unwatched.0 = None;
            }
        }
    }

    /// A connection was found dead, and others may be: each has to show that it lives before it is
    /// used. So after a restart of the server one call notices, not one for each connection.
    pub(crate) fn suspect_all(&self) {
        self.answers.forget();
        if let Some(kept) = &self.kept {
            kept.suspect_all();
        }
    }

    /// A connection for a call that may take so long. One that may have been idle for long is asked
    /// for a sign of life first.
    pub(crate) async fn take(&self, time_limit: Duration) -> sqlx::Result<Pooled> {
        loop {
            let (mut connection, has_shown_life) = self.take_next(time_limit).await?;
            if has_shown_life {
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
                while let Some(at_hand) = self.kept.as_ref().and_then(|kept| kept.try_take()) {
                    at_hand.connection.discard();
                }
                while let Some(idle) = self.take_idle(time_limit) {
                    idle.discard();
                }
            }
        }
    }

    /// One that is at hand or comes to hand, or one of the pool, and whether it has shown lately
    /// that it lives.
    async fn take_next(&self, time_limit: Duration) -> sqlx::Result<(Pooled, bool)> {
        let of_pool = async || {
            let taken = self.take_any(time_limit).await?;
            Ok((taken, self.answers.vouch_for(Instant::now(), self.pool.size())))
        };
        let Some(kept) = &self.kept else { return of_pool().await };
        let at_hand = if let Some(at_hand) = kept.try_take() {
            at_hand
        } else {
            tokio::select! {
                biased;
                at_hand = kept.take() => at_hand,
                taken = of_pool() => return taken,
            }
        };
        let AtHand { connection, since, is_suspect } = at_hand;
        Ok((connection, !is_suspect && since.elapsed() < LATELY))
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

/// What is at hand, when the task that watches it ends before its time, with its runtime.
struct Unwatched(Option<Arc<Kept>>);

impl Drop for Unwatched {
    fn drop(&mut self) {
        if let Some(kept) = &self.0 {
            kept.clear();
        }
    }
}
