//! L2: connections close when their session ends or changes hands, on every server.

use typed_sessions::{
    ErrorKind, Hub, Login, ManualClock, Overflow, Push, Reason, Reuse, Session, Sessions, Token,
    hours, minutes, seconds,
};

use super::world::{BusWorld, Live, SOON, closed, is_open, next, until};
use crate::world::{Member, Shop, fresh, kind, logged_in, open, race, stored};

/// What ends a session, or makes it another one's, and what its connections hear.
const ENDINGS: &[(&str, Reason)] = &[
    ("destroy", Reason::Ended),
    ("logout", Reason::SignedOut),
    ("login again", Reason::Superseded),
    ("login as somebody else", Reason::Superseded),
    ("revoke", Reason::Ended),
    ("revoke all", Reason::Ended),
    ("revoke except", Reason::Ended),
    ("revoke as an administrator", Reason::Ended),
    ("revoke by token", Reason::Ended),
    ("revoke everybody", Reason::Ended),
    ("reuse", Reason::Ended),
    ("auth tag", Reason::Ended),
    ("eviction", Reason::Ended),
];

async fn end(how: &str, live: &Live, sessions: &Sessions<Shop>, session: &mut Session<Shop>) {
    let (id, token) = (session.id(), session.token().expose());
    match how {
        "destroy" => session.destroy().await.expect("destroys"),
        "logout" => session.logout().await.expect("logs out"),
        "login again" => session.login(Member::new(1)).await.expect("logs in"),
        "login as somebody else" => session.login(Member::new(2)).await.expect("logs in"),
        "revoke" => assert!(sessions.user(&1).revoke(id).await.expect("revokes")),
        "revoke all" => assert_eq!(sessions.user(&1).revoke_all().await.expect("revokes"), 1),
        "revoke except" => {
            let (keep, _) = logged_in(sessions, 1).await;
            assert_eq!(sessions.user(&1).revoke_except(keep.id()).await.expect("revokes"), 1);
        }
        "revoke as an administrator" => assert!(sessions.revoke(id).await.expect("revokes")),
        "revoke by token" => assert!(sessions.revoke_token(&token).await.expect("revokes")),
        "revoke everybody" => sessions.revoke_everybody().await.expect("revokes"),
        "reuse" => {
            let strict = live.builder().on_reuse(Reuse::Revoke).build().expect("consistent");
            live.clock.advance(minutes(10));
            let next = fresh(&open(&strict, &token).await);
            open(&strict, &next).await;
            live.clock.advance(minutes(5));
            assert!(strict.open(&token).await.expect("the store works").is_none());
        }
        "auth tag" => {
            let changed = |_| async { Ok::<_, typed_sessions::Error>("another password") };
            let opened = sessions.open_checked(&token, changed).await;
            assert!(opened.expect("the store works").is_none());
        }
        "eviction" => {
            let one = live.builder().max_sessions_per_user(1, Overflow::EvictOldest).build();
            live.clock.advance(seconds(1));
            logged_in(&one.expect("consistent"), 1).await;
        }
        other => panic!("no way to end a session: {other}"),
    }
}

/// On another server than the one that holds the connections, which has no hub.
pub(crate) async fn l2_whatever_ends_a_session_closes_its_connections(world: BusWorld) {
    for (how, reason) in ENDINGS {
        let live = world.live();
        let hubs = [live.hub("one").await, live.hub("two").await];
        let sessions = live.sessions();
        let mut session = sessions.start();
        let login = Login::new().auth_tag("a password");
        session.login_with(Member::new(1), login).await.expect("logs in");
        let (other, _) = stored(&sessions).await;
        let mut connections = Vec::new();
        for hub in hubs.iter().chain(&hubs) {
            connections.push(hub.connect(&session).await.expect("connects"));
        }
        let mut others = hubs[0].connect(&other).await.expect("connects");
        end(how, &live, &live.sessions(), &mut session).await;
        for connection in &mut connections {
            assert_eq!(closed(connection).await, *reason, "{how}");
            assert!(connection.session().await.expect("the store works").is_none(), "{how}");
        }
        if *how == "revoke everybody" {
            assert_eq!(closed(&mut others).await, Reason::Ended);
        } else {
            assert!(is_open(&sessions, &mut others).await, "{how}: it is nobody else's end");
        }
    }
}

