//! L1, L3, L4: who is connected where, and what that costs.

use std::sync::mpsc;
use std::time::Duration;

use typed_sessions::bus::Beat;
use typed_sessions::{ConnectionInfo, ErrorKind, Reason, Sessions};

use super::faulty_bus::BusFault;
use super::world::{BusWorld, Live, SOON, connections, until};
use crate::counting::Counting;
use crate::world::{Member, Shop, kind, logged_in, race, stored};

pub(crate) async fn l1_a_connection_is_listed_until_it_closes(world: BusWorld) {
    let live = world.live();
    let hubs = [live.hub("10.0.0.5:2051").await, live.hub("10.0.0.6:2051").await];
    let sessions = live.sessions();
    let (session, _) = logged_in(&sessions, 1).await;
    let (somebody_elses, _) = logged_in(&sessions, 2).await;
    let mut first = hubs[0].connect(&session).await.expect("connects");
    let mut second = hubs[1].connect(&session).await.expect("connects");
    let third = hubs[1].connect(&session).await.expect("connects");
    let _not_listed = hubs[1].connect(&somebody_elses).await.expect("connects");

    let listed = connections(&live.sessions(), 1).await;
    let mut ids: Vec<_> = listed.iter().map(ConnectionInfo::id).collect();
    let mut expected = [first.id(), second.id(), third.id()];
    ids.sort();
    expected.sort();
    assert_eq!(ids, expected);
    for info in &listed {
        assert_eq!(info.session(), session.id());
        assert_eq!(info.since(), typed_sessions::Clock::now(&live.clock));
        let server = if info.id() == first.id() { "10.0.0.5:2051" } else { "10.0.0.6:2051" };
        assert_eq!(info.server(), server);
    }

    first.close().await.expect("closes");
    second.close().await.expect("closes");
    let listed = connections(&sessions, 1).await;
    assert_eq!(listed.iter().map(ConnectionInfo::id).collect::<Vec<_>>(), [third.id()]);
    drop(third);
    until("what was dropped is not listed", async || {
        connections(&live.sessions(), 1).await.is_empty()
    })
    .await;
}

pub(crate) async fn l1_what_the_hub_closes_is_not_listed(world: BusWorld) {
    let live = world.live();
    let (hub, sessions) = (live.hub("one").await, live.sessions());
    let (session, _) = logged_in(&sessions, 1).await;
    let mut connection = hub.connect(&session).await.expect("connects");
    sessions.revoke(session.id()).await.expect("revokes");
    super::world::closed(&mut connection).await;
    until("it is not listed", async || connections(&live.sessions(), 1).await.is_empty()).await;
}

/// Each of them while the bus is being told.
pub(crate) async fn l1_a_connect_that_is_given_up_leaves_nothing(world: BusWorld) {
    let live = world.live();
    let sessions = live.sessions();
    let hub = Live::quiet(&sessions, "one").lease(Duration::from_secs(6)).await.expect("starts");
    let (session, _) = logged_in(&sessions, 1).await;
    live.bus.set(BusFault::Slow);
    let tries = (0..50).map(async |number| {
        let limit = Duration::from_millis(number);
        drop(tokio::time::timeout(limit, hub.connect(&session)).await);
    });
    futures::future::join_all(tries).await;
    live.bus.set(BusFault::None);
    let connection = hub.connect(&session).await.expect("connects");
    until("only the last one is listed", async || {
        let listed = connections(&live.sessions(), 1).await;
        listed.iter().map(ConnectionInfo::id).eq([connection.id()])
    })
    .await;
}

/// A bus that takes nothing holds nobody up for ever, and neither does a hub that is dropped.
pub(crate) async fn l1_nobody_waits_for_ever(world: BusWorld) {
    let live = world.live();
    let (hub, sessions) = (live.hub("one").await, live.sessions());
    let (session, _) = logged_in(&sessions, 1).await;
    for _ in 0..50 {
        let hub = live.hub("short").await;
        let mut connection = hub.connect(&session).await.expect("connects");
        let closing = tokio::spawn(async move { connection.close().await });
        let all = hub.close_all(Reason::Ended);
        drop(hub);
        for closed in [closing.await.expect("it ends"), all.await] {
            assert!(closed.is_ok() || kind(closed) == ErrorKind::Unavailable);
        }
    }
    live.bus.set(BusFault::StuckBeats);
    let mut connection = hub.connect(&session).await.expect("connects");
    assert_eq!(kind(connection.close().await), ErrorKind::Unavailable);
}

