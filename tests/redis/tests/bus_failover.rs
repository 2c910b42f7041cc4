//! A bus whose master dies, is demoted, or hands its slot over.

use std::future::Future;
use std::time::Duration;

use futures::StreamExt as _;
use typed_sessions::bus::{Beat, Channel, Pulse, Server, Subscription};
use typed_sessions::redis::driver::Client;
use typed_sessions::{Bus as _, ErrorKind, RedisStore, Result};
use typed_sessions_redis_tests::{builder, carries, connection, in_time, of_user, server};
use typed_sessions_test_servers::cluster::Cluster;
use typed_sessions_test_servers::eventually;
use typed_sessions_test_servers::sentinel::Sentinels;

/// As many servers as one test has are enough for a machine.
static ONE_AT_A_TIME: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

const LEASE: Duration = Duration::from_mins(1);
const PREFIX: &str = "failover";

async fn bus(url: &str) -> RedisStore {
    let builder = builder(url).prefix(PREFIX).time_limit(Duration::from_millis(500));
    builder.connect().await.expect("connects")
}

fn key(name: &str) -> String {
    format!("{PREFIX}:{{{PREFIX}:live}}:{name}")
}

async fn say(bus: &RedisStore, to: Channel, message: &'static [u8]) {
    again(async || bus.publish(&to, message.into()).await).await;
}

/// Until it succeeds; meanwhile the servers are unavailable and nothing else.
async fn again<T, F: Future<Output = Result<T>>>(what: impl Fn() -> F) -> T {
    for _ in 0..200 {
        match in_time(what()).await {
            Ok(done) => return done,
            Err(error) => assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}"),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("still unavailable");
}

async fn ends(mut subscription: Box<dyn Subscription>) {
    let error = in_time(subscription.next()).await.expect_err("its server is gone");
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
}

async fn hears(subscription: &mut Box<dyn Subscription>, expected: &[&'static [u8]]) {
    for message in expected {
        assert_eq!(in_time(subscription.next()).await.expect("hears"), *message);
    }
}

/// With a subscription and a connection of Bob's.
async fn registered(bus: &RedisStore) -> (Server, Box<dyn Subscription>) {
    let server = server();
    let subscription = bus.subscribe(&server).await.expect("subscribes");
    let beat = Beat { joined: vec![connection("bob")], ..Beat::new(LEASE) };
    assert_eq!(bus.heartbeat(&server, &beat).await.expect("registers"), Pulse::Unknown);
    (server, subscription)
}

/// Whoever subscribes now hears; who is connected is still known.
async fn goes_on(bus: &RedisStore, server: &Server) {
    let mut subscription = again(async || bus.subscribe(server).await).await;
    say(bus, Channel::Server(server.incarnation()), b"hello").await;
    hears(&mut subscription, &[b"hello"]).await;
    let pulse = again(async || bus.heartbeat(server, &Beat::new(LEASE)).await).await;
    assert_eq!(pulse, Pulse::Known, "it was replicated");
    assert_eq!(bus.connections(&of_user("bob")).await.expect("lists").len(), 1);
    carries(bus).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn b4_a_dead_master_behind_sentinels_ends_subscriptions() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let mut servers = Sentinels::start();
    let bus = bus(&servers.url()).await;
    let (server, subscription) = registered(&bus).await;
    servers.wait_until_replicated();
    servers.servers[0].kill();
    ends(subscription).await;
    eventually("the Sentinels agree on a new master", || {
        servers.master().is_some_and(|master| master != 0)
    });
    goes_on(&bus, &server).await;
}

/// It stays up, as a replica: what is published on the new master reaches whoever listens there,
/// what is published on it reaches nobody else.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn b4_a_demoted_master_ends_subscriptions() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let servers = Sentinels::start();
    let bus = bus(&servers.url()).await;
    let (server, subscription) = registered(&bus).await;
    servers.wait_until_replicated();
    servers.fail_over();
    ends(subscription).await;
    eventually("another master", || servers.master().is_some_and(|master| master != 0));
    eventually("the old one follows", || servers.servers[0].info("replication", "role") == "slave");
    goes_on(&bus, &server).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn b4_a_dead_master_of_a_cluster_ends_subscriptions() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let mut cluster = Cluster::start();
    let bus = bus(&cluster.url()).await;
    let (server, subscription) = registered(&bus).await;
    cluster.wait_until_replicated();
    let owner = cluster.owner_of(&key("servers"));
    let replica = cluster.replica_of(owner);
    cluster.nodes[owner].kill();
    ends(subscription).await;
    eventually("the replica takes over", || cluster.is_master(replica));
    goes_on(&bus, &server).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn b3_messages_reach_every_node_of_a_cluster_and_keep_their_order_when_their_slot_moves() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let cluster = Cluster::start();
    let (bus, server) = (bus(&cluster.url()).await, server());
    let own = Channel::Server(server.incarnation());
    let mut subscription = bus.subscribe(&server).await.expect("subscribes");
    let mut everywhere = Vec::new();
    for node in &cluster.nodes {
        let client = Client::open(node.url()).expect("a URL");
        let mut listening = client.get_async_pubsub().await.expect("connects");
        listening.subscribe(key("control")).await.expect("subscribes");
        everywhere.push(listening);
    }
    say(&bus, Channel::Control, b"one").await;
    say(&bus, own, b"two").await;
    for listening in &mut everywhere {
        let heard = in_time(listening.on_message().next()).await.expect("hears");
        assert_eq!(heard.get_payload_bytes(), b"one");
    }

    // Publishers go with the slot; who listens elsewhere stays, and hears all the same.
    let owner = cluster.move_slot(&key("servers"));
    say(&bus, own, b"three").await;
    say(&bus, Channel::Control, b"four").await;
    hears(&mut subscription, &[b"one", b"two", b"three", b"four"]).await;
    let published = cluster.nodes[owner].info("commandstats", "cmdstat_publish");
    assert!(published.starts_with("calls=2,"), "{published}");
    let mut later = bus.subscribe(&server).await.expect("subscribes");
    say(&bus, own, b"five").await;
    hears(&mut later, &[b"five"]).await;
    hears(&mut subscription, &[b"five"]).await;
}
