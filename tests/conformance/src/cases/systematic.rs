//! Every pair of operations at every step of the first one; every operation given up at every step,
//! and every answer lost. What the rules say must hold after each.

use std::sync::Arc;

use tokio::sync::Notify;
use typed_sessions::{ErrorKind, Session, Sessions, minutes};

use crate::operations::{Actor, Aftermath, Done, Operation};
use crate::stepped::{Act, Step, Stepped};
use crate::world::{Member, Shop, World, open};

/// How a session is before something happens to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Before {
    Anonymous,
    LoggedIn,
    /// Logged in, and an open has to renew and to touch it.
    Due,
    /// Started, and not stored.
    New,
}

const STORED: [Before; 3] = [Before::Anonymous, Before::LoggedIn, Before::Due];

/// More calls than any of the operations makes.
pub(super) const MOST_CALLS: usize = 12;

/// A session as it is before.
async fn prepare(world: &World, before: Before) -> (Session<Shop>, String) {
    let sessions = world.sessions::<Shop>();
    let mut session = sessions.start();
    session.visits = 1;
    session.otp = Some("246810".into());
    match before {
        Before::New => {}
        Before::Anonymous => session.save().await.expect("saves"),
        Before::LoggedIn | Before::Due => session.login(Member::new(1)).await.expect("logs in"),
    }
    let token = session.token().expose();
    (session, token)
}

impl World {
    /// The same store, with a script.
    fn stepped(&self) -> (Self, Stepped) {
        let stepped = Stepped::new(Arc::clone(&self.store));
        (Self { store: Arc::new(stepped.clone()), clock: self.clock.clone() }, stepped)
    }

    pub(super) async fn end(&self, sessions: &Sessions<Shop>, session: &Session<Shop>) {
        sessions.revoke(session.id()).await.expect("revokes");
        self.clock.advance(minutes(1));
    }
}

fn steps() -> impl Iterator<Item = Step> {
    (1..=MOST_CALLS).flat_map(|call| [Step::Before(call), Step::After(call)])
}

pub(crate) async fn w_every_pair_of_operations_keeps_the_rules(world: World) {
    let mut runs = 0;
    for before in STORED {
        for first in Operation::ALL {
            for second in Operation::ALL {
                for step in steps() {
                    if !interleave(&world, before, first, second, step).await {
                        break;
                    }
                    runs += 1;
                }
            }
        }
    }
    assert!(runs > 2000, "{runs} interleavings are not all");
}

/// Runs `second` at a step of `first`; tells whether the step came.
async fn interleave(
    world: &World,
    before: Before,
    first: Operation,
    second: Operation,
    step: Step,
) -> bool {
    let run = format!("{before:?}: {second:?} {step:?} of {first:?}");
    let (session, token) = prepare(world, before).await;
    let (between, stepped) = world.stepped();
    let sessions = world.sessions::<Shop>();
    let open_on = async |world: &World| {
        let sessions = world.sessions::<Shop>();
        let handle = open(&sessions, &token).await;
        Actor { sessions, handle }
    };
    let (mut one, mut other) = (open_on(&between).await, open_on(world).await);
    if before == Before::Due {
        world.clock.advance(minutes(11));
    }
    let done = Arc::new(std::sync::Mutex::new(Done::default()));
    let shared = Arc::clone(&done);
    let event = Box::pin(async move {
        let done = other.perform(second).await;
        *shared.lock().expect("no panic") = done;
    });
    stepped.at(step, Act::Run(event));
    let first = one.perform(first).await;
    let step_came = stepped.rest();
    let second = done.lock().expect("no panic").clone();
    if step_came {
        let done = [first, second];
        let id = session.id();
        let aftermath =
            Aftermath { world, id, token: &token, done: &done, visits: 1, unknown: 0, run: &run };
        aftermath.check().await;
    }
    world.end(&sessions, &session).await;
    step_came
}

