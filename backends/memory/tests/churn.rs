//! Memory stays bounded under churn: the store, moka in it, and the index of users' sessions.
//!
//! A million sessions in a release build; a debug build, some ten times slower, makes do with
//! fewer.

#![allow(clippy::print_stdout, reason = "what was measured, for `--nocapture`")]

use std::collections::HashSet;
use std::thread;
use std::time::{Duration, Instant};

use futures::executor::block_on;
use serde::{Deserialize, Serialize};
use typed_sessions::{
    ErrorKind, Login, Result, Session, SessionData, SessionId, SessionStore as _, SessionUser,
    Sessions,
};
use typed_sessions_memory::MemoryStore;

const SHORT_SESSIONS: u64 = if cfg!(debug_assertions) { 200_000 } else { 1_000_000 };
const THREADS: u64 = 2;
const MAX_SESSIONS: u64 = 10_000;

#[derive(Serialize, Deserialize)]
struct Member {
    id: u64,
}

impl SessionUser for Member {
    type Id = u64;

    fn id(&self) -> u64 {
        self.id
    }
}

#[derive(SessionData)]
struct Short {
    #[session(user)]
    member: Option<Member>,
    note: String,
}

/// A store, and sessions in it.
struct World {
    store: MemoryStore,
    sessions: Sessions<Short>,
}

impl World {
    fn new(store: MemoryStore) -> Self {
        let sessions = Sessions::new(store.clone());
        Self { store, sessions }
    }

    fn saved(&self, note: &str) -> Session<Short> {
        let mut session = self.sessions.start();
        note.clone_into(&mut session.note);
        now(session.save());
        session
    }

    fn logged_in(&self, user: u64) -> Session<Short> {
        let mut session = self.sessions.start();
        now(session.login(Member { id: user }));
        session
    }

    fn holds(&self, id: &SessionId) -> bool {
        now(self.store.load(id)).is_some()
    }

    /// How many users have one of these sessions in the store.
    fn users_of(&self, logins: &[(SessionId, u64)]) -> usize {
        let held = logins.iter().filter(|(id, _)| self.holds(id));
        held.map(|(_, user)| *user).collect::<HashSet<_>>().len()
    }

    /// Short sessions with these numbers, one after another: a third destroyed, the rest left
    /// behind, a quarter logged in, two to a user. Returns the logins left behind.
    fn churn(&self, numbers: impl Iterator<Item = u64>) -> Vec<(SessionId, u64)> {
        let mut logins = Vec::new();
        for number in numbers {
            let mut session = if number.is_multiple_of(4) {
                self.logged_in(number / 8)
            } else {
                self.saved("tea")
            };
            if number.is_multiple_of(3) {
                now(session.destroy());
            } else if number.is_multiple_of(4) {
                logins.push((session.id(), number / 8));
            }
        }
        logins
    }

    fn churn_in_parallel(&self, from: u64, to: u64) -> Vec<(SessionId, u64)> {
        thread::scope(|scope| {
            let numbers = |thread| (from..to).filter(move |number| number % THREADS == thread);
            let threads: Vec<_> = (0..THREADS)
                .map(|thread| scope.spawn(move || self.churn(numbers(thread))))
                .collect();
            threads
                .into_iter()
                .flat_map(|thread| thread.join().expect("no thread panics"))
                .collect()
        })
    }
}

fn now<T>(call: impl Future<Output = Result<T>>) -> T {
    block_on(call).expect("the in-memory store never fails")
}

#[test]
fn many_short_sessions_leave_memory_bounded() {
    let world = World::new(MemoryStore::builder().max_sessions(MAX_SESSIONS).build());
    let warm = SHORT_SESSIONS / 10;
    let mut logins = world.churn_in_parallel(0, warm);
    let before = resident_bytes();
    logins.extend(world.churn_in_parallel(warm, SHORT_SESSIONS));
    let after = resident_bytes();

    let (sessions, users) = (world.store.session_count(), world.store.user_count());
    println!("{SHORT_SESSIONS} sessions: {sessions} are left, of {users} users");
    assert!(sessions <= MAX_SESSIONS, "{sessions} sessions are left");
    assert_eq!(users, world.users_of(&logins), "users with a session in the store");
    if let (Some(before), Some(after)) = (before, after) {
        println!(
            "resident: {} KiB after {warm} sessions, {} KiB at the end",
            before >> 10,
            after >> 10
        );
        assert!(after.saturating_sub(before) < 64 << 20, "{before} bytes became {after}");
    }

    now(world.sessions.revoke_everybody());
    assert_eq!((world.store.session_count(), world.store.user_count()), (0, 0), "all have ended");
}

#[test]
fn capacity_in_sessions_holds() {
    let world = World::new(MemoryStore::builder().max_sessions(100).build());
    let mut last = world.saved("the first").id();
    for _ in 0..5_000 {
        last = world.saved("tea").id();
    }
    let sessions = world.store.session_count();
    assert!((90..=100).contains(&sessions), "{sessions} sessions in a store for 100");
    assert!(world.holds(&last), "the old go, not the new");
}

