//! U5: a user with thousands of large sessions.

use typed_sessions::{PostgresStore, Sessions};
use typed_sessions_postgres_tests::wire::Wire;
use typed_sessions_postgres_tests::{Shop, logged_in, migrated};
use typed_sessions_test_servers::postgres::Postgres;

const MANY: u64 = 5_000;

/// Bytes of each of them: 250 MB in all.
const LARGE: usize = 50_000;

/// User 1 gets so many sessions, with those that are there; user 2 has one.
async fn fill(server: &Postgres, sessions: &Sessions<Shop>) {
    // Repeated characters would otherwise be stored as next to nothing.
    server.sql("ALTER TABLE typed_sessions ALTER fields SET STORAGE EXTERNAL");
    logged_in(sessions, 1).await;
    server.sql(&format!(
        "INSERT INTO typed_sessions (id, header, revision, login_epoch, deadline, last_seen, \
         user_id, expires_at, sweep_at, fields) \
         SELECT decode(md5(n::text), 'hex'), header, revision, login_epoch, deadline, last_seen, \
         user_id, expires_at, sweep_at, jsonb_build_object('note', repeat('x', {LARGE})) \
         FROM (SELECT * FROM typed_sessions) one, generate_series(2, {MANY}) n"
    ));
    logged_in(sessions, 2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn u5_five_thousand_large_sessions_of_one_user() {
    let server = Postgres::start(&[]);
    let wire = Wire::to(&server).await;
    // With the default time limit.
    let store = migrated(PostgresStore::builder().url(wire.url())).await;
    let sessions = Sessions::<Shop>::new(store);
    fill(&server, &sessions).await;
    let all = usize::try_from(MANY).expect("it is few");

    wire.answered();
    assert_eq!(sessions.user(&1).list().await.expect("lists").len(), all);
    let answered = wire.answered();
    assert!(answered < MANY * 1_000, "{answered} bytes: a list reads no fields");
    assert_eq!(sessions.user(&1).count().await.expect("counts"), all);
    assert_eq!(sessions.user(&1).revoke_all().await.expect("ends"), all);
    assert_eq!(sessions.user(&1).count().await.expect("counts"), 0);
    assert_eq!(sessions.user(&2).count().await.expect("counts"), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn u2_everybody_is_revoked_in_bounded_statements() {
    let server = Postgres::start(&[]);
    let store = migrated(PostgresStore::builder().url(server.url())).await;
    let sessions = Sessions::<Shop>::new(store);
    fill(&server, &sessions).await;
    // A row that somebody holds is waited for, and ends like the others.
    let mut application = typed_sessions_postgres_tests::Application::begin(&server).await;
    application
        .execute("UPDATE typed_sessions SET revision = revision + 1 WHERE user_id = '2'")
        .await;
    let everybody = sessions.clone();
    let revoked = tokio::spawn(async move { everybody.revoke_everybody().await });
    typed_sessions_postgres_tests::wait_for_waiters(&server, 1);
    application.commit().await;
    revoked.await.expect("no panic").expect("ends all");
    assert_eq!(server.sql("SELECT count(*) FROM typed_sessions"), "0");
}