pub(crate) async fn w_every_operation_may_be_given_up_at_every_step(world: World) {
    let mut runs = 0;
    for before in [Before::Anonymous, Before::LoggedIn, Before::Due, Before::New] {
        for operation in Operation::ALL {
            for step in steps() {
                if !give_up(&world, before, operation, step).await {
                    break;
                }
                runs += 1;
            }
        }
    }
    assert!(runs > 150, "{runs} steps are not all");
}

/// Drops an operation at a step; tells whether the step came.
async fn give_up(world: &World, before: Before, operation: Operation, step: Step) -> bool {
    let run = format!("{before:?}: {operation:?} given up {step:?}");
    let (mut one, stepped, token) = actor(world, before).await;
    let reached = Arc::new(Notify::new());
    stepped.at(step, Act::Hang(Arc::clone(&reached)));
    let given_up = tokio::select! {
        _ = one.perform(operation) => false,
        () = reached.notified() => true,
    };
    stepped.rest();
    if given_up {
        go_on(world, &mut one, operation, &token, before, &run).await;
    }
    world.end(&world.sessions(), &one.handle).await;
    given_up
}

pub(crate) async fn w_every_answer_may_be_lost(world: World) {
    let mut runs = 0;
    for before in [Before::Anonymous, Before::LoggedIn, Before::Due, Before::New] {
        for operation in Operation::ALL {
            for step in steps() {
                if !lose(&world, before, operation, step).await {
                    break;
                }
                runs += 1;
            }
        }
    }
    assert!(runs > 150, "{runs} answers are not all");
}

/// Loses the answer to a call, carried out or not; tells whether the call came.
async fn lose(world: &World, before: Before, operation: Operation, step: Step) -> bool {
    let run = format!("{before:?}: {operation:?} loses the answer {step:?}");
    let (mut one, stepped, token) = actor(world, before).await;
    stepped.at(step, Act::Lose);
    let lost = one.perform(operation).await;
    let came = stepped.rest();
    if came {
        // A touch or a renewal that is not written fails nobody.
        let may_be = [None, Some(ErrorKind::Unavailable)];
        assert!(may_be.contains(&lost.error), "F1, {run}: {:?}", lost.error);
        go_on(world, &mut one, operation, &token, before, &run).await;
    }
    world.end(&world.sessions(), &one.handle).await;
    came
}

pub(super) async fn actor(world: &World, before: Before) -> (Actor, Stepped, String) {
    let (between, stepped) = world.stepped();
    let (session, token) = prepare(&between, before).await;
    let sessions = between.sessions::<Shop>();
    let handle = if before == Before::New { session } else { open(&sessions, &token).await };
    if before == Before::Due {
        world.clock.advance(minutes(11));
    }
    stepped.rest();
    (Actor { sessions, handle }, stepped, token)
}

/// The handle finds out what became of its operation, tries it again, and all rules hold.
async fn go_on(
    world: &World,
    actor: &mut Actor,
    operation: Operation,
    token: &str,
    before: Before,
    run: &str,
) {
    let id = actor.handle.id();
    let is_there = world.record(id).await.is_some();
    if before == Before::New {
        // What was begun is finished by a save, whatever became of it.
        if operation != Operation::Destroy {
            actor.handle.save().await.unwrap_or_else(|error| panic!("W1, {run}: {error:?}"));
        }
    } else if is_there {
        actor.handle.touch().await.unwrap_or_else(|error| panic!("R5, {run}: {error:?}"));
        let mine = actor.handle.token().expose();
        let opened = world.sessions::<Shop>().peek(&mine).await.expect("the store works");
        assert!(opened.is_some(), "R5, {run}: the handle's own token is dead");
    }
    let again = actor.perform(operation).await;
    let unknown = 1;
    let visits = 1;
    let done = [again];
    let aftermath = Aftermath { world, id, token, done: &done, visits, unknown, run };
    aftermath.check().await;
}
