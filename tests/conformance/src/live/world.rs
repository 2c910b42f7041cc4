//! What a case about live connections finds.

use std::sync::Arc;
use std::time::Duration;

use typed_sessions::bus::{
    Beat, Channel, ConnectionEntry, ConnectionId, Pulse, Server, Subscription, Whose,
};
use typed_sessions::{Bus, SessionId, Timestamp, UserId};

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
        self.bus.publish(&to, message).await.expect("publishes");
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
