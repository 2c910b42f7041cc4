//! C: what each operation costs, counted by an idle server, command by command.

use std::collections::BTreeMap;
use std::time::Duration;

use typed_sessions::bus::{Beat, Channel, Server};
use typed_sessions::{Bus as _, ManualClock, Overflow, RedisStore, Sessions, minutes};
use typed_sessions_redis_tests::{
    Member, Shop, carries, connection, logged_in, of_user, server, sharded, stored,
};
use typed_sessions_test_servers::redis::Redis;

/// A server that only this test talks to.
struct Counted {
    server: Redis,
    before: BTreeMap<String, u64>,
}

impl Counted {
    fn start() -> Self {
        let server = Redis::start(&[]);
        Self { before: counts(&server), server }
    }

    /// What clients have sent since the last time, and what scripts have called: `evalsha, hget,
    /// hset`.
    fn commands(&mut self) -> String {
        let now = counts(&self.server);
        let mut since = Vec::new();
        for (name, count) in &now {
            let count = count - self.before.get(name).unwrap_or(&0);
            match count {
                0 => {}
                1 => since.push(name.clone()),
                n => since.push(format!("{n} {name}")),
            }
        }
        self.before = now;
        since.join(", ")
    }
}

fn counts(server: &Redis) -> BTreeMap<String, u64> {
    let text = server.cli(&["INFO", "commandstats"]);
    let line = |line: &str| {
        let (name, rest) = line.strip_prefix("cmdstat_")?.split_once(":calls=")?;
        let count = rest.split(',').next()?.parse().ok()?;
        // What this counting itself sends.
        (!matches!(name, "info" | "command|docs" | "command")).then(|| (name.to_owned(), count))
    };
    text.lines().filter_map(line).collect()
}

/// A store that does not connect once more in the middle.
async fn one_connection(server: &Redis) -> RedisStore {
    RedisStore::builder().url(server.url()).connections(1).connect().await.expect("connects")
}

