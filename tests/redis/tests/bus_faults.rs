//! F: a bus whose server dies, hangs, refuses and forgets, and what others write into it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::time::timeout;
use typed_sessions::bus::{Beat, Channel, MAX_MESSAGE_BYTES, Pulse, Server, Subscription};
use typed_sessions::redis::driver::Client;
use typed_sessions::redis::driver::aio::ConnectionManager;
use typed_sessions::{Bus as _, Error, ErrorKind, RedisStore};
use typed_sessions_redis_tests::forgetful::forgetful_proxy;
use typed_sessions_redis_tests::{carries, connection, in_time, of_user, reason, server};
use typed_sessions_test_servers::eventually;
use typed_sessions_test_servers::redis::Redis;

const LEASE: Duration = Duration::from_mins(1);

async fn on(server: &Redis) -> RedisStore {
    RedisStore::connect(server.url()).await.expect("connects")
}

/// Whatever is heard before.
async fn end_of(subscription: &mut dyn Subscription) -> Error {
    loop {
        if let Err(error) = in_time(subscription.next()).await {
            return error;
        }
    }
}

async fn publish(bus: &RedisStore, to: &Server, message: &'static [u8]) {
    let channel = Channel::Server(to.incarnation());
    bus.publish(&channel, message.into()).await.expect("publishes");
}

#[tokio::test]
async fn b4_a_subscription_that_was_killed_ends() {
    let redis = Redis::start(&[]);
    let (bus, server) = (on(&redis).await, server());
    let mut subscription = bus.subscribe(&server).await.expect("subscribes");
    assert_eq!(redis.cli(&["CLIENT", "KILL", "TYPE", "pubsub"]).trim(), "1");
    assert_eq!(end_of(&mut *subscription).await.kind(), ErrorKind::Unavailable);

    let mut subscription = bus.subscribe(&server).await.expect("subscribes again");
    publish(&bus, &server, b"hello").await;
    assert_eq!(subscription.next().await.expect("hears"), b"hello"[..]);
}

#[tokio::test]
async fn b4_a_server_that_dies_ends_subscriptions_and_forgets_who_was_connected() {
    let mut redis = Redis::start(&[]);
    let (bus, server) = (on(&redis).await, server());
    let mut subscription = bus.subscribe(&server).await.expect("subscribes");
    bus.heartbeat(&server, &Beat::new(LEASE)).await.expect("registers");
    redis.kill();
    assert_eq!(end_of(&mut *subscription).await.kind(), ErrorKind::Unavailable);
    let error = in_time(bus.subscribe(&server)).await.expect_err("nobody is there");
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
    let error = in_time(bus.publish(&Channel::Control, b"x"[..].into())).await;
    assert_eq!(error.expect_err("nobody is there").kind(), ErrorKind::Unavailable);

    redis.start_again();
    let again = loop {
        match bus.heartbeat(&server, &Beat::new(LEASE)).await {
            Ok(pulse) => break pulse,
            Err(error) => assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}"),
        }
    };
    assert_eq!(again, Pulse::Unknown, "it has lost its memory");
    carries(&bus).await;
}

#[tokio::test]
async fn b4_a_silently_dead_connection_is_found_out_within_10_seconds() {
    let redis = Redis::start(&[]);
    let (bus, server) = (on(&redis).await, server());
    let mut quiet = bus.subscribe(&server).await.expect("subscribes");
    let mut busy = bus.subscribe(&server).await.expect("subscribes");
    publish(&bus, &server, b"hello").await;
    assert_eq!(busy.next().await.expect("hears"), b"hello"[..]);
    redis.stop();
    let stopped = Instant::now();
    let (one, other) = tokio::join!(end_of(&mut *quiet), end_of(&mut *busy));
    let taken = stopped.elapsed();
    redis.resume();
    assert!(taken < Duration::from_secs(10), "{taken:?}");
    for error in [one, other] {
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
    }
}

#[tokio::test]
async fn b4_silence_ends_no_subscription() {
    let redis = Redis::start(&[]);
    let (bus, server) = (on(&redis).await, server());
    let mut subscription = bus.subscribe(&server).await.expect("subscribes");
    let heard = timeout(Duration::from_secs(10), subscription.next()).await;
    assert!(heard.is_err(), "{heard:?}");
    // Nor does a subscriber who was busy elsewhere.
    std::thread::sleep(Duration::from_secs(8));
    publish(&bus, &server, b"hello").await;
    assert_eq!(subscription.next().await.expect("hears"), b"hello"[..]);

    drop(subscription);
    eventually("its connection is closed", || {
        redis.cli(&["CLIENT", "LIST", "TYPE", "pubsub"]).trim().is_empty()
    });
}

