//! Versions of the schema, and how a database gets the latest one.

use futures::future::join_all;
use typed_sessions::bus::{Beat, Server};
use typed_sessions::store::Page;
use typed_sessions::{
    Bus as _, ErrorKind, Overflow, PostgresStore, SessionId, SessionStore as _, Sessions, UserId,
    connect, minutes,
};
use typed_sessions_postgres_tests::{Shop, logged_in, migrated, reason, sessions, works};
use typed_sessions_test_servers::postgres::Postgres;

/// What version 1 printed as its SQL.
const VERSION_1: &str = include_str!("version_1.sql");
/// What version 2 did.
const VERSION_2: &str = include_str!("version_2.sql");

/// All that a schema has: columns, indexes, options and the function.
fn catalog(server: &Postgres, schema: &str) -> String {
    let all = [
        format!(
            "SELECT table_name, ordinal_position, column_name, data_type, is_nullable, \
             column_default FROM information_schema.columns WHERE table_schema = '{schema}' \
             ORDER BY 1, 2"
        ),
        format!("SELECT indexdef FROM pg_indexes WHERE schemaname = '{schema}' ORDER BY 1"),
        format!(
            "SELECT relname, relkind, relpersistence, reloptions FROM pg_class \
             WHERE relnamespace = '{schema}'::regnamespace ORDER BY 1"
        ),
        format!(
            "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint \
             WHERE connamespace = '{schema}'::regnamespace ORDER BY 1"
        ),
        format!(
            "SELECT pg_get_functiondef(oid) FROM pg_proc \
             WHERE pronamespace = '{schema}'::regnamespace ORDER BY 1"
        ),
    ];
    all.map(|sql| server.sql(&sql)).join("\n").replace(schema, "")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn ten_nodes_may_migrate_at_once() {
    for isolation in ["read committed", "repeatable read", "serializable"] {
        let server = Postgres::start(&[&format!("default_transaction_isolation={isolation}")]);
        for round in 0..3 {
            let schema = format!("round {round}");
            // Two applications, whose tables are in the same schema.
            let tables = ["typed_sessions", "other"];
            let nodes = (0..10).map(|node| {
                let builder = PostgresStore::builder()
                    .url(server.url())
                    .schema(&schema)
                    .table(tables[node % 2]);
                let builder = builder.max_connections(1);
                tokio::spawn(async move { builder.connect().await?.migrate().await })
            });
            for node in nodes.collect::<Vec<_>>() {
                node.await.expect("no panic").expect("one migrates, the others wait");
            }
            for table in tables {
                assert_eq!(
                    server.sql(&format!("SELECT version FROM \"{schema}\".{table}_migrations")),
                    "1\n2\n3"
                );
            }
        }
    }
}

#[tokio::test]
async fn a_newer_schema_is_refused() {
    let server = Postgres::start(&[]);
    let store = migrated(PostgresStore::builder().url(server.url())).await;
    store.migrate().await.expect("nothing to do");
    server.sql("INSERT INTO typed_sessions_migrations (version) VALUES (4)");
    let error = connect(server.url()).await.expect_err("it is newer");
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(
        error
            .to_string()
            .contains("has version 4, this version of typed-sessions knows versions up to 3"),
        "{error}"
    );
}

#[tokio::test]
async fn what_has_the_name_of_ours_and_is_not_is_told_and_left_alone() {
    let server = Postgres::start(&[]);
    let others = [
        "TABLE {} (version bigint)",
        "TABLE {} (version bigint PRIMARY KEY, dirty boolean)",
        "TABLE {} (version text, applied timestamptz)",
        "TABLE {} (version int)",
        "TABLE {} (name text)",
        "TABLE {} ()",
        "VIEW {} AS SELECT 1 AS version, now() AS applied",
        "SEQUENCE {}",
        "TYPE {} AS (version int, applied timestamptz)",
    ];
    for (n, other) in others.iter().enumerate() {
        let table = format!("x{n}");
        server.sql(&format!("CREATE {}", other.replace("{}", &format!("{table}_migrations"))));
        let builder = PostgresStore::builder().url(server.url()).table(&table);
        let store = builder.connect().await.expect("connects");
        let error = store.migrate().await.expect_err(other);
        assert_eq!(error.kind(), ErrorKind::Config, "{other}: {error:?}");
        let name = format!("\"public\".\"{table}_migrations\"");
        assert!(error.to_string().contains(&name), "{other}: {error}");
        assert!(error.to_string().contains("a `table` or a `schema` of its own"), "{error}");
        assert!(server.try_sql(&format!("SELECT FROM {table}")).is_err(), "{other}");
    }
}

#[tokio::test]
async fn a_schema_that_somebody_changed_is_told() {
    let server = Postgres::start(&[]);
    for (n, (change, names)) in [
        ("ALTER TABLE {} DROP COLUMN fields", "fields jsonb"),
        ("ALTER TABLE {} ALTER fields TYPE json", "fields jsonb"),
        ("DROP TABLE {}; CREATE TABLE {} (mine int)", "\"public\".\"x1\""),
        ("DROP TABLE {}; CREATE VIEW {} AS SELECT 1 AS id", "\"public\".\"x1\""),
        ("DROP FUNCTION {}_login", "\"public\".\"x1_login\""),
        (
            "DROP FUNCTION {}_login; CREATE FUNCTION {}_login() RETURNS int LANGUAGE sql AS 'SELECT 1'",
            "\"public\".\"x1_login\"",
        ),
        ("DROP TABLE {}_servers", "\"public\".\"x1_servers\""),
        ("ALTER TABLE {}_connected DROP COLUMN user_id", "user_id bytea"),
        ("ALTER TABLE {}_messages RENAME TO {}_elsewhere", "\"public\".\"x1_messages\""),
        ("DROP FUNCTION {}_beat", "\"public\".\"x1_beat\""),
    ]
    .into_iter()
    .enumerate()
    {
        let table = format!("x{n}");
        let builder = PostgresStore::builder().url(server.url()).table(&table);
        let store = migrated(builder).await;
        server.sql(&change.replace("{}", &table));
        let error = store.migrate().await.expect_err(change);
        assert_eq!(error.kind(), ErrorKind::Config, "{change}: {error:?}");
        assert!(error.to_string().contains(&names.replace("x1", &table)), "{change}: {error}");
        if let Err(error) = sessions(store).start().save().await {
            assert_eq!(error.kind(), ErrorKind::Store, "{change}");
        }
    }
    // What one may do with it.
    let store = migrated(PostgresStore::builder().url(server.url()).table("y")).await;
    server.sql("ALTER TABLE y ADD COLUMN mine text");
    store.migrate().await.expect("it is the store's still");
    works(store).await;
    server.sql(
        "CREATE FUNCTION z_login() RETURNS int LANGUAGE sql AS 'SELECT 1'; \
         CREATE TABLE z2 (z2_user int); CREATE INDEX z3_user ON z2 (z2_user)",
    );
    for table in ["z", "z3"] {
        let store = PostgresStore::builder().url(server.url()).table(table).connect().await;
        let error = store.expect("connects").migrate().await.expect_err("a name is taken");
        assert!(reason(&error).contains("something else has this name"), "{table}: {error:?}");
    }
}

#[tokio::test]
async fn printed_sql_is_what_migrate_runs() {
    let server = Postgres::start(&[]);
    let of = |schema: &str| PostgresStore::builder().url(server.url()).schema(schema);
    server.sql(&of("printed").migration_sql().expect("possible names"));
    let store = of("printed").connect().await.expect("connects");
    store.migrate().await.expect("nothing is left to do");
    works(store).await;
    migrated(of("migrated")).await;
    assert_eq!(catalog(&server, "printed"), catalog(&server, "migrated"));
    assert!(catalog(&server, "printed").contains("typed_sessions|9|fields|jsonb|NO|"));
}

/// A database as version 1 left it, in this schema, with a few sessions: two of user 7, one of user
/// 8, one of nobody, and one that has ended.
fn version_1(server: &Postgres, schema: &str) {
    server.sql(&VERSION_1.replace("\"public\"", &format!("\"{schema}\"")));
    for (id, user, ends) in [
        (1, Some("7"), "30 min"),
        (2, Some("7"), "30 days"),
        (3, Some("8"), "30 min"),
        (4, None, "30 min"),
        (5, Some("7"), "-1 min"),
    ] {
        let login = user.map_or(String::new(), |user| {
            format!(r#","login":{{"user":"{user}","authenticated":1767225600000}}"#)
        });
        let user = user.map_or("NULL".to_owned(), |user| format!("'{user}'"));
        let header = format!(
            r#"{{"v":1,"rev":3,"epoch":1,"created":1767225600000,"seen":1767225600000,
            "deadline":1767227400000,"absolute":1767268800000,"since":1767225600000,
            "hash":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            "seed":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"{login}}}"#
        );
        server.sql(&format!(
            "INSERT INTO \"{schema}\".typed_sessions (id, header, revision, login_epoch, deadline, \
             last_seen, user_id, sweep_at, fields) VALUES (decode(repeat('0{id}', 16), 'hex'), \
             '{header}', 3, 1, extract(epoch FROM now() + interval '{ends}') * 1000, \
             1767225600000, {user}, now() + interval '{ends}', '{{\"visits\": \"1\"}}')"
        ));
    }
}

fn id(n: u8) -> SessionId {
    SessionId::from_bytes([n; 16])
}

#[test]
fn the_steps_to_earlier_versions_are_what_they_were() {
    let printed = PostgresStore::builder().migration_sql().expect("possible names");
    for (next, known) in [(2, VERSION_1), (3, VERSION_2)] {
        let heading = format!("\n-- Version {next}\n");
        let (until, _) = printed.split_once(&heading).expect("a next version");
        let until = format!("{until}\nCOMMIT;\n");
        // Version 1 had no headings.
        let until = if next == 2 { until.replace("-- Version 1\n", "") } else { until };
        assert_eq!(until, known, "before version {next}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_bus_needs_version_3_and_sessions_stay_as_they_were() {
    let server = Postgres::start(&[]);
    server.sql(VERSION_2);
    let before = PostgresStore::connect(server.url()).await.expect("connects");
    let (session, token) = logged_in(&sessions(before.clone()), 7).await;
    let hub = Server::new("web-1").expect("a name");
    let beat = Beat::new(minutes(5));
    let error = before.heartbeat(&hub, &beat).await.expect_err("it is not migrated");
    assert_eq!(error.kind(), ErrorKind::Store);
    assert!(reason(&error).contains("call `migrate`"), "{error:?}");
    let error = before.servers().await.expect_err("it is not migrated");
    assert!(reason(&error).contains("typed_sessions_servers"), "{error:?}");

    let nodes = (0..10).map(|_| {
        let builder = PostgresStore::builder().url(server.url()).max_connections(1);
        tokio::spawn(async move { builder.connect().await?.migrate().await })
    });
    for node in join_all(nodes.collect::<Vec<_>>()).await {
        node.expect("no panic").expect("one migrates, the others wait");
    }
    assert_eq!(server.sql("SELECT version FROM typed_sessions_migrations"), "1\n2\n3");
    // A node that was started before goes on.
    for store in [before, migrated(PostgresStore::builder().url(server.url())).await] {
        let opened = sessions(store.clone()).open(&token).await.expect("opens").expect("is there");
        assert_eq!(opened.id(), session.id());
        store.heartbeat(&hub, &beat).await.expect("it is there");
        assert_eq!(store.servers().await.expect("lists"), std::slice::from_ref(&hub));
        works(store).await;
    }
}

#[tokio::test]
async fn headers_of_version_2_cannot_be_opened_and_can_be_ended() {
    let server = Postgres::start(&[]);
    let sessions = sessions(migrated(PostgresStore::builder().url(server.url())).await);
    let (session, token) = logged_in(&sessions, 7).await;
    let written = server.sql(
        "UPDATE typed_sessions SET header = replace(header, '{\"v\":3,', '{\"v\":2,') \
         RETURNING header LIKE '{\"v\":2,%'",
    );
    assert!(written.starts_with('t'), "{written}");
    let error = sessions.open(&token).await.expect_err("another format");
    assert_eq!(error.kind(), ErrorKind::Decode);
    assert!(error.to_string().contains("its format is 2"), "{error}");
    assert!(sessions.user(&7).list().await.expect("lists").is_empty());
    assert!(sessions.user(&7).revoke(session.id()).await.expect("it can be ended"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sessions_of_version_1_cannot_be_opened_and_can_be_ended() {
    let server = Postgres::start(&[]);
    version_1(&server, "public");
    let behind = PostgresStore::connect(server.url()).await.expect("connects");
    let error = behind.load(&id(1)).await.expect_err("it is not migrated");
    assert_eq!(error.kind(), ErrorKind::Store);
    let store = migrated(PostgresStore::builder().url(server.url())).await;
    assert_eq!(server.sql("SELECT version FROM typed_sessions_migrations"), "1\n2\n3");
    assert_eq!(
        server.sql("SELECT count(*), bool_and(expires_at = sweep_at) FROM typed_sessions"),
        "5|t",
        "their ends are where they were"
    );

    let error = store.load(&id(1)).await.expect_err("a header of version 1");
    assert_eq!(error.kind(), ErrorKind::Decode);
    assert!(error.to_string().contains("its format is 1"), "{error}");
    assert!(store.load(&id(5)).await.expect("works").is_none(), "it has ended");
    let user = UserId::new(7).expect("an id");
    let found = store.sessions_of(&user, &Page::first(10)).await.expect("works").sessions;
    let found: Vec<_> = found.iter().map(|(id, header)| (*id, header.is_some())).collect();
    assert_eq!(found, [(id(1), false), (id(2), false)]);
    let headers = store.headers(&[id(1), id(4), id(5)]).await.expect("works");
    assert_eq!(headers.len(), 2);
    assert!(headers.iter().all(|(_, header)| header.is_none()));

    let all = Sessions::<Shop>::builder(store.clone());
    let all = all.max_sessions_per_user(3, Overflow::EvictOldest).build().expect("consistent");
    assert!(all.user(&7).list().await.expect("lists").is_empty());
    logged_in(&all, 7).await;
    assert_eq!(all.user(&7).revoke_all().await.expect("ends"), 3, "two of before, and a new one");
    assert!(all.user(&8).revoke(id(3)).await.expect("ends"));
    assert!(!all.user(&8).revoke(id(4)).await.expect("works"), "it is nobody's");
    assert!(all.revoke(id(4)).await.expect("ends"));
    assert_eq!(server.sql("SELECT count(*) FROM typed_sessions"), "1", "it has ended by itself");
    assert_eq!(store.purge_expired(10).await.expect("purges"), 1);
    works(store.clone()).await;

    version_1(&server, "other");
    let other = migrated(PostgresStore::builder().url(server.url()).schema("other")).await;
    sessions(other).revoke_everybody().await.expect("ends");
    assert_eq!(server.sql("SELECT count(*) FROM other.typed_sessions"), "0");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn ten_nodes_may_migrate_from_version_1_at_once() {
    let server = Postgres::start(&[]);
    for schema in ["one", "two", "three"] {
        version_1(&server, schema);
        let nodes = (0..10).map(|_| {
            let builder = PostgresStore::builder().url(server.url()).schema(schema);
            let builder = builder.max_connections(1);
            tokio::spawn(async move { builder.connect().await?.migrate().await })
        });
        for node in join_all(nodes.collect::<Vec<_>>()).await {
            node.expect("no panic").expect("one migrates, the others wait");
        }
        let versions = format!("SELECT version FROM {schema}.typed_sessions_migrations");
        assert_eq!(server.sql(&versions), "1\n2\n3");
        let rows = format!("SELECT count(expires_at) FROM {schema}.typed_sessions");
        assert_eq!(server.sql(&rows), "5");
    }
}

#[tokio::test]
async fn a_fresh_database_is_like_a_migrated_one() {
    let server = Postgres::start(&[]);
    let of = |schema: &str| PostgresStore::builder().url(server.url()).schema(schema);
    version_1(&server, "older");
    server.sql("ALTER TABLE older.typed_sessions SET UNLOGGED");
    migrated(of("older").unlogged(true)).await;
    migrated(of("fresh").unlogged(true)).await;
    assert_eq!(catalog(&server, "older"), catalog(&server, "fresh"));

    version_1(&server, "logged");
    migrated(of("logged")).await;
    migrated(of("brand_new")).await;
    assert_eq!(catalog(&server, "logged"), catalog(&server, "brand_new"));
    for column in ["expires_at|timestamp with time zone|NO", "(user_id, id) WHERE"] {
        assert!(catalog(&server, "logged").contains(column), "{column}");
    }
}
