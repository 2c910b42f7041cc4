//! U1, U3: what the index holds when logins are cut short.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use typed_sessions::{
    ErrorKind, ManualClock, Overflow, RedisStore, Session, SessionInfo, Sessions, minutes,
};
use typed_sessions_redis_tests::{Member, Shop, logged_in, sharded, stored};
use typed_sessions_test_servers::redis::Redis;

const INDEX: &str = "session:user:1";

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
    let seat = now.saturating_sub(age).as_micros().to_string();
    let member = format!("{session}.{seat}");
    server.cli(&["ZADD", INDEX, &seat, &member]);
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
    let young = take_seat(&server, "AAAAAAAAAAAAAAAAAAAAAA", Duration::from_secs(5));
    let mut third = sessions.start();
    let error = third.login(Member { id: 1 }).await.expect_err("two are in, or about to be");
    assert_eq!(error.kind(), ErrorKind::LimitReached);
    server.cli(&["ZREM", INDEX, &young]);
    take_seat(&server, "AAAAAAAAAAAAAAAAAAAAAA", Duration::from_secs(61));
    third.login(Member { id: 1 }).await.expect("that login is over, one way or another");
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
    let member = of(first.id());
    let (_, seat) = member.split_once('.').expect("a member");
    server.cli(&["ZADD", INDEX, &format!("{seat}.5"), &member]);
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
        server.cli(&["ZADD", INDEX, "99999999999999", nonsense]);
    }
    let (session, token) = logged_in(&sessions, 1).await;
    assert_eq!(sessions.user(&1).list().await.expect("lists").len(), 1);
    logged_in(&sessions, 1).await;
    assert!(sessions.open(&token).await.expect("works").is_none(), "{} had to go", session.id());
    assert_eq!(sessions.user(&1).revoke_all().await.expect("revokes"), 1);
}

#[tokio::test]
async fn u1_a_session_that_redis_has_expired_is_forgotten_after_a_minute() {
    let (server, sessions) = limited(Overflow::Refuse, 2).await;
    let (session, _) = logged_in(&sessions, 1).await;
    let (other, _) = logged_in(&sessions, 1).await;
    // As if it had logged in some time ago, and its time had come since.
    let member = members(&server).remove(0);
    assert!(member.starts_with(&session.id().to_string()));
    server.cli(&["ZREM", INDEX, &member]);
    take_seat(&server, &session.id().to_string(), Duration::from_secs(61));
    server.cli(&["PEXPIRE", &format!("session:id:{}", session.id()), "0"]);
    let (last, _) = logged_in(&sessions, 1).await;
    let left = members(&server);
    let of = |id| left.iter().any(|member| member.starts_with(&format!("{id}.")));
    assert!(left.len() == 2 && of(other.id()) && of(last.id()), "{left:?}");
}

#[tokio::test]
async fn u1_a_stale_reauthenticate_leaves_the_newer_login_in_the_index() {
    let server = Redis::start(&[]);
    let store = RedisStore::connect(server.url()).await.expect("connects");
    let clock = ManualClock::default();
    let builder = Sessions::<Shop>::builder(store).clock(clock.clone());
    let sessions = builder.max_sessions_per_user(1, Overflow::Refuse).build().expect("consistent");
    let (mut stale, token) = logged_in(&sessions, 1).await;
    let mut newer = sessions.open(&token).await.expect("opens").expect("is there");
    newer.login(Member { id: 1 }).await.expect("logs in anew");
    let before = members(&server);
    clock.advance(minutes(1));
    let error = stale.reauthenticate().await.expect_err("it is from before the login");
    assert_eq!(error.kind(), ErrorKind::Superseded);
    assert_eq!(members(&server), before);

    let user = sessions.user(&1);
    assert_eq!(user.count().await.expect("counts"), 1);
    let mut second = sessions.start();
    let error = second.login(Member { id: 1 }).await.expect_err("one is in");
    assert_eq!(error.kind(), ErrorKind::LimitReached);
    assert_eq!(user.revoke_all().await.expect("revokes"), 1);
    let fresh = newer.token().expose();
    assert!(sessions.open(fresh).await.expect("works").is_none());

    // Nor does it bring back what has ended.
    let error = stale.reauthenticate().await.expect_err("it has ended");
    assert!(matches!(error.kind(), ErrorKind::Gone | ErrorKind::Superseded), "{error:?}");
    assert_eq!(server.cli(&["DBSIZE"]).trim(), "0");
}

