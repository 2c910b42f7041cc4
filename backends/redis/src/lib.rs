//! The Redis store of [typed-sessions](https://docs.rs/typed-sessions), on [redis]: standalone, Cluster and Sentinel.
//!
//! Redis 6.2 or later, or Valkey. One hash per session, one sorted set per user, one script call per write.

mod arguments;
mod builder;
mod cluster;
mod connecting;
mod connection;
mod error;
mod index;
mod keys;
mod line;
mod link;
mod purge;
mod reply;
mod script;
mod slots;
mod store;
mod target;
mod tls;

pub use crate::builder::RedisStoreBuilder;
pub use crate::connection::RedisConnection;
pub use crate::store::RedisStore;
/// The driver, whose connections [`RedisStoreBuilder::connection`] takes.
pub use redis;
