//! Everything in Redis goes by itself, and nothing lies outside the prefix.

use std::time::Duration;

use typed_sessions::redis::driver::Client;
use typed_sessions::redis::driver::aio::{ConnectionManager, ConnectionManagerConfig};
use typed_sessions::{
    Clock as _, Login, ManualClock, RedisStore, Sessions, days, hours, minutes, seconds,
};
use typed_sessions_redis_tests::{Member, Shop, logged_in};
use typed_sessions_test_servers::redis::Redis;

/// A connection of the application's own, with the newer protocol.
async fn given_connection(server: &Redis) -> ConnectionManager {
    let client = Client::open(format!("{}/3?protocol=resp3", server.url())).expect("a URL");
    // A busy machine is not what these tests are about.
    let patient = ConnectionManagerConfig::new().set_response_timeout(None);
    ConnectionManager::new_with_config(client, patient).await.expect("connects")
}

/// The whole suite once more, with everything configured otherwise, and then a look at what it
/// left.
#[test]
fn e1_no_key_without_expiry_after_the_whole_suite() {
    let server =
        Redis::start(&["--hash-max-listpack-entries", "0", "--zset-max-listpack-entries", "0"]);
    let number = std::sync::atomic::AtomicUsize::new(0);
    let outcomes = typed_sessions_conformance::check(async || {
        let number = number.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        RedisStore::builder()
            .connection(given_connection(&server).await)
            .time_limit(Duration::from_secs(20))
            .prefix(format!("*{{shop}}[{number}]\\ ü"))
            .connect()
            .await
            .expect("connects")
    });
    for outcome in &outcomes {
        assert_eq!(outcome.result, Ok(()), "{}", outcome.name);
    }
    let count = "local inside, outside = 0, 0 \
        for _, key in ipairs(redis.call('KEYS', '*')) do \
            if string.find(key, '*{shop}[', 1, true) == 1 then inside = inside + 1 \
            else outside = outside + 1 end \
        end return {tostring(inside > 100), outside}";
    let counted = server.cli(&["-n", "3", "EVAL", count, "0"]);
    assert_eq!(counted, "true\n0\n", "more than 100 keys under the prefix, and none elsewhere");
    assert_eq!(server.keys_without_expiry(3), Vec::<String>::new());
    assert_eq!(server.cli(&["-n", "0", "DBSIZE"]).trim(), "0", "another database");
}

fn ttl_of(server: &Redis, key: &str) -> Duration {
    let millis = server.cli(&["PTTL", key]).trim().parse().expect("a number");
    Duration::from_millis(millis)
}

/// Redis's clock goes on while the test looks.
fn is_about(ttl: Duration, expected: Duration) -> bool {
    ttl <= expected && ttl + minutes(1) > expected
}

#[tokio::test]
async fn e1_expiry_is_the_earlier_of_both_deadlines() {
    let server = Redis::start(&[]);
    let store = RedisStore::connect(server.url()).await.expect("connects");
    let sessions = Sessions::<Shop>::new(store);
    let (session, _) = logged_in(&sessions, 1).await;
    let key = format!("session:id:{}", session.id());
    assert!(is_about(ttl_of(&server, &key), minutes(30)), "idle");
    assert!(is_about(ttl_of(&server, "session:user:1"), hours(12) + minutes(1)), "absolute");

    let mut long = sessions.start();
    long.login_with(Member { id: 1 }, Login::new().remember(days(30))).await.expect("logs in");
    let long_key = format!("session:id:{}", long.id());
    assert!(is_about(ttl_of(&server, &long_key), days(30)), "remembered");
    let longest = days(30) + minutes(1);
    assert!(is_about(ttl_of(&server, "session:user:1"), longest), "after its longest member");
    let mut short = sessions.start();
    short.login_with(Member { id: 1 }, Login::new().remember(seconds(90))).await.expect("logs in");
    assert!(
        is_about(ttl_of(&server, "session:user:1"), longest),
        "a short member must not shorten it"
    );

    let scores = server.cli(&["ZRANGE", "session:user:1", "0", "-1", "WITHSCORES"]);
    let lines: Vec<&str> = scores.lines().collect();
    assert_eq!(lines.len(), 6);
    for member in lines.chunks(2) {
        let (_, seat) = member[0].split_once('.').expect("a member");
        // And a fraction, which says that the login is written.
        let is_seat = member[1].starts_with(&format!("{seat}."));
        assert!(is_seat, "the score is the seat, by Redis's clock: {scores}");
    }

    // A lifetime that Redis cannot count.
    let mut eternal = sessions.start();
    eternal
        .login_with(Member { id: 2 }, Login::new().remember(Duration::MAX))
        .await
        .expect("logs in");
    assert_eq!(server.keys_without_expiry(0), Vec::<String>::new());
    assert_eq!(sessions.user(&2).list().await.expect("lists").len(), 1);
}