#[tokio::test]
async fn u3_a_login_holds_when_making_room_fails() {
    let (server, sessions) = limited(Overflow::EvictOldest, 1).await;
    // It may log in, and may not look at other sessions.
    server.cli(&["ACL", "SETUSER", "blind", "on", ">secret", "~*", "+@all", "-hmget"]);
    let store = RedisStore::builder().url(server.url()).username("blind").password("secret");
    let blind = Sessions::<Shop>::builder(store.connect().await.expect("connects"))
        .max_sessions_per_user(1, Overflow::EvictOldest)
        .build()
        .expect("consistent");
    let (first, first_token) = logged_in(&blind, 1).await;
    let (_, token) = logged_in(&blind, 1).await;
    assert!(sessions.open(&token).await.expect("opens").is_some(), "the login is written");
    assert_eq!(sessions.user(&1).count().await.expect("counts"), 2, "nobody had to go");
    let (_, last) = logged_in(&sessions, 1).await;
    for gone in [first_token, token] {
        assert!(sessions.open(gone).await.expect("works").is_none(), "{}", first.id());
    }
    assert!(sessions.open(last).await.expect("opens").is_some());
}

#[tokio::test]
async fn u2_a_damaged_session_does_not_keep_the_others_from_being_revoked() {
    // It counts like the others: four may be.
    let (server, sessions) = limited(Overflow::EvictOldest, 4).await;
    let (damaged, _) = logged_in(&sessions, 1).await;
    let (_, token) = logged_in(&sessions, 1).await;
    server.cli(&["HSET", &format!("session:id:{}", damaged.id()), "$header", "{}"]);
    assert_eq!(sessions.user(&1).list().await.expect("lists").len(), 1);
    logged_in(&sessions, 1).await;
    logged_in(&sessions, 1).await;
    assert_eq!(sessions.user(&1).revoke_all().await.expect("revokes"), 4, "the damaged one, too");
    assert!(sessions.open(&token).await.expect("works").is_none());
    assert_eq!(server.cli(&["DBSIZE"]).trim(), "0");
}

#[tokio::test]
async fn u1_nothing_piles_up_in_the_index() {
    let (server, sessions) = limited(Overflow::EvictOldest, 3).await;
    for _ in 0..50 {
        let (mut session, _) = logged_in(&sessions, 1).await;
        for _ in 0..3 {
            session.login(Member { id: 1 }).await.expect("logs in again");
        }
        session.reauthenticate().await.expect("proves it again");
    }
    assert_eq!(members(&server).len(), 3);
    sessions.user(&1).revoke_all().await.expect("revokes");
    assert_eq!(server.cli(&["DBSIZE"]).trim(), "0", "with the last session everything is gone");
}

#[tokio::test]
async fn u1_who_logs_in_as_somebody_else_or_out_leaves_the_index_at_once() {
    let server = Redis::start(&[]);
    let several = sharded();
    for server in [&server, &several] {
        let store = RedisStore::connect(server.url()).await.expect("connects");
        let sessions = Sessions::<Shop>::new(store);
        // Two users, whose indexes and session are in different slots.
        let (mut session, _) = logged_in(&sessions, 1).await;
        session.login(Member { id: 2 }).await.expect("logs in as another");
        assert_eq!(server.cli(&["EXISTS", INDEX]).trim(), "0", "the first one's");
        assert_eq!(server.cli(&["ZCARD", "session:user:2"]).trim(), "1");
        session.logout().await.expect("logs out");
        assert_eq!(server.cli(&["EXISTS", "session:user:2"]).trim(), "0");
        session.login(Member { id: 1 }).await.expect("logs in");
        assert!(sessions.user(&1).revoke(session.id()).await.expect("revokes"));
        assert_eq!(server.cli(&["DBSIZE"]).trim(), "0", "session and index");
    }
}

