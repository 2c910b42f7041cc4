//! What the benchmarks share: a session as a shop would have it, a store full of them, and the
//! floor: the least that any session library on moka and `serde_json` must do to hand out the same
//! struct.

mod floor;
#[allow(clippy::print_stdout, reason = "it is what a benchmark is for")]
pub mod turns;

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::executor::block_on;
use serde::{Deserialize, Serialize};
use typed_sessions::store::{Applied, Change, Create, Deleted, Key, Owned, Record, Save, Text};
use typed_sessions::{
    MemoryStore, Session, SessionData, SessionId, SessionStore as _, SessionUser, Sessions, Token,
};

pub use crate::floor::Floor;

/// Who is logged in.
#[derive(Debug, Serialize, Deserialize)]
pub struct Member {
    /// The user's id.
    pub id: u64,
    /// What the user is called.
    pub name: String,
    /// Where mail goes.
    pub email: String,
}

impl SessionUser for Member {
    type Id = u64;

    fn id(&self) -> u64 {
        self.id
    }
}

/// What the visitor chose.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Preferences {
    /// Light or dark.
    pub theme: String,
    /// Rows of a listing.
    pub page_size: u16,
    /// Whether to send it.
    pub newsletter: bool,
}

/// Six fields, all present: 10 strings and vectors.
#[derive(Debug, SessionData)]
pub struct Shop {
    /// The user.
    #[session(user)]
    pub member: Option<Member>,
    /// Three articles.
    pub cart: Vec<String>,
    /// Of the pages.
    pub language: String,
    /// A counter.
    pub visits: u32,
    /// Ends early.
    #[session(ttl = "1h")]
    pub otp: Option<String>,
    /// A nested struct.
    pub preferences: Preferences,
}

/// How many sessions the store holds, a power of two: more than fit the processor's nearest caches,
/// as in a real one.
const SESSIONS: usize = 1_024;

/// A store full of logged-in sessions, and the floor with the same records.
#[derive(Debug)]
pub struct World {
    /// The sessions.
    pub sessions: Sessions<Shop>,
    /// Where they are.
    pub store: MemoryStore,
    /// The least that it could cost.
    pub floor: Floor,
    tokens: Vec<String>,
}

impl World {
    /// Stores the sessions.
    pub fn new() -> Self {
        let store = MemoryStore::new();
        let sessions = Sessions::new(store.clone());
        let floor = Floor::default();
        let tokens = (0..SESSIONS as u64).map(|user| logged_in(&sessions, user)).map(|session| {
            floor.copy(&store, session.id());
            session.token().expose()
        });
        let tokens = tokens.collect();
        Self { sessions, store, floor, tokens }
    }

    /// The record of a session whose visitor has not logged in.
    pub fn visitor(&self) -> Arc<Record> {
        let mut session = filled(&self.sessions);
        now(session.save());
        Arc::new(now(self.store.load(&session.id())).expect("it was saved"))
    }

    /// The token of some session: of the next one, for each thread by itself. Two threads share
    /// none.
    pub fn token(&self) -> &str {
        static THREADS: AtomicUsize = AtomicUsize::new(0);
        thread_local! {
            static NEXT: Cell<usize> = Cell::new(THREADS.fetch_add(1, Ordering::Relaxed));
        }
        &self.tokens[NEXT.replace(NEXT.get().wrapping_add(2)) % SESSIONS]
    }

    /// Opens some session.
    pub fn open(&self) -> Session<Shop> {
        now(self.sessions.open(self.token())).expect("the session lives")
    }

    /// Opens some session and saves one field.
    pub fn open_and_save(&self) {
        let mut session = self.open();
        session.visits = session.visits.wrapping_add(1);
        now(session.save());
    }

    /// Writes one field of some session, by the store alone.
    pub fn save_in_store(&self) {
        let token = self.token();
        let header = &self.floor.get(token).header;
        let mut save = Save::of(header, header.last_seen());
        save.edit.set.push((Key::new("visits"), Text::from_stored("8")));
        let id = Token::parse(token).expect("a token").id();
        assert_eq!(now(self.store.apply(&id, &Change::Save(save))), Applied::Applied);
    }

    /// A session comes and goes, by the store alone.
    pub fn create_and_delete(&self, id: SessionId, record: &Record) {
        let create = Create::new(record.header.clone(), record.header.created());
        assert_eq!(now(self.store.apply(&id, &Change::Create(create))), Applied::Applied);
        assert_eq!(now(self.store.delete(&id, &Owned::Anyones)), Deleted::Yes);
    }

    /// A session is saved, its visitor logs in, and it is destroyed.
    pub fn save_login_destroy(&self) {
        let mut session = filled(&self.sessions);
        now(session.save());
        now(session.login(member(SESSIONS as u64)));
        now(session.destroy());
    }

    /// Opens some session and counts one field up.
    pub fn open_and_update(&self) {
        update(&mut self.open());
    }
}

impl Default for World {
    fn default() -> Self {
        Self::new()
    }
}

/// Counts one field up.
pub fn update(session: &mut Session<Shop>) -> u32 {
    now(session.update(Shop::VISITS, |visits| {
        *visits = visits.wrapping_add(1);
        *visits
    }))
}

/// What a call on the in-memory store gives: it never fails.
pub fn now<T>(call: impl Future<Output = typed_sessions::Result<T>>) -> T {
    block_on(call).expect("the in-memory store never fails")
}

fn logged_in(sessions: &Sessions<Shop>, user: u64) -> Session<Shop> {
    let mut session = filled(sessions);
    now(session.login(member(user)));
    session
}

/// Somebody.
pub fn member(user: u64) -> Member {
    Member { id: user, name: format!("Member {user}"), email: format!("member.{user}@example.org") }
}

/// A session as it is before its visitor logs in, not stored yet.
pub fn filled(sessions: &Sessions<Shop>) -> Session<Shop> {
    let mut session = sessions.start();
    session.cart = ["tea, green, 100 g", "a pot", "two cups"].map(str::to_owned).into();
    "en-GB".clone_into(&mut session.language);
    session.otp = Some("492817".to_owned());
    session.preferences = Preferences { theme: "dark".to_owned(), page_size: 50, newsletter: true };
    session
}
