//! Random changes, on a store and on the contract as code.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use typed_sessions::store::{Change, Create, Header, Limit, Overflow, Owned, Save};
use typed_sessions::{
    Clock, Login, ManualClock, Session, SessionId, SessionStore, Sessions, Timestamp, UserId,
    minutes,
};

use crate::property::holds;
use crate::steps::{Act, OddSave, Oddities, Only, SLOTS, Step, Twist, When, step};
use crate::twin::Twin;
use crate::world::{Member, Shop, World};

/// A user's sessions under a limit.
const LIMIT: usize = 2;

/// Writes and answers that must have been among the random ones.
const SEEN: [&str; 27] = [
    "create Applied",
    "create Conflict",
    "create, login Applied",
    "create, login Conflict",
    "create, login Full",
    "delete Missing",
    "delete Superseded",
    "delete Yes",
    "evicted",
    "rewrite, login Applied",
    "rewrite, login Conflict",
    "rewrite, login Full",
    "rewrite, login Missing",
    "rewrite, login Superseded",
    "rewrite, logout Applied",
    "rewrite, logout Conflict",
    "rewrite, logout Missing",
    "rewrite, logout Superseded",
    "rewrite, same Applied",
    "rewrite, same Conflict",
    "rewrite, same Missing",
    "rewrite, same Superseded",
    "rewrite, same for longer Applied",
    "save Applied",
    "save Conflict",
    "save Missing",
    "save Superseded",
];

pub(crate) async fn c_apply_is_what_evaluate_says(world: World) {
    let seen = Arc::new(Mutex::new(BTreeSet::new()));
    let all = Arc::clone(&seen);
    let sequences = || proptest::collection::vec(step(), 1..60);
    holds(300, sequences, async move |steps: Vec<Step>| {
        let seen = follow(&world, steps).await;
        all.lock().unwrap_or_else(PoisonError::into_inner).extend(seen);
    })
    .await;
    let seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
    let missed: Vec<_> = SEEN.iter().filter(|what| !seen.contains(**what)).collect();
    assert!(missed.is_empty(), "no sequence had {missed:?}");
}

/// One of the sessions of a sequence.
#[derive(Debug, Default)]
struct Slot {
    handles: [Option<Session<Shop>>; 2],
    token: String,
    /// The last one that was stored.
    header: Option<(SessionId, Header)>,
}

struct Run {
    twin: Twin,
    clock: ManualClock,
    users: [u64; 3],
    /// Under no limit, and under one of either kind.
    sessions: [Sessions<Shop>; 3],
    slots: [Slot; SLOTS],
}

fn limits() -> [Option<Limit>; 3] {
    [
        None,
        Some(Limit::new(LIMIT, Overflow::EvictOldest)),
        Some(Limit::new(LIMIT, Overflow::Refuse)),
    ]
}

async fn follow(world: &World, steps: Vec<Step>) -> BTreeSet<String> {
    // The store has the sessions of earlier sequences in it: these users have none yet.
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let users = [(); 3].map(|()| NEXT.fetch_add(1, Ordering::Relaxed));
    let clock = ManualClock::default();
    let world = world.with_clock(clock.clone());
    let twin = Twin::new(world.clone(), users.map(|user| UserId::new(user).expect("an id")));
    let sessions = limits().map(|limit| {
        let builder = Sessions::builder(twin.clone()).clock(clock.clone());
        let builder = match limit {
            Some(limit) => builder.max_sessions_per_user(limit.sessions, limit.overflow),
            None => builder,
        };
        builder.build().expect("consistent")
    });
    let mut run = Run { twin, clock, users, sessions, slots: Default::default() };
    for slot in 0..SLOTS {
        run.start(slot, slot % 3);
    }
    for step in steps {
        run.take(step).await;
    }
    run.twin.compare_indexes().await;
    // So that the next one does not meet hundreds of sessions.
    for id in run.twin.known() {
        world.delete(id, Owned::Anyones).await;
    }
    run.twin.seen()
}

