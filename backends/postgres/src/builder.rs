//! Configuration of a store.

use std::fmt;
use std::time::Duration;

use sqlx::PgPool;
use sqlx::postgres::PgConnectOptions;
use typed_sessions_core::__backend::connecting_limit;
use typed_sessions_core::{Error, Result};

use crate::link::Link;
use crate::logging::Logging;
use crate::migrate::check_encoding;
use crate::names::Names;
use crate::schema;
use crate::store::PostgresStore;
use crate::url;

/// Longer, and a request is given up by everybody else before.
const LONGEST_TIME_LIMIT: Duration = Duration::from_secs(30);

const MAX_CONNECTIONS: u32 = 10;

impl PostgresStore {
    /// A store on the PostgreSQL of this URL, with the defaults of [`PostgresStore::builder`]:
    /// `postgres://user:password@host:port/database`, see [`PostgresStoreBuilder::url`].
    ///
    /// It does not [`migrate`](PostgresStore::migrate): without the table, calls fail with
    /// `ErrorKind::Store` and say so.
    ///
    /// # Errors
    ///
    /// As [`PostgresStoreBuilder::connect`].
    pub async fn connect(url: impl AsRef<str>) -> Result<Self> {
        Self::builder().url(url.as_ref()).connect().await
    }

    /// A store to be configured.
    pub fn builder() -> PostgresStoreBuilder {
        PostgresStoreBuilder::new()
    }
}

/// Configures a [`PostgresStore`]; made by [`PostgresStore::builder`].
///
/// | setting | default |
/// |---|---|
/// | `url` | what `PGHOST`, `PGUSER` and so on say |
/// | `pool` | a pool of the store's own |
/// | `max_connections` | 10 |
/// | `schema` | `public` |
/// | `table` | `typed_sessions` |
/// | `unlogged` | `false` |
/// | `time_limit` | 2 seconds |
/// | `listen_url` | as the pool |
///
/// ```no_run
/// use std::time::Duration;
/// use typed_sessions_postgres::PostgresStore;
/// use typed_sessions_postgres::sqlx::postgres::PgPoolOptions;
///
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let pool = PgPoolOptions::new()
///     .test_before_acquire(false)  // or each call pays a second round trip
///     .connect("postgres://shop:secret@localhost/shop")
///     .await?;
/// let store = PostgresStore::builder()
///     .pool(pool)
///     .schema("My \"Schema\"")
///     .table("sessions")
///     .time_limit(Duration::from_millis(500))
///     .connect()
///     .await?;
/// store.migrate().await?;
/// # Ok(()) }
/// ```
#[derive(Clone)]
#[must_use = "a builder does nothing until `connect`"]
pub struct PostgresStoreBuilder {
    url: Option<String>,
    pool: Option<PgPool>,
    max_connections: Option<u32>,
    schema: String,
    table: String,
    logging: Logging,
    time_limit: Duration,
    listen_url: Option<String>,
}

impl PostgresStoreBuilder {
    fn new() -> Self {
        Self {
            url: None,
            pool: None,
            max_connections: None,
            schema: "public".to_owned(),
            table: "typed_sessions".to_owned(),
            logging: Logging::Logged,
            time_limit: Duration::from_secs(2),
            listen_url: None,
        }
    }

    /// Where PostgreSQL is: `postgres://user:password@host:port/database`. Percent-encode what has
    /// a meaning in URLs: `#` in a password is `%23`. Further parameters as of
    /// [`PgConnectOptions`], such as `?sslmode=verify-full` (feature `tls`); one that it does not
    /// know is an error.
    ///
    /// Without a URL and a pool, the variables `PGHOST`, `PGUSER` and so on decide, as for every
    /// client of PostgreSQL.
    pub fn url(mut self, url: impl Into<String>) -> Self {
        self.url = Some(url.into());
        self
    }

    /// The application's own pool, in the place of a URL. Make it with
    /// `test_before_acquire(false)`: otherwise each call costs two round trips, and a warning says
    /// so.
    ///
    /// When the pool gives no connection within 20 ms, the store takes an idle one without asking
    /// its `before_acquire`: set nothing there that calls depend on. It closes the idle ones when
    /// one of them that was idle for long gives no sign of life. A connection belongs to the
    /// runtime that made it: when that one ends, a write of another may be `Unavailable`.
    pub fn pool(mut self, pool: PgPool) -> Self {
        self.pool = Some(pool);
        self
    }

    /// The most connections that the store's own pool opens: 10 by default, for each runtime that
    /// uses the store (most applications have one). Each serves one call at a time. When PostgreSQL
    /// takes fewer, the calls share those.
    pub fn max_connections(mut self, connections: u32) -> Self {
        self.max_connections = Some(connections);
        self
    }

    /// The schema of the table, `public` by default. Any name of 1 to 63 bytes; it is quoted.
    pub fn schema(mut self, schema: impl Into<String>) -> Self {
        self.schema = schema.into();
        self
    }

    /// The table, `typed_sessions` by default. Any name of 1 to 52 bytes; it is quoted. The names
    /// of its indexes, of a function and of the table of migrations begin with it.
    pub fn table(mut self, table: impl Into<String>) -> Self {
        self.table = table.into();
        self
    }

