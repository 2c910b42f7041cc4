//! How fields are read and written.

use serde::{Deserialize, Serialize};
use typed_sessions::{
    ErrorKind, ManualClock, MemoryStore, Session, SessionData, SessionUser, Sessions, minutes,
    seconds,
};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Member {
    id: u64,
}

impl SessionUser for Member {
    type Id = u64;

    fn id(&self) -> u64 {
        self.id
    }
}

#[derive(Debug, SessionData)]
struct Shop {
    #[session(user)]
    member: Option<Member>,
    cart: Vec<String>,
    #[session(default = "en".to_owned())]
    language: String,
    #[session(ttl = "1m30s")]
    code: Option<u32>,
    #[session(default = Some(3))]
    tries: Option<u8>,
    #[session(until_logout, default = 1)]
    level: u8,
    #[session(or_default, default = 9)]
    theme: u8,
    #[session(skip, default = 5)]
    cache: u8,
    #[session(skip)]
    scratch: std::cell::Cell<u8>,
}

async fn reopened(sessions: &Sessions<Shop>, session: &Session<Shop>) -> Session<Shop> {
    sessions.open(session.token().expose()).await.expect("opened").expect("there")
}

#[test]
fn a_new_session_has_the_defaults() {
    let session = Sessions::<Shop>::new(MemoryStore::new()).start();
    assert_eq!(session.member, None);
    assert!(session.cart.is_empty());
    assert_eq!(session.language, "en");
    assert_eq!(session.code, None);
    assert_eq!(session.tries, Some(3));
    assert_eq!((session.level, session.theme, session.cache, session.scratch.get()), (1, 9, 5, 0));
}

#[tokio::test]
async fn what_was_saved_is_read_again() {
    let sessions = Sessions::<Shop>::new(MemoryStore::new());
    let mut session = sessions.start();
    session.cart.push("tea".to_owned());
    session.code = Some(1234);
    session.cache = 6;
    session.save().await.expect("saved");

    let mut session = reopened(&sessions, &session).await;
    assert_eq!(session.cart, ["tea"]);
    assert_eq!(session.code, Some(1234));
    assert_eq!(session.cache, 5, "a skipped field has its default");

    session.cache = 7;
    session.reload().await.expect("reloaded");
    assert_eq!(session.cache, 7, "a reload leaves a skipped field alone");
}

#[tokio::test]
async fn none_is_an_absent_key_unless_there_is_a_default() {
    let sessions = Sessions::<Shop>::new(MemoryStore::new());
    let mut session = sessions.start();
    session.tries = None;
    session.save().await.expect("saved");

    assert_eq!(session.raw().get("tries").map(String::as_str), Some("null"));
    assert_eq!(session.raw().get("code"), None);
    assert_eq!(reopened(&sessions, &session).await.tries, None);
}

#[tokio::test]
async fn the_operations_on_one_field_use_its_constant() {
    let sessions = Sessions::<Shop>::new(MemoryStore::new());
    let mut session = sessions.start();
    session.save().await.expect("saved");

    session.set(Shop::CODE, Some(1)).await.expect("set");
    assert_eq!(session.take(Shop::CODE).await.expect("taken"), Some(1));
    assert_eq!(session.take(Shop::CODE).await.expect("taken"), None);
    session.update(Shop::LANGUAGE, |language| language.push_str("-GB")).await.expect("updated");
    assert_eq!(session.get(Shop::LANGUAGE).await.expect("read"), "en-GB");
    assert!(session.remove(Shop::LANGUAGE).await.expect("removed"));
    assert_eq!(session.get(Shop::LANGUAGE).await.expect("read"), "en");
}

#[tokio::test]
async fn a_value_is_gone_after_its_ttl() {
    let clock = ManualClock::default();
    let sessions =
        Sessions::<Shop>::builder(MemoryStore::new()).clock(clock.clone()).build().expect("sound");
    let mut session = sessions.start();
    session.code = Some(1234);
    session.save().await.expect("saved");

    clock.advance(seconds(89));
    assert_eq!(reopened(&sessions, &session).await.code, Some(1234));
    clock.advance(minutes(1));
    assert_eq!(reopened(&sessions, &session).await.code, None);
}

