//! Configuration of a store.

use std::fmt;
use std::time::Duration;

use typed_sessions_core::__backend::connecting_limit;
use typed_sessions_core::{Error, Result};

use crate::error::from_driver;
use crate::keys::Keys;
use crate::net::{Connection, Credentials, Keeping, RedisConnection, Settings, Transport};
use crate::store::RedisStore;

impl RedisStore {
    /// A store on the Redis of this URL, with the defaults of [`RedisStore::builder`].
    ///
    /// `redis://user:password@host:port/database`, `rediss://...` (feature `tls`),
    /// `redis+cluster://a:7000,b:7000`, `redis+sentinel://a:26379,b:26379/master`, `unix:///path`.
    /// See [`RedisStoreBuilder::url`].
    ///
    /// # Errors
    ///
    /// As of [`RedisStoreBuilder::connect`].
    ///
    /// ```no_run
    /// # async fn run() -> typed_sessions_core::Result<()> {
    /// let store = typed_sessions_redis::RedisStore::connect("redis://127.0.0.1").await?;
    /// # Ok(()) }
    /// ```
    pub async fn connect(url: impl AsRef<str>) -> Result<Self> {
        Self::builder().url(url.as_ref()).connect().await
    }

    /// A store to be configured.
    pub fn builder() -> RedisStoreBuilder {
        RedisStoreBuilder {
            settings: Settings::default(),
            connection: None,
            prefix: "session".to_owned(),
            time_limit: Duration::from_secs(2),
            connections: None,
        }
    }
}

/// Configures a [`RedisStore`].
///
/// ```no_run
/// use std::time::Duration;
/// use typed_sessions_redis::RedisStore;
///
/// # async fn run(password: &str) -> typed_sessions_core::Result<()> {
/// let store = RedisStore::builder()
///     .url("redis+sentinel://10.0.0.1,10.0.0.2,10.0.0.3/main")
///     .username("shop")
///     .password(password)
///     .prefix("shop")
///     .time_limit(Duration::from_millis(500))
///     .connect()
///     .await?;
/// # Ok(()) }
/// ```
#[derive(Clone)]
#[must_use = "a builder does nothing until `connect`"]
pub struct RedisStoreBuilder {
    settings: Settings,
    connection: Option<Connection>,
    prefix: String,
    time_limit: Duration,
    connections: Option<usize>,
}

const DEFAULT_CONNECTIONS: usize = 2;
const MOST_CONNECTIONS: usize = 64;

/// A login may be under way for a minute before its seat in the index is forgotten: by then its
/// call must have ended.
const LONGEST_TIME_LIMIT: Duration = Duration::from_secs(30);

impl RedisStoreBuilder {
    /// Where Redis is; `redis://127.0.0.1:6379` by default.
    ///
    /// | URL | what |
    /// |---|---|
    /// | `redis://user:password@host:port/database` | one server |
    /// | `unix:///run/redis.sock` | one server on this machine |
    /// | `redis+cluster://user:password@host:port,host:port` | a Cluster, by any of its nodes |
    /// | `redis+sentinel://user:password@host:port,host:port/master/database` | a master, by its Sentinels |
    ///
    /// With `rediss` instead of `redis` all connections are encrypted (feature `tls`).
    /// Percent-encode what has a meaning in URLs. With Sentinel, user and password are those of the
    /// master.
    pub fn url(mut self, url: impl Into<String>) -> Self {
        self.settings.url = Some(url.into());
        self
    }

    /// A connection of the application's own, in the place of a URL.
    ///
    /// It is not looked at before it is used, and belongs to the runtime that made it. It
    /// reconnects as its kind does: a `MultiplexedConnection` never, a `ConnectionManager` and a
    /// `ClusterConnection` by themselves, after a command that failed. Make a `ClusterConnection`
    /// with `retries(0)`, or it sends a write again whose answer was lost. No server can listen for
    /// live connections over it: that takes a socket of its own, and so a URL.
    pub fn connection(mut self, connection: impl Into<RedisConnection>) -> Self {
        self.connection = Some(connection.into().0);
        self
    }

