//! The hub: one for each server process.

use std::fmt;
use std::future::IntoFuture;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::sync::watch;
use tokio::task::AbortHandle;

use super::beat::{Stop, beat};
use super::bus::Bus;
use super::connection::Connection;
use super::held::{Bound, TellsAgain};
use super::listen::listen;
use super::mailbox::Mailbox;
use super::reason::{Reason, Verdict};
use super::register::Taken;
use super::registry::{Beat, ConnectionEntry, ConnectionId, Server};
use super::shared::{HubSettings, Shared};
use super::verify::{ask_again, verify};
use crate::__backend::CENTURY;
use crate::bounds::at_least_a_milli;
use crate::context::Context;
use crate::data::SessionData;
use crate::error::{Error, ErrorKind, Result};
use crate::session::Session;

/// Configures a [`Hub`]; made by [`Sessions::hub`](crate::Sessions::hub), and awaited.
///
/// | setting | default |
/// |---|---|
/// | `verify_every` | 30 seconds |
/// | `lease` | 15 seconds |
/// | `outage_grace` | 60 seconds |
/// | `buffer` | 64 messages |
///
/// These times are real ones, whatever the clock of the sessions.
///
/// # Errors
///
/// `Config` when the sessions have no bus, or a setting is 0; `Invalid` for a name that is empty or
/// longer than 255 bytes; `Unavailable` when the bus or the store cannot be reached now: later a
/// hub outlives that.
///
/// # Panics
///
/// Outside of a tokio runtime with time enabled.
///
/// ```
/// # use typed_sessions_test_support::doc::*;
/// # example(async |_| {
/// use typed_sessions::{minutes, seconds};
///
/// let store = MemoryStore::new();
/// let sessions = Sessions::<Shop>::builder(store.clone()).bus(store).build()?;
/// let hub = sessions
///     .hub("10.0.0.5:2051")
///     .verify_every(seconds(10))
///     .lease(seconds(5))
///     .outage_grace(minutes(2))
///     .buffer(256)
///     .await?;
/// # drop(hub);
/// # Ok(()) });
/// ```
#[must_use = "a builder does nothing until it is awaited"]
pub struct HubBuilder<D: SessionData> {
    context: Arc<Context>,
    name: String,
    settings: HubSettings,
    data: PhantomData<fn() -> D>,
}

impl<D: SessionData> HubBuilder<D> {
    pub(crate) fn new(context: Arc<Context>, name: String) -> Self {
        let settings = HubSettings {
            verify_every: Duration::from_secs(30),
            lease: Duration::from_secs(15),
            outage_grace: Duration::from_mins(1),
            buffer: 64,
        };
        Self { context, name, settings, data: PhantomData }
    }

    /// How often all connections are verified with the store, in batches of 500 sessions: the
    /// longest that a revocation takes effect late whose message was lost. 30 seconds by default.
    pub fn verify_every(mut self, interval: Duration) -> Self {
        self.settings.verify_every = interval;
        self
    }

    /// For how long this server's connections stay listed when it is not heard of: after a crash
    /// they are in no listing within this time. It is renewed three times as often. 15 seconds by
    /// default.
    pub fn lease(mut self, lease: Duration) -> Self {
        self.settings.lease = lease;
        self
    }

    /// For how long connections stay open while the store cannot be reached, so that nobody can
    /// tell whether their sessions still live. 60 seconds by default.
    pub fn outage_grace(mut self, grace: Duration) -> Self {
        self.settings.outage_grace = grace;
        self
    }

    /// How many messages wait for the reader of each connection. When one more comes, the
    /// connection is closed as [`Reason::Lagged`]. 64 by default; a message has 64 KiB at most.
    pub fn buffer(mut self, messages: usize) -> Self {
        self.settings.buffer = messages;
        self
    }

