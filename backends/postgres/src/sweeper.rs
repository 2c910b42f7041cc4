//! A task that reclaims the space of sessions that have ended.

use std::sync::Weak;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::sleep;
use typed_sessions_core::Result;

use crate::link::{Effect, part_of};
use crate::store::{Inner, PostgresStore};

/// Rows of one statement: it holds their locks for a few milliseconds.
const BATCH: u32 = 1000;

const SHORTEST_INTERVAL: Duration = Duration::from_millis(10);

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
    /// Starts a task that deletes the rows of sessions that have ended, about every so often (10 ms at least): an hour suits most.
    /// The session itself ends on time without it; this only reclaims space.
    ///
    /// By PostgreSQL's own clock, so that neither a fake clock nor a wrong one on a node can end a session: a row goes when its
    /// session has been over for between no time and twice its idle timeout, an hour at most.
    ///
    /// It deletes in batches of 1,000 with `SKIP LOCKED` and rests after each as long as it took. Any number of nodes may run one:
    /// they take different rows, at random instants. An error is logged and the next round tries again. It runs until
    /// [`Sweeper::stop`], or until the last clone of the store is gone or its pool is closed; dropping the handle changes nothing.
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
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn sweeper(&self, every: Duration) -> Sweeper {
        let (stop, stopped) = watch::channel(false);
        // `stop` is dropped with the handle: that is no order to stop.
        let task = tokio::spawn(run(self.downgrade(), every.max(SHORTEST_INTERVAL), stopped));
        Sweeper { stop, task }
    }

    /// Deletes up to `limit` rows whose time is over by PostgreSQL's clock.
    async fn sweep(&self) -> Result<u64> {
        let answer =
            self.link().send(&self.statements().sweep, Effect::Once, |query| query.bind(i64::from(BATCH))).await?;
        Ok(answer.affected)
    }
}

async fn run(store: Weak<Inner>, every: Duration, mut stopped: watch::Receiver<bool>) {
    // Nodes that start together do not sweep together.
    let mut rest = part_of(every);
    while wait(rest, &mut stopped).await.is_go_on() {
        let Some(store) = PostgresStore::upgrade(&store).filter(|store| !store.pool().is_closed()) else { break };
        let begin = Instant::now();
        match store.sweep().await {
            Ok(deleted) if deleted >= BATCH.into() => rest = begin.elapsed(),
            Ok(_) => rest = every / 2 + part_of(every),
            Err(error) => {
                tracing::warn!(%error, source = ?std::error::Error::source(&error), "sweeping sessions failed; the next round tries again");
                rest = every / 2 + part_of(every);
            }
        }
    }
}

enum Next {
    GoOn,
    Stop,
}

impl Next {
    fn is_go_on(&self) -> bool {
        matches!(self, Self::GoOn)
    }
}

async fn wait(rest: Duration, stopped: &mut watch::Receiver<bool>) -> Next {
    let ordered = async {
        // An error: the handle was dropped, and nobody will ever stop it.
        if stopped.wait_for(|stop| *stop).await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        () = ordered => Next::Stop,
        () = sleep(rest) => Next::GoOn,
    }
}