#[test]
fn capacity_in_bytes_holds() {
    const MAX_BYTES: usize = 4 << 20;
    let world = World::new(MemoryStore::builder().max_bytes(MAX_BYTES as u64).build());
    let note = "tea ".repeat(1_000);
    let ids: Vec<SessionId> = (0..10_000).map(|_| world.saved(&note).id()).collect();
    assert!(world.store.session_count() > 0);
    let records = ids.iter().filter_map(|id| now(world.store.load(id)));
    let bytes: usize = records.map(|record| record.fields.bytes()).sum();
    assert!(
        (MAX_BYTES / 2..=MAX_BYTES).contains(&bytes),
        "{bytes} bytes of fields in a store for {MAX_BYTES}"
    );
}

#[test]
fn a_session_that_grows_makes_others_go() {
    const MAX_BYTES: u64 = 1 << 20;
    let world = World::new(MemoryStore::builder().max_bytes(MAX_BYTES).build());
    let mut grown: Vec<_> = (0..500).map(|_| world.saved("")).collect();
    for session in &mut grown {
        session.note = "x".repeat(60 << 10);
        // A session may be gone already: it was evicted.
        let _ = block_on(session.save());
    }
    let sessions = world.store.session_count();
    assert!(
        (1..=MAX_BYTES / (60 << 10)).contains(&sessions),
        "{sessions} sessions of 60 KiB in a store for 1 MiB"
    );
}

/// moka once forgot what a session had weighed when it ended soon after it had grown or shrunk: its
/// sum was wrong from then on, and so was the bound.
#[test]
fn sessions_that_end_just_after_they_grew_or_shrank_leave_the_bounds_right() {
    const MAX_BYTES: u64 = 1 << 20;
    let (small, large) = ("tea".to_owned(), "x".repeat(60 << 10));
    for (before, after) in [(&small, &large), (&large, &small)] {
        let world = World::new(MemoryStore::builder().max_bytes(MAX_BYTES).build());
        for _ in 0..200 {
            let mut session = world.saved(before);
            // So that moka has counted it, whatever else it does later.
            assert_eq!(world.store.session_count(), 1);
            session.note.clone_from(after);
            now(session.save());
            now(session.destroy());
        }
        for _ in 0..2_000 {
            world.saved("tea");
        }
        let sessions = world.store.session_count();
        assert!((900..1_500).contains(&sessions), "{sessions} sessions of about 900 bytes");
    }
}

#[test]
fn evicted_sessions_leave_the_index() {
    let world = World::new(MemoryStore::builder().max_sessions(100).build());
    let logins: Vec<_> = (0..5_000).map(|user| (world.logged_in(user).id(), user)).collect();
    let (sessions, users) = (world.store.session_count(), world.store.user_count());
    assert!((90..=100).contains(&sessions), "{sessions} sessions in a store for 100");
    assert_eq!(users, world.users_of(&logins));
    assert_eq!(users as u64, sessions, "each session has a user of its own");
}

#[test]
fn ended_sessions_leave_the_index() {
    let world = World::new(MemoryStore::new());
    let logins: Vec<_> = (0..300).map(|user| world.logged_in(user)).collect();
    for (number, mut session) in logins.into_iter().enumerate() {
        match number % 3 {
            0 => now(session.destroy()),
            1 => now(session.logout()),
            _ => {}
        }
    }
    assert_eq!((world.store.session_count(), world.store.user_count()), (200, 100));
    now(world.sessions.revoke_everybody());
    assert_eq!((world.store.session_count(), world.store.user_count()), (0, 0));
}

#[test]
fn sessions_that_ran_out_leave_memory_and_the_index() {
    const SHORT: Duration = Duration::from_millis(50);
    let world = World::new(MemoryStore::new());
    for user in 0..2_000 {
        let mut session = world.sessions.start();
        now(session.login_with(Member { id: user }, Login::new().remember(SHORT)));
    }
    // Nobody sweeps: they go by the store's own clock.
    let begin = Instant::now();
    while (world.store.session_count(), world.store.user_count()) != (0, 0) {
        assert!(begin.elapsed() < Duration::from_mins(1), "{:?} is left", world.store);
        thread::yield_now();
    }
}

#[test]
fn w8_a_session_larger_than_the_store_is_refused_and_nobody_else_goes() {
    let store = MemoryStore::builder().max_bytes(100_000).build();
    let sessions = Sessions::<Short>::builder(store.clone()).max_value_bytes(300 << 10).build();
    let world = World { store, sessions: sessions.expect("consistent") };
    let mut all: Vec<_> = (0..50).map(|user| world.logged_in(user)).collect();

    let mut large = world.sessions.start();
    large.note = "x".repeat(110_000);
    let error = block_on(large.save()).expect_err("it is larger than the whole store");
    assert_eq!(error.kind(), ErrorKind::TooLarge, "{error:?}");
    assert!(error.to_string().contains("`max_bytes`"), "{error}");
    let growing = &mut all[0];
    growing.note = "x".repeat(110_000);
    let error = block_on(growing.save()).expect_err("it would grow beyond the whole store");
    assert_eq!(error.kind(), ErrorKind::TooLarge, "{error:?}");

    assert_eq!(world.store.session_count(), 50);
    assert!(all.iter().all(|session| world.holds(&session.id())), "somebody had to go for it");
    let token = all[0].token().expose();
    let opened = now(world.sessions.open(&token)).expect("it is there");
    assert_eq!(opened.note, "", "it is as it was");
}

/// What this process has in memory; `None` where the system does not tell.
fn resident_bytes() -> Option<usize> {
    const PAGE: usize = 4096;
    let statm = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: usize = statm.split_whitespace().nth(1)?.parse().ok()?;
    Some(pages * PAGE)
}
