//! What a case about live connections finds.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use typed_sessions::bus::{
    Beat, Channel, ConnectionEntry, ConnectionId, Pulse, Server, Subscription, Whose,
};
use typed_sessions::{
    Bus, Connection, ConnectionInfo, Hub, HubBuilder, ManualClock, MemoryStore, Push, Reason,
    SessionId, SessionStore, Sessions, SessionsBuilder, Timestamp, UserId, hours,
};

use super::faulty_bus::FaultyBus;
use crate::faulty::Faulty;
use crate::world::{Shop, logged_in, race};

/// A bus that no other case uses.
#[derive(Clone, Debug)]
pub(crate) struct BusWorld {
    pub(crate) bus: Arc<dyn Bus>,
}

/// Longer than any case takes.
pub(crate) const LEASE: Duration = Duration::from_mins(5);

impl BusWorld {
    pub(crate) fn new(bus: impl Bus) -> Self {
        Self { bus: Arc::new(bus) }
    }

    pub(crate) async fn subscribe(&self, server: &Server) -> Box<dyn Subscription> {
        self.bus.subscribe(server).await.expect("subscribes")
    }

    pub(crate) async fn publish(&self, to: Channel, message: impl AsRef<[u8]>) {
        let message = message.as_ref().to_vec().into();
        let published = tokio::time::timeout(SOON, self.bus.publish(&to, message)).await;
        published.expect("nobody waits for subscribers").expect("publishes");
    }

    pub(crate) async fn beat(&self, server: &Server, beat: &Beat) -> Pulse {
        self.bus.heartbeat(server, beat).await.expect("the bus works")
    }

    /// What is listed, in the order of the connections' ids.
    pub(crate) async fn listed(&self, of: &Whose) -> Vec<(Server, ConnectionEntry)> {
        let mut listed = self.bus.connections(of).await.expect("lists");
        listed.sort_by_key(|(_, entry)| entry.connection);
        listed
    }

    pub(crate) async fn knows(&self, server: &Server) -> bool {
        self.bus.servers().await.expect("lists").contains(server)
    }
}

/// The next message, which comes soon.
pub(crate) async fn hear(subscription: &mut Box<dyn Subscription>) -> Bytes {
    let next = tokio::time::timeout(SOON, subscription.next()).await;
    next.expect("a message comes").expect("the subscription is in force")
}

/// A server of this name, in a life of its own.
pub(crate) fn server(name: &str) -> Server {
    Server::new(name).expect("a good name")
}

/// A connection of this user, in a session of its own.
pub(crate) fn entry(user: Option<&str>) -> ConnectionEntry {
    ConnectionEntry {
        connection: ConnectionId::random(),
        session: SessionId::from_bytes(*ConnectionId::random().as_bytes()),
        user: user.map(|user| UserId::new(user).expect("a good id")),
        since: Timestamp::from_millis(1_700_000_000_123),
    }
}

pub(crate) fn joined(entries: &[ConnectionEntry]) -> Beat {
    Beat { joined: entries.to_vec(), ..Beat::new(LEASE) }
}

pub(crate) fn left(entries: &[ConnectionEntry]) -> Beat {
    Beat { left: entries.to_vec(), ..Beat::new(LEASE) }
}

pub(crate) fn of_user(user: &str) -> Whose {
    Whose::User(UserId::new(user).expect("a good id"))
}

/// Sessions in memory, their servers on the bus, and what may go wrong with both.
#[derive(Clone, Debug)]
pub(crate) struct Live {
    pub(crate) bus: FaultyBus,
    pub(crate) store: Faulty,
    pub(crate) clock: ManualClock,
}

impl BusWorld {
    pub(crate) fn live(&self) -> Live {
        let bus = FaultyBus::new(Arc::clone(&self.bus));
        Live { bus, store: Faulty::new(MemoryStore::new()), clock: ManualClock::default() }
    }
}

impl Live {
    pub(crate) fn builder(&self) -> SessionsBuilder<Shop> {
        self.builder_on(self.store.clone())
    }

    fn builder_on(&self, store: impl SessionStore) -> SessionsBuilder<Shop> {
        Sessions::builder(store).clock(self.clock.clone()).bus(self.bus.clone())
    }

    /// The same sessions through this store, which wraps that of the others.
    pub(crate) fn behind(&self, store: impl SessionStore) -> Sessions<Shop> {
        self.builder_on(store).build().expect("consistent")
    }

    pub(crate) fn sessions(&self) -> Sessions<Shop> {
        self.builder().build().expect("consistent")
    }

    /// A server on which nothing happens by itself: no verification, no lease that runs out.
    pub(crate) fn quiet(sessions: &Sessions<Shop>, name: &str) -> HubBuilder<Shop> {
        sessions.hub(name).verify_every(hours(1)).lease(hours(1)).outage_grace(hours(1))
    }

    pub(crate) async fn hub(&self, name: &str) -> Hub<Shop> {
        Self::quiet(&self.sessions(), name).await.expect("starts")
    }
}

/// So many connections to a hub, which come at once; each follows a session of a user of its own.
pub(crate) async fn crowd(
    hub: &Hub<Shop>,
    sessions: &Sessions<Shop>,
    size: u64,
) -> Vec<Connection<Shop>> {
    let mut all = Vec::new();
    for user in 0..size {
        all.push(logged_in(sessions, user).await.0);
    }
    let connecting = all.into_iter().map(|session| {
        let hub = hub.clone();
        async move { hub.connect(&session).await.expect("connects") }
    });
    race(connecting.collect::<Vec<_>>()).await
}

/// Longer than anything takes that happens at once, even on a busy machine.
pub(crate) const SOON: Duration = Duration::from_secs(20);

/// What the connection hears next.
pub(crate) async fn next(connection: &mut Connection<Shop>) -> Option<Push> {
    tokio::time::timeout(SOON, connection.next()).await.expect("it hears something")
}

/// Why the connection is closed, which it soon is; nothing may come before.
pub(crate) async fn closed(connection: &mut Connection<Shop>) -> Reason {
    match next(connection).await {
        Some(Push::Closed(reason)) => {
            assert_eq!(next(connection).await, None, "nothing comes after the reason");
            reason
        }
        heard => panic!("expected the end, heard {heard:?}"),
    }
}

/// Whether it is open, once all that was on its way has arrived: what is sent afterwards comes.
pub(crate) async fn is_open(sessions: &Sessions<Shop>, connection: &mut Connection<Shop>) -> bool {
    let sent = sessions.send(connection.session_id(), &b"are you there?"[..]).await;
    sent.expect("sends");
    matches!(next(connection).await, Some(Push::Message(_)))
}

/// Waits until it is so.
pub(crate) async fn until<F: Future<Output = bool>>(what: &str, is_so: impl Fn() -> F) {
    let begin = Instant::now();
    while !is_so().await {
        assert!(begin.elapsed() < SOON, "not soon: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

pub(crate) async fn connections(sessions: &Sessions<Shop>, user: u64) -> Vec<ConnectionInfo> {
    sessions.user(&user).connections().await.expect("lists")
}
