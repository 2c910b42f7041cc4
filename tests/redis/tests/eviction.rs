//! U3: a limit that evicts, when logins of one user come all at once: what they cost, and what is
//! left.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::future::join_all;
use tokio::sync::Barrier;
use tokio::time::timeout;
use typed_sessions::{ManualClock, Overflow, RedisStore, Sessions, SessionsBuilder, minutes};
use typed_sessions_redis_tests::{Member, Shop, logged_in, stored};
use typed_sessions_test_servers::redis::Redis;

const LIMIT: usize = 5;

/// With the default time limit: each call has to keep it.
async fn store(server: &Redis) -> RedisStore {
    // A busy machine is not what these tests are about.
    let patient = RedisStore::builder().url(server.url()).time_limit(Duration::from_secs(20));
    patient.connect().await.expect("connects")
}

fn builder(store: RedisStore, limit: usize) -> SessionsBuilder<Shop> {
    Sessions::<Shop>::builder(store).max_sessions_per_user(limit, Overflow::EvictOldest)
}

fn limited(store: RedisStore) -> Sessions<Shop> {
    builder(store, LIMIT).build().expect("consistent")
}

/// So many logins of user 1 at one moment, over these in turn; their tokens.
async fn log_in_at_once(nodes: &[Sessions<Shop>], logins: usize) -> Vec<String> {
    let barrier = Arc::new(Barrier::new(logins));
    let logins = (0..logins).map(|n| {
        let (sessions, barrier) = (nodes[n % nodes.len()].clone(), Arc::clone(&barrier));
        tokio::spawn(async move {
            barrier.wait().await;
            logged_in(&sessions, 1).await.1
        })
    });
    let logins = join_all(logins.collect::<Vec<_>>()).await;
    logins.into_iter().map(|token| token.expect("every login is Ok")).collect()
}

/// Exactly as many are left as may be, in the index as well as in Redis; the others have ended.
async fn assert_limit(sessions: &Sessions<Shop>, tokens: &[String]) {
    assert_eq!(sessions.user(&1).list().await.expect("lists").len(), LIMIT);
    let opened = join_all(tokens.iter().map(|token| sessions.open(token))).await;
    let open = opened.into_iter().filter(|opened| opened.as_ref().expect("works").is_some());
    assert_eq!(open.count(), LIMIT, "what is not listed has ended");
}

