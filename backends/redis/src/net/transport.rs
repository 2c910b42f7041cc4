//! Commands on their way to Redis: within a time limit, and never twice what may have been carried
//! out.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use redis::{Cmd, ErrorKind, RedisError, RedisResult, ServerErrorKind};
use tokio::time::{Instant, sleep, timeout_at};
use typed_sessions_core::__backend::{Effect, connecting_limit};

use super::answer::Answer;
use super::cluster::{Cluster, key};
use super::connection::{Connection, Node, Route};
use super::line::Line;
use super::pipe::Failure;
use super::shared::{SharedConnection, timed_out};
use crate::error::is_read_only;

/// Carries the commands of all calls.
pub(crate) struct Transport {
    servers: Servers,
    /// Whether the keys of one command may be on several servers.
    keys_are_apart: AtomicBool,
    time_limit: Duration,
}

pub(crate) enum Servers {
    /// One server, or whatever a connection of the application's leads to.
    One(Arc<SharedConnection>),
    Cluster(Box<Cluster>),
}

/// One call of the store, which may send several commands within its time limit.
pub(crate) struct Call<'a> {
    transport: &'a Transport,
    deadline: Instant,
}

/// A connection to where a command goes.
struct Reached {
    shared: Arc<SharedConnection>,
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
    /// Connect anew: this server did not carry it out, or it may be carried out twice.
    Reconnect,
}

/// For one command.
const MOST_RECONNECTS: usize = 3;
const FIRST_PAUSE: Duration = Duration::from_millis(2);
const LONGEST_PAUSE: Duration = Duration::from_millis(100);

impl Transport {
    pub(crate) fn new(servers: Servers, time_limit: Duration) -> Self {
        let keys_are_apart = AtomicBool::new(servers.are_cluster());
        Self { servers, keys_are_apart, time_limit }
    }

    /// Over a connection of the application's.
    pub(crate) fn over(connection: Connection, time_limit: Duration) -> Self {
        Self::new(Servers::One(Arc::new(SharedConnection::Given(connection))), time_limit)
    }

    pub(crate) fn call(&self) -> Call<'_> {
        Call { transport: self, deadline: Instant::now() + self.time_limit }
    }

    pub(crate) fn time_limit(&self) -> Duration {
        self.time_limit
    }

    /// A call that has the time that connecting takes.
    pub(crate) fn first_call(&self) -> Call<'_> {
        Call { transport: self, deadline: Instant::now() + connecting_limit(self.time_limit) }
    }

    /// The nodes of a Cluster, when this store knows them itself.
    fn cluster(&self) -> Option<&Cluster> {
        match &self.servers {
            Servers::One(_) => None,
            Servers::Cluster(cluster) => Some(cluster),
        }
    }

    async fn shared(&self, command: &Cmd, route: &Route) -> RedisResult<Arc<SharedConnection>> {
        match &self.servers {
            Servers::One(shared) => Ok(Arc::clone(shared)),
            Servers::Cluster(cluster) => cluster.connection(command, route).await,
        }
    }
}

impl Servers {
    fn are_cluster(&self) -> bool {
        match self {
            Self::One(shared) => shared.is_cluster(),
            Self::Cluster(_) => true,
        }
    }
}

