//! L2 when things go wrong: messages lost, forged or too many, answers lost, stores that are slow or
//! do not tell, hubs that die.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use typed_sessions::bus::Channel;
use typed_sessions::{Connection, ErrorKind, Reason, Session, hours};

use super::faulty_bus::BusFault;
use super::slow_stores::{PartlyBroken, SlowHeaders};
use super::world::{BusWorld, Live, SOON, closed, crowd, hear, is_open, server, until};
use crate::counting::Counting;
use crate::faulty::Fault;
use crate::interleave::{Call, Interleave};
use crate::world::{Member, Shop, kind, logged_in};

pub(crate) async fn l2_a_revocation_while_connecting_is_not_missed(world: BusWorld) {
    let live = world.live();
    let sessions = live.sessions();
    let interleave = Interleave::new(live.store.clone());
    let behind = live.behind(interleave.clone());
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

pub(crate) async fn l2_a_lost_answer_is_told_as_well(world: BusWorld) {
    let live = world.live();
    let (hub, sessions) = (live.hub("one").await, live.sessions());
    let (session, _) = logged_in(&sessions, 1).await;
    let mut connection = hub.connect(&session).await.expect("connects");
    live.store.set(Fault::AnswersLost);
    assert_eq!(kind(sessions.revoke(session.id()).await), ErrorKind::Unavailable);
    assert_eq!(closed(&mut connection).await, Reason::Ended);
}

pub(crate) async fn l2_a_forged_message_ends_nothing(world: BusWorld) {
    let live = world.live();
    let counting = Counting::new(live.store.clone());
    let behind = live.behind(counting.clone());
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

pub(crate) async fn l2_a_flood_of_news_keeps_nobody_from_being_verified(world: BusWorld) {
    const SESSIONS: u64 = 1_200;
    let live = world.live();
    let sessions = live.sessions();
    let hub = Live::quiet(&sessions, "one").verify_every(Duration::from_millis(100)).await;
    let hub = hub.expect("starts");
    let mut spy = world.subscribe(&server("spy")).await;
    live.sessions().revoke_everybody().await.expect("revokes");
    let everybody = hear(&mut spy).await;
    drop(spy);
    let held = crowd(&hub, &sessions, SESSIONS).await;
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

pub(crate) async fn l2_a_slow_store_keeps_nobody_from_being_verified(world: BusWorld) {
    const SESSIONS: u64 = 1_600;
    let live = world.live();
    let slow = SlowHeaders(live.store.clone());
    let behind = live.behind(slow);
    let hub = Live::quiet(&behind, "one").verify_every(Duration::from_millis(200)).await;
    let hub = hub.expect("starts");
    let sessions = live.sessions();
    let held = crowd(&hub, &sessions, SESSIONS).await;
    live.bus.set(BusFault::Mute);
    for connection in &held {
        sessions.revoke(connection.session_id()).await.expect("revokes");
    }
    for mut connection in held {
        assert_eq!(closed(&mut connection).await, Reason::Ended);
    }
}

pub(crate) async fn l2_one_that_cannot_be_asked_about_keeps_nobody_else(world: BusWorld) {
    let live = world.live();
    let broken = Arc::new(Mutex::new(HashSet::new()));
    let partly = PartlyBroken { inner: live.store.clone(), broken: Arc::clone(&broken) };
    let behind = live.behind(partly);
    let hub = Live::quiet(&behind, "one").outage_grace(Duration::from_secs(3)).await;
    let hub = hub.expect("starts");
    let sessions = live.sessions();
    let mut held = Vec::new();
    for user in 0..20 {
        let (session, _) = logged_in(&sessions, user).await;
        held.push(hub.connect(&session).await.expect("connects"));
    }
    broken.lock().expect("no panic under it").insert(held[7].session_id());
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

/// As when one of a Cluster's masters is down.
pub(crate) async fn l2_many_that_cannot_be_asked_about_keep_nobody_else(world: BusWorld) {
    let live = world.live();
    let broken = Arc::new(Mutex::new(HashSet::new()));
    let partly = PartlyBroken { inner: live.store.clone(), broken: Arc::clone(&broken) };
    let hub = Live::quiet(&live.behind(partly), "one").await.expect("starts");
    let sessions = live.sessions();
    let mut held = crowd(&hub, &sessions, 1_200).await;
    let those = held.iter().step_by(3).map(Connection::session_id);
    *broken.lock().expect("no panic under it") = those.collect();
    // All are asked about.
    live.bus.set(BusFault::Down);
    live.bus.set(BusFault::None);
    for number in [1, 500, 1_199] {
        sessions.revoke(held[number].session_id()).await.expect("revokes");
        assert_eq!(closed(&mut held[number]).await, Reason::Ended, "{number}");
    }
    // Who connects meanwhile is looked after as well.
    let (session, _) = logged_in(&sessions, 2_000).await;
    let mut another = hub.connect(&session).await.expect("connects");
    sessions.revoke(session.id()).await.expect("revokes");
    assert_eq!(closed(&mut another).await, Reason::Ended);
    // What happens to the others is known when they can be asked about again.
    sessions.revoke(held[3].session_id()).await.expect("revokes");
    assert!(is_open(&sessions, &mut held[3]).await);
    broken.lock().expect("no panic under it").clear();
    assert_eq!(closed(&mut held[3]).await, Reason::Ended);
    assert!(is_open(&sessions, &mut held[0]).await);
}

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