/// Numbers that look random, always the same.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963);
        (self.0 >> 33) % sides
    }
}

/// A handle on a session that has others as well, which come and go between its own operations.
struct Handle {
    sessions: Sessions<Shop>,
    session: Session<Shop>,
    /// The latest that any of the handles was given.
    token: Arc<Mutex<String>>,
    clock: ManualClock,
    dice: Dice,
}

impl Handle {
    /// Whatever can be done to whose session it is. Much of it comes too late.
    async fn do_something(&mut self) {
        let session = &mut self.session;
        let outcome = match self.dice.roll(1000) {
            0..300 => session.login(Member { id: 1 }).await,
            300..350 => session.login(Member { id: 2 }).await,
            350..400 => session.logout().await,
            400..700 => {
                self.clock.advance(Duration::from_millis(1));
                session.reauthenticate().await
            }
            700..730 => session.renew().await,
            730..750 => session.touch().await,
            750..999 => {
                let token = self.token.lock().expect("no panic").clone();
                if let Some(opened) = self.sessions.open(token).await.expect("opens") {
                    *session = opened;
                }
                Ok(())
            }
            _ => session.destroy().await,
        };
        match outcome {
            Ok(()) => *self.token.lock().expect("no panic") = session.token().expose(),
            Err(error) => {
                let kind = error.kind();
                assert!(!matches!(kind, ErrorKind::Unavailable | ErrorKind::Store), "{error:?}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn u1_no_session_is_without_its_entry_after_random_operations() {
    for overflow in [Overflow::EvictOldest, Overflow::Refuse] {
        let server = Redis::start(&[]);
        let store = RedisStore::connect(server.url()).await.expect("connects");
        let clock = ManualClock::default();
        let builder = Sessions::<Shop>::builder(store).clock(clock.clone());
        let sessions = builder.max_sessions_per_user(80, overflow).build().expect("consistent");
        let mut handles = Vec::new();
        for n in 0..100 {
            let (_, token) = stored(&sessions).await;
            let shared = Arc::new(Mutex::new(token.clone()));
            for handle in 0..3 {
                let session = sessions.open(&token).await.expect("opens").expect("is there");
                let (sessions, clock) = (sessions.clone(), clock.clone());
                let (token, dice) = (Arc::clone(&shared), Dice(3 * n + handle));
                handles.push(Handle { sessions, session, token, clock, dice });
            }
        }
        let work = |mut handle: Handle| async move {
            for _ in 0..30 {
                handle.do_something().await;
            }
        };
        let tasks: Vec<_> = handles.into_iter().map(|handle| tokio::spawn(work(handle))).collect();
        for task in tasks {
            task.await.expect("no panic");
        }
        let lost = "local lost, found = {}, 0 \
            for _, key in ipairs(redis.call('KEYS', 'session:id:*')) do \
                local guard, seat = unpack(redis.call('HMGET', key, '$guard', '$seat')) \
                local user = string.match(guard, ' (%d*)$') \
                local member = string.sub(key, #'session:id:' + 1) .. '.' .. (seat or '') \
                if user ~= '' then \
                    found = found + 1 \
                    if not redis.call('ZSCORE', 'session:user:' .. user, member) then \
                        table.insert(lost, member) \
                    end \
                end \
            end return {tostring(found > 50), lost}";
        assert_eq!(server.cli(&["EVAL", lost, "0"]).trim(), "true", "{overflow:?}");
    }
}