pub(crate) async fn l2_a_login_into_an_anonymous_session_closes_its_connections(world: BusWorld) {
    let live = world.live();
    let hub = live.hub("one").await;
    let (mut session, _) = stored(&live.sessions()).await;
    let mut connection = hub.connect(&session).await.expect("connects");
    session.login(Member::new(1)).await.expect("logs in");
    assert_eq!(closed(&mut connection).await, Reason::Superseded);
    let mut again = hub.connect(&session).await.expect("connects");
    assert!(is_open(&live.sessions(), &mut again).await);
}

pub(crate) async fn l2_what_changes_no_login_closes_nothing(world: BusWorld) {
    let live = world.live();
    let (hub, sessions) = (live.hub("one").await, live.sessions());
    let (session, token) = logged_in(&sessions, 1).await;
    let mut connection = hub.connect(&session).await.expect("connects");
    live.clock.advance(minutes(10));
    let mut renewed = open(&sessions, &token).await;
    assert!(renewed.fresh_token().is_some(), "a renewal");
    renewed.renew().await.expect("renews");
    renewed.reauthenticate().await.expect("proves it");
    renewed.visits += 1;
    renewed.save().await.expect("saves");
    sessions.user(&1).sync(&Member::new(1)).await.expect("syncs");
    sessions.user(&2).revoke_all().await.expect("revokes nobody");
    assert!(!sessions.user(&2).revoke(session.id()).await.expect("not theirs"));
    assert!(is_open(&sessions, &mut connection).await);
    let mut now = connection.session().await.expect("the store works").expect("it lives");
    assert_eq!(now.visits, 1);
    now.set(Shop::VISITS, 2).await.expect("writes, though the token was renewed since");
}

pub(crate) async fn l2_what_has_ended_is_not_connected(world: BusWorld) {
    let live = world.live();
    let (hub, sessions) = (live.hub("one").await, live.sessions());
    let unsaved = sessions.start();
    assert_eq!(kind(hub.connect(&unsaved).await), ErrorKind::Invalid);

    let (mut session, token) = logged_in(&sessions, 1).await;
    let before = open(&sessions, &token).await;
    session.logout().await.expect("logs out");
    assert_eq!(kind(hub.connect(&before).await), ErrorKind::Superseded);

    sessions.revoke(session.id()).await.expect("revokes");
    assert_eq!(kind(hub.connect(&session).await), ErrorKind::Gone);
    session.destroy().await.expect("is no error");
    assert_eq!(kind(hub.connect(&session).await), ErrorKind::Gone);

    let (expired, _) = logged_in(&sessions, 1).await;
    live.clock.advance(hours(13));
    assert_eq!(kind(hub.connect(&expired).await), ErrorKind::Gone);
    until("nobody is listed", async || {
        super::world::connections(&live.sessions(), 1).await.is_empty()
    })
    .await;
}

/// No connection of an ended session is left, however they meet.
pub(crate) async fn l2_a_thousand_revocations_beside_a_thousand_connects(world: BusWorld) {
    let live = world.live();
    let (hub, sessions) = (live.hub("one").await, live.sessions());
    let mut all = Vec::new();
    for user in 0..1_000 {
        all.push(logged_in(&sessions, user).await.0);
    }
    let ids: Vec<_> = all.iter().map(Session::id).collect();
    let mut before = hub.connect(&all[0]).await.expect("connects");
    let connecting = all.into_iter().map(|session| {
        let hub = hub.clone();
        async move {
            let connected = hub.connect(&session).await;
            if let Err(error) = &connected {
                assert_eq!(error.kind(), ErrorKind::Gone, "{error:?}");
            }
            connected.ok()
        }
    });
    let connecting = tokio::spawn(race(connecting.collect::<Vec<_>>()));
    let revoking = ids.chunks(100).map(|ids| {
        let (sessions, ids) = (sessions.clone(), ids.to_vec());
        async move {
            for id in ids {
                assert!(sessions.revoke(id).await.expect("revokes"));
            }
        }
    });
    race(revoking.collect::<Vec<_>>()).await;
    assert_eq!(closed(&mut before).await, Reason::Ended);
    for mut connection in connecting.await.expect("connects").into_iter().flatten() {
        assert_eq!(closed(&mut connection).await, Reason::Ended);
    }
    for user in (0..1_000).step_by(100) {
        until("nobody is listed", async || {
            super::world::connections(&live.sessions(), user).await.is_empty()
        })
        .await;
    }
}

