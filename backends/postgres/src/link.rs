//! Statements on their way through the pool: within a time limit, and never twice what may have
//! been carried out.

use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions, PgRow};
use sqlx::{Connection as _, Either, Executor as _, PgConnection, PgPool};
use tokio::time::{Instant, sleep, timeout_at};
use typed_sessions_core::__backend::Effect;
use typed_sessions_core::Result;

use crate::arguments::PgQuery;
use crate::connections::{Connections, Origin};
use crate::error::{
    Outcome, crowded, from_driver, is_unprepared, may_connect_soon, no_connection, outcome,
    timed_out,
};
use crate::pooled::Pooled;
use crate::runtimes::Runtimes;
use crate::statements::Statement;

/// Between two tries, up to so long; it doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_millis(200);

/// The pool's own limit; each call has a shorter one.
const LONGEST_WAIT: Duration = Duration::from_mins(1);

/// What a statement gave.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    pub(crate) rows: Vec<PgRow>,
    pub(crate) affected: u64,
    /// PostgreSQL commits only after it has said this.
    is_complete: bool,
}

/// The way to PostgreSQL.
#[derive(Clone, Debug)]
pub(crate) struct Link {
    runtimes: Runtimes,
    time_limit: Duration,
}

impl Link {
    /// Through a pool of its own.
    pub(crate) fn connecting(
        options: PgConnectOptions,
        max_connections: u32,
        time_limit: Duration,
    ) -> Self {
        let pool = PgPoolOptions::new()
            .max_connections(max_connections)
            .acquire_timeout(LONGEST_WAIT)
            // A sign of life before each use would double the round trips.
            .test_before_acquire(false)
            .connect_lazy_with(options);
        Self { runtimes: Runtimes::new(pool, Origin::Own), time_limit }
    }

    /// Through the application's pool.
    pub(crate) fn given(pool: PgPool, time_limit: Duration) -> Self {
        Self { runtimes: Runtimes::new(pool, Origin::Given), time_limit }
    }

    pub(crate) fn pool(&self) -> &PgPool {
        self.runtimes.pool()
    }

    pub(crate) fn time_limit(&self) -> Duration {
        self.time_limit
    }

    /// The same way, with more patience.
    pub(crate) fn with_time_limit(&self, time_limit: Duration) -> Self {
        Self { time_limit, ..self.clone() }
    }

    /// When the time is up for a call that begins now.
    pub(crate) fn end_of_call(&self) -> Instant {
        Instant::now() + self.time_limit
    }

    /// Sends a statement and waits for all of its answer, the commit included.
    pub(crate) async fn send<'q>(
        &self,
        statement: &Statement,
        effect: Effect,
        bind: impl Fn(PgQuery<'q>) -> PgQuery<'q>,
    ) -> Result<Answer> {
        self.send_until(self.end_of_call(), statement, effect, bind).await
    }

    /// The same for a call of several statements, which has begun earlier.
    pub(crate) async fn send_until<'q>(
        &self,
        end_of_call: Instant,
        statement: &Statement,
        effect: Effect,
        bind: impl Fn(PgQuery<'q>) -> PgQuery<'q>,
    ) -> Result<Answer> {
        let mut tries = Tries::until(end_of_call);
        let mut stale = 0;
        let connections = self.runtimes.here();
        loop {
            let mut connection = self.acquire_of(&connections, &mut tries).await?;
            let query = || {
                let query = bind(sqlx::query(statement.sql.clone()));
                (0..statement.spare).fold(query, |query, _| query.bind(None::<i32>))
            };
            let mut answer = Answer::default();
            let fetched = fetch_prepared(&mut connection, query, &mut answer);
            let error = match timeout_at(tries.deadline, fetched).await {
                Ok(Ok(())) => {
                    connections.answered(connection);
                    return Ok(answer);
                }
                Ok(Err(error)) => error,
                Err(_) => {
                    // Nobody knows when it will be of use again.
                    connection.discard();
                    connections.suspect_all();
                    return Err(timed_out(self.time_limit));
                }
            };
            let again = match outcome(&error, answer.is_complete) {
                Outcome::Undone => true,
                Outcome::Refused => false,
                Outcome::Stale => {
                    connection.discard();
                    stale += 1;
                    stale == 1
                }
                Outcome::Closed => {
                    connections.suspect_all();
                    connection.discard();
                    true
                }
                Outcome::Unknown => {
                    connections.suspect_all();
                    connection.discard();
                    effect == Effect::Repeatable
                }
            };
            if !again || !tries.wait().await {
                return Err(from_driver(&error));
            }
        }
    }

    /// A connection, as soon as there is one. Nothing was sent when this fails.
    pub(crate) async fn acquire(&self, tries: &mut Tries) -> Result<Pooled> {
        self.acquire_of(&self.runtimes.here(), tries).await
    }

    async fn acquire_of(&self, connections: &Connections, tries: &mut Tries) -> Result<Pooled> {
        loop {
            let taken = connections.take(self.time_limit);
            let error = match timeout_at(tries.deadline, taken).await {
                Ok(Ok(connection)) => return Ok(connection),
                Ok(Err(sqlx::Error::PoolTimedOut)) | Err(_) => {
                    return Err(match connections.shortage() {
                        Some(reason) => crowded(reason),
                        None => no_connection(self.time_limit),
                    });
                }
                Ok(Err(error)) => error,
            };
            if !may_connect_soon(&error) || !tries.wait().await {
                return Err(from_driver(&error));
            }
        }
    }
}

/// How often a call is tried, and how quickly.
#[derive(Debug)]
pub(crate) struct Tries {
    pub(crate) deadline: Instant,
    pause: Duration,
}

impl Tries {
    pub(crate) fn until(deadline: Instant) -> Self {
        Self { deadline, pause: FIRST_PAUSE }
    }

    /// Waits a little; tells whether there is time for another one.
    async fn wait(&mut self) -> bool {
        if Instant::now() + self.pause >= self.deadline {
            return false;
        }
        sleep(part_of(self.pause)).await;
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        true
    }
}

/// Once more, when the connection was made to forget the statement: by PgBouncer between two
/// clients, or by the application.
async fn fetch_prepared<'q>(
    connection: &mut PgConnection,
    query: impl Fn() -> PgQuery<'q>,
    answer: &mut Answer,
) -> sqlx::Result<()> {
    match fetch(connection, query(), answer).await {
        Err(error) if is_unprepared(&error) => {
            connection.clear_cached_statements().await?;
            fetch(connection, query(), answer).await
        }
        fetched => fetched,
    }
}

async fn fetch(
    connection: &mut PgConnection,
    query: PgQuery<'_>,
    answer: &mut Answer,
) -> sqlx::Result<()> {
    use futures::TryStreamExt as _;
    let mut parts = connection.fetch_many(query);
    while let Some(part) = parts.try_next().await? {
        match part {
            Either::Left(done) => {
                answer.affected += done.rows_affected();
                answer.is_complete = true;
            }
            Either::Right(row) => answer.rows.push(row),
        }
    }
    Ok(())
}

/// A random part of a span, so that those who got in each other's way do not meet again.
pub(crate) fn part_of(span: Duration) -> Duration {
    let mut byte = [0];
    // Without a random number it is the whole span.
    let part = getrandom::fill(&mut byte).map_or(255, |()| byte[0]);
    span.mul_f64((f64::from(part) + 1.0) / 256.0)
}
