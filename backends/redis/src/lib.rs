//! The Redis store of [typed-sessions](https://docs.rs/typed-sessions), on [redis]: standalone,
//! Cluster and Sentinel.
//!
//! Redis 6.2 or later, or Valkey. One hash per session, one sorted set per user, one script call
//! per write. It is a bus as well, on pub/sub.
//!
//! [redis]: driver

#![cfg_attr(docsrs, feature(doc_cfg))]

mod builder;
mod bus;
mod clear;
mod commands;
mod ending;
mod error;
mod evict;
mod guard;
mod index;
mod joining;
mod keys;
mod login;
mod net;
mod passes;
mod reply;
mod script;
mod session_hash;
mod store;

pub use crate::builder::RedisStoreBuilder;
pub use crate::net::RedisConnection;
pub use crate::store::RedisStore;
/// The crate of the driver, whose connections [`RedisStoreBuilder::connection`] takes.
pub use redis as driver;