/// As if it were later by Redis's clock: until the index expires, and as the session noted it.
fn let_index_last(server: &Redis, key: &str, millis: u64) {
    server.cli(&["PEXPIRE", "session:user:1", &(millis + 30_000).to_string()]);
    let note = "local time = redis.call('TIME') \
        local known = time[1] * 1000 + ARGV[1] \
        return redis.call('HSET', KEYS[1], '$indexed_until', string.format('%.0f', known))";
    server.cli(&["EVAL", note, "1", key, &millis.to_string()]);
}

#[tokio::test]
async fn e6_no_session_outlasts_its_index_when_a_clock_is_put_back() {
    let server = Redis::start(&[]);
    let store = RedisStore::connect(server.url()).await.expect("connects");
    let clock = ManualClock::default();
    let early = clock.now();
    clock.advance(hours(1));
    let sessions =
        Sessions::<Shop>::builder(store).clock(clock.clone()).build().expect("the defaults");
    let (mut session, token) = logged_in(&sessions, 1).await;
    let key = format!("session:id:{}", session.id());
    let note = || server.cli(&["HGET", &key, "$indexed_until"]);

    session.touch().await.expect("touches");
    let before = note();
    clock.set(early);
    // 11 hours and 50 minutes later by Redis's clock, in constant use.
    let_index_last(&server, &key, 600_000);
    for _ in 0..3 {
        clock.advance(minutes(1));
        session.touch().await.expect("touches");
        let (index, its) = (ttl_of(&server, "session:user:1"), ttl_of(&server, &key));
        assert!(is_about(its, minutes(30)) && index > its, "{index:?} is not above {its:?}");
    }
    // By this clock its absolute deadline is in 13 hours less a minute.
    assert!(is_about(ttl_of(&server, "session:user:1"), hours(13)));
    assert!(note() > before, "it took note");
    assert_eq!(sessions.user(&1).list().await.expect("lists").len(), 1);

    // What it does not know is not relied on.
    server.cli(&["HDEL", &key, "$indexed_until"]);
    server.cli(&["PEXPIRE", "session:user:1", "60000"]);
    clock.advance(minutes(1));
    sessions.open(&token).await.expect("opens").expect("is there");
    assert!(ttl_of(&server, "session:user:1") > ttl_of(&server, &key));
}

#[tokio::test]
async fn e1_a_session_that_reauthenticates_again_and_again_keeps_its_index() {
    let server = Redis::start(&[]);
    let clock = ManualClock::default();
    let builder =
        Sessions::<Shop>::builder(RedisStore::connect(server.url()).await.expect("connects"));
    let sessions = builder.clock(clock.clone()).build().expect("the defaults");
    let (mut session, _) = logged_in(&sessions, 1).await;
    let key = format!("session:id:{}", session.id());
    clock.advance(minutes(1));
    let_index_last(&server, &key, 600_000);
    session.reauthenticate().await.expect("proves it again");
    assert!(is_about(ttl_of(&server, "session:user:1"), hours(12) + minutes(1)));
    assert!(is_about(ttl_of(&server, &key), minutes(30)));
    session.logout().await.expect("logs out");
    assert_eq!(server.cli(&["HMGET", &key, "$seat", "$indexed_until"]).trim(), "");
}

#[tokio::test]
async fn e1_a_key_that_lost_its_expiry_gets_it_back_with_the_next_touch() {
    let server = Redis::start(&[]);
    let sessions =
        Sessions::<Shop>::new(RedisStore::connect(server.url()).await.expect("connects"));
    let (mut session, _) = logged_in(&sessions, 1).await;
    server.cli(&["PERSIST", &format!("session:id:{}", session.id())]);
    server.cli(&["PERSIST", "session:user:1"]);
    session.touch().await.expect("touches");
    logged_in(&sessions, 1).await;
    assert_eq!(server.keys_without_expiry(0), Vec::<String>::new());
}
