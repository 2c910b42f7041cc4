//! Field texts from a store.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use typed_sessions::store::{Applied, Change, Edit, Fields, Key, Record, Save, Text};
use typed_sessions::{
    ErrorKind, ManualClock, MemoryStore, Session, SessionData, SessionStore as _, SessionUser,
    Sessions, minutes,
};

use crate::now;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Member {
    id: u64,
    name: String,
}

impl SessionUser for Member {
    type Id = u64;

    fn id(&self) -> u64 {
        self.id
    }
}

#[derive(Debug, Default, Serialize, Deserialize)]
enum Step {
    #[default]
    Cart,
    Address {
        street: String,
        number: Option<u16>,
    },
    Paid(u64, char),
}

/// Every attribute that a field can have.
#[derive(Debug, SessionData)]
struct Everything {
    #[session(user)]
    member: Option<Member>,
    cart: Vec<String>,
    #[session(key = "lang", alias = "language", alias = "locale", default = "en".to_owned())]
    language: String,
    visits: u64,
    balance: f64,
    peer: Option<IpAddr>,
    step: Step,
    #[session(ttl = "5m")]
    otp: Option<String>,
    #[session(ttl = "5m", alias = "old_hint", or_default)]
    hint: Option<BTreeMap<String, i8>>,
    #[session(or_default)]
    theme: Box<(String, bool)>,
    #[session(skip)]
    #[allow(dead_code, reason = "a skipped field must be there, not be used")]
    _cache: Vec<u8>,
}

/// Fields and their keys, older ones included.
const KEYS: [&[&str]; 10] = [
    &["member"],
    &["cart"],
    &["lang", "language", "locale"],
    &["visits"],
    &["balance"],
    &["peer"],
    &["step"],
    &["otp"],
    &["hint", "old_hint"],
    &["theme"],
];

/// Another struct over some of the same keys, with other types.
#[derive(Debug, SessionData)]
struct Other {
    #[session(or_default)]
    cart: String,
    visits: Option<u8>,
}

/// Writes texts straight into a store, one `key=text` a line, and opens the session: it opens, or
/// the error names the key of such a text; and what is stored stays as it is, whatever is done that
/// changes no value.
///
/// # Panics
/// When that does not hold.
pub fn session(data: &[u8]) {
    let input = String::from_utf8_lossy(data);
    let set: Vec<(Key, Text)> = input
        .lines()
        .filter_map(|line| line.split_once('='))
        .map(|(key, text)| (Key::new(key), Text::from_stored(text)))
        .collect();

    let world = World::new();
    let header = world.record().header;
    let mut save = Save::of(&header, header.created());
    // Only what was written is there; everything else is absent.
    let remove = KEYS.iter().map(|keys| Key::new(keys[0])).collect();
    save.edit = Edit { set: set.clone(), remove };
    assert_eq!(
        now(world.store.apply(&world.session.id(), &Change::Save(save))).expect("the store works"),
        Applied::Applied
    );
    let written: Vec<&str> = set.iter().map(|(key, _)| key.as_str()).collect();

    let before = world.fields();
    world.open_and_change_nothing::<Everything>(&written);
    world.open_and_change_nothing::<Other>(&written);
    // Past the fields' ttl.
    world.clock.advance(minutes(6));
    world.open_and_change_nothing::<Everything>(&written);
    assert_eq!(world.fields(), before, "a stored text was changed");
}

struct World {
    store: MemoryStore,
    clock: ManualClock,
    session: Session<Everything>,
}

impl World {
    /// A store with one session, in which every field has its default.
    fn new() -> Self {
        let (store, clock) = (MemoryStore::new(), ManualClock::default());
        let mut session = sessions::<Everything>(&store, &clock).start();
        now(session.save()).expect("the defaults can be stored");
        Self { store, clock, session }
    }

    fn record(&self) -> Record {
        now(self.store.load(&self.session.id()))
            .expect("the store works")
            .expect("the session lives")
    }

    fn fields(&self) -> Fields {
        self.record().fields
    }

    fn open_and_change_nothing<D: SessionData>(&self, written: &[&str]) {
        let sessions = sessions::<D>(&self.store, &self.clock);
        let mut session = match now(sessions.open(self.session.token().expose())) {
            Ok(session) => session.expect("the session lives"),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Decode);
                let message = error.to_string();
                let named = |keys: &&&[&str]| message.contains(&format!("key `{}`", keys[0]));
                let keys = KEYS
                    .iter()
                    .find(named)
                    .unwrap_or_else(|| panic!("the error names no key: {message}"));
                assert!(
                    keys.iter().any(|key| written.contains(key)),
                    "only what was written can be wrong: {message}"
                );
                return;
            }
        };
        // A mutable borrow without a change: the baseline is written as text and compared.
        let _: &mut D = &mut session;
        now(session.save()).expect("nothing changed");
        assert!(session.raw().len() <= self.fields().len());
        let _ = session.view::<Other>();
        now(session.reload()).expect("it was read before");
        now(session.transact(|_| ())).expect("nothing changed");
    }
}

fn sessions<D: SessionData>(store: &MemoryStore, clock: &ManualClock) -> Sessions<D> {
    Sessions::builder(store.clone()).clock(clock.clone()).build().expect("the defaults")
}
