//! Who is connected, as a bus lists it.

use std::time::{Duration, Instant};

use typed_sessions::bus::{Beat, ConnectionEntry, Pulse, Whose};

use super::world::{BusWorld, LEASE, SOON, entry, hear, joined, left, of_user, server};
use crate::world::race;

pub(crate) async fn b7_a_heartbeat_lists_who_joined_and_not_who_left(world: BusWorld) {
    let one = server("one");
    let (ada, bob, nobody) = (entry(Some("ada")), entry(Some("bob")), entry(None));
    world.beat(&one, &joined(&[ada.clone(), bob.clone(), nobody.clone()])).await;
    assert!(world.knows(&one).await);
    assert_eq!(world.listed(&of_user("ada")).await, [(one.clone(), ada.clone())]);
    let of_session = |entry: &ConnectionEntry| Whose::Session(entry.session);
    assert_eq!(world.listed(&of_session(&bob)).await, [(one.clone(), bob.clone())]);
    assert_eq!(world.listed(&of_session(&nobody)).await, [(one.clone(), nobody.clone())]);

    let beat = Beat { left: vec![ada.clone(), nobody.clone()], ..joined(&[entry(Some("eve"))]) };
    world.beat(&one, &beat).await;
    assert_eq!(world.listed(&of_user("ada")).await, []);
    assert_eq!(world.listed(&of_session(&ada)).await, []);
    assert_eq!(world.listed(&of_session(&nobody)).await, []);
    assert_eq!(world.listed(&of_user("bob")).await, [(one, bob)]);
    assert_eq!(world.listed(&of_user("eve")).await.len(), 1);
}

pub(crate) async fn b7_a_step_carried_out_twice_is_as_if_once(world: BusWorld) {
    let one = server("one");
    let (first, second) = (entry(Some("ada")), entry(Some("ada")));
    let beats = [joined(&[first.clone(), second.clone()]), left(std::slice::from_ref(&first))];
    for beat in &beats {
        world.beat(&one, beat).await;
        assert_eq!(world.beat(&one, beat).await, Pulse::Known);
    }
    assert_eq!(world.listed(&of_user("ada")).await, [(one.clone(), second)]);
    // One that was never listed may be said to have left.
    assert_eq!(world.beat(&one, &left(&[entry(None)])).await, Pulse::Known);
}

pub(crate) async fn b8_a_bus_says_whether_it_knew_the_server(world: BusWorld) {
    let one = server("one");
    assert_eq!(world.beat(&one, &Beat::new(LEASE)).await, Pulse::Unknown);
    assert_eq!(world.beat(&one, &Beat::new(LEASE)).await, Pulse::Known);
    assert_eq!(world.beat(&one, &Beat::new(Duration::ZERO)).await, Pulse::Known);
    assert_eq!(world.beat(&one, &Beat::new(LEASE)).await, Pulse::Unknown);
    assert_eq!(world.beat(&server("one"), &Beat::new(LEASE)).await, Pulse::Unknown);
}