/// Lets a server run in a runtime of its own, which ends as a process that crashes does.
async fn crash_of(live: &Live, user: u64) {
    let (live, (crash, crashes)) = (live.clone(), mpsc::channel());
    let server = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
        let runtime = runtime.expect("a runtime");
        let held = runtime.block_on(async {
            let sessions = live.sessions();
            let hub = Live::quiet(&sessions, "crashes").lease(Duration::from_secs(1)).await;
            let hub = hub.expect("starts");
            let (session, _) = logged_in(&sessions, user).await;
            let connection = hub.connect(&session).await.expect("connects");
            assert_eq!(connections(&sessions, user).await.len(), 1);
            (hub, connection)
        });
        runtime.shutdown_background();
        crash.send(()).expect("somebody waits");
        drop(held);
    });
    tokio::task::spawn_blocking(move || {
        crashes.recv_timeout(SOON).expect("it crashed");
        server.join().expect("as it should");
    })
    .await
    .expect("it crashed");
}

pub(crate) async fn l3_a_crashed_server_is_gone_from_listings(world: BusWorld) {
    let live = world.live();
    crash_of(&live, 1).await;
    let sessions = live.sessions();
    // A restart under the same name has none of them.
    let hub = Live::quiet(&sessions, "crashes").await.expect("starts");
    let (session, _) = logged_in(&sessions, 2).await;
    let connection = hub.connect(&session).await.expect("connects");
    until("its lease has run out", async || connections(&live.sessions(), 1).await.is_empty())
        .await;
    let listed = connections(&sessions, 2).await;
    assert_eq!(listed.iter().map(ConnectionInfo::id).collect::<Vec<_>>(), [connection.id()]);
}

/// The bus has forgotten the server, for one reason or another.
pub(crate) async fn l3_a_hub_whose_lease_ran_out_registers_anew(world: BusWorld) {
    let live = world.live();
    let sessions = live.sessions();
    let lease = Duration::from_millis(500);
    let hub = Live::quiet(&sessions, "one").lease(lease).await.expect("starts");
    let (session, _) = logged_in(&sessions, 1).await;
    let mut held = Vec::new();
    for _ in 0..3 {
        held.push(hub.connect(&session).await.expect("connects"));
    }
    live.bus.set(BusFault::NoRegistry);
    until("the lease has run out", async || connections(&live.sessions(), 1).await.is_empty())
        .await;
    // Nobody is turned away, and who leaves meanwhile does not come back.
    held.push(hub.connect(&session).await.expect("connects"));
    drop(held.remove(0));
    assert_eq!(kind(held.remove(0).close().await), ErrorKind::Unavailable);
    // The beat that the bus did not know is carried out, and the hub does not hear of it.
    live.bus.set(BusFault::BeatAnswersLost);
    until("the server is known", async || !world.bus.servers().await.expect("works").is_empty())
        .await;
    live.bus.set(BusFault::None);
    until("all are listed again", async || connections(&live.sessions(), 1).await.len() == 2).await;
    let listed = connections(&sessions, 1).await;
    assert!(held.iter().all(|held| listed.iter().any(|info| info.id() == held.id())));
}

/// The beat that told of it is on its way when it leaves, and the bus has forgotten the server.
pub(crate) async fn l3_who_left_when_the_bus_forgot_is_not_listed(world: BusWorld) {
    let live = world.live();
    let (hub, sessions) = (live.hub("one").await, live.sessions());
    let (session, _) = logged_in(&sessions, 1).await;
    live.bus.set(BusFault::Forgetful);
    let connection = hub.connect(&session).await.expect("it does not wait for the bus for ever");
    until("it is listed", async || connections(&live.sessions(), 1).await.len() == 1).await;
    drop(connection);
    live.bus.set(BusFault::None);
    until("it is not", async || connections(&live.sessions(), 1).await.is_empty()).await;
}