#[tokio::test]
async fn c_commands_of_each_operation() {
    let mut counted = Counted::start();
    let clock = ManualClock::default();
    let store = one_connection(&counted.server).await;
    let sessions =
        Sessions::<Shop>::builder(store).clock(clock.clone()).build().expect("the defaults");

    // Once: the scripts are not yet known to the server.
    let (mut warm, _) = logged_in(&sessions, 9).await;
    clock.advance(minutes(1));
    let key = format!("session:id:{}", warm.id());
    counted.server.cli(&["HDEL", &key, "$indexed_until"]);
    warm.reauthenticate().await.expect("proves it again");
    warm.logout().await.expect("logs out");
    warm.destroy().await.expect("ends");
    counted.commands();

    let (mut session, token) = stored(&sessions).await;
    assert_eq!(counted.commands(), "evalsha, exists, hset, pexpire", "first save");
    sessions.open(&token).await.expect("opens").expect("is there");
    assert_eq!(counted.commands(), "hgetall", "open, nothing due");
    sessions.peek(&token).await.expect("opens").expect("is there");
    assert_eq!(counted.commands(), "hgetall", "peek");
    clock.advance(minutes(1));
    sessions.open(&token).await.expect("opens").expect("is there");
    assert_eq!(counted.commands(), "evalsha, hget, hgetall, hset, pexpire", "open, touch due");
    session.save().await.expect("saves");
    assert_eq!(counted.commands(), "", "save of nothing");
    session.note = "tea".into();
    session.save().await.expect("saves");
    assert_eq!(counted.commands(), "evalsha, hget, hset", "save");
    session.set(Shop::VISITS, 7).await.expect("sets");
    assert_eq!(counted.commands(), "evalsha, hget, hset", "set");
    session.update(Shop::VISITS, |n| *n += 1).await.expect("updates");
    assert_eq!(counted.commands(), "evalsha, 2 hget, hset", "update");
    session.reload().await.expect("reads");
    assert_eq!(counted.commands(), "hgetall", "reload");
    session.get(Shop::VISITS).await.expect("reads");
    assert_eq!(counted.commands(), "hgetall", "get");
    session.take(Shop::OTP).await.expect("takes");
    assert_eq!(counted.commands(), "hgetall", "take of what is not there");
    session.remove(Shop::NOTE).await.expect("removes");
    assert_eq!(counted.commands(), "evalsha, hdel, 2 hget", "remove");
    session.touch().await.expect("touches");
    assert_eq!(counted.commands(), "evalsha, hget, hset, pexpire", "touch");
    session.renew().await.expect("renews");
    assert_eq!(counted.commands(), "evalsha, hget, hset, pexpire", "renew");

    clock.advance(minutes(10));
    let (old, renewed) = (session.token().expose(), sessions.open(session.token().expose()).await);
    assert_eq!(counted.commands(), "evalsha, hget, hgetall, hset, pexpire", "open, renewal due");
    let renewed = renewed.expect("opens").expect("is there").token().expose();
    assert_ne!(old, renewed);
    session = sessions.open(&renewed).await.expect("opens").expect("is there");
    assert_eq!(
        counted.commands(),
        "evalsha, hget, hgetall, hset, pexpire",
        "first use of the renewed secret"
    );

    session.login(Member { id: 1 }).await.expect("logs in");
    let join = "pexpire, pttl, 2 time, zadd, zcard, zrange";
    assert_eq!(
        counted.commands(),
        format!("evalsha, 2 hget, hset, 2 {join}"),
        "login: the session and the index"
    );
    clock.advance(minutes(1));
    session.reauthenticate().await.expect("proves it again");
    let as_before = "evalsha, hget, hmget, hset, pexpire, time";
    assert_eq!(counted.commands(), as_before, "reauthenticate");
    session.touch().await.expect("touches");
    assert_eq!(counted.commands(), as_before, "touch of a logged-in session");
    let key = format!("session:id:{}", session.id());
    counted.server.cli(&["HSET", &key, "$indexed_until", "0"]);
    counted.commands();
    session.touch().await.expect("touches");
    assert_eq!(
        counted.commands(),
        "3 evalsha, 2 hget, hmget, hset, 2 pexpire, pttl, 2 time, zadd",
        "a touch with which it would outlast the index: the session, the index, the session"
    );
    session.login(Member { id: 3 }).await.expect("logs in");
    assert_eq!(
        counted.commands(),
        "evalsha, 2 hget, hset, 2 pexpire, pttl, 2 time, zadd, zcard, zrange, zrem",
        "login over another's"
    );
    session.logout().await.expect("logs out");
    assert_eq!(counted.commands(), "evalsha, hdel, 2 hget, hset, pexpire, zrem", "logout");

    for _ in 0..10 {
        logged_in(&sessions, 2).await;
    }
    counted.commands();
    assert_eq!(sessions.user(&2).list().await.expect("lists").len(), 10);
    assert_eq!(counted.commands(), "10 hmget, zrange", "list of 10");
    assert_eq!(sessions.user(&2).sync(&Member { id: 2 }).await.expect("syncs"), 10);
    assert_eq!(counted.commands(), "10 evalsha, 10 hget, 10 hmget, 10 hset, zrange", "sync of 10");
    assert_eq!(sessions.user(&2).revoke_all().await.expect("revokes"), 10);
    assert_eq!(
        counted.commands(),
        "10 del, 10 evalsha, 20 hmget, zrange, 10 zrem",
        "revoke_all of 10"
    );
    session.destroy().await.expect("ends");
    assert_eq!(counted.commands(), "del, evalsha, hmget", "destroy");
}

