//! The bus: what its statements cost, what stands in its tables, and what others write there.

use std::time::{Duration, Instant};

use futures::future::join_all;
use typed_sessions::bus::{Beat, Channel, ConnectionEntry, ConnectionId, Pulse, Server, Whose};
use typed_sessions::{
    Bus as _, ErrorKind, Overflow, PostgresStore, SessionId, SessionStore as _, Sessions,
    Timestamp, UserId, minutes,
};
use typed_sessions_postgres_tests::wire::Wire;
use typed_sessions_postgres_tests::{
    Member, Shop, builder, in_time, logged_in, migrated, stored, wait_until_idle,
};
use typed_sessions_test_servers::postgres::Postgres;

fn server(name: &str) -> Server {
    Server::new(name).expect("a name")
}

fn entry(user: &str) -> ConnectionEntry {
    ConnectionEntry {
        connection: ConnectionId::random(),
        session: SessionId::from_bytes([7; 16]),
        user: Some(UserId::new(user).expect("an id")),
        since: Timestamp::from_millis(1_700_000_000_000),
    }
}

fn joined(count: usize) -> Beat {
    Beat { joined: (0..count).map(|_| entry("ada")).collect(), ..Beat::new(minutes(5)) }
}

async fn on(server: &Postgres) -> PostgresStore {
    migrated(PostgresStore::builder().url(server.url())).await
}

#[tokio::test]
async fn l4_each_call_is_one_statement() {
    let postgres = Postgres::start(&[]);
    let wire = Wire::to(&postgres).await;
    let bus = migrated(builder(&wire.url()).listen_url(postgres.url()).max_connections(1)).await;
    let hub = server("web-1");
    let full = joined(Beat::MAX_ENTRIES);
    let leaves = Beat { left: full.joined.clone(), ..Beat::new(minutes(5)) };
    let of = [
        Whose::User(UserId::new("ada").expect("an id")),
        Whose::Session(SessionId::from_bytes([7; 16])),
    ];
    // The first round prepares the statements.
    for round in 0..2 {
        wait_until_idle(&bus).await;
        wire.sent();
        let count = |what: &'static str| {
            let (bus, wire) = (&bus, &wire);
            async move {
                wait_until_idle(bus).await;
                // But for signs of life of the pool.
                let sent = wire.sent().replace("SS", "S");
                assert!(round == 0 || sent == "BECS", "{what}: {sent}");
            }
        };
        bus.heartbeat(&hub, &Beat::new(minutes(5))).await.expect("beats");
        count("a heartbeat").await;
        bus.heartbeat(&hub, &full).await.expect("beats");
        count("500 that join").await;
        for of in &of {
            assert_eq!(bus.connections(of).await.expect("lists").len(), 500);
            count("a listing").await;
        }
        bus.heartbeat(&hub, &leaves).await.expect("beats");
        count("500 that leave").await;
        assert_eq!(bus.servers().await.expect("lists"), std::slice::from_ref(&hub));
        count("the servers").await;
        bus.publish(&Channel::Control, b"x"[..].into()).await.expect("publishes");
        count("a small message").await;
        bus.publish(&Channel::Control, vec![7; 65_536].into()).await.expect("publishes");
        count("a large message").await;
        drop(bus.subscribe(&hub).await.expect("subscribes"));
        wait_until_idle(&bus).await;
        let sent = wire.sent();
        assert_eq!(sent.matches('E').count(), 2, "a subscription, through the pool: {sent}");
    }
}

