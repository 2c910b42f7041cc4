//! From settings to servers that can be connected to.

use std::sync::Arc;

use futures::future::FutureExt as _;
use redis::sentinel::{SentinelClient, SentinelClientBuilder, SentinelServerType};
use redis::{ConnectionInfo, RedisResult};
use typed_sessions_core::{Error, Result};

use super::cluster::Cluster;
use super::connection::Node;
use super::greeting;
use super::shared::{Connect, Keeping, SharedConnection};
use super::tls::{self, Certificates, Encryption};
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
    /// Whether anything is set.
    pub(crate) fn say_anything(&self) -> bool {
        let somebody = |it: &Credentials| it.username.is_some() || it.password.is_some();
        self.url.is_some()
            || self.database.is_some()
            || somebody(&self.credentials)
            || somebody(&self.sentinel_credentials)
            || tls::are_given(&self.certificates)
    }

    /// The servers of the URL.
    pub(crate) fn servers(&self, keeping: Keeping) -> Result<Servers> {
        let url = self.url.as_deref().unwrap_or("redis://127.0.0.1:6379");
        let encryption = Encryption::new(url, &self.certificates)?;
        let connect: Connect = match Topology::parse(url)? {
            Topology::Standalone(node) => {
                let node = self.login(node)?;
                Arc::new(move || greeting::connect(node.clone(), encryption.clone()).boxed())
            }
            Topology::Cluster(nodes) => {
                return Ok(Servers::Cluster(Box::new(self.cluster(nodes, encryption, keeping)?)));
            }
            Topology::Sentinel { sentinels, master } => {
                let first =
                    sentinels.first().cloned().map(|first| self.login(first)).transpose()?;
                let settings = self.clone();
                // A client of its own for each attempt: none waits for another's runtime.
                let client = move || settings.sentinel(&sentinels, &master, first.as_ref());
                client().map_err(|error| from_driver(&error))?;
                Arc::new(move || {
                    let (client, encryption) = (client(), encryption.clone());
                    async move {
                        let master = client?.async_get_client().await?;
                        greeting::connect(master.get_connection_info().clone(), encryption).await
                    }
                    .boxed()
                })
            }
        };
        Ok(Servers::One(Arc::new(SharedConnection::new(connect, keeping))))
    }

    fn cluster(
        &self,
        nodes: Vec<ConnectionInfo>,
        encryption: Encryption,
        keeping: Keeping,
    ) -> Result<Cluster> {
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
        let like = self.login(like)?;
        Ok(Cluster::new(seeds, keeping, move |node| {
            let (node, encryption) =
                (like.clone().set_addr(node.address_like(like.addr())), encryption.clone());
            Arc::new(move || greeting::connect(node.clone(), encryption.clone()).boxed())
        }))
    }

    /// The node with these settings' credentials and database in the place of the URL's.
    fn login(&self, node: ConnectionInfo) -> Result<ConnectionInfo> {
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
        if redis.username().is_some() && redis.password().is_none() {
            return Err(Error::config(
                "there is a Redis user without a password: give both, in the URL or by `username` \
                 and `password`, or neither",
            ));
        }
        Ok(node.set_redis_settings(redis))
    }

    fn sentinel(
        &self,
        sentinels: &[ConnectionInfo],
        master: &str,
        login: Option<&ConnectionInfo>,
    ) -> RedisResult<SentinelClient> {
        let addresses = sentinels.iter().map(|sentinel| sentinel.addr().clone());
        let mut builder =
            SentinelClientBuilder::new(addresses, master, SentinelServerType::Master)?;
        builder = tls::sentinel(builder, sentinels, &self.certificates);
        if let Some(redis) = login.map(ConnectionInfo::redis_settings) {
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
