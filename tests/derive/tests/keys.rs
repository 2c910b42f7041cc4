//! Which keys and constants a struct gets.

use typed_sessions::{MemoryStore, SessionData, Sessions};

#[derive(Debug, SessionData)]
struct Shop {
    cart: Vec<String>,
    #[session(key = "lang", default = "en".to_owned())]
    language: String,
    r#type: u8,
    self_: u8,
    #[session(skip)]
    cache: u8,
    last: Option<u8>,
}

#[test]
fn a_key_is_the_fields_name_unless_it_is_given() {
    assert_eq!(Shop::CART.key(), "cart");
    assert_eq!(Shop::LANGUAGE.key(), "lang");
    assert_eq!(Shop::TYPE.key(), "type");
    assert_eq!(Shop::SELF_.key(), "self_");
    assert_eq!(Shop::LAST.key(), "last");
}

#[tokio::test]
async fn every_field_is_stored_under_its_key_and_a_skipped_one_is_not() {
    let mut session = Sessions::<Shop>::new(MemoryStore::new()).start();
    session.cache = 3;
    session.last = Some(7);
    session.save().await.expect("saved");

    let raw = session.raw();
    let raw: Vec<_> = raw.iter().map(|(key, text)| (key.as_str(), text.as_str())).collect();
    assert_eq!(
        raw,
        [("cart", "[]"), ("lang", "\"en\""), ("last", "7"), ("self_", "0"), ("type", "0")]
    );
    assert_eq!(session.cache, 3);
}

#[derive(Debug, SessionData)]
#[session(namespace = "cart")]
struct Cart {
    items: Vec<String>,
    #[session(key = "paid", alias = "bought")]
    payed: bool,
}

#[tokio::test]
async fn a_namespace_stands_before_every_key_and_alias() {
    assert_eq!(Cart::ITEMS.key(), "cart.items");
    assert_eq!(Cart::PAYED.key(), "cart.paid");

    let store = MemoryStore::new();
    let mut empty = Sessions::<Empty>::new(store.clone()).start();
    empty.extend_raw([("cart.bought", "true"), ("items", "[\"tea\"]")]).await.expect("written");
    let cart = Sessions::<Cart>::new(store)
        .open(empty.token().expose())
        .await
        .expect("opened")
        .expect("there");
    assert!(cart.payed);
    assert!(cart.items.is_empty());
}

#[derive(Debug, SessionData)]
struct Empty {}

#[derive(Debug, SessionData)]
struct Renamed {
    #[session(key = "lang", alias = "language", alias = "locale", default = "en".to_owned())]
    tongue: String,
}

#[tokio::test]
async fn an_alias_is_read_where_the_key_is_absent_and_the_key_is_written() {
    let store = MemoryStore::new();
    let mut old = Sessions::<Empty>::new(store.clone()).start();
    old.extend_raw([("locale", "\"de\"")]).await.expect("written");

    let sessions = Sessions::<Renamed>::new(store);
    let token = old.token().expose();
    let mut session = sessions.open(&token).await.expect("opened").expect("there");
    assert_eq!(session.tongue, "de");

    session.tongue = "fr".to_owned();
    session.save().await.expect("saved");
    assert_eq!(session.raw().get("lang").map(String::as_str), Some("\"fr\""));
    let session = sessions.open(&token).await.expect("opened").expect("there");
    assert_eq!(session.tongue, "fr");
}

mod renamed {
    pub(crate) use typed_sessions as the_library;
}

#[derive(Debug, renamed::the_library::SessionData)]
#[session(crate = crate::renamed::the_library)]
struct Elsewhere {
    visits: u32,
}

#[test]
fn the_library_can_have_another_path() {
    assert_eq!(Elsewhere::VISITS.key(), "visits");
    let session = Sessions::<Elsewhere>::new(MemoryStore::new()).start();
    assert_eq!(session.visits, 0);
}

#[test]
fn a_struct_can_be_inside_a_function_and_without_fields() {
    #[derive(Debug, SessionData)]
    struct Inner {
        count: u8,
    }

    assert_eq!(Inner::COUNT.key(), "count");
    assert!(!Sessions::<Empty>::new(MemoryStore::new()).start().is_stored());
}