#[tokio::test]
async fn c_commands_of_a_login_with_a_limit() {
    let mut counted = Counted::start();
    let store = one_connection(&counted.server).await;
    let limited = |overflow| {
        let builder = Sessions::<Shop>::builder(store.clone()).max_sessions_per_user(2, overflow);
        builder.build().expect("consistent")
    };
    let (evicting, refusing) = (limited(Overflow::EvictOldest), limited(Overflow::Refuse));
    for _ in 0..3 {
        // Once: the scripts are not yet known to the server.
        logged_in(&evicting, 9).await;
    }
    logged_in(&refusing, 1).await;
    counted.commands();
    logged_in(&refusing, 1).await;
    let join = "pexpire, pttl, 2 time, zadd, zcard, 2 zrange";
    assert_eq!(
        counted.commands(),
        format!("evalsha, exists, hget, hset, 2 {join}"),
        "there is room"
    );
    logged_in(&evicting, 2).await;
    counted.commands();
    logged_in(&evicting, 2).await;
    let join = "pexpire, pttl, 2 time, zadd, zcard, zrange";
    assert_eq!(
        counted.commands(),
        format!("evalsha, exists, hget, hset, 2 {join}"),
        "nobody has to go"
    );
    logged_in(&evicting, 2).await;
    let join = "pexpire, pttl, 2 time, 2 zadd, zcard, 2 zrange, zrem, 3 zscore";
    let evict = "del, 3 evalsha, exists, hget, 4 hmget, hset";
    assert_eq!(counted.commands(), format!("{evict}, 2 {join}"), "one has to go");
}

#[tokio::test]
async fn c_commands_of_a_refusal() {
    let mut counted = Counted::start();
    let store = one_connection(&counted.server).await;
    let builder = Sessions::<Shop>::builder(store).max_sessions_per_user(2, Overflow::Refuse);
    let sessions = builder.build().expect("consistent");
    for _ in 0..2 {
        logged_in(&sessions, 1).await;
    }
    counted.commands();
    sessions.start().login(Member { id: 1 }).await.expect_err("two are in");
    // Then the core looks whether some of them have ended by today's configuration.
    assert_eq!(
        counted.commands(),
        "evalsha, exists, hget, 4 hmget, 2 zrange",
        "session and index, two sessions; and a page of two"
    );
}

#[tokio::test]
async fn u1_what_looks_like_one_server_and_is_several_gets_a_command_for_each_key() {
    let server = sharded();
    let sessions = Sessions::<Shop>::new(one_connection(&server).await);
    let users = 1..=4;
    // Once: that it is several is not yet known, and the scripts are not yet known to it.
    for user in users.clone() {
        logged_in(&sessions, user).await.0.logout().await.expect("logs out");
    }
    let mut counted = Counted { before: counts(&server), server };
    for user in users {
        let (mut session, _) = logged_in(&sessions, user).await;
        assert_eq!(
            counted.commands(),
            "2 evalsha, exists, hget, hset, 2 pexpire, pttl, 2 time, zadd, zrange",
            "login"
        );
        assert_eq!(sessions.user(&user).count().await.expect("counts"), 1);
        counted.commands();
        session.logout().await.expect("logs out");
        assert_eq!(counted.commands(), "evalsha, hdel, 2 hget, hset, pexpire, zrem", "logout");
        assert_eq!(sessions.user(&user).count().await.expect("counts"), 0);
        counted.commands();
    }
}

#[tokio::test]
async fn c_parallel_requests_share_the_connections() {
    let server = Redis::start(&[]);
    let store = RedisStore::connect(server.url()).await.expect("connects");
    let sessions = Sessions::<Shop>::new(store);
    let requests = (0..256).map(|_| {
        let sessions = sessions.clone();
        tokio::spawn(async move {
            let (mut session, token) = stored(&sessions).await;
            session.set(Shop::VISITS, 7).await.expect("sets");
            assert_eq!(sessions.open(&token).await.expect("opens").expect("is there").visits, 7);
        })
    });
    for request in requests.collect::<Vec<_>>() {
        request.await.expect("no panic");
    }
    let clients = server.cli(&["CLIENT", "LIST", "TYPE", "normal"]);
    let ours = clients.lines().filter(|line| !line.is_empty() && !line.contains("cmd=client"));
    assert_eq!(ours.count(), 2, "as many as are configured: {clients}");
}

