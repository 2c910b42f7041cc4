//! F: servers that die, hang, refuse and lose, for real.

use std::time::Duration;

use futures::future::join_all;
use typed_sessions::postgres::PostgresStoreBuilder;
use typed_sessions::postgres::sqlx::{self, Executor as _};
use typed_sessions::{ErrorKind, Overflow, PostgresStore, Sessions};
use typed_sessions_postgres_tests::faults::{
    Crashes, a_hanging_server_is_unavailable, acknowledged_writes_survive,
};
use typed_sessions_postgres_tests::wire::Wire;
use typed_sessions_postgres_tests::{
    Application, Member, Shop, in_time, logged_in, migrated, reason, sessions, stored,
    wait_for_waiters, wait_until_idle,
};
use typed_sessions_test_servers::postgres::Postgres;

fn at(server: &Postgres) -> PostgresStoreBuilder {
    PostgresStore::builder().url(server.url())
}

async fn on(server: &Postgres) -> Sessions<Shop> {
    sessions(migrated(at(server)).await)
}

/// A store that gives up soon.
async fn hasty(server: &Postgres) -> Sessions<Shop> {
    migrated(at(server)).await;
    sessions(at(server).time_limit(Duration::from_millis(300)).connect().await.expect("connects"))
}

async fn crash(mut server: Postgres) -> Postgres {
    let killed = tokio::task::spawn_blocking(move || {
        server.kill();
        server.start_again();
        server
    });
    killed.await.expect("starts again")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn f1_what_was_acknowledged_survives_a_crash() {
    let mut server = Postgres::start(&[]);
    let sessions = on(&server).await;
    let plan = Crashes { sessions: 200, every: Duration::from_millis(500), interrupted: 20 };
    acknowledged_writes_survive(&sessions, plan, move || {
        server.kill();
        server.start_again();
    })
    .await;
}

#[tokio::test]
async fn f1_an_unlogged_table_is_empty_after_a_crash() {
    let server = Postgres::start(&[]);
    let sessions = sessions(migrated(at(&server).unlogged(true)).await);
    let (mut session, token) = stored(&sessions).await;
    let server = crash(server).await;
    let opened = in_time(sessions.open(&token)).await.expect("a read finds another connection");
    assert!(opened.is_none(), "the guide says that it is empty");
    assert_eq!(session.set(Shop::VISITS, 2).await.expect_err("it is gone").kind(), ErrorKind::Gone);
    logged_in(&sessions, 1).await;
    drop(server);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn f1_an_unlogged_table_survives_a_clean_restart() {
    let mut server = Postgres::start(&[]);
    let sessions = sessions(migrated(at(&server).unlogged(true)).await);
    let (mut session, token) = stored(&sessions).await;
    server.restart();
    let mut opened = in_time(sessions.open(&token))
        .await
        .expect("a read finds another connection")
        .expect("is there");
    assert_eq!(opened.id(), session.id());
    opened.set(Shop::VISITS, 2).await.expect("is written");
    session.set(Shop::VISITS, 3).await.expect("also by a handle from before");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn f1_a_server_that_hangs_is_unavailable() {
    let server = Postgres::start(&[]);
    a_hanging_server_is_unavailable(&hasty(&server).await, || server.stop(), || server.resume())
        .await;
}

#[tokio::test]
async fn f1_a_pool_without_a_free_connection_is_unavailable() {
    let server = Postgres::start(&[]);
    let pool = sqlx::postgres::PgPoolOptions::new().max_connections(2).test_before_acquire(false);
    let pool = pool.connect(&server.url()).await.expect("connects");
    let builder =
        PostgresStore::builder().pool(pool.clone()).time_limit(Duration::from_millis(300));
    let store = migrated(builder).await;
    let sessions = sessions(store);
    let (_, token) = stored(&sessions).await;
    let held = [pool.acquire().await.expect("free"), pool.acquire().await.expect("free")];
    let error = in_time(sessions.open(&token)).await.expect_err("the application holds both");
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(reason(&error).contains("no connection was free"), "{error:?}");
    drop(held);
    in_time(sessions.open(&token)).await.expect("free again").expect("is there");
    pool.close().await;
    let error = in_time(sessions.open(&token)).await.expect_err("closed");
    assert_eq!(error.kind(), ErrorKind::Unavailable);
}

#[tokio::test]
async fn f1_after_a_restart_one_write_notices_not_one_for_each_connection() {
    let server = Postgres::start(&[]);
    let sessions = on(&server).await;
    let all = join_all((0..50).map(|_| stored(&sessions))).await;
    let server = crash(server).await;
    let mut session = all.into_iter().next().expect("some").0;
    // And waits until they are gone.
    let kill = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity \
                WHERE pid <> pg_backend_pid() AND datname <> ''";
    for _ in 0..8 {
        let mut failed = 0;
        for n in 0..20 {
            if let Err(error) = in_time(session.set(Shop::VISITS, n)).await {
                assert_eq!(
                    error.kind(),
                    ErrorKind::Unavailable,
                    "its outcome is not known: {error:?}"
                );
                failed += 1;
            }
            let token = session.token().expose();
            in_time(sessions.open(&token)).await.expect("a read is sent again").expect("is there");
        }
        assert!(failed <= 1, "{failed} of 20 writes found a dead connection");
        server.sql(kill);
    }
}

#[tokio::test]
async fn f1_a_write_whose_answer_is_lost_is_not_sent_again() {
    let server = Postgres::start(&[]);
    let wire = Wire::to(&server).await;
    let store = migrated(PostgresStore::builder().url(wire.url()).max_connections(1)).await;
    let sessions = sessions(store.clone());
    let (mut session, token) = stored(&sessions).await;
    session.update(Shop::VISITS, |n| *n += 1).await.expect("updates");
    sessions.open(&token).await.expect("reads").expect("is there");
    let forget = async || {
        // Not the sign of life for which the pool asks.
        wait_until_idle(&store).await;
        wire.forget_next_answer();
    };
    forget().await;
    let error = in_time(session.update(Shop::VISITS, |n| *n += 1)).await.expect_err("nobody knows");
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert_eq!(
        sessions.open(&token).await.expect("reads").expect("is there").visits,
        3,
        "it was carried out once"
    );
    forget().await;
    assert_eq!(
        in_time(sessions.open(&token))
            .await
            .expect("a read is sent again")
            .expect("is there")
            .visits,
        3
    );
    // The new connection gets to know this statement.
    stored(&sessions).await.0.destroy().await.expect("ends");
    forget().await;
    let error = in_time(session.destroy()).await.expect_err("nobody knows");
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(sessions.open(&token).await.expect("reads").is_none());
}

#[tokio::test]
async fn f1_a_connection_that_leads_nowhere_is_given_up() {
    let server = Postgres::start(&[]);
    let wire = Wire::to(&server).await;
    let builder = PostgresStore::builder()
        .url(wire.url())
        .max_connections(1)
        .time_limit(Duration::from_secs(1));
    let sessions = sessions(migrated(builder).await);
    let (mut session, token) = stored(&sessions).await;
    for round in 0..3 {
        wire.cut();
        let error = in_time(sessions.open(&token)).await.expect_err("nobody answers");
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert!(sessions.open(&token).await.expect("a new connection answers").is_some());
        session.set(Shop::VISITS, round).await.expect("and takes writes");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f1_a_call_that_was_given_up_keeps_no_place_in_the_pool() {
    let server = Postgres::start(&[]);
    let store = migrated(at(&server).max_connections(1).time_limit(Duration::from_secs(1))).await;
    let sessions = sessions(store);
    let (mut session, token) = stored(&sessions).await;
    let mut application = Application::begin(&server).await;
    application.lock(session.id()).await;
    // As a web framework does when its client is gone.
    let request = tokio::spawn(async move { session.set(Shop::VISITS, 7).await });
    wait_for_waiters(&server, 1);
    request.abort();
    let mut opened = in_time(sessions.open(&token)).await;
    for _ in 0..10 {
        if opened.is_ok() {
            break;
        }
        opened = in_time(sessions.open(&token)).await;
    }
    assert!(opened.expect("the row is locked still, the pool is not").is_some());
    application.commit().await;
}

#[tokio::test]
async fn f1_nobody_is_there_or_somebody_else() {
    let mut server = Postgres::start(&[]);
    let sessions = hasty(&server).await;
    let (_, token) = stored(&sessions).await;
    server.kill();
    let error = in_time(sessions.open(&token)).await.expect_err("nobody is there");
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
    let error = in_time(PostgresStore::connect(server.url())).await.expect_err("nobody is there");
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
    // Takes connections and says nothing.
    let mute = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("postgres://x@{}/x", mute.local_addr().expect("an address"));
    let error = in_time(PostgresStore::connect(url)).await.expect_err("it does not answer");
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
}

#[tokio::test]
async fn f1_connecting_may_take_longer_than_a_call() {
    let server = Postgres::start(&[]);
    let wire = Wire::to(&server).await;
    let (_, token) = stored(&on(&server).await).await;
    let builder = PostgresStore::builder().url(wire.url()).time_limit(Duration::from_millis(200));
    let sessions = sessions(builder.connect().await.expect("connects"));
    sessions.open(&token).await.expect("opens").expect("is there");
    wire.let_in_after(500);
    server.sql(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
         WHERE pid <> pg_backend_pid() AND datname = 'postgres'",
    );
    let mut tries = 0;
    while let Err(error) = in_time(sessions.open(&token)).await {
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
        tries += 1;
        assert!(tries < 100, "no connection was ever made: {error:?}");
    }
    assert!(tries > 0, "connecting was not slow");
}

#[tokio::test]
async fn statements_that_all_connections_forgot_are_prepared_again() {
    let server = Postgres::start(&[]);
    let store = migrated(at(&server).max_connections(3)).await;
    let sessions = sessions(store.clone());
    let (_, token) = stored(&sessions).await;
    for round in 0..5 {
        // Each of them knows the statements.
        let opened = join_all((0..20).map(|_| sessions.open(&token))).await;
        let mut session =
            opened.into_iter().last().expect("is one").expect("opens").expect("is there");
        session.set(Shop::VISITS, round).await.expect("sets");
        wait_until_idle(&store).await;
        let all = join_all((0..store.pool().size()).map(|_| store.pool().acquire())).await;
        assert!(all.len() > 1, "one connection proves little");
        for connection in all {
            // As PgBouncer does between two clients, or the application in the same pool.
            connection.expect("is free").execute("DEALLOCATE ALL").await.expect("works");
        }
        wait_until_idle(&store).await;
        sessions.open(&token).await.expect("opens").expect("is there");
        session.set(Shop::VISITS, round + 10).await.expect("sets");
    }
}

#[tokio::test]
async fn a_standby_says_where_to_write() {
    let server = Postgres::start(&[]);
    let (_, token) = stored(&on(&server).await).await;
    let standby = server.standby();
    typed_sessions_test_servers::eventually("it has caught up", || {
        standby.try_sql("SELECT count(*) FROM typed_sessions").as_deref() == Ok("1")
    });
    let here = on(&standby).await;
    let mut session = here.open(&token).await.expect("reads").expect("is there");
    let error = in_time(session.set(Shop::VISITS, 7)).await.expect_err("read-only");
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(reason(&error).contains("connect to the primary"), "{error:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn w3_serialization_failures_are_tried_again_inside() {
    for isolation in ["repeatable read", "serializable"] {
        let server = Postgres::start(&[&format!("default_transaction_isolation={isolation}")]);
        let sessions = sessions(migrated(at(&server).time_limit(Duration::from_secs(20))).await);
        let (_, token) = stored(&sessions).await;
        // Until they have been in each other's way, which a busy machine may put off.
        let mut visits = 1;
        while visits == 1 || !server.log().contains("could not serialize access") {
            let writers = (0..8).map(|_| {
                let (sessions, token) = (sessions.clone(), token.clone());
                tokio::spawn(async move {
                    let opened = sessions.open(&token).await.expect("opens");
                    let mut session = opened.expect("is there");
                    for _ in 0..25 {
                        session.update(Shop::VISITS, |n| *n += 1).await.expect("updates");
                        session.set(Shop::NOTE, "x".into()).await.expect("sets");
                    }
                })
            });
            for writer in writers.collect::<Vec<_>>() {
                writer.await.expect("no panic");
            }
            visits += 200;
            let session = sessions.open(&token).await.expect("opens").expect("is there");
            assert_eq!(session.visits, visits);
            assert!(visits < 10_000, "{isolation}: nothing was in anybody's way");
        }

        // A limit is counted in what others have committed by now.
        let limited = Sessions::<Shop>::builder(at(&server).connect().await.expect("connects"));
        let limited =
            limited.max_sessions_per_user(1, Overflow::Refuse).build().expect("consistent");
        let error = limited.start().login(Member { id: 1 }).await.expect_err("it would not be");
        assert_eq!(error.kind(), ErrorKind::Store);
        assert!(
            reason(&error).contains("default_transaction_isolation = 'read committed'"),
            "{error:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn u3_a_deadlock_with_the_application_is_tried_again_inside() {
    let server = Postgres::start(&["deadlock_timeout=100ms"]);
    let store = migrated(at(&server).time_limit(Duration::from_secs(20))).await;
    let sessions = Sessions::<Shop>::builder(store).max_sessions_per_user(1, Overflow::EvictOldest);
    let sessions = sessions.build().expect("consistent");
    let (mut here, _) = stored(&sessions).await;
    let (there, _) = logged_in(&sessions, 1).await;
    let mut ids = [here.id(), there.id()];
    ids.sort_unstable_by_key(|id| *id.as_bytes());
    let mut application = Application::begin(&server).await;
    // The application waits longer than PostgreSQL needs to find the ring: the login is undone.
    application.execute("SET deadlock_timeout = '20s'").await;
    application.lock(ids[1]).await;
    let login = tokio::spawn(async move {
        here.login(Member { id: 1 }).await.expect("it is sent again");
        here
    });
    wait_for_waiters(&server, 1);
    in_time(application.lock(ids[0])).await;
    application.commit().await;
    let here = in_time(login).await.expect("no panic");
    assert!(server.log().contains("deadlock detected"), "nobody waited in a ring");
    let left = sessions.user(&1).list().await.expect("lists");
    assert_eq!(left.iter().map(typed_sessions::SessionInfo::id).collect::<Vec<_>>(), [here.id()]);
}
