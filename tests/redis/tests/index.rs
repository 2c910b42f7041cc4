//! U1, U3: what the index holds when logins are cut short.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use typed_sessions::{ErrorKind, ManualClock, Overflow, RedisStore, SessionInfo, Sessions, hours};
use typed_sessions_redis_tests::{Shop, logged_in};
use typed_sessions_test_servers::redis::Redis;

const INDEX: &str = "session:user:1";
const FAR: &str = "99999999999999";

/// A server and sessions of which a user may have so many.
async fn limited(overflow: Overflow, limit: usize) -> (Redis, Sessions<Shop>) {
    let server = Redis::start(&[]);
    let store = RedisStore::connect(server.url()).await.expect("connects");
    let sessions = Sessions::builder(store)
        .max_sessions_per_user(limit, overflow)
        .build()
        .expect("consistent");
    (server, sessions)
}

/// A seat as a login would have taken it so long ago, of a session that was never written.
fn take_seat(server: &Redis, session: &str, age: Duration) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    let member = format!("{session}.{}", now.saturating_sub(age).as_micros());
    server.cli(&["ZADD", INDEX, FAR, &member]);
    member
}

fn members(server: &Redis) -> Vec<String> {
    server
        .cli(&["ZRANGE", INDEX, "0", "-1"])
        .lines()
        .filter(|line| !line.is_empty())
        .map(str::to_owned)
        .collect()
}

#[tokio::test]
async fn u1_a_login_that_died_between_its_two_writes_is_forgotten_after_a_minute() {
    let (server, sessions) = limited(Overflow::Refuse, 3).await;
    let (session, _) = logged_in(&sessions, 1).await;
    let old = take_seat(&server, "AAAAAAAAAAAAAAAAAAAAAA", Duration::from_secs(61));
    let young = take_seat(&server, "BBBBBBBBBBBBBBBBBBBBBA", Duration::from_secs(5));
    let listed: Vec<_> =
        sessions.user(&1).list().await.expect("lists").iter().map(SessionInfo::id).collect();
    assert_eq!(listed, [session.id()]);
    let left = members(&server);
    assert!(!left.contains(&old) && left.contains(&young) && left.len() == 2, "{left:?}");
}

#[tokio::test]
async fn u3_a_seat_counts_while_its_login_may_be_under_way() {
    let (server, sessions) = limited(Overflow::Refuse, 2).await;
    logged_in(&sessions, 1).await;
    take_seat(&server, "AAAAAAAAAAAAAAAAAAAAAA", Duration::from_secs(5));
    let mut third = sessions.start();
    let error = third
        .login(typed_sessions_redis_tests::Member { id: 1 })
        .await
        .expect_err("two are in, or about to be");
    assert_eq!(error.kind(), ErrorKind::LimitReached);
    server.cli(&["ZREMRANGEBYSCORE", INDEX, FAR, "+inf"]);
    take_seat(&server, "AAAAAAAAAAAAAAAAAAAAAA", Duration::from_secs(61));
    third
        .login(typed_sessions_redis_tests::Member { id: 1 })
        .await
        .expect("that login is over, one way or another");
    assert_eq!(members(&server).len(), 2);
}

#[tokio::test]
async fn u3_an_eviction_that_was_cut_short_is_finished() {
    let (server, sessions) = limited(Overflow::EvictOldest, 2).await;
    let (first, token) = logged_in(&sessions, 1).await;
    let of = |id| {
        members(&server)
            .into_iter()
            .find(|member| member.starts_with(&format!("{id}")))
            .expect("listed")
    };
    // Whoever sentenced it died before it could end it: it stays listed, so that it can be revoked.
    server.cli(&["ZADD", INDEX, "-1", &of(first.id())]);
    assert_eq!(sessions.user(&1).list().await.expect("lists").len(), 1);
    logged_in(&sessions, 1).await;
    logged_in(&sessions, 1).await;
    assert!(
        sessions.open(&token).await.expect("works").is_none(),
        "the next login that makes room ends it"
    );
    assert_eq!(sessions.user(&1).list().await.expect("lists").len(), 2, "and nobody else");
}

#[tokio::test]
async fn what_is_no_member_does_no_harm() {
    let (server, sessions) = limited(Overflow::EvictOldest, 1).await;
    for nonsense in [
        "",
        "x",
        ".",
        "AAAAAAAAAAAAAAAAAAAAAA",
        "AAAAAAAAAAAAAAAAAAAAAA.",
        "AAAAAAAAAAAAAAAAAAAAAA.x",
        "{}",
    ] {
        server.cli(&["ZADD", INDEX, FAR, nonsense]);
    }
    let (session, token) = logged_in(&sessions, 1).await;
    assert_eq!(sessions.user(&1).list().await.expect("lists").len(), 1);
    logged_in(&sessions, 1).await;
    assert!(sessions.open(&token).await.expect("works").is_none(), "{} had to go", session.id());
    assert_eq!(sessions.user(&1).revoke_all().await.expect("revokes"), 1);
}

#[tokio::test]
async fn u1_a_login_forgets_who_is_past_the_absolute_deadline() {
    let server = Redis::start(&[]);
    let store = RedisStore::connect(server.url()).await.expect("connects");
    let clock = ManualClock::default();
    let sessions =
        Sessions::<Shop>::builder(store).clock(clock.clone()).build().expect("the defaults");
    for _ in 0..5 {
        logged_in(&sessions, 1).await;
    }
    clock.advance(hours(12));
    let (last, _) = logged_in(&sessions, 1).await;
    let left = members(&server);
    assert!(left.len() == 1 && left[0].starts_with(&last.id().to_string()), "{left:?}");
}

#[tokio::test]
async fn u2_a_damaged_session_does_not_keep_the_others_from_being_revoked() {
    let (server, sessions) = limited(Overflow::EvictOldest, 3).await;
    let (damaged, _) = logged_in(&sessions, 1).await;
    let (_, token) = logged_in(&sessions, 1).await;
    server.cli(&["HSET", &format!("session:id:{}", damaged.id()), "$header", "{}"]);
    assert_eq!(sessions.user(&1).list().await.expect("lists").len(), 1);
    logged_in(&sessions, 1).await;
    logged_in(&sessions, 1).await;
    assert_eq!(sessions.user(&1).revoke_all().await.expect("revokes"), 3);
    assert!(sessions.open(&token).await.expect("works").is_none());
}

#[tokio::test]
async fn u1_nothing_piles_up_in_the_index() {
    let (server, sessions) = limited(Overflow::EvictOldest, 3).await;
    for _ in 0..50 {
        let (mut session, _) = logged_in(&sessions, 1).await;
        for _ in 0..3 {
            session
                .login(typed_sessions_redis_tests::Member { id: 1 })
                .await
                .expect("logs in again");
        }
        session.reauthenticate().await.expect("proves it again");
    }
    assert_eq!(members(&server).len(), 3);
    sessions.user(&1).revoke_all().await.expect("revokes");
    assert_eq!(server.cli(&["DBSIZE"]).trim(), "0", "with the last session everything is gone");
}
