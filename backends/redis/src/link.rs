//! Commands on their way to Redis: within a time limit, and never twice what may have been carried out.

use std::sync::Arc;
use std::time::Duration;

use redis::{Cmd, ErrorKind, RedisError, RedisResult, ServerErrorKind, Value};
use tokio::time::{Instant, sleep, timeout_at};

use crate::cluster::Cluster;
use crate::connection::{Connection, Node, Route};
use crate::error::is_read_only;
use crate::line::{Line, timed_out};

/// The way to Redis.
pub(crate) struct Link {
    servers: Servers,
    time_limit: Duration,
}

pub(crate) enum Servers {
    /// One, or whatever a connection of the application's leads to.
    One(Arc<Line>),
    Cluster(Box<Cluster>),
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

/// Where a command goes.
struct Reached {
    line: Arc<Line>,
    generation: u64,
    connection: Connection,
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
/// For one command.
const MOST_RECONNECTS: usize = 3;
const FIRST_PAUSE: Duration = Duration::from_millis(2);
const LONGEST_PAUSE: Duration = Duration::from_millis(100);

/// For one attempt to connect.
pub(crate) fn connecting_limit(time_limit: Duration) -> Duration {
    time_limit.max(CONNECTING_TAKES_AT_MOST)
}

impl Link {
    pub(crate) fn given(connection: Connection, time_limit: Duration) -> Self {
        Self { servers: Servers::One(Arc::new(Line::Given(connection))), time_limit }
    }

    pub(crate) fn new(servers: Servers, time_limit: Duration) -> Self {
        Self { servers, time_limit }
    }

    pub(crate) fn call(&self) -> Call<'_> {
        Call { link: self, deadline: Instant::now() + self.time_limit }
    }

    pub(crate) fn time_limit(&self) -> Duration {
        self.time_limit
    }

    /// A call for the time that connecting takes.
    pub(crate) fn first_call(&self) -> Call<'_> {
        Call { link: self, deadline: Instant::now() + connecting_limit(self.time_limit) }
    }

    /// The nodes, when the store knows them: another may have what one does not.
    fn cluster(&self) -> Option<&Cluster> {
        match &self.servers {
            Servers::One(_) => None,
            Servers::Cluster(cluster) => Some(cluster),
        }
    }

    async fn line(&self, command: &Cmd, route: &Route) -> RedisResult<Arc<Line>> {
        match &self.servers {
            Servers::One(line) => Ok(Arc::clone(line)),
            Servers::Cluster(cluster) => cluster.line(command, route).await,
        }
    }
}

impl Call<'_> {
    /// Connects, and asks whether commands are welcome.
    pub(crate) async fn check(&self) -> RedisResult<()> {
        if let Some(cluster) = self.link.cluster() {
            return self.in_time(cluster.ask()).await;
        }
        // A Cluster's driver has asked for the slots when it has connected.
        if !self.is_cluster().await? {
            self.send(&redis::cmd("PING"), Effect::Repeatable).await?;
        }
        Ok(())
    }

    /// Connects, if need be.
    pub(crate) async fn is_cluster(&self) -> RedisResult<bool> {
        match &self.link.servers {
            Servers::Cluster(_) => Ok(true),
            Servers::One(line) => Ok(self.in_time(line.connection()).await?.1.is_cluster()),
        }
    }

    /// Sends a command until it is answered, and never twice what may have been carried out.
    pub(crate) async fn send(&self, command: &Cmd, effect: Effect) -> RedisResult<Value> {
        self.send_to(command, effect, Route::ByKey).await
    }

    pub(crate) async fn send_to(
        &self,
        command: &Cmd,
        effect: Effect,
        mut route: Route,
    ) -> RedisResult<Value> {
        let (mut pause, mut reconnects, mut redirected) = (FIRST_PAUSE, 0, 0);
        loop {
            let (step, error) = match self.in_time(self.reach(command, &route)).await {
                Ok(mut reached) => {
                    let sent = Instant::now();
                    let error =
                        match self.in_time(reached.connection.send(command, route.clone())).await {
                            Ok(reply) => return Ok(reply),
                            Err(error) => error,
                        };
                    let step = next_step(
                        &error,
                        effect,
                        reached.connection.is_cluster() || self.link.cluster().is_some(),
                    );
                    // Not when all but a moment of the call's time went elsewhere.
                    let is_slow = error.is_io_error() && sent.elapsed() >= self.link.time_limit / 2;
                    if step == Step::Reconnect || is_slow || error.is_connection_dropped() {
                        reached.line.discard(reached.generation);
                    }
                    (step, error)
                }
                // It was not sent. Another node of a Cluster may take over.
                Err(error) if self.link.cluster().is_some() && is_unreachable(&error) => {
                    (Step::Later, error)
                }
                Err(error) => return Err(error),
            };
            self.note(command, &route, &step, &error);
            route = match step {
                Step::GiveUp => return Err(error),
                Step::To(node) if redirected == 0 => {
                    redirected = 1;
                    route = node;
                    continue;
                }
                // Two nodes that send each other's clients to and fro need a moment, not more requests.
                Step::To(node) => node,
                Step::Reconnect => {
                    reconnects += 1;
                    Route::ByKey
                }
                Step::Later => Route::ByKey,
            };
            if reconnects > MOST_RECONNECTS || Instant::now() + pause >= self.deadline {
                if error.kind() == ErrorKind::Server(ServerErrorKind::Moved) {
                    return Err(timed_out(
                        "the Cluster's nodes do not agree on which of them has the key".to_owned(),
                    ));
                }
                return Err(error);
            }
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// A connection to where the command goes.
    async fn reach(&self, command: &Cmd, route: &Route) -> RedisResult<Reached> {
        let line = self.link.line(command, route).await?;
        let (generation, connection) = line.connection().await?;
        Ok(Reached { line, generation, connection })
    }

    /// What an error says of a Cluster.
    fn note(&self, command: &Cmd, route: &Route, step: &Step, error: &RedisError) {
        let Some(cluster) = self.link.cluster() else { return };
        if let Step::To(Route::Node(node)) = step {
            cluster.moved(command, node);
        } else if is_unreachable(error) || matches!(step, Step::Reconnect | Step::Later) {
            cluster.doubt(command, route);
        }
    }

    async fn in_time<T>(&self, work: impl Future<Output = RedisResult<T>>) -> RedisResult<T> {
        timeout_at(self.deadline, work).await.unwrap_or_else(|_| {
            Err(timed_out(format!("Redis did not answer within {:?}", self.link.time_limit)))
        })
    }
}

fn is_unreachable(error: &RedisError) -> bool {
    error.is_io_error() || error.kind() == ErrorKind::ClusterConnectionNotFound
}

fn next_step(error: &RedisError, effect: Effect, is_cluster: bool) -> Step {
    use ServerErrorKind as Server;
    match error.kind() {
        ErrorKind::Server(
            Server::BusyLoading | Server::TryAgain | Server::ClusterDown | Server::MasterDown,
        )
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
