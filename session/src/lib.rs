//! Sessions as plain Rust structs: derive [`SessionData`](macro@SessionData) on a struct and each field is stored under its own
//! key; a request reads one record and writes back only the fields that it changed.
//!
//! ```
//! # #[cfg(all(feature = "derive", feature = "memory"))] mod main {
//! use typed_sessions::{MemoryStore, Result, SessionData, Sessions};
//!
//! #[derive(Debug, SessionData)]
//! struct Shop {
//!     cart: Vec<String>,
//!     visits: u32,
//! }
//!
//! async fn visit(cookie: Option<&str>, sessions: Sessions<Shop>) -> Result<()> {
//!     let mut session = sessions.open_or_start(cookie).await?;
//!     session.cart.push("tea".into());
//!     session.save().await
//! }
//! # }
//! ```
//!
//! The guide is in [`docs`]; the rules that always hold are in the README, their tests in `typed-sessions-conformance`.
//!
//! # Features
//!
//! - `derive` (default): the derive macro.
//! - `memory` (default): [`MemoryStore`], on moka.
//! - `postgres`: `PostgresStore`, on sqlx.
//! - `postgres-tls`: the same, over TLS.
//! - `redis`: `RedisStore`, on redis: standalone, Cluster and Sentinel.
//! - `redis-tls`: the same, and `rediss:` URLs.

#[cfg(all(feature = "derive", feature = "memory"))]
pub mod docs;

mod connect;

pub use crate::connect::connect;
#[doc(hidden)]
pub use typed_sessions_core::__private;
pub use typed_sessions_core::{
    Applied, Builder, Change, Clock, Device, Error, ErrorKind, Expected, Field, Fields, Guard,
    Header, IndexChange, Join, Key, Limit, Login, ManualClock, NoUser, Overflow, Policy, Record,
    Result, Reuse, Session, SessionData, SessionId, SessionInfo, SessionStore, SessionUser,
    Sessions, SystemClock, Text, Timestamp, Token, UserId, UserSessions, days, hours, minutes,
    seconds,
};
#[cfg(feature = "derive")]
pub use typed_sessions_derive::SessionData;
#[cfg(feature = "memory")]
pub use typed_sessions_memory::{MemoryStore, MemoryStoreBuilder};
#[cfg(feature = "postgres")]
pub use typed_sessions_postgres::{PostgresStore, PostgresStoreBuilder, Sweeper, sqlx};
#[cfg(feature = "redis")]
pub use typed_sessions_redis::{RedisConnection, RedisStore, RedisStoreBuilder, redis};
