//! The way to Redis: one connection for all callers, made anew when it breaks, and a time limit for every call.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future::{BoxFuture, FutureExt as _, Shared};
use redis::{Cmd, ErrorKind, RedisError, RedisResult, ServerErrorKind, Value};
use tokio::time::{Instant, sleep, timeout, timeout_at};

use crate::connection::{Connection, Node, Route};
use crate::error::is_read_only;

/// Makes a connection.
pub(crate) type Connect = Arc<dyn Fn() -> BoxFuture<'static, RedisResult<Connection>> + Send + Sync>;

pub(crate) struct Link {
    source: Source,
    time_limit: Duration,
}

enum Source {
    /// Mended by whoever made it.
    Given(Connection),
    Ours {
        connect: Connect,
        current: Mutex<Current>,
    },
}

/// A connection, or the attempt to make one: whoever needs it waits for the same attempt.
struct Current {
    attempt: Shared<BoxFuture<'static, RedisResult<Connection>>>,
    generation: u64,
    since: Instant,
    failed: Option<Instant>,
}

/// What a command does if it is sent twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// The same: when the connection breaks, it is sent again.
    Repeatable,
    /// Something else: when the connection breaks, the caller is told that the outcome is not known.
    Once,
}

/// One call of the store, which may send several commands within its time limit.
pub(crate) struct Call<'a> {
    link: &'a Link,
    deadline: Instant,
}

/// What to do after an error.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    GiveUp,
    /// It was not carried out and may be a little later.
    Later,
    /// It was not carried out; another node has the key.
    To(Route),
    /// It was not carried out by this server: connect to the right one.
    Reconnect,
}

/// However short the time limit of a call: nodes and Sentinels that are down are waited for.
const CONNECTING_TAKES_AT_MOST: Duration = Duration::from_secs(5);
/// After a failed attempt to connect, callers get its error for so long; then one of them tries again.
const RECONNECT_PAUSE: Duration = Duration::from_millis(100);
/// The connections to a whole Cluster are not given up more often than this.
const CLUSTER_PAUSE: Duration = Duration::from_secs(1);
/// For one command.
const MOST_RECONNECTS: usize = 3;
const FIRST_PAUSE: Duration = Duration::from_millis(2);
const LONGEST_PAUSE: Duration = Duration::from_millis(100);

impl Link {
    pub(crate) fn given(connection: Connection, time_limit: Duration) -> Self {
        Self { source: Source::Given(connection), time_limit }
    }

    pub(crate) fn connecting(connect: Connect, time_limit: Duration) -> Self {
        let current = Mutex::new(Current::begin(&connect, time_limit, 0));
        Self { source: Source::Ours { connect, current }, time_limit }
    }

    pub(crate) fn call(&self) -> Call<'_> {
        Call { link: self, deadline: Instant::now() + self.time_limit }
    }

    pub(crate) fn time_limit(&self) -> Duration {
        self.time_limit
    }

    /// A call for the time that connecting takes.
    pub(crate) fn first_call(&self) -> Call<'_> {
        Call { link: self, deadline: Instant::now() + self.time_limit.max(CONNECTING_TAKES_AT_MOST) }
    }

    async fn connection(&self) -> RedisResult<(u64, Connection)> {
        let (generation, attempt) = match &self.source {
            Source::Given(connection) => return Ok((0, connection.clone())),
            Source::Ours { connect, current } => {
                let mut current = current.lock().unwrap_or_else(PoisonError::into_inner);
                if current.failed.is_some_and(|failed| failed.elapsed() >= RECONNECT_PAUSE) {
                    *current = Current::begin(connect, self.time_limit, current.generation + 1);
                }
                if let Some(Ok(connection)) = current.attempt.peek() {
                    return Ok((current.generation, connection.clone()));
                }
                (current.generation, current.attempt.clone())
            }
        };
        let result = attempt.await;
        if result.is_err()
            && let Source::Ours { current, .. } = &self.source
        {
            let mut current = current.lock().unwrap_or_else(PoisonError::into_inner);
            if current.generation == generation && current.failed.is_none() {
                current.failed = Some(Instant::now());
            }
        }
        Ok((generation, result?))
    }

    /// Nobody gets this connection any more. Commands that others have sent over it still get their answers.
    fn discard(&self, generation: u64, connection: &Connection) {
        if let Source::Ours { connect, current } = &self.source {
            let mut current = current.lock().unwrap_or_else(PoisonError::into_inner);
            let too_soon = connection.is_cluster() && current.since.elapsed() < CLUSTER_PAUSE;
            if current.generation == generation && !too_soon {
                *current = Current::begin(connect, self.time_limit, generation + 1);
            }
        }
    }
}

