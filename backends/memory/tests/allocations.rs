//! How often `open` and the writes allocate, in the core, the derive and this store together.
//! Unlike times that is exact, so it is asserted.

use allocation_counter::measure;
use futures::executor::block_on;
use serde::{Deserialize, Serialize};
use typed_sessions::{Result, SessionData, SessionStore as _, SessionUser, Sessions};
use typed_sessions_memory::MemoryStore;

#[derive(Serialize, Deserialize)]
struct Member {
    id: u64,
    name: String,
    email: String,
}

impl SessionUser for Member {
    type Id = u64;

    fn id(&self) -> u64 {
        self.id
    }
}

fn member(id: u64) -> Member {
    Member { id, name: "Ada".to_owned(), email: "ada@example.org".to_owned() }
}

/// Six fields, of which decoding allocates eight times: seven strings and a vector.
#[derive(SessionData)]
struct Shop {
    #[session(user)]
    member: Option<Member>,
    cart: Vec<String>,
    language: String,
    visits: u32,
    is_new: bool,
    note: String,
}

/// How often this allocates, mostly: in some calls moka does what many calls have left it to do.
fn allocations(call: &mut dyn FnMut()) -> u64 {
    let mut counts: Vec<_> = (0..1_001).map(|_| measure(&mut *call).count_total).collect();
    counts.sort_unstable();
    counts[counts.len() / 2]
}

fn now<T>(call: impl Future<Output = Result<T>>) -> T {
    block_on(call).expect("the in-memory store never fails")
}

#[test]
fn c_open_and_writes_allocate_as_often_as_is_known() {
    let store = MemoryStore::new();
    let sessions = Sessions::<Shop>::new(store.clone());
    let mut session = sessions.start();
    session.cart = ["tea", "a pot", "two cups"].map(str::to_owned).into();
    "en-GB".clone_into(&mut session.language);
    "x".repeat(200).clone_into(&mut session.note);
    now(session.login(member(7)));
    let (id, token) = (session.id(), session.token().expose());
    let open = || now(sessions.open(&token)).expect("it lives");

    let mut counted = Vec::new();
    let mut count = |what, call: &mut dyn FnMut()| counted.push((what, allocations(call)));
    count("load", &mut || drop(now(store.load(&id))));
    count("open", &mut || drop(open()));
    count("open, change one field, save", &mut || {
        let mut session = open();
        session.visits = (session.visits + 1) % 10;
        now(session.save());
    });
    count("open, set one field", &mut || {
        let mut session = open();
        let visits = (session.visits + 1) % 10;
        now(session.set(Shop::VISITS, visits));
    });
    count("save, log in, destroy", &mut || {
        let mut session = sessions.start();
        now(session.save());
        now(session.login(member(8)));
        now(session.destroy());
    });
    // Fewer is better: then write the number down here. More has to be worth it.
    let known = [
        // The future of the call, as a trait object.
        ("load", 1),
        // That, the eight of decoding, and the handle.
        ("open", 12),
        ("open, change one field, save", 25),
        ("open, set one field", 21),
        ("save, log in, destroy", 62),
    ];
    assert_eq!(counted, known);
}
