//! How to get to PostgreSQL, and what it says when something is not as it should be.

use std::time::Duration;

use typed_sessions::bus::{Beat, Channel, Server, Whose};
use typed_sessions::{
    Bus as _, Device, ErrorKind, Login, PostgresStore, SessionId, Sessions, connect, minutes,
};
use typed_sessions_postgres_tests::{
    Member, Shop, in_time, logged_in, migrated, reason, sessions, stored, works,
};
use typed_sessions_test_servers::postgres::Postgres;

#[tokio::test]
async fn settings_that_contradict_each_other_are_refused() {
    let server = Postgres::start(&[]);
    let pool =
        typed_sessions::postgres::sqlx::PgPool::connect(&server.url()).await.expect("connects");
    let builder = || PostgresStore::builder().url(server.url());
    let given = || PostgresStore::builder().pool(pool.clone());
    for (what, builder, names) in [
        ("no time", builder().time_limit(Duration::ZERO), "0ns"),
        ("too much time", builder().time_limit(Duration::from_secs(31)), "31s"),
        ("two ways", given().url(server.url()), "`url`"),
        ("two sizes", given().max_connections(3), "`max_connections`"),
        ("no connections", builder().max_connections(0), "at least 1"),
        ("no name", builder().table(""), "1 to 52 bytes"),
        ("no name", builder().schema("a\0"), "no NUL"),
        (
            "no URL",
            PostgresStore::builder().url("localhost hunter2"),
            "postgres://user:password@host:port/database",
        ),
        ("a misspelt parameter", builder_with(&server, "?sslmod=hunter2"), "`sslmod`"),
        ("a fragment", builder_with(&server, "#hunter2"), "behind `#`"),
        (
            "no encoding",
            PostgresStore::builder().url("postgres://u:hunter2#/@h/d"),
            "percent-encoding",
        ),
        (
            "no port",
            PostgresStore::builder().url("postgres://u:hunter2@h:x/d"),
            "postgres://user:password@host:port",
        ),
    ] {
        let error = builder.connect().await.expect_err(what);
        assert_eq!(error.kind(), ErrorKind::Config, "{what}: {error:?}");
        assert!(error.to_string().contains(names), "{what}: {error}");
        assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
    }
    works(migrated(given()).await).await;
}

fn builder_with(server: &Postgres, tail: &str) -> typed_sessions::postgres::PostgresStoreBuilder {
    PostgresStore::builder().url(server.url() + tail)
}

#[tokio::test]
async fn what_a_url_says_is_used() {
    let server = Postgres::start(&[]);
    let tail = "?options[tcp_keepalives_idle]=61&application_name=shop";
    let store = builder_with(&server, tail).connect().await.expect("connects");
    for (setting, value) in [("tcp_keepalives_idle", "61"), ("application_name", "shop")] {
        let query = typed_sessions::postgres::sqlx::query_scalar("SELECT current_setting($1)");
        let set: String = query.bind(setting).fetch_one(store.pool()).await.expect("answers");
        assert_eq!(set, value, "{setting}");
    }
    let url = server.url() + "?sslmod=hunter2";
    for url in [url.replace("postgres://", "postgresql://"), url] {
        let error = connect(url).await.expect_err("nobody reads it");
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains("`sslmod`"), "{error}");
        assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
    }
}

#[tokio::test]
async fn connect_gives_a_store_that_is_ready() {
    let server = Postgres::start(&[]);
    for url in [server.url(), server.url().replace("postgres://", "postgresql://")] {
        let sessions = Sessions::<Shop>::new(connect(url).await.expect("connects and migrates"));
        stored(&sessions).await;
    }
    assert_eq!(server.sql("SELECT count(*) FROM public.typed_sessions"), "2");
}

#[tokio::test]
async fn a_missing_table_says_to_migrate() {
    let server = Postgres::start(&[]);
    let store = PostgresStore::connect(server.url()).await.expect("connects");
    let sessions = sessions(store.clone());
    let told = |error: typed_sessions::Error| {
        assert_eq!(error.kind(), ErrorKind::Store);
        assert!(reason(&error).contains("call `migrate`"), "{error:?}");
    };
    told(sessions.start().save().await.expect_err("no table"));
    told(sessions.open("A".repeat(54)).await.expect_err("no table"));
    told(sessions.user(&1).list().await.expect_err("no table"));
    told(sessions.revoke(SessionId::from_bytes([7; 16])).await.expect_err("no table"));
    told(sessions.revoke_everybody().await.expect_err("no table"));
    told(store.purge_expired(1).await.expect_err("no table"));
    let limited = Sessions::<Shop>::builder(store.clone())
        .max_sessions_per_user(1, typed_sessions::Overflow::Refuse);
    told(
        limited
            .build()
            .expect("possible")
            .start()
            .login(Member { id: 1 })
            .await
            .expect_err("no function"),
    );
    store.migrate().await.expect("migrates");
    works(store).await;
}

