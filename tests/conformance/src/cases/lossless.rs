//! W9: what was written with `Ok` can be read back. What could not be is refused before anything is
//! sent.

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use serde::ser::Error as _;
use serde::{Deserialize, Serialize, Serializer};
use typed_sessions::{ErrorKind, Field, Result, SessionData, SessionUser, Sessions};

use crate::counting::Counting;
use crate::world::{World, kind, open};

/// Written, and not read: a login of it could never be opened again.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Lossy {
    id: u64,
    #[serde(skip_serializing)]
    password_hash: String,
}

impl SessionUser for Lossy {
    type Id = u64;

    fn id(&self) -> u64 {
        self.id
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Flat {
    #[serde(flatten)]
    counts: HashMap<u32, u32>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "kind")]
enum Tagged {
    Large { number: u128 },
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Sparse {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    items: Vec<u32>,
}

#[derive(Debug, SessionData)]
#[allow(clippy::option_option, reason = "that is what may be lost")]
struct Doubtful {
    #[session(user)]
    user: Option<Lossy>,
    flat: Flat,
    tagged: Option<Tagged>,
    sparse: Option<Sparse>,
    floats: Vec<Option<f64>>,
    nested: Vec<Option<Option<u8>>>,
    units: Option<Option<()>>,
    plain: u32,
}

struct Attempt<'a> {
    world: &'a World,
    counting: &'a Counting,
    sessions: &'a Sessions<Doubtful>,
    token: &'a str,
}

impl Attempt<'_> {
    /// The value is refused, whichever way it is written, and nothing is sent.
    async fn refused<T: Clone, V>(&self, field: Field<Doubtful, T, V>, value: T, type_name: &str) {
        let (mut session, key) = (open(self.sessions, self.token).await, field.key());
        let before = self.world.record(session.id()).await.expect("stored").fields;
        self.counting.take();
        let set = session.set(field, value.clone()).await.expect_err("it would not come back");
        assert_eq!(set.kind(), ErrorKind::Encode, "{key}");
        let message = set.to_string();
        assert!(message.contains(&format!("`{key}`")) && message.contains(type_name), "{message}");
        assert_eq!(kind(session.update(field, |it| *it = value.clone()).await), ErrorKind::Encode);
        assert_eq!(self.counting.cost(), "nothing", "{key}");
        session.plain += 1;
        session.save().await.expect("the others can be saved");
        let after = self.world.record(session.id()).await.expect("stored").fields;
        assert_eq!(before.get(key), after.get(key), "{key}: it was written");
        open(self.sessions, self.token).await;
    }
}

pub(crate) async fn w9_what_would_not_come_back_is_refused(world: World) {
    let (behind, counting) = world.counted();
    let sessions = behind.sessions::<Doubtful>();
    let mut session = sessions.start();
    session.save().await.expect("saves");
    let token = session.token().expose();
    let attempt =
        Attempt { world: &world, counting: &counting, sessions: &sessions, token: &token };

    let flat = Flat { counts: HashMap::from([(1, 2)]) };
    attempt.refused(Doubtful::FLAT, flat, "Flat").await;
    let tagged = Some(Tagged::Large { number: u128::MAX });
    attempt.refused(Doubtful::TAGGED, tagged, "Tagged").await;
    attempt.refused(Doubtful::SPARSE, Some(Sparse::default()), "Sparse").await;
    for float in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        attempt.refused(Doubtful::FLOATS, vec![Some(float)], "f64").await;
    }
    attempt.refused(Doubtful::NESTED, vec![Some(None)], "u8").await;

    // A save, a transaction, a first save.
    counting.take();
    session.floats = vec![Some(f64::NAN)];
    assert_eq!(kind(session.save().await), ErrorKind::Encode);
    let transaction = session.transact(|doubtful| doubtful.floats = vec![Some(f64::NAN)]);
    assert_eq!(kind(transaction.await), ErrorKind::Encode);
    let mut new = sessions.start();
    new.nested = vec![Some(None)];
    assert_eq!(kind(new.save().await), ErrorKind::Encode);
    assert_eq!(counting.cost(), "nothing");
    assert!(!new.is_stored());

    // What has a form of its own comes back.
    let mut session = open(&sessions, &token).await;
    session.floats = vec![Some(1.5), None];
    session.nested = vec![Some(Some(1)), None];
    session.units = Some(None);
    session.sparse = Some(Sparse { items: vec![1] });
    session.save().await.expect("saves");
    let opened = open(&sessions, &token).await;
    assert_eq!(opened.floats, [Some(1.5), None]);
    assert_eq!(opened.nested, [Some(Some(1)), None]);
    assert_eq!(opened.units, Some(None), "the key is there: it is `Some`");
    assert_eq!(opened.sparse.as_ref().map(|sparse| sparse.items.as_slice()), Some(&[1][..]));
}

