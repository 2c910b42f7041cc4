//! Reaching live connections from any process: where they are, and sending to them.

use std::borrow::Borrow;
use std::collections::HashSet;
use std::sync::Arc;

use bytes::Bytes;
use serde::Serialize;

use super::bus::{Bus, Channel};
use super::hub::HubBuilder;
use super::message::{Message, Whom};
use super::registry::{ConnectionEntry, ConnectionId, Server, Whose};
use crate::context::Context;
use crate::data::SessionData;
use crate::error::{Error, Result};
use crate::sessions::Sessions;
use crate::store::UserId;
use crate::time::Timestamp;
use crate::token::SessionId;
use crate::user_sessions::UserSessions;

/// A live connection, as seen from anywhere.
///
/// ```
/// # use typed_sessions_test_support::doc::*;
/// # example(async |_| {
/// # let store = MemoryStore::new();
/// # let sessions = Sessions::<Shop>::builder(store.clone()).bus(store).build()?;
/// # let hub = sessions.hub("10.0.0.5:2051").await?;
/// # let mut session = sessions.start();
/// # session.login(Member { id: 7, name: "Ada".into() }).await?;
/// let connection = hub.connect(&session).await?;
/// let listed = sessions.user(&7).connections().await?;
/// assert_eq!(listed[0].id(), connection.id());
/// assert_eq!(listed[0].session(), session.id());
/// assert_eq!(listed[0].server(), "10.0.0.5:2051");
/// # Ok(()) });
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ConnectionInfo {
    id: ConnectionId,
    session: SessionId,
    server: String,
    since: Timestamp,
}

impl ConnectionInfo {
    fn new(server: &Server, entry: &ConnectionEntry) -> Self {
        let ConnectionEntry { connection: id, session, since, .. } = *entry;
        Self { id, session, server: server.name().to_owned(), since }
    }

    /// Which connection.
    pub fn id(&self) -> ConnectionId {
        self.id
    }

    /// The session that it follows.
    pub fn session(&self) -> SessionId {
        self.session
    }

    /// The server that holds it, by the name that was given to
    /// [`Sessions::hub`](crate::Sessions::hub).
    pub fn server(&self) -> &str {
        &self.server
    }

    /// When it was made, by the clock of that server's sessions.
    pub fn since(&self) -> Timestamp {
        self.since
    }
}

impl<D: SessionData> Sessions<D> {
    /// The hub of this server process, which holds its live connections; to be configured, and
    /// awaited. One for each process. `name` is what listings call the server, such as its address;
    /// two with one name are two.
    ///
    /// ```
    /// # use typed_sessions_test_support::doc::*;
    /// # example(async |sessions| {
    /// let store = MemoryStore::new();
    /// let with_bus = Sessions::<Shop>::builder(store.clone()).bus(store).build()?;
    /// let hub = with_bus.hub("10.0.0.5:2051").await?;
    /// # drop(hub);
    ///
    /// let error = sessions.hub("10.0.0.5:2051").await.unwrap_err();  // these have no bus
    /// assert_eq!(error.kind(), ErrorKind::Config);
    /// # Ok(()) });
    /// ```
    pub fn hub(&self, name: impl Into<String>) -> HubBuilder<D> {
        HubBuilder::new(Arc::clone(&self.context), name.into())
    }

    /// Sends to all connections of a session, on every server.
    ///
    /// # Guarantees
    ///
    /// At most once, and what one caller sends one after the other comes in that order. `Ok` says
    /// that it was sent to the servers that hold a connection, not that it has arrived.
    ///
    /// # Errors
    ///
    /// `TooLarge` above 64 KiB; `Config` without a bus; `Unavailable` when the bus cannot be
    /// reached.
    ///
    /// # Cost
    ///
    /// One listing on the bus, and one message for each server that holds a connection.
    ///
    /// ```
    /// # use typed_sessions_test_support::doc::*;
    /// # example(async |_| {
    /// # use typed_sessions::Push;
    /// # let store = MemoryStore::new();
    /// # let sessions = Sessions::<Shop>::builder(store.clone()).bus(store).build()?;
    /// # let hub = sessions.hub("10.0.0.5:2051").await?;
    /// # let mut session = sessions.start();
    /// # session.save().await?;
    /// let mut connection = hub.connect(&session).await?;
    /// sessions.send(session.id(), &b"hello"[..]).await?;
    /// assert_eq!(connection.next().await, Some(Push::Message("hello".into())));
    /// # Ok(()) });
    /// ```
    pub async fn send(
        &self,
        session: impl Borrow<SessionId>,
        payload: impl Into<Bytes>,
    ) -> Result<()> {
        let id = *session.borrow();
        send(&self.context, Whom::Session(id), &Whose::Session(id), payload.into()).await
    }

