//! L6: what is sent arrives once, in order, and nobody waits for who is slow.

use std::time::Duration;

use typed_sessions::{ConnectionInfo, ErrorKind, Push, Reason, Sessions};

use super::faulty_bus::BusFault;
use super::world::{BusWorld, Live, SOON, closed, next};
use crate::world::{Shop, kind, logged_in, race, stored};

pub(crate) async fn l6_a_message_reaches_all_that_it_is_for(world: BusWorld) {
    let live = world.live();
    let hubs = [live.hub("one").await, live.hub("two").await];
    let sessions = live.sessions();
    let (ada, _) = logged_in(&sessions, 1).await;
    let (adas_phone, _) = logged_in(&sessions, 1).await;
    let (bob, _) = logged_in(&sessions, 2).await;
    let (nobody, _) = stored(&sessions).await;
    let mut connections = Vec::new();
    for (hub, session) in [
        (&hubs[0], &ada),
        (&hubs[1], &ada),
        (&hubs[1], &adas_phone),
        (&hubs[0], &bob),
        (&hubs[1], &nobody),
    ] {
        connections.push(hub.connect(session).await.expect("connects"));
    }
    // From a process without a hub.
    let sender = live.sessions();
    sender.user(&1).send(&b"to ada"[..]).await.expect("sends");
    sender.send(ada.id(), &b"to ada's laptop"[..]).await.expect("sends");
    sender.send(nobody.id(), vec![0, 255, 10]).await.expect("sends");
    sender.user(&3).send(&b"to nobody"[..]).await.expect("sends");
    sender.broadcast(&b"to all"[..]).await.expect("sends");
    let laptop: &[&[u8]] = &[b"to ada", b"to ada's laptop", b"to all"];
    let expected: [&[&[u8]]; 5] =
        [laptop, laptop, &[b"to ada", b"to all"], &[b"to all"], &[&[0, 255, 10], b"to all"]];
    for (connection, expected) in connections.iter_mut().zip(expected) {
        for expected in expected {
            assert_eq!(next(connection).await, Some(Push::Message(expected.to_vec().into())));
        }
    }
}

pub(crate) async fn l6_messages_come_in_order(world: BusWorld) {
    const SENDERS: u8 = 4;
    const MESSAGES: u8 = 100;
    let live = world.live();
    let hub = Live::quiet(&live.sessions(), "one").buffer(1_000).await.expect("starts");
    let sessions = live.sessions();
    let (session, _) = logged_in(&sessions, 1).await;
    let mut connection = hub.connect(&session).await.expect("connects");
    let senders = (0..SENDERS).map(|sender| {
        let (sessions, id) = (sessions.clone(), session.id());
        async move {
            for number in 0..MESSAGES {
                let message = vec![sender, number];
                match number % 3 {
                    0 => sessions.user(&1).send(message).await,
                    1 => sessions.send(id, message).await,
                    _ => sessions.broadcast(message).await,
                }
                .expect("sends");
            }
        }
    });
    race(senders.collect::<Vec<_>>()).await;
    let mut expected = [0; SENDERS as usize];
    for _ in 0..u32::from(SENDERS) * u32::from(MESSAGES) {
        let Some(Push::Message(message)) = next(&mut connection).await else { panic!("closed") };
        let sender = usize::from(message[0]);
        assert_eq!(message[1], expected[sender], "of {sender}");
        expected[sender] += 1;
    }
}

