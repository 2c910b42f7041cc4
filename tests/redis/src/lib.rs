//! What these tests share: stores that no other test sees.

pub mod forgetful;
pub mod wire;

use std::sync::atomic::{AtomicUsize, Ordering};

use typed_sessions::bus::{Beat, Channel, ConnectionEntry, ConnectionId, Server, Whose};
use typed_sessions::redis::RedisStoreBuilder;
use typed_sessions::{Bus, RedisStore, SessionId, Timestamp, UserId};
use typed_sessions_test_servers::eventually;
use typed_sessions_test_servers::redis::Redis;
pub use typed_sessions_test_support::*;

/// A prefix that nobody else has, of any process.
pub fn fresh_prefix() -> String {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    format!("test-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A store on a server, under a prefix of its own.
pub fn builder(url: &str) -> RedisStoreBuilder {
    // A busy machine is not what these tests are about.
    RedisStore::builder()
        .url(url)
        .prefix(fresh_prefix())
        .time_limit(std::time::Duration::from_secs(20))
}

/// What looks like one server and is several: it refuses commands whose keys are not in one slot, as
/// services do that spread keys over servers behind one address.
///
/// # Panics
/// When Redis is not installed or does not take all slots.
pub fn sharded() -> Redis {
    let server = Redis::start(&["--cluster-enabled", "yes"]);
    let slots: Vec<String> = (0..16384).map(|slot| slot.to_string()).collect();
    let mut command = vec!["CLUSTER", "ADDSLOTS"];
    command.extend(slots.iter().map(String::as_str));
    server.cli(&command);
    eventually("it has all slots", || {
        server.cli(&["CLUSTER", "INFO"]).contains("cluster_state:ok")
    });
    server
}

/// A store of one's own on the shared server.
///
/// # Panics
/// When Redis is not installed or does not answer.
pub async fn store() -> RedisStore {
    builder(&Redis::shared_url()).connect().await.expect("the test server answers")
}

/// A server that begins now.
///
/// # Panics
/// Never.
pub fn server() -> Server {
    Server::new("10.0.0.5:2051").expect("a good name")
}

/// A connection of this user.
///
/// # Panics
/// When the user's id is not possible.
pub fn connection(user: &str) -> ConnectionEntry {
    ConnectionEntry {
        connection: ConnectionId::random(),
        session: SessionId::from_bytes(*ConnectionId::random().as_bytes()),
        user: Some(UserId::new(user).expect("a good id")),
        since: Timestamp::from_millis(1_700_000_000_123),
    }
}

/// The connections of a user.
///
/// # Panics
/// When the user's id is not possible.
pub fn of_user(user: &str) -> Whose {
    Whose::User(UserId::new(user).expect("a good id"))
}

/// The bus carries messages, and knows who is connected.
///
/// # Panics
/// When it does not.
pub async fn carries(bus: &RedisStore) {
    let (server, ada) = (server(), connection("ada"));
    let mut subscription = bus.subscribe(&server).await.expect("subscribes");
    for channel in [Channel::Server(server.incarnation()), Channel::Control] {
        bus.publish(&channel, b"hello"[..].into()).await.expect("publishes");
        assert_eq!(subscription.next().await.expect("hears"), b"hello"[..]);
    }
    let minute = std::time::Duration::from_mins(1);
    let beat = Beat { joined: vec![ada.clone()], ..Beat::new(minute) };
    bus.heartbeat(&server, &beat).await.expect("registers");
    assert_eq!(bus.connections(&of_user("ada")).await.expect("lists"), [(server.clone(), ada)]);
    bus.heartbeat(&server, &Beat::new(std::time::Duration::ZERO)).await.expect("goes");
    assert_eq!(bus.connections(&of_user("ada")).await.expect("lists"), []);
}
