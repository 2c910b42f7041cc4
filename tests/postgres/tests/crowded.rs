//! F: PostgreSQL takes fewer connections than the pool may have.

use std::time::{Duration, Instant};

use typed_sessions::postgres::PostgresStoreBuilder;
use typed_sessions::postgres::sqlx::{Connection as _, PgConnection};
use typed_sessions::{ErrorKind, PostgresStore};
use typed_sessions_postgres_tests::{Shop, in_time, logged_in, migrated, reason, sessions, stored};
use typed_sessions_test_servers::postgres::Postgres;

/// A table that the role `app` may use, which may have so many connections.
async fn limited_to(connections: u32) -> Postgres {
    let server = Postgres::start(&[]);
    migrated(PostgresStore::builder().url(server.url())).await;
    server.sql(&format!(
        "CREATE ROLE app LOGIN CONNECTION LIMIT {connections}; \
         GRANT SELECT, INSERT, UPDATE, DELETE ON typed_sessions TO app"
    ));
    server
}

fn url(server: &Postgres) -> String {
    server.url().replace("postgres@", "app@")
}

fn as_app(server: &Postgres) -> PostgresStoreBuilder {
    PostgresStore::builder().url(url(server))
}

fn refusals(server: &Postgres) -> usize {
    server.log().matches("too many connections for role").count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn f1_a_limit_below_the_pools_size_is_enough_for_all() {
    for connections in [1, 2] {
        let server = limited_to(connections).await;
        let limit = Duration::from_secs(8);
        let sessions =
            sessions(as_app(&server).time_limit(limit).connect().await.expect("connects"));
        let mut before = 0;
        for round in 0..2 {
            let tasks = (0..16).map(|n| {
                let sessions = sessions.clone();
                tokio::spawn(async move {
                    let (mut session, token) = logged_in(&sessions, n).await;
                    for visits in 0..20 {
                        session.set(Shop::VISITS, visits).await.expect("beside fifteen others");
                        sessions.open(&token).await.expect("opens").expect("is there");
                    }
                })
            });
            for task in tasks.collect::<Vec<_>>() {
                task.await.expect("all have their turn within the time limit");
            }
            assert!(refusals(&server) > 0, "the pool never wanted a second one");
            if round > 0 {
                let more = refusals(&server) - before;
                assert!(more <= 5, "{more} calls paid for what was known");
            }
            before = refusals(&server);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn f1_a_limit_that_others_use_up_is_told_and_recovered_from() {
    let server = limited_to(1).await;
    let store = as_app(&server).max_connections(1).connect().await.expect("connects");
    let sessions = sessions(store);
    let (mut session, _) = stored(&sessions).await;
    server
        .sql("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = 'app'");
    let other = PgConnection::connect(&url(&server)).await.expect("the only one");
    let told = |error: typed_sessions::Error| {
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
        let reason = reason(&error);
        assert!(reason.contains("53300"), "{reason}");
        assert!(reason.contains("too many connections for role \"app\""), "{reason}");
        assert!(reason.contains("lower `max_connections`"), "{reason}");
        assert!(!reason.contains("enlarge"), "{reason}");
    };
    told(in_time(session.set(Shop::VISITS, 7)).await.expect_err("there is no connection"));
    told(in_time(session.set(Shop::VISITS, 7)).await.expect_err("there is no connection still"));
    told(in_time(as_app(&server).connect()).await.expect_err("nor for a new store"));
    other.close().await.expect("closes");
    let begin = Instant::now();
    in_time(session.set(Shop::VISITS, 7)).await.expect("there is one again");
    assert!(begin.elapsed() < Duration::from_secs(2));
}