#[tokio::test]
async fn logout_clears_the_user_and_what_is_until_logout() {
    let sessions = Sessions::<Shop>::new(MemoryStore::new());
    let mut session = sessions.start();
    session.level = 8;
    session.language = "de".to_owned();
    session.login(Member { id: 7 }).await.expect("logged in");
    assert_eq!(session.member, Some(Member { id: 7 }));
    assert_eq!(session.level, 8);

    session.logout().await.expect("logged out");
    assert_eq!(session.member, None);
    assert_eq!((session.level, session.language.as_str()), (1, "de"));
    let session = reopened(&sessions, &session).await;
    assert_eq!((session.level, session.language.as_str()), (1, "de"));
}

#[derive(Debug, SessionData)]
struct Empty {}

#[tokio::test]
async fn what_does_not_decode_is_an_error_unless_the_default_is_asked_for() {
    let store = MemoryStore::new();
    let sessions = Sessions::<Shop>::new(store.clone());
    let raw = Sessions::<Empty>::new(store);

    let mut written = raw.start();
    written.extend_raw([("theme", "\"dark\"")]).await.expect("written");
    let session = sessions.open(written.token().expose()).await.expect("opened").expect("there");
    assert_eq!(session.theme, 9);

    let mut written = raw.start();
    written.extend_raw([("cart", "3")]).await.expect("written");
    let error = sessions.open(written.token().expose()).await.expect_err("a cart is no number");
    assert_eq!(error.kind(), ErrorKind::Decode);
    assert!(error.to_string().contains("cart"), "{error}");
}

#[derive(Debug, SessionData)]
struct Page<T, const N: usize> {
    items: Vec<T>,
    first: Option<T>,
    #[session(skip, default = [0; N])]
    cache: [u8; N],
}

#[tokio::test]
async fn parameters_are_stored_like_other_types() {
    let sessions = Sessions::<Page<Member, 2>>::new(MemoryStore::new());
    let mut session = sessions.start();
    session.items.push(Member { id: 1 });
    session.save().await.expect("saved");
    session.set(Page::FIRST, Some(Member { id: 2 })).await.expect("set");

    let session = sessions.open(session.token().expose()).await.expect("opened").expect("there");
    assert_eq!(session.items, [Member { id: 1 }]);
    assert_eq!(session.first, Some(Member { id: 2 }));
    assert_eq!(session.cache, [0, 0]);
}

#[derive(Debug, SessionData)]
struct Guarded {
    secret: String,
}

impl Drop for Guarded {
    fn drop(&mut self) {
        self.secret.clear();
    }
}

#[tokio::test]
async fn a_struct_that_implements_drop_is_reloaded_like_others() {
    let sessions = Sessions::<Guarded>::new(MemoryStore::new());
    let mut session = sessions.start();
    session.save().await.expect("saved");
    let mut other = sessions.open(session.token().expose()).await.expect("opened").expect("there");
    other.set(Guarded::SECRET, "s".to_owned()).await.expect("set");

    session.reload().await.expect("reloaded");
    assert_eq!(session.secret, "s");
}

/// The names that the derived code would have if they were not hidden.
trait Named {
    fn read(&self) -> &'static str;
    fn user(&self) -> &'static str;
    fn set_user(&mut self, name: &str) -> usize;
}

impl Named for Shop {
    fn read(&self) -> &'static str {
        "read"
    }

    fn user(&self) -> &'static str {
        "user"
    }

    fn set_user(&mut self, name: &str) -> usize {
        name.len()
    }
}

#[test]
fn the_derive_takes_no_method_name_from_its_users() {
    let mut session = Sessions::<Shop>::new(MemoryStore::new()).start();
    assert_eq!((session.read(), session.user(), session.set_user("Ada")), ("read", "user", 3));
}