#[tokio::test]
async fn b2_a_message_whose_answer_is_lost_is_not_sent_again() {
    let redis = Redis::start(&[]);
    let forget = Arc::new(AtomicBool::new(false));
    let bus = RedisStore::connect(forgetful_proxy(&redis, Arc::clone(&forget)).await);
    let (bus, server) = (bus.await.expect("connects"), server());
    // Redis knows the script: what is lost is its answer.
    publish(&bus, &server, b"nobody listens").await;
    let mut subscription = on(&redis).await.subscribe(&server).await.expect("subscribes");
    forget.store(true, Ordering::SeqCst);
    let own = Channel::Server(server.incarnation());
    let error = in_time(bus.publish(&own, b"once"[..].into())).await.expect_err("nobody knows");
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    publish(&bus, &server, b"last").await;
    assert_eq!(subscription.next().await.expect("hears"), b"once"[..]);
    assert_eq!(subscription.next().await.expect("hears"), b"last"[..]);
}

#[tokio::test]
async fn a_missing_permission_says_what_to_allow() {
    let redis = Redis::start(&[]);
    redis.cli(&["ACL", "SETUSER", "shop", "on", ">secret", "resetchannels", "~*", "+@all"]);
    let bus = RedisStore::builder().url(redis.url()).username("shop").password("secret").connect();
    let bus = bus.await.expect("accepted");
    let publishing = async || bus.publish(&Channel::Control, b"hunter2"[..].into()).await;
    let subscribing = async || bus.subscribe(&server()).await.map(drop);
    for error in [publishing().await, subscribing().await].map(|it| it.expect_err("no channel")) {
        assert_eq!(error.kind(), ErrorKind::Store, "{error:?}");
        assert!(reason(&error).contains("`&<prefix>:*`"), "{error:?}");
        assert!(!reason(&error).contains("hunter2"), "{error:?}");
    }
    redis.cli(&["ACL", "SETUSER", "shop", "&session:*", "-publish", "-subscribe"]);
    for error in [publishing().await, subscribing().await].map(|it| it.expect_err("no command")) {
        assert_eq!(error.kind(), ErrorKind::Store, "{error:?}");
        assert!(reason(&error).contains("lists the commands"), "{error:?}");
    }
    redis.cli(&["ACL", "SETUSER", "shop", "+publish", "+subscribe"]);
    carries(&bus).await;
}

#[tokio::test]
async fn b12_what_others_publish_makes_no_panic() {
    let redis = Redis::start(&[]);
    let (bus, server) = (on(&redis).await, server());
    let mut subscription = bus.subscribe(&server).await.expect("subscribes");
    let channels = redis.cli(&["PUBSUB", "CHANNELS"]);
    for garbage in ["", "x", "*3\r\n$7\r\nmessage\r\n", "-ERR no\r\n", "$999999999\r\n"] {
        for channel in channels.lines() {
            redis.cli(&["PUBLISH", channel, garbage]);
            assert_eq!(in_time(subscription.next()).await.expect("hears"), garbage.as_bytes());
        }
    }
    // The largest is carried; what is far larger is not of this library, and is not kept.
    let largest = vec![7; MAX_MESSAGE_BYTES];
    bus.publish(&Channel::Control, largest.clone().into()).await.expect("publishes");
    assert_eq!(subscription.next().await.expect("hears"), largest);
    bus.publish(&Channel::Control, vec![7; 2 << 20].into()).await.expect("publishes");
    assert_eq!(end_of(&mut *subscription).await.kind(), ErrorKind::Unavailable);
    carries(&bus).await;
}