#[tokio::test]
async fn operations_on_sessions_touch_no_table_of_the_bus() {
    let postgres = Postgres::start(&[]);
    let store = on(&postgres).await;
    let hub = server("web-1");
    let mut subscription = store.subscribe(&hub).await.expect("subscribes");
    let limited = Sessions::<Shop>::builder(store.clone()).bus(store.clone());
    let limited =
        limited.max_sessions_per_user(1, Overflow::EvictOldest).build().expect("possible");
    let (mut session, token) = logged_in(&limited, 1).await;
    subscription.next().await.expect("a login under a limit is told");
    session.set(Shop::VISITS, 7).await.expect("sets");
    session.update(Shop::VISITS, |visits| *visits += 1).await.expect("updates");
    session.touch().await.expect("touches");
    session.renew().await.expect("renews");
    assert!(limited.open(&token).await.expect("works").is_none());
    let heard = tokio::time::timeout(Duration::from_millis(100), subscription.next()).await;
    assert!(heard.is_err(), "plain requests publish nothing: {heard:?}");
    session.login(Member { id: 1 }).await.expect("logs in");
    logged_in(&limited, 1).await;
    session.set(Shop::VISITS, 7).await.expect_err("it was evicted");
    limited.user(&1).list().await.expect("lists");
    store.headers(&[session.id()]).await.expect("reads");
    let (mut other, _) = stored(&limited).await;
    other.logout().await.expect("logs out");
    other.destroy().await.expect("ends");
    store.purge_expired(10).await.expect("purges");
    limited.revoke_everybody().await.expect("ends");
    // What a connection did is told when it ends.
    store.pool().close().await;
    let touched = || {
        postgres.sql(
            "SELECT sum(seq_scan + coalesce(idx_scan, 0) + n_tup_ins + n_tup_upd + n_tup_del) \
             FROM pg_stat_user_tables WHERE relname ~ '_(servers|connected|messages)$'",
        )
    };
    let is_told = "SELECT n_tup_del > 1 FROM pg_stat_user_tables WHERE relname = 'typed_sessions'";
    typed_sessions_test_servers::eventually("the statistics are told", || {
        postgres.sql(is_told) == "t"
    });
    let before = touched();
    let fresh = on(&postgres).await;
    subscription.next().await.expect("what ended was told");
    fresh.servers().await.expect("lists");
    fresh.pool().close().await;
    let number = |text: String| text.parse::<u32>().expect("a number");
    typed_sessions_test_servers::eventually("a listing is counted", || {
        number(touched()) > number(before.clone())
    });
    assert_eq!(number(before), 6, "six indexes were built, each by reading its table once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn b8_of_first_heartbeats_at_a_time_one_is_the_first_and_none_loses_connections() {
    let postgres = Postgres::start(&[]);
    let bus = on(&postgres).await;
    for isolation in ["read committed", "repeatable read", "serializable"] {
        postgres.sql(&format!("ALTER SYSTEM SET default_transaction_isolation = '{isolation}'"));
        postgres.sql("SELECT pg_reload_conf()");
        let hub = server("web-1");
        let beats = (0..16).map(|_| {
            let (bus, hub) = (bus.clone(), hub.clone());
            tokio::spawn(async move { bus.heartbeat(&hub, &joined(3)).await })
        });
        let pulses = join_all(beats.collect::<Vec<_>>()).await;
        let pulses = pulses.into_iter().map(|pulse| pulse.expect("no panic").expect("beats"));
        let unknown = pulses.filter(|pulse| *pulse == Pulse::Unknown).count();
        assert_eq!(unknown, 1, "{isolation}");
        let of = Whose::User(UserId::new("ada").expect("an id"));
        let listed = bus.connections(&of).await.expect("lists");
        assert_eq!(listed.iter().filter(|(server, _)| *server == hub).count(), 48, "{isolation}");
    }
}

/// One comes back while others clear away what it left: it is told that it was not known, or has
/// all that it had.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn b8_a_lease_that_runs_out_meanwhile_is_told() {
    let postgres = Postgres::start(&[]);
    let bus = on(&postgres).await;
    let others: Vec<Server> = (0..4).map(|n| server(&n.to_string())).collect();
    let mut pulses = [0, 0];
    for round in 0..150_u64 {
        let hub = server("late");
        let lease = Duration::from_millis(10);
        let beat = Beat { lease, ..joined(3) };
        bus.heartbeat(&hub, &beat).await.expect("beats");
        let session = Whose::Session(beat.joined[0].session);
        tokio::time::sleep(Duration::from_micros(4_000 + round * 50)).await;
        let clearing = others.iter().map(|other| {
            let (bus, other) = (bus.clone(), other.clone());
            tokio::spawn(async move { bus.heartbeat(&other, &Beat::new(minutes(1))).await })
        });
        let clearing: Vec<_> = clearing.collect();
        let pulse = bus.heartbeat(&hub, &Beat::new(minutes(1))).await.expect("beats");
        for cleared in join_all(clearing).await {
            cleared.expect("no panic").expect("beats");
        }
        let listed = bus.connections(&session).await.expect("lists");
        let listed = listed.iter().filter(|(server, _)| *server == hub).count();
        assert_eq!(listed, if pulse == Pulse::Known { 3 } else { 0 }, "round {round}: {pulse:?}");
        pulses[usize::from(pulse == Pulse::Known)] += 1;
        bus.heartbeat(&hub, &Beat::new(Duration::ZERO)).await.expect("goes");
    }
    assert!(pulses.iter().all(|count| *count > 0), "one side was never seen: {pulses:?}");
}

#[tokio::test]
async fn b9_what_the_dead_left_is_cleared_away_in_steps() {
    let postgres = Postgres::start(&[]);
    let bus = on(&postgres).await;
    let (dead, living) = (server("dead"), server("living"));
    for _ in 0..5 {
        bus.heartbeat(&dead, &joined(Beat::MAX_ENTRIES)).await.expect("beats");
    }
    bus.heartbeat(&living, &joined(2)).await.expect("beats");
    let rows = |table: &str| postgres.sql(&format!("SELECT count(*) FROM typed_sessions_{table}"));
    let left = || (rows("servers"), rows("connected"));
    assert_eq!(left(), ("2".into(), "2502".into()));
    postgres.sql("UPDATE typed_sessions_servers SET lease_until = now() WHERE name = 'dead'");
    for (servers, connected) in [("2", "1502"), ("2", "502"), ("1", "2"), ("1", "2")] {
        bus.heartbeat(&living, &Beat::new(minutes(5))).await.expect("beats");
        assert_eq!(left(), (servers.into(), connected.into()));
    }
    bus.heartbeat(&living, &Beat::new(Duration::ZERO)).await.expect("beats");
    assert_eq!(left(), ("0".into(), "0".into()));
}

