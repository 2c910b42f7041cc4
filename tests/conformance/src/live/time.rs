//! L5: what counts as activity, and deadlines.

use std::time::Duration;

use typed_sessions::{Login, Reason, hours, minutes};

use super::faulty_bus::BusFault;
use super::world::{BusWorld, Live, closed, is_open};
use crate::counting::Counting;
use crate::world::{Member, logged_in, open};

pub(crate) async fn l5_deadlines_close_by_a_timer(world: BusWorld) {
    let live = world.live();
    let (hub, sessions) = (live.hub("one").await, live.sessions());
    let (idle, _) = logged_in(&sessions, 1).await;
    let mut remembered = sessions.start();
    let long = Login::new().idle_timeout(hours(20)).absolute_timeout(hours(20));
    remembered.login_with(Member::new(2), long).await.expect("logs in");
    let mut first = hub.connect(&idle).await.expect("connects");
    let mut second = hub.connect(&remembered).await.expect("connects");
    live.clock.advance(minutes(30));
    assert_eq!(closed(&mut first).await, Reason::Expired);
    assert!(is_open(&sessions, &mut second).await);
    live.clock.advance(hours(20));
    assert_eq!(closed(&mut second).await, Reason::Expired);
}

pub(crate) async fn l5_pushes_are_no_activity(world: BusWorld) {
    let live = world.live();
    let (hub, sessions) = (live.hub("one").await, live.sessions());
    let (session, _) = logged_in(&sessions, 1).await;
    let mut connection = hub.connect(&session).await.expect("connects");
    for _ in 0..3 {
        live.clock.advance(minutes(9));
        assert!(is_open(&sessions, &mut connection).await);
    }
    live.clock.advance(minutes(3));
    assert_eq!(closed(&mut connection).await, Reason::Expired);
}

pub(crate) async fn l5_the_session_of_a_connection_is_activity(world: BusWorld) {
    let live = world.live();
    let (hub, sessions) = (live.hub("one").await, live.sessions());
    let (session, _) = logged_in(&sessions, 1).await;
    let mut connection = hub.connect(&session).await.expect("connects");
    for _ in 0..35 {
        live.clock.advance(minutes(20));
        let now = connection.session().await.expect("the store works").expect("it lives");
        assert_eq!(now.info().last_seen(), typed_sessions::Clock::now(&live.clock));
        assert!(is_open(&sessions, &mut connection).await);
    }
    // The absolute deadline, 12 hours, comes nevertheless, ten minutes before the idle one.
    live.clock.advance(minutes(20));
    assert_eq!(closed(&mut connection).await, Reason::Expired);
    assert!(connection.session().await.expect("the store works").is_none());
}

/// The hub has an old deadline in mind, and nobody told it of the new one: it asks once.
pub(crate) async fn l5_requests_elsewhere_keep_a_connection_open(world: BusWorld) {
    let live = world.live();
    let counting = Counting::new(live.store.clone());
    let behind = live.behind(counting.clone());
    let hub = Live::quiet(&behind, "one").await.expect("starts");
    let sessions = live.sessions();
    let (session, mut token) = logged_in(&sessions, 1).await;
    let mut connection = hub.connect(&session).await.expect("connects");
    for _ in 0..4 {
        counting.take();
        live.clock.advance(minutes(20));
        if let Some(fresh) = open(&sessions, &token).await.fresh_token() {
            token = fresh.expose();
        }
        // The timer asks the clock each second.
        tokio::time::sleep(Duration::from_millis(2_500)).await;
        assert!(counting.take().headers <= 1, "for each deadline that it had in mind");
    }
    assert!(is_open(&sessions, &mut connection).await);
}

/// The store may have reclaimed it already.
pub(crate) async fn l5_what_is_missing_after_its_deadline_has_expired(world: BusWorld) {
    let live = world.live();
    let (hub, sessions) = (live.hub("one").await, live.sessions());
    let (session, _) = logged_in(&sessions, 1).await;
    let mut connection = hub.connect(&session).await.expect("connects");
    live.bus.set(BusFault::Mute);
    sessions.revoke(session.id()).await.expect("revokes");
    live.clock.advance(hours(1));
    assert_eq!(closed(&mut connection).await, Reason::Expired);
}