#[tokio::test]
async fn the_permissions_in_the_guide_suffice() {
    let server = Postgres::start(&[]);
    let guide = include_str!("../../../session/src/docs/postgres.md");
    let begin = guide.find("```sql\nCREATE ROLE shop").expect("the guide has the statements")
        + "```sql\n".len();
    let grants = &guide[begin..begin + guide[begin..].find("```").expect("a block")];
    migrated(PostgresStore::builder().url(server.url()).schema("shop")).await;
    server.sql(grants);
    let url = server.url().replace("postgres@", "shop:secret@");
    let store =
        PostgresStore::builder().url(&url).schema("shop").connect().await.expect("accepted");
    store.migrate().await.expect("nothing to do, and nothing to ask permission for");
    let limited = Sessions::<Shop>::builder(store.clone());
    let limited = limited
        .max_sessions_per_user(1, typed_sessions::Overflow::EvictOldest)
        .build()
        .expect("possible");
    let (mut session, _) = logged_in(&limited, 1).await;
    logged_in(&limited, 1).await;
    assert_eq!(
        session.set(Shop::VISITS, 1).await.expect_err("it was evicted").kind(),
        ErrorKind::Gone
    );
    assert_eq!(limited.user(&1).revoke_all().await.expect("ends"), 1);
    assert_eq!(store.purge_expired(1).await.expect("purges"), 0);
    limited.revoke_everybody().await.expect("ends");
    works(store.clone()).await;
    the_bus_works(&store).await;
    for (table, privilege) in
        [("servers", "UPDATE"), ("connected", "DELETE"), ("messages", "UPDATE")]
    {
        server.sql(&format!("REVOKE {privilege} ON shop.typed_sessions_{table} FROM shop"));
        let hub = Server::new("web-1").expect("a name");
        let error = store.heartbeat(&hub, &Beat::new(minutes(1))).await.expect_err("it may not");
        assert_eq!(error.kind(), ErrorKind::Store);
        let names = format!("permission denied for table typed_sessions_{table}");
        assert!(reason(&error).contains(&names), "{error:?}");
        server.sql(&format!("GRANT {privilege} ON shop.typed_sessions_{table} TO shop"));
    }

    server.sql("REVOKE INSERT ON shop.typed_sessions FROM shop");
    let error = limited.start().save().await.expect_err("it may not");
    assert_eq!(error.kind(), ErrorKind::Store);
    assert!(reason(&error).contains("lacks a permission"), "{error:?}");
    let store = PostgresStore::builder()
        .url(&url)
        .schema("shop")
        .table("other")
        .connect()
        .await
        .expect("connects");
    assert!(reason(&store.migrate().await.expect_err("it may not")).contains("lacks a permission"));
}

/// Sends small and large messages, and lists who is connected.
async fn the_bus_works(bus: &PostgresStore) {
    let hub = Server::new("web-1").expect("a name");
    let mut subscription = bus.subscribe(&hub).await.expect("subscribes");
    for size in [1, 60_000] {
        let message = vec![7; size];
        bus.publish(&Channel::Control, message.clone().into()).await.expect("publishes");
        assert!(in_time(subscription.next()).await.expect("hears") == message);
    }
    for lease in [minutes(1), Duration::ZERO] {
        bus.heartbeat(&hub, &Beat::new(lease)).await.expect("beats");
        let known = bus.servers().await.expect("lists");
        assert_eq!(known.contains(&hub), !lease.is_zero());
    }
    let of = Whose::Session(SessionId::from_bytes([7; 16]));
    assert!(bus.connections(&of).await.expect("lists").is_empty());
}