    /// Whether [`migrate`](PostgresStore::migrate) makes the table `UNLOGGED`; `false` by default.
    ///
    /// Writes then skip the write-ahead log and are faster. The price: a crash of PostgreSQL
    /// **empties the table** and everybody is signed out, and standbys and backups never have the
    /// sessions. A clean restart keeps them.
    pub fn unlogged(mut self, unlogged: bool) -> Self {
        self.logging = if unlogged { Logging::Unlogged } else { Logging::Logged };
        self
    }

    /// The longest that a call of the store may take, waiting for a connection of the pool
    /// included: 2 seconds by default, at most 30.
    ///
    /// What deletes many rows at a time (`clear`, [`purge_expired`](PostgresStore::purge_expired))
    /// has 30 seconds, and [`migrate`](PostgresStore::migrate) a minute.
    pub fn time_limit(mut self, limit: Duration) -> Self {
        self.time_limit = limit;
        self
    }

    /// Where the bus listens, when the way to PostgreSQL is a pooler in transaction mode
    /// (PgBouncer, or what a cloud offers as one): that cannot carry `LISTEN`. It leads to the same
    /// database past the pooler, in the form of [`url`](Self::url). Each hub keeps one connection
    /// there; all else goes through the pool.
    ///
    /// By default the bus connects as the pool does, with an application's pool too.
    ///
    /// ```no_run
    /// # use typed_sessions_postgres::PostgresStore;
    /// # async fn run() -> typed_sessions_core::Result<()> {
    /// let store = PostgresStore::builder()
    ///     .url("postgres://shop:secret@pgbouncer:6432/shop")
    ///     .listen_url("postgres://shop:secret@db:5432/shop")
    ///     .connect()
    ///     .await?;
    /// # Ok(()) }
    /// ```
    pub fn listen_url(mut self, url: impl Into<String>) -> Self {
        self.listen_url = Some(url.into());
        self
    }

    /// The SQL that [`migrate`](PostgresStore::migrate) would run on a database without the table,
    /// for teams that migrate with a tool of their own. A database that has a version already needs
    /// what stands below the next one's `-- Version`.
    ///
    /// # Errors
    ///
    /// `Config` when a name is not possible.
    ///
    /// ```
    /// # use typed_sessions_postgres::PostgresStore;
    /// let sql = PostgresStore::builder().schema("shop").migration_sql()?;
    /// assert!(sql.contains(r#"CREATE TABLE "shop"."typed_sessions" ("#));
    /// # Ok::<(), typed_sessions_core::Error>(())
    /// ```
    pub fn migration_sql(&self) -> Result<String> {
        Ok(schema::whole(&Names::new(&self.schema, &self.table)?, self.logging))
    }

    /// Connects; it does not [`migrate`](PostgresStore::migrate).
    ///
    /// # Errors
    ///
    /// `Unavailable` when PostgreSQL cannot be reached within the time limit or 5 seconds,
    /// whichever is longer; `Store` when it refuses the credentials, `Config` when the settings
    /// contradict each other or the database's encoding is not UTF8.
    pub async fn connect(self) -> Result<PostgresStore> {
        let names = Names::new(&self.schema, &self.table)?;
        let link = self.link()?;
        let listen = self.listen_url.as_deref().map(options_of).transpose()?;
        check_encoding(&link.with_time_limit(connecting_limit(self.time_limit))).await?;
        Ok(PostgresStore::new(link, names, self.logging, listen))
    }

    fn link(&self) -> Result<Link> {
        let limit = self.time_limit;
        if limit.is_zero() || limit > LONGEST_TIME_LIMIT {
            return Err(Error::config(format!(
                "a time limit of {limit:?} is not possible: it must be above 0s and at most \
                 {LONGEST_TIME_LIMIT:?}"
            )));
        }
        if self.max_connections == Some(0) {
            return Err(Error::config(
                "`max_connections` of 0 is not possible: it must be at least 1",
            ));
        }
        let Some(pool) = &self.pool else {
            let options = match &self.url {
                Some(url) => options_of(url)?,
                None => PgConnectOptions::new().extra_float_digits(None),
            };
            let max_connections = self.max_connections.unwrap_or(MAX_CONNECTIONS);
            return Ok(Link::connecting(options, max_connections, limit));
        };
        if self.url.is_some() || self.max_connections.is_some() {
            return Err(Error::config(
                "`pool` brings connections that are configured already: `url` and \
                 `max_connections` cannot change them",
            ));
        }
        if pool.options().get_test_before_acquire() {
            tracing::warn!(
                target: "typed_sessions",
                "the pool given to the session store has `test_before_acquire`: each call costs \
                 two round trips instead of one"
            );
        }
        Ok(Link::given(pool.clone(), limit))
    }
}

fn options_of(url: &str) -> Result<PgConnectOptions> {
    // No float is read, and PgBouncer refuses the parameter.
    Ok(url::parse(url)?.extra_float_digits(None))
}

impl fmt::Debug for PostgresStoreBuilder {
    /// Leaves out the URLs: they may hold passwords.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresStoreBuilder")
            .field("schema", &self.schema)
            .field("table", &self.table)
            .field("logging", &self.logging)
            .field("time_limit", &self.time_limit)
            .field("max_connections", &self.max_connections)
            .finish_non_exhaustive()
    }
}