pub(crate) async fn w9_a_user_that_would_not_come_back_is_refused(world: World) {
    let (world, counting) = world.counted();
    let sessions = world.sessions::<Doubtful>();
    let lossy = || Lossy { id: 7, password_hash: "secret".into() };
    let refused = |result: Result<()>| {
        let error = result.expect_err("nobody could open it again");
        assert_eq!(error.kind(), ErrorKind::Encode);
        let message = error.to_string();
        assert!(message.contains("`user`") && message.contains("Lossy"), "{message}");
        assert!(!message.contains(&lossy().password_hash), "{message}");
    };
    let mut new = sessions.start();
    refused(new.login(lossy()).await);
    assert!(!new.is_logged_in() && new.user.is_none());
    assert_eq!(counting.cost(), "nothing", "login of a new session");

    new.save().await.expect("saves");
    counting.take();
    refused(new.login(lossy()).await);
    refused(sessions.user(&7).sync(&lossy()).await.map(drop));
    assert_eq!(counting.cost(), "nothing", "login and sync");
    open(&sessions, &new.token().expose()).await;
}

/// Refuses to be written, and says so with its value.
#[derive(Debug, Default, Deserialize)]
struct Talkative(String);

impl Serialize for Talkative {
    fn serialize<S: Serializer>(&self, _: S) -> std::result::Result<S::Ok, S::Error> {
        Err(S::Error::custom(format!("{} is no password", self.0)))
    }
}

#[derive(Debug, Serialize, Deserialize)]
enum Kind {
    #[serde(skip_serializing)]
    Secret,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "kind")]
enum Inner {
    Number(u32),
}

#[derive(Debug, SessionData)]
struct Refused {
    path: Option<PathBuf>,
    time: Option<SystemTime>,
    cell: Option<RefCell<u32>>,
    pairs: Option<HashMap<(u8, u8), u8>>,
    kind: Option<Kind>,
    inner: Option<Inner>,
    talkative: Option<Talkative>,
}

/// A path that is not UTF-8, where there are such paths.
fn odd_path() -> Option<PathBuf> {
    #[cfg(unix)]
    return Some(std::os::unix::ffi::OsStringExt::from_vec(b"/tmp/\xff".to_vec()))
        .map(|path: std::ffi::OsString| path.into());
    #[cfg(not(unix))]
    None
}

pub(crate) async fn w9_a_refusal_says_what_is_wrong(world: World) {
    let (world, counting) = world.counted();
    let sessions = world.sessions::<Refused>();
    let mut session = sessions.start();
    session.save().await.expect("saves");
    counting.take();
    let refused = |result: Result<()>, key: &str, reason: &str| {
        let error = result.expect_err("it has no JSON form");
        assert_eq!(error.kind(), ErrorKind::Encode);
        let message = error.to_string();
        assert!(message.contains(&format!("`{key}`")) && message.contains(reason), "{message}");
        let others = ["not UTF-8", "before 1970", "borrowed", "keys", "its own `Serialize`"];
        for other in others.iter().filter(|other| !reason.contains(**other)) {
            assert!(!message.contains(other), "{message}");
        }
    };
    if let Some(path) = odd_path() {
        refused(session.set(Refused::PATH, Some(path)).await, "path", "not UTF-8");
    }
    let early = SystemTime::UNIX_EPOCH.checked_sub(Duration::from_secs(1));
    refused(session.set(Refused::TIME, early).await, "time", "before 1970");
    let pairs = HashMap::from([((1, 2), 3)]);
    refused(session.set(Refused::PAIRS, Some(pairs)).await, "pairs", "a map whose keys");
    refused(session.set(Refused::KIND, Some(Kind::Secret)).await, "kind", "`#[serde(skip)]`");
    let inner = Some(Inner::Number(1));
    refused(session.set(Refused::INNER, inner).await, "inner", "`#[serde(tag = ");
    let cell = RefCell::new(1);
    std::mem::forget(cell.borrow_mut());
    refused(session.set(Refused::CELL, Some(cell)).await, "cell", "borrowed");
    let talkative = Some(Talkative("hunter2".into()));
    let error = session.set(Refused::TALKATIVE, talkative).await.expect_err("it refuses");
    assert!(!error.to_string().contains("hunter2"), "T5: {error}");
    refused(Err(error), "talkative", "its own `Serialize`");
    assert_eq!(counting.cost(), "nothing");
}
