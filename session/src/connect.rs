//! A store from a URL, so that the backend can be chosen when the program starts.

use std::sync::Arc;

use crate::{Backend, Error, Result};

/// A store that is ready to use, from a URL such as a deployment's configuration holds; it is the
/// bus for live connections as well.
///
/// | URL | store | feature |
/// |---|---|---|
/// | `memory:` | `MemoryStore` with its defaults | `memory` |
/// | `postgres://user:password@host:port/database`, or `postgresql:` | `PostgresStore`, migrated | `postgres` |
/// | `redis://user:password@host:port/database` | `RedisStore` | `redis` |
/// | `redis+cluster://host:port,host:port` | `RedisStore` on a Cluster | `redis` |
/// | `redis+sentinel://host:port,host:port/master` | `RedisStore` behind Sentinels | `redis` |
/// | `unix:///run/redis.sock` | `RedisStore` on this machine | `redis` |
/// | `rediss:`, `rediss+cluster:`, `rediss+sentinel:` | the same, encrypted | `redis-tls` |
///
/// A store on a server is connected when this returns. On Postgres its table is there, too: the
/// first start creates it; `?sslmode=verify-full` needs the feature `postgres-tls`. Nobody deletes
/// the rows of sessions that have ended: for a sweeper make a `PostgresStore`, or sweep from cron,
/// as the guide says.
///
/// # Errors
///
/// `Config` when the scheme is unknown, its feature is off, or a part of the URL cannot be read or
/// has no meaning; the error does not quote the URL, which may hold a password. `Unavailable` when
/// the server cannot be reached, `Store` when it refuses the credentials.
///
/// ```
/// use typed_sessions::{Result, SessionData, Sessions, connect};
///
/// #[derive(SessionData)]
/// struct Shop {
///     visits: u32,
/// }
///
/// async fn sessions(url: &str) -> Result<Sessions<Shop>> {
///     Ok(Sessions::new(connect(url).await?))
/// }
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<()> {
/// # sessions("memory:").await?.start().save().await
/// # }
/// ```
#[allow(clippy::unused_async, reason = "stores behind a network connect here")]
pub async fn connect(url: impl AsRef<str>) -> Result<Arc<dyn Backend>> {
    let url = url.as_ref();
    let scheme = url.split_once(':').map_or("", |(scheme, _)| scheme);
    match scheme {
        // A URL's authority may be empty.
        "memory" if matches!(url, "memory:" | "memory://") => memory(),
        "memory" => Err(Error::config(
            "`memory:` is the whole URL of the in-memory store: make a `MemoryStore` by its \
             builder to configure it",
        )),
        "redis" | "rediss" | "unix" | "redis+cluster" | "rediss+cluster" | "redis+sentinel"
        | "rediss+sentinel" => redis(url).await,
        "postgres" | "postgresql" => postgres(url).await,
        _ => Err(Error::config(
            "the store's URL has no known scheme: this version of typed-sessions knows `memory:`, \
             `postgres:`, `redis:`, `rediss:`, `unix:`, `redis+cluster:`, `rediss+cluster:`, \
             `redis+sentinel:` and `rediss+sentinel:`",
        )),
    }
}

#[cfg(feature = "postgres")]
async fn postgres(url: &str) -> Result<Arc<dyn Backend>> {
    let store = crate::PostgresStore::connect(url).await?;
    store.migrate().await?;
    Ok(Arc::new(store))
}

#[cfg(not(feature = "postgres"))]
#[allow(clippy::unused_async, reason = "it connects when the feature is on")]
async fn postgres(_: &str) -> Result<Arc<dyn Backend>> {
    Err(Error::config(
        "`postgres:` needs the feature `postgres` of typed-sessions: turn it on in Cargo.toml",
    ))
}

#[cfg(feature = "redis")]
async fn redis(url: &str) -> Result<Arc<dyn Backend>> {
    Ok(Arc::new(crate::RedisStore::connect(url).await?))
}

#[cfg(not(feature = "redis"))]
#[allow(clippy::unused_async, reason = "it connects when the feature is on")]
async fn redis(_: &str) -> Result<Arc<dyn Backend>> {
    Err(Error::config(
        "a URL of Redis needs the feature `redis` of typed-sessions: turn it on in Cargo.toml",
    ))
}

#[cfg(feature = "memory")]
#[allow(clippy::unnecessary_wraps, reason = "it fails when the feature is off")]
fn memory() -> Result<Arc<dyn Backend>> {
    Ok(Arc::new(crate::MemoryStore::new()))
}

#[cfg(not(feature = "memory"))]
fn memory() -> Result<Arc<dyn Backend>> {
    Err(Error::config(
        "`memory:` needs the feature `memory` of typed-sessions: turn it on in Cargo.toml",
    ))
}