/// How often Redis has carried out a command, in scripts as well.
fn calls(server: &Redis, command: &str) -> usize {
    let stats = server.cli(&["INFO", "commandstats"]);
    let calls = stats.lines().find_map(|line| {
        line.strip_prefix(&format!("cmdstat_{command}:calls="))?.split(',').next()?.parse().ok()
    });
    calls.unwrap_or(0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn u3_the_limit_holds_under_1000_parallel_logins_at_bounded_cost() {
    const LOGINS: usize = 1000;
    let server = Redis::start(&[]);
    let store = store(&server).await;
    let sessions = limited(store.clone());
    let (_, other) = logged_in(&sessions, 2).await;
    let done = Arc::new(AtomicBool::new(false));
    let somebody_else = {
        let (sessions, done) = (sessions.clone(), Arc::clone(&done));
        tokio::spawn(async move {
            let mut opened = 0;
            while !done.load(Ordering::SeqCst) {
                sessions.open(&other).await.expect("within the time limit").expect("is there");
                opened += 1;
            }
            opened
        })
    };
    let before = calls(&server, "hmget");
    let tokens = log_in_at_once(std::slice::from_ref(&sessions), LOGINS).await;
    let hmget = calls(&server, "hmget") - before;
    done.store(true, Ordering::SeqCst);
    assert!(somebody_else.await.expect("no panic") > 0);
    assert!(hmget <= 12 * LOGINS, "{hmget} HMGET for {LOGINS} logins");
    assert_limit(&sessions, &tokens).await;
    // They, their index, and the other user's two.
    assert_eq!(server.cli(&["DBSIZE"]).trim(), (LIMIT + 3).to_string());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn u3_the_limit_holds_across_nodes_when_the_last_pass_has_ended() {
    let server = Redis::start(&[]);
    let nodes = [limited(store(&server).await), limited(store(&server).await)];
    for _ in 0..5 {
        let tokens = log_in_at_once(&nodes, 200).await;
        assert_limit(&nodes[0], &tokens).await;
    }
    assert_eq!(server.cli(&["DBSIZE"]).trim(), (LIMIT + 1).to_string());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn u3_parallel_logins_hold_when_their_passes_fail() {
    let server = Redis::start(&[]);
    // It may log in, and may not look at other sessions.
    server.cli(&["ACL", "SETUSER", "blind", "on", ">secret", "~*", "+@all", "-hmget"]);
    let blind = RedisStore::builder().url(server.url()).username("blind").password("secret");
    let blind = limited(blind.connect().await.expect("connects"));
    let mut tokens = log_in_at_once(&[blind], 100).await;
    let sessions = limited(store(&server).await);
    assert_eq!(sessions.user(&1).count().await.expect("counts"), 100, "nobody had to go");
    tokens.push(logged_in(&sessions, 1).await.1);
    assert_limit(&sessions, &tokens).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn u3_logins_that_are_dropped_hold_up_nobody() {
    let server = Redis::start(&[]);
    let sessions = limited(store(&server).await);
    let logins = (0..400).map(|n| {
        let sessions = sessions.clone();
        tokio::spawn(async move {
            if n % 2 == 0 {
                return Some(logged_in(&sessions, 1).await.1);
            }
            // Anywhere in the middle, in a pass or while it waits for one.
            let _ = timeout(Duration::from_millis(n), logged_in(&sessions, 1)).await;
            None
        })
    });
    let logins = join_all(logins.collect::<Vec<_>>()).await;
    let mut tokens: Vec<_> =
        logins.into_iter().filter_map(|login| login.expect("every login is Ok")).collect();
    assert_eq!(tokens.len(), 200);
    tokens.push(logged_in(&sessions, 1).await.1);
    assert_eq!(sessions.user(&1).list().await.expect("lists").len(), LIMIT);
    sessions.open(tokens.last().expect("one")).await.expect("works").expect("it was the last");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f5_logins_of_several_runtimes_share_their_passes() {
    let server = Redis::start(&[]);
    let sessions = limited(store(&server).await);
    let elsewhere = (0..4).map(|_| {
        let sessions = sessions.clone();
        tokio::task::spawn_blocking(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(log_in_at_once(&[sessions], 50))
        })
    });
    let elsewhere = join_all(elsewhere.collect::<Vec<_>>());
    let (here, elsewhere) =
        tokio::join!(log_in_at_once(std::slice::from_ref(&sessions), 50), elsewhere);
    let mut tokens = here;
    tokens.extend(elsewhere.into_iter().flat_map(|tokens| tokens.expect("no panic")));
    assert_limit(&sessions, &tokens).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn u3_a_limit_that_comes_later_ends_thousands() {
    let server = Redis::start(&[]);
    let store = store(&server).await;
    let unlimited = Sessions::<Shop>::new(store.clone());
    let mut tokens = log_in_at_once(&[unlimited], 3000).await;
    let sessions = limited(store);
    tokens.push(logged_in(&sessions, 1).await.1);
    assert_limit(&sessions, &tokens).await;
    assert_eq!(server.cli(&["DBSIZE"]).trim(), (LIMIT + 1).to_string());
    sessions.open(tokens.last().expect("one")).await.expect("works").expect("it was the last");
}

#[tokio::test]
async fn u3_what_cannot_be_read_counts_and_can_be_evicted() {
    let server = Redis::start(&[]);
    let sessions = builder(store(&server).await, 2).build().expect("consistent");
    let (unreadable, _) = logged_in(&sessions, 1).await;
    let key = format!("session:id:{}", unreadable.id());
    // What a newer version of this library may write.
    server.cli(&["HSET", &key, "$header", r#"{"v":3}"#]);
    let (_, second) = logged_in(&sessions, 1).await;
    assert_eq!(server.cli(&["EXISTS", &key]).trim(), "1", "two may be");
    let (_, third) = logged_in(&sessions, 1).await;
    assert_eq!(server.cli(&["EXISTS", &key]).trim(), "0", "it was the oldest");
    for token in [second, third] {
        assert!(sessions.open(token).await.expect("works").is_some());
    }
}

#[tokio::test]
async fn u3_the_least_recently_used_go_first_and_the_login_itself_stays() {
    let server = Redis::start(&[]);
    let store = store(&server).await;
    let (clock, behind) = (ManualClock::default(), ManualClock::default());
    let of = |clock: &ManualClock| {
        builder(store.clone(), 2).clock(clock.clone()).build().expect("consistent")
    };
    clock.advance(minutes(10));
    let healthy = of(&clock);
    let (mut first, first_token) = logged_in(&healthy, 1).await;
    clock.advance(Duration::from_secs(1));
    let (_, second_token) = logged_in(&healthy, 1).await;
    clock.advance(Duration::from_secs(1));
    first.touch().await.expect("touches");
    // By its clock all others were used later.
    let (_, last_token) = logged_in(&of(&behind), 1).await;
    let mut open = Vec::new();
    for token in [&first_token, &second_token, &last_token] {
        open.push(healthy.open(token).await.expect("works").is_some());
    }
    assert_eq!(open, [true, false, true]);
}

#[tokio::test]
async fn u3_two_limits_of_one_user_hold_each() {
    let server = Redis::start(&[]);
    let store = store(&server).await;
    let (two, five) = (builder(store.clone(), 2), builder(store.clone(), 5));
    let (two, five) = (two.build().expect("consistent"), five.build().expect("consistent"));
    for _ in 0..6 {
        logged_in(&five, 1).await;
    }
    assert_eq!(five.user(&1).count().await.expect("counts"), 5);
    stored(&two).await.0.login(Member { id: 1 }).await.expect("logs in");
    assert_eq!(two.user(&1).count().await.expect("counts"), 2);
}