    /// Sends to all connections of everybody, on every server. As [`send`](Sessions::send), in one
    /// message.
    ///
    /// ```
    /// # use typed_sessions_test_support::doc::*;
    /// # example(async |_| {
    /// # use typed_sessions::Push;
    /// # let store = MemoryStore::new();
    /// # let sessions = Sessions::<Shop>::builder(store.clone()).bus(store).build()?;
    /// # let hub = sessions.hub("10.0.0.5:2051").await?;
    /// # let mut session = sessions.start();
    /// # session.save().await?;
    /// let mut connection = hub.connect(&session).await?;
    /// sessions.broadcast(&b"we close in five minutes"[..]).await?;
    /// assert!(matches!(connection.next().await, Some(Push::Message(_))));
    /// # Ok(()) });
    /// ```
    pub async fn broadcast(&self, payload: impl Into<Bytes>) -> Result<()> {
        let bus = self.context.bus()?;
        let message = Message::deliver(Whom::Everybody, payload.into())?;
        bus.publish(&Channel::Control, message.to_bytes()).await
    }
}

impl<D: SessionData> UserSessions<D> {
    /// Where the user is connected now, on every server. Those of a server that crashed are listed
    /// until its lease has run out.
    ///
    /// # Errors
    ///
    /// `Config` without a bus, `Unavailable` when it cannot be reached.
    ///
    /// # Cost
    ///
    /// One listing on the bus; no store call.
    ///
    /// ```
    /// # use typed_sessions_test_support::doc::*;
    /// # example(async |_| {
    /// # let store = MemoryStore::new();
    /// # let sessions = Sessions::<Shop>::builder(store.clone()).bus(store).build()?;
    /// # let hub = sessions.hub("10.0.0.5:2051").await?;
    /// # let mut session = sessions.start();
    /// # session.login(Member { id: 7, name: "Ada".into() }).await?;
    /// let mut connection = hub.connect(&session).await?;
    /// assert_eq!(sessions.user(&7).connections().await?.len(), 1);
    /// connection.close().await?;
    /// assert!(sessions.user(&7).connections().await?.is_empty());
    /// # Ok(()) });
    /// ```
    pub async fn connections(&self) -> Result<Vec<ConnectionInfo>> {
        let of = Whose::User(self.user()?.clone());
        let listed = self.context().bus()?.connections(&of).await?;
        let mut infos: Vec<_> =
            listed.iter().map(|(server, entry)| ConnectionInfo::new(server, entry)).collect();
        infos.sort_by_key(|info| (info.since, info.id));
        // A server that has begun another life may be listed with both.
        infos.dedup_by_key(|info| info.id);
        Ok(infos)
    }

    /// Sends to all connections of the user, on every server. As
    /// [`Sessions::send`](crate::Sessions::send).
    ///
    /// ```
    /// # use typed_sessions_test_support::doc::*;
    /// # example(async |_| {
    /// # use typed_sessions::Push;
    /// # let store = MemoryStore::new();
    /// # let sessions = Sessions::<Shop>::builder(store.clone()).bus(store).build()?;
    /// # let hub = sessions.hub("10.0.0.5:2051").await?;
    /// # let mut session = sessions.start();
    /// # session.login(Member { id: 7, name: "Ada".into() }).await?;
    /// let mut connection = hub.connect(&session).await?;
    /// sessions.user(&7).send(&b"your parcel is on its way"[..]).await?;
    /// assert!(matches!(connection.next().await, Some(Push::Message(_))));
    /// # Ok(()) });
    /// ```
    pub async fn send(&self, payload: impl Into<Bytes>) -> Result<()> {
        let user: UserId = self.user()?.clone();
        let of = Whose::User(user.clone());
        send(self.context(), Whom::User(user), &of, payload.into()).await
    }
}

async fn send(context: &Context, whom: Whom, of: &Whose, payload: Bytes) -> Result<()> {
    let bus = context.bus()?;
    let message = Message::deliver(whom, payload)?.to_bytes();
    let connections = bus.connections(of).await?;
    let servers: HashSet<_> = connections.iter().map(|(server, _)| server.incarnation()).collect();
    for server in servers {
        bus.publish(&Channel::Server(server), message.clone()).await?;
    }
    Ok(())
}

impl Context {
    pub(crate) fn bus(&self) -> Result<&Arc<dyn Bus>> {
        let news = self.news.as_ref().ok_or_else(|| {
            Error::config(
                "live connections need a bus, and these sessions have none: give them the store, \
                 which is one, by `Sessions::builder(store.clone()).bus(store)`",
            )
        })?;
        Ok(news.bus())
    }
}