#[tokio::test]
async fn large_messages_are_cleared_away() {
    let postgres = Postgres::start(&[]);
    let bus = on(&postgres).await;
    let rows = || postgres.sql("SELECT count(*) FROM typed_sessions_messages");
    let publish = async || {
        bus.publish(&Channel::Control, vec![7; 6_000].into()).await.expect("publishes");
    };
    for _ in 0..120 {
        publish().await;
    }
    bus.publish(&Channel::Control, vec![7; 5_000].into()).await.expect("publishes");
    let beat = Beat::new(minutes(5));
    bus.heartbeat(&server("web-1"), &beat).await.expect("beats");
    assert_eq!(rows(), "120", "the young stay, and small ones take no row");
    postgres.sql("UPDATE typed_sessions_messages SET sent = sent - interval '3 minutes'");
    publish().await;
    assert_eq!(rows(), "111", "ten go, one comes");
    bus.heartbeat(&server("web-1"), &beat).await.expect("beats");
    assert_eq!(rows(), "11");
    bus.heartbeat(&server("web-1"), &beat).await.expect("beats");
    assert_eq!(rows(), "1");
}

#[tokio::test]
async fn b12_what_others_write_and_publish_is_passed_over() {
    let postgres = Postgres::start(&[]);
    let bus = on(&postgres).await;
    let hub = server("web-1");
    let beat = joined(1);
    bus.heartbeat(&hub, &beat).await.expect("beats");
    postgres.sql(
        r"INSERT INTO typed_sessions_servers SELECT incarnation, name, 'infinity' FROM (VALUES
            ('\x'::bytea, 'short'::bytea), ('\x01020304050607080910111213141516', '\xff'),
            ('\x02020304050607080910111213141516', ''),
            ('\x03020304050607080910111213141516', convert_to(repeat('x', 256), 'UTF8')))
            AS odd (incarnation, name);
        INSERT INTO typed_sessions_connected
            SELECT incarnation, connection, decode(repeat('07', 16), 'hex'), user_id, since
            FROM typed_sessions_servers, (VALUES
                ('\x'::bytea, NULL::bytea, 0), ('\x01', 'bob', 0),
                ('\x11020304050607080910111213141516', '\xff', 0),
                ('\x12020304050607080910111213141516', '', 0),
                ('\x13020304050607080910111213141516', 'bob', -1),
                ('\x14020304050607080910111213141516', convert_to(repeat('x', 1025), 'UTF8'), 0))
            AS odd (connection, user_id, since)",
    );
    assert_eq!(bus.servers().await.expect("lists"), std::slice::from_ref(&hub));
    let expected = [(hub.clone(), beat.joined[0].clone())];
    assert_eq!(
        bus.connections(&Whose::Session(beat.joined[0].session)).await.expect("lists"),
        expected
    );
    let bob = Whose::User(UserId::new("bob").expect("an id"));
    assert!(bus.connections(&bob).await.expect("lists").is_empty());

    let mut subscription = bus.subscribe(&hub).await.expect("subscribes");
    let listens = "SELECT query FROM pg_stat_activity WHERE query LIKE 'LISTEN%'";
    let listens = postgres.sql(listens);
    let channel = listens.split('"').nth(1).expect("a channel").to_owned();
    for odd in ["", "x", "m=", "m%", "r", "rx", "p", "ü", "r99999999999999999999999"] {
        postgres.sql(&format!("SELECT pg_notify('{channel}', '{odd}')"));
    }
    postgres.sql(&format!("NOTIFY \"{channel}\""));
    bus.publish(&Channel::Control, b"last"[..].into()).await.expect("publishes");
    assert_eq!(in_time(subscription.next()).await.expect("hears"), b"last"[..]);

    // A message that is there no more is a lost one.
    postgres.sql(&format!("SELECT pg_notify('{channel}', 'r7')"));
    let error = in_time(subscription.next()).await.expect_err("it is lost");
    assert_eq!(error.kind(), ErrorKind::Unavailable);
}

/// 10,000 connections end at once.
#[tokio::test]
async fn b9_a_goodbye_of_many_is_quick() {
    let postgres = Postgres::start(&[]);
    let bus = on(&postgres).await;
    let hub = server("web-1");
    for _ in 0..20 {
        bus.heartbeat(&hub, &joined(Beat::MAX_ENTRIES)).await.expect("beats");
    }
    let begin = Instant::now();
    bus.heartbeat(&hub, &Beat::new(Duration::ZERO)).await.expect("within the time limit");
    assert!(begin.elapsed() < Duration::from_secs(2), "{:?}", begin.elapsed());
    assert_eq!(postgres.sql("SELECT count(*) FROM typed_sessions_connected"), "0");
}