#[tokio::test]
async fn b12_what_others_write_makes_no_panic() {
    let redis = Redis::start(&[]);
    let (bus, server, ada) = (on(&redis).await, server(), connection("ada"));
    let beat = Beat { joined: vec![ada.clone()], ..Beat::new(LEASE) };
    bus.heartbeat(&server, &beat).await.expect("registers");
    let servers = "session:{session:live}:servers";
    let connections = format!("session:{{session:live}}:on:{}", server.incarnation());
    let far = "99999999999999";
    let nameless = "AAECAwQFBgcICQoLDA0ODw";
    for garbage in ["", "x", &"x".repeat(22), nameless, "ääääääääääää", "\u{FFFD}"] {
        redis.cli(&["ZADD", servers, far, garbage]);
    }
    let session = ada.session;
    for garbage in [
        "user:3:ada.".to_owned(),
        "user:3:ada.x.y.1".to_owned(),
        format!("user:3:ada.{session}.{session}.x"),
        format!("user:3:ada.{session}.{session}.1.2"),
        format!("user:999999999999999999999:ada.{session}.{session}.1"),
        format!("session:{session}."),
        format!("session:{session}.{session}"),
        format!("session:{session}.{session}.1."),
    ] {
        redis.cli(&["ZADD", &connections, "0", &garbage]);
    }
    let script = "redis.call('ZADD', KEYS[1], ARGV[1], '\\255\\254')";
    for key in [servers, &connections] {
        redis.cli(&["EVAL", script, "1", key, if key == servers { far } else { "0" }]);
    }
    assert_eq!(bus.servers().await.expect("lists"), std::slice::from_ref(&server));
    for of in [of_user("ada"), typed_sessions::bus::Whose::Session(session)] {
        let listed = bus.connections(&of).await.expect("lists");
        assert_eq!(listed, [(server.clone(), ada.clone())]);
    }
    // A lease that is no lease, and keys of another kind.
    redis.cli(&["ZADD", servers, "inf", &format!("{}{}", server.incarnation(), server.name())]);
    assert_eq!(bus.heartbeat(&server, &Beat::new(LEASE)).await.expect("beats"), Pulse::Known);
    for key in [&connections, servers] {
        redis.cli(&["SET", key, "mine"]);
        let error = bus.heartbeat(&server, &Beat::new(LEASE)).await.expect_err("wrong type");
        assert_eq!(error.kind(), ErrorKind::Store, "{error:?}");
        assert!(reason(&error).contains("its own `prefix`"), "{error:?}");
        redis.cli(&["DEL", key]);
    }
    assert_eq!(bus.heartbeat(&server, &beat).await.expect("beats"), Pulse::Unknown);
    assert_eq!(bus.connections(&of_user("ada")).await.expect("lists").len(), 1);
}

#[tokio::test]
async fn b9_what_a_crashed_server_had_takes_no_space() {
    let redis = Redis::start(&[]);
    let (bus, crashed, other) = (on(&redis).await, server(), server());
    let short = Duration::from_millis(300);
    let beat = Beat { joined: vec![connection("ada")], ..Beat::new(short) };
    bus.heartbeat(&crashed, &beat).await.expect("registers");
    bus.heartbeat(&other, &Beat { lease: LEASE, ..beat.clone() }).await.expect("registers");
    assert_eq!(redis.keys_without_expiry(0), Vec::<String>::new());
    eventually("its connections are gone", || redis.cli(&["DBSIZE"]).trim() == "2");
    bus.heartbeat(&other, &Beat::new(short)).await.expect("beats");
    assert_eq!(redis.cli(&["ZCARD", "session:{session:live}:servers"]).trim(), "1");
    bus.heartbeat(&other, &Beat::new(Duration::ZERO)).await.expect("goes");
    assert_eq!(redis.cli(&["DBSIZE"]).trim(), "0");
}

#[tokio::test]
async fn b8_a_server_of_whom_anything_was_lost_is_unknown() {
    let redis = Redis::start(&[]);
    let (bus, server) = (on(&redis).await, server());
    let joined = Beat { joined: vec![connection("ada")], ..Beat::new(LEASE) };
    let beat = Beat::new(LEASE);
    for key in ["servers".to_owned(), format!("on:{}", server.incarnation())] {
        bus.heartbeat(&server, &joined).await.expect("registers");
        assert_eq!(bus.heartbeat(&server, &beat).await.expect("beats"), Pulse::Known);
        // As `maxmemory-policy` may have it.
        assert_eq!(redis.cli(&["DEL", &format!("session:{{session:live}}:{key}")]).trim(), "1");
        assert_eq!(bus.heartbeat(&server, &beat).await.expect("beats"), Pulse::Unknown, "{key}");
        assert_eq!(bus.connections(&of_user("ada")).await.expect("lists"), [], "{key}");
    }
}

#[tokio::test]
async fn a_connection_of_ones_own_publishes_and_lists_but_cannot_subscribe() {
    let redis = Redis::start(&[]);
    let client = Client::open(redis.url()).expect("a URL");
    let managed = ConnectionManager::new(client).await.expect("connects");
    let bus = RedisStore::builder().connection(managed).connect().await.expect("connects");
    let error = bus.subscribe(&server()).await.expect_err("it has no socket");
    assert_eq!(error.kind(), ErrorKind::Config, "{error:?}");
    assert!(error.to_string().contains("build the store from a URL"), "{error}");

    let (server, listening) = (server(), on(&redis).await);
    let mut subscription = listening.subscribe(&server).await.expect("subscribes");
    publish(&bus, &server, b"hello").await;
    assert_eq!(subscription.next().await.expect("hears"), b"hello"[..]);
    bus.heartbeat(&server, &Beat::new(LEASE)).await.expect("registers");
    assert_eq!(bus.servers().await.expect("lists"), [server]);
}
