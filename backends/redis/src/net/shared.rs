//! Connections to one server that all callers share, made anew when they break.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::{BoxFuture, FutureExt as _, Shared};
use redis::{ErrorKind, RedisError, RedisResult};
use tokio::runtime::{self, Handle};
use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout};
use typed_sessions_core::__backend::lock;

use super::connection::Connection;
use super::pipe::Pipe;
use super::stream::Stream;

/// Makes a socket to a server where somebody is logged in.
pub(crate) type Connect = Arc<dyn Fn() -> BoxFuture<'static, RedisResult<Stream>> + Send + Sync>;

/// After a failed attempt to connect, callers get its error for so long; then one of them tries
/// again.
const RECONNECT_PAUSE: Duration = Duration::from_millis(100);

/// How connections to a server are kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Keeping {
    /// How many there are, in each runtime.
    pub(crate) lanes: usize,
    /// How long one attempt to connect may take.
    pub(crate) limit: Duration,
    /// How long an idle connection has to show a sign of life.
    pub(crate) patience: Duration,
}

/// The connections to a server.
pub(crate) enum SharedConnection {
    /// The application's. It reconnects by itself or not at all, as its kind does.
    Given(Connection),
    /// Made here, and made anew when a caller finds one broken.
    Own(Own),
}

pub(crate) struct Own {
    connect: Connect,
    keeping: Keeping,
    /// Each runtime has connections of its own: one that stands still or ends holds nobody else up.
    current: Mutex<Vec<(runtime::Id, Vec<Option<Current>>)>>,
    generations: AtomicU64,
}

type Attempt = Shared<BoxFuture<'static, RedisResult<Connection>>>;

/// A connection, or the attempt to make one: whoever needs it waits for the same attempt.
struct Current {
    attempt: Attempt,
    task: AbortHandle,
    /// Tells this connection from all others.
    generation: u64,
    failed: Option<Instant>,
}

impl SharedConnection {
    pub(crate) fn new(connect: Connect, keeping: Keeping) -> Self {
        let (current, generations) = (Mutex::default(), AtomicU64::new(0));
        Self::Own(Own { connect, keeping, current, generations })
    }

    /// A connection, and its generation. The same number leads to the same one as long as it holds.
    pub(crate) async fn get(&self, number: usize) -> RedisResult<(u64, Connection)> {
        match self {
            Self::Given(connection) => Ok((0, connection.clone())),
            Self::Own(own) => own.get(number % own.keeping.lanes).await,
        }
    }

    /// A socket to the server that the caller has for themselves.
    pub(crate) async fn open(&self) -> RedisResult<Stream> {
        match self {
            Self::Given(_) => Err((
                ErrorKind::InvalidClientConfig,
                "live connections need a socket of their own, which a connection that the \
                 application brought cannot give: build the store from a URL",
            )
                .into()),
            Self::Own(own) => own.open().await,
        }
    }

    /// Whether it leads to a Cluster, which only a connection of the application's can.
    pub(crate) fn is_cluster(&self) -> bool {
        matches!(self, Self::Given(connection) if connection.is_cluster())
    }

    /// Nobody gets the connection of this generation any more. Commands that others have sent over
    /// it still get their answers.
    pub(crate) fn discard(&self, generation: u64) {
        if let Self::Own(own) = self {
            own.discard(generation);
        }
    }
}

impl Own {
    async fn get(&self, lane: usize) -> RedisResult<(u64, Connection)> {
        loop {
            let (generation, attempt) = self.current(lane);
            let connection = match attempt {
                Ok(connection) => connection,
                Err(attempt) => {
                    let result = attempt.await;
                    if result.is_err() {
                        self.note_failure(generation);
                    }
                    result?
                }
            };
            match connection.shows_life(self.keeping.patience).await {
                Ok(()) => return Ok((generation, connection)),
                // The next one is new, and not idle.
                Err(_) => self.discard(generation),
            }
        }
    }

    /// What this runtime has, begun if there is none: a connection, or the attempt to make it.
    fn current(&self, lane: usize) -> (u64, Result<Connection, Attempt>) {
        let runtime = Handle::current().id();
        let mut all = lock(&self.current);
        let place = all.iter().position(|(id, _)| *id == runtime).unwrap_or_else(|| {
            all.retain(|(_, lanes)| lanes.iter().flatten().any(Current::is_of_use));
            all.push((runtime, (0..self.keeping.lanes).map(|_| None).collect()));
            all.len() - 1
        });
        let current = &mut all[place].1[lane];
        current.take_if(|current| current.is_over());
        let current = current.get_or_insert_with(|| self.begin());
        let attempt = match current.attempt.peek() {
            Some(Ok(connection)) => Ok(connection.clone()),
            _ => Err(current.attempt.clone()),
        };
        (current.generation, attempt)
    }

    fn begin(&self) -> Current {
        let stream = self.open();
        // A task of its own: it goes on when nobody waits any more.
        let attempt = tokio::spawn(async move { Ok(Connection::Own(Pipe::over(stream.await?))) });
        let task = attempt.abort_handle();
        let attempt = async move {
            attempt.await.unwrap_or_else(|ended| Err(io::Error::other(ended).into()))
        };
        let generation = self.generations.fetch_add(1, Ordering::Relaxed);
        Current { attempt: attempt.boxed().shared(), task, generation, failed: None }
    }

    fn open(&self) -> impl Future<Output = RedisResult<Stream>> + Send + 'static {
        let limit = self.keeping.limit;
        let attempt = timeout(limit, (self.connect)());
        async move {
            let message = || format!("Redis did not take a connection within {limit:?}");
            attempt.await.unwrap_or_else(|_| Err(timed_out(message())))
        }
    }

    fn note_failure(&self, generation: u64) {
        if let Some(Some(current)) = Self::find(&mut lock(&self.current), generation) {
            current.failed.get_or_insert_with(Instant::now);
        }
    }

    fn discard(&self, generation: u64) {
        if let Some(current) = Self::find(&mut lock(&self.current), generation) {
            *current = None;
        }
    }

    fn find(
        all: &mut [(runtime::Id, Vec<Option<Current>>)],
        generation: u64,
    ) -> Option<&mut Option<Current>> {
        let mut lanes = all.iter_mut().flat_map(|(_, lanes)| lanes);
        lanes.find(|lane| lane.as_ref().is_some_and(|current| current.generation == generation))
    }
}

impl Current {
    /// Whether another attempt is due.
    fn is_over(&self) -> bool {
        match self.attempt.peek() {
            Some(Ok(connection)) => connection.has_ended(),
            Some(Err(_)) => self.failed.is_none_or(|failed| failed.elapsed() >= RECONNECT_PAUSE),
            // One that nobody waited for tells only when it is asked; its failure is of long ago.
            None => self.task.is_finished() && !self.is_of_use(),
        }
    }

    /// Whether its runtime still is there, and has something of it.
    fn is_of_use(&self) -> bool {
        if !self.task.is_finished() {
            return true;
        }
        let outcome = self.attempt.clone().now_or_never();
        outcome.is_some_and(|outcome| outcome.is_ok_and(|it| !it.has_ended()))
    }
}

pub(crate) fn timed_out(message: String) -> RedisError {
    io::Error::new(io::ErrorKind::TimedOut, message).into()
}
