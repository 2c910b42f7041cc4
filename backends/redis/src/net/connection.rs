//! A connection to Redis, whichever kind it is.

use std::fmt;
use std::time::Duration;

use redis::aio::{ConnectionManager, MultiplexedConnection};
use redis::cluster_async::ClusterConnection;
use redis::cluster_routing::{RoutingInfo, SingleNodeRoutingInfo};
use redis::{Cmd, ConnectionAddr, Pipeline, RedisError, RedisResult, Value};

use super::answer::Answer;
use super::pipe::{Failure, Pipe};

/// A connection that the application has already made, for [`RedisStoreBuilder::connection`].
///
/// Made `From` a `MultiplexedConnection`, a `ConnectionManager` or a `ClusterConnection` of
/// [`driver`](crate::driver). All of them send the commands of parallel callers over the same
/// sockets.
///
/// [`RedisStoreBuilder::connection`]: crate::RedisStoreBuilder::connection
#[derive(Clone)]
pub struct RedisConnection(pub(crate) Connection);

#[derive(Clone)]
pub(crate) enum Connection {
    /// Made here. The others are the application's.
    Own(Pipe),
    Single(MultiplexedConnection),
    Managed(ConnectionManager),
    Cluster(ClusterConnection),
}

/// Where a command goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    /// To the server, or to the node of the Cluster that has the key.
    ByKey,
    /// To this node of the Cluster.
    Node(Node),
    /// To this node, which is about to take the key's slot over.
    Asking(Node),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Node {
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl Node {
    /// Where a redirection points: `host:port`.
    pub(crate) fn of_redirection(error: &RedisError) -> Option<Self> {
        Self::parse(error.redirect_node()?.0)
    }

    pub(crate) fn parse(address: &str) -> Option<Self> {
        let (host, port) = address.rsplit_once(':')?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        // An empty host means the node that answered; the Cluster is then asked who has the slot.
        if host.is_empty() {
            None
        } else {
            Some(Self { host: host.to_owned(), port: port.parse().ok()? })
        }
    }

    pub(crate) fn at(address: &ConnectionAddr) -> Option<Self> {
        match address {
            ConnectionAddr::Tcp(host, port) | ConnectionAddr::TcpTls { host, port, .. } => {
                Some(Self { host: host.clone(), port: *port })
            }
            _ => None,
        }
    }

    /// Its address, encrypted if the other is.
    pub(crate) fn address_like(&self, other: &ConnectionAddr) -> ConnectionAddr {
        let mut address = other.clone();
        match &mut address {
            ConnectionAddr::TcpTls { host, port, .. } => {
                (*host, *port) = (self.host.clone(), self.port);
            }
            _ => address = ConnectionAddr::Tcp(self.host.clone(), self.port),
        }
        address
    }
}

impl From<Node> for SingleNodeRoutingInfo {
    fn from(Node { host, port }: Node) -> Self {
        Self::ByAddress { host, port }
    }
}

impl Connection {
    pub(crate) async fn send(&mut self, command: &Cmd, route: Route) -> Result<Answer, Failure> {
        let reply = match (self, route) {
            (Self::Own(pipe), Route::Asking(_)) => {
                return pipe.send_after(&redis::cmd("ASKING"), command).await;
            }
            (Self::Own(pipe), _) => return pipe.send(command).await,
            (Self::Single(connection), _) => connection.send_packed_command(command).await?,
            (Self::Managed(connection), _) => connection.send_packed_command(command).await?,
            (Self::Cluster(connection), Route::ByKey) => command.query_async(connection).await?,
            (Self::Cluster(connection), Route::Node(node)) => {
                connection
                    .route_command(command.clone(), RoutingInfo::SingleNode(node.into()))
                    .await?
            }
            (Self::Cluster(connection), Route::Asking(node)) => {
                let replies = connection.route_pipeline(asking(command), 0, 2, node.into()).await?;
                replies.into_iter().next_back().unwrap_or(Value::Nil)
            }
        };
        Ok(Answer::Value(reply.extract_error()?))
    }

    /// Whether it is known to be of no use any more.
    pub(crate) fn has_ended(&self) -> bool {
        matches!(self, Self::Own(pipe) if pipe.has_ended())
    }

    /// Makes sure, when it has been idle for long, that somebody is still there.
    pub(crate) async fn shows_life(&self, within: Duration) -> RedisResult<()> {
        match self {
            Self::Own(pipe) => pipe.shows_life(within).await,
            _ => Ok(()),
        }
    }

    pub(crate) fn is_cluster(&self) -> bool {
        matches!(self, Self::Cluster(_))
    }
}

/// A node that is about to take a slot over serves it only to those who ask.
fn asking(command: &Cmd) -> Pipeline {
    let mut pipeline = redis::pipe();
    pipeline.cmd("ASKING").add_command(command.clone());
    pipeline
}

impl From<MultiplexedConnection> for RedisConnection {
    fn from(connection: MultiplexedConnection) -> Self {
        Self(Connection::Single(connection))
    }
}

impl From<ConnectionManager> for RedisConnection {
    fn from(connection: ConnectionManager) -> Self {
        Self(Connection::Managed(connection))
    }
}

impl From<ClusterConnection> for RedisConnection {
    fn from(connection: ClusterConnection) -> Self {
        Self(Connection::Cluster(connection))
    }
}

impl fmt::Debug for RedisConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RedisConnection").finish_non_exhaustive()
    }
}
