//! Tables and names; what touches do to rows and indexes.

use futures::future::join_all;
use typed_sessions::{
    ErrorKind, ManualClock, PostgresStore, SessionStore as _, Sessions, hours, minutes,
};
use typed_sessions_postgres_tests::{Shop, logged_in, migrated, sessions, store, stored, works};
use typed_sessions_test_servers::postgres::Postgres;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn e3_touches_stay_hot() {
    let server = Postgres::start(&["autovacuum=off"]);
    let store = migrated(PostgresStore::builder().url(server.url())).await;
    let clock = ManualClock::default();
    let sessions =
        Sessions::<Shop>::builder(store).clock(clock.clone()).build().expect("the defaults");
    let all: Vec<_> = join_all((0..2000).map(|user| logged_in(&sessions, user))).await;
    let size = "SELECT sum(pg_relation_size(indexrelid)) FROM pg_stat_user_indexes \
                WHERE relname = 'typed_sessions'";
    let number = |sql: &str| server.sql(sql).parse::<u64>().expect("a number");
    let indexes_before = number(size);
    let heap = "SELECT pg_relation_size('typed_sessions')";
    let heap_before = number(heap);
    for _ in 0..10 {
        clock.advance(minutes(1));
        // Requests come in no order: neighbours in the table are seldom touched at the same moment.
        let order: Vec<usize> = (0..all.len()).map(|n| n * 701 % all.len()).collect();
        for some in order.chunks(100) {
            let opened = join_all(some.iter().map(|n| sessions.open(&all[*n].1))).await;
            assert!(opened.into_iter().all(|session| session.expect("works").is_some()));
        }
    }
    typed_sessions_test_servers::eventually("the statistics are told", || {
        server.sql(
            "SELECT n_tup_upd >= 20000 FROM pg_stat_user_tables WHERE relname = 'typed_sessions'",
        ) == "t"
    });
    let percent = "SELECT 100 * n_tup_hot_upd / n_tup_upd FROM pg_stat_user_tables \
                   WHERE relname = 'typed_sessions'";
    assert!(number(percent) >= 95, "{} % of the updates were HOT", number(percent));
    // A few that were not may have filled a page.
    let indexes_after = number(size);
    assert!(
        indexes_after <= indexes_before * 21 / 20,
        "the indexes grew from {indexes_before} to {indexes_after}"
    );
    let heap_after = number(heap);
    assert!(heap_after < heap_before * 3 / 2, "the table grew from {heap_before} to {heap_after}");
}

#[tokio::test]
async fn a_table_that_is_not_ours_is_told_and_left_alone() {
    let server = Postgres::start(&[]);
    let of = || PostgresStore::builder().url(server.url()).connect();
    let reason =
        |error: &typed_sessions::Error| format!("{error} {:?}", std::error::Error::source(error));
    server.sql("CREATE TABLE typed_sessions (mine int); INSERT INTO typed_sessions VALUES (1)");
    let store = of().await.expect("connects");
    let error = store.migrate().await.expect_err("the name is taken");
    assert_eq!(error.kind(), ErrorKind::Store);
    assert!(reason(&error).contains("NameTaken"), "{}", reason(&error));
    assert_eq!(server.sql("SELECT mine FROM typed_sessions"), "1");
    assert!(server.try_sql("SELECT FROM typed_sessions_migrations").is_err(), "all or nothing");
    server.sql("DROP TABLE typed_sessions");
    store.migrate().await.expect("the name is free");
    server.sql("DROP TABLE typed_sessions");
    let error = store.migrate().await.expect_err("somebody dropped it");
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().contains("restore it"), "{error}");
}

