//! What a subscriber reads: messages that a task of its own has heard.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use sqlx::SqlStr;
use sqlx::postgres::PgNotification;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinHandle;
use typed_sessions_core::bus::Subscription;
use typed_sessions_core::{Error, Result};

use super::listener::Listener;
use super::payload::Payload;

/// How many bytes wait for a subscriber that is slow to take them. One that is further behind has
/// lost its subscription.
const WAITING: usize = 8 << 20;
/// What a message takes beside its bytes.
const EACH: usize = 128;

/// A message that waits, with the room that it takes.
type Waiting = (Bytes, OwnedSemaphorePermit);

/// A subscription. The connection is read by a task, however slow the subscriber is: PostgreSQL
/// keeps in one queue what anybody has not read yet.
#[derive(Debug)]
pub(super) struct Listening {
    messages: UnboundedReceiver<Result<Waiting>>,
    task: JoinHandle<()>,
}

impl Listening {
    pub(super) fn begin(
        listener: Listener,
        read_messages: SqlStr,
        heard: Vec<PgNotification>,
    ) -> Self {
        let (sender, messages) = unbounded_channel();
        let room = Arc::new(Semaphore::new(WAITING));
        let hearing = Hearing { listener, read_messages, messages: sender, room };
        Self { messages, task: tokio::spawn(hearing.run(heard)) }
    }
}

#[async_trait]
impl Subscription for Listening {
    async fn next(&mut self) -> Result<Bytes> {
        match self.messages.recv().await {
            Some(message) => message.map(|(message, _room)| message),
            None => Err(Error::unavailable(
                "the subscription is over: it failed before, or its runtime has ended",
            )),
        }
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The task.
struct Hearing {
    listener: Listener,
    read_messages: SqlStr,
    messages: UnboundedSender<Result<Waiting>>,
    room: Arc<Semaphore>,
}

impl Hearing {
    /// Until something is lost.
    async fn run(mut self, heard: Vec<PgNotification>) {
        let Err(error) = self.pass_all_on(heard).await else { return };
        // Nobody waits any more, if that fails.
        let _ = self.messages.send(Err(error));
    }

    async fn pass_all_on(&mut self, mut heard: Vec<PgNotification>) -> Result<()> {
        loop {
            let payloads: Vec<Payload> = heard.iter().filter_map(read).collect();
            let mut large = self.large(&payloads).await?;
            for payload in payloads {
                match payload {
                    Payload::Message(message) => self.pass_on(message)?,
                    Payload::Row(id) => {
                        // It stays: somebody else may have told of it twice.
                        let message = large.get_mut(&id).ok_or_else(is_lost)?;
                        self.pass_on(message.clone())?;
                    }
                    Payload::Proof => {}
                }
            }
            heard = self.listener.hear().await?;
        }
    }

    /// The large messages among these, by their rows.
    async fn large(&mut self, payloads: &[Payload]) -> Result<HashMap<i64, Bytes>> {
        let ids = payloads.iter().filter_map(|payload| match payload {
            Payload::Row(id) => Some(*id),
            Payload::Message(_) | Payload::Proof => None,
        });
        let ids: Vec<i64> = ids.collect();
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let rows = self.listener.read(&self.read_messages, &ids).await?;
        Ok(rows.into_iter().map(|(id, message)| (id, message.into())).collect())
    }

    fn pass_on(&self, message: Bytes) -> Result<()> {
        let takes = u32::try_from(message.len().saturating_add(EACH)).unwrap_or(u32::MAX);
        let room = Arc::clone(&self.room).try_acquire_many_owned(takes);
        let room = room.map_err(|_| Error::unavailable("the subscriber is too far behind"))?;
        // Nobody waits any more, if that fails: then the task is about to end.
        let _ = self.messages.send(Ok((message, room)));
        Ok(())
    }
}

fn read(notification: &PgNotification) -> Option<Payload> {
    let payload = Payload::read(notification.payload());
    if payload.is_none() {
        tracing::warn!(
            target: "typed_sessions",
            channel = notification.channel(),
            "a notification that is no message was ignored: another version of typed-sessions, or \
             another program, publishes on this channel"
        );
    }
    payload
}

fn is_lost() -> Error {
    Error::unavailable("a large message was deleted before it could be read")
}
