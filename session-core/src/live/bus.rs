//! The trait of a bus: how servers hear of each other, and what it must promise.

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use super::registry::{Beat, ConnectionEntry, Incarnation, Pulse, Server, Whose};
use crate::error::Result;
use crate::store::SessionStore;

/// The largest message that a bus must carry, in bytes: a payload of 64 KiB with its envelope.
pub const MAX_MESSAGE_BYTES: usize = 68 << 10;

/// How the servers of an application hear of each other, and who is connected where. Implemented
/// beside [`SessionStore`](crate::SessionStore), often by the same type.
///
/// A bus carries news, never a verdict: whoever hears that a session has changed asks the store. So
/// a message that is lost, late or doubled can neither end nor revive anything.
///
/// # Contract
///
/// Each line is proved by cases of that number in `typed-sessions-conformance`; one line of test
/// code, `bus_suite!`, runs them on your bus.
///
/// Messages
///
/// 1. When [`subscribe`](Self::subscribe) returns, the subscription is in force: it gets all that
///    is published from then on to [`Channel::Control`] and to the server's own channel, and
///    nothing that is meant for other servers.
/// 2. Each message comes at most once, byte for byte, up to [`MAX_MESSAGE_BYTES`].
/// 3. Messages that one caller publishes one after the other come in that order, whatever their
///    channels.
/// 4. A subscription that may have lost messages fails: when its connection broke, when it came
///    too late to hold all that it missed. A connection that is silently dead is found out within
///    10 seconds. After an error it is over; the subscriber subscribes again.
/// 5. A publisher never waits for a subscriber, and memory stays bounded however slow one is.
/// 6. Publishing where nobody listens is no error.
///
/// Who is connected
///
/// 7. [`heartbeat`](Self::heartbeat) is one atomic step: the server is known from then on, until
///    its lease has run out by the bus's own clock; connections that joined are listed, those that
///    left are not. The same step carried out twice is as if carried out once. An entry that left
///    is the very one that joined.
/// 8. Its answer is [`Pulse::Unknown`] when the server was not known before this step: what it had
///    registered earlier is gone. After an answer that was lost, the server registers everything
///    again, since that one may have said so.
/// 9. Once its lease has run out, or with a lease of zero, a server and its connections are in no
///    listing, reclaimed or not; and in time they take no space any more.
/// 10. Servers are told apart by incarnation, never by name: one that begins anew under the same
///     name inherits no connection and no message, and ends nobody else's.
/// 11. [`connections`](Self::connections) lists exactly the connections of one user, or of one
///     session, on all servers whose lease holds. User ids are any text: no two are mixed up.
///
/// Failure
///
/// 12. A bus that cannot be reached, or does not answer within its time limit, returns
///     `Error::unavailable`. Nothing panics on what others have published or written.
/// 13. Methods are called in parallel, from any number of threads and runtimes.
///
/// # Example
///
/// Two servers of one process, on the in-memory store, which is a bus as well:
///
/// ```
/// # use typed_sessions_test_support::doc::*;
/// # example(async |_| {
/// use typed_sessions::Bus;
/// use typed_sessions::bus::{Channel, Server};
///
/// let bus = MemoryStore::new();
/// let server = Server::new("10.0.0.5:2051")?;
/// let mut subscription = bus.subscribe(&server).await?;
/// bus.publish(&Channel::Server(server.incarnation()), b"hello"[..].into()).await?;
/// assert_eq!(subscription.next().await?, b"hello"[..]);
/// # Ok(()) });
/// ```
#[async_trait]
pub trait Bus: Debug + Send + Sync + 'static {
    /// Sends a message to all that listen on the channel.
    async fn publish(&self, to: &Channel, message: Bytes) -> Result<()>;

    /// Listens on the control channel and on the server's own.
    async fn subscribe(&self, server: &Server) -> Result<Box<dyn Subscription>>;

    /// Registers a server or prolongs its lease, with what changed among its connections.
    async fn heartbeat(&self, server: &Server, beat: &Beat) -> Result<Pulse>;

    /// The servers whose lease holds.
    async fn servers(&self) -> Result<Vec<Server>>;

    /// The connections of a user or a session, on the servers whose lease holds.
    async fn connections(&self, of: &Whose) -> Result<Vec<(Server, ConnectionEntry)>>;
}

/// A store that is a bus as well, as each of the three stores of this project is.
///
/// ```
/// # use typed_sessions_test_support::doc::*;
/// use std::sync::Arc;
///
/// use typed_sessions::Backend;
///
/// fn sessions(backend: Arc<dyn Backend>) -> Result<Sessions<Shop>> {
///     Sessions::<Shop>::builder(backend.clone()).bus(backend).build()
/// }
/// # sessions(Arc::new(MemoryStore::new())).map(drop).unwrap();
/// ```
pub trait Backend: SessionStore + Bus {}

impl<B: SessionStore + Bus + ?Sized> Backend for B {}

/// What a subscriber hears.
#[async_trait]
pub trait Subscription: Debug + Send {
    /// The next message; an error when the subscription is over. It is not asked again after that.
    async fn next(&mut self) -> Result<Bytes>;
}

/// Where a message goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Channel {
    /// To all servers.
    Control,
    /// To one server.
    Server(Incarnation),
}

macro_rules! forward {
    ($($pointer:ident)*) => {$(
        #[async_trait]
        impl<B: Bus + ?Sized> Bus for $pointer<B> {
            async fn publish(&self, to: &Channel, message: Bytes) -> Result<()> {
                (**self).publish(to, message).await
            }

            async fn subscribe(&self, server: &Server) -> Result<Box<dyn Subscription>> {
                (**self).subscribe(server).await
            }

            async fn heartbeat(&self, server: &Server, beat: &Beat) -> Result<Pulse> {
                (**self).heartbeat(server, beat).await
            }

            async fn servers(&self) -> Result<Vec<Server>> {
                (**self).servers().await
            }

            async fn connections(&self, of: &Whose) -> Result<Vec<(Server, ConnectionEntry)>> {
                (**self).connections(of).await
            }
        }
    )*};
}

forward!(Arc Box);
