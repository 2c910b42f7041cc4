//! From settings to a way to connect.

use std::sync::Arc;

use futures::future::{BoxFuture, FutureExt as _};
use redis::cluster::ClusterClientBuilder;
use redis::sentinel::{SentinelClient, SentinelClientBuilder, SentinelServerType};
use redis::{AsyncConnectionConfig, Client, ConnectionInfo, RedisResult};
use tokio::sync::Mutex;
use typed_sessions_core::{Error, Result};

use crate::builder::RedisStoreBuilder;
use crate::connection::Connection;
use crate::error::from_driver;
use crate::link::Connect;
use crate::target::Target;
use crate::tls;

impl RedisStoreBuilder {
    /// How to connect to where the URL points.
    pub(crate) fn connecting(&self) -> Result<Connect> {
        let url = self.url.as_deref().unwrap_or("redis://127.0.0.1:6379");
        tls::prepare(url, &self.certificates)?;
        match Target::parse(url)? {
            Target::Standalone(node) => {
                let client = tls::client(self.login(node), &self.certificates).map_err(|error| from_driver(&error))?;
                Ok(Arc::new(move || single(client.clone())))
            }
            Target::Cluster(nodes) => self.cluster(nodes),
            Target::Sentinel { sentinels, master } => {
                let client = self.sentinel(&sentinels, &master).map_err(|error| from_driver(&error))?;
                let client = Arc::new(Mutex::new(client));
                Ok(Arc::new(move || {
                    let client = Arc::clone(&client);
                    async move {
                        let master = client.lock().await.async_get_client().await?;
                        single(master).await
                    }
                    .boxed()
                }))
            }
        }
    }

    fn cluster(&self, nodes: Vec<ConnectionInfo>) -> Result<Connect> {
        if self.database.is_some_and(|number| number != 0) {
            return Err(Error::config(
                "a Cluster has one database: `database` and `redis+cluster:` exclude each other",
            ));
        }
        let builder = ClusterClientBuilder::new(nodes.into_iter().map(|node| self.login(node)))
            // The driver would send again what may have been carried out. `Call::send` knows better.
            .retries(0)
            // It waits for every node, the dead ones too.
            .connection_timeout(self.time_limit / 4)
            .response_timeout(self.time_limit);
        let client = tls::cluster(builder, &self.certificates).build().map_err(|error| from_driver(&error))?;
        Ok(Arc::new(move || {
            let client = client.clone();
            async move { client.get_async_connection().await.map(Connection::Cluster) }.boxed()
        }))
    }

    /// The node with the builder's credentials and database in the place of the URL's.
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
        let mut builder = SentinelClientBuilder::new(addresses, master, SentinelServerType::Master)?;
        builder = tls::sentinel(builder, sentinels, &self.certificates);
        if let Some(first) = sentinels.first() {
            let redis = self.login(first.clone());
            let redis = redis.redis_settings();
            builder = builder.set_client_to_redis_db(redis.db()).set_client_to_redis_protocol(redis.protocol());
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
        let config = AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(None);
        client.get_multiplexed_async_connection_with_config(&config).await.map(Connection::Single)
    }
    .boxed()
}
