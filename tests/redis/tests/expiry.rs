//! Everything in Redis goes by itself, and nothing lies outside the prefix.

use std::time::Duration;

use typed_sessions::{Login, RedisStore, Sessions, days, hours, minutes, seconds};
use typed_sessions_redis_tests::{Member, Shop, builder, logged_in};
use typed_sessions_test_servers::redis::Redis;

/// The whole suite once more, with everything configured otherwise, and then a look at what it
/// left.
#[test]
fn e1_no_key_without_expiry_after_the_whole_suite() {
    let server =
        Redis::start(&["--hash-max-listpack-entries", "0", "--zset-max-listpack-entries", "0"]);
    let number = std::sync::atomic::AtomicUsize::new(0);
    let outcomes = typed_sessions_conformance::check(async || {
        let number = number.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        builder(&format!("{}/3?protocol=resp3", server.url()))
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
    assert!(is_about(ttl_of(&server, "session:user:1"), hours(12)), "absolute");

    let mut long = sessions.start();
    long.login_with(Member { id: 1 }, Login::new().remember(days(30))).await.expect("logs in");
    let long_key = format!("session:id:{}", long.id());
    assert!(is_about(ttl_of(&server, &long_key), days(30)), "remembered");
    assert!(is_about(ttl_of(&server, "session:user:1"), days(30)), "as long as its longest member");
    let mut short = sessions.start();
    short.login_with(Member { id: 1 }, Login::new().remember(seconds(90))).await.expect("logs in");
    assert!(
        is_about(ttl_of(&server, "session:user:1"), days(30)),
        "a short member must not shorten it"
    );

    let scores = server.cli(&["ZRANGE", "session:user:1", "0", "-1", "WITHSCORES"]);
    let lines: Vec<&str> = scores.lines().collect();
    assert_eq!(lines.len(), 6);
    for member in lines.chunks(2) {
        let is_seat = member[0].ends_with(&format!(".{}", member[1]));
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
