//! F: buses whose connections break, hang and lose, for real.

use std::process::Command;
use std::time::{Duration, Instant};

use typed_sessions::bus::{Beat, Channel, Pulse, Server, Subscription};
use typed_sessions::postgres::sqlx::{PgPool, raw_sql};
use typed_sessions::{Bus as _, ErrorKind, PostgresStore, Result, minutes};
use typed_sessions_postgres_tests::pooler::Pooler;
use typed_sessions_postgres_tests::wire::Wire;
use typed_sessions_postgres_tests::{in_time, migrated, reason, wait_until_idle};
use typed_sessions_test_servers::eventually;
use typed_sessions_test_servers::postgres::Postgres;

/// A connection that is silently dead is found out within so long.
const FOUND_OUT: Duration = Duration::from_secs(10);

fn server(name: &str) -> Server {
    Server::new(name).expect("a name")
}

async fn on(server: &Postgres) -> PostgresStore {
    migrated(PostgresStore::builder().url(server.url())).await
}

/// The processes that listen.
fn listening(server: &Postgres) -> Vec<String> {
    let sql = "SELECT pid FROM pg_stat_activity WHERE query LIKE 'LISTEN%'";
    server.sql(sql).lines().map(str::to_owned).collect()
}

/// Says that the subscription works: it hears what is published.
async fn hears(bus: &PostgresStore, subscription: &mut Box<dyn Subscription>) {
    bus.publish(&Channel::Control, b"hello"[..].into()).await.expect("publishes");
    assert_eq!(in_time(subscription.next()).await.expect("hears"), b"hello"[..]);
}

/// The subscription has ended, and says so.
fn is_over(next: Result<impl std::fmt::Debug>) -> typed_sessions::Error {
    let error = next.expect_err("messages may be lost");
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
    error
}

