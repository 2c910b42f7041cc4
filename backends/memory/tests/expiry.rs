//! The store's own expiry, by its own clock: what has run out is missing in every method, whether
//! or not moka has let go of it, and nothing goes before. These tests let time pass, as there is no
//! other way.

use std::thread;
use std::time::{Duration, Instant};

use futures::executor::block_on;
use typed_sessions::store::{
    Applied, Change, Create, Deleted, Header, More, Owned, Page, Rewrite, Save,
};
use typed_sessions::{
    Result, SessionData, SessionId, SessionStore as _, SessionUser, Sessions, Timestamp, UserId,
};
use typed_sessions_memory::MemoryStore;

/// For so long the sessions of these tests are kept, unless they are kept longer.
const SHORT: Duration = Duration::from_millis(50);

#[derive(serde::Serialize, serde::Deserialize)]
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
}

/// The header of somebody's session, and the store's only user.
fn header() -> (Header, UserId) {
    let store = MemoryStore::new();
    let mut session = Sessions::<Shop>::new(store.clone()).start();
    now(session.login(Member { id: 7 }));
    let header = now(store.load(&session.id())).expect("it is stored").header;
    (header, UserId::new(7).expect("an id"))
}

/// When a session with this header is kept for so long from then on.
fn when(header: &Header, keep_for: Duration) -> Timestamp {
    let deadline = header.deadline().as_millis();
    Timestamp::from_millis(deadline - u64::try_from(keep_for.as_millis()).expect("it is short"))
}

fn create(header: &Header, keep_for: Duration) -> Change {
    Change::Create(Create::new(header.clone(), when(header, keep_for)))
}

fn prolong(header: &Header, keep_for: Duration) -> Change {
    Change::Rewrite(Rewrite::new(header, header.clone(), None, when(header, keep_for)))
}

fn now<T>(call: impl Future<Output = Result<T>>) -> T {
    block_on(call).expect("the in-memory store never fails")
}

fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !is_so() {
        assert!(begin.elapsed() < Duration::from_mins(1), "{what}");
        thread::yield_now();
    }
}

#[test]
fn e1_what_has_run_out_is_missing_though_it_is_in_memory() {
    let store = MemoryStore::new();
    let (header, user) = header();
    let ids: Vec<_> = (0..40).map(|number| SessionId::from_bytes([number; 16])).collect();
    for id in &ids {
        assert_eq!(now(store.apply(id, &create(&header, SHORT))), Applied::Applied);
    }
    wait_until("they run out", || ids.iter().all(|id| now(store.load(id)).is_none()));
    assert_eq!(store.session_count(), 40, "moka has not let go of them yet");

    let save = Change::Save(Save::of(&header, header.last_seen()));
    for change in [&save, &prolong(&header, SHORT)] {
        assert_eq!(now(store.apply(&ids[0], change)), Applied::Missing);
    }
    assert_eq!(now(store.headers(&ids)).len(), 0);
    assert_eq!(now(store.delete(&ids[1], &Owned::Anyones)), Deleted::Missing);
    assert_eq!(now(store.apply(&ids[2], &create(&header, SHORT * 1_000))), Applied::Applied);
    assert_eq!(now(store.apply(&ids[2], &create(&header, SHORT))), Applied::Conflict);
    let found = now(store.sessions_of(&user, &Page::first(100)));
    assert_eq!(found.sessions.into_iter().map(|(id, _)| id).collect::<Vec<_>>(), [ids[2]]);
    let mut calls = 1;
    while now(store.clear(1)) == More::Yes {
        calls += 1;
        assert!(calls <= 41, "what has run out is in its way");
    }
    assert_eq!((store.session_count(), store.user_count()), (0, 0));
}

#[test]
fn e1_a_session_that_is_kept_longer_outlives_the_others() {
    let store = MemoryStore::new();
    let (header, _) = header();
    let ids: Vec<_> = (0..100).map(|number| SessionId::from_bytes([number; 16])).collect();
    let (longer, others) = ids.split_at(50);
    for id in &ids {
        // Long enough to be prolonged in time, however busy the machine is.
        assert_eq!(now(store.apply(id, &create(&header, SHORT * 100))), Applied::Applied);
    }
    for id in longer {
        assert_eq!(now(store.apply(id, &prolong(&header, SHORT * 10_000))), Applied::Applied);
    }
    wait_until("moka lets go of the others", || store.session_count() == 50);
    assert!(others.iter().all(|id| now(store.load(id)).is_none()));
    assert!(longer.iter().all(|id| now(store.load(id)).is_some()), "they went too early");
}

#[test]
fn e1_a_session_that_is_kept_shorter_is_not_kept_for_as_long_as_before() {
    let store = MemoryStore::new();
    let (header, _) = header();
    let id = SessionId::from_bytes([7; 16]);
    assert_eq!(now(store.apply(&id, &create(&header, SHORT * 10_000))), Applied::Applied);
    assert_eq!(now(store.apply(&id, &prolong(&header, SHORT))), Applied::Applied);
    wait_until("it runs out", || now(store.load(&id)).is_none());
    wait_until("moka lets go of it", || (store.session_count(), store.user_count()) == (0, 0));
}
