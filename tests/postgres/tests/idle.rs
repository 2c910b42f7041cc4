//! F4: connections that end, or lead nowhere, while nobody uses them.

use std::time::{Duration, Instant};

use futures::future::join_all;
use typed_sessions::postgres::sqlx::postgres::PgPoolOptions;
use typed_sessions::{ErrorKind, PostgresStore, Sessions};
use typed_sessions_postgres_tests::wire::Wire;
use typed_sessions_postgres_tests::{
    Application, Member, Shop, in_time, logged_in, migrated, reason, sessions, stored,
    wait_for_waiters, wait_until_idle,
};
use typed_sessions_test_servers::eventually;
use typed_sessions_test_servers::postgres::Postgres;

/// Ends all other connections, and waits until they are gone.
const END_ALL: &str = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity \
                       WHERE pid <> pg_backend_pid() AND datname <> ''";

/// A pool of so many, with connections that have all been in use.
async fn warm(server: &Postgres, connections: u32) -> (PostgresStore, Sessions<Shop>, String) {
    let builder = PostgresStore::builder().url(server.url()).max_connections(connections);
    let store = migrated(builder.time_limit(Duration::from_secs(10))).await;
    let sessions = sessions(store.clone());
    let (_, token) = logged_in(&sessions, 7).await;
    for _ in 0..3 {
        for opened in join_all((0..20).map(|_| sessions.open(&token))).await {
            opened.expect("opens").expect("is there");
        }
    }
    wait_until_idle(&store).await;
    (store, sessions, token)
}

