//! Writes in place beside those who take sessions away: other requests, and moka.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::thread;

use futures::executor::block_on;
use serde::{Deserialize, Serialize};
use typed_sessions::store::{Applied, Change, Create, Deleted, Key, Owned, Page, Save, Text};
use typed_sessions::{
    ErrorKind, Result, Session, SessionData, SessionId, SessionStore as _, SessionUser, Sessions,
    UserId,
};
use typed_sessions_memory::MemoryStore;

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
struct Shop {
    #[session(user)]
    member: Option<Member>,
    note: String,
    visits: u64,
}

fn now<T>(call: impl Future<Output = Result<T>>) -> T {
    block_on(call).expect("the in-memory store never fails")
}

/// What is known of a session by all threads.
struct Known {
    token: String,
    id: SessionId,
    /// Somebody has seen that it is gone.
    is_gone: AtomicBool,
}

/// Numbers that look random, the same in each run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.0 >> 33) % bound
    }
}

/// Sessions in places that all threads share, more of them than the store holds.
struct Crowd {
    store: MemoryStore,
    sessions: Sessions<Shop>,
    places: Vec<Mutex<Arc<Known>>>,
    /// All that were ever started.
    all: Mutex<Vec<SessionId>>,
}

impl Crowd {
    fn new(places: u64, store: MemoryStore) -> Self {
        let sessions = Sessions::new(store.clone());
        let mut crowd = Self { store, sessions, places: Vec::new(), all: Mutex::default() };
        crowd.places = (0..places).map(|_| Mutex::new(crowd.started())).collect();
        crowd
    }

    /// So many operations on handles that were opened a while ago.
    fn work(&self, seed: u64, operations: u64) {
        let mut numbers = Numbers(seed);
        let mut handles: Vec<(Session<Shop>, Arc<Known>)> = Vec::new();
        for _ in 0..operations {
            if handles.len() < 8 {
                handles.extend(self.opened(&mut numbers));
                continue;
            }
            let at = usize::try_from(numbers.below(8)).expect("it is small");
            let (session, known) = &mut handles[at];
            let was_gone = known.is_gone.load(Ordering::SeqCst);
            let written = match numbers.below(16) {
                // What has not changed is not written.
                operation @ 0..6 => {
                    session.visits += 1;
                    if operation < 2 {
                        let length = usize::try_from(numbers.below(4_000)).expect("it is small");
                        session.note = "x".repeat(length);
                    }
                    block_on(session.save())
                }
                6..9 => block_on(session.login(Member { id: numbers.below(10) })),
                9 => block_on(session.logout()),
                10..12 => block_on(session.touch()),
                operation => {
                    if operation == 12 {
                        // Not if it has another login by now.
                        let _ = block_on(session.destroy());
                    }
                    handles.swap_remove(at);
                    continue;
                }
            };
            match written {
                Ok(()) => assert!(!was_gone, "what was gone has been written"),
                Err(error) => {
                    let kinds = [ErrorKind::Gone, ErrorKind::Superseded, ErrorKind::Conflict];
                    assert!(kinds.contains(&error.kind()), "{error:?}");
                    handles.swap_remove(at);
                }
            }
        }
    }

    /// A handle of some session; what is gone is replaced by another.
    fn opened(&self, numbers: &mut Numbers) -> Option<(Session<Shop>, Arc<Known>)> {
        let at = usize::try_from(numbers.below(self.places.len() as u64)).expect("it is small");
        let known = Arc::clone(&self.places[at].lock().expect("no thread panics"));
        let was_gone = known.is_gone.load(Ordering::SeqCst);
        if now(self.store.load(&known.id)).is_none() {
            known.is_gone.store(true, Ordering::SeqCst);
        } else {
            assert!(!was_gone, "what was gone is back");
        }
        if let Some(session) = now(self.sessions.open(&known.token)) {
            return Some((session, known));
        }
        *self.places[at].lock().expect("no thread panics") = self.started();
        None
    }

    fn started(&self) -> Arc<Known> {
        let mut session = self.sessions.start();
        now(session.save());
        let (token, id) = (session.token().expose(), session.id());
        self.all.lock().expect("no thread panics").push(id);
        Arc::new(Known { token, id, is_gone: AtomicBool::new(false) })
    }
}

fn check_crowd(store: MemoryStore, operations: u64) {
    let crowd = Crowd::new(32, store);
    thread::scope(|scope| {
        for seed in 0..4 {
            let crowd = &crowd;
            scope.spawn(move || crowd.work(seed, operations));
        }
    });
    // Somebody is signed in, whoever else was let go of.
    let mut last = crowd.sessions.start();
    now(last.login(Member { id: 3 }));
    crowd.all.lock().expect("no thread panics").push(last.id());
    let all = crowd.all.into_inner().expect("no thread panics");
    let lasting = all.iter().filter(|id| now(crowd.store.load(id)).is_some()).count();
    assert_eq!(crowd.store.session_count(), lasting as u64, "moka keeps what has ended");
    // The index has whom it should, and nobody else.
    let mut listed = 0;
    for user in 0..10 {
        let user = UserId::new(user).expect("an id");
        for (id, header) in now(crowd.store.sessions_of(&user, &Page::first(1_000))).sessions {
            assert_eq!(header.expect("it can be read").user(), Some(&user), "{id}");
            listed += 1;
        }
    }
    let users_before = crowd.store.user_count();
    now(crowd.sessions.revoke_everybody());
    assert!(listed > 0 && users_before > 0, "nobody was left: the test has lost its meaning");
    assert_eq!((crowd.store.session_count(), crowd.store.user_count()), (0, 0));
}

#[test]
fn w1_what_was_evicted_is_never_written_again() {
    // Not all that are in use have room: moka takes them away all the time.
    check_crowd(MemoryStore::builder().max_sessions(16).build(), 8_000);
    check_crowd(MemoryStore::builder().max_bytes(30_000).build(), 8_000);
}

#[test]
fn u1_users_have_the_sessions_that_the_index_says() {
    let store = MemoryStore::new();
    check_crowd(store, 8_000);
}

#[test]
fn u1_a_session_created_while_one_of_its_id_ends_is_there_and_in_the_index() {
    let store = MemoryStore::new();
    let mut session = Sessions::<Shop>::new(store.clone()).start();
    now(session.login(Member { id: 7 }));
    let (id, user) = (session.id(), UserId::new(7).expect("an id"));
    let header = now(store.load(&id)).expect("it is stored").header;
    let create = Change::Create(Create::new(header.clone(), header.created()));
    let mut grow = Save::of(&header, header.created());
    grow.edit.set.push((Key::new("note"), Text::from_stored(&"7".repeat(10_000))));
    let grow = Change::Save(grow);
    for round in 0..5_000 {
        let start = Barrier::new(3);
        thread::scope(|scope| {
            scope.spawn(|| {
                start.wait();
                while now(store.apply(&id, &create)) != Applied::Applied {}
            });
            scope.spawn(|| {
                start.wait();
                now(store.apply(&id, &grow))
            });
            start.wait();
            assert_eq!(now(store.delete(&id, &Owned::Anyones)), Deleted::Yes);
        });
        assert!(now(store.load(&id)).is_some(), "round {round}: it was taken for the other one");
        let found = now(store.sessions_of(&user, &Page::first(10))).sessions;
        assert_eq!(found.len(), 1, "round {round}: the index lacks it");
    }
    assert_eq!((store.session_count(), store.user_count()), (1, 1));
}
