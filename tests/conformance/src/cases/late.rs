//! Every write may be carried out long after its caller has given up on it.

use std::sync::{Arc, PoisonError};

use super::systematic::{Before, MOST_CALLS, actor};
use crate::operations::{Aftermath, Operation};
use crate::stepped::{Act, Delayed, Step};
use crate::world::{Shop, World};

/// What a handle goes on with. The operation itself is tried again as well.
const NEXT: [Operation; 4] =
    [Operation::Save, Operation::Renew, Operation::LoginAgain, Operation::Destroy];

pub(crate) async fn w_every_write_may_be_carried_out_late(world: World) {
    let mut runs = 0;
    for before in [Before::Anonymous, Before::LoggedIn, Before::Due, Before::New] {
        for first in Operation::ALL {
            for next in NEXT.into_iter().chain([first]) {
                for call in 1..=MOST_CALLS {
                    let mut landing = 1;
                    let late = loop {
                        let late = be_late(&world, before, first, call, next, landing).await;
                        if late != Late::During {
                            break late;
                        }
                        (runs, landing) = (runs + 1, landing + 1);
                    };
                    if late == Late::Never {
                        break;
                    }
                }
            }
        }
    }
    assert!(runs > 500, "{runs} ways of being late are not all");
}

/// When the delayed write came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Late {
    /// The operation has no such call.
    Never,
    /// During the next operation.
    During,
    /// After it, as it has no such step; or the call was none that writes.
    Afterwards,
}

/// A call of `first` is given up, and is carried out before a call of `next` on the same handle.
async fn be_late(
    world: &World,
    before: Before,
    first: Operation,
    call: usize,
    next: Operation,
    landing: usize,
) -> Late {
    let run = format!("{before:?}: call {call} of {first:?} comes before {landing} of {next:?}");
    let (mut one, stepped, token) = actor(world, before).await;
    let id = one.handle.id();
    let delayed = Delayed::default();
    stepped.at(Step::Before(call), Act::Delay(Arc::clone(&delayed)));
    one.perform(first).await;
    if !stepped.rest() {
        world.end(&world.sessions(), &one.handle).await;
        return Late::Never;
    }
    let write = delayed.lock().unwrap_or_else(PoisonError::into_inner).take();
    let Some(write) = write else {
        world.end(&world.sessions(), &one.handle).await;
        return Late::Afterwards;
    };
    let write = Arc::new(tokio::sync::Mutex::new(Some(write)));
    let event = {
        let write = Arc::clone(&write);
        Box::pin(async move {
            if let Some(write) = write.lock().await.take() {
                write.await;
            }
        })
    };
    stepped.at(Step::Before(landing), Act::Run(event));
    let next = one.perform(next).await;
    let came = stepped.rest();
    if let Some(write) = write.lock().await.take() {
        write.await;
    }
    if before == Before::New && next.has_ended && !came {
        // A creation that comes after the end makes a session whose token nobody was given.
        world.end(&world.sessions(), &one.handle).await;
        return Late::Afterwards;
    }
    let is_there = world.record(id).await.is_some();
    if is_there && !next.has_ended {
        one.handle.touch().await.unwrap_or_else(|error| panic!("R5, {run}: {error:?}"));
        let mine = one.handle.token().expose();
        let opened = world.sessions::<Shop>().peek(&mine).await.expect("the store works");
        assert!(opened.is_some(), "R5, {run}: the handle's own token is dead");
    }
    let last = one.perform(Operation::Open).await;
    let done = [next, last];
    let aftermath =
        Aftermath { world, id, token: &token, done: &done, visits: 1, unknown: 1, run: &run };
    aftermath.check().await;
    world.end(&world.sessions(), &one.handle).await;
    if came { Late::During } else { Late::Afterwards }
}