fn wait_until_all_are_gone(server: &Postgres) {
    let others = "SELECT count(*) FROM pg_stat_activity \
                  WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()";
    eventually("PostgreSQL has closed all", || server.sql(others) == "0");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn f4_the_first_write_after_an_idle_timeout_succeeds() {
    for connections in [1, 10] {
        let server = Postgres::start(&["idle_session_timeout=200ms"]);
        let (_, sessions, token) = warm(&server, connections).await;
        let mut session = sessions.open(&token).await.expect("opens").expect("is there");
        wait_until_all_are_gone(&server);
        in_time(session.set(Shop::VISITS, 7)).await.expect("sets");
        wait_until_all_are_gone(&server);
        in_time(sessions.start().save()).await.expect("saves");
        wait_until_all_are_gone(&server);
        in_time(sessions.start().login(Member { id: 7 })).await.expect("logs in");
        wait_until_all_are_gone(&server);
        assert_eq!(in_time(sessions.user(&7).revoke_all()).await.expect("ends"), 2);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn f4_writes_succeed_after_all_connections_were_ended() {
    let server = Postgres::start(&[]);
    for connections in [1, 10] {
        let (_, sessions, token) = warm(&server, connections).await;
        let mut session = sessions.open(&token).await.expect("opens").expect("is there");
        for n in 1..=10 {
            server.sql(END_ALL);
            in_time(session.set(Shop::VISITS, n)).await.expect("sets");
            in_time(sessions.start().login(Member { id: n.into() })).await.expect("logs in");
        }
    }
    let pool = PgPoolOptions::new().max_connections(5).test_before_acquire(false);
    let pool = pool.connect(&server.url()).await.expect("connects");
    let given = sessions(migrated(PostgresStore::builder().pool(pool)).await);
    let (mut session, _) = stored(&given).await;
    for n in 1..=10 {
        server.sql(END_ALL);
        in_time(session.set(Shop::VISITS, n)).await.expect("sets");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn f4_writes_succeed_after_a_restart() {
    for connections in [1, 10] {
        let mut server = Postgres::start(&[]);
        let (_, sessions, token) = warm(&server, connections).await;
        let mut session = sessions.open(&token).await.expect("opens").expect("is there");
        server.restart();
        in_time(session.set(Shop::VISITS, 7)).await.expect("sets");
        server.restart();
        in_time(sessions.start().login(Member { id: 7 })).await.expect("logs in");
        server.restart();
        assert_eq!(in_time(sessions.user(&7).revoke_all()).await.expect("ends"), 2);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn f4_a_write_that_postgres_broke_off_is_carried_out_once() {
    let server = Postgres::start(&[]);
    let (_, sessions, token) = warm(&server, 3).await;
    let mut session = sessions.open(&token).await.expect("opens").expect("is there");
    let mut application = Application::begin(&server).await;
    application.lock(session.id()).await;
    let write = tokio::spawn(async move { session.update(Shop::VISITS, |n| *n += 10).await });
    wait_for_waiters(&server, 1);
    server.sql(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity \
         WHERE wait_event_type = 'Lock'",
    );
    wait_for_waiters(&server, 1);
    application.commit().await;
    in_time(write).await.expect("no panic").expect("it is sent again");
    assert_eq!(sessions.open(&token).await.expect("opens").expect("is there").visits, 10);
}

#[tokio::test]
async fn f4_a_write_that_was_complete_is_not_sent_again() {
    let server = Postgres::start(&[]);
    let (_, sessions, token) = warm(&server, 3).await;
    let mut session = sessions.open(&token).await.expect("opens").expect("is there");
    // While it commits, as far as the store can see; the sequence counts also what is undone.
    server.sql(
        "CREATE SEQUENCE tries; \
         CREATE FUNCTION shut_down() RETURNS trigger LANGUAGE plpgsql AS \
         'BEGIN PERFORM nextval(''tries''); RAISE ''terminating'' USING ERRCODE = ''57P01''; END'; \
         CREATE CONSTRAINT TRIGGER shut_down AFTER UPDATE ON typed_sessions \
         DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION shut_down()",
    );
    let error = in_time(session.set(Shop::VISITS, 7)).await.expect_err("nobody knows");
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
    assert!(reason(&error).contains("57P01"), "{error:?}");
    assert_eq!(server.sql("SELECT last_value FROM tries"), "1");
}

/// As when a firewall has forgotten them.
#[tokio::test]
async fn f4_connections_that_lead_nowhere_after_a_long_idle_time_cost_no_write() {
    let server = Postgres::start(&[]);
    let wire = Wire::to(&server).await;
    let limit = Duration::from_secs(4);
    let builder = PostgresStore::builder().url(wire.url()).max_connections(6).time_limit(limit);
    let store = migrated(builder).await;
    let sessions = sessions(store.clone());
    let (mut session, token) = stored(&sessions).await;
    join_all((0..20).map(|_| sessions.open(&token))).await;
    wait_until_idle(&store).await;
    assert!(store.pool().size() > 4, "one after the other would take too long");
    tokio::time::sleep(Duration::from_millis(10_100)).await;
    wire.cut();
    let begin = Instant::now();
    session.set(Shop::VISITS, 7).await.expect("on a new connection");
    assert!(begin.elapsed() >= limit / 4, "it was asked for a sign of life");
    for n in 0..10 {
        session.set(Shop::VISITS, n).await.expect("and so do all that follow");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn f4_a_pool_of_the_applications_that_leads_nowhere_costs_nothing() {
    let server = Postgres::start(&[]);
    migrated(PostgresStore::builder().url(server.url())).await;
    let wire = Wire::to(&server).await;
    let pool = PgPoolOptions::new().max_connections(6).test_before_acquire(false);
    let pool = pool.connect(&wire.url()).await.expect("connects");
    let held = join_all((0..6).map(|_| pool.acquire())).await;
    drop(held);
    eventually("all are idle", || pool.num_idle() == 6);
    wire.cut();
    // It has seen none of them.
    let builder = PostgresStore::builder().pool(pool).time_limit(Duration::from_secs(5));
    let sessions = sessions(builder.connect().await.expect("connects"));
    in_time(sessions.start().save()).await.expect("saves");
}
