//! C: how many bytes each operation sends and is answered. They are exact: ids, secrets, hashes and
//! times have one length.

use typed_sessions::{ManualClock, PostgresStore, Sessions};
use typed_sessions_postgres_tests::wire::Wire;
use typed_sessions_postgres_tests::{Member, Shop, builder, migrated, stored, wait_until_idle};
use typed_sessions_test_servers::postgres::Postgres;

/// What each operation sends, and what it is answered, once the connection knows its statement.
/// Fewer is better: then write the number down here. More has to be worth it.
const KNOWN: [(&str, (u64, u64)); 6] = [
    ("first save", (511, 32)),
    ("open", (67, 383)),
    ("save of one field", (117, 30)),
    ("login", (623, 30)),
    ("open, logged in", (67, 486)),
    ("logout", (578, 30)),
];

/// Does it all once, and says what each took.
async fn each_operation(
    wire: &Wire,
    store: &PostgresStore,
    sessions: &Sessions<Shop>,
) -> Vec<(&'static str, (u64, u64))> {
    let mut counted = Vec::new();
    let mut count = async |what| {
        wait_until_idle(store).await;
        counted.push((what, wire.bytes()));
    };
    let (mut session, token) = stored(sessions).await;
    count("first save").await;
    sessions.open(&token).await.expect("opens").expect("is there");
    count("open").await;
    session.note = "tea".into();
    session.save().await.expect("saves");
    count("save of one field").await;
    session.login(Member { id: 1 }).await.expect("logs in");
    count("login").await;
    let token = session.token().expose();
    sessions.open(&token).await.expect("opens").expect("is there");
    count("open, logged in").await;
    session.logout().await.expect("logs out");
    count("logout").await;
    counted
}

#[tokio::test]
async fn c_bytes_of_each_operation() {
    let server = Postgres::start(&[]);
    let wire = Wire::to(&server).await;
    let store = migrated(builder(&wire.url()).max_connections(1)).await;
    let sessions = Sessions::<Shop>::builder(store.clone()).clock(ManualClock::default());
    let sessions = sessions.build().expect("the defaults");
    // Once: the connection does not know the statements yet.
    each_operation(&wire, &store, &sessions).await;
    assert_eq!(each_operation(&wire, &store, &sessions).await, KNOWN);
}