#[tokio::test]
async fn names_are_taken_literally() {
    let server = Postgres::start(&[]);
    let names = [
        ("My \"Schema\"", "The \"Table\""),
        ("s'; DROP TABLE x --", "{table} $1 $body$ $_body$"),
        ("Ünïcode 🦀", "\\'E"),
        ("public", "select"),
    ];
    for (schema, table) in names {
        let builder = || {
            PostgresStore::builder()
                .url(server.url())
                .schema(schema)
                .table(table)
                .max_connections(2)
        };
        let store = migrated(builder()).await;
        migrated(builder()).await;
        let limited = Sessions::<Shop>::builder(store.clone());
        let limited = limited
            .max_sessions_per_user(1, typed_sessions::Overflow::EvictOldest)
            .build()
            .expect("possible");
        logged_in(&limited, 5).await;
        logged_in(&limited, 5).await;
        assert_eq!(limited.user(&5).count().await.expect("counts"), 1);
        works(store).await;
        let quoted = [schema, table].map(|name| format!("\"{}\"", name.replace('"', "\"\"")));
        assert_eq!(server.sql(&format!("SELECT count(*) FROM {}.{}", quoted[0], quoted[1])), "1");
    }
    let error = PostgresStore::builder()
        .url(server.url())
        .table("t".repeat(53))
        .connect()
        .await
        .expect_err("too long");
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(
        error.to_string().contains("(53 bytes)") && error.to_string().contains("1 to 52 bytes"),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn partitions_as_the_guide_advises() {
    let server = Postgres::start(&[]);
    let of = || PostgresStore::builder().url(server.url()).schema("shop");
    let sql = of().migration_sql().expect("possible names");
    let guide = include_str!("../../../session/src/docs/postgres.md");
    let (_, partitions) = guide.split_once("```text\nPARTITION BY").expect("the guide has them");
    let (partitions, _) = partitions.split_once("```").expect("a block");
    let (begin, rest) = sql.split_once("WITH (fillfactor").expect("the table's options");
    let (_, end) = rest.split_once(';').expect("the end of the statement");
    server.sql(&format!("{begin}PARTITION BY{partitions}{end}"));
    let store = migrated(of()).await;
    let limited = Sessions::<Shop>::builder(store.clone());
    let limited = limited
        .max_sessions_per_user(2, typed_sessions::Overflow::EvictOldest)
        .build()
        .expect("possible");
    for _ in 0..20 {
        logged_in(&limited, 5).await;
    }
    assert_eq!(limited.user(&5).count().await.expect("counts"), 2);
    works(store).await;
    assert_eq!(server.sql("SELECT count(*) FROM shop.typed_sessions"), "2");
}

#[tokio::test]
async fn unlogged_is_as_configured() {
    let server = Postgres::start(&[]);
    let of = |unlogged| PostgresStore::builder().url(server.url()).unlogged(unlogged);
    works(migrated(of(true)).await).await;
    assert_eq!(
        server.sql("SELECT relpersistence FROM pg_class WHERE relname = 'typed_sessions'"),
        "u"
    );
    let error = of(false)
        .connect()
        .await
        .expect("connects")
        .migrate()
        .await
        .expect_err("they contradict each other");
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(
        error.to_string().contains("is unlogged")
            && error.to_string().contains("`unlogged(false)`"),
        "{error}"
    );
    server.sql("ALTER TABLE typed_sessions SET LOGGED");
    migrated(of(false)).await;
    let error = of(true)
        .connect()
        .await
        .expect("connects")
        .migrate()
        .await
        .expect_err("they contradict each other");
    assert!(error.to_string().contains("SET UNLOGGED"), "{error}");
}

#[tokio::test]
async fn stores_in_other_tables_see_nothing_of_each_other() {
    let all = [sessions(store().await), sessions(store().await)];
    for (n, some) in all.iter().enumerate() {
        let (_, token) = logged_in(some, 1).await;
        for (other_n, other) in all.iter().enumerate() {
            assert_eq!(other.open(&token).await.expect("works").is_some(), n == other_n);
        }
    }
    for some in &all {
        assert_eq!(some.user(&1).list().await.expect("lists").len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn requests_and_sweeps_read_no_whole_table() {
    let server = Postgres::start(&["autovacuum=off"]);
    // The index builds have read it, and a connection tells its statistics when it ends.
    migrated(PostgresStore::builder().url(server.url())).await.pool().close().await;
    let store = migrated(PostgresStore::builder().url(server.url())).await;
    let limited = Sessions::<Shop>::builder(store.clone());
    let sessions = limited
        .max_sessions_per_user(2, typed_sessions::Overflow::EvictOldest)
        .build()
        .expect("possible");
    stored(&sessions).await;
    server.sql(
        "INSERT INTO typed_sessions (id, header, revision, login_epoch, deadline, last_seen, \
         user_id, expires_at, sweep_at, fields) \
         SELECT decode(md5(n::text), 'hex'), header, 1, 1, 9e15, 0, n::text::bytea, \
         now() + n * interval '1 s', now() + n * interval '1 s', fields \
         FROM (SELECT * FROM typed_sessions) one, generate_series(1, 20000) n",
    );
    server.sql("ANALYZE");
    let scans = || {
        // Statistics of other sessions are told when those are idle for a moment.
        server.sql("SELECT pg_stat_force_next_flush()");
        server.sql(
            "SELECT seq_scan, idx_scan FROM pg_stat_user_tables WHERE relname = 'typed_sessions'",
        )
    };
    let before = scans();
    for round in 0..10 {
        let (mut session, token) = logged_in(&sessions, 5).await;
        session.set(Shop::VISITS, round).await.expect("sets");
        session.touch().await.expect("touches");
        sessions.open(&token).await.expect("opens").expect("is there");
        assert_eq!(sessions.user(&5).count().await.expect("counts"), 2);
        store.purge_expired(10).await.expect("purges");
        store.headers(&[session.id()]).await.expect("reads");
        session.destroy().await.expect("ends");
        logged_in(&sessions, 5).await;
    }
    store.pool().close().await;
    let (sequential_before, _) = before.split_once('|').expect("two numbers");
    typed_sessions_test_servers::eventually("the statistics are told", || {
        let now = scans();
        let (_, indexed) = now.split_once('|').expect("two numbers");
        indexed.parse::<u32>().expect("a number") >= 90
    });
    let after = scans();
    assert_eq!(
        after.split_once('|').expect("two numbers").0,
        sequential_before,
        "the whole table was read"
    );
}

#[tokio::test]
async fn e1_the_sweep_follows_the_deadline() {
    let server = Postgres::start(&[]);
    let store = migrated(PostgresStore::builder().url(server.url())).await;
    // A clock that is years away: what the row keeps is a duration.
    let clock = ManualClock::new(typed_sessions::Timestamp::from_millis(1_000));
    let sessions =
        Sessions::<Shop>::builder(store).clock(clock.clone()).build().expect("the defaults");
    let late = |seconds: &str| {
        server.sql(&format!("SELECT sweep_at - now() BETWEEN {seconds} FROM typed_sessions"))
    };
    let (mut session, token) = stored(&sessions).await;
    assert_eq!(
        late("interval '30 min' AND interval '90 min'"),
        "t",
        "half an hour, and up to one more"
    );
    session
        .login_with(
            typed_sessions_postgres_tests::Member { id: 1 },
            typed_sessions::Login::new().remember(hours(24 * 30)),
        )
        .await
        .expect("logs in");
    assert_eq!(late("interval '30 days' AND interval '30 days 1 hour'"), "t", "remembered");
    // Touches leave it alone until it comes near the deadline.
    let at = || server.sql("SELECT sweep_at FROM typed_sessions");
    let before = at();
    session.touch().await.expect("touches");
    assert_eq!(at(), before);
    server.sql("UPDATE typed_sessions SET sweep_at = now() + interval '1 min'");
    session.touch().await.expect("touches");
    assert_eq!(
        late("interval '30 days' AND interval '30 days 1 hour'"),
        "t",
        "it was about to be swept alive"
    );
    session.logout().await.expect("logs out");
    assert!(sessions.open(&token).await.expect("works").is_none());
    assert_eq!(late("interval '30 min' AND interval '90 min'"), "t", "no longer remembered");
}