pub(crate) async fn l4_a_heartbeat_is_one_write_for_all_connections(world: BusWorld) {
    const CONNECTIONS: usize = 1_200;
    let live = world.live();
    let counting = Counting::new(live.store.clone());
    let sessions = live.behind(counting.clone());
    // It beats every second.
    let hub = Live::quiet(&sessions, "one").lease(Duration::from_secs(3)).await.expect("starts");
    let mut all = Vec::new();
    for _ in 0..CONNECTIONS {
        all.push(stored(&sessions).await.0);
    }
    let connecting = all.into_iter().map(|session| {
        let hub = hub.clone();
        async move { hub.connect(&session).await.expect("connects") }
    });
    live.bus.take_beats();
    live.bus.set(BusFault::Slow);
    let mut held = race(connecting.collect::<Vec<_>>()).await;
    let beats = live.bus.take_beats();
    let joined: usize = beats.iter().map(|beat| beat.joined.len()).sum();
    assert_eq!(joined, CONNECTIONS, "each is told of once");
    assert!(beats.len() < CONNECTIONS / 10, "those who come together come in one: {}", beats.len());

    live.bus.set(BusFault::None);
    until("it beats", async || {
        let beats = live.bus.take_beats();
        assert!(beats.iter().all(|beat| *beat == Beat::new(beat.lease)), "{beats:?}");
        !beats.is_empty()
    })
    .await;
    // A new subscription makes it verify all.
    counting.take();
    live.bus.set(BusFault::Down);
    live.bus.set(BusFault::None);
    until("it verifies", async || counting.so_far().headers >= 3).await;
    assert!(super::world::is_open(&sessions, &mut held[0]).await);
    assert_eq!(counting.cost(), "3 headers", "for {CONNECTIONS} sessions");
}

pub(crate) async fn l4_connecting_costs_one_headers(world: BusWorld) {
    let live = world.live();
    let counting = Counting::new(live.store.clone());
    let sessions = live.behind(counting.clone());
    let hub = Live::quiet(&sessions, "one").await.expect("starts");
    let (session, _) = logged_in(&sessions, 1).await;
    counting.take();
    let mut connection = hub.connect(&session).await.expect("connects");
    assert_eq!(counting.cost(), "1 headers");
    drop(connection.session().await.expect("the store works"));
    assert_eq!(counting.cost(), "1 load");
    connections(&sessions, 1).await;
    sessions.user(&1).send(&b"x"[..]).await.expect("sends");
    connection.close().await.expect("closes");
    assert_eq!(counting.cost(), "nothing");
}

/// What publishes, and what does not.
pub(crate) async fn l4_plain_requests_publish_nothing(world: BusWorld) {
    let live = world.live();
    let sessions = live.sessions();
    let (mut session, token) = stored(&sessions).await;
    let mut opened = open_all(&sessions, &token, &live).await;
    assert_eq!(live.bus.take_published(), 0);
    assert_eq!(kind(session.login(Member::new(1)).await), ErrorKind::Superseded, "an old token");
    assert_eq!(live.bus.take_published(), 0);
    opened.login(Member::new(1)).await.expect("logs in");
    assert_eq!(live.bus.take_published(), 1, "into a stored session");
    opened.logout().await.expect("logs out");
    assert_eq!(live.bus.take_published(), 1);
    opened.destroy().await.expect("destroys");
    assert_eq!(live.bus.take_published(), 1);
    for _ in 0..20 {
        logged_in(&sessions, 1).await;
    }
    assert_eq!(live.bus.take_published(), 0, "a new session has no connection");
    assert_eq!(sessions.user(&1).revoke_all().await.expect("revokes"), 20);
    assert_eq!(live.bus.take_published(), 1, "one for all");
    for _ in 0..501 {
        logged_in(&sessions, 1).await;
    }
    assert_eq!(sessions.user(&1).revoke_all().await.expect("revokes"), 501);
    assert!(live.bus.take_published() <= 2, "one for each page");
    sessions.user(&1).list().await.expect("lists");
    sessions.revoke_everybody().await.expect("revokes");
    assert_eq!(live.bus.take_published(), 1);
}

async fn open_all(
    sessions: &Sessions<Shop>,
    token: &str,
    live: &Live,
) -> typed_sessions::Session<Shop> {
    let mut session = crate::world::open(sessions, token).await;
    session.visits += 1;
    session.save().await.expect("saves");
    session.set(Shop::OTP, Some("123".to_owned())).await.expect("sets");
    session.take(Shop::OTP).await.expect("takes");
    session.update(Shop::VISITS, |visits| *visits += 1).await.expect("updates");
    session.touch().await.expect("touches");
    live.clock.advance(typed_sessions::minutes(10));
    let renewed = crate::world::fresh(&crate::world::open(sessions, token).await);
    let mut session = crate::world::open(sessions, &renewed).await;
    session.renew().await.expect("renews");
    session.visits += 1;
    session
}