#[tokio::test]
async fn refused_credentials_are_told_and_not_shown() {
    let server = Postgres::start(&[]);
    server.sql("CREATE ROLE locked LOGIN PASSWORD 'right'");
    server
        .private_file("pg_hba.conf", "host all locked all scram-sha-256\nhost all all all trust\n");
    server.sql("SELECT pg_reload_conf()");
    let url = |password: &str| server.url().replace("postgres@", &format!("locked:{password}@"));
    typed_sessions_test_servers::eventually("the server asks for passwords", || {
        server.try_sql("SELECT count(*) FROM pg_hba_file_rules").as_deref() == Ok("2")
    });
    PostgresStore::connect(url("right")).await.expect("accepted");
    let error = PostgresStore::connect(url("hunter2")).await.expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::Store, "{error:?}");
    assert!(reason(&error).contains("check user and password"), "{error:?}");
    assert!(!format!("{error} {error:?}").contains("hunter2"));
    let builder = PostgresStore::builder().url(url("right"));
    assert!(!format!("{builder:?}").contains("right"));
    let store = builder.connect().await.expect("accepted");
    assert!(!format!("{store:?}").contains("right"));
}

#[tokio::test]
async fn a_database_in_another_encoding_is_refused() {
    let server = Postgres::start(&[]);
    server.sql("CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0");
    let error = connect(format!("postgres://postgres@{}/latin", server.address())).await;
    let error = error.expect_err("not every text fits");
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().contains("LATIN1") && error.to_string().contains("UTF8"), "{error}");
}

#[tokio::test]
async fn an_encrypted_connection() {
    let server = Postgres::start(&[]);
    let certificate =
        rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let pem = certificate.cert.pem();
    server.private_file("server.crt", &pem);
    server.private_file("server.key", &certificate.signing_key.serialize_pem());
    let url = |mode: &str| server.url().replace("127.0.0.1", "localhost") + "?sslmode=" + mode;
    let error = PostgresStore::connect(url("require")).await.expect_err("it is not encrypted yet");
    assert_eq!(error.kind(), ErrorKind::Store, "{error:?}");
    assert!(reason(&error).contains("encrypted connection"), "{error:?}");

    server.sql("ALTER SYSTEM SET ssl = on");
    server.sql("SELECT pg_reload_conf()");
    typed_sessions_test_servers::eventually("the server encrypts", || {
        server.try_sql("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()").as_deref()
            == Ok("t")
    });
    let root = server.dir().join("root.crt");
    std::fs::write(&root, pem).expect("written");
    works(
        migrated(PostgresStore::builder().url(format!(
            "{}&sslrootcert={}",
            url("verify-full"),
            root.display()
        )))
        .await,
    )
    .await;
    let error = PostgresStore::connect(url("verify-full"))
        .await
        .expect_err("nobody vouches for this certificate");
    assert_eq!(error.kind(), ErrorKind::Store, "{error:?}");
    assert!(reason(&error).to_lowercase().contains("certificate"), "{error:?}");
}