    /// What all keys begin with, `session` by default: `session:id:...` and `session:user:...`.
    /// Applications that share a Redis take different ones. It has no colon: with that it ends. Nor
    /// has it `{}`, with which a Cluster keeps no two keys together.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// The longest that a call of the store may take, waiting for a connection included: 2 seconds
    /// by default, at most 30.
    pub fn time_limit(mut self, limit: Duration) -> Self {
        self.time_limit = limit;
        self
    }

    /// How many connections there are at most to each server, for each runtime that uses the
    /// store: 2 by default, 64 at most. Each carries the commands of any number of callers, and all
    /// commands on one key take the same one. More of them use more of the machine's cores.
    pub fn connections(mut self, number: usize) -> Self {
        self.connections = Some(number);
        self
    }

    /// Who logs in to Redis, in the place of the URL's user.
    pub fn username(mut self, username: impl Into<String>) -> Self {
        self.settings.credentials.username = Some(username.into());
        self
    }

    /// Their password, in the place of the URL's.
    pub fn password(mut self, password: impl Into<String>) -> Self {
        self.settings.credentials.password = Some(password.into());
        self
    }

    /// Who logs in to the Sentinels; nobody by default.
    pub fn sentinel_credentials(
        mut self,
        username: impl Into<String>,
        password: impl Into<String>,
    ) -> Self {
        self.settings.sentinel_credentials =
            Credentials { username: Some(username.into()), password: Some(password.into()) };
        self
    }

    /// The number of the database, in the place of the URL's; 0 by default. A Cluster has no other.
    pub fn database(mut self, number: i64) -> Self {
        self.settings.database = Some(number);
        self
    }

    /// Certificates for `rediss:` URLs: a root that is not among the system's, a client's own. The
    /// system's roots by default.
    #[cfg(feature = "tls")]
    pub fn certificates(mut self, certificates: redis::TlsCertificates) -> Self {
        self.settings.certificates = Some(certificates);
        self
    }

    /// Connects.
    ///
    /// # Errors
    ///
    /// - `Unavailable` when Redis cannot be reached within the time limit, or within 5 seconds if
    ///   the time limit is shorter than that.
    /// - `Store` when it refuses the credentials.
    /// - `Config` when the settings contradict each other, or the prefix has a colon or `{}`.
    pub async fn connect(self) -> Result<RedisStore> {
        let (keys, transport) = (Keys::new(&self.prefix)?, self.transport()?);
        transport.first_call().check().await.map_err(|error| from_driver(&error))?;
        Ok(RedisStore::new(transport, keys))
    }

    fn transport(&self) -> Result<Transport> {
        let limit = self.time_limit;
        if limit.is_zero() || limit > LONGEST_TIME_LIMIT {
            let message = format!(
                "a time limit of {limit:?} is not possible: \
                 it must be above 0s and at most {LONGEST_TIME_LIMIT:?}"
            );
            return Err(Error::config(message));
        }
        let lanes = self.connections.unwrap_or(DEFAULT_CONNECTIONS);
        if lanes == 0 || lanes > MOST_CONNECTIONS {
            let message = format!(
                "{lanes} connections to a server are not possible: at least 1 and at most \
                 {MOST_CONNECTIONS}"
            );
            return Err(Error::config(message));
        }
        let Some(connection) = &self.connection else {
            let keeping = Keeping { lanes, limit: connecting_limit(limit), patience: limit / 4 };
            return Ok(Transport::new(self.settings.servers(keeping)?, limit));
        };
        if self.settings.say_anything() || self.connections.is_some() {
            return Err(Error::config(
                "`connection` brings a connection that is made already: `url`, `username`, \
                 `password`, `database`, `sentinel_credentials`, `certificates` and `connections` \
                 cannot change it",
            ));
        }
        Ok(Transport::over(connection.clone(), limit))
    }
}

impl fmt::Debug for RedisStoreBuilder {
    /// Leaves out the URL and the credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStoreBuilder")
            .field("prefix", &self.prefix)
            .field("time_limit", &self.time_limit)
            .field("database", &self.settings.database)
            .finish_non_exhaustive()
    }
}