impl Run {
    async fn take(&mut self, step: Step) {
        // No two sessions are last seen at the same time: then it is certain who has to go.
        self.clock.advance(std::time::Duration::from_millis(1));
        match step {
            // All instants are about a multiple of 7 minutes, and no timeout is: no session is so
            // close to its end that the store's own expiry, which goes by real time, could come.
            Step::Wait(n) => self.clock.advance(minutes(7 * u64::from(n))),
            Step::Start { slot, limit } => self.start(slot, limit),
            Step::Open { slot, which, limit } => {
                let opened = self.sessions[limit].open(&self.slots[slot].token).await;
                if let Some(session) = opened.expect("the store works") {
                    self.slots[slot].token = session.token().expose();
                    self.slots[slot].handles[which] = Some(session);
                }
            }
            Step::Act { slot, which, act, twist } => self.act(slot, which, act, twist).await,
            Step::Save { slot, save } => self.save(slot, save).await,
            Step::Create { slot, like, fields, limit } => {
                self.create(slot, like, &fields, limit).await;
            }
            Step::Delete { slot, only } => self.delete(slot, only).await,
        }
        for slot in &mut self.slots {
            let id = slot.handles.iter().flatten().map(Session::id).next();
            let record = id.and_then(|id| Some((id, self.twin.reference.load(&id)?.header)));
            slot.header = record.or(slot.header.take());
        }
    }

    fn start(&mut self, slot: usize, limit: usize) {
        let session = self.sessions[limit].start();
        let token = session.token().expose();
        self.slots[slot] = Slot { handles: [Some(session), None], token, header: None };
    }

    async fn act(&mut self, slot: usize, which: usize, act: Act, twist: Option<Twist>) {
        let slot = &mut self.slots[slot];
        let [first, second] = &mut slot.handles;
        let chosen = if which == 0 || second.is_none() { first } else { second };
        let Some(session) = chosen else { return };
        self.twin.twist_next(twist);
        let outcome = match act {
            Act::Save(visits) => {
                session.visits = visits;
                session.save().await
            }
            Act::Login(user) => session.login(Member::new(self.users[user])).await,
            Act::Remember(user) => {
                let login = Login::new().remember(minutes(40));
                session.login_with(Member::new(self.users[user]), login).await
            }
            Act::Logout => session.logout().await,
            Act::Touch => session.touch().await,
            Act::Renew => session.renew().await,
            Act::Prove => session.reauthenticate().await,
            Act::Destroy => session.destroy().await,
        };
        self.twin.twist_next(None);
        // What may be refused is not this case's affair.
        let gives_a_token = match act {
            Act::Login(_) | Act::Remember(_) | Act::Logout | Act::Renew | Act::Prove => true,
            Act::Save(_) | Act::Touch | Act::Destroy => false,
        };
        if outcome.is_ok() && gives_a_token {
            slot.token = session.token().expose();
        }
    }

    async fn save(&self, slot: usize, odd: OddSave) {
        let Some((id, header)) = &self.slots[slot].header else { return };
        let deadline = header.deadline().as_millis();
        let now = match odd.when {
            When::Now => self.clock.now(),
            When::AnHourBefore => {
                let hour = Timestamp::MIN.after(minutes(60)).as_millis();
                Timestamp::from_millis(self.clock.now().as_millis() - hour)
            }
            When::JustBeforeTheDeadline => Timestamp::from_millis(deadline - 1),
            When::AtTheDeadline => header.deadline(),
        };
        let Some(login_epoch) = odd.epoch.of(header.login_epoch()) else { return };
        let record = self.twin.reference.load(id);
        let expected = odd.expected(record.as_ref());
        let save = Save { now, login_epoch, expected, edit: odd.edit.edit() };
        self.twin.apply(id, &Change::Save(save)).await.expect("the store works");
    }

    async fn create(&self, slot: usize, like: usize, fields: &Oddities, limit: usize) {
        let (Some((id, own)), now) = (&self.slots[slot].header, self.clock.now()) else {
            return;
        };
        // Where a session is, live or not, any header must be refused. Where none is any more, one
        // that belongs there may come back: with another's, older handles would take it for theirs.
        let header = match &self.slots[like].header {
            Some((_, header)) if self.twin.reference.load(id).is_some() => header,
            _ => own,
        };
        if header.is_live(now) {
            let (fields, limit) = (fields.edit().set, limits()[limit]);
            let create = Create { fields, limit, ..Create::new(header.clone(), now) };
            self.twin.apply(id, &Change::Create(create)).await.expect("the store works");
        }
    }

    async fn delete(&self, slot: usize, only: Only) {
        let Some((id, header)) = &self.slots[slot].header else { return };
        let only = match only {
            Only::Anyones => Owned::Anyones,
            Only::OfUser(user) => Owned::OfUser(UserId::new(self.users[user]).expect("an id")),
            Only::OfLogin(epoch) => match epoch.of(header.login_epoch()) {
                Some(epoch) => Owned::OfLogin(epoch),
                None => return,
            },
        };
        self.twin.delete(id, &only).await.expect("the store works");
    }
}
