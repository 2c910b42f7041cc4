//! The bus: `LISTEN` and `NOTIFY`, and tables of who is connected where.

mod channels;
mod listener;
mod payload;
mod registry;
mod subscription;

use async_trait::async_trait;
use bytes::Bytes;
use sqlx::Row as _;
use typed_sessions_core::__backend::{Effect, connecting_limit};
use typed_sessions_core::bus::{
    Beat, Channel, ConnectionEntry, Pulse, Server, Subscription, Whose,
};
use typed_sessions_core::{Bus, Result};

use self::channels::channel;
use self::listener::Listener;
use self::payload::{PROOF, as_text};
use self::registry::{Entries, connection, interval_of, pulse, server};
use self::subscription::Listening;
use crate::error::{deaf, is_overheard, unexpected};
use crate::store::PostgresStore;

impl PostgresStore {
    /// What PostgreSQL carries to all that listen there.
    async fn notify(&self, channel: &str, payload: &str) -> Result<()> {
        let statement = &self.statements().publish;
        let sent =
            self.link().send(statement, Effect::Once, |query| query.bind(channel).bind(payload));
        sent.await.map(drop)
    }

    /// The process of the server behind one of the pool's connections.
    async fn process(&self) -> Result<i32> {
        let statement = &self.statements().process;
        let answer = self.link().send(statement, Effect::Repeatable, |query| query).await?;
        let process = answer.rows.first().and_then(|row| row.try_get(0).ok());
        process.ok_or_else(|| unexpected("no process"))
    }
}

/// Messages travel by `NOTIFY`: PostgreSQL delivers them in the order of commits. One that is too
/// large for that is a row of the table of messages for a few minutes, and the notification names
/// it.
///
/// # Cost
///
/// One statement for each call. A subscription is a connection of its own, outside of the pool; it
/// asks for a sign of life after 3 seconds without a message, and for large messages, up to 64 at a
/// time, with one statement.
#[async_trait]
impl Bus for PostgresStore {
    async fn publish(&self, to: &Channel, message: Bytes) -> Result<()> {
        let channel = channel(self.names(), to);
        if let Some(payload) = as_text(&message) {
            return self.notify(&channel, &payload).await;
        }
        let statement = &self.statements().publish_large;
        let bind = |query| sqlx::query::Query::bind(query, &*channel).bind(&message[..]);
        self.link().send(statement, Effect::Once, bind).await.map(drop)
    }

    async fn subscribe(&self, server: &Server) -> Result<Box<dyn Subscription>> {
        let limit = connecting_limit(self.link().time_limit());
        let own = channel(self.names(), &Channel::Server(server.incarnation()));
        let control = channel(self.names(), &Channel::Control);
        let mut listener = Listener::open(self.listen_options(), limit).await?;
        // To listen behind a pooler would disturb those who get the connection next.
        if listener.process().await? == self.process().await? {
            return Err(deaf());
        }
        listener.listen([&*own, &*control]).await?;
        let heard = match self.notify(&own, PROOF).await {
            Ok(()) => listener.hear_the_proof(limit).await,
            Err(error) if is_overheard(&error) => Err(deaf()),
            Err(error) => Err(error),
        };
        let heard = match heard {
            Ok(heard) => heard,
            Err(error) => {
                // The reason is told, not what comes of it.
                let _ = listener.listen_no_more().await;
                return Err(error);
            }
        };
        let read_messages = self.statements().messages.clone();
        Ok(Box::new(Listening::begin(listener, read_messages, heard)))
    }

    async fn heartbeat(&self, server: &Server, beat: &Beat) -> Result<Pulse> {
        let left: Vec<&[u8]> =
            beat.left.iter().map(|entry| &entry.connection.as_bytes()[..]).collect();
        let joined = Entries::of(&beat.joined);
        let (name, lease) = (server.name().as_bytes(), interval_of(beat.lease));
        let incarnation = server.incarnation();
        // Carried out twice it would be as if once, but the second answer would be another one.
        let answer = self.link().send(&self.statements().beat, Effect::Once, |query| {
            let query = query.bind(&incarnation.as_bytes()[..]).bind(name).bind(lease);
            joined.bind(query.bind(&left))
        });
        pulse(&answer.await?.rows)
    }

    async fn servers(&self) -> Result<Vec<Server>> {
        let statement = &self.statements().servers;
        let answer = self.link().send(statement, Effect::Repeatable, |query| query).await?;
        Ok(answer.rows.iter().filter_map(server).collect())
    }

    async fn connections(&self, of: &Whose) -> Result<Vec<(Server, ConnectionEntry)>> {
        let statements = self.statements();
        let (statement, key) = match of {
            Whose::User(user) => (&statements.connections_of_user, user.as_str().as_bytes()),
            Whose::Session(session) => {
                (&statements.connections_of_session, &session.as_bytes()[..])
            }
        };
        let answer =
            self.link().send(statement, Effect::Repeatable, |query| query.bind(key)).await?;
        Ok(answer.rows.iter().filter_map(connection).collect())
    }
}
