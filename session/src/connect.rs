//! A store from a URL, so that the backend can be chosen when the program starts.

use std::sync::Arc;

use crate::{Error, Result, SessionStore};

/// A store that is ready to use, from a URL such as a deployment's configuration holds.
///
/// | URL | store | feature |
/// |---|---|---|
/// | `memory:` | `MemoryStore` with its defaults | `memory` |
/// | `postgres://user:password@host:port/database` | `PostgresStore`, migrated | `postgres`; over TLS `postgres-tls` |
/// | `redis://user:password@host:port/database` | `RedisStore` | `redis` |
/// | `redis+cluster://host:port,host:port` | `RedisStore` on a Cluster | `redis` |
/// | `redis+sentinel://host:port,host:port/master` | `RedisStore` on the master that the Sentinels name | `redis` |
/// | `unix:///run/redis.sock` | `RedisStore` on this machine | `redis` |
/// | `rediss://...`, `rediss+cluster://...`, `rediss+sentinel://...` | the same, encrypted | `redis-tls` |
///
/// A store on a server is connected when this returns: `ErrorKind::Unavailable` if the server cannot be reached,
/// `ErrorKind::Store` if it refuses the credentials. On Postgres its table is there, too: the first
/// start creates it. Nobody deletes the rows of sessions that have ended: for a sweeper make a `PostgresStore`, or sweep from cron, as the
/// guide says.
/// `ErrorKind::Config` when the scheme is unknown or its feature is off. The error does not quote the URL: it may hold a password.
///
/// ```
/// # #[cfg(all(feature = "derive", feature = "memory"))] {
/// # use typed_sessions::{SessionData, Sessions};
/// # #[derive(SessionData)] struct Shop { visits: u32 }
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> typed_sessions::Result<()> {
/// let store = typed_sessions::connect("memory:").await?;
/// let sessions = Sessions::<Shop>::new(store);
/// # Ok(()) }
/// # main().unwrap();
/// # }
/// ```
#[allow(clippy::unused_async, reason = "stores behind a network connect here")]
pub async fn connect(url: impl AsRef<str>) -> Result<Arc<dyn SessionStore>> {
    let url = url.as_ref();
    let scheme = url.split_once(':').map_or("", |(scheme, _)| scheme);
    match scheme {
        "memory" => memory(),
        "redis" | "rediss" | "unix" | "redis+cluster" | "rediss+cluster" | "redis+sentinel"
        | "rediss+sentinel" => redis(url).await,
        "postgres" | "postgresql" => postgres(url).await,
        _ => Err(Error::config(
            "the store's URL has no known scheme: this version of typed-sessions knows `memory:`, `postgres:`, `redis:`, `rediss:`, \
             `unix:`, `redis+cluster:`, `rediss+cluster:`, `redis+sentinel:` and `rediss+sentinel:`",
        )),
    }
}

#[cfg(feature = "postgres")]
async fn postgres(url: &str) -> Result<Arc<dyn SessionStore>> {
    let store = crate::PostgresStore::connect(url).await?;
    store.migrate().await?;
    Ok(Arc::new(store))
}

#[cfg(not(feature = "postgres"))]
#[allow(clippy::unused_async, reason = "it connects when the feature is on")]
async fn postgres(_: &str) -> Result<Arc<dyn SessionStore>> {
    Err(Error::config(
        "`postgres:` needs the feature `postgres` of typed-sessions: turn it on in Cargo.toml",
    ))
}

#[cfg(feature = "redis")]
async fn redis(url: &str) -> Result<Arc<dyn SessionStore>> {
    Ok(Arc::new(crate::RedisStore::connect(url).await?))
}

#[cfg(not(feature = "redis"))]
#[allow(clippy::unused_async, reason = "it connects when the feature is on")]
async fn redis(_: &str) -> Result<Arc<dyn SessionStore>> {
    Err(Error::config(
        "a URL of Redis needs the feature `redis` of typed-sessions: turn it on in Cargo.toml",
    ))
}

#[cfg(feature = "memory")]
#[allow(clippy::unnecessary_wraps, reason = "it fails when the feature is off")]
fn memory() -> Result<Arc<dyn SessionStore>> {
    Ok(Arc::new(crate::MemoryStore::new()))
}

#[cfg(not(feature = "memory"))]
fn memory() -> Result<Arc<dyn SessionStore>> {
    Err(Error::config(
        "`memory:` needs the feature `memory` of typed-sessions: turn it on in Cargo.toml",
    ))
}
