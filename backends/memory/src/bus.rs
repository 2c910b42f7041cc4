//! The bus of one process: servers that share a store share a channel.

use std::sync::Mutex;
use std::time::Instant;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use typed_sessions_core::__backend::lock;
use typed_sessions_core::bus::{
    Beat, Channel, ConnectionEntry, Incarnation, Pulse, Server, Subscription, Whose,
};
use typed_sessions_core::{Bus, Error, Result};

use crate::registry::Registry;
use crate::store::MemoryStore;

/// How many messages wait for a subscriber that is slow to take them. One that is further behind
/// has lost its subscription.
const WAITING: usize = 1024;

#[derive(Debug, Default)]
pub(crate) struct LocalBus {
    subscribers: Mutex<Vec<Subscriber>>,
    registry: Mutex<Registry>,
}

#[derive(Debug)]
struct Subscriber {
    incarnation: Incarnation,
    messages: Sender<Bytes>,
}

impl Subscriber {
    fn listens_to(&self, channel: &Channel) -> bool {
        *channel == Channel::Control || *channel == Channel::Server(self.incarnation)
    }
}

#[async_trait]
impl Bus for MemoryStore {
    async fn publish(&self, to: &Channel, message: Bytes) -> Result<()> {
        // Under the lock, so that all get what one caller publishes in the same order.
        lock(&self.bus.subscribers).retain(|subscriber| {
            !subscriber.listens_to(to) || subscriber.messages.try_send(message.clone()).is_ok()
        });
        Ok(())
    }

    async fn subscribe(&self, server: &Server) -> Result<Box<dyn Subscription>> {
        let (sender, messages) = channel(WAITING);
        let subscriber = Subscriber { incarnation: server.incarnation(), messages: sender };
        let mut subscribers = lock(&self.bus.subscribers);
        subscribers.retain(|subscriber| !subscriber.messages.is_closed());
        subscribers.push(subscriber);
        Ok(Box::new(Local { messages }))
    }

    async fn heartbeat(&self, server: &Server, beat: &Beat) -> Result<Pulse> {
        Ok(lock(&self.bus.registry).beat(server, beat, Instant::now()))
    }

    async fn servers(&self) -> Result<Vec<Server>> {
        Ok(lock(&self.bus.registry).servers(Instant::now()))
    }

    async fn connections(&self, of: &Whose) -> Result<Vec<(Server, ConnectionEntry)>> {
        Ok(lock(&self.bus.registry).connections(of, Instant::now()))
    }
}

#[derive(Debug)]
struct Local {
    messages: Receiver<Bytes>,
}

#[async_trait]
impl Subscription for Local {
    async fn next(&mut self) -> Result<Bytes> {
        let message = self.messages.recv().await;
        message.ok_or_else(|| Error::unavailable("the subscriber is too far behind"))
    }
}
