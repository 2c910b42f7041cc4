//! A live connection, as the task that serves it sees it.

use std::fmt;
use std::future::poll_fn;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::Stream;
use futures::stream::FusedStream;

use super::mailbox::Mailbox;
use super::message::Whom;
use super::reason::Push;
use super::registry::{ConnectionEntry, ConnectionId};
use super::shared::Shared;
use crate::data::SessionData;
use crate::error::Result;
use crate::session::{Session, follow};
use crate::token::{Lineage, SessionId};

/// A live connection that follows its session; made by [`Hub::connect`](crate::Hub::connect).
///
/// The task that serves the client waits for [`next`](Connection::next) beside what the client
/// sends. It is a [`Stream`] of [`Push`]es as well, `Send` and `'static`. Dropping it ends it.
///
/// ```
/// # use typed_sessions_test_support::doc::*;
/// # async fn write(_: &[u8]) {}
/// use typed_sessions::{Connection, Push};
///
/// /// Serves one client.
/// async fn serve(mut connection: Connection<Shop>) {
///     while let Some(push) = connection.next().await {
///         match push {
///             Push::Message(bytes) => write(&bytes).await,
///             Push::Closed(reason) => return write(reason.to_string().as_bytes()).await,
///         }
///     }
/// }
/// ```
#[must_use = "a connection that is dropped has ended"]
pub struct Connection<D: SessionData> {
    shared: Arc<Shared>,
    id: ConnectionId,
    session: SessionId,
    login: Lineage,
    mailbox: Arc<Mailbox>,
    data: PhantomData<fn() -> D>,
}

impl<D: SessionData> Connection<D> {
    pub(super) fn new(
        shared: Arc<Shared>,
        entry: &ConnectionEntry,
        login: Lineage,
        mailbox: Arc<Mailbox>,
    ) -> Self {
        let (id, session) = (entry.connection, entry.session);
        Self { shared, id, session, login, mailbox, data: PhantomData }
    }

    /// What comes next: a message, or the end and its reason; `None` after that.
    ///
    /// Dropping the future loses nothing, so it may stand in a `select!`.
    pub async fn next(&mut self) -> Option<Push> {
        poll_fn(|context| self.mailbox.poll(context)).await
    }

    /// The session as it is now, for a message of the client: it counts as activity, so that the
    /// idle timeout begins anew. `None` when the session has ended, or is of another login: the
    /// connection closes then.
    ///
    /// The handle reads and writes fields, `touch`es and `destroy`s. What changes the secret
    /// (`login`, `logout`, `renew`, `reauthenticate`, `set_auth_tag`) is `ErrorKind::Invalid`,
    /// since a connection cannot hand the client a new token; for the same reason `fresh_token` is
    /// `None`, and `token` opens nothing.
    ///
    /// # Errors
    ///
    /// `Unavailable` when the store cannot tell, `Decode` when the data cannot be read.
    ///
    /// # Cost
    ///
    /// One `load`; one `apply` more when a touch is due.
    ///
    /// ```
    /// # use typed_sessions_test_support::doc::*;
    /// # example(async |_| {
    /// # let store = MemoryStore::new();
    /// # let sessions = Sessions::<Shop>::builder(store.clone()).bus(store).build()?;
    /// # let hub = sessions.hub("10.0.0.5:2051").await?;
    /// # let mut session = sessions.start();
    /// # session.save().await?;
    /// let connection = hub.connect(&session).await?;
    /// let mut now = connection.session().await?.expect("the session lives");
    /// now.update(Shop::VISITS, |n| *n += 1).await?;
    /// assert_eq!(now.renew().await.unwrap_err().kind(), ErrorKind::Invalid);
    ///
    /// session.destroy().await?;
    /// assert!(connection.session().await?.is_none());
    /// # Ok(()) });
    /// ```
    pub async fn session(&self) -> Result<Option<Session<D>>> {
        let session = follow(&self.shared.context, &self.session, &self.login).await?;
        if session.is_none() {
            self.shared.suspect(&Whom::Session(self.session));
        }
        Ok(session)
    }

    /// Ends the connection. When it returns `Ok`, the connection is in no listing any more, or is
    /// about to leave them, if the hub had closed it already.
    ///
    /// # Errors
    ///
    /// `Unavailable` when the bus cannot be told now: the connection has ended all the same, and
    /// leaves the listings when the bus is back, or the lease has run out.
    pub async fn close(&mut self) -> Result<()> {
        self.mailbox.abandon();
        self.shared.depart(&self.id).taken().await.told()
    }

    /// The connection's id, as listings have it.
    pub fn id(&self) -> ConnectionId {
        self.id
    }

    /// The session that it follows.
    pub fn session_id(&self) -> SessionId {
        self.session
    }
}

impl<D: SessionData> Stream for Connection<D> {
    type Item = Push;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Push>> {
        self.mailbox.poll(context)
    }
}

impl<D: SessionData> FusedStream for Connection<D> {
    fn is_terminated(&self) -> bool {
        self.mailbox.is_done()
    }
}

impl<D: SessionData> Drop for Connection<D> {
    fn drop(&mut self) {
        drop(self.shared.depart(&self.id));
    }
}

impl<D: SessionData> fmt::Debug for Connection<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Connection");
        debug.field("id", &self.id).field("session", &self.session).finish_non_exhaustive()
    }
}