pub(crate) async fn l6_who_lags_is_closed_and_nobody_waits(world: BusWorld) {
    let live = world.live();
    let hub = Live::quiet(&live.sessions(), "one").buffer(4).await.expect("starts");
    let sessions = live.sessions();
    let (session, _) = logged_in(&sessions, 1).await;
    let mut slow = hub.connect(&session).await.expect("connects");
    let mut quick = hub.connect(&session).await.expect("connects");
    for number in 0..50_u8 {
        sessions.user(&1).send(vec![number]).await.expect("sends");
        assert_eq!(next(&mut quick).await, Some(Push::Message(vec![number].into())));
    }
    assert_eq!(closed(&mut slow).await, Reason::Lagged);
    assert!(slow.session().await.expect("the store works").is_some(), "the session lives");
    let quick = quick.id();
    super::world::until("only the quick one is listed", async || {
        let listed = super::world::connections(&live.sessions(), 1).await;
        listed.iter().map(ConnectionInfo::id).eq([quick])
    })
    .await;
}

pub(crate) async fn l6_sixty_four_kibibytes_on_every_bus(world: BusWorld) {
    let live = world.live();
    let (hub, sessions) = (live.hub("one").await, live.sessions());
    let (session, _) = logged_in(&sessions, 1).await;
    let mut connection = hub.connect(&session).await.expect("connects");
    let largest: Vec<u8> = (0..64 << 10).map(|at: u32| at.to_le_bytes()[0]).collect();
    let mut larger = largest.clone();
    larger.push(0);
    assert_eq!(kind(sessions.user(&1).send(larger.clone()).await), ErrorKind::TooLarge);
    assert_eq!(kind(sessions.send(session.id(), larger.clone()).await), ErrorKind::TooLarge);
    assert_eq!(kind(sessions.broadcast(larger).await), ErrorKind::TooLarge);
    sessions.user(&1).send(largest.clone()).await.expect("sends");
    sessions.broadcast(largest.clone()).await.expect("sends");
    for _ in 0..2 {
        assert_eq!(next(&mut connection).await, Some(Push::Message(largest.clone().into())));
    }
    sessions.user(&1).send(Vec::new()).await.expect("nothing is a message, too");
    assert_eq!(next(&mut connection).await, Some(Push::Message(Vec::new().into())));
}

pub(crate) async fn l6_a_connection_is_a_stream(world: BusWorld) {
    use futures::StreamExt as _;

    let live = world.live();
    let (hub, sessions) = (live.hub("one").await, live.sessions());
    let (session, _) = logged_in(&sessions, 1).await;
    let mut connection = hub.connect(&session).await.expect("connects");
    sessions.user(&1).send(&b"one"[..]).await.expect("sends");
    sessions.user(&1).send(&b"two"[..]).await.expect("sends");
    let two = connection.by_ref().take(2).collect::<Vec<_>>();
    let heard = tokio::time::timeout(SOON, two).await.expect("both come");
    assert_eq!(heard, [Push::Message("one".into()), Push::Message("two".into())]);
    let rest = tokio::spawn(connection.collect::<Vec<_>>());
    sessions.revoke(session.id()).await.expect("revokes");
    let heard = tokio::time::timeout(SOON, rest).await.expect("it ends").expect("reads");
    assert_eq!(heard, [Push::Closed(Reason::Ended)]);
}

pub(crate) async fn l6_without_a_bus_there_are_no_connections(world: BusWorld) {
    let live = world.live();
    let sessions: Sessions<Shop> = Sessions::new(live.store.clone());
    let error = sessions.hub("one").await.expect_err("no bus");
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().contains(".bus("), "it says what to do: {error}");
    assert_eq!(kind(sessions.user(&1).connections().await), ErrorKind::Config);
    assert_eq!(kind(sessions.user(&1).send(&b"x"[..]).await), ErrorKind::Config);
    assert_eq!(kind(sessions.broadcast(&b"x"[..]).await), ErrorKind::Config);
    let with = live.sessions();
    assert_eq!(kind(with.hub("").await), ErrorKind::Invalid);
    assert_eq!(kind(with.hub("one").buffer(0).await), ErrorKind::Config);
    assert_eq!(kind(with.hub("one").lease(Duration::ZERO).await), ErrorKind::Config);
    live.bus.set(BusFault::Down);
    assert_eq!(kind(with.hub("one").await), ErrorKind::Unavailable);
}
