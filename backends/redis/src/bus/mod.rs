//! The bus: pub/sub for messages, and sorted sets that say who is connected where.
//!
//! All keys of it have one hash tag, and so have one node of a Cluster. What is published goes by
//! way of that node, which gives it to all others: so what one caller publishes keeps its order.

mod entry;
mod registry;
mod subscription;

use async_trait::async_trait;
use bytes::Bytes;
use redis::{Cmd, Value};
use typed_sessions_core::__backend::Effect;
use typed_sessions_core::bus::{
    Beat, Channel, ConnectionEntry, Pulse, Server, Subscription, Whose,
};
use typed_sessions_core::{Bus, Result};

use crate::commands::Commands;
use crate::error::unexpected;
use crate::script;
use crate::store::RedisStore;

/// A subscription has a socket of its own, in the runtime that subscribed. It is found dead within
/// 6 seconds after the last sign of life; Redis ends it when the subscriber is too slow
/// (`client-output-buffer-limit pubsub`). A store that was built on a
/// [connection](crate::RedisStoreBuilder::connection) of the application's own can publish and
/// list, but not subscribe: `ErrorKind::Config`.
///
/// # Cost
///
/// | call | commands |
/// |---|---|
/// | `publish` | 1 `EVALSHA` |
/// | `subscribe` | 1 `SUBSCRIBE` on a new connection; then 1 `PING` for every 3 seconds in which nothing comes |
/// | `heartbeat` | 1 `EVALSHA` |
/// | `servers` | 1 `EVALSHA` |
/// | `connections` | 1 `EVALSHA`, then 1 `ZRANGE` for each server at once, and for each further 1,000 connections on it |
#[async_trait]
impl Bus for RedisStore {
    async fn publish(&self, to: &Channel, message: Bytes) -> Result<()> {
        self.commands().publish(to, &message).await
    }

    async fn subscribe(&self, server: &Server) -> Result<Box<dyn Subscription>> {
        Ok(Box::new(self.commands().subscribe(server).await?))
    }

    async fn heartbeat(&self, server: &Server, beat: &Beat) -> Result<Pulse> {
        self.commands().heartbeat(server, beat).await
    }

    async fn servers(&self) -> Result<Vec<Server>> {
        self.commands().servers().await
    }

    async fn connections(&self, of: &Whose) -> Result<Vec<(Server, ConnectionEntry)>> {
        self.commands().connections(of).await
    }
}

impl Commands<'_> {
    /// Never sent twice: it would be heard twice.
    async fn publish(&self, to: &Channel, message: &[u8]) -> Result<()> {
        let fill = |command: &mut Cmd| {
            command.arg(self.keys.channel(to)).arg(message);
        };
        match self.run(&script::PUBLISH, Effect::Once, &[self.keys.servers()], fill).await? {
            Value::Int(_) => Ok(()),
            _ => Err(unexpected("no number of subscribers")),
        }
    }
}