    async fn start(self) -> Result<Hub<D>> {
        let Self { context, name, settings, .. } = self;
        at_least_a_milli("verify_every", settings.verify_every)?;
        at_least_a_milli("lease", settings.lease)?;
        at_least_a_milli("outage_grace", settings.outage_grace)?;
        // No clock overflows.
        let settings = HubSettings {
            verify_every: settings.verify_every.min(CENTURY),
            lease: settings.lease.min(CENTURY),
            outage_grace: settings.outage_grace.min(CENTURY),
            ..settings
        };
        if settings.buffer == 0 {
            return Err(Error::config(
                "buffer is 0: no message would ever fit; allow at least 1 for each connection",
            ));
        }
        let bus = Arc::clone(context.bus()?);
        let server = Server::new(name)?;
        let subscription = bus.subscribe(&server).await?;
        bus.heartbeat(&server, &Beat::new(settings.lease)).await?;

        let shared = Arc::new(Shared::new(context, bus, server, settings));
        let (stop, stopping) = watch::channel(Stop::NotYet);
        tokio::spawn(beat(Arc::clone(&shared), stopping));
        let endless = [
            tokio::spawn(listen(Arc::clone(&shared), subscription)).abort_handle(),
            tokio::spawn(verify(Arc::clone(&shared))).abort_handle(),
            tokio::spawn(ask_again(Arc::clone(&shared))).abort_handle(),
        ];
        let running = Arc::new(Running { shared: Arc::clone(&shared), stop, endless });
        Ok(Hub { shared, running, data: PhantomData })
    }
}

impl<D: SessionData> IntoFuture for HubBuilder<D> {
    type Output = Result<Hub<D>>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.start())
    }
}

impl<D: SessionData> fmt::Debug for HubBuilder<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("HubBuilder");
        debug.field("name", &self.name).field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// The live connections of one server process. Cheap to clone.
///
/// A connection is a WebSocket, an event stream, anything that lives longer than a request. It
/// follows its session: when the session ends, expires, or somebody logs in or out, it is closed on
/// whatever server it is, within a second while the bus works, otherwise within
/// [`verify_every`](HubBuilder::verify_every).
///
/// When the last clone is dropped, its connections are closed as [`Reason::ShuttingDown`] and the
/// server is taken from the listings. A process that crashes is taken from them when its lease has
/// run out.
///
/// # Cost
///
/// One write to the bus for each third of a lease, one more for connections that came or went
/// meanwhile, many in one; one `headers` for each 500 sessions and
/// [`verify_every`](HubBuilder::verify_every). A failed bus or store costs no connection before
/// [`outage_grace`](HubBuilder::outage_grace).
///
/// ```
/// # use typed_sessions_test_support::doc::*;
/// # example(async |_| {
/// use typed_sessions::{Push, Reason};
///
/// let store = MemoryStore::new();
/// let sessions = Sessions::<Shop>::builder(store.clone()).bus(store).build()?;
/// let hub = sessions.hub("10.0.0.5:2051").await?;
///
/// let mut session = sessions.start();
/// session.login(Member { id: 7, name: "Ada".into() }).await?;
/// let mut connection = hub.connect(&session).await?;
///
/// sessions.user(&7).send(&b"hello"[..]).await?;
/// assert_eq!(connection.next().await, Some(Push::Message("hello".into())));
/// sessions.user(&7).revoke_all().await?;
/// assert_eq!(connection.next().await, Some(Push::Closed(Reason::Ended)));
/// assert_eq!(connection.next().await, None);
/// # Ok(()) });
/// ```
pub struct Hub<D: SessionData> {
    shared: Arc<Shared>,
    running: Arc<Running>,
    data: PhantomData<fn() -> D>,
}

/// The hub's tasks, until it is dropped.
struct Running {
    shared: Arc<Shared>,
    stop: watch::Sender<Stop>,
    endless: [AbortHandle; 3],
}

impl Drop for Running {
    fn drop(&mut self) {
        self.shared.stop();
        for task in &self.endless {
            task.abort();
        }
        // The task says goodbye to the bus, unless its runtime ends: then the lease does.
        self.stop.send_replace(Stop::Now);
    }
}