#[tokio::test]
async fn b4_a_terminated_connection_ends_the_subscription() {
    let postgres = Postgres::start(&[]);
    let bus = on(&postgres).await;
    let hub = server("web-1");
    for _ in 0..3 {
        let mut subscription = bus.subscribe(&hub).await.expect("subscribes");
        hears(&bus, &mut subscription).await;
        for pid in listening(&postgres) {
            postgres.sql(&format!("SELECT pg_terminate_backend({pid})"));
        }
        is_over(in_time(subscription.next()).await);
        // Asked again, it says so again.
        is_over(in_time(subscription.next()).await);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b4_a_crash_ends_subscriptions_and_forgets_servers() {
    let mut postgres = Postgres::start(&[]);
    let bus = on(&postgres).await;
    let hub = server("web-1");
    let beat = Beat::new(minutes(5));
    let mut subscription = bus.subscribe(&hub).await.expect("subscribes");
    assert_eq!(bus.heartbeat(&hub, &beat).await.expect("beats"), Pulse::Unknown);
    assert_eq!(bus.heartbeat(&hub, &beat).await.expect("beats"), Pulse::Known);
    postgres.kill();
    is_over(in_time(subscription.next()).await);
    is_over(in_time(bus.subscribe(&hub)).await);
    is_over(in_time(bus.heartbeat(&hub, &beat)).await);
    is_over(in_time(bus.publish(&Channel::Control, b"x"[..].into())).await);
    is_over(in_time(bus.servers()).await);
    postgres.start_again();
    // The first one may find a connection that died meanwhile.
    let mut pulse = bus.heartbeat(&hub, &beat).await;
    if pulse.is_err() {
        pulse = bus.heartbeat(&hub, &beat).await;
    }
    assert_eq!(pulse.expect("beats"), Pulse::Unknown, "the tables are unlogged");
    let mut subscription = bus.subscribe(&hub).await.expect("subscribes");
    hears(&bus, &mut subscription).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b4_a_stopped_process_of_the_server_is_found_out() {
    let postgres = Postgres::start(&[]);
    let bus = on(&postgres).await;
    let mut subscription = bus.subscribe(&server("web-1")).await.expect("subscribes");
    hears(&bus, &mut subscription).await;
    let [pid] = &listening(&postgres)[..] else { panic!("one listens") };
    let signal = |signal: &str| {
        assert!(Command::new("kill").args([signal, pid]).status().expect("kill runs").success());
    };
    signal("-STOP");
    let begin = Instant::now();
    let next = in_time(subscription.next()).await;
    let took = begin.elapsed();
    // Nobody else is held up by it.
    let published = in_time(bus.publish(&Channel::Control, b"x"[..].into())).await;
    let again = in_time(bus.subscribe(&server("web-1"))).await;
    signal("-CONT");
    is_over(next);
    assert!(took < FOUND_OUT, "{took:?}");
    published.expect("publishes");
    hears(&bus, &mut again.expect("subscribes")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b4_a_network_that_lost_its_way_is_found_out_and_leaves_nothing() {
    let postgres = Postgres::start(&[]);
    let wire = Wire::to(&postgres).await;
    let bus = migrated(PostgresStore::builder().url(postgres.url()).listen_url(wire.url())).await;
    // A runtime of its own shows what is left behind.
    let subscribing = tokio::task::spawn_blocking(move || {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        let runtime = builder.worker_threads(1).enable_all().build().expect("a runtime");
        let rests_with = |at_most| {
            eventually("nothing waits for the dead", || {
                runtime.metrics().num_alive_tasks() <= at_most
            });
        };
        runtime.block_on(bus.servers()).expect("lists");
        // What the store keeps for the runtime: its watch, and the pool's maintenance.
        rests_with(2);
        let mut subscription =
            runtime.block_on(bus.subscribe(&server("web-1"))).expect("subscribes");
        runtime.block_on(hears(&bus, &mut subscription));
        wire.cut();
        let begin = Instant::now();
        is_over(runtime.block_on(async { in_time(subscription.next()).await }));
        assert!(begin.elapsed() < FOUND_OUT, "{:?}", begin.elapsed());
        rests_with(2);
    });
    subscribing.await.expect("it ends, and all is closed");
}

#[tokio::test]
async fn b4_a_subscription_that_is_dropped_closes_its_connection() {
    let postgres = Postgres::start(&[]);
    let bus = on(&postgres).await;
    let subscription = bus.subscribe(&server("web-1")).await.expect("subscribes");
    assert_eq!(listening(&postgres).len(), 1);
    drop(subscription);
    tokio::task::yield_now().await;
    eventually("the connection is closed", || listening(&postgres).is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b5_a_slow_subscriber_is_told_that_it_is_too_far_behind() {
    let postgres = Postgres::start(&[]);
    let bus = on(&postgres).await;
    for size in [5_000, 60_000] {
        let slow = server("slow");
        let mut subscription = bus.subscribe(&slow).await.expect("subscribes");
        // More than may wait.
        let count = (9 << 20) / size;
        let to = Channel::Server(slow.incarnation());
        for _ in 0..count {
            bus.publish(&to, vec![7; size].into()).await.expect("publishes");
        }
        eventually("the subscription is given up", || listening(&postgres).is_empty());
        let mut heard = 0;
        let error = loop {
            match in_time(subscription.next()).await {
                Ok(message) => assert!(message == vec![7; size]),
                Err(error) => break error,
            }
            heard += 1;
        };
        assert!(heard > 0 && heard < count, "{heard} of {count}");
        assert!(reason(&error).contains("too far behind"), "{error:?}");
    }
}

#[test]
fn f5_a_subscription_ends_with_its_runtime_and_the_bus_goes_on_in_another() {
    let postgres = Postgres::start(&[]);
    let runtime = || {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        builder.worker_threads(1).enable_all().build().expect("a runtime")
    };
    let (first, second) = (runtime(), runtime());
    let hub = server("web-1");
    let (bus, mut subscription) = first.block_on(async {
        let bus = on(&postgres).await;
        let subscription = bus.subscribe(&hub).await.expect("subscribes");
        (bus, subscription)
    });
    second.block_on(hears(&bus, &mut subscription));
    drop(first);
    is_over(second.block_on(async { in_time(subscription.next()).await }));
    // Outside of any runtime.
    drop(subscription);
    let mut subscription = second.block_on(bus.subscribe(&hub)).expect("subscribes");
    second.block_on(hears(&bus, &mut subscription));
    drop(second);
    drop(subscription);
    eventually("the connections are closed", || listening(&postgres).is_empty());
}

#[tokio::test]
async fn a_pooler_that_cannot_listen_is_told_and_a_second_url_helps() {
    let postgres = Postgres::start(&[]);
    let pooler = Wire::to(&postgres).await;
    pooler.lose_notifications();
    let hub = server("web-1");
    let at_pooler = || PostgresStore::builder().url(pooler.url());
    postgres.sql("CREATE DATABASE other");
    let other = format!("postgres://postgres@{}/other", postgres.address());
    let pool = PgPool::connect(&pooler.url()).await.expect("connects");
    for builder in
        [at_pooler(), at_pooler().listen_url(other), PostgresStore::builder().pool(pool.clone())]
    {
        let bus = migrated(builder).await;
        let error = in_time(bus.subscribe(&hub)).await.expect_err("it hears nothing");
        assert_eq!(error.kind(), ErrorKind::Config, "{error:?}");
        for hint in ["pooler", "transaction mode", "`listen_url`"] {
            assert!(error.to_string().contains(hint), "{error}");
        }
    }
    for builder in [at_pooler(), PostgresStore::builder().pool(pool)] {
        let bus = migrated(builder.listen_url(postgres.url())).await;
        let mut subscription = bus.subscribe(&hub).await.expect("subscribes");
        hears(&bus, &mut subscription).await;
    }
    let debug = format!("{:?}", at_pooler().listen_url("postgres://x:hunter2@y/z"));
    assert!(!debug.contains("hunter2"), "{debug}");
    let misspelt = at_pooler().listen_url(postgres.url() + "?sslmod=require");
    let error = misspelt.connect().await.expect_err("nobody reads it");
    assert!(error.to_string().contains("`sslmod`"), "{error}");
}

/// Otherwise those who get the connection next would be disturbed by what it hears.
#[tokio::test]
async fn nobody_listens_through_a_pooler() {
    let postgres = Postgres::start(&[]);
    on(&postgres).await;
    let hub = server("web-1");
    let pooler = Pooler::before(&postgres).await;
    let store = PostgresStore::builder().url(pooler.url()).max_connections(1);
    let bus = store.clone().connect().await.expect("connects");
    for _ in 0..3 {
        let error = in_time(bus.subscribe(&hub)).await.expect_err("it could hear nothing");
        assert_eq!(error.kind(), ErrorKind::Config, "{error:?}");
        assert!(error.to_string().contains("`listen_url`"), "{error}");
        bus.publish(&Channel::Control, b"x"[..].into()).await.expect("publishes");
        bus.heartbeat(&hub, &Beat::new(minutes(5))).await.expect("beats");
    }
    let pooler = Pooler::before(&postgres).await;
    let store = PostgresStore::builder().url(pooler.url()).max_connections(1);
    let bus = store.listen_url(postgres.url()).connect().await.expect("connects");
    let mut subscription = bus.subscribe(&hub).await.expect("subscribes");
    hears(&bus, &mut subscription).await;
}

#[tokio::test]
async fn a_notification_where_nobody_listens_is_explained() {
    let postgres = Postgres::start(&[]);
    let bus = migrated(PostgresStore::builder().url(postgres.url()).max_connections(1)).await;
    let notified = async || {
        let mut connection = bus.pool().acquire().await.expect("is free");
        raw_sql("LISTEN x").execute(&mut *connection).await.expect("listens");
        drop(connection);
        wait_until_idle(&bus).await;
        postgres.sql("NOTIFY x");
    };
    notified().await;
    bus.servers().await.expect("a read is sent again");
    notified().await;
    let error = bus.publish(&Channel::Control, b"x"[..].into()).await.expect_err("nobody knows");
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(reason(&error).contains("a pooler in transaction mode"), "{error:?}");
}

#[tokio::test]
async fn a_pool_of_the_applications_gives_the_bus_its_address() {
    let postgres = Postgres::start(&[]);
    let pool = PgPool::connect(&postgres.url()).await.expect("connects");
    let bus = migrated(PostgresStore::builder().pool(pool.clone())).await;
    let mut subscription = bus.subscribe(&server("web-1")).await.expect("subscribes");
    hears(&bus, &mut subscription).await;
    // It is not one of the pool's.
    in_time(pool.close()).await;
    let other = on(&postgres).await;
    hears(&other, &mut subscription).await;
}