/// Just before the store is asked about the session, and just after it has answered.
/// The client leaves when the session has ended, before that is told.
/// The delete was carried out, and its answer is lost.
/// Its hub closes what it holds itself, and ends nothing.
pub(crate) async fn l2_a_wrong_clock_closes_nobody_elses(world: BusWorld) {
    let live = world.live();
    let wrong = Live { clock: ManualClock::default(), ..live.clone() };
    let (right_hub, sessions) = (live.hub("right").await, live.sessions());
    let wrong_hub = wrong.hub("wrong").await;
    let (session, token) = logged_in(&sessions, 1).await;
    let mut here = right_hub.connect(&session).await.expect("connects");
    let mut there = wrong_hub.connect(&session).await.expect("connects");
    wrong.clock.advance(hours(13));
    assert_eq!(closed(&mut there).await, Reason::Expired, "for all that it knows");
    assert_eq!(kind(wrong_hub.connect(&session).await), ErrorKind::Gone);
    assert!(wrong.sessions().open(&token).await.expect("the store works").is_none());
    assert!(is_open(&sessions, &mut here).await);
    assert!(here.session().await.expect("the store works").is_some());
}

/// What was published once is published again, by somebody who listened. It carries no verdict.
/// Others than those of which there is news have their turn, and of news all has.
/// A round takes longer than the time between two.
/// A session that the store does not tell of closes after the grace, and the others stay.
/// Another version has written the session: it lives, and the client may connect to a server that
/// can read it.
/// Its tasks end with their runtime; connections and handles of it may be elsewhere.
pub(crate) async fn l2_a_connection_holds_no_credential(world: BusWorld) {
    let live = world.live();
    let (hub, sessions) = (live.hub("one").await, live.sessions());
    let (session, token) = logged_in(&sessions, 1).await;
    let connection = hub.connect(&session).await.expect("connects");
    let mut now = connection.session().await.expect("the store works").expect("it lives");
    assert!(now.fresh_token().is_none());
    let shown = now.token().expose();
    assert!(sessions.open(&shown).await.expect("the store works").is_none());
    for (what, result) in [
        ("login", now.login(Member::new(2)).await),
        ("logout", now.logout().await),
        ("renew", now.renew().await),
        ("reauthenticate", now.reauthenticate().await),
        ("set_auth_tag", now.set_auth_tag("x").await),
    ] {
        assert_eq!(kind(result), ErrorKind::Invalid, "{what}");
    }
    assert!(sessions.open(&token).await.expect("the store works").is_some());
    let debug = format!("{connection:?} {hub:?} {now:?}");
    let secret = Token::parse(&token).expect("a token").expose();
    assert!(!debug.contains(&secret[22..]), "T5: {debug}");
    now.destroy().await.expect("a connection may end its session");
    assert!(sessions.open(&token).await.expect("the store works").is_none());
}

pub(crate) async fn l2_a_dropped_hub_closes_its_connections(world: BusWorld) {
    let live = world.live();
    let (hub, sessions) = (live.hub("one").await, live.sessions());
    let (session, _) = logged_in(&sessions, 1).await;
    let mut connection = hub.connect(&session).await.expect("connects");
    let clone: Hub<Shop> = hub.clone();
    drop(hub);
    assert!(is_open(&sessions, &mut connection).await);
    drop(clone);
    assert_eq!(closed(&mut connection).await, Reason::ShuttingDown);
    until("it is not listed", async || {
        super::world::connections(&live.sessions(), 1).await.is_empty()
    })
    .await;
    connection.close().await.expect("it has ended already");
}

pub(crate) async fn l2_nothing_comes_after_the_end(world: BusWorld) {
    let live = world.live();
    let (hub, sessions) = (live.hub("one").await, live.sessions());
    let (session, _) = logged_in(&sessions, 1).await;
    let mut connection = hub.connect(&session).await.expect("connects");
    sessions.user(&1).revoke_all().await.expect("revokes");
    let ended = tokio::time::timeout(SOON, async { while hub.connect(&session).await.is_ok() {} });
    ended.await.expect("what is revoked is not connected");
    assert_eq!(next(&mut connection).await, Some(Push::Closed(Reason::Ended)));
    sessions.send(session.id(), &b"late"[..]).await.expect("sends to nobody");
    assert_eq!(next(&mut connection).await, None);
}