impl Current {
    fn begin(connect: &Connect, time_limit: Duration, generation: u64) -> Self {
        let limit = time_limit.max(CONNECTING_TAKES_AT_MOST);
        let attempt = timeout(limit, connect());
        // A task of its own: it goes on when nobody waits any more.
        let attempt = tokio::spawn(async move {
            let message = || format!("Redis did not take a connection within {limit:?}");
            attempt.await.unwrap_or_else(|_| Err(timed_out(message())))
        });
        let attempt = async move { attempt.await.unwrap_or_else(|ended| Err(io::Error::other(ended).into())) };
        let attempt = attempt.boxed().shared();
        Self { attempt, generation, since: Instant::now(), failed: None }
    }
}

impl Call<'_> {
    /// Connects, and asks whether commands are welcome.
    pub(crate) async fn check(&self) -> RedisResult<()> {
        // A Cluster's driver has asked for the slots when it has connected.
        if !self.is_cluster().await? {
            self.send(&redis::cmd("PING"), Effect::Repeatable).await?;
        }
        Ok(())
    }

    /// Connects, if need be.
    pub(crate) async fn is_cluster(&self) -> RedisResult<bool> {
        Ok(self.in_time(self.link.connection()).await?.1.is_cluster())
    }

    /// Sends a command until it is answered, and never twice what may have been carried out.
    pub(crate) async fn send(&self, command: &Cmd, effect: Effect) -> RedisResult<Value> {
        self.send_to(command, effect, Route::ByKey).await
    }

    pub(crate) async fn send_to(&self, command: &Cmd, effect: Effect, mut route: Route) -> RedisResult<Value> {
        let (mut pause, mut reconnects, mut redirected) = (FIRST_PAUSE, 0, 0);
        loop {
            // What fails here was not sent.
            let (generation, mut connection) = self.in_time(self.link.connection()).await?;
            let sent = Instant::now();
            let error = match self.in_time(connection.send(command, route.clone())).await {
                Ok(reply) => return Ok(reply),
                Err(error) => error,
            };
            let mut next = Route::ByKey;
            match next_step(&error, effect, connection.is_cluster()) {
                Step::GiveUp => {
                    // Not when all but a moment of the call's time went elsewhere.
                    let is_slow = sent.elapsed() >= self.link.time_limit / 2;
                    if error.is_connection_dropped() || (error.is_io_error() && is_slow) {
                        self.link.discard(generation, &connection);
                    }
                    return Err(error);
                }
                Step::To(node) if redirected == 0 => {
                    redirected = 1;
                    route = node;
                    continue;
                }
                // Two nodes that send each other's clients to and fro need a moment, not more requests.
                Step::To(node) => next = node,
                Step::Reconnect => {
                    self.link.discard(generation, &connection);
                    reconnects += 1;
                }
                Step::Later => {}
            }
            route = next;
            if reconnects > MOST_RECONNECTS || Instant::now() + pause >= self.deadline {
                if error.kind() == ErrorKind::Server(ServerErrorKind::Moved) {
                    return Err(timed_out("the Cluster's nodes do not agree on which of them has the key".to_owned()));
                }
                return Err(error);
            }
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    async fn in_time<T>(&self, work: impl Future<Output = RedisResult<T>>) -> RedisResult<T> {
        timeout_at(self.deadline, work)
            .await
            .unwrap_or_else(|_| Err(timed_out(format!("Redis did not answer within {:?}", self.link.time_limit))))
    }
}

fn timed_out(message: String) -> RedisError {
    io::Error::new(io::ErrorKind::TimedOut, message).into()
}

fn next_step(error: &RedisError, effect: Effect, is_cluster: bool) -> Step {
    use ServerErrorKind as Server;
    match error.kind() {
        ErrorKind::Server(Server::BusyLoading | Server::TryAgain | Server::ClusterDown | Server::MasterDown)
        | ErrorKind::ClusterConnectionNotFound => Step::Later,
        ErrorKind::Server(Server::Moved) if is_cluster => {
            Node::of_redirection(error).map_or(Step::Later, |node| Step::To(Route::Node(node)))
        }
        ErrorKind::Server(Server::Ask) if is_cluster => {
            Node::of_redirection(error).map_or(Step::Later, |node| Step::To(Route::Asking(node)))
        }
        _ if is_read_only(error) => Step::Reconnect,
        ErrorKind::Io if effect == Effect::Repeatable => Step::Reconnect,
        _ => Step::GiveUp,
    }
}