#[tokio::test]
async fn f2_a_damaged_session_is_an_error_and_can_be_ended() {
    let server = Postgres::start(&[]);
    let sessions = sessions(migrated(PostgresStore::builder().url(server.url())).await);
    for damage in ["", "x", "{}", r#"{"v":2}"#, r#"{"v":3}"#, r#"{"v":4}"#] {
        let (session, token) = logged_in(&sessions, 1).await;
        let (whole, _) = logged_in(&sessions, 1).await;
        server.sql(&format!(
            "UPDATE typed_sessions SET header = '{damage}' \
             WHERE id = decode(translate('{}', '-_', '+/') || '==', 'base64')",
            session.id()
        ));
        let error = sessions.open(&token).await.expect_err("damaged");
        assert_eq!(error.kind(), ErrorKind::Decode, "{damage:?}: {error:?}");
        let listed = sessions.user(&1).list().await.expect("one must not hide the others");
        assert_eq!(
            listed.iter().map(typed_sessions::SessionInfo::id).collect::<Vec<_>>(),
            [whole.id()]
        );
        assert!(sessions.user(&1).revoke(session.id()).await.expect("its user can end it"));
        assert!(sessions.revoke(whole.id()).await.expect("it can be ended"));
    }
    for (damage, key) in [
        ("[]", "$fields"),
        ("7", "$fields"),
        (r#"{"visits": 7}"#, "visits"),
        (r#"{"note": null}"#, "note"),
    ] {
        let (session, token) = stored(&sessions).await;
        server.sql(&format!("UPDATE typed_sessions SET fields = '{damage}'"));
        let error = sessions.open(&token).await.expect_err("damaged");
        assert_eq!(error.kind(), ErrorKind::Decode, "{damage:?}: {error:?}");
        assert!(error.to_string().contains(&format!("`{key}`")), "{error}");
        assert!(sessions.revoke(session.id()).await.expect("it can be ended"));
    }
}

#[tokio::test]
async fn t5_what_postgres_quotes_is_not_passed_on() {
    let server = Postgres::start(&[]);
    let sessions = sessions(migrated(PostgresStore::builder().url(server.url())).await);
    let (mut session, token) = stored(&sessions).await;
    server
        .sql("ALTER TABLE typed_sessions ADD CONSTRAINT small CHECK (length(fields::text) < 100)");
    let error =
        session.set(Shop::NOTE, format!("hunter2{}", "x".repeat(100))).await.expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::Store);
    assert!(server.log().contains("hunter2"), "PostgreSQL quotes the row");
    let chain = format!("{error} {error:?} {}", reason(&error));
    assert!(
        !chain.contains("hunter2") && !chain.contains(&token) && chain.contains("small"),
        "{chain}"
    );
}

#[tokio::test]
async fn what_the_guide_reads_in_sql_is_there() {
    let server = Postgres::start(&[]);
    let guide = include_str!("../../../session/src/docs/postgres.md");
    let sessions = sessions(migrated(PostgresStore::builder().url(server.url())).await);
    let queries: Vec<String> = guide
        .split("```sql\nSELECT")
        .skip(1)
        .filter_map(|block| Some(format!("SELECT{}", block.split_once("```")?.0)))
        .collect();
    let read = async |label: &str, note: &str| {
        let mut session = sessions.start();
        session.note = note.into();
        session.visits = 5;
        let login = Login::new().device(Device::new(label));
        session.login_with(Member { id: 7 }, login).await.expect("logs in");
        let answers: Vec<String> = queries.iter().map(|query| server.sql(query)).collect();
        let [who, fields, size, vacuum] = &answers[..] else { panic!("{answers:?}") };
        assert!(size.starts_with("1|"), "{size}");
        assert_eq!(vacuum.matches('|').count(), 3, "{vacuum}");
        (session, who.clone(), fields.clone())
    };
    let (mut session, who, fields) = read("Firefox on Linux", "tea").await;
    assert!(who.starts_with("7|20") && who.ends_with("|Firefox on Linux"), "{who}");
    assert_eq!(fields, "5|tea|7");

    let (_, by_id) =
        guide.split_once("```text\nDELETE FROM typed_sessions\n").expect("by id, and by user");
    let (by_id, by_user) = by_id.split_once(";\n").expect("two statements");
    let by_id = by_id.replace("dD8qSCd3zQMKKGqlvKMGpg", &session.id().to_string());
    server.sql(&format!("DELETE FROM typed_sessions {by_id}"));
    assert_eq!(server.sql("SELECT count(*) FROM typed_sessions"), "0");
    assert_eq!(session.reload().await.expect_err("it was deleted").kind(), ErrorKind::Gone);

    // What PostgreSQL has in no text, and what looks like it.
    let (_, who, fields) = read("Fire\0fox \\u0000", "t\0ea \\\0").await;
    assert!(who.ends_with("|Fire\u{fffd}fox \\ufffd"), "{who}");
    assert_eq!(fields, "5|t\u{fffd}ea \\\u{fffd}|7");
    server.sql(by_user.split_once(';').expect("a statement").0);
    assert_eq!(server.sql("SELECT count(*) FROM typed_sessions"), "0");
}

#[tokio::test]
async fn what_the_guide_runs_from_cron_purges() {
    let server = Postgres::start(&[]);
    let guide = include_str!("../../../session/src/docs/postgres.md");
    let sessions = sessions(migrated(PostgresStore::builder().url(server.url())).await);
    let (_, rest) = guide
        .split_once("```text\nDELETE FROM typed_sessions WHERE id = ANY")
        .expect("the guide has the statement");
    let purge = rest.split("```").next().expect("a block");
    let purge = format!("DELETE FROM typed_sessions WHERE id = ANY{purge}");
    stored(&sessions).await;
    server.sql(&purge);
    assert_eq!(server.sql("SELECT count(*) FROM typed_sessions"), "1", "it lives");
    server.sql("UPDATE typed_sessions SET sweep_at = now() - interval '1 s'");
    server.sql(&purge);
    assert_eq!(server.sql("SELECT count(*) FROM typed_sessions"), "0");
}
