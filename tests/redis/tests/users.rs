//! U2, U5, E6: a user's sessions, whatever their number, their ids, their version, and whoever's
//! clock is wrong.

use std::collections::HashSet;

use futures::future::join_all;
use typed_sessions::store::{Deleted, Owned, Page};
use typed_sessions::{
    ErrorKind, ManualClock, Overflow, RedisStore, Session, SessionData, SessionId,
    SessionStore as _, SessionUser, Sessions, SessionsBuilder, UserId, hours,
};
use typed_sessions_redis_tests::{Member, Shop, logged_in, sessions};
use typed_sessions_test_servers::redis::Redis;

async fn server() -> (Redis, RedisStore) {
    let server = Redis::start(&[]);
    let store = RedisStore::connect(server.url()).await.expect("connects");
    (server, store)
}

fn key(session: &Session<Shop>) -> String {
    format!("session:id:{}", session.id())
}

fn user(id: &str) -> UserId {
    UserId::new(id).expect("an id")
}

/// What a newer version of this library may write.
fn make_newer(server: &Redis, session: &Session<Shop>) {
    server.cli(&["HSET", &key(session), "$header", r#"{"v":3}"#]);
}

#[tokio::test]
async fn u5_what_a_newer_version_wrote_is_listed_and_can_be_ended() {
    let (server, store) = server().await;
    let sessions = sessions(store.clone());
    for round in ["revoke", "revoke_all", "revoke_everybody"] {
        let (newer, token) = logged_in(&sessions, 1).await;
        let (ours, _) = logged_in(&sessions, 1).await;
        make_newer(&server, &newer);
        assert_eq!(sessions.open(&token).await.expect_err("unreadable").kind(), ErrorKind::Decode);

        let found = store.sessions_of(&user("1"), &Page::first(10)).await.expect("lists").sessions;
        let readable = |id: SessionId| {
            found.iter().find(|(found, _)| *found == id).map(|(_, header)| header.is_some())
        };
        assert_eq!((readable(newer.id()), readable(ours.id())), (Some(false), Some(true)));
        let headers = store.headers(&[newer.id()]).await.expect("reads");
        assert!(matches!(headers[..], [(id, None)] if id == newer.id()));
        assert_eq!(sessions.user(&1).list().await.expect("lists").len(), 1);

        assert!(!sessions.user(&2).revoke(newer.id()).await.expect("works"), "another's");
        match round {
            "revoke" => {
                assert!(sessions.user(&1).revoke(newer.id()).await.expect("ends"));
                assert!(sessions.user(&1).revoke(ours.id()).await.expect("ends"));
            }
            "revoke_all" => assert_eq!(sessions.user(&1).revoke_all().await.expect("ends"), 2),
            _ => sessions.revoke_everybody().await.expect("ends"),
        }
        assert_eq!(server.cli(&["DBSIZE"]).trim(), "0", "{round} left something");
        assert!(sessions.open(&token).await.expect("works").is_none());
    }
}

#[tokio::test]
async fn u5_a_guard_of_version_1_is_nobodys() {
    let (server, store) = server().await;
    let sessions = sessions(store.clone());
    let (session, _) = logged_in(&sessions, 1).await;
    let guard = server.cli(&["HGET", &key(&session), "$guard"]);
    let numbers: Vec<&str> = guard.trim().splitn(4, ' ').take(3).collect();
    server.cli(&["HSET", &key(&session), "$guard", &numbers.join(" ")]);
    server.cli(&["HSET", &key(&session), "$header", r#"{"v":1}"#]);
    let index = server.cli(&["ZRANGE", "session:user:1", "0", "-1"]);

    let found = store.sessions_of(&user("1"), &Page::first(10)).await.expect("lists");
    assert!(found.sessions.is_empty(), "it does not say whose it is");
    assert_eq!(server.cli(&["ZRANGE", "session:user:1", "0", "-1"]), index);
    let ended = store.delete(&session.id(), &Owned::OfUser(user("1"))).await.expect("works");
    assert_eq!(ended, Deleted::Superseded);
    assert!(sessions.revoke(session.id()).await.expect("an administrator ends it"));
    assert_eq!(server.cli(&["EXISTS", &key(&session)]).trim(), "0");
}

/// Whose id is any text.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
struct Named(String);

impl SessionUser for Named {
    type Id = String;

    fn id(&self) -> String {
        self.0.clone()
    }
}

#[derive(Debug, SessionData)]
struct Account {
    #[session(user)]
    named: Option<Named>,
}

#[tokio::test]
async fn u2_a_session_is_its_users_whatever_their_id() {
    let (server, store) = server().await;
    let sessions = Sessions::<Account>::new(store.clone());
    let long = "\0 ".repeat(512);
    let ids = [" ", "\0", "\n", "a\nb", "7", "7 ", " 7", "0 0 7", "a\0b", "%(.*)$", "ü{}", &long];
    for id in ids {
        let mut session = sessions.start();
        session.login(Named(id.to_owned())).await.expect("logs in");
        let found = store.sessions_of(&user(id), &Page::first(10)).await.expect("lists").sessions;
        assert_eq!(found.len(), 1, "{id:?}");
        for other in ids.iter().filter(|other| **other != id) {
            let only = Owned::OfUser(user(other));
            let ended = store.delete(&session.id(), &only).await.expect("works");
            assert_eq!(ended, Deleted::Superseded, "{id:?} is not {other:?}");
        }
        let only = Owned::OfUser(user(id));
        assert_eq!(
            store.delete(&session.id(), &only).await.expect("works"),
            Deleted::Yes,
            "{id:?}"
        );
        assert_eq!(server.cli(&["DBSIZE"]).trim(), "0", "{id:?}: its seat is left");
    }
}

#[tokio::test]
async fn u5_a_session_that_logs_in_anew_between_two_pages_is_not_lost() {
    let (_server, store) = server().await;
    let sessions = sessions(store.clone());
    let mut handles = Vec::new();
    for _ in 0..6 {
        handles.push(logged_in(&sessions, 1).await.0);
    }
    let (mut seen, mut page) = (HashSet::new(), Page::first(1));
    loop {
        let found = store.sessions_of(&user("1"), &page).await.expect("lists");
        seen.extend(found.sessions.iter().map(|(id, _)| *id));
        // Each time, one that may not have come yet takes another seat.
        if let Some(mut session) = handles.pop() {
            session.login(Member { id: 1 }).await.expect("logs in anew");
        }
        match found.next {
            Some(next) => page = Page::after(next, 1),
            None => break,
        }
    }
    assert_eq!(seen.len(), 6);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn u5_a_user_with_20_000_sessions() {
    const SESSIONS: usize = 20_000;
    // With the default time limit: each call has to keep it.
    let (server, store) = server().await;
    let sessions = sessions(store);
    let logins = (0..40).map(|_| {
        let sessions = sessions.clone();
        tokio::spawn(async move {
            for _ in 0..SESSIONS / 40 {
                logged_in(&sessions, 1).await;
            }
        })
    });
    for login in join_all(logins).await {
        login.expect("no panic");
    }
    let user = sessions.user(&1);
    let ids: HashSet<_> =
        user.list().await.expect("lists").iter().map(typed_sessions::SessionInfo::id).collect();
    assert_eq!(ids.len(), SESSIONS);
    assert_eq!(user.count().await.expect("counts"), SESSIONS);
    assert_eq!(user.revoke_all().await.expect("revokes"), SESSIONS);
    assert_eq!(server.cli(&["DBSIZE"]).trim(), "0");
}

/// Sessions on a node with this clock.
fn node(store: &RedisStore, clock: &ManualClock) -> SessionsBuilder<Shop> {
    Sessions::<Shop>::builder(store.clone()).clock(clock.clone())
}

#[tokio::test]
async fn e6_a_node_whose_clock_is_ahead_removes_nobody_from_the_index() {
    let (_server, store) = server().await;
    let (right, ahead) = (ManualClock::default(), ManualClock::default());
    ahead.advance(hours(13));
    let healthy = node(&store, &right).build().expect("the defaults");
    let wrong = node(&store, &ahead).build().expect("the defaults");

    let (_, token) = logged_in(&healthy, 7).await;
    let (_, other) = logged_in(&wrong, 7).await;
    assert_eq!(wrong.user(&7).list().await.expect("lists").len(), 1, "by its clock");
    assert_eq!(healthy.user(&7).list().await.expect("lists").len(), 2);
    assert_eq!(healthy.user(&7).revoke_all().await.expect("revokes"), 2);
    for token in [token, other] {
        assert!(healthy.open(token).await.expect("works").is_none());
    }
}

#[tokio::test]
async fn e6_a_limit_on_a_node_whose_clock_is_ahead_ends_nobody_who_lives() {
    for overflow in [Overflow::EvictOldest, Overflow::Refuse] {
        let (_server, store) = server().await;
        let (right, ahead) = (ManualClock::default(), ManualClock::default());
        ahead.advance(hours(1));
        let of = |clock| node(&store, clock).max_sessions_per_user(2, overflow).build();
        let (healthy, wrong) = (of(&right).expect("consistent"), of(&ahead).expect("consistent"));
        for _ in 0..2 {
            logged_in(&healthy, 7).await;
        }
        // By that clock the others have ended: they do not count, and stay.
        logged_in(&wrong, 7).await;
        assert_eq!(healthy.user(&7).count().await.expect("counts"), 3, "{overflow:?}");
        match overflow {
            Overflow::EvictOldest => {
                logged_in(&healthy, 7).await;
                assert_eq!(healthy.user(&7).count().await.expect("counts"), 2);
            }
            Overflow::Refuse => {
                let error = healthy.start().login(Member { id: 7 }).await.expect_err("three live");
                assert_eq!(error.kind(), ErrorKind::LimitReached);
            }
        }
    }
}