/// Waits, for so long at most, until a server is in no listing.
async fn is_forgotten_within(
    world: &BusWorld,
    server: &typed_sessions::bus::Server,
    of: &Whose,
    limit: Duration,
) -> bool {
    let begin = Instant::now();
    loop {
        if !world.knows(server).await && world.listed(of).await.is_empty() {
            return true;
        }
        if begin.elapsed() > limit {
            return false;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

pub(crate) async fn b9_a_server_whose_lease_has_run_out_is_in_no_listing(world: BusWorld) {
    let (one, other) = (server("one"), server("other"));
    let (ada, bob) = (entry(Some("ada")), entry(Some("bob")));
    world.beat(&other, &joined(std::slice::from_ref(&bob))).await;
    let lease = Duration::from_millis(300);
    world.beat(&one, &Beat { lease, ..joined(std::slice::from_ref(&ada)) }).await;
    let of = Whose::Session(ada.session);
    assert!(is_forgotten_within(&world, &one, &of, SOON).await);
    assert_eq!(world.listed(&of_user("ada")).await, []);
    assert_eq!(world.listed(&of_user("bob")).await.len(), 1, "the other one's lease holds");
    // It comes back, and has nobody connected.
    assert_eq!(world.beat(&one, &Beat::new(LEASE)).await, Pulse::Unknown);
    assert_eq!(world.listed(&of).await, []);
}

pub(crate) async fn b9_a_lease_of_zero_is_goodbye(world: BusWorld) {
    let (one, other) = (server("one"), server("other"));
    let ada = entry(Some("ada"));
    world.beat(&other, &joined(&[entry(Some("ada"))])).await;
    world.beat(&one, &joined(std::slice::from_ref(&ada))).await;
    assert_eq!(world.listed(&of_user("ada")).await.len(), 2);
    world.beat(&one, &Beat::new(Duration::ZERO)).await;
    assert!(!world.knows(&one).await);
    assert!(world.knows(&other).await);
    assert_eq!(world.listed(&of_user("ada")).await.len(), 1);
    assert_eq!(world.listed(&Whose::Session(ada.session)).await, []);
}

pub(crate) async fn b9_a_heartbeat_prolongs_the_lease(world: BusWorld) {
    let one = server("one");
    let ada = entry(Some("ada"));
    let lease = Duration::from_secs(1);
    world.beat(&one, &Beat { lease, ..joined(std::slice::from_ref(&ada)) }).await;
    assert_eq!(world.beat(&one, &Beat::new(LEASE)).await, Pulse::Known);
    tokio::time::sleep(lease * 2).await;
    assert!(world.knows(&one).await);
    assert_eq!(world.listed(&of_user("ada")).await, [(one, ada)]);
}

pub(crate) async fn b10_a_restart_inherits_nothing_and_ends_nobody(world: BusWorld) {
    let (before, after) = (server("10.0.0.5:2051"), server("10.0.0.5:2051"));
    let (old, new) = (entry(Some("ada")), entry(Some("ada")));
    world.beat(&before, &joined(std::slice::from_ref(&old))).await;
    assert_eq!(world.beat(&after, &joined(std::slice::from_ref(&new))).await, Pulse::Unknown);
    let both = world.listed(&of_user("ada")).await;
    assert!(both.contains(&(before.clone(), old.clone())), "its lease holds: {both:?}");
    assert!(both.contains(&(after.clone(), new.clone())), "{both:?}");

    let mut deaf = world.subscribe(&after).await;
    let to = typed_sessions::bus::Channel::Server;
    world.publish(to(before.incarnation()), b"for the one before").await;
    world.publish(to(after.incarnation()), b"for the one after").await;
    assert_eq!(hear(&mut deaf).await, b"for the one after"[..]);

    world.beat(&before, &Beat::new(Duration::ZERO)).await;
    assert_eq!(world.listed(&of_user("ada")).await, [(after, new)]);
}

pub(crate) async fn b11_odd_user_ids_are_never_mixed_up(world: BusWorld) {
    let long = "x".repeat(1024);
    let ids = [
        "7",
        "70",
        "07",
        " 7",
        "7 ",
        "7:",
        "7:8",
        "7\0",
        "7\08",
        "{7}",
        "[7",
        "(7",
        "7*",
        "7%",
        "7_",
        "\u{10ffff}",
        "\u{7f}",
        "-",
        "+",
        "null",
        "\"7\"",
        "7\n",
        "\\7",
        "ä",
        "a\u{308}",
        &long,
        &long[1..],
    ];
    let one = server("one");
    let entries: Vec<_> = ids.iter().map(|id| entry(Some(id))).collect();
    world.beat(&one, &joined(&entries)).await;
    for (id, entry) in ids.iter().zip(&entries) {
        let expected = [(one.clone(), entry.clone())];
        assert_eq!(world.listed(&of_user(id)).await, expected, "of {id:?}");
    }
    world.beat(&one, &left(&entries)).await;
    for id in ids {
        assert_eq!(world.listed(&of_user(id)).await, [], "of {id:?}");
    }
}

/// Whole beats of connections on two servers; each session has two, each user many.
pub(crate) async fn b11_listings_are_exact_among_many(world: BusWorld) {
    let servers = [server("one"), server("two")];
    let mut all = Vec::new();
    for server in &servers {
        for _ in 0..2 {
            let first: Vec<_> = (0..Beat::MAX_ENTRIES / 2)
                .map(|number| entry(Some(if number % 2 == 0 { "even" } else { "odd" })))
                .collect();
            let again = first.iter().map(|first| ConnectionEntry {
                session: first.session,
                ..entry(first.user.as_ref().map(typed_sessions::UserId::as_str))
            });
            let entries: Vec<_> = first.iter().cloned().chain(again).collect();
            world.beat(server, &joined(&entries)).await;
            all.extend(entries.into_iter().map(|entry| (server.clone(), entry)));
        }
    }
    all.sort_by_key(|(_, entry)| entry.connection);
    for user in ["even", "odd"] {
        let of = of_user(user);
        let theirs: Vec<_> = all.iter().filter(|(_, entry)| of.has(entry)).cloned().collect();
        assert_eq!(theirs.len(), Beat::MAX_ENTRIES * 2);
        assert_eq!(world.listed(&of).await, theirs);
    }
    for (_, entry) in all.iter().step_by(97) {
        let of = Whose::Session(entry.session);
        let theirs: Vec<_> = all.iter().filter(|(_, entry)| of.has(entry)).cloned().collect();
        assert_eq!(theirs.len(), 2);
        assert_eq!(world.listed(&of).await, theirs);
    }
}

pub(crate) async fn b13_beats_and_listings_side_by_side(world: BusWorld) {
    let servers: Vec<_> = (0..8).map(|number| server(&number.to_string())).collect();
    let tasks = servers.iter().cloned().map(|server| {
        let world = world.clone();
        async move {
            let stays = entry(Some("ada"));
            world.beat(&server, &joined(std::slice::from_ref(&stays))).await;
            for _ in 0..20 {
                let goes = entry(Some("ada"));
                world.beat(&server, &joined(std::slice::from_ref(&goes))).await;
                let listed = world.listed(&of_user("ada")).await;
                assert!(listed.contains(&(server.clone(), stays.clone())));
                assert!(listed.contains(&(server.clone(), goes.clone())));
                world.beat(&server, &left(std::slice::from_ref(&goes))).await;
                let listed = world.listed(&Whose::Session(goes.session)).await;
                assert_eq!(listed, []);
            }
        }
    });
    race(tasks.collect::<Vec<_>>()).await;
    assert_eq!(world.listed(&of_user("ada")).await.len(), 8);
    for server in &servers {
        assert!(world.knows(server).await);
    }
}
