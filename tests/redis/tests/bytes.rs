//! C: how many bytes each operation sends and is answered. They are exact: ids, secrets, hashes and
//! times have one length.

use typed_sessions::{ManualClock, RedisStore, Sessions};
use typed_sessions_redis_tests::wire::Wire;
use typed_sessions_redis_tests::{Member, Shop, logged_in, stored};
use typed_sessions_test_servers::redis::Redis;

/// What each operation sends, and what it is answered. Fewer is better: then write the number down
/// here. More has to be worth it.
const KNOWN: [(&str, (u64, u64)); 8] = [
    ("first save", (591, 4)),
    ("open", (57, 419)),
    ("save of one field", (172, 4)),
    ("login", (732, 35)),
    ("open, logged in", (57, 601)),
    ("logout", (644, 4)),
    ("revoke", (149, 67)),
    ("destroy", (210, 71)),
];

#[tokio::test]
async fn c_bytes_of_each_operation() {
    let server = Redis::start(&[]);
    let wire = Wire::to(&server).await;
    let store = RedisStore::builder().url(wire.url()).connections(1).connect().await;
    let builder = Sessions::<Shop>::builder(store.expect("connects"));
    let sessions = builder.clock(ManualClock::default()).build().expect("the defaults");

    // Once: the scripts are not yet known to the server.
    let (mut warm, _) = logged_in(&sessions, 9).await;
    warm.logout().await.expect("logs out");
    warm.destroy().await.expect("ends");
    wire.bytes();

    let mut counted = Vec::new();
    let mut count = |what| counted.push((what, wire.bytes()));
    let (mut session, token) = stored(&sessions).await;
    count("first save");
    sessions.open(&token).await.expect("opens").expect("is there");
    count("open");
    session.note = "tea".into();
    session.save().await.expect("saves");
    count("save of one field");
    session.login(Member { id: 1 }).await.expect("logs in");
    count("login");
    let token = session.token().expose();
    sessions.open(&token).await.expect("opens").expect("is there");
    count("open, logged in");
    session.logout().await.expect("logs out");
    count("logout");
    let (session, _) = logged_in(&sessions, 1).await;
    wire.bytes();
    assert!(sessions.user(&1).revoke(session.id()).await.expect("revokes"));
    count("revoke");
    let (mut session, _) = logged_in(&sessions, 1).await;
    wire.bytes();
    session.destroy().await.expect("ends");
    count("destroy");
    assert_eq!(counted, KNOWN);
}
