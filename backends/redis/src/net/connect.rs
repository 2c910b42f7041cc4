//! From settings to servers that can be connected to.

use std::sync::Arc;
use std::time::Duration;

use futures::future::{BoxFuture, FutureExt as _, ready};
use redis::sentinel::{SentinelClient, SentinelClientBuilder, SentinelServerType};
use redis::{AsyncConnectionConfig, Client, ConnectionInfo, RedisResult};
use tokio::sync::Mutex;
use typed_sessions_core::{Error, Result};

use super::cluster::Cluster;
use super::connection::{Connection, Node};
use super::shared::{Connect, SharedConnection};
use super::tls::{self, Certificates};
use super::transport::Servers;
use super::url::Topology;
use crate::error::from_driver;

/// Where to connect to, and as whom.
#[derive(Clone, Default)]
pub(crate) struct Settings {
    pub(crate) url: Option<String>,
    pub(crate) credentials: Credentials,
    pub(crate) sentinel_credentials: Credentials,
    pub(crate) database: Option<i64>,
    pub(crate) certificates: Certificates,
}

/// Who logs in to a server.
#[derive(Clone, Default)]
pub(crate) struct Credentials {
    pub(crate) username: Option<String>,
    pub(crate) password: Option<String>,
}

impl Settings {
    /// The servers of the URL. One attempt to connect to one of them may take as long as `limit`.
    pub(crate) fn servers(&self, limit: Duration) -> Result<Servers> {
        let url = self.url.as_deref().unwrap_or("redis://127.0.0.1:6379");
        tls::prepare(url, &self.certificates)?;
        let connect: Connect = match Topology::parse(url)? {
            Topology::Standalone(node) => {
                let client = tls::client(self.login(node), &self.certificates)
                    .map_err(|error| from_driver(&error))?;
                Arc::new(move || single(client.clone()))
            }
            Topology::Cluster(nodes) => {
                return Ok(Servers::Cluster(Box::new(self.cluster(nodes, limit)?)));
            }
            Topology::Sentinel { sentinels, master } => {
                let client =
                    self.sentinel(&sentinels, &master).map_err(|error| from_driver(&error))?;
                let client = Arc::new(Mutex::new(client));
                Arc::new(move || {
                    let client = Arc::clone(&client);
                    async move {
                        let master = client.lock().await.async_get_client().await?;
                        single(master).await
                    }
                    .boxed()
                })
            }
        };
        Ok(Servers::One(Arc::new(SharedConnection::new(connect, limit))))
    }

    fn cluster(&self, nodes: Vec<ConnectionInfo>, limit: Duration) -> Result<Cluster> {
        if self.database.is_some_and(|number| number != 0) {
            return Err(Error::config(
                "a Cluster has one database: `database` and `redis+cluster:` exclude each other",
            ));
        }
        let seeds = nodes.iter().filter_map(|node| Node::at(node.addr())).collect();
        // All nodes are connected to in the same way.
        let like = nodes
            .into_iter()
            .next()
            .ok_or_else(|| Error::config("a Cluster's URL names at least one node"))?;
        let (like, certificates) = (self.login(like), self.certificates.clone());
        Ok(Cluster::new(seeds, limit, move |node| {
            let client =
                tls::client(like.clone().set_addr(node.address_like(like.addr())), &certificates);
            Arc::new(move || match &client {
                Ok(client) => single(client.clone()),
                Err(error) => ready(Err(error.clone())).boxed(),
            })
        }))
    }

    /// The node with these settings' credentials and database in the place of the URL's.
    fn login(&self, node: ConnectionInfo) -> ConnectionInfo {
        let mut redis = node.redis_settings().clone();
        if let Some(username) = &self.credentials.username {
            redis = redis.set_username(username);
        }
        if let Some(password) = &self.credentials.password {
            redis = redis.set_password(password);
        }
        if let Some(number) = self.database {
            redis = redis.set_db(number);
        }
        node.set_redis_settings(redis)
    }

    fn sentinel(&self, sentinels: &[ConnectionInfo], master: &str) -> RedisResult<SentinelClient> {
        let addresses = sentinels.iter().map(|sentinel| sentinel.addr().clone());
        let mut builder =
            SentinelClientBuilder::new(addresses, master, SentinelServerType::Master)?;
        builder = tls::sentinel(builder, sentinels, &self.certificates);
        if let Some(first) = sentinels.first() {
            let redis = self.login(first.clone());
            let redis = redis.redis_settings();
            builder = builder
                .set_client_to_redis_db(redis.db())
                .set_client_to_redis_protocol(redis.protocol());
            if let Some(username) = redis.username() {
                builder = builder.set_client_to_redis_username(username);
            }
            if let Some(password) = redis.password() {
                builder = builder.set_client_to_redis_password(password);
            }
        }
        if let Some(username) = &self.sentinel_credentials.username {
            builder = builder.set_client_to_sentinel_username(username);
        }
        if let Some(password) = &self.sentinel_credentials.password {
            builder = builder.set_client_to_sentinel_password(password);
        }
        builder.build()
    }
}

fn single(client: Client) -> BoxFuture<'static, RedisResult<Connection>> {
    async move {
        // The store's own time limit holds.
        let config =
            AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(None);
        client.get_multiplexed_async_connection_with_config(&config).await.map(Connection::Single)
    }
    .boxed()
}
