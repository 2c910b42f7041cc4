//! A subscription: a socket of its own, on which messages come, and now and then a sign of life.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use redis::{RedisResult, Value};
use tokio::time::{Instant, timeout_at};
use typed_sessions_core::bus::{Channel, Server, Subscription};
use typed_sessions_core::{Error, Result};

use crate::commands::Commands;
use crate::error::from_driver;
use crate::net::{Answer, Line};

/// After so long without a word Redis is asked for one, and then has as long again: a connection
/// that is silently dead is found out within 10 seconds, on a busy machine, too.
const PATIENCE: Duration = Duration::from_secs(3);

pub(super) struct RedisSubscription {
    line: Line,
    /// When Redis was asked for a sign of life that has not come yet.
    asked: Option<Instant>,
    /// When to look after it.
    until: Instant,
}

impl Commands<'_> {
    /// In force when this returns. Redis confirms both channels at once: no message comes between.
    pub(super) async fn subscribe(&self, server: &Server) -> Result<RedisSubscription> {
        let channels = [Channel::Control, Channel::Server(server.incarnation())];
        let mut command = redis::cmd("SUBSCRIBE");
        command.arg(&channels.map(|channel| self.keys.channel(&channel)));
        let listening = async {
            let mut line = self.call.line_for(&command).await?;
            line.say(&command);
            for _ in channels {
                Answer::of(line.hear().await?)?;
            }
            Ok(line)
        };
        let line = self.call.in_time(listening).await.map_err(|error| from_driver(&error))?;
        Ok(RedisSubscription { line, asked: None, until: Instant::now() + PATIENCE })
    }
}

#[async_trait]
impl Subscription for RedisSubscription {
    async fn next(&mut self) -> Result<Bytes> {
        loop {
            match timeout_at(self.until, self.line.hear()).await {
                Ok(heard) => {
                    let message = heard.and_then(read).map_err(|error| from_driver(&error))?;
                    if let Some(message) = message {
                        return Ok(message);
                    }
                }
                Err(_) => self.look_after()?,
            }
        }
    }
}

impl RedisSubscription {
    fn look_after(&mut self) -> Result<()> {
        let now = Instant::now();
        let is_unanswered = self.asked.is_some_and(|asked| self.line.heard() < asked);
        if is_unanswered && !self.line.has_news() {
            return Err(Error::unavailable(
                "the connection of a subscription has shown no sign of life for 6 seconds",
            ));
        }
        if is_unanswered {
            // The runtime stood still: what has come meanwhile is read first.
            self.until = now + PATIENCE;
        } else if self.line.heard() + PATIENCE > now {
            (self.asked, self.until) = (None, self.line.heard() + PATIENCE);
        } else {
            self.line.say(&redis::cmd("PING"));
            (self.asked, self.until) = (Some(now), now + PATIENCE);
        }
        Ok(())
    }
}

/// The message, if what Redis says is one: `["message", channel, payload]`.
fn read(raw: Bytes) -> RedisResult<Option<Bytes>> {
    let Value::Array(parts) = Answer::of(raw)?.into_value()? else { return Ok(None) };
    Ok(match <[Value; 3]>::try_from(parts) {
        Ok([Value::BulkString(kind), _, Value::BulkString(payload)]) if kind == b"message" => {
            Some(payload.into())
        }
        // A sign of life.
        _ => None,
    })
}

impl fmt::Debug for RedisSubscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisSubscription").finish_non_exhaustive()
    }
}
