//! A task that reclaims the space of sessions that have ended.

use std::sync::Weak;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::sleep;
use typed_sessions_core::__backend::Effect;
use typed_sessions_core::Result;

use crate::arguments::PgQuery;
use crate::link::part_of;
use crate::store::{BATCH, BATCH_TAKES_AT_MOST, Inner, PostgresStore};

const SHORTEST_INTERVAL: Duration = Duration::from_millis(10);
const LONGEST_INTERVAL: Duration = Duration::from_hours(365 * 24);
/// After an error.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// A running sweeper: see [`PostgresStore::sweeper`].
#[derive(Debug)]
pub struct Sweeper {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Sweeper {
    /// Lets it finish the batch that it is at, and waits for that.
    pub async fn stop(self) {
        let _ = self.stop.send(true);
        // It neither panics nor is it aborted.
        let _ = self.task.await;
    }
}

impl PostgresStore {
    /// Starts a task that deletes the rows of sessions that have ended, every so often: between
    /// half and one and a half times `every` (10 ms at least, a year at most). An hour suits most.
    /// The session itself ends on time without it; this only reclaims space.
    ///
    /// By PostgreSQL's own clock, so that neither a fake clock nor a wrong one on a node can end a
    /// session: a row goes when its session has been over for between no time and twice its idle
    /// timeout, an hour at most.
    ///
    /// Any number of nodes may run one: they take different rows, at random instants. It runs until
    /// [`Sweeper::stop`], or until the last clone of the store is gone or its pool is closed;
    /// dropping the handle changes nothing.
    ///
    /// ```no_run
    /// # use typed_sessions_postgres::PostgresStore;
    /// use typed_sessions_core::hours;
    ///
    /// # async fn run(store: PostgresStore) {
    /// let sweeper = store.sweeper(hours(1));
    /// // ... serve ...
    /// sweeper.stop().await;
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// An error is logged, and it tries again within a minute.
    ///
    /// # Cost
    ///
    /// One statement for each 1,000 rows, with `SKIP LOCKED`. After each it rests as long as that
    /// took.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub fn sweeper(&self, every: Duration) -> Sweeper {
        let (stop, stopped) = watch::channel(false);
        // `stop` is dropped with the handle: that is no order to stop.
        let task = tokio::spawn(run(
            self.downgrade(),
            every.clamp(SHORTEST_INTERVAL, LONGEST_INTERVAL),
            stopped,
        ));
        Sweeper { stop, task }
    }

    /// Deletes up to `limit` rows of sessions that have ended by PostgreSQL's own clock, as
    /// [`sweeper`](PostgresStore::sweeper) does, and tells how many: for a job of your own, cron
    /// for example, that calls it until it tells less than `limit`.
    ///
    /// ```no_run
    /// # use typed_sessions_postgres::PostgresStore;
    /// # async fn run(store: PostgresStore) -> typed_sessions_core::Result<()> {
    /// while store.purge_expired(1000).await? == 1000 {}
    /// # Ok(()) }
    /// ```
    ///
    /// # Cost
    ///
    /// One statement, by an index, in 30 seconds at most. It passes over rows that somebody has
    /// locked.
    pub async fn purge_expired(&self, limit: u32) -> Result<u64> {
        let bind = |query: PgQuery<'static>| query.bind(i64::from(limit));
        let patient = self.link().with_time_limit(BATCH_TAKES_AT_MOST);
        let statement = &self.statements().purge_expired;
        Ok(patient.send(statement, Effect::Once, bind).await?.affected)
    }
}

async fn run(store: Weak<Inner>, every: Duration, mut stopped: watch::Receiver<bool>) {
    // Nodes that start together do not sweep together.
    let mut rest = part_of(every);
    loop {
        tokio::select! {
            () = sleep(rest) => {}
            () = ordered(&mut stopped) => break,
        }
        let Some(store) = PostgresStore::upgrade(&store).filter(|store| !store.pool().is_closed())
        else {
            break;
        };
        let begin = Instant::now();
        let swept = store.purge_expired(BATCH).await;
        if let Err(error) = &swept {
            let source = std::error::Error::source(error);
            tracing::warn!(
                target: "typed_sessions",
                %error,
                source,
                "sweeping sessions failed; it is tried again within a minute"
            );
        }
        rest = rest_after(&swept, begin.elapsed(), every);
    }
}

/// How long it rests after a batch that took so long.
fn rest_after(swept: &Result<u64>, took: Duration, every: Duration) -> Duration {
    match swept {
        // There is more.
        Ok(deleted) if *deleted >= BATCH.into() => took,
        Ok(_) => every / 2 + part_of(every),
        Err(_) => part_of(every.min(LONGEST_PAUSE)),
    }
}

/// Never, when the handle was dropped: nobody will ever stop it.
async fn ordered(stopped: &mut watch::Receiver<bool>) {
    if stopped.wait_for(|stop| *stop).await.is_err() {
        std::future::pending::<()>().await;
    }
}

#[cfg(test)]
mod tests {
    use typed_sessions_core::{Error, hours, seconds};

    use super::*;

    #[test]
    fn a_sweeper_goes_on_at_once_soon_or_in_the_next_round() {
        let (took, every) = (seconds(3), hours(1));
        for _ in 0..1000 {
            assert_eq!(rest_after(&Ok(BATCH.into()), took, every), took, "there is more");
            let rest = rest_after(&Ok(u64::from(BATCH) - 1), took, every);
            assert!(rest > every / 2 && rest <= every / 2 + every, "{rest:?}");
            let failed = Err(Error::config("no server"));
            assert!(rest_after(&failed, took, every) <= LONGEST_PAUSE);
            assert!(
                rest_after(&failed, took, seconds(1)) <= seconds(1),
                "no later than without an error"
            );
            assert!(rest_after(&Ok(0), took, LONGEST_INTERVAL) > Duration::ZERO, "no overflow");
        }
    }
}