impl Call<'_> {
    /// Whether the keys of one command may be on several servers.
    pub(crate) fn keys_are_apart(&self) -> bool {
        self.transport.keys_are_apart.load(Ordering::Relaxed)
    }

    /// What looks like one server has said that it is several.
    pub(crate) fn note_keys_apart(&self) {
        self.transport.keys_are_apart.store(true, Ordering::Relaxed);
    }

    /// Connects, and asks whether commands are welcome.
    pub(crate) async fn check(&self) -> RedisResult<()> {
        if let Some(cluster) = self.transport.cluster() {
            return self.in_time(cluster.ask()).await;
        }
        // A Cluster's driver has asked for the slots when it has connected.
        if !self.is_cluster() {
            self.send(&redis::cmd("PING"), Effect::Repeatable).await?;
        }
        Ok(())
    }

    /// Whether keys are spread over several nodes.
    pub(crate) fn is_cluster(&self) -> bool {
        self.transport.servers.are_cluster()
    }

    /// Sends a command until it is answered, and never twice what may have been carried out.
    pub(crate) async fn send(&self, command: &Cmd, effect: Effect) -> RedisResult<Answer> {
        self.send_to(command, effect, &Route::ByKey).await
    }

    /// The same, to the node that has the command's key or to a certain one. A redirection is
    /// followed; but when that node cannot answer, no other is asked in its place.
    pub(crate) async fn send_to(
        &self,
        command: &Cmd,
        effect: Effect,
        to: &Route,
    ) -> RedisResult<Answer> {
        let mut route = to.clone();
        let (mut pause, mut reconnects, mut redirected) = (FIRST_PAUSE, 0, 0);
        loop {
            let (step, error) = match self.in_time(self.reach(command, &route)).await {
                Ok(mut reached) => {
                    let sent = Instant::now();
                    let reply = reached.connection.send(command, route.clone());
                    let (error, step) = match self.in_time(reply).await {
                        Ok(reply) => return Ok(reply),
                        Err(Failure::NotSent(error)) => (error, Some(Step::Reconnect)),
                        Err(Failure::Sent(error)) => (error, None),
                    };
                    let step = step.unwrap_or_else(|| next_step(&error, effect, self.is_cluster()));
                    // Half of a call's time without an answer: the connection is taken for dead.
                    // Less says nothing, as the call may have spent its time before.
                    let is_silent =
                        error.is_io_error() && sent.elapsed() >= self.transport.time_limit / 2;
                    if step == Step::Reconnect || is_silent || error.is_connection_dropped() {
                        reached.shared.discard(reached.generation);
                    }
                    (step, error)
                }
                // It was not sent. Another node of a Cluster may take the key over.
                Err(error) if self.transport.cluster().is_some() && is_unreachable(&error) => {
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
                // Two nodes that send each other's clients to and fro need a moment, not more
                // requests.
                Step::To(node) => node,
                Step::Reconnect => {
                    reconnects += 1;
                    to.clone()
                }
                Step::Later => to.clone(),
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

    /// A socket of the caller's own to the server that has the command's key.
    pub(crate) async fn line_for(&self, command: &Cmd) -> RedisResult<Line> {
        let mut pause = FIRST_PAUSE;
        loop {
            let opened = self.in_time(async {
                self.transport.shared(command, &Route::ByKey).await?.open().await
            });
            let error = match opened.await {
                Ok(stream) => return Ok(Line::over(stream)),
                Err(error) => error,
            };
            // Another node of a Cluster may take the key over.
            let is_over = self.transport.cluster().is_none() || !is_unreachable(&error);
            if is_over || Instant::now() + pause >= self.deadline {
                return Err(error);
            }
            self.note(command, &Route::ByKey, &Step::Later, &error);
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    async fn reach(&self, command: &Cmd, route: &Route) -> RedisResult<Reached> {
        let shared = self.transport.shared(command, route).await?;
        let (generation, connection) = shared.get(lane(command)).await?;
        Ok(Reached { shared, generation, connection })
    }

    /// Lets the Cluster know what an error says of it.
    fn note(&self, command: &Cmd, route: &Route, step: &Step, error: &RedisError) {
        let Some(cluster) = self.transport.cluster() else { return };
        if let Step::To(Route::Node(node)) = step {
            cluster.moved(command, node);
        } else if is_unreachable(error) || matches!(step, Step::Reconnect | Step::Later) {
            cluster.doubt(command, route);
        }
    }

    /// Waits for this within the call's time limit.
    pub(crate) async fn in_time<T, E: From<RedisError>>(
        &self,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        timeout_at(self.deadline, work).await.unwrap_or_else(|_| {
            let limit = self.transport.time_limit;
            Err(timed_out(format!("Redis did not answer within {limit:?}")).into())
        })
    }
}

/// Which of a server's connections a command takes: all that is about one key goes one way.
fn lane(command: &Cmd) -> usize {
    let mix = |sum: usize, byte: &u8| sum.wrapping_mul(31).wrapping_add(usize::from(*byte));
    key(command).unwrap_or_default().iter().fold(0, mix)
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
