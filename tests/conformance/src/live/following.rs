//! L2: connections close when their session ends or changes hands, on every server.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use typed_sessions::bus::Channel;
use typed_sessions::{
    ErrorKind, Hub, Login, ManualClock, Overflow, Push, Reason, Reuse, Session, Sessions, Token,
    hours, minutes, seconds,
};

use super::faulty_bus::BusFault;
use super::slow_stores::{PartlyBroken, SlowHeaders};
use super::world::{BusWorld, Live, SOON, closed, hear, is_open, next, server, until};
use crate::counting::Counting;
use crate::faulty::Fault;
use crate::interleave::{Call, Interleave};
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
    let connecting = all.into_iter().map(|session| {
        let hub = hub.clone();
        async move { hub.connect(&session).await.ok() }
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
    for mut connection in connecting.await.expect("connects").into_iter().flatten() {
        assert_eq!(closed(&mut connection).await, Reason::Ended);
    }
}

/// Just before the store is asked about the session, and just after it has answered.
pub(crate) async fn l2_a_revocation_while_connecting_is_not_missed(world: BusWorld) {
    let live = world.live();
    let sessions = live.sessions();
    let interleave = Interleave::new(live.store.clone());
    let behind = Sessions::builder(interleave.clone())
        .clock(live.clock.clone())
        .bus(live.bus.clone())
        .build()
        .expect("consistent");
    let hub = Live::quiet(&behind, "one").await.expect("starts");
    let revoke = |session: &Session<Shop>| {
        let (sessions, id) = (sessions.clone(), session.id());
        async move { assert!(sessions.revoke(id).await.expect("revokes")) }
    };
    let (session, _) = logged_in(&sessions, 1).await;
    interleave.after_next(Call::Headers, revoke(&session));
    let mut connection = hub.connect(&session).await.expect("it lived when the store was asked");
    assert_eq!(closed(&mut connection).await, Reason::Ended);

    let (session, _) = logged_in(&sessions, 1).await;
    interleave.before_next(Call::Headers, revoke(&session));
    assert_eq!(kind(hub.connect(&session).await), ErrorKind::Gone);
}

pub(crate) async fn l2_a_lost_message_is_made_up_for_by_verifying(world: BusWorld) {
    let live = world.live();
    let sessions = live.sessions();
    let hub = Live::quiet(&sessions, "one").verify_every(Duration::from_millis(200)).await;
    let hub = hub.expect("starts");
    let (session, _) = logged_in(&sessions, 1).await;
    let (lives, _) = logged_in(&sessions, 2).await;
    let mut connection = hub.connect(&session).await.expect("connects");
    let mut other = hub.connect(&lives).await.expect("connects");
    live.bus.set(BusFault::Mute);
    sessions.user(&1).revoke_all().await.expect("revokes");
    assert_eq!(closed(&mut connection).await, Reason::Ended);
    live.bus.set(BusFault::None);
    assert!(is_open(&sessions, &mut other).await);
}

pub(crate) async fn l2_a_hub_that_subscribes_again_verifies_all(world: BusWorld) {
    let live = world.live();
    let (hub, sessions) = (live.hub("one").await, live.sessions());
    let (session, _) = logged_in(&sessions, 1).await;
    let (lives, _) = logged_in(&sessions, 2).await;
    let mut connection = hub.connect(&session).await.expect("connects");
    let mut other = hub.connect(&lives).await.expect("connects");
    live.bus.set(BusFault::Down);
    assert_eq!(sessions.user(&1).revoke_all().await.expect("an outage fails nothing"), 1);
    live.bus.set(BusFault::None);
    assert_eq!(closed(&mut connection).await, Reason::Ended);
    assert!(is_open(&sessions, &mut other).await);
}

/// The client leaves when the session has ended, before that is told.
pub(crate) async fn l2_a_request_that_is_given_up_still_tells(world: BusWorld) {
    let live = world.live();
    let (hub, sessions) = (live.hub("one").await, live.sessions());
    let (session, _) = logged_in(&sessions, 1).await;
    let mut connection = hub.connect(&session).await.expect("connects");
    live.store.set(Fault::AnswersNeverCome);
    let revoking = tokio::time::timeout(Duration::from_millis(50), sessions.revoke(session.id()));
    revoking.await.expect_err("it is given up");
    assert_eq!(closed(&mut connection).await, Reason::Ended);
}

/// The delete was carried out, and its answer is lost.
pub(crate) async fn l2_a_lost_answer_is_told_as_well(world: BusWorld) {
    let live = world.live();
    let (hub, sessions) = (live.hub("one").await, live.sessions());
    let (session, _) = logged_in(&sessions, 1).await;
    let mut connection = hub.connect(&session).await.expect("connects");
    live.store.set(Fault::AnswersLost);
    assert_eq!(kind(sessions.revoke(session.id()).await), ErrorKind::Unavailable);
    assert_eq!(closed(&mut connection).await, Reason::Ended);
}

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
pub(crate) async fn l2_a_forged_message_ends_nothing(world: BusWorld) {
    let live = world.live();
    let counting = Counting::new(live.store.clone());
    let behind = Sessions::builder(counting.clone())
        .clock(live.clock.clone())
        .bus(live.bus.clone())
        .build()
        .expect("consistent");
    let hub = Live::quiet(&behind, "one").await.expect("starts");
    let sessions = live.sessions();
    let mut spy = world.subscribe(&server("spy")).await;
    let (mut session, _) = logged_in(&sessions, 1).await;
    session.login(Member::new(1)).await.expect("logs in");
    sessions.user(&1).revoke(sessions.start().id()).await.expect("not there");
    sessions.user(&1).revoke_except(session.id()).await.expect("revokes");
    sessions.revoke_everybody().await.expect("revokes");
    let heard = [hear(&mut spy).await, hear(&mut spy).await, hear(&mut spy).await];

    let (session, _) = logged_in(&sessions, 1).await;
    let mut connection = hub.connect(&session).await.expect("connects");
    counting.take();
    for (asked, message) in heard.iter().enumerate() {
        let damaged = message.slice(..message.len() - 1);
        for message in [message.clone(), damaged, b"\x02\x01\x03".to_vec().into()] {
            world.publish(Channel::Control, message).await;
        }
        // The first one is about a session that nobody holds.
        until("the store was asked", async || counting.so_far().headers >= asked).await;
        assert!(is_open(&sessions, &mut connection).await);
    }
    assert!(counting.so_far().headers <= 3, "no more than one question for each");
}

/// Others than those of which there is news have their turn, and of news all has.
pub(crate) async fn l2_a_flood_of_news_keeps_nobody_from_being_verified(world: BusWorld) {
    const SESSIONS: usize = 1_200;
    let live = world.live();
    let sessions = live.sessions();
    let hub = Live::quiet(&sessions, "one").verify_every(Duration::from_millis(100)).await;
    let hub = hub.expect("starts");
    let mut spy = world.subscribe(&server("spy")).await;
    live.sessions().revoke_everybody().await.expect("revokes");
    let everybody = hear(&mut spy).await;
    drop(spy);
    let mut all = Vec::new();
    for user in 0..SESSIONS as u64 {
        all.push(logged_in(&sessions, user).await.0);
    }
    let connecting = all.into_iter().map(|session| {
        let hub = hub.clone();
        async move { hub.connect(&session).await.expect("connects") }
    });
    let held = race(connecting.collect::<Vec<_>>()).await;
    let flood = tokio::spawn({
        let bus = Arc::clone(&world.bus);
        async move {
            loop {
                bus.publish(&Channel::Control, everybody.clone()).await.expect("publishes");
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
    });
    // Half of them by lost messages, half by their deadline.
    live.bus.set(BusFault::Mute);
    for connection in held.iter().step_by(2) {
        sessions.revoke(connection.session_id()).await.expect("revokes");
    }
    live.clock.advance(hours(13));
    for mut connection in held {
        assert!(matches!(closed(&mut connection).await, Reason::Ended | Reason::Expired));
    }
    flood.abort();
}

/// A round takes longer than the time between two.
pub(crate) async fn l2_a_slow_store_keeps_nobody_from_being_verified(world: BusWorld) {
    const SESSIONS: usize = 1_600;
    let live = world.live();
    let slow = SlowHeaders(live.store.clone());
    let behind = Sessions::builder(slow).clock(live.clock.clone()).bus(live.bus.clone());
    let behind = behind.build().expect("consistent");
    let hub = Live::quiet(&behind, "one").verify_every(Duration::from_millis(200)).await;
    let hub = hub.expect("starts");
    let sessions = live.sessions();
    let mut all = Vec::new();
    for user in 0..SESSIONS as u64 {
        all.push(logged_in(&sessions, user).await.0);
    }
    let connecting = all.into_iter().map(|session| {
        let hub = hub.clone();
        async move { hub.connect(&session).await.expect("connects") }
    });
    let held = race(connecting.collect::<Vec<_>>()).await;
    live.bus.set(BusFault::Mute);
    for connection in &held {
        sessions.revoke(connection.session_id()).await.expect("revokes");
    }
    for mut connection in held {
        assert_eq!(closed(&mut connection).await, Reason::Ended);
    }
}

/// A session that the store does not tell of closes after the grace, and the others stay.
pub(crate) async fn l2_one_that_cannot_be_asked_about_keeps_nobody_else(world: BusWorld) {
    let live = world.live();
    let broken = Arc::new(Mutex::new(None));
    let partly = PartlyBroken { inner: live.store.clone(), broken: Arc::clone(&broken) };
    let behind = Sessions::builder(partly).clock(live.clock.clone()).bus(live.bus.clone());
    let behind = behind.build().expect("consistent");
    let hub = Live::quiet(&behind, "one").outage_grace(Duration::from_secs(3)).await;
    let hub = hub.expect("starts");
    let sessions = live.sessions();
    let mut held = Vec::new();
    for user in 0..20 {
        let (session, _) = logged_in(&sessions, user).await;
        held.push(hub.connect(&session).await.expect("connects"));
    }
    *broken.lock().expect("no panic under it") = Some(held[7].session_id());
    // All are asked about.
    live.bus.set(BusFault::Down);
    live.bus.set(BusFault::None);
    assert_eq!(closed(&mut held[7]).await, Reason::ShuttingDown);
    let revoked = held[8].session_id();
    sessions.revoke(revoked).await.expect("revokes");
    assert_eq!(closed(&mut held[8]).await, Reason::Ended);
    for (number, connection) in held.iter_mut().enumerate().filter(|(n, _)| ![7, 8].contains(n)) {
        assert!(is_open(&sessions, connection).await, "{number}");
    }
}

/// Another version has written the session: it lives, and the client may connect to a server that
/// can read it.
pub(crate) async fn l2_what_cannot_be_read_is_not_called_ended(world: BusWorld) {
    let live = world.live();
    let (hub, sessions) = (live.hub("one").await, live.sessions());
    let (mut session, _) = logged_in(&sessions, 1).await;
    let mut connection = hub.connect(&session).await.expect("connects");
    live.store.set_for(session.id(), Fault::Unreadable);
    live.bus.set(BusFault::Down);
    live.bus.set(BusFault::None);
    assert_eq!(closed(&mut connection).await, Reason::ShuttingDown);
    assert_eq!(kind(hub.connect(&session).await), ErrorKind::Decode);
    live.store.set_for(session.id(), Fault::None);
    session.visits += 1;
    session.save().await.expect("it lives");
    let _connected = hub.connect(&session).await.expect("connects");
}

/// Its tasks end with their runtime; connections and handles of it may be elsewhere.
pub(crate) async fn l2_a_hub_whose_runtime_ends_closes_its_connections(world: BusWorld) {
    let live = world.live();
    let sessions = live.sessions();
    let (session, _) = logged_in(&sessions, 1).await;
    let (sent, received) = tokio::sync::oneshot::channel();
    let elsewhere = std::thread::spawn({
        let live = live.clone();
        move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
            let runtime = runtime.expect("a runtime");
            let hub = runtime.block_on(live.hub("one"));
            assert!(sent.send(hub).is_ok());
            std::thread::sleep(Duration::from_millis(300));
            runtime.shutdown_background();
        }
    });
    let hub = received.await.expect("starts");
    let mut connection = hub.connect(&session).await.expect("connects");
    assert_eq!(closed(&mut connection).await, Reason::ShuttingDown);
    let connecting = tokio::time::timeout(SOON, hub.connect(&session)).await;
    assert_eq!(kind(connecting.expect("it ends")), ErrorKind::Unavailable);
    elsewhere.join().expect("it went well");
}

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
