//! U1 under everything at once: random operations through several handles of several sessions of
//! two users, and then the index and the sessions must agree.

use proptest::prelude::*;
use typed_sessions::{Overflow, SessionInfo, Sessions, minutes};

use crate::operations::{Actor, Operation};
use crate::property::holds;
use crate::world::{Member, Shop, World};

/// Sessions, and handles of each.
const SESSIONS: usize = 3;
const HANDLES: usize = 3;

/// Which handle does what; or time passes, or the handle's client comes again with its token.
#[derive(Clone, Copy, Debug)]
enum Event {
    Do(usize, Operation),
    Again(usize),
    Wait(u8),
}

fn event() -> impl Strategy<Value = Event> {
    let handle = 0..SESSIONS * HANDLES;
    let operation = (0..Operation::ALL.len()).prop_map(|index| Operation::ALL[index]);
    // What ends sessions is rare: most of a run should happen to living ones.
    let operation = operation.prop_filter("rare", |operation| !operation.ends_sessions());
    let ending = prop_oneof![
        Just(Operation::Destroy),
        Just(Operation::RevokeOfUser),
        Just(Operation::RevokeToken)
    ];
    let does = |(handle, operation)| Event::Do(handle, operation);
    prop_oneof![
        40 => (handle.clone(), operation).prop_map(does),
        2 => (handle.clone(), ending).prop_map(does),
        12 => handle.prop_map(Event::Again),
        4 => (1_u8..12).prop_map(Event::Wait),
    ]
}

pub(crate) async fn u1_random_operations_keep_the_index(world: World) {
    let events = || proptest::collection::vec(event(), 10..60);
    holds(60, events, async move |events| follow(world.clone(), events).await).await;
}

async fn follow(world: World, events: Vec<Event>) {
    let builder = world.builder::<Shop>().max_sessions_per_user(2, Overflow::EvictOldest);
    let sessions: Sessions<Shop> = builder.build().expect("consistent");
    let mut actors = Vec::new();
    let mut ids = Vec::new();
    for number in 0..SESSIONS {
        let mut session = sessions.start();
        match number {
            0 => session.save().await.expect("saves"),
            user => session.login(Member::new(user as u64)).await.expect("logs in"),
        }
        ids.push(session.id());
        let token = session.token().expose();
        for _ in 0..HANDLES {
            let handle = sessions.open(&token).await.expect("the store works").expect("opens");
            actors.push(Actor { sessions: sessions.clone(), handle });
        }
    }
    for event in events {
        match event {
            Event::Do(which, operation) => drop(actors[which].perform(operation).await),
            Event::Again(which) => {
                let token = actors[which].handle.token().expose();
                if let Some(handle) = sessions.open(&token).await.expect("the store works") {
                    actors[which].handle = handle;
                }
            }
            Event::Wait(by) => world.clock.advance(minutes(by.into())),
        }
    }
    for user in [1_u64, 2] {
        let listed = sessions.user(&user).list().await.expect("lists");
        let listed: Vec<_> = listed.iter().map(SessionInfo::id).collect();
        for id in &ids {
            let record = world.record(*id).await;
            let header = record.map(|record| record.header);
            let is_live = header.as_ref().is_some_and(|header| header.is_live(world.now()));
            let is_theirs = header
                .as_ref()
                .and_then(|header| header.user())
                .is_some_and(|owner| *owner.as_str() == user.to_string());
            assert_eq!(listed.contains(id), is_live && is_theirs, "user {user} and {id}");
        }
        assert!(listed.len() <= 2, "U3: {} sessions of user {user}", listed.len());
        sessions.user(&user).revoke_all().await.expect("revokes");
        for id in listed {
            assert!(world.record(id).await.is_none(), "U2: revoke_all left one");
        }
    }
}