impl<D: SessionData> Hub<D> {
    /// A connection that follows this session; any number of them to one.
    ///
    /// # Guarantees
    ///
    /// When it returns, the connection is listed, unless the bus is down, and nothing that ends the
    /// session from then on is missed. It is bound to the session's id and its present login: a
    /// renewal of the token needs nothing.
    ///
    /// # Errors
    ///
    /// `Invalid` when the session is not stored: `save` it first. `Gone` when it has ended,
    /// `Superseded` when somebody logged in or out since it was opened, `Unavailable` when the
    /// store cannot tell, `Decode` when this version cannot read the session. An outage of the bus
    /// is no error.
    ///
    /// # Cost
    ///
    /// One `headers`, and one write to the bus, shared with those who connect at the same time.
    ///
    /// ```
    /// # use typed_sessions_test_support::doc::*;
    /// # example(async |_| {
    /// # let store = MemoryStore::new();
    /// # let sessions = Sessions::<Shop>::builder(store.clone()).bus(store).build()?;
    /// # let hub = sessions.hub("10.0.0.5:2051").await?;
    /// let mut session = sessions.start();
    /// assert_eq!(hub.connect(&session).await.unwrap_err().kind(), ErrorKind::Invalid);
    /// session.save().await?;
    /// let connection = hub.connect(&session).await?;
    /// assert_eq!(connection.session_id(), session.id());
    /// # Ok(()) });
    /// ```
    pub async fn connect(&self, session: &Session<D>) -> Result<Connection<D>> {
        if session.is_ended() {
            return Err(Error::gone());
        }
        let Some(header) = session.header().filter(|_| session.is_stored()) else {
            return Err(Error::new(
                ErrorKind::Invalid,
                "a connection follows a session that is stored, and this handle knows of no such \
                 one: `save` it first, or `reload` a view that another handle has saved",
            ));
        };
        let (shared, policy) = (&self.shared, &self.shared.context.policy);
        let (id, login, deadline) = (session.id(), header.lineage, policy.deadline(header));
        let entry = ConnectionEntry {
            connection: ConnectionId::random(),
            session: id,
            user: header.user().cloned(),
            since: shared.context.now(),
        };
        let mailbox = Arc::new(Mailbox::new(shared.settings.buffer));
        let bound = Bound { entry: entry.clone(), login, mailbox: Arc::clone(&mailbox) };
        let registered = shared.admit(bound, deadline)?;
        // From here on it goes when it is dropped.
        let connection = Connection::new(Arc::clone(shared), &entry, login, mailbox);
        match registered.taken().await {
            // Later: the bus is down, and that fails no request.
            Taken::Yes | Taken::Later => {}
        }
        let now = shared.context.now();
        let looked = shared.context.header(&id).await?;
        match policy.verdict(&login, deadline, &looked, now) {
            Verdict::Stays(_) => {
                if shared.held(|held| held.store_tells(&id)) == TellsAgain::Yes {
                    // What has happened meanwhile to its other connections shows by looking.
                    shared.suspect_these(vec![id]);
                }
                Ok(connection)
            }
            Verdict::Closes(Reason::SignedOut | Reason::Superseded) => Err(Error::superseded()),
            Verdict::Closes(Reason::ShuttingDown) => Err(Error::unreadable_header()),
            Verdict::Closes(_) => Err(Error::gone()),
        }
    }

    /// Closes all connections of this server for this reason, before a deployment:
    /// [`Reason::ShuttingDown`]. They are closed when it returns; await it for the bus to know. New
    /// connections may still come.
    ///
    /// # Errors
    ///
    /// `Unavailable` when the bus cannot be told now; they are closed all the same.
    ///
    /// ```
    /// # use typed_sessions_test_support::doc::*;
    /// # example(async |_| {
    /// # use typed_sessions::{Push, Reason};
    /// # let store = MemoryStore::new();
    /// # let sessions = Sessions::<Shop>::builder(store.clone()).bus(store).build()?;
    /// # let hub = sessions.hub("10.0.0.5:2051").await?;
    /// # let mut session = sessions.start();
    /// # session.save().await?;
    /// let mut connection = hub.connect(&session).await?;
    /// hub.close_all(Reason::ShuttingDown).await?;
    /// assert_eq!(connection.next().await, Some(Push::Closed(Reason::ShuttingDown)));
    /// # Ok(()) });
    /// ```
    pub fn close_all(&self, reason: Reason) -> impl Future<Output = Result<()>> + Send + use<D> {
        let waiting = self.shared.close_all(reason);
        async { waiting.taken().await.told() }
    }
}

impl<D: SessionData> Clone for Hub<D> {
    fn clone(&self) -> Self {
        let (shared, running) = (Arc::clone(&self.shared), Arc::clone(&self.running));
        Self { shared, running, data: PhantomData }
    }
}

impl<D: SessionData> fmt::Debug for Hub<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hub").field("server", &self.shared.server()).finish_non_exhaustive()
    }
}