#[tokio::test]
async fn c_commands_of_the_bus() {
    let mut counted = Counted::start();
    let bus = one_connection(&counted.server).await;
    let (server, lease) = (server(), minutes(1));
    let connections: Vec<_> = (0..Beat::MAX_ENTRIES).map(|_| connection("ada")).collect();
    // Once: the scripts are not yet known to the server.
    carries(&bus).await;
    bus.heartbeat(&server, &Beat::new(lease)).await.expect("registers");
    counted.commands();

    for (what, beat, outcome) in [
        (
            "a beat",
            Beat::new(lease),
            "evalsha, exists, 2 pexpire, pttl, time, 2 zadd, zremrangebyscore, zscore",
        ),
        (
            "500 join",
            Beat { joined: connections, ..Beat::new(lease) },
            "evalsha, exists, 2 pexpire, pttl, time, 1002 zadd, zremrangebyscore, zscore",
        ),
        (
            "it goes",
            Beat::new(Duration::ZERO),
            "del, evalsha, exists, time, zrem, zremrangebyscore, zscore",
        ),
    ] {
        bus.heartbeat(&server, &beat).await.expect("beats");
        assert_eq!(counted.commands(), outcome, "{what}");
    }
    for name in ["a", "b"] {
        let server = Server::new(name).expect("a good name");
        bus.heartbeat(&server, &Beat::new(lease)).await.expect("registers");
    }
    counted.commands();
    assert_eq!(bus.servers().await.expect("lists").len(), 2);
    assert_eq!(counted.commands(), "evalsha, time, zrange", "the servers");
    bus.connections(&of_user("ada")).await.expect("lists");
    assert_eq!(counted.commands(), "evalsha, time, 3 zrange", "connections on two servers");
    bus.publish(&Channel::Control, b"hello"[..].into()).await.expect("publishes");
    assert_eq!(counted.commands(), "evalsha, publish", "a message");
    let subscription = bus.subscribe(&server).await.expect("subscribes");
    assert_eq!(counted.commands(), "ping, subscribe", "a subscription");
    drop(subscription);
}

#[tokio::test]
async fn l4_only_what_ends_or_changes_hands_is_published() {
    let mut counted = Counted::start();
    let clock = ManualClock::default();
    let store = one_connection(&counted.server).await;
    let sessions = Sessions::<Shop>::builder(store.clone()).bus(store).clock(clock.clone());
    let sessions = sessions.build().expect("the defaults");
    let (mut session, token) = stored(&sessions).await;
    session.note = "tea".into();
    session.save().await.expect("saves");
    session.set(Shop::VISITS, 7).await.expect("sets");
    session.update(Shop::VISITS, |n| *n += 1).await.expect("updates");
    session.touch().await.expect("touches");
    clock.advance(minutes(10));
    let renewed = sessions.open(&token).await.expect("opens").expect("is there");
    assert!(renewed.fresh_token().is_some());
    session = renewed;
    session.renew().await.expect("renews");
    let commands = counted.commands();
    assert!(!commands.contains("publish"), "{commands}");
    session.login(Member { id: 1 }).await.expect("logs in");
    let commands = counted.commands();
    assert!(commands.contains("publish"), "a login on a stored session: {commands}");
    session.logout().await.expect("logs out");
    let commands = counted.commands();
    assert!(commands.contains("publish"), "a logout: {commands}");
    assert!(sessions.revoke(session.id()).await.expect("revokes"));
    let commands = counted.commands();
    assert!(commands.contains("publish"), "a revocation: {commands}");
}
