//! An outage of the bus or the store fails no request and loses no revocation.

use std::time::Duration;

use typed_sessions::{ErrorKind, Reason};

use super::faulty_bus::BusFault;
use super::world::{BusWorld, Live, closed, connections, crowd, is_open, until};
use crate::faulty::Fault;
use crate::world::{kind, logged_in};

pub(crate) async fn l2_an_outage_of_the_bus_fails_no_request(world: BusWorld) {
    let live = world.live();
    let (hub, sessions) = (live.hub("one").await, live.sessions());
    for fault in [BusFault::Down, BusFault::Stuck] {
        let (session, _) = logged_in(&sessions, 1).await;
        let mut before = hub.connect(&session).await.expect("connects");
        live.bus.set(fault);
        let (mut other, _) = logged_in(&sessions, 2).await;
        other.login(crate::world::Member::new(3)).await.expect("logs in");
        other.logout().await.expect("logs out");
        other.destroy().await.expect("destroys");
        let (third, _) = logged_in(&sessions, 3).await;
        let mut during = hub.connect(&third).await.expect("connects");
        assert!(during.session().await.expect("the store works").is_some());
        live.bus.set(BusFault::None);
        until("it is listed, and hears", async || {
            connections(&live.sessions(), 3).await.len() == 1
        })
        .await;
        for connection in [&mut before, &mut during] {
            hears_again(&live, connection).await;
        }
        assert!(sessions.user(&3).revoke(third.id()).await.expect("revokes"));
        hears_the_end(&mut during).await;
    }
}

/// The subscription comes back by itself.
async fn hears_again(live: &Live, connection: &mut typed_sessions::Connection<crate::world::Shop>) {
    let (sessions, id) = (live.sessions(), connection.session_id());
    let sending = async {
        loop {
            sessions.send(id, &b"hello"[..]).await.expect("sends");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::select! {
        () = sending => {}
        heard = super::world::next(connection) => {
            assert!(matches!(heard, Some(typed_sessions::Push::Message(_))), "{heard:?}");
        }
    }
}

/// Perhaps a little later: right after an outage nothing is tried.
async fn hears_the_end(connection: &mut typed_sessions::Connection<crate::world::Shop>) {
    loop {
        match super::world::next(connection).await {
            Some(typed_sessions::Push::Message(_)) => {}
            heard => {
                assert_eq!(heard, Some(typed_sessions::Push::Closed(Reason::Ended)));
                return;
            }
        }
    }
}

/// What could not be told is told when the bus is back, though nobody verifies.
pub(crate) async fn l2_news_that_was_late_is_told_later(world: BusWorld) {
    let live = world.live();
    let (hub, sessions) = (live.hub("one").await, live.sessions());
    let (session, _) = logged_in(&sessions, 1).await;
    let mut connection = hub.connect(&session).await.expect("connects");
    live.bus.set(BusFault::Stuck);
    assert!(sessions.revoke(session.id()).await.expect("revokes"));
    live.bus.set(BusFault::None);
    assert_eq!(closed(&mut connection).await, Reason::Ended);
}

pub(crate) async fn l2_an_outage_of_the_store_closes_after_its_grace(world: BusWorld) {
    let live = world.live();
    let sessions = live.sessions();
    let (every, grace) = (Duration::from_millis(50), Duration::from_secs(2));
    let hub = Live::quiet(&sessions, "one").verify_every(every).outage_grace(grace).await;
    let hub = hub.expect("starts");
    let (session, _) = logged_in(&sessions, 1).await;
    let mut connection = hub.connect(&session).await.expect("connects");
    // A short one is nothing.
    live.store.set(Fault::Unreachable);
    tokio::time::sleep(grace / 4).await;
    assert_eq!(kind(hub.connect(&session).await), ErrorKind::Unavailable);
    live.store.set(Fault::None);
    tokio::time::sleep(grace * 2).await;
    assert!(is_open(&sessions, &mut connection).await);
    // A long one closes, since nobody can tell what has ended meanwhile.
    live.store.set(Fault::Unreachable);
    assert_eq!(closed(&mut connection).await, Reason::ShuttingDown);
    live.store.set(Fault::None);
    let mut again = hub.connect(&session).await.expect("connects");
    assert!(is_open(&sessions, &mut again).await);
}

/// However many there are.
pub(crate) async fn l2_an_outage_of_the_store_closes_all_after_its_grace(world: BusWorld) {
    let live = world.live();
    let sessions = live.sessions();
    let (every, grace) = (Duration::from_millis(50), Duration::from_secs(2));
    let hub = Live::quiet(&sessions, "one").verify_every(every).outage_grace(grace).await;
    let hub = hub.expect("starts");
    let mut held = crowd(&hub, &sessions, 1_500).await;
    live.store.set(Fault::Unreachable);
    for connection in &mut held {
        assert_eq!(closed(connection).await, Reason::ShuttingDown);
    }
}

/// What was revoked during an outage of everything is closed when it is over.
pub(crate) async fn l2_nothing_revoked_in_an_outage_is_left_after_it(world: BusWorld) {
    let live = world.live();
    let (hub, sessions) = (live.hub("one").await, live.sessions());
    let mut held = Vec::new();
    for user in 0..20 {
        let (session, _) = logged_in(&sessions, user).await;
        held.push((user, hub.connect(&session).await.expect("connects")));
    }
    live.bus.set(BusFault::Down);
    for user in (0..20).step_by(2) {
        assert_eq!(sessions.user(&user).revoke_all().await.expect("revokes"), 1);
    }
    live.store.set(Fault::Unreachable);
    live.bus.set(BusFault::None);
    tokio::time::sleep(Duration::from_millis(300)).await;
    live.store.set(Fault::None);
    for (user, connection) in &mut held {
        if *user % 2 == 0 {
            assert_eq!(closed(connection).await, Reason::Ended, "of {user}");
        } else {
            assert!(is_open(&sessions, connection).await, "of {user}");
        }
    }
}
